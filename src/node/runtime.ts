import { createBreaker } from '../cache/breaker.ts';
import { createCoalesce } from '../cache/coalesce.ts';
import { createLruStore } from '../cache/lru-store.ts';
import { asInlayError } from '../errors.ts';
import { createBatches } from '../fragment/batch.ts';
import type { Fragment, SubjectMapping } from '../fragment/match.ts';
import { isWorthless } from '../gateway/memo.ts';
import type { Gateway } from '../gateway/resolve-config.ts';
import { createLocalBus, type PurgeBus } from '../purge/bus.ts';
import { createPurgeIndex } from '../purge/sequence-index.ts';
import type { InlayEvent, Runtime } from '../runtime.ts';
import { nodeCodings } from './codings.ts';
import { connectNats } from './nats.ts';
import { startSweeper } from './sweeper.ts';
import { createUpstream } from './upstream.ts';

/** A runtime on Node, and what must be closed with it. */
export interface NodeRuntime {
  readonly runtime: Runtime;
  readonly bus: PurgeBus;
  /** Waits for background work, at most `ms`. */
  idle(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Monotonic since the start: a clock that is set must neither expire everything nor keep anything alive. */
const { timeOrigin } = performance;
const monotonic = (): number => timeOrigin + performance.now();

/** Makes the effects of a gateway on Node: undici pools, a store in this process, purges from NATS or from this process alone. */
export async function createNodeRuntime(
  gateway: Gateway,
  observer: ((event: InlayEvent) => void) | undefined,
  now: () => number = monotonic,
): Promise<NodeRuntime> {
  const observe = observer ?? (() => {});
  const upstream = createUpstream();
  const tasks = new Set<Promise<unknown>>();
  const purges = createPurgeIndex({ epoch: crypto.randomUUID(), observe });
  const store = createLruStore(gateway.cache.maxSize);
  const runtime: Runtime = {
    fetch: createBreaker({ now, observe }, [...gateway.services.values()])(upstream.fetch),
    now,
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    background: (task) => {
      tasks.add(task);
      task
        .catch((thrown) => observe({ type: 'internal', error: asInlayError(thrown) }))
        .finally(() => tasks.delete(task));
    },
    observe,
    recording: observer !== undefined,
    codings: nodeCodings,
    store,
    purges,
    maxUnsynced: gateway.purge.maxUnsynced,
    coalesce: createCoalesce(true, setImmediate),
    batches: createBatches(setImmediate),
  };
  const { nats, space, auth, secrets } = gateway.purge;
  const events = mergeEvents(gateway.fragments);
  const bus =
    nats.length === 0
      ? createLocalBus({ index: purges, observe })
      : await connectNats({ servers: nats, space, events, index: purges, observe, name: 'inlay', auth, secrets });
  const stopSweeping = startSweeper(store, purges, (stored) => isWorthless(stored, runtime));
  return {
    runtime,
    bus,
    idle: async (ms) => {
      const cancelled = Promise.withResolvers<void>();
      const timer = setTimeout(cancelled.resolve, ms);
      await Promise.race([Promise.allSettled([...tasks]), cancelled.promise]);
      clearTimeout(timer);
    },
    close: async () => {
      stopSweeping();
      await bus.close();
      await upstream.close();
    },
  };
}

/** Several definitions may map one subject: it is subscribed to once, and purges the tags of all. */
function mergeEvents(fragments: readonly Fragment[]): SubjectMapping[] {
  const bySubject = new Map<string, SubjectMapping[]>();
  for (const { events } of fragments)
    for (const event of events) bySubject.set(event.subject, [...(bySubject.get(event.subject) ?? []), event]);
  return [...bySubject].map(([subject, mappings]) => ({
    subject,
    tags: (text) => [...new Set(mappings.flatMap((mapping) => mapping.tags(text)))],
  }));
}
