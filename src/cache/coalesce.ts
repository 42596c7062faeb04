import type { InlayError } from '../errors.ts';
import type { Entry } from './entry.ts';
import { Interest } from './interest.ts';

/** How a fetch ended. `unkept`: its answer was handed on while it arrived, and not kept for anybody else. */
export type FlightEnd =
  | {
      readonly entry: Entry;
      readonly stored: boolean;
      /** The status that the service answered with: 304 if what was held is unchanged. */
      readonly forwarded: number;
      /** Whether those who waited may have it: a second try may have brought what the first did not promise. */
      readonly shareable: boolean;
    }
  | { readonly error: InlayError }
  | { readonly unkept: true };

/** One fetch under way, and who is interested in it. */
export interface Flight {
  /** How it ends for those who wait: `undefined`, as soon as its head tells, if they may not share it. Never rejects. */
  readonly outcome: Promise<FlightEnd | undefined>;
  /** Ends when the last of those who were interested left. */
  readonly interest: Interest;
  /** Takes an interest; the returned function gives it up, once. */
  join(): () => void;
  decide(shared: boolean): void;
  finish(end: FlightEnd): void;
}

/** The fetches under way, by key: per process on Node, per request at the edge, where a promise may not cross requests. */
export interface Coalesce {
  get(key: string): Flight | undefined;
  /** Registers a new fetch under the key; it is forgotten when it finishes or turns out unshareable. */
  start(key: string): Flight;
  /** Notes that a fetch of the key is under way, shared or not; the returned function notes its end. */
  enter(key: string): () => void;
  /** Whether more fetches of the key than one's `own` are, or as far as this can be known may be, under way. */
  isFetching(key: string, own?: number): boolean;
}

/**
 * Makes a {@link Coalesce}.
 *
 * @param alone whether others exist that this one does not see (at the edge, those of other requests)
 * @param later calls back when what is ready now has been done: many may wait for one end, and what its leader has to do
 *   next, and other ends that have come, go first
 */
export function createCoalesce(alone = true, later: (callback: () => void) => void = (now) => now()): Coalesce {
  const flights = new Map<string, { flight: Flight | undefined }>();
  const fetching = new Map<string, number>();
  return {
    get: (key) => flights.get(key)?.flight,
    start: (key) => {
      // A map that grew or shrank leaves a copy behind as garbage, which keeps all that it names alive until the whole
      // heap is collected: what it names is emptied, so that this is next to nothing.
      const place: { flight: Flight | undefined } = { flight: undefined };
      const flight = createFlight(() => {
        place.flight = undefined;
        if (flights.get(key) === place) flights.delete(key);
      }, later);
      place.flight = flight;
      flights.set(key, place);
      return flight;
    },
    enter: (key) => {
      fetching.set(key, (fetching.get(key) ?? 0) + 1);
      return () => {
        const left = (fetching.get(key) ?? 1) - 1;
        if (left === 0) fetching.delete(key);
        else fetching.set(key, left);
      };
    },
    isFetching: (key, own = 0) => !alone || (fetching.get(key) ?? 0) > own,
  };
}

function createFlight(forget: () => void, later: (callback: () => void) => void): Flight {
  const { promise: outcome, resolve } = Promise.withResolvers<FlightEnd | undefined>();
  let undecided = true;
  const interest = new Interest();
  let interested = 0;
  let over = false;
  return {
    outcome,
    interest,
    join: () => {
      interested++;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        if (--interested > 0) return;
        forget(); // nobody may join a fetch that is being given up
        if (!over) interest.end(); // an error with its stack, for nobody, is what an abort costs
      };
    },
    decide: (mayShare) => {
      if (!undecided) return;
      undecided = false;
      if (mayShare) return;
      forget();
      resolve(undefined);
    },
    finish: (ended) => {
      over = !('unkept' in ended); // what is not kept may still be on its way to the one who takes it
      forget();
      undecided = false;
      // A failure is for all to see: not each of them should try again.
      later(() => resolve('unkept' in ended ? undefined : ended));
    },
  };
}
