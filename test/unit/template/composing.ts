import { createCoalesce } from '../../../src/cache/coalesce.ts';
import { Interest } from '../../../src/cache/interest.ts';
import { createLruStore } from '../../../src/cache/lru-store.ts';
import { type Composition, compose, DocumentState } from '../../../src/compose/compose.ts';
import { settle } from '../../../src/compose/piece.ts';
import { planPart } from '../../../src/compose/plan.ts';
import { InlayError } from '../../../src/errors.ts';
import { createBatches } from '../../../src/fragment/batch.ts';
import type { Service } from '../../../src/fragment/service.ts';
import { createVisitor } from '../../../src/fragment/visitor.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { Runtime } from '../../../src/runtime.ts';
import { join } from '../../../src/template/bytes.ts';
import { type Effect, MAX_STEPS } from '../../../src/template/environment.ts';
import type { Segment } from '../../../src/template/template.ts';
import { createRequestVariables, type RequestFacts } from '../../../src/template/variables.ts';
import { NOW } from './evaluation.ts';
import { latin1 } from './support.ts';

const SERVICE: Service = {
  name: 'web',
  origin: 'http://web.test',
  basePath: '',
  timeout: undefined,
  forward: [],
  ttl: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  setCookie: 'refuse' as const,
  breaker: true,
};

/** A kitchen: services that are texts, and a store that many pages share. Fragments are templates and may be kept. */
export function createKitchen(fragments: Readonly<Record<string, string>> = {}) {
  const requested: string[] = [];
  const runtime: Runtime = {
    fetch: async ({ path }) => {
      requested.push(path);
      const body = fragments[path.split('?', 1)[0]!];
      if (body === undefined) throw new InlayError('upstream-unreachable', 'nobody answers', { path });
      return {
        status: 200,
        fields: ['content-type', 'text/html', 'cache-control', 'max-age=60', 'surrogate-control', 'content="ESI/1.0"'],
        body: (async function* () {
          yield latin1(body);
        })(),
      };
    },
    now: () => NOW,
    after: () => () => {},
    background: () => {},
    observe: () => {},
    recording: false,
    codings: { decode: () => undefined, encodes: [], encode: async (_coding, bytes) => bytes },
    store: createLruStore(8_388_608),
    purges: createPurgeIndex({ epoch: 'test' }),
    maxUnsynced: 60_000,
    coalesce: createCoalesce(),
    batches: createBatches(setImmediate),
  };
  return {
    requested,
    serve: (segments: readonly Segment[], request?: Partial<RequestFacts>) => serve(segments, runtime, request),
  };
}

/** What a composed page came to. */
export interface Served {
  /** One character a byte; the message of the failure if the page failed. */
  readonly text: string;
  readonly failed: boolean;
  readonly notes: readonly string[];
  readonly stepsLeft: number;
  readonly effects: readonly Effect[];
}

async function serve(
  segments: readonly Segment[],
  runtime: Runtime,
  request: Partial<RequestFacts> = {},
): Promise<Served> {
  const part = planPart('/page', 0, 0);
  const fields = request.fields ?? [];
  const composition: Composition = {
    runtime,
    space: { services: new Map([['web', SERVICE]]), fragments: [], route: () => undefined },
    terms: {
      visitor: createVisitor(fields, []),
      pageService: SERVICE,
      site: 'http://page.test',
      isType: () => false,
      maxSize: 2_000_000,
      timeout: 5_000,
      interest: new Interest(),
      place: async () => () => {},
      trace: () => [],
    },
    plan: { page: part, includes: 0, ids: 0, overflow: {} },
    limits: { depth: 5, includes: 256, ids: 1_000 },
    onerror: 'fail',
    privileged: false,
    startedAt: NOW,
    deadline: NOW + 10_000,
    used: new Map(),
    variables: createRequestVariables({ method: 'GET', path: '/page', query: '', ...request, fields }),
    steps: { left: MAX_STEPS, exhausted: false },
    effects: [],
    reads: new Map(),
    fleeting: false,
    evaluated: false,
    hydrated: false,
    refusesHydration: false,
  };
  const document = { service: SERVICE, path: '/page', depth: 0, part, ancestors: ['page'], state: new DocumentState() };
  const settled = await settle(compose(segments, document, composition));
  const failed = 'failure' in settled;
  return {
    text: failed
      ? settled.failure.message
      : Buffer.from(join([...settled.chunks, new Uint8Array(0)])).toString('latin1'),
    failed,
    notes: part.notes,
    stepsLeft: composition.steps.left,
    effects: composition.effects,
  };
}
