import type { PurgeMessage, PurgeMode } from './message.ts';

/** What the index must know of a stored entry to tell whether it is still valid. */
export interface Stamped {
  /** The purge sequence known when the fetch of this entry began. */
  readonly stamp: number;
  /** The epoch of that sequence. */
  readonly epoch: string;
  readonly key: string;
  readonly tags: readonly string[];
  /** Origin and path with query, as sent upstream: `http://127.0.0.1:9001` + `/countries/FRA?x=1`. */
  readonly origin: string;
  readonly path: string;
}

/** Whether purges allow an entry to be served; `soft` means: only as stale. */
export type Validity =
  | { readonly state: 'valid' }
  | {
      readonly state: 'soft' | 'hard';
      readonly reason: 'key' | 'tag' | 'url' | 'prefix' | 'all' | 'floor' | 'epoch';
      readonly target: string;
      readonly seq: number;
    };

/**
 * The numbered sequence of purges, and the answer to one question: was this entry purged after its fetch began?
 * A purge only records a number per target, so a tag of a million entries costs what a tag of one does,
 * and a fetch that was in flight at the purge is caught by its stamp.
 */
export interface PurgeIndex {
  /** The sequence number of the latest known purge; entries are stamped with it when their fetch begins. */
  readonly position: number;
  readonly epoch: string;
  /** False while purges may be missed (the bus is disconnected): freshness is then capped. */
  readonly synced: boolean;
  /** Changes whenever any answer of {@link validity} may change. */
  readonly generation: number;
  /** Records a purge; returns its sequence number. Without `seq` the local counter numbers it. */
  record(message: Pick<PurgeMessage, 'mode' | 'keys' | 'tags' | 'urls' | 'prefixes' | 'all'>, seq?: number): number;
  validity(entry: Stamped): Validity;
  /** Everything stamped before now counts as purged in this mode: purges may have been missed. Returns the new floor. */
  raiseFloor(mode: PurgeMode, reason: string): number;
  setSynced(synced: boolean): void;
}
