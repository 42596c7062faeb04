import { type Answer, lastResort, resolve } from '../../../../src/cache/cache.ts';
import { createCoalesce } from '../../../../src/cache/coalesce.ts';
import type { Entry } from '../../../../src/cache/entry.ts';
import { lookup } from '../../../../src/cache/lookup.ts';
import type { SweptStore } from '../../../../src/cache/store.ts';
import type { PurgeIndex } from '../../../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../../../src/purge/sequence-index.ts';
import type { Runtime } from '../../../../src/runtime.ts';
import { type Fact, Oracle, RANK } from './oracle.ts';
import { askFor, fetchOf, IDLE, LANGUAGES, RESOURCES, type Resource, type Services, versionOf } from './services.ts';

/** Makes a process smaller, or breaks it, for tests that must notice. */
export interface Spoil {
  /** Targets that its index remembers; if they are few it may take for purged what was not. */
  readonly maxTargets?: number;
  readonly purges?: (index: PurgeIndex) => PurgeIndex;
  /** The stamp is that of the end of the fetch. */
  readonly lateStamps?: boolean;
  /** It takes a message for the one that it has read if it has the same number. */
  readonly trustsNumbers?: boolean;
}

/** What happened to visitors. */
export interface Counts {
  reads: number;
  hits: number;
  /** Hits on what was fetched before the process was disconnected for the last time. */
  hitsAcross: number;
  stale: number;
  standIns: number;
}

/** What a process stands in. */
export interface Surroundings {
  readonly services: Services;
  readonly clock: { now: number };
  readonly spoil: Spoil;
  readonly counts: Counts;
  /** Is told of what must not be. */
  readonly fail: (fault: string) => void;
}

/** One process and its visitors: what it knows is lost with it, what it stored perhaps not. */
export class Process {
  readonly index: PurgeIndex;
  readonly runtime: Runtime;
  readonly store: SweptStore;
  /** The stream that it follows, if it was ever connected. */
  stream: string | undefined;
  /** When the last message that it knows was stored. */
  stored: number | undefined;
  #state: 'live' | 'disconnected' | 'catching up' = 'disconnected';
  readonly #oracle: Oracle;
  readonly #around: Surroundings;
  #latest = -1;
  /** The latest fetch that began before the process was disconnected for the last time. */
  #before = -1;
  #over = false;

  constructor(epoch: string, store: SweptStore, around: Surroundings) {
    const { services, clock, spoil } = around;
    const { maxTargets } = spoil;
    const index = createPurgeIndex({ epoch, ...(maxTargets === undefined ? {} : { maxTargets }) });
    index.setSynced(false);
    this.index = spoil.purges?.(index) ?? index;
    this.store = store;
    this.#oracle = new Oracle(services.versions);
    this.#around = around;
    this.runtime = {
      ...IDLE,
      now: () => clock.now,
      store,
      coalesce: createCoalesce(),
      purges: this.index,
      fetch: (request: Parameters<Runtime['fetch']>[0]) =>
        services.fetch(request, (id, resource) => {
          this.#latest = id;
          this.#oracle.fetchBegins(id, resource, index.seq);
        }),
    } as unknown as Runtime;
  }

  get state() {
    return this.#state;
  }

  set state(state) {
    this.#state = state;
    this.index.setSynced(state === 'live');
    if (state === 'disconnected') this.#before = this.#latest;
  }

  /** Its visitors leave with it; what it is fetching for its store still arrives. */
  end(): void {
    this.#over = true;
  }

  /** @param versions that the services had when it was published, by resource */
  learn(fact: Fact, versions: readonly number[] = this.#around.services.versions): void {
    this.#oracle.learn(fact, versions);
  }

  /** Nothing older than the service has now may be shown. */
  demand(resource: Resource): void {
    this.#oracle.demand(resource, 'hard', this.#around.services.versions[resource.at]!);
  }

  /** @param impatient takes a copy that may stand in, where something has to be fetched */
  async read(resource: Resource, language: string, impatient: boolean): Promise<void> {
    this.#around.counts.reads++;
    const least = this.#oracle.oldest[resource.at]!;
    const answer = resolve(this.#ask(resource, language), this.runtime);
    if (!(answer instanceof Promise)) return this.#checkAtOnce(answer, resource);
    void answer.then((late) => this.#checkLate(late, resource, least));
    if (impatient) this.#checkShown(await lastResort(this.#ask(resource, language), this.runtime), resource);
  }

  #ask(resource: Resource, language: string) {
    const { index } = this;
    const late = async (arrival: { stamp: number }) => {
      arrival.stamp = index.position;
    };
    return askFor(resource, language, this.#around.spoil.lateStamps ? late : undefined);
  }

  /** What the store had may have been hit by no purge if it is called fresh, and by no hard one in any case. */
  #checkAtOnce(answer: Answer, resource: Resource): void {
    if (answer.kind !== 'entry') throw new Error('what fails at once was not looked for');
    const { entry, how } = answer;
    const { counts, clock, fail } = this.#around;
    const oracle = this.#oracle;
    this.#checkShown(entry, resource);
    if (how === 'stale') counts.stale++;
    if (how !== 'hit') return;
    counts.hits++;
    if (this.#state === 'live' && fetchOf(entry) <= this.#before) counts.hitsAcross++;
    if (versionOf(entry) < oracle.oldestFresh[resource.at]!) fail(`${resource.at} is an old version, called fresh`);
    if (oracle.stateOf(fetchOf(entry)) !== 'valid') fail(`${resource.at} was purged, and is called fresh`);
    if (!this.index.synced && clock.now - entry.storedAt >= IDLE.maxUnsynced)
      fail(`${resource.at} is called fresh while it may have been purged`);
  }

  /** What was fetched is no older than what the process knew of when it was asked for; what stands in, than what it knows now. */
  #checkLate(answer: Answer, resource: Resource, least: number): void {
    if (this.#over) return;
    const entry = answer.kind === 'entry' && answer.entry.status === 200 ? answer.entry : undefined;
    if (entry !== undefined && versionOf(entry) < least)
      this.#around.fail(`${resource.at} was ${answer.how} in version ${versionOf(entry)}, asked for after ${least}`);
    if (answer.stale !== undefined) this.#around.counts.standIns++;
    this.#checkShown(answer.stale, resource);
  }

  #checkShown(entry: Entry | undefined, resource: Resource): void {
    if (entry === undefined) return;
    if (versionOf(entry) < this.#oracle.oldest[resource.at]!) this.#around.fail(`${resource.at} is an old version`);
    if (this.#oracle.stateOf(fetchOf(entry)) === 'hard') this.#around.fail(`${resource.at} was purged, and is shown`);
  }

  /** The index knows exactly what has become of everything in the store; with too little room, at least that. */
  audit(): void {
    const roomy = this.#around.spoil.maxTargets === undefined;
    for (const resource of RESOURCES) {
      for (const language of resource.varies ? LANGUAGES : ['en']) {
        const found = lookup(askFor(resource, language), this.runtime);
        if (found instanceof Promise || found.entry === undefined) continue;
        const [is, expected] = [found.validity.state, this.#oracle.stateOf(fetchOf(found.entry))];
        if (roomy ? is !== expected : RANK[is] < RANK[expected])
          this.#around.fail(`${resource.at} is taken for ${is}, and is ${expected}`);
      }
    }
  }
}
