import { setTimeout as wait } from 'node:timers/promises';
import { connect, type JetStreamClient } from 'nats';
import { within } from '../../src/node/waits.ts';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { SUBJECT } from './jetstream.ts';
import { createRandom } from './random.ts';

/** Rounds of the same misfortunes: `INLAY_CHAOS=20` is the long form. */
export const ROUNDS = Number(process.env.INLAY_CHAOS ?? 3);
/** Ms after which a silence must have been noticed: 2.5 s, and time for a busy machine. */
export const NOTICED = 4_000;
/** Ms after which an older answer is no longer explained by a purge that is on its way. */
export const ON_ITS_WAY = 250;
/** Purges a second that a publisher must reach while the server answers; it tries twice as many, and machines are busy. */
export const LEAST_RATE = 500;

/** The last change of a thing whose purge the server acknowledged. */
export interface Told {
  readonly version: number;
  readonly seq: number;
  readonly at: number;
}

/** What the origin has now, and which of its changes have been told of, and when. */
export class World {
  readonly things: readonly string[];
  readonly acked = new Map<string, Told>();
  /** The thing that is fetched now, if any: a purge of it comes in the middle of that. */
  fetched: string | undefined;
  /** For each thing when it got each of its versions. */
  readonly #since = new Map<string, number[]>();

  constructor(count: number) {
    this.things = Array.from({ length: count }, (_, at) => `thing-${at}`);
  }

  /** Version of the thing that a tag names; it grows. */
  version(tag: string): number {
    return this.#since.get(tag)?.length ?? 0;
  }

  /** Gives a thing its next version. */
  change(tag: string): number {
    const since = this.#since.get(tag) ?? [];
    this.#since.set(tag, since);
    return since.push(performance.now());
  }

  /** When a version, which is not the current one, was followed by the next. */
  endOf(tag: string, version: number): number {
    return this.#since.get(tag)?.[version] ?? Number.POSITIVE_INFINITY;
  }
}

/** Purges a second that are begun. */
const RATE = 1_000;
/** Share of the purges that are of what is being fetched, if anything is. */
const IN_FLIGHT = 0.3;
/** Purges that may be unacknowledged at once. */
const MOST_UNDER_WAY = 64;
/** Ms of a busy machine's delay that are made up for; what an outage kept from being published is not. */
const MADE_UP_FOR = 250;
/** Ms for an acknowledgement. */
const ANSWER_WAIT = 500;

/** A connection that stands, and its end. */
interface Line {
  readonly stream: JetStreamClient;
  readonly over: AbortSignal;
  end(): Promise<void>;
}

/** Changes things by the clock, several at once, and purges each until that is acknowledged; never two of one thing at once. */
export class AckedPublisher {
  readonly #url: string;
  readonly #world: World;
  readonly #random = createRandom(7);
  readonly ids: string[] = [];
  acked = 0;
  retried = 0;
  /** The greatest number that was acknowledged. */
  last = 0;
  /** The thing whose purge was acknowledged last. */
  latest: string;
  readonly #underWay = new Map<string, Promise<void>>();
  #line: Promise<Line> | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #closed = false;
  #began = 0;
  #ended = 0;
  #ackedAt = 0;
  /** Since when there is an outage, and ms of all that are over. */
  #outSince: number | undefined;
  #out = 0;

  constructor(url: string, world: World) {
    this.#url = url;
    this.#world = world;
    this.latest = world.things[0]!;
  }

  start(): void {
    this.#began = this.#ackedAt = performance.now();
    this.#running = this.#run();
  }

  /** Ends when all changes are acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#underWay.values());
    this.#ended = performance.now();
    await this.close();
  }

  /** Ends whatever becomes of what is under way. */
  async close(): Promise<void> {
    this.#stopped = this.#closed = true;
    await (await this.#line?.catch(() => undefined))?.end();
  }

  /** Seconds in which the server answered, and how many purges it acknowledged in each; to be asked after the end. */
  report() {
    const seconds = (this.#ended - this.#began - this.#out) / 1_000;
    const [rounded, rate] = [Math.round(seconds * 10) / 10, Math.round(this.acked / seconds)];
    return { purges: this.acked, seconds: rounded, rate, retried: this.retried };
  }

  async #run(): Promise<void> {
    for (let due = this.#began; !this.#stopped; await wait(1)) {
      due = Math.max(due, performance.now() - (this.#outSince === undefined ? MADE_UP_FOR : 0));
      for (; due <= performance.now() && this.#underWay.size < MOST_UNDER_WAY; due += 1_000 / RATE) {
        const tag = this.#idle();
        this.#underWay.set(
          tag,
          this.#purge(tag).finally(() => this.#underWay.delete(tag)),
        );
      }
    }
  }

  #idle(): string {
    const { fetched, things } = this.#world;
    if (fetched !== undefined && !this.#underWay.has(fetched) && this.#random.chance(IN_FLIGHT)) {
      this.#world.fetched = undefined;
      return fetched;
    }
    for (;;) {
      const tag = this.#random.pick(things);
      if (!this.#underWay.has(tag)) return tag;
    }
  }

  async #purge(tag: string): Promise<void> {
    const version = this.#world.change(tag);
    const message = createPurge({ tags: [tag] });
    const seq = await this.#publish(message.id, printPurge(message));
    if (seq === undefined) return;
    const at = performance.now();
    this.#world.acked.set(tag, { version, seq, at });
    this.ids.push(message.id);
    this.acked += 1;
    this.last = Math.max(this.last, seq);
    this.latest = tag;
    this.#ackedAt = at;
    if (this.#outSince !== undefined) this.#out += at - this.#outSince;
    this.#outSince = undefined;
  }

  /** Resolves with the number when it is acknowledged, or without when nobody waits for it any more. */
  async #publish(id: string, text: string): Promise<number | undefined> {
    for (;;) {
      this.#line ??= this.#open();
      const opening = this.#line;
      const line = await opening.catch(() => undefined);
      try {
        if (line === undefined) throw new Error('no connection');
        const publishing = line.stream.publish(SUBJECT, text, { msgID: id });
        return (await within(ANSWER_WAIT, publishing, line.over)).seq;
      } catch {
        this.#outSince ??= this.#ackedAt;
        this.retried += 1;
        if (this.#line === opening) this.#line = undefined;
        await line?.end();
        if (this.#closed) return undefined;
        await wait(5);
      }
    }
  }

  async #open(): Promise<Line> {
    const connection = await connect({ servers: this.#url, reconnect: false, timeout: ANSWER_WAIT });
    const over = new AbortController();
    void connection.closed().then(() => over.abort());
    return {
      stream: connection.jetstream({ timeout: ANSWER_WAIT }),
      over: over.signal,
      end: () => connection.close().catch(() => undefined),
    };
  }
}
