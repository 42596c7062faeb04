import { InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Ask } from './ask.ts';
import type { FlightEnd } from './coalesce.ts';
import type { Entry } from './entry.ts';
import { fetchEntry } from './fetch.ts';
import { isError, type RequestDirectives, satisfies } from './freshness.ts';
import type { Interest } from './interest.ts';
import { type Kept, type Part, takePart } from './join.ts';
import { type Found, type Judged, lookup, namesOf, placeOf, standIn } from './lookup.ts';
import type { MaybePromise } from './store.ts';

/** How an answer came about; the words of plans, logs and Cache-Status. */
export type How = 'hit' | 'stale' | 'miss' | 'coalesced' | 'pass';

/** The cache's answer to an {@link Ask}. */
export type Answer = {
  readonly how: How;
  /** Why it was not simply a hit. */
  readonly reason: string;
  /** A copy that may stand in if the answer is a failure (RFC 5861 section 4, RFC 9111 section 4.2.4). */
  readonly stale: Entry | undefined;
} & (
  | {
      readonly kind: 'entry';
      readonly entry: Entry;
      readonly stored: boolean;
      /** What the service answered, if it was asked: 304 for an entry that it found unchanged. */
      readonly forwarded?: number | undefined;
    }
  | { readonly kind: 'failed'; readonly error: InlayError }
);

/** What to do with what the store has. */
export type Verdict =
  | { readonly act: 'serve'; readonly entry: Entry; readonly refresh: boolean; readonly reason: string }
  | {
      readonly act: 'fetch';
      /** What is there all the same: to ask the service about, and to fall back on. */
      readonly fallback: Judged | undefined;
      readonly reason: string;
      /** Names of the request fields that select the representation, as far as is known. */
      readonly names?: readonly string[] | undefined;
    };

/** A verdict that something must be fetched. */
export type Fetch = Extract<Verdict, { act: 'fetch' }>;

/** Judges what was found: serve it, serve it and refresh it, or fetch and perhaps fall back on it. Pure. */
export function verdict(found: Found, now: number, request?: RequestDirectives): Verdict {
  if (found.entry === undefined) return { act: 'fetch', fallback: undefined, reason: found.reason, names: found.names };
  const { entry, freshness, validity, options } = found;
  if (request === undefined && isPlainHit(found)) return { act: 'serve', entry, refresh: false, reason: 'fresh' };
  const names = namesOf(entry);
  const fetch = (reason: string, fallback: Judged | undefined = found): Verdict => ({
    act: 'fetch',
    fallback,
    reason,
    names,
  });
  if (validity.state === 'hard') return fetch(`purged by ${validity.reason} ${validity.target}`.trimEnd(), undefined);
  const soft = validity.state === 'soft';
  if (
    request !== undefined &&
    !satisfies(entry, now, request, options) &&
    !(freshness.state === 'stale' && freshness.whileRevalidate && !request.noCache)
  ) {
    return fetch(freshness.state === 'fresh' ? 'request' : 'stale');
  }
  if (freshness.state === 'fresh') return { act: 'serve', entry, refresh: false, reason: 'fresh' };
  // Below a floor nobody knows what was purged: such a copy may excuse a failure, but is not worth a quick answer.
  const known = !soft || validity.reason !== 'floor';
  if (request?.maxStale !== undefined && known && satisfies(entry, now, request, options))
    return { act: 'serve', entry, refresh: false, reason: 'max-stale' };
  if (freshness.whileRevalidate && known)
    return { act: 'serve', entry, refresh: true, reason: soft ? 'soft-purged' : 'stale' };
  return fetch(soft ? `purged softly by ${validity.reason} ${validity.target}`.trimEnd() : 'stale');
}

/** Fresh, and nothing purged it: what almost everything is that the store has. */
function isPlainHit({ freshness, validity }: Judged): boolean {
  return freshness.state === 'fresh' && validity.state === 'valid';
}

function hit(entry: Entry): Answer {
  return { kind: 'entry', entry, how: 'hit', reason: 'fresh', stored: true, stale: undefined };
}

/**
 * Answers an ask with a complete entry: from the store, from a fetch under way, or from the service.
 * The answer is there at once, not later, when the store of this process has it fresh. Never rejects.
 *
 * @param begin is told why something has to be fetched, and gives the interest that the fetch goes on for
 */
export function resolve(
  ask: Ask,
  runtime: Runtime,
  begin: (reason: string) => Interest = () => ask.interest,
): MaybePromise<Answer> {
  const found = lookup(ask, runtime);
  return found instanceof Promise
    ? found.then((late) => act(ask, runtime, late, begin))
    : act(ask, runtime, found, begin);
}

