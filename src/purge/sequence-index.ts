import type { Runtime } from '../runtime.ts';
import { type Mark, Marks, VALID, worse } from './marks.ts';
import type { PurgeMode } from './message.ts';
import { latestOf, MINORS, numberOf } from './number.ts';
import type { Purged, PurgeIndex, Stamped, Validity } from './purge-index.ts';

/** What a new index needs: the epoch of its sequence, and how many targets it remembers. */
export interface PurgeIndexOptions {
  /** Names this index and no other, of no other process: entries of another epoch are invalid. */
  readonly epoch: string;
  /** Targets remembered one by one; beyond them everything older counts as purged. Default 100,000. */
  readonly maxTargets?: number;
  /** Is told of every raised floor. */
  readonly observe?: Runtime['observe'];
}

/** Marks that one call of {@link PurgeIndex.prune} looks at: about half a millisecond's work. */
const PRUNED_AT_ONCE = 2_000;

/** Creates an index that has seen no purge, follows no stream, and is in sync. */
export function createPurgeIndex(options: PurgeIndexOptions): PurgeIndex {
  return new SequenceIndex(options);
}

class SequenceIndex implements PurgeIndex {
  epoch: string;
  readonly #own: string;
  readonly #observe: Runtime['observe'] | undefined;
  readonly #marks: Marks;
  readonly #all: Mark = { soft: 0, hard: 0 };
  readonly #floor: Mark = { soft: 0, hard: 0 };
  readonly #floorReason = { soft: '', hard: '' };
  #stream: string | undefined;
  #seq = 0;
  #position = 0;
  /** The last number before that of the next message; without a stream there is none that a minor number could reach. */
  #limit = Number.POSITIVE_INFINITY;
  #epochs = 0;
  #generation = 0;
  #synced = true;

  constructor({ epoch, maxTargets = 100_000, observe }: PurgeIndexOptions) {
    this.epoch = this.#own = epoch;
    this.#marks = new Marks(maxTargets);
    this.#observe = observe;
  }

  get position(): number {
    return this.#position;
  }

  get seq(): number {
    return this.#seq;
  }

  get synced(): boolean {
    return this.#synced;
  }

  get generation(): number {
    return this.#generation;
  }

  get targets(): number {
    return this.#marks.size;
  }

  startAt(epoch: string, seq: number, reason = 'another stream of purges'): void {
    const isNew = this.#stream === undefined;
    if (epoch === this.#stream && seq === this.#seq) return;
    if (epoch === this.#stream && seq > this.#seq) {
      this.#advance(seq);
      this.#raise('hard', this.#position, 'messages of the stream were left out');
    } else {
      this.#begin(epoch, seq);
      if (!isNew) this.#tell('hard', reason);
    }
  }

  record(message: Purged): number;
  record(message: Purged, seq: number): number | undefined;
  record(message: Purged, seq?: number): number | undefined {
    if (seq === undefined) this.#step();
    else if (seq <= this.#seq) return undefined;
    else this.#advance(seq);
    const now = this.#position;
    const { mode } = message;
    this.#generation += 1;
    if (message.all) {
      this.#all[mode] = now;
      if (mode === 'hard') this.#marks.forget();
    }
    this.#marks.mark(message, now);
    const { excess } = this.#marks;
    if (excess !== undefined) this.#collapse(excess);
    return now;
  }

  validity(entry: Stamped): Validity {
    if (entry.epoch !== this.epoch) {
      return { state: 'hard', reason: 'epoch', target: entry.epoch, seq: this.#position };
    }
    return entry.stamp >= this.#position ? VALID : this.#judge(entry);
  }

  raiseFloor(mode: PurgeMode, reason: string): number {
    this.#step();
    this.#raise(mode, this.#position, reason);
    return this.#position;
  }

  prune(seq: number): void {
    // Of a stream that is empty the first message is the one after the last: what was fetched since the last is not old.
    const number = numberOf(Math.min(seq, this.#seq));
    if (number > this.#floor.hard) this.#setFloor('hard', number, 'older than the purges that are remembered');
    this.#marks.forgetUpTo(number);
    this.#marks.sweep(PRUNED_AT_ONCE);
  }

  setSynced(synced: boolean): void {
    if (this.#synced === synced) return;
    this.#synced = synced;
    this.#generation += 1;
  }

  #judge(entry: Stamped): Validity {
    const { stamp } = entry;
    const { soft, hard } = this.#floorReason;
    const verdict = worse(VALID, this.#floor, stamp, 'floor', stamp < this.#floor.hard ? hard : soft);
    return this.#marks.judge(entry, worse(verdict, this.#all, stamp, 'all', ''));
  }

  /** Moves to the next minor number; if that would be the number of a message that is yet to come, to another epoch. */
  #step(): void {
    if (this.#position >= this.#limit) {
      this.#begin(this.#stream ?? '', this.#seq);
      this.#tell('hard', `more than ${MINORS - 1} purges of this process alone since the last of the stream`);
    }
    this.#position += 1;
  }

  /** Moves to the number of a message of the stream. */
  #advance(seq: number): void {
    const number = numberOf(seq);
    this.#limit = number + MINORS - 1;
    this.#seq = seq;
    // It is the later one, unless purges without a stream came before, which may have had any number.
    this.#position = Math.max(number, this.#position + 1);
  }

  /**
   * Begins another epoch: whatever was fetched before it is invalid, so nothing is left to remember of it. An epoch is of
   * one index alone. What this process recorded by itself no stream tells to the next one, which may find its entries.
   */
  #begin(stream: string, seq: number): void {
    const number = numberOf(seq);
    this.#epochs += 1;
    this.epoch = `${this.#own} ${this.#epochs} ${stream}`;
    this.#stream = stream;
    this.#seq = seq;
    this.#position = number;
    this.#limit = number + MINORS - 1;
    for (const mark of [this.#all, this.#floor]) mark.soft = mark.hard = 0;
    this.#marks.forget();
    this.#generation += 1;
  }

  /** Replaces all single marks by floors: what they purged stays purged, and much else with it. */
  #collapse(reason: string): void {
    const { soft, hard } = this.#marks.latest;
    if (soft > this.#floor.soft) this.#raise('soft', soft, reason);
    if (hard > this.#floor.hard) this.#raise('hard', hard, reason);
    this.#marks.forget();
  }

  #raise(mode: PurgeMode, number: number, reason: string): void {
    this.#setFloor(mode, number, reason);
    if (mode === 'hard' && number === this.#position) this.#marks.forget();
    this.#tell(mode, reason, number);
  }

  #setFloor(mode: PurgeMode, number: number, reason: string): void {
    this.#floor[mode] = number;
    this.#floorReason[mode] = reason;
    this.#generation += 1;
  }

  #tell(mode: PurgeMode, reason: string, number = this.#position): void {
    const seq = latestOf({ seq: this.#seq, position: number });
    this.#observe?.({ type: 'purge-floor', seq, mode, reason });
  }
}
