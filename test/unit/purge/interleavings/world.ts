import { invalidate } from '../../../../src/cache/lookup.ts';
import { createLruStore } from '../../../../src/cache/lru-store.ts';
import { isWorthless } from '../../../../src/gateway/memo.ts';
import type { PurgeMode } from '../../../../src/purge/message.ts';
import { MINORS, numberOf } from '../../../../src/purge/number.ts';
import type { Purged } from '../../../../src/purge/purge-index.ts';
import { createRandom, type Random } from '../../../support/random.ts';
import { matches } from './oracle.ts';
import { type Counts, Process, type Spoil } from './process.ts';
import { LANGUAGES, RESOURCES, Services } from './services.ts';
import { Stream } from './stream.ts';

type Step = readonly [name: string, act: () => void | Promise<void>];

const NOTHING: Purged = { mode: 'hard', keys: [], tags: [], urls: [], prefixes: [], all: false };
const ELSEWHERE: Purged = { ...NOTHING, keys: ['nothing has it'] };
const STORE_SIZE = 40_000;
/** Steps that are told with a failure. */
const TOLD = 25;

/** Services, a stream of purges, and a process that reads both: one of them does one thing at a time, as chance has it. */
export class World {
  readonly counts: Counts = { reads: 0, hits: 0, hitsAcross: 0, stale: 0, standIns: 0 };
  readonly services = new Services();
  readonly #random: Random;
  readonly #spoil: Spoil;
  readonly #clock = { now: 1_000_000_000_000 };
  readonly #trail: string[] = [];
  #fault: string | undefined;
  #processes = 0;
  #streams = 0;
  #histories = 0;
  #stream = new Stream('stream 0', 0);
  #process: Process;

  constructor(seed: number, spoil: Spoil = {}) {
    this.#random = createRandom(seed);
    this.#spoil = spoil;
    this.#process = this.#start(createLruStore(STORE_SIZE));
    this.#connect();
  }

  /** Does so many steps; throws at the first thing that must not be. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const [name, act] = this.#choose();
      this.#trail.push(name);
      await act();
      await new Promise(setImmediate); // all that this let go on has come to where it waits again
      if (step % 2 === 0) this.#process.audit();
      if (this.#fault === undefined) continue;
      throw new Error(`step ${step}: ${this.#fault}, after ${this.#trail.slice(-TOLD).join('; ')}`);
    }
  }

  #choose(): Step {
    const { chance, below } = this.#random;
    const { state } = this.#process;
    const dice = below(200);
    if (dice < 80) return this.#read();
    if (dice < 160 && this.services.pending.length > 0) return this.#answer();
    if (dice < 167) return this.#publish();
    if (dice < 173 || (state === 'catching up' && dice < 182)) return ['deliver', () => void this.#deliver()];
    if (dice < 175) return this.#recordAlone();
    if (dice < 180) return this.#duplicate();
    if (dice < 182) return this.#change();
    if (dice < (state === 'disconnected' ? 192 : 186)) return this.#connection();
    if (dice < 194) return this.#pass([10, 1_000, 5_000, 30_000]);
    if (dice < 197) return this.#prune();
    if (dice < 198) return chance(0.8) ? ['evict', () => this.#evict()] : ['sweep', () => this.#sweep()];
    if (dice < 199) return this.#loseEnd();
    if (chance(0.6)) return chance(0.5) ? this.#restart() : this.#recreate();
    return chance(0.1) ? ['storm', () => this.#storm()] : this.#pass([1]);
  }

  #read(): Step {
    const { pick, chance } = this.#random;
    const [resource, language, impatient] = [pick(RESOURCES), pick(LANGUAGES), chance(0.1)];
    return [`read ${resource.at} ${language}`, () => this.#process.read(resource, language, impatient)];
  }

  #answer(): Step {
    const pending = this.#random.pick(this.services.pending);
    if (pending.rest !== undefined) return [`body of ${pending.id}`, pending.rest];
    const how = this.#random.pick(['whole', 'whole', 'whole', 'head', 'head', 'head', 'error', 'fail'] as const);
    return [`${how} of ${pending.id}`, () => (how === 'fail' ? pending.fail() : pending.answer(how))];
  }

  /** An unsafe request succeeds: what this process has of its URL is forgotten, if it has anything. */
  #change(): Step {
    const resource = this.#random.pick(RESOURCES);
    const act = async () => {
      this.services.change(resource);
      const purge: Purged = { ...NOTHING, keys: [resource.key] };
      if (await invalidate(resource.key, this.#process.runtime)) this.#process.learn({ is: 'purge', purge });
      this.#process.demand(resource);
    };
    return [`post ${resource.at}`, act];
  }

  #pass(times: readonly number[]): Step {
    const ms = this.#random.pick(times);
    const act = () => {
      this.#clock.now += ms;
    };
    return [`${ms} ms`, act];
  }

