import type { PurgeMode } from '../../../../src/purge/message.ts';
import type { Purged, Validity } from '../../../../src/purge/purge-index.ts';
import { RESOURCES, type Resource } from './services.ts';

type State = Validity['state'];

/** Something that a process learned which may make what it has invalid. */
export type Fact =
  | { readonly is: 'purge'; readonly purge: Purged }
  /** Whatever was fetched before. */
  | { readonly is: 'floor'; readonly mode: PurgeMode }
  /** Whatever was fetched before this message was known. */
  | { readonly is: 'prune'; readonly seq: number };

interface Fetch {
  readonly resource: Resource;
  /** How many facts were known when it began, and the latest message. */
  readonly facts: number;
  readonly seq: number;
}

export const RANK: Readonly<Record<State, number>> = { valid: 0, soft: 1, hard: 2 };

/**
 * What one process must know of what it has, found out the long way: every fact it learned, in order, and where among
 * them each fetch began. Beside that, and independently, which versions a visitor may still be shown.
 */
export class Oracle {
  readonly #facts: Fact[] = [];
  readonly #fetches = new Map<number, Fetch>();
  /** Of each resource, the oldest version that may be shown at all, and the oldest that may be called fresh. */
  readonly oldest: number[];
  readonly oldestFresh: number[];

  /** @param versions that services have when the process starts: none that is older may be shown */
  constructor(versions: readonly number[]) {
    this.oldest = [...versions];
    this.oldestFresh = [...versions];
  }

  fetchBegins(id: number, resource: Resource, seq: number): void {
    this.#fetches.set(id, { resource, facts: this.#facts.length, seq });
  }

  /** @param versions that the services had when it was published, by resource */
  learn(fact: Fact, versions: readonly number[]): void {
    this.#facts.push(fact);
    if (fact.is === 'prune') return;
    const mode = fact.is === 'floor' ? fact.mode : fact.purge.mode;
    for (const resource of RESOURCES) {
      if (fact.is === 'purge' && !matches(fact.purge, resource)) continue;
      this.demand(resource, mode, versions[resource.at]!);
    }
  }

  demand({ at }: Resource, mode: PurgeMode, version: number): void {
    this.oldestFresh[at] = Math.max(this.oldestFresh[at]!, version);
    if (mode === 'hard') this.oldest[at] = Math.max(this.oldest[at]!, version);
  }

  /** What has become of the answer to a request. */
  stateOf(id: number): State {
    const fetch = this.#fetches.get(id);
    if (fetch === undefined) return 'hard';
    let state: State = 'valid';
    for (let at = fetch.facts; at < this.#facts.length; at++) {
      const said = saysOf(this.#facts[at]!, fetch);
      if (RANK[said] > RANK[state]) state = said;
    }
    return state;
  }
}

function saysOf(fact: Fact, { resource, seq }: Fetch): State {
  if (fact.is === 'floor') return fact.mode;
  if (fact.is === 'prune') return seq < fact.seq ? 'hard' : 'valid';
  return matches(fact.purge, resource) ? fact.purge.mode : 'valid';
}

export function matches({ keys, tags, urls, prefixes, all }: Purged, resource: Resource): boolean {
  const { origin, path } = resource;
  return (
    all ||
    keys.includes(resource.key) ||
    tags.some((tag) => resource.tags.includes(tag)) ||
    urls.some((url) => url === path || url === origin + path) ||
    prefixes.some((prefix) => path.startsWith(prefix) || (origin + path).startsWith(prefix))
  );
}
