import type { PurgeIndex } from '../purge/purge-index.ts';
import { millis, type NatsConnection, type StreamInfo } from './nats-client.ts';
import type { NatsIntake } from './nats-intake.ts';
import { type Bookmark, endOf } from './nats-place.ts';
import { StreamReader } from './nats-reader.ts';
import { epochOf, findStream, keeps, STREAM } from './nats-stream.ts';
import { within } from './waits.ts';

/** Ms in which the server must say what it knows of the stream. */
const ANSWER_WAIT = 2_000;

/** Connections on which nobody may answer for a stream that was there, before it counts as gone: two seconds or so. */
const PATIENCE = 5;

/** What a follower tells. Nothing of it may throw. */
export interface FollowListener {
  /** A message was applied, or all that it could concern counts as purged. */
  applied(): void;
  /** Whether all has been read may have changed. */
  moved(): void;
  /** Signs of life fail to come, or something is missing. */
  silent(): void;
  /** It cannot go on with this connection. */
  failed(reason: unknown): void;
}

/** Follows the stream of purges from one connection to the next, so that the index misses none of it. */
export class StreamFollower {
  readonly #index: PurgeIndex;
  readonly #intake: NatsIntake;
  /** The stream that the index follows, whether there is a connection or not, and where in it that is. */
  #followed: string | undefined;
  #last: Bookmark = { seq: 0, stored: '' };
  /** What the index calls the stream: a history that was written anew has another name, though the stream is the same. */
  #epoch = '';
  #histories = 0;
  /** Times that the server could not say, one after the other. */
  #failures = 0;
  readonly #moments = new Moments();
  /** The stream as the last connection found it. */
  #stream: StreamInfo | undefined;
  #reader: StreamReader | undefined;

  readonly #subjects: readonly string[];

  /** @param subjects those of purges: a stream that does not keep all of them is none that can be relied on */
  constructor(index: PurgeIndex, intake: NatsIntake, subjects: readonly string[]) {
    this.#index = index;
    this.#intake = intake;
    this.#subjects = subjects;
  }

  /** Whether there is a stream to follow. */
  get isThere(): boolean {
    return this.#stream !== undefined;
  }

  /** The stream that is followed, as {@link epochOf} names it. */
  get followed(): string | undefined {
    return this.isThere ? this.#followed : undefined;
  }

  /** Whether there was one, and there is none any more: what it kept meanwhile nobody tells us now. */
  get isGone(): boolean {
    return this.#stream === undefined && this.#followed !== undefined;
  }

  /** Whether all that the stream keeps has been read, as far as is known. */
  get isCurrent(): boolean {
    return this.#reader === undefined || this.#reader.isCurrent;
  }

  /** Messages that are known to be missing still. */
  get pending(): number {
    return this.#reader?.pending ?? 0;
  }

  /** Whether the stream keeps what is published on a subject. */
  keeps(subject: string): boolean {
    return this.#stream !== undefined && keeps(this.#stream, subject);
  }

  /** Asks the server for the stream. Rejects a few times if there was one and nobody answers: that may pass. */
  async find(connection: NatsConnection, over: AbortSignal): Promise<void> {
    const isExpected = this.#followed !== undefined && this.#failures < PATIENCE;
    this.#failures += 1;
    this.#stream = this.#useful(await within(ANSWER_WAIT, findStream(connection, isExpected), over));
    this.#failures = 0;
  }

  #useful(stream: StreamInfo | undefined): StreamInfo | undefined {
    return stream !== undefined && this.#subjects.every((subject) => keeps(stream, subject)) ? stream : undefined;
  }

  /** Follows the stream, if it is there, from where this process stands, or from its end if it is new to us. */
  async follow(connection: NatsConnection, listener: FollowListener): Promise<void> {
    if (this.#stream === undefined) return;
    const followed = epochOf(this.#stream);
    const end = endOf(this.#stream);
    if (followed !== this.#followed) this.#startAt(end, 'another stream of purges');
    else if (end.seq < this.#last.seq)
      this.#startAt(end, `the stream ends at ${end.seq}, and ${this.#last.seq} was read: it lost its end`);
    this.#followed = followed;
    this.#prune(this.#stream);
    const from = { epoch: followed, last: this.#last };
    const reader = new StreamReader(connection, from, {
      message: (message, place) => {
        this.#intake.kept(this.#epoch, message, place);
        listener.applied();
      },
      lost: (seq, reason) => {
        this.#startAt({ seq, stored: '' }, reason);
        this.#intake.moved();
        listener.applied();
      },
      caughtUp: listener.moved,
      alive: listener.moved,
      silent: listener.silent,
    });
    this.#reader = reader;
    reader.failure.catch(listener.failed);
    await reader.start();
  }

  /** Whatever was fetched until now may have been purged by messages that nobody tells us of. */
  #startAt(last: Bookmark, reason: string): void {
    this.#histories += 1;
    this.#epoch = `${STREAM} ${this.#histories}`;
    this.#index.startAt(this.#epoch, last.seq, reason);
    this.#moments.forget();
    this.#last = last;
  }

  /** Ends with a connection; what is followed stays. */
  stop(): void {
    if (this.#reader !== undefined) this.#last = this.#reader.last;
    this.#reader?.stop();
    this.#reader = undefined;
  }

  /** Forgets what is older than the stream keeps anything. Rejects if there is a stream now, or none any more, or another. */
  async lookAgain(connection: NatsConnection, over: AbortSignal): Promise<void> {
    const looking = within(ANSWER_WAIT, findStream(connection), over);
    // The reader notices soon enough when it is cut off.
    const answer = await looking.catch(() => 'unknown' as const);
    if (answer === 'unknown' || over.aborted) return;
    const found = this.#useful(answer);
    const [before, now] = [this.#stream, found].map((stream) => stream && epochOf(stream));
    if (before !== now) throw new Error(`the stream ${STREAM} was ${now === undefined ? 'removed' : 'made'} meanwhile`);
    // What it keeps no more has to be listened to, and what it keeps now is told twice.
    const kept = [this.#stream, found].map((stream) => stream?.config.subjects.toSorted().join(' '));
    if (kept[0] !== kept[1]) throw new Error(`the stream ${STREAM} keeps other subjects now`);
    if (found !== undefined) this.#prune(found);
  }

  /**
   * Forgets what was purged longer ago than the stream keeps its messages, by this process's clock. What the stream dropped
   * earlier, for want of room, has been read all the same: or whoever fills it would purge everything.
   */
  #prune({ config }: StreamInfo): void {
    if (config.max_age > 0)
      this.#index.prune(this.#moments.pass(this.#index.seq, performance.now(), millis(config.max_age)));
  }
}

/** Parts of an age that are told apart. */
const MOMENTS = 64;

/** How far the stream had been read at some moments, none of them older than an age. */
class Moments {
  #moments: { readonly at: number; readonly seq: number }[] = [];
  #old = 0;

  /**
   * Takes note of how far it has been read, and returns how far it had been an age ago.
   *
   * @param age ms
   */
  pass(seq: number, now: number, age: number): number {
    const last = this.#moments.at(-1);
    if (last === undefined || now - last.at >= age / MOMENTS) this.#moments.push({ at: now, seq });
    for (let first = this.#moments[0]; first !== undefined && now - first.at >= age; first = this.#moments[0]) {
      this.#old = first.seq;
      this.#moments.shift();
    }
    return this.#old;
  }

  /** Numbers are others from now on. */
  forget(): void {
    this.#moments = [];
    this.#old = 0;
  }
}
