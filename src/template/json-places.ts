import type { HydrateRule } from '../http/hydrate.ts';
import { idOf, MAX_DEPTH } from './json-directive.ts';
import { keyName, type Range } from './json-pointer.ts';
import type { Edit } from './json-text.ts';
import type { Hydration, Include } from './template.ts';

/** How far a rule's path leads to a container: so many of its tokens. */
interface State {
  readonly rule: HydrateRule;
  readonly at: number;
}

/** An entity that is to be written as a member of the object that holds its id. */
export interface Added {
  /** The key and a colon. */
  readonly key: Uint8Array;
  readonly hydration: Hydration;
  /** Where the id ends. */
  readonly behind: number;
  /** The value of the member of that name that the object has already. */
  readonly instead: Range | undefined;
}

/** An open container. */
interface Level {
  readonly inObject: boolean;
  readonly states: readonly State[];
  /** Elements of an array that have come. */
  count: number;
  /** States of the value that is being read. */
  reached: readonly State[];
  /** The member that is being read, and where members stand that a rule may write (`as`). */
  name: string | undefined;
  readonly members: Map<string, Range> | undefined;
  /** What is to be written into it, by name. */
  added: Map<string, { readonly hydration: Hydration; readonly behind: number }> | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Follows the paths of `Inlay-Hydrate` through one JSON text, token by token. */
export class Places {
  readonly #bytes: Uint8Array;
  readonly #levels: Level[] = [];
  readonly #root: readonly State[];
  /** Names that rules write members under. */
  readonly #names: ReadonlySet<string>;

  constructor(bytes: Uint8Array, rules: readonly HydrateRule[]) {
    this.#bytes = bytes;
    this.#root = rules.map((rule) => ({ rule, at: 0 }));
    this.#names = new Set(rules.flatMap(({ as }) => (as === undefined ? [] : [as])));
  }

  open(inObject: boolean): void {
    const states = this.#begin();
    const members = inObject && this.#names.size > 0 ? new Map<string, Range>() : undefined;
    this.#levels.push({ inObject, states, count: 0, reached: [], name: undefined, members, added: undefined });
  }

  key(range: Range): void {
    const level = this.#levels.at(-1)!;
    if (level.states.length === 0 && level.members === undefined) return;
    const name = keyName(this.#bytes, range);
    level.name = name;
    level.reached = level.states.flatMap((state) => step(state, name));
  }

  /** A value begins here: the states that its path has come to. */
  #begin(): readonly State[] {
    const level = this.#levels.at(-1);
    if (level === undefined) return this.#root;
    if (level.inObject) return level.reached;
    if (level.states.length === 0) return level.states;
    const index = String(level.count++);
    // The elements of an array that a path leads to are ids, too.
    return level.states.flatMap((state) => (isComplete(state) ? [state] : step(state, index)));
  }

  /**
   * The edit for a scalar that a path leads to. What is to be written beside it is told when its object ends.
   *
   * @param misplaced is told of rules that have no place to write to here
   */
  scalar(range: Range, misplaced: (rule: string) => void): Edit | undefined {
    const states = this.#begin();
    this.#ended(range);
    const complete = states.filter(isComplete);
    if (complete.length === 0) return undefined;
    const id = idOf(this.#bytes, range);
    if (id === undefined) return undefined;
    const ref = this.#bytes.subarray(range.start, range.end);
    const level = this.#levels.at(-1);
    for (const { rule } of complete) {
      if (rule.as === undefined) continue;
      if (level?.inObject !== true) {
        misplaced(nameOf(rule));
        continue;
      }
      const hydration: Hydration = { kind: 'hydration', body: [includeOf(rule, id, ref)], refused: [] };
      level.added ??= new Map();
      level.added.delete(rule.as); // the last one counts, and stands where it is
      level.added.set(rule.as, { hydration, behind: range.end });
    }
    const replaced = complete.find(({ rule }) => rule.as === undefined);
    if (replaced === undefined) return undefined;
    const hydration: Hydration = { kind: 'hydration', body: [includeOf(replaced.rule, id, ref)], refused: [ref] };
    return { ...range, segments: [hydration], nest: 0, weight: 1 };
  }

  /** The value of the member that is being read ended. */
  #ended(range: Range): void {
    const level = this.#levels.at(-1);
    if (level?.members !== undefined && level.name !== undefined && this.#names.has(level.name))
      level.members.set(level.name, range);
  }

  /** A container ended: what is to be written into it. */
  close(range: Range): readonly Added[] {
    const { added, members } = this.#levels.pop()!;
    this.#ended(range);
    if (added === undefined) return NOTHING;
    return [...added].map(([name, { hydration, behind }]) => ({
      key: encoder.encode(`${JSON.stringify(name)}:`),
      hydration,
      behind,
      instead: members?.get(name),
    }));
  }
}

const NOTHING: readonly Added[] = [];

function step({ rule, at }: State, name: string): State[] {
  const token = rule.path[at];
  return token !== undefined && (token === '*' || token === name) ? [{ rule, at: at + 1 }] : [];
}

function isComplete({ rule, at }: State): boolean {
  return at === rule.path.length;
}

function includeOf(
  { type, onerror, fields, required, timeout, depth }: HydrateRule,
  id: string,
  ref: Uint8Array,
): Include {
  return {
    kind: 'include',
    syntax: 'json',
    target: { type, id },
    ref: decoder.decode(ref),
    ...(onerror === undefined ? {} : { onerror }),
    ...(fields === undefined ? {} : { fields }),
    ...(required === undefined ? {} : { required }),
    ...(timeout === undefined ? {} : { maxwait: timeout }),
    ...(depth === undefined ? {} : { depth: Math.min(depth, MAX_DEPTH) }),
  };
}

function nameOf({ path, type, as }: HydrateRule): string {
  return `"${path.map((token) => `/${token}`).join('')}";type=${type}${as === undefined ? '' : `;as="${as}"`}`;
}