function act(ask: Ask, runtime: Runtime, found: Found, begin: (reason: string) => Interest): MaybePromise<Answer> {
  if (found.entry !== undefined && isPlainHit(found)) return hit(found.entry);
  const judged = verdict(found, runtime.now());
  return judged.act === 'serve'
    ? serve(ask, runtime, judged)
    : bring({ ...ask, interest: begin(judged.reason) }, runtime, judged);
}

/** The answer of a verdict that needs no fetch, or one that nobody waits for. */
export function serve(
  ask: Ask,
  runtime: Runtime,
  judged: Extract<Verdict, { act: 'serve' }>,
): Extract<Answer, { kind: 'entry' }> {
  if (judged.refresh) refresh(ask, runtime, judged.entry);
  return {
    kind: 'entry',
    entry: judged.entry,
    how: judged.reason === 'fresh' ? 'hit' : 'stale',
    reason: judged.reason,
    stored: true,
    stale: undefined,
  };
}

async function bring(ask: Ask, runtime: Runtime, judged: Fetch): Promise<Answer> {
  const part = await takePart(ask, runtime, judged.reason, judged.names ?? []);
  if (part.role === 'shared') return answer(part.end, judged, 'coalesced', runtime);
  const held = judged.fallback?.entry;
  if (part.role === 'alone') {
    const end = await fetchEntry(ask, runtime, { interest: ask.interest, held });
    return answer(kept(end, ask), judged, 'pass', runtime);
  }
  return answer(kept(await lead(ask, runtime, part, held), ask), judged, 'miss', runtime);
}

/** Only a page that is streamed may end unkept, and what is resolved here is not streamed. */
export function kept(end: FlightEnd, ask: Ask): Kept {
  return 'unkept' in end
    ? { error: new InlayError('internal', 'a buffered answer was not kept', { path: ask.path }) }
    : end;
}

/** Runs a flight that this ask started; it goes on without the asker while others wait for it. */
async function lead(
  ask: Ask,
  runtime: Runtime,
  { flight, leave }: Extract<Part, { role: 'lead' }>,
  held: Entry | undefined,
): Promise<FlightEnd> {
  try {
    const fetched = fetchEntry(ask, runtime, { interest: flight.interest, flight, held });
    runtime.background(fetched);
    return await fetched;
  } finally {
    leave();
  }
}

/** Refreshes an entry in the background, once however many ask. */
export function refresh(ask: Ask, runtime: Runtime, held: Entry): void {
  const place = placeOf(ask, namesOf(held));
  if (runtime.coalesce.get(place) !== undefined) return;
  const flight = runtime.coalesce.start(place);
  flight.join(); // nobody leaves it: it belongs to no request
  const own: Ask = {
    ...ask,
    interim: undefined,
    place: async () => () => {},
    totalTimeout: ask.totalTimeout ?? ask.headTimeout,
  };
  const task = async () => {
    const end = await fetchEntry(own, runtime, { interest: flight.interest, flight, held });
    if ('error' in end) runtime.observe({ type: 'background-failed', error: end.error, key: ask.key });
  };
  runtime.background(task());
}

/** The service was not reached, which excuses a stale answer more often than an error of its own does (RFC 9111 section 4.2.4). */
const DISCONNECTED: ReadonlySet<string> = new Set([
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-reset',
  'upstream-open',
  'upstream-truncated',
]);

/** Dresses the end of a fetch as an answer, with the copy that may stand in for it. */
export function answer(end: Kept, judged: Fetch, how: How, runtime: Runtime): Answer {
  const { reason } = judged;
  if ('entry' in end) {
    const stale = isError(end.entry.status) ? standIn(judged.fallback, false, runtime) : undefined;
    return { kind: 'entry', entry: end.entry, stored: end.stored, forwarded: end.forwarded, how, reason, stale };
  }
  return {
    kind: 'failed',
    error: end.error,
    how,
    reason,
    stale: standIn(judged.fallback, DISCONNECTED.has(end.error.code), runtime),
  };
}

/** The stale copy that may stand in for an answer that does not come in time. */
export async function lastResort(ask: Ask, runtime: Runtime): Promise<Entry | undefined> {
  const judged = verdict(await lookup(ask, runtime), runtime.now());
  return judged.act === 'serve' ? judged.entry : standIn(judged.fallback, true, runtime);
}
