import type { Hono } from 'hono';
import { createBreaker } from '../cache/breaker.ts';
import { createCoalesce } from '../cache/coalesce.ts';
import { Interest } from '../cache/interest.ts';
import { createLruStore } from '../cache/lru-store.ts';
import { createPlaces } from '../cache/places.ts';
import { asInlayError } from '../errors.ts';
import { createBatches } from '../fragment/batch.ts';
import { createAdmin } from '../gateway/admin.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { createMemos } from '../gateway/memo.ts';
import type { Setup } from '../gateway/page.ts';
import { resolveConfig } from '../gateway/resolve-config.ts';
import { createLocalBus } from '../purge/bus.ts';
import { createPurgeIndex } from '../purge/sequence-index.ts';
import type { InlayEvent, Runtime } from '../runtime.ts';
import { edgeCodings } from './codings.ts';
import { fetchUpstream } from './upstream.ts';

/** What `wrangler.toml` and the dashboard bind to the Worker: variables and secrets as text, other things as objects. */
export type Bindings = Readonly<Record<string, unknown>>;

/** What lives as long as the isolate: plain data. Nothing that waits for anything may be among it. */
export interface Isolate {
  /** Absent without a token: at the edge there is no port of its own to put it on. */
  readonly admin: Hono | undefined;
  /** What one request is answered with: promises, timers and fetches of a request may not be touched by another. */
  setupFor(context: Pick<ExecutionContext, 'waitUntil'>): Setup;
}

/** Bytes that the cache may take of the 128 MB that workerd gives an isolate. */
const MAX_CACHE = 64 * 1024 ** 2;

/** Fetches that workerd allows at once for one request; it lets others wait without telling, while their time runs. */
const MAX_FETCHES = 6;

/**
 * Completes a configuration from the Worker's bindings, and makes what its requests share.
 *
 * @throws ConfigError listing every problem with its path
 */
export function createIsolate(
  config: GatewayConfig,
  bindings: Bindings,
  observe: (event: InlayEvent) => void,
): Isolate {
  const gateway = resolveConfig(config, bindings);
  const { space, nats, maxUnsynced } = gateway.purge;
  const purges = createPurgeIndex({ epoch: crypto.randomUUID(), observe });
  const shared = {
    now: () => Date.now(),
    observe,
    recording: true,
    codings: edgeCodings,
    store: createLruStore(Math.min(gateway.cache.maxSize, MAX_CACHE)),
    purges,
    maxUnsynced,
  };
  const guard = createBreaker(shared, [...gateway.services.values()]);
  if (nats.length > 0) {
    // Purges are published there that never come here: freshness is capped, and readiness says why.
    purges.setSynced(false);
    observe({ type: 'bus', state: 'disconnected', detail: 'this version speaks no NATS at the edge' });
  }
  const token = bindings.INLAY_ADMIN_TOKEN;
  const admin =
    typeof token === 'string' && token !== ''
      ? createAdmin({
          runtime: shared,
          bus: createLocalBus({ index: purges, observe }),
          space,
          token,
          reach: 'this isolate only: every other one keeps what it has until it is stale',
          isDraining: () => false,
          peerOf: () => undefined,
        })
      : undefined;
  const instance = crypto.randomUUID().slice(0, 8);
  const memos = createMemos(gateway, shared);
  return {
    admin,
    setupFor: (context) => ({ gateway, instance, memos, runtime: createRuntime(shared, guard, context) }),
  };
}

function createRuntime(
  shared: Pick<Runtime, 'now' | 'observe' | 'recording' | 'codings' | 'store' | 'purges' | 'maxUnsynced'>,
  guard: ReturnType<typeof createBreaker>,
  context: Pick<ExecutionContext, 'waitUntil'>,
): Runtime {
  const places = createPlaces(MAX_FETCHES);
  const place = (signal: AbortSignal | undefined) =>
    places(signal === undefined ? new Interest() : Interest.of(signal));
  return {
    ...shared,
    fetch: guard(async (request) => fetchUpstream(request, await place(request.signal))),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    background: (task) =>
      context.waitUntil(
        task.catch((thrown: unknown) => shared.observe({ type: 'internal', error: asInlayError(thrown) })),
      ),
    coalesce: createCoalesce(false),
    batches: createBatches((callback) => setTimeout(callback, 0)),
  };
}
