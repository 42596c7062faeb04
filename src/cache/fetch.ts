import { asInlayError, InlayError } from '../errors.ts';
import { varyNames } from '../http/vary.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import type { Ask } from './ask.ts';
import type { Flight, FlightEnd } from './coalesce.ts';
import type { Entry } from './entry.ts';
import { type Arrival, createEntry, fetchHead } from './fill.ts';
import { lookup, markUnstorable, put, standIn } from './lookup.ts';

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

/** Fetches, compiles and stores one answer. Never rejects; tells the flight, if there is one, whether and when others may share it. */
export async function fetchEntry(
  ask: Ask,
  runtime: Runtime,
  signal: AbortSignal,
  flight?: Flight,
  sink?: Sink,
): Promise<FlightEnd> {
  let end: FlightEnd;
  const leave = runtime.coalesce.enter(ask.key);
  try {
    end = await fetchInPlace(ask, runtime, signal, flight, sink);
  } catch (thrown) {
    end = { error: signal.aborted ? givenUp(ask, thrown) : asInlayError(thrown) };
  } finally {
    leave();
  }
  flight?.finish(end);
  return end;
}

async function fetchInPlace(
  ask: Ask,
  runtime: Runtime,
  signal: AbortSignal,
  flight: Flight | undefined,
  sink: Sink | undefined,
): Promise<FlightEnd> {
  const leavePlace = await ask.place(signal);
  try {
    for (let tries = 1; ; tries++) {
      const arrival = await fetchHead(ask, runtime, signal);
      flight?.decide(isShareable(arrival, ask));
      sink?.head(arrival);
      const collected = await collect(ask, arrival, sink, () => flight?.finish({ unkept: true }));
      if (collected === undefined) {
        if (isUnstorableForAll(arrival)) await markUnstorable(ask, runtime);
        return { unkept: true };
      }
      const entry = createEntry(ask, arrival, collected);
      // A purge overtook this fetch: what it brought must not answer anybody who asks from now on.
      const overtaken = runtime.purges.validity(entry).state === 'hard';
      if (overtaken && sink === undefined && tries < MAX_TRIES) continue;
      const fits = !overtaken && ask.bypass !== true && entry.size <= runtime.store.maxEntrySize;
      const stored = arrival.storability.store && fits && (await isWorthKeeping(ask, runtime, entry));
      if (stored) await put(ask, runtime, entry);
      else if (isUnstorableForAll(arrival) && ask.policy.public !== true) await markUnstorable(ask, runtime);
      return { entry, stored, shareable: isShareable(arrival, ask) };
    }
  } finally {
    leavePlace();
  }
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
  if (entry.status < 500) return true;
  const found = await lookup(ask, runtime);
  return found.entry === undefined || found.entry.status >= 500 || standIn(found, false, runtime) === undefined;
}

/** Reasons of the one request: the next may bring an answer that can be kept. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set([
  'method',
  'range',
  'request-no-store',
  'authorization',
  'credentials',
]);

function isUnstorableForAll({ storability }: Arrival): boolean {
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
function isShareable({ storability, fields }: Arrival, ask: Ask): boolean {
  if (ask.policy.public === true) return varyNames(fields) !== '*';
  return storability.store && storability.lifetime > storability.initialAge;
}

function tooLarge(ask: Ask): InlayError {
  return new InlayError('upstream-too-large', `the body is larger than ${ask.maxSize} bytes`, { path: ask.path });
}