  #somePurge(): Purged {
    const { pick, chance, below } = this.#random;
    const { key, path, origin, tags } = pick(RESOURCES);
    const mode: PurgeMode = chance(0.4) ? 'soft' : 'hard';
    const targets: Partial<Purged>[] = [
      { keys: [key] },
      { tags: [pick(tags)] },
      { tags: [pick(tags), pick(tags), 'nothing has it'] },
      { urls: [chance(0.5) ? path : origin + path] },
      { prefixes: [chance(0.5) ? '/low/' : `${origin}/high/`] },
      { keys: ELSEWHERE.keys },
    ];
    return { ...NOTHING, mode, ...(below(50) === 0 ? { all: true } : pick(targets)) };
  }

  /** What services have changes, and the stream tells; mostly at once. */
  #publish(): Step {
    const { below, chance } = this.#random;
    const [purge, others, atOnce] = [this.#somePurge(), below(2), chance(0.7)];
    const act = () => {
      this.#changeAll(purge);
      this.#stream.publish(purge, this.services.versions, others);
      if (atOnce && this.#process.state === 'live') while (this.#deliver()) {}
    };
    return [`publish ${JSON.stringify(purge)}`, act];
  }

  #changeAll(purge: Purged): void {
    for (const resource of RESOURCES) if (matches(purge, resource)) this.services.change(resource);
  }

  /** The next message arrives, if there is one; the last of them says that there are no more. */
  #deliver(): boolean {
    const process = this.#process;
    const { index } = process;
    if (process.state === 'disconnected') return false;
    const message = this.#stream.next(index.seq);
    if (message !== undefined) {
      const number = index.record(message.purge, message.seq);
      if (number !== numberOf(message.seq)) this.#fail(`message ${message.seq} has the number ${number}`);
      process.stored = this.#stream.storedAt(message.seq);
      process.learn({ is: 'purge', purge: message.purge }, message.versions);
    }
    if (this.#stream.next(index.seq) === undefined) process.state = 'live';
    return message !== undefined;
  }

  /** Messages that were applied arrive once more. */
  #duplicate(): Step {
    const act = () => {
      const { index, state } = this.#process;
      const known = this.#stream.upTo(index.seq);
      if (state === 'disconnected' || known.length === 0) return;
      const from = this.#random.below(known.length);
      for (const { purge, seq } of known.slice(from, from + 3))
        if (index.record(purge, seq) !== undefined) this.#fail(`message ${seq} was applied twice`);
    };
    return ['duplicate', act];
  }

  /** Something that only this process hears of. */
  #recordAlone(): Step {
    const { index } = this.#process;
    const purge = this.#somePurge();
    const floor = () => {
      index.raiseFloor('soft', 'an event was missed');
      this.#process.learn({ is: 'floor', mode: 'soft' });
    };
    const record = () => {
      this.#changeAll(purge);
      index.record(purge);
      this.#process.learn({ is: 'purge', purge });
    };
    return this.#random.chance(0.05) ? ['soft floor', floor] : [`record ${JSON.stringify(purge)}`, record];
  }

  /** So many of them that the minor numbers do not suffice, where a stream has a next message that they must not reach. */
  #storm(): void {
    const { index, stream } = this.#process;
    for (let at = 0; at < MINORS; at++) index.record(ELSEWHERE);
    if (stream !== undefined) this.#process.learn({ is: 'floor', mode: 'hard' });
  }

  #connection(): Step {
    const disconnect = () => {
      this.#process.state = 'disconnected';
    };
    return this.#process.state === 'disconnected' ? ['connect', () => this.#connect()] : ['disconnect', disconnect];
  }

  /** What a reader does when it has a connection: see where the stream is, and read on from where it was. */
  #connect(): void {
    const process = this.#process;
    const { index } = process;
    const { name, last, first } = this.#stream;
    process.state = 'catching up';
    if (process.stream !== name) {
      process.stream = name;
      index.startAt(name, this.#random.chance(0.7) ? last : first - 1);
      process.learn({ is: 'floor', mode: 'hard' });
    } else if (last < index.seq || process.stored !== this.#stream.storedAt(index.seq)) {
      // What has the number of the last message that was read is to be read.
      if (last < index.seq) index.startAt(`${name}, again ${++this.#histories}`, last);
      else if (!this.#spoil.trustsNumbers) index.startAt(`${name}, again ${++this.#histories}`, index.seq - 1);
      process.learn({ is: 'floor', mode: 'hard' });
    } else if (first > index.seq + 1) {
      index.raiseFloor('hard', 'retention');
      process.learn({ is: 'floor', mode: 'hard' });
    }
    process.stored = this.#stream.storedAt(index.seq);
    if (this.#random.chance(0.5)) this.#pruneTo(first);
    if (this.#stream.next(index.seq) === undefined) this.#deliver();
  }

  /** The stream drops its oldest messages, and a process that reads it forgets them. */
  #prune(): Step {
    const { index, state } = this.#process;
    const most = state === 'disconnected' ? this.#stream.last : index.seq;
    const first = Math.min(this.#stream.first + this.#random.below(8), most + 1);
    const act = () => {
      if (first <= this.#stream.first) return;
      this.#stream.dropBefore(first);
      if (state !== 'disconnected') this.#pruneTo(first);
    };
    return [`prune to ${first}`, act];
  }

  #pruneTo(first: number): void {
    const { index } = this.#process;
    index.prune(first);
    this.#process.learn({ is: 'prune', seq: Math.min(first, index.seq) });
  }

  #recreate(): Step {
    const act = () => {
      this.#stream = new Stream(`stream ${++this.#streams}`, this.#random.below(30));
      if (this.#process.state !== 'disconnected') this.#connect();
    };
    return ['recreate the stream', act];
  }

  /** The server of the stream loses its power, and what it had not written yet; then it gives out the numbers again. */
  #loseEnd(): Step {
    const { below } = this.#random;
    const [lost, purges] = [1 + below(3), Array.from({ length: below(5) }, () => this.#somePurge())];
    const act = () => {
      this.#process.state = 'disconnected';
      this.#stream.loseEnd(lost);
      for (const purge of purges) {
        this.#changeAll(purge);
        this.#stream.publish(purge, this.services.versions, below(2));
      }
    };
    return [`lose the last ${lost}, publish ${JSON.stringify(purges)}`, act];
  }

  /** Others use the store, and what was used least recently goes. */
  #evict(): void {
    const { store } = this.#process.runtime;
    for (let at = this.#random.below(8); at >= 0; at--)
      void store.set(`other ${at}`, { kind: 'assembled', size: STORE_SIZE / 8 });
    for (let at = 0; at < 8; at++) void store.delete(`other ${at}`);
  }

  #sweep(): void {
    const { store, runtime } = this.#process;
    store.sweep(1 + this.#random.below(10), (stored) => isWorthless(stored, runtime));
  }

  /** A process ends. The next one may find what it stored, and what it is still storing. */
  #restart(): Step {
    const { chance } = this.#random;
    const [kept, connected] = [chance(0.5), chance(0.8)];
    const act = () => {
      this.#process.end();
      if (!kept) this.services.pending.length = 0;
      this.#process = this.#start(kept ? this.#process.store : createLruStore(STORE_SIZE));
      if (connected) this.#connect();
    };
    return [kept ? 'restart with the store' : 'restart', act];
  }

  #start(store: ReturnType<typeof createLruStore>): Process {
    return new Process(`process ${this.#processes++}`, store, {
      services: this.services,
      clock: this.#clock,
      spoil: this.#spoil,
      counts: this.counts,
      fail: (fault) => this.#fail(fault),
    });
  }

  #fail(fault: string): void {
    this.#fault ??= fault;
  }
}
