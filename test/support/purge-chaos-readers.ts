import { Pool } from 'undici';
import { type AckedPublisher, NOTICED, ON_ITS_WAY, type Told, type World } from './purge-chaos.ts';
import { versionIn } from './purge-chaos-origin.ts';
import type { ProxySide } from './purge-chaos-sides.ts';
import { createRandom } from './random.ts';

/** Requests of one proxy that are under way at once, each on a connection of its own that is kept. */
const READERS = 3;
/** And while all things are asked for once, beside them. */
const SWEEPERS = 8;
/** Ms between an origin's answer and the end of the request that waited for it, on a busy machine. */
const SLACK = 1_500;

/** What the readers of all proxies are told of the world. */
export interface Scene {
  readonly world: World;
  readonly publisher: AckedPublisher;
  /** Ms of freshness while purges may be missed. */
  readonly maxUnsynced: number;
  /** Whether nothing is broken, and nothing recovers. */
  isCalm: boolean;
  /** From when on every answer must be marked: no purge arrives, and that must have been noticed. */
  blindFrom: number;
}

/** One answer, and what was known when it was asked for. */
interface Answer {
  readonly tag: string;
  readonly begun: number;
  readonly told: Told | undefined;
  /** How far the proxy had said that it was, and when it said last that it may miss purges. */
  readonly seq: number;
  readonly suspectAt: number;
  readonly wasCalm: boolean;
  readonly status: number;
  readonly cacheStatus: string;
  readonly body: string;
}

/** Asks one proxy for things all the time, and judges every answer. */
export class ProxyReaders {
  readonly #side: ProxySide;
  readonly #scene: Scene;
  readonly #pool: Pool;
  readonly #random = createRandom(13);
  /** Answers that were none, or that no origin gave. */
  readonly failed: string[] = [];
  /** Older ones that nothing excuses. */
  readonly wrong: string[] = [];
  /** While nothing was broken: how many ms ago the purge had been acknowledged that an older answer did not know of. */
  readonly lags: number[] = [];
  /** When an older answer was given last, except for purges on their way. */
  outdatedAt = 0;
  #answers = 0;
  #hits = 0;
  #unnoticed = 0;
  #marked = 0;
  #markedOld = 0;
  #stopped = false;
  #running: Promise<unknown> | undefined;

  constructor(side: ProxySide, scene: Scene) {
    this.#side = side;
    this.#scene = scene;
    this.#pool = new Pool(side.proxy.url, { connections: READERS + SWEEPERS, pipelining: 1 });
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: READERS }, () => this.#run()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#pool.destroy();
  }

  /**
   * `behind`: older ones in the moments until a purge arrives; `unnoticed`: while something was broken, and it was not known
   * yet; `marked`: while it was, and how many of them were older.
   */
  report() {
    const { failed, wrong, lags } = this;
    const [answers, hits, unnoticed] = [this.#answers, this.#hits, this.#unnoticed];
    const marked = { all: this.#marked, older: this.#markedOld };
    return { answers, hits, failed: failed.length, wrong: wrong.length, behind: lags.length, unnoticed, marked };
  }

  /** Things that this proxy shows in an older version than was told, each asked for once. */
  async outdated(told: ReadonlyMap<string, { readonly version: number }>): Promise<string[]> {
    const tags = [...told.keys()];
    const older: string[] = [];
    const ask = async () => {
      for (let tag = tags.pop(); tag !== undefined; tag = tags.pop()) {
        const version = await this.#read(tag);
        if (version === undefined || version < told.get(tag)!.version) older.push(`${tag}: ${version}`);
      }
    };
    await Promise.all(Array.from({ length: SWEEPERS }, ask));
    return older;
  }

  /** Half of the requests are for what was purged a moment ago. */
  async #run(): Promise<void> {
    const { pick, chance } = this.#random;
    const { world, publisher } = this.#scene;
    while (!this.#stopped) await this.#read(chance(0.5) ? publisher.latest : pick(world.things));
  }

  /** The version that a request is answered with; judges it. */
  async #read(tag: string): Promise<number | undefined> {
    const { world, isCalm: wasCalm } = this.#scene;
    const told = world.acked.get(tag);
    const { seq, suspectAt } = this.#side;
    const begun = performance.now();
    try {
      const { statusCode: status, headers, body } = await this.#pool.request({ path: `/${tag}`, method: 'GET' });
      const cacheStatus = String(headers['cache-status']);
      const known = { tag, begun, told, seq, suspectAt, wasCalm };
      return this.#judge({ ...known, status, cacheStatus, body: await body.text() });
    } catch (thrown) {
      this.failed.push(`${tag}: ${String(thrown)}`);
      return undefined;
    }
  }

  #judge(answer: Answer): number | undefined {
    const { tag, begun, told, status, cacheStatus, body } = answer;
    const version = versionIn(tag, body, this.#scene.world);
    if (status !== 200 || version === undefined) {
      this.failed.push(`${tag}: ${status} ${cacheStatus} ${body.slice(0, 40)}`);
      return undefined;
    }
    this.#answers += 1;
    if (/; hit/.test(cacheStatus)) this.#hits += 1;
    const isMarked = /; detail="[^"]*\bunsynced\b/.test(cacheStatus);
    if (isMarked) this.#marked += 1;
    if (begun > this.#scene.blindFrom && !isMarked) this.wrong.push(`${tag}: not marked: ${cacheStatus}`);
    if (told !== undefined && version < told.version) this.#judgeOlder(answer, told, version, isMarked);
    return version;
  }

  #judgeOlder(answer: Answer, told: Told, version: number, isMarked: boolean): void {
    const { tag, begun, seq, suspectAt, wasCalm, cacheStatus } = answer;
    const { world, maxUnsynced, isCalm } = this.#scene;
    const age = begun - told.at;
    const over = begun - world.endOf(tag, version);
    if (isMarked || age > ON_ITS_WAY) this.outdatedAt = performance.now();
    const tell = (what: string) =>
      this.wrong.push(
        `${tag}: ${what}: version ${version}, over for ${Math.round(over)} ms; ${told.version} acknowledged as ${told.seq} ${Math.round(age)} ms ago; ${cacheStatus}`,
      );
    if (seq >= told.seq) tell(`${seq} was applied`);
    else if (isMarked && over > maxUnsynced + SLACK) tell('marked for too long');
    else if (isMarked) this.#markedOld += 1;
    else if (age > NOTICED) tell('not marked');
    // It had noticed, and says now that it misses nothing.
    else if (told.at < suspectAt - ON_ITS_WAY) tell('not marked any more');
    else if (wasCalm && isCalm) this.lags.push(age);
    else this.#unnoticed += 1;
  }
}
