import { matchesVary } from '../http/vary.ts';
import type { Runtime } from '../runtime.ts';
import type { Ask } from './ask.ts';
import type { Flight, FlightEnd } from './coalesce.ts';
import type { Entry } from './entry.ts';
import type { Interest } from './interest.ts';
import { namesOf, placeOf } from './lookup.ts';

/** What an ask has to do to get its answer: fetch for everybody, fetch for itself, or take what another fetched. */
export type Part =
  | {
      readonly role: 'lead';
      readonly flight: Flight;
      /** Gives up the leader's own interest. */
      readonly leave: () => void;
    }
  | { readonly role: 'alone' }
  | { readonly role: 'shared'; readonly end: Kept };

/** The end of a fetch whose answer was kept, or that failed. */
export type Kept = Exclude<FlightEnd, { unkept: true }>;

/** How many fetches of others an ask waits for, before it shares their failure or fetches for itself. */
const MAX_WAITS = 2;

/**
 * Finds the part of an ask among all who ask for the same representation now.
 *
 * @param reason why it must be fetched: a known unstorable key queues nobody
 * @param names of the request fields that, as far as is known, select the representation
 */
export async function takePart(ask: Ask, runtime: Runtime, reason: string, names: readonly string[]): Promise<Part> {
  if (reason === 'unstorable') return { role: 'alone' };
  let place = placeOf(ask, names);
  for (let waits = 1; ; waits++) {
    if (ask.interest.isOver) return { role: 'alone' }; // it will not be fetched: but nobody else's fetch is joined to be left
    const under = runtime.coalesce.get(place);
    const flight = under ?? runtime.coalesce.start(place);
    const leave = joinWhile(ask.interest, flight);
    if (under === undefined) return { role: 'lead', flight, leave };
    const end = await endOf(flight, ask, runtime);
    leave();
    if (end === undefined || 'unkept' in end) return { role: 'alone' };
    if ('entry' in end && !end.shareable) return { role: 'alone' };
    if ('entry' in end && mayShare(end.entry, ask, runtime)) return { role: 'shared', end };
    if (waits >= MAX_WAITS)
      return 'entry' in end || end.error.code === 'client-closed' ? { role: 'alone' } : { role: 'shared', end };
    // It was another representation: those who ask for this one wait for each other.
    if ('entry' in end) place = placeOf(ask, namesOf(end.entry));
  }
}

/** Keeps a flight going until the interest ends or the returned function is called. */
function joinWhile(interest: Interest, flight: Flight): () => void {
  const leave = flight.join();
  const forget = interest.onEnd(leave);
  return () => {
    forget();
    leave();
  };
}

/**
 * How a fetch ends that others may share; `undefined` if they may not, or not as soon as an answer must be there. Who has a
 * limit for the whole answer is told by whoever asked that it is over.
 */
function endOf(flight: Flight, ask: Ask, runtime: Runtime): Promise<FlightEnd | undefined> {
  if (ask.totalTimeout !== undefined) return flight.outcome;
  return new Promise((resolve) => {
    const cancel = runtime.after(ask.headTimeout, () => resolve(undefined));
    void flight.outcome.then((end) => {
      cancel();
      resolve(end);
    });
  });
}

/** Whoever waited for another's fetch checks again: it may have been for another variant, or begun before a purge. */
function mayShare(entry: Entry, ask: Ask, runtime: Runtime): boolean {
  return matchesVary(entry.vary, ask.fields) && runtime.purges.validity(entry).state !== 'hard';
}
