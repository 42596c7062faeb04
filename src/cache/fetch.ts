import { asInlayError, InlayError } from '../errors.ts';
import { withoutFields } from '../http/fields.ts';
import { varyNames } from '../http/vary.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import { type Arrival, fetchHead, type Unchanged } from './arrival.ts';
import type { Ask } from './ask.ts';
import type { Flight, FlightEnd } from './coalesce.ts';
import type { Entry } from './entry.ts';
import { createEntry } from './fill.ts';
import { isError } from './freshness.ts';
import type { Interest } from './interest.ts';
import { drop, lookup, markUnstorable, put, standIn } from './lookup.ts';

/** Takes an answer while it arrives, for a page that is streamed. */
export interface Sink {
  head(arrival: Arrival): void;
  /** `wait`: nobody else needs the body, so it need not be read faster than it is taken. */
  push(segments: readonly Segment[], wait: boolean): void | Promise<void>;
  /** The body is complete. */
  end(): void;
}

/** How often a fragment is fetched anew because a purge overtook its fetch. */
const MAX_TRIES = 3;

/** For whom an answer is fetched. */
export interface Purpose {
  /** Ends when nobody needs it any more. */
  readonly interest: Interest;
  /** Is told whether and when others may share the answer. */
  readonly flight?: Flight | undefined;
  readonly sink?: Sink | undefined;
  /** What the store has already: the service is asked whether it is still good. */
  readonly held?: Entry | undefined;
}

/** Fetches, compiles and stores one answer. Never rejects. */
export async function fetchEntry(ask: Ask, runtime: Runtime, purpose: Purpose): Promise<FlightEnd> {
  let end: FlightEnd;
  const leave = runtime.coalesce.enter(ask.key);
  try {
    end = await fetchInPlace(asked(ask, purpose.held), runtime, purpose);
  } catch (thrown) {
    end = { error: purpose.interest.isOver ? givenUp(ask, thrown) : asInlayError(thrown) };
  } finally {
    leave();
  }
  purpose.flight?.finish(end);
  return end;
}

const RANGE: ReadonlySet<string> = new Set(['range']);

/** Where something whole is held, something whole is asked for: the range is cut out of it. */
function asked(ask: Ask, held: Entry | undefined): Ask {
  return held === undefined || held.status === 206 ? ask : { ...ask, fields: withoutFields(ask.fields, RANGE) };
}

async function fetchInPlace(ask: Ask, runtime: Runtime, purpose: Purpose): Promise<FlightEnd> {
  const { interest, flight, sink } = purpose;
  let { held } = purpose;
  const leavePlace = await ask.place(interest);
  try {
    for (let tries = 1; ; tries++) {
      // What was purged hard is not asked about: validators may be too coarse to tell that it changed.
      if (held !== undefined && isOvertaken(held, runtime)) held = undefined;
      const arrival = await fetchHead(ask, runtime, interest, held);
      const shareable = isShareable(arrival, ask);
      const last = tries >= MAX_TRIES;
      if ('unchanged' in arrival) {
        const { unchanged } = arrival;
        held = undefined;
        if (isOvertaken(unchanged, runtime) && !last) continue;
        flight?.decide(shareable);
        const stored = await keep(ask, runtime, unchanged, arrival);
        if (!stored && purpose.held !== undefined) await drop(ask, runtime, purpose.held);
        return { entry: unchanged, stored, forwarded: 304, shareable };
      }
      await ask.arrived?.(arrival);
      flight?.decide(shareable);
      sink?.head(arrival);
      const collected = await collect(ask, arrival, sink, () => flight?.finish({ unkept: true }));
      if (collected === undefined) {
        if (isUnstorableForAll(arrival)) await markUnstorable(ask, runtime);
        return { unkept: true };
      }
      const entry = createEntry(ask, arrival, collected);
      if (isOvertaken(entry, runtime) && sink === undefined && !last) continue;
      return { entry, stored: await keep(ask, runtime, entry, arrival), forwarded: entry.status, shareable };
    }
  } finally {
    leavePlace();
  }
}

/** A purge came since it was fetched: it must not answer anybody who asks from now on. */
function isOvertaken(entry: Entry, { purges }: Runtime): boolean {
  return purges.validity(entry).state === 'hard';
}

/** Puts an entry into the store, if it may be there and is worth it. */
async function keep(ask: Ask, runtime: Runtime, entry: Entry, judged: Pick<Arrival, 'storability'>): Promise<boolean> {
  const fits = !isOvertaken(entry, runtime) && ask.bypass !== true && entry.size <= runtime.store.maxEntrySize;
  const whole = entry.lifetimeFrom !== 'partial';
  const stored = judged.storability.store && whole && fits && (await isWorthKeeping(ask, runtime, entry));
  if (stored) await put(ask, runtime, entry);
  else if (isUnstorableForAll(judged) && ask.policy.public !== true) await markUnstorable(ask, runtime);
  return stored;
}

/** Compiles the body; `undefined` if it went to its page alone. Throws if it is too large for a fragment or a template. */
async function collect(
  ask: Ask,
  { body, compiler, storability }: Arrival,
  sink: Sink | undefined,
  unkeep: () => void,
): Promise<Segment[] | undefined> {
  const collected: Segment[] = [];
  let keep = sink === undefined || storability.store;
  let bytes = 0;
  const take = async (segments: readonly Segment[]) => {
    if (keep) for (const segment of segments) collected.push(segment);
    if (sink !== undefined && segments.length > 0) await sink.push(segments, !keep);
  };
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > ask.maxSize) {
      // A compiler holds back what is not complete: a template must end, whoever takes it. Other bodies just pass.
      if (sink === undefined || compiler.syntax !== 'none') throw tooLarge(ask);
      if (keep) unkeep(); // from now on it goes at its taker's pace, which is nobody else's business
      keep = false;
      collected.length = 0;
    }
    await take(compiler.push(chunk));
  }
  await take(compiler.end());
  sink?.end();
  return keep ? collected : undefined;
}

/** An error that may be kept does not replace a good answer that may still stand in for it (RFC 5861 section 4). */
async function isWorthKeeping(ask: Ask, runtime: Runtime, entry: Entry): Promise<boolean> {
  if (!isError(entry.status)) return true;
  const found = await lookup(ask, runtime);
  return found.entry === undefined || isError(found.entry.status) || standIn(found, false, runtime) === undefined;
}

/** Reasons of the one request: the next may bring an answer that can be kept. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set([
  'method',
  'range',
  'request-no-store',
  'authorization',
  'credentials',
]);

function isUnstorableForAll({ storability }: Pick<Arrival, 'storability'>): boolean {
  return !storability.store && !OF_THE_REQUEST.has(storability.reason);
}

function givenUp(ask: Ask, thrown: unknown): InlayError {
  if (thrown instanceof InlayError) return thrown;
  return new InlayError('client-closed', 'nobody waits for the answer any more', { path: ask.path, cause: thrown });
}

/**
 * Whether those who wait may have this answer too: it is fresh for anybody, or it was made for nobody in particular.
 * What is stale on arrival is stored to be asked about again, and may be as personal as what is not stored.
 */
function isShareable(arrival: Arrival | Unchanged, ask: Ask): boolean {
  const { storability } = arrival;
  const { fields } = 'unchanged' in arrival ? arrival.unchanged : arrival;
  if (ask.policy.public === true) return varyNames(fields) !== '*';
  return storability.store && storability.lifetime > storability.initialAge;
}

function tooLarge(ask: Ask): InlayError {
  return new InlayError('upstream-too-large', `the body is larger than ${ask.maxSize} bytes`, { path: ask.path });
}
