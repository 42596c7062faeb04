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
