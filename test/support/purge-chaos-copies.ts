import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Stamped } from '../../src/purge/purge-index.ts';
import type { Instance } from './jetstream.ts';
import { NOTICED, ON_ITS_WAY, type World } from './purge-chaos.ts';
import { createRandom } from './random.ts';

interface Copy extends Stamped {
  readonly version: number;
}

/** What one instance has stored: read all the time, fetched again when it is not valid, and judged by who knows the origin. */
export class CachedCopies {
  readonly #instance: Instance;
  readonly #world: World;
  readonly #copies = new Map<string, Copy>();
  readonly #kept: Stamped[] = [];
  readonly #random = createRandom(11);
  /** What was served though its purge had been applied here, or was acknowledged long ago while this instance felt well. */
  readonly wrong: string[] = [];
  #reads = 0;
  #fetches = 0;
  #behind = 0;
  #capped = 0;
  /** When it knew last that it may miss purges. */
  #suspectAt = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  /** Stores the things, which will be purged, and as many that will not. */
  constructor(instance: Instance, world: World) {
    this.#instance = instance;
    this.#world = world;
    for (const tag of world.things) {
      this.#copies.set(tag, { ...instance.fetch([tag], `/${tag}`), version: 0 });
      this.#kept.push(instance.fetch([`kept-${tag}`], `/kept-${tag}`));
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
    while (!this.#stopped) {
      for (let at = 0; at < 50; at++) this.#read(this.#random.pick(this.#world.things));
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
    const now = performance.now();
    const age = Math.round(now - told.at);
    const { index } = this.#instance;
    if (!index.synced) this.#suspectAt = now;
    if (index.seq >= told.seq) this.wrong.push(`${tag}: applied ${told.seq}, served version ${copy.version}`);
    else if (!index.synced) this.#capped += 1;
    else if (age > NOTICED) this.wrong.push(`${tag}: acknowledged ${age} ms ago`);
    // It says that it misses nothing, and said that it may when this had long been acknowledged.
    else if (told.at < this.#suspectAt - ON_ITS_WAY) this.wrong.push(`${tag}: missed ${age} ms ago`);
    else this.#behind += 1;
  }

  /** The origin reads its version at some moment of the fetch; what is stored then bears the stamp of its beginning. */
  async #fetch(tag: string): Promise<void> {
    this.#fetches += 1;
    const begun = this.#instance.fetch([tag], `/${tag}`);
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
    const version = this.#world.version(tag);
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
    this.#copies.set(tag, { ...begun, version });
  }
}
