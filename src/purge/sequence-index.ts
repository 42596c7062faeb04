import type { Runtime } from '../runtime.ts';
import type { PurgeMessage, PurgeMode } from './message.ts';
import type { PurgeIndex, Stamped, Validity } from './purge-index.ts';

/** What a new index needs: the epoch of its sequence, and how many targets it remembers. */
export interface PurgeIndexOptions {
  /** Names this run of the sequence; entries of another epoch are invalid. */
  readonly epoch: string;
  /** Targets remembered one by one; beyond them everything older counts as purged. Default 100,000. */
  readonly maxTargets?: number;
  /** Is told of every raised floor. */
  readonly observe?: Runtime['observe'];
}

/** The latest sequence number at which something was purged in each mode; 0 is never. */
interface Mark {
  soft: number;
  hard: number;
}

/** A path purged at every service, and at single ones. */
interface PathMark extends Mark {
  readonly origins: Map<string, Mark>;
}

type Targets = Pick<PurgeMessage, 'mode' | 'keys' | 'tags' | 'urls' | 'prefixes' | 'all'>;
type Reason = Exclude<Validity, { state: 'valid' }>['reason'];

const VALID: Validity = Object.freeze({ state: 'valid' });
/** Every distinct length of a prefix costs each look-up one probe. */
const MAX_PREFIX_LENGTHS = 64;
/** Targets may be 2,048 characters long; this bounds the memory of an index full of such ones. */
const MEAN_TARGET_LENGTH = 256;

/** Creates an index that has seen no purge and is in sync. */
export function createPurgeIndex(options: PurgeIndexOptions): PurgeIndex {
  return new SequenceIndex(options);
}

class SequenceIndex implements PurgeIndex {
  readonly epoch: string;
  readonly #maxTargets: number;
  readonly #observe: Runtime['observe'] | undefined;
  // Maps, not objects: `__proto__` is a tag like any other.
  readonly #keys = new Map<string, Mark>();
  readonly #tags = new Map<string, Mark>();
  readonly #urls = new Map<string, PathMark>();
  readonly #prefixes = new Map<string, PathMark>();
  /** Distinct lengths of the path parts of `#prefixes`. */
  readonly #lengths = new Set<number>();
  readonly #all: Mark = { soft: 0, hard: 0 };
  readonly #floor: Mark = { soft: 0, hard: 0 };
  readonly #floorReason = { soft: '', hard: '' };
  /** The latest number in the maps: all that must be known of them to replace them by a floor. */
  readonly #latest: Mark = { soft: 0, hard: 0 };
  #position = 0;
  #generation = 0;
  #synced = true;
  #held = 0;
  #characters = 0;

  constructor({ epoch, maxTargets = 100_000, observe }: PurgeIndexOptions) {
    this.epoch = epoch;
    this.#maxTargets = maxTargets;
    this.#observe = observe;
  }

  get position(): number {
    return this.#position;
  }

  get synced(): boolean {
    return this.#synced;
  }

  get generation(): number {
    return this.#generation;
  }

  record(message: Targets, seq?: number): number {
    const { mode } = message;
    // A number that is not beyond what entries were already stamped with would purge none of them:
    // a purge that arrives late or twice may purge too much, never too little.
    const now = Math.max(seq ?? 0, this.#position + 1);
    this.#position = now;
    this.#generation += 1;
    if (message.all) {
      this.#all[mode] = now;
      if (mode === 'hard') this.#forget();
    }
    for (const key of message.keys) this.#mark(this.#keys, key, mode, now);
    for (const tag of message.tags) this.#mark(this.#tags, tag, mode, now);
    for (const url of message.urls) this.#markPath(this.#urls, url, '/', mode, now);
    for (const prefix of message.prefixes) {
      this.#lengths.add(this.#markPath(this.#prefixes, prefix, '', mode, now));
    }
    if (this.#held > this.#maxTargets || this.#characters > this.#maxTargets * MEAN_TARGET_LENGTH) {
      this.#collapse('more purge targets than the index remembers');
    } else if (this.#lengths.size > MAX_PREFIX_LENGTHS) {
      this.#collapse('purge prefixes of too many different lengths');
    }
    return now;
  }

