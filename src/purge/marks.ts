import type { PurgeMode } from './message.ts';
import type { Purged, Stamped, Validity } from './purge-index.ts';

/** The latest number at which something was purged in each mode; 0 is never. */
export interface Mark {
  soft: number;
  hard: number;
}

/** A path purged at every service, and at single ones. */
interface PathMark extends Mark {
  readonly origins: Map<string, Mark>;
}

type Reason = Exclude<Validity, { state: 'valid' }>['reason'];

export const VALID: Validity = Object.freeze({ state: 'valid' });
/** Every distinct length of a prefix costs each look-up one probe. */
const MAX_PREFIX_LENGTHS = 64;
/** Targets may be 2,048 characters long; this bounds the memory of marks that are all of such ones. */
const MEAN_TARGET_LENGTH = 256;
/** Marks that are looked at between two others that are made, for each of these: forgetting keeps ahead of recording. */
const SWEPT_A_TARGET = 4;

/** When each target was purged last: a bounded number of marks. */
export class Marks {
  readonly #most: number;
  // Maps, not objects: `__proto__` is a tag like any other.
  readonly #keys = new Map<string, Mark>();
  readonly #tags = new Map<string, Mark>();
  readonly #urls = new Map<string, PathMark>();
  readonly #prefixes = new Map<string, PathMark>();
  /** Distinct lengths of the path parts of `#prefixes`, and how many have it. */
  readonly #lengths = new Map<number, number>();
  /** The latest number of all: all that must be known of marks to replace them by a floor. */
  readonly latest: Mark = { soft: 0, hard: 0 };
  #held = 0;
  #characters = 0;
  /** Marks up to this number are of no use any more. */
  #obsolete = 0;
  #sweep: Generator<undefined> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many there are. */
  get size(): number {
    return this.#held;
  }

  /** Why there are too many of them; `undefined` if there are not. */
  get excess(): string | undefined {
    if (this.#held > this.#most || this.#characters > this.#most * MEAN_TARGET_LENGTH)
      return 'more purge targets than the index remembers';
    return this.#lengths.size > MAX_PREFIX_LENGTHS ? 'purge prefixes of too many different lengths' : undefined;
  }

  /** Marks all single targets of a purge. */
  mark({ mode, keys, tags, urls, prefixes }: Purged, now: number): void {
    for (const key of keys) this.#mark(this.#keys, key, mode, now);
    for (const tag of tags) this.#mark(this.#tags, tag, mode, now);
    for (const url of urls) this.#markPath(this.#urls, url, '/', mode, now);
    for (const prefix of prefixes) this.#markPath(this.#prefixes, prefix, '', mode, now);
    if (this.#sweep !== undefined)
      this.sweep(SWEPT_A_TARGET * (keys.length + tags.length + urls.length + prefixes.length));
  }

  /** The worse of a verdict and of what the marks say of an entry. */
  judge({ stamp, key, tags, origin, path }: Stamped, verdict: Validity): Validity {
    verdict = worse(verdict, this.#keys.get(key), stamp, 'key', key);
    if (this.#tags.size > 0) for (const tag of tags) verdict = worse(verdict, this.#tags.get(tag), stamp, 'tag', tag);
    verdict = worsePath(verdict, this.#urls.get(path), stamp, 'url', origin, path);
    for (const length of this.#lengths.keys()) {
      if (length > path.length) continue;
      const prefix = path.slice(0, length);
      verdict = worsePath(verdict, this.#prefixes.get(prefix), stamp, 'prefix', origin, prefix);
    }
    return verdict;
  }

  forget(): void {
    for (const marks of [this.#keys, this.#tags, this.#urls, this.#prefixes, this.#lengths]) marks.clear();
    this.latest.soft = this.latest.hard = this.#held = this.#characters = this.#obsolete = 0;
    this.#sweep = undefined;
  }

  /** Begins to forget the marks up to a number, which some floor now stands for; {@link sweep} goes on with it. */
  forgetUpTo(number: number): void {
    if (number <= this.#obsolete) return;
    this.#obsolete = number;
    this.#sweep ??= this.#sweeping();
  }

  /** Looks at so many marks and forgets those that are of no use. */
  sweep(count: number): void {
    for (let left = count; left > 0 && this.#sweep !== undefined; left--)
      if (this.#sweep.next().done) this.#sweep = undefined;
  }

  /** Pauses after each mark. Maps may change under their iterators. */
  *#sweeping(): Generator<undefined> {
    for (let from = 0; from < this.#obsolete; ) {
      from = this.#obsolete; // what becomes obsolete meanwhile may stand before where this has come to
      for (const marks of [this.#keys, this.#tags]) yield* this.#sweepMarks(marks);
      for (const [path, mark] of this.#urls) {
        yield* this.#sweepMarks(mark.origins);
        if (this.#isObsolete(mark) && mark.origins.size === 0) this.#drop(this.#urls, path);
        yield;
      }
      for (const [path, mark] of this.#prefixes) {
        yield* this.#sweepMarks(mark.origins);
        if (this.#isObsolete(mark) && mark.origins.size === 0) {
          this.#drop(this.#prefixes, path);
          this.#countLength(path.length, -1);
        }
        yield;
      }
    }
  }

  *#sweepMarks(marks: Map<string, Mark>): Generator<undefined> {
    for (const [target, mark] of marks) {
      if (this.#isObsolete(mark)) this.#drop(marks, target);
      yield;
    }
  }

  #isObsolete({ soft, hard }: Mark): boolean {
    return soft <= this.#obsolete && hard <= this.#obsolete;
  }

  #drop(marks: Map<string, unknown>, target: string): void {
    marks.delete(target);
    this.#held -= 1;
    this.#characters -= target.length;
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
    this.latest[mode] = now;
  }

  /** Marks a path, or `origin + path`. */
  #markPath(marks: Map<string, PathMark>, target: string, bare: string, mode: PurgeMode, now: number): void {
    const [origin, path] = splitUrl(target, bare);
    let mark = marks.get(path);
    if (mark === undefined) {
      mark = { soft: 0, hard: 0, origins: new Map() };
      marks.set(path, mark);
      this.#held += 1;
      this.#characters += path.length;
      if (marks === this.#prefixes) this.#countLength(path.length, 1);
    }
    if (origin !== '') this.#mark(mark.origins, origin, mode, now);
    else mark[mode] = now;
    this.latest[mode] = now;
  }

  #countLength(length: number, by: 1 | -1): void {
    const count = (this.#lengths.get(length) ?? 0) + by;
    if (count === 0) this.#lengths.delete(length);
    else this.#lengths.set(length, count);
  }
}

/** The worse of a verdict and what a mark says; allocates only for an entry that is not valid. */
export function worse(
  verdict: Validity,
  mark: Mark | undefined,
  stamp: number,
  reason: Reason,
  target: string,
): Validity {
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
