import type { Stored } from './entry.ts';

/** A value now or later. A store in this process answers at once, and a hit then costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** A bounded map of what the cache stores. It knows nothing of freshness or purges. */
export interface Store {
  get(key: string): MaybePromise<Stored | undefined>;
  set(key: string, stored: Stored): MaybePromise<void>;
  delete(key: string): MaybePromise<void>;
  /** Bytes held and the bound, for health and metrics. */
  readonly size: number;
  readonly maxSize: number;
  /** Bytes of the largest entry that it takes. */
  readonly maxEntrySize: number;
}

/** A store that is never asked for some of what it holds, and would keep that until it is pushed out. */
export interface SweptStore extends Store {
  /**
   * Looks at the next so many, what was used least recently first, and deletes those that are worthless.
   *
   * @returns whether a round is over: what was there when it began has been looked at, unless it was used meanwhile
   */
  sweep(count: number, isWorthless: (stored: Stored) => boolean): boolean;
}