  validity(entry: Stamped): Validity {
    if (entry.epoch !== this.epoch) {
      return { state: 'hard', reason: 'epoch', target: entry.epoch, seq: this.#position };
    }
    return entry.stamp >= this.#position ? VALID : this.#judge(entry);
  }

  raiseFloor(mode: PurgeMode, reason: string): number {
    this.#position += 1;
    this.#setFloor(mode, this.#position, reason);
    if (mode === 'hard') this.#forget();
    return this.#position;
  }

  setSynced(synced: boolean): void {
    if (this.#synced === synced) return;
    this.#synced = synced;
    this.#generation += 1;
  }

  #judge({ stamp, key, tags, origin, path }: Stamped): Validity {
    const modes = this.#floorReason;
    let verdict = worse(VALID, this.#floor, stamp, 'floor', stamp < this.#floor.hard ? modes.hard : modes.soft);
    verdict = worse(verdict, this.#all, stamp, 'all', '');
    verdict = worse(verdict, this.#keys.get(key), stamp, 'key', key);
    if (this.#tags.size > 0) for (const tag of tags) verdict = worse(verdict, this.#tags.get(tag), stamp, 'tag', tag);
    verdict = worsePath(verdict, this.#urls.get(path), stamp, 'url', origin, path);
    for (const length of this.#lengths) {
      if (length > path.length) continue;
      const prefix = path.slice(0, length);
      verdict = worsePath(verdict, this.#prefixes.get(prefix), stamp, 'prefix', origin, prefix);
    }
    return verdict;
  }

  #mark(marks: Map<string, Mark>, target: string, mode: PurgeMode, now: number): void {
    let mark = marks.get(target);
    if (mark === undefined) {
      mark = { soft: 0, hard: 0 };
      marks.set(target, mark);
      this.#held += 1;
      this.#characters += target.length;
    }
    mark[mode] = now;
    this.#latest[mode] = now;
  }

  /** Marks a path, or `origin + path`; returns the length of the path part. */
  #markPath(marks: Map<string, PathMark>, target: string, bare: string, mode: PurgeMode, now: number): number {
    const [origin, path] = splitUrl(target, bare);
    let mark = marks.get(path);
    if (mark === undefined) {
      mark = { soft: 0, hard: 0, origins: new Map() };
      marks.set(path, mark);
      this.#held += 1;
      this.#characters += path.length;
    }
    if (origin !== '') this.#mark(mark.origins, origin, mode, now);
    else mark[mode] = now;
    this.#latest[mode] = now;
    return path.length;
  }

  /** Replaces all single marks by floors: what they purged stays purged, and much else with it. */
  #collapse(reason: string): void {
    const { soft, hard } = this.#latest;
    if (soft > this.#floor.soft) this.#setFloor('soft', soft, reason);
    if (hard > this.#floor.hard) this.#setFloor('hard', hard, reason);
    this.#forget();
  }

  #setFloor(mode: PurgeMode, seq: number, reason: string): void {
    this.#floor[mode] = seq;
    this.#floorReason[mode] = reason;
    this.#generation += 1;
    this.#observe?.({ type: 'purge-floor', seq, mode, reason });
  }

  #forget(): void {
    for (const marks of [this.#keys, this.#tags, this.#urls, this.#prefixes, this.#lengths]) marks.clear();
    this.#latest.soft = this.#latest.hard = this.#held = this.#characters = 0;
  }
}

/** The worse of a verdict and what a mark says; allocates only for an entry that is not valid. */
function worse(verdict: Validity, mark: Mark | undefined, stamp: number, reason: Reason, target: string): Validity {
  if (mark === undefined || verdict.state === 'hard') return verdict;
  if (stamp < mark.hard) return { state: 'hard', reason, target, seq: mark.hard };
  if (verdict === VALID && stamp < mark.soft) return { state: 'soft', reason, target, seq: mark.soft };
  return verdict;
}

function worsePath(
  verdict: Validity,
  mark: PathMark | undefined,
  stamp: number,
  reason: Reason,
  origin: string,
  path: string,
): Validity {
  if (mark === undefined) return verdict;
  const anywhere = worse(verdict, mark, stamp, reason, path);
  const here = mark.origins.get(origin);
  return here === undefined ? anywhere : worse(anywhere, here, stamp, reason, origin + path);
}

/** Origin (lower case, without a default port, as an entry's is; empty for a path) and path of a target. */
function splitUrl(target: string, bare: string): readonly [origin: string, path: string] {
  if (target.startsWith('/')) return ['', target];
  const slash = target.indexOf('/', target.indexOf('://') + 3);
  const origin = (slash < 0 ? target : target.slice(0, slash)).toLowerCase();
  const plain = origin.replace(/^(http:.*):80$|^(https:.*):443$/, '$1$2');
  return [plain, slash < 0 ? bare : target.slice(slash)];
}
