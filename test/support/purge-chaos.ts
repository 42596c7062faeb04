import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { connect, type NatsConnection } from 'nats';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import type { Stamped } from '../../src/purge/purge-index.ts';
import { type Instance, SUBJECT } from './jetstream.ts';
import { createRandom } from './random.ts';

/** What the origin has now, and which of its changes have been told of, and when. */
export interface World {
  /** Version of the thing that a tag names; it grows. */
  readonly versions: Map<string, number>;
  /** The last change whose purge the server acknowledged. */
  readonly acked: Map<string, { readonly version: number; readonly seq: number; readonly at: number }>;
}

/** Ms between two purges, so that instances have time for something else. */
const BETWEEN = 2;

/** Changes one thing after the other, and purges it until that is acknowledged. */
export class AckedPublisher {
  readonly #url: string;
  readonly #world: World;
  readonly #things: number;
  readonly #random = createRandom(7);
  readonly ids: string[] = [];
  acked = 0;
  retried = 0;
  #connection: NatsConnection | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(url: string, world: World, things: number) {
    this.#url = url;
    this.#world = world;
    this.#things = things;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends when the last change is acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.close();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#connection?.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const tag = `thing-${this.#random.below(this.#things)}`;
      const version = (this.#world.versions.get(tag) ?? 0) + 1;
      this.#world.versions.set(tag, version);
      const message = createPurge({ tags: [tag] });
      const seq = await this.#publish(message.id, printPurge(message));
      this.#world.acked.set(tag, { version, seq, at: performance.now() });
      this.ids.push(message.id);
      this.acked += 1;
      await wait(BETWEEN);
    }
  }

  async #publish(id: string, text: string): Promise<number> {
    for (;;) {
      try {
        this.#connection ??= await connect({ servers: this.#url, reconnect: false, timeout: 500 });
        const { seq } = await this.#connection.jetstream({ timeout: 500 }).publish(SUBJECT, text, { msgID: id });
        return seq;
      } catch {
        this.retried += 1;
        await this.#connection?.close().catch(() => undefined);
        this.#connection = undefined;
        await turn();
      }
    }
  }
}

interface Copy extends Stamped {
  readonly version: number;
}

/** What one instance has stored: read all the time, fetched again when it is not valid, and judged by who knows the origin. */
export class CachedCopies {
  readonly #instance: Instance;
  readonly #world: World;
  readonly #noticed: number;
  readonly #copies = new Map<string, Copy>();
  readonly #kept: Stamped[] = [];
  readonly #random = createRandom(11);
  /** What was served though its purge had been applied here, or was acknowledged long ago while this instance felt well. */
  readonly wrong: string[] = [];
  #reads = 0;
  #fetches = 0;
  #behind = 0;
  #capped = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  /** @param noticed ms after which an instance that hears nothing must not feel well */
  constructor(instance: Instance, world: World, noticed: number) {
    this.#instance = instance;
    this.#world = world;
    this.#noticed = noticed;
  }

  /** Stores things that will be purged, and as many that will not. */
  fill(count: number): void {
    for (let at = 0; at < count; at++) {
      const tag = `thing-${at}`;
      this.#copies.set(tag, { ...this.#instance.fetch([tag], `/${tag}`), version: 0 });
      this.#kept.push(this.#instance.fetch([`kept-${at}`], `/kept-${at}`));
    }
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Things of an older version than the last acknowledged purge told of, which are valid all the same. */
  outdated(): readonly string[] {
    return [...this.#copies.values()]
      .filter(({ tags: [tag = ''], version }) => version < (this.#world.acked.get(tag)?.version ?? 0))
      .filter((copy) => this.#instance.state(copy) === 'valid')
      .map(({ key }) => key);
  }

  /** How many of those that nobody purged are not valid. */
  get lost(): number {
    return this.#kept.filter((entry) => this.#instance.state(entry) !== 'valid').length;
  }

  /** `behind`: older ones served in the moments until a purge arrives; `capped`: while the instance knew that it may miss some. */
  report() {
    const { index } = this.#instance;
    return {
      ...{ reads: this.#reads, fetches: this.#fetches, behind: this.#behind, capped: this.#capped },
      ...{ wrong: this.wrong.length, lost: this.lost, seq: index.seq },
    };
  }

  async #run(): Promise<void> {
    const tags = [...this.#copies.keys()];
    while (!this.#stopped) {
      for (let at = 0; at < 50; at++) this.#read(this.#random.pick(tags));
      await wait(1);
    }
  }

  #read(tag: string): void {
    const copy = this.#copies.get(tag)!;
    if (this.#instance.state(copy) !== 'valid') {
      void this.#fetch(tag);
      return;
    }
    this.#reads += 1;
    const told = this.#world.acked.get(tag);
    if (told === undefined || copy.version >= told.version) return;
    const age = performance.now() - told.at;
    const { index } = this.#instance;
    if (index.seq >= told.seq) this.wrong.push(`${tag}: applied ${told.seq}, served version ${copy.version}`);
    else if (!index.synced) this.#capped += 1;
    else if (age > this.#noticed) this.wrong.push(`${tag}: acknowledged ${Math.round(age)} ms ago`);
    else this.#behind += 1;
  }

  /** The origin reads its version at some moment of the fetch; what is stored then bears the stamp of its beginning. */
  async #fetch(tag: string): Promise<void> {
    this.#fetches += 1;
    const begun = this.#instance.fetch([tag], `/${tag}`);
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
    const version = this.#world.versions.get(tag) ?? 0;
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
    this.#copies.set(tag, { ...begun, version });
  }
}
