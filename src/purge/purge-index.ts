import type { PurgeMessage, PurgeMode } from './message.ts';

/** What the index must know of a stored entry to tell whether it is still valid. */
export interface Stamped {
  /** The number of the latest purge known when the fetch of this entry began. */
  readonly stamp: number;
  /** The epoch of that number. */
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
 *
 * Numbers are those of `number.ts`: the sequence number of a stream, and a minor number of what this process records alone.
 */
export interface PurgeIndex {
  /** The number of the latest known purge; entries are stamped with it when their fetch begins. */
  readonly position: number;
  /** The sequence number of the latest message of the stream that was applied; 0 without a stream. */
  readonly seq: number;
  /** Names what the numbers of stamps belong to; of one index alone. */
  readonly epoch: string;
  /** False while purges may be missed (the bus is disconnected): freshness is then capped. */
  readonly synced: boolean;
  /** Changes whenever any answer of {@link validity} may change. */
  readonly generation: number;
  /** How many targets are remembered one by one. */
  readonly targets: number;
  /**
   * Follows a stream from here: the next message that is recorded comes after `seq`. What was fetched before is invalid if
   * this is another stream, or if messages were left out or taken back.
   *
   * @param epoch names the stream, and that neither it nor its messages were made anew since
   * @param reason is told if this is another one
   */
  startAt(epoch: string, seq: number, reason?: string): void;
  /** Records a purge that no stream tells of; returns its number. */
  record(message: Purged): number;
  /**
   * Records a message of the stream; returns its number, or `undefined` if it, or one after it, was recorded before: then
   * nothing has changed.
   */
  record(message: Purged, seq: number): number | undefined;
  validity(entry: Stamped): Validity;
  /** Everything stamped before now counts as purged in this mode: purges may have been missed. Returns the new floor. */
  raiseFloor(mode: PurgeMode, reason: string): number;
  /**
   * Forgets what messages before this one purged, some of it at once: what was fetched before them counts as purged, hard.
   * To be called again and again with the message that is old enough.
   */
  prune(seq: number): void;
  setSynced(synced: boolean): void;
}

/** What a purge is about. */
export type Purged = Pick<PurgeMessage, 'mode' | 'keys' | 'tags' | 'urls' | 'prefixes' | 'all'>;
