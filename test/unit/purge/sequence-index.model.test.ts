import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPurge, type PurgeMode } from '../../../src/purge/message.ts';
import type { Stamped, Validity } from '../../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';

/*
 * The index against a model that keeps every purge and every fetch in one list and asks each purge about each entry.
 * Seen to fail with each of these in the index: `stamp <= mark.hard`; a soft mark that resets the hard one; prefixes
 * cut one character short; `stamp >= position - 1` as the short cut; a floor that does not advance the position;
 * a soft purge of everything or a soft floor that forgets hard marks; origins ignored; `#collapse` without one floor.
 */
type Fetch = Omit<Stamped, 'stamp' | 'epoch'>;
type Purge = { mode: PurgeMode; keys: string[]; tags: string[]; urls: string[]; prefixes: string[]; all: boolean };
type Command = { do: 'fetch'; entry: Fetch } | { do: 'purge'; purge: Purge } | { do: 'floor'; mode: PurgeMode };
type State = Validity['state'];

const RANK: Readonly<Record<State, number>> = { valid: 0, soft: 1, hard: 2 };
const names = fc.constantFrom('a', 'b', '__proto__', 'constructor');
const origins = fc.constantFrom('http://a:1', 'http://b:2');
const paths = fc.constantFrom('/', '/a', '/ab', '/ab?c=1', '/b/c');
const urls = fc.oneof(
  paths,
  fc.tuple(origins, paths).map((parts) => parts.join('')),
);
const modes = fc.constantFrom<PurgeMode>('soft', 'hard');
const few = (texts: fc.Arbitrary<string>) => fc.array(texts, { maxLength: 2 });

const purges = fc
  .record<Purge>({
    mode: modes,
    keys: few(names),
    tags: few(names),
    urls: few(urls),
    prefixes: few(fc.oneof(urls, origins)),
    all: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  })
  .filter(
    ({ keys, tags, urls, prefixes, all }) => all || keys.length + tags.length + urls.length + prefixes.length > 0,
  );

const commands = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .record({ key: names, tags: few(names), origin: origins, path: paths })
        .map((entry): Command => ({ do: 'fetch', entry })),
    },
    { weight: 4, arbitrary: purges.map((purge): Command => ({ do: 'purge', purge })) },
    { weight: 1, arbitrary: modes.map((mode): Command => ({ do: 'floor', mode })) },
  ),
  { maxLength: 30 },
);

function matches(purge: Purge, { key, tags, origin, path }: Fetch): boolean {
  return (
    purge.all ||
    purge.keys.includes(key) ||
    purge.tags.some((tag) => tags.includes(tag)) ||
    purge.urls.some((url) => url === path || url === origin + path) ||
    purge.prefixes.some((prefix) => path.startsWith(prefix) || (origin + path).startsWith(prefix))
  );
}

/** What the list of commands says of the entry fetched at a place of it. */
function expected(list: readonly Command[], at: number, entry: Fetch): State {
  let state: State = 'valid';
  for (const command of list.slice(at + 1)) {
    const mode =
      command.do === 'floor'
        ? command.mode
        : command.do === 'purge' && matches(command.purge, entry)
          ? command.purge.mode
          : 'valid';
    if (RANK[mode] > RANK[state]) state = mode;
  }
  return state;
}

/** Runs the commands; after each one, hands every entry's state in the index and in the model to `compare`. */
function run(list: readonly Command[], maxTargets: number, compare: (index: State, model: State) => void): void {
  const index = createPurgeIndex({ epoch: 'e', maxTargets });
  const entries: { at: number; entry: Stamped; last: State; generation: number }[] = [];
  list.forEach((command, at) => {
    if (command.do === 'fetch') {
      entries.push({
        at,
        entry: { ...command.entry, stamp: index.position, epoch: 'e' },
        last: 'valid',
        generation: index.generation,
      });
    } else if (command.do === 'floor') index.raiseFloor(command.mode, 'test');
    else index.record(createPurge(command.purge));
    for (const known of entries) {
      const { state } = index.validity(known.entry);
      compare(state, expected(list.slice(0, at + 1), known.at, known.entry));
      if (state !== known.last) expect(index.generation).not.toBe(known.generation);
      known.last = state;
      known.generation = index.generation;
    }
  });
}

test('judges every entry as a list of all purges would', () => {
  fc.assert(
    fc.property(commands, (list) => run(list, 1_000, (index, model) => expect(index).toBe(model))),
    {
      seed: 20_261,
      numRuns: 2_000,
    },
  );
});

test('with too little room, never judges an entry better than a list of all purges would', () => {
  const property = fc.property(commands, fc.integer({ min: 0, max: 4 }), (list, room) =>
    run(list, room, (index, model) => expect(RANK[index]).toBeGreaterThanOrEqual(RANK[model])),
  );
  fc.assert(property, { seed: 20_262, numRuns: 1_000 });
});
