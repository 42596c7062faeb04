import { createCoalesce } from '../../src/cache/coalesce.ts';
import { createLruStore } from '../../src/cache/lru-store.ts';
import { createBatches } from '../../src/fragment/batch.ts';
import { answerRequest, createSetup } from '../../src/gateway/app.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { type Fields, fieldValue } from '../../src/http/fields.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import type { Runtime } from '../../src/runtime.ts';
import { DEFINITIONS } from './json-world.ts';

/** A gateway without sockets: everything is real but the services, and time, which stands. */

/** Bounds of one page: as they are by default, or so low that random pages pass them. */
export const LIMITS = { usual: { ids: 1_000, includes: 256 }, low: { ids: 6, includes: 3 } } as const;

const gateways = Object.fromEntries(
  Object.entries(LIMITS).map(([name, limits]) => [
    name,
    resolveConfig({
      services: { web: 'http://web.test', data: 'http://data.test' },
      facades: { all: { routes: { '/*': 'web' } } },
      fragments: DEFINITIONS,
      limits: { ...limits, depth: 32 },
    }),
  ]),
);

export interface Answered {
  readonly status: number;
  /** One character a byte; absent if it broke off. */
  readonly text: string | undefined;
  readonly field: (name: string) => string | undefined;
}

/** A gateway in front of some services, its store empty; `ask` is what one client asks. */
export function createJsonGateway(fetch: Runtime['fetch'], limits: keyof typeof LIMITS) {
  const internal: string[] = [];
  const runtime: Runtime = {
    fetch,
    now: () => 1_800_000_000_000,
    after: (ms, callback) => {
      if (ms > 50) return () => {}; // nothing takes that long here
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    },
    background: (task) => void task.catch(() => undefined),
    observe: (event) => {
      if (event.type === 'internal') internal.push(String(event.error.stack));
    },
    recording: false,
    codings: { decode: () => undefined, encodes: [], encode: async (_coding, bytes) => bytes },
    store: createLruStore(8_388_608),
    purges: createPurgeIndex({ epoch: 'test' }),
    maxUnsynced: 60_000,
    coalesce: createCoalesce(true, setImmediate),
    batches: createBatches(setImmediate),
  };
  const setup = createSetup(gateways[limits]!, runtime);
  const ask = async (fields: Fields = []): Promise<Answered> => {
    const {
      status,
      body,
      done,
      fields: answered,
    } = await answerRequest(
      {
        method: 'GET',
        target: '/page',
        host: 'page.test',
        scheme: 'http',
        fields,
        peer: undefined,
        body: undefined,
        signal,
      },
      setup,
    );
    const chunks: Uint8Array[] = [];
    let broken = false;
    try {
      if (body.kind === 'whole') chunks.push(...body.chunks);
      if (body.kind === 'stream') for await (const batch of body.batches) chunks.push(...batch);
    } catch {
      broken = true; // a failure that the head could no longer tell
    }
    done(0);
    const text = broken ? undefined : Buffer.concat(chunks).toString('latin1');
    return { status, text, field: (name) => fieldValue(answered, name) };
  };
  return { ask, internal, purgeSoftly: () => void runtime.purges.raiseFloor('soft', 'later') };
}

const { signal } = new AbortController();
