import type { FragmentDefinition } from '../../src/fragment/define.ts';
import { idToken, type Manner, member, members, quoted, space, spread, value } from './json-random.ts';
import { createRandom, type Random } from './random.ts';

/** What services know of a random world: entities by type and id, fragments by path, and how each of them fails. */

/** How entities of a type are asked for, and what of an item is the entity. */
export interface Kind {
  readonly name: string;
  readonly path: `/${string}`;
  readonly batch?: NonNullable<FragmentDefinition['batch']>;
  readonly fallback?: string;
  /** Where items stand in a batch's answer. */
  readonly shape?: 'array' | 'items' | 'keyed';
  /** Where an item has its id and its entity: in itself, below a member, or nowhere. */
  readonly item?: 'id' | 'meta' | 'keyed' | 'doc';
}

export const KINDS: readonly Kind[] = [
  {
    name: 'item',
    path: '/items/{id}',
    batch: { path: '/items?ids={ids}', max: 3, items: '/items' },
    shape: 'items',
    item: 'id',
  },
  {
    name: 'note',
    path: '/notes/{id}',
    batch: { path: '/notes', method: 'POST', id: '/me~1ta/key' },
    shape: 'array',
    item: 'meta',
  },
  {
    name: 'word',
    path: '/words/{id}',
    batch: { path: '/words?all=1&ids={ids}', items: '/data/by' },
    fallback: '<p>none</p>',
    shape: 'keyed',
    item: 'keyed',
  },
  {
    name: 'page',
    path: '/pages/{id}',
    batch: { path: '/pages?ids={ids}', items: '/items', body: '/doc/html' },
    shape: 'items',
    item: 'doc',
  },
  {
    name: 'lone',
    path: '/lones/{id}',
    batch: { path: '/lones?ids={ids}', max: 1, items: '' },
    fallback: ' {"none": [1.0]}',
    shape: 'array',
    item: 'id',
  },
  {
    name: 'leaf',
    path: '/leaves/{id}',
    batch: { path: '/leaves?ids={ids}', max: 1_000, items: '/items' },
    shape: 'items',
    item: 'id',
  },
  { name: 'solo', path: '/solos/{id}' },
];

/** The definitions of {@link KINDS}. */
export const DEFINITIONS: readonly FragmentDefinition[] = KINDS.map(({ name, path, batch, fallback }) => ({
  name,
  path,
  service: 'data',
  scope: 'public',
  ttl: '1h',
  staleIfError: '1d',
  ...(batch === undefined ? {} : { batch }),
  ...(fallback === undefined ? {} : { fallback }),
}));

/** What is wrong with an answer as a whole. */
export type Fault = (typeof FAULTS)[number];
const FAULTS = [
  ...([
    'status-500',
    'status-503',
    'status-404',
    'status-302',
    'unreachable',
    'timeout',
    'cut',
    'empty',
    'truncated',
  ] as const),
  ...(['trailing', 'no-number', 'single-quotes', 'bad-utf8', 'too-deep', 'html', 'half-escape', 'control'] as const),
];

/** An entity or a fragment: its text, or what its service makes of it. */
export type Known =
  | { readonly is: 'json'; readonly text: string }
  | { readonly is: 'html'; readonly text: string }
  | { readonly is: 'absent'; readonly as: 'nothing' | 'null' }
  /** An item of which only itself fails. */
  | { readonly is: 'bad' }
  | { readonly is: 'fault'; readonly fault: Fault };

/** How the answers of one type are in one case. */
export interface Temper {
  readonly down: Fault | 'shape' | undefined;
  readonly optsIn: boolean;
  readonly cacheControl: string | undefined;
  /** Items without a usable id are among the others. */
  readonly junk: boolean;
}

/** Failures that let a stale copy stand in. */
const OUTAGES = ['status-500', 'status-503', 'unreachable', 'timeout'] as const;
const GONE: Known = { is: 'absent', as: 'nothing' };

export class World {
  readonly seed: number;
  readonly #known = new Map<string, Known>();
  readonly #tempers = new Map<string, Temper>();
  #later = false;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** What was told of this world so far. */
  told(): string[] {
    const tempers = [...this.#tempers.keys()].map((type) => `${type}: ${JSON.stringify(this.temper(type))}`);
    return [...tempers, ...[...this.#known].map(([name, known]) => `${name} ${JSON.stringify(known)}`)];
  }

  /** From now on some services are down that were not, and nothing else fails a whole batch. */
  getLater(): void {
    this.#later = true;
  }

  /** Random choices about something: the same whenever they are asked for. */
  random(about: string): Random {
    let hash = this.seed;
    for (let i = 0; i < about.length; i++) hash = Math.imul(hash ^ about.charCodeAt(i), 0x01000193) + i;
    return createRandom(hash);
  }

  temper(type: string): Temper {
    const temper = this.#temper(type);
    if (!this.#later || temper.down !== undefined || type.startsWith('/')) return temper;
    const random = this.random(`later: ${type}`);
    return random.chance(0.4) ? { ...temper, down: random.pick(OUTAGES) } : temper;
  }

  #temper(type: string): Temper {
    return once(this.#tempers, type, () => {
      const random = this.random(type);
      return {
        down: random.chance(0.08) ? (random.chance(0.1) ? 'shape' : random.pick(FAULTS)) : undefined,
        optsIn: type !== 'leaf' && random.chance(0.75),
        cacheControl: random.pick(['max-age=60', 'max-age=60', undefined, 'max-age=9', 'no-store']),
        junk: random.chance(0.08),
      };
    });
  }

  /** What there is under a type and an id. */
  entity(type: string, id: string): Known {
    const known = once(this.#known, JSON.stringify([type, id]), () => this.#entity(type, id));
    return this.#later && known.is === 'fault' ? GONE : known;
  }

  /** What there is at a path that has no definition. */
  fragment(path: string): Known {
    return once(this.#known, path, () => {
      const random = this.random(path);
      if (random.chance(0.15)) return { is: 'fault', fault: random.pick(FAULTS) };
      return { is: 'json', text: value(this.#manner(random, !/\d\d|[89]$/.test(path)), 3) };
    });
  }

  #manner(random: Random, directives: boolean): Manner {
    return { random, directives, share: directives ? 0.2 : 0.05 };
  }

  #entity(type: string, id: string): Known {
    const random = this.random(JSON.stringify([type, id]));
    const kind = KINDS.find(({ name }) => name === type)!;
    const chance = random.below(100);
    if (chance < 4) return { is: 'absent', as: kind.batch !== undefined && random.chance(0.5) ? 'null' : 'nothing' };
    // A fault takes the whole batch with it: whom else, may not change from one time to the next.
    if (chance < 8 && this.temper(type).cacheControl !== 'no-store') return { is: 'fault', fault: random.pick(FAULTS) };
    const manner = this.#manner(random, type !== 'leaf');
    if (kind.item === 'doc') return inDocument(manner);
    if (kind.item === 'keyed') {
      const text = value(manner, 3);
      return text === 'null' ? { is: 'absent', as: 'null' } : { is: 'json', text };
    }
    if (kind.item === undefined) return { is: 'json', text: value(manner, 3) };
    const parts = members(manner, 3);
    const own = member('"id"', idToken(id, random), random);
    const meta = member(
      '"me/ta"',
      `{${spread([member('"key"', idToken(id, random), random), '"a":1'], random)}}`,
      random,
    );
    parts.splice(random.below(parts.length + 1), 0, kind.item === 'id' ? own : meta);
    return { is: 'json', text: `{${spread(parts, random)}}` };
  }
}

/** An entity below `/doc/html`: text, which only rarely is JSON, or another value. */
function inDocument(manner: Manner): Known {
  const { random } = manner;
  const chance = random.below(10);
  if (chance === 0) return { is: 'bad' };
  if (chance < 3)
    return { is: 'html', text: random.pick(['<b>é</b>', '', '{"a":', '"', ' {"a": 1.50}\n', '[]', '7', '<p>"\u2028']) };
  const text = value(manner, 3);
  return text.startsWith('"') ? { is: 'html', text: JSON.parse(text) as string } : { is: 'json', text };
}

function once<Value>(values: Map<string, Value>, key: string, make: () => Value): Value {
  let found = values.get(key);
  if (found === undefined) {
    found = make();
    values.set(key, found);
  }
  return found;
}

/** The JSON text of an answer to a batch: the items that were asked for, in an order of its own, and some besides. */
export function batchText(kind: Kind, ids: readonly string[], world: World): string {
  const random = world.random(`${kind.name}?${ids.join()}`);
  const { junk } = world.temper(kind.name);
  const items: string[] = [];
  for (const id of ids) {
    const known = world.entity(kind.name, id);
    if (known.is === 'absent' && known.as === 'nothing') continue;
    const item = known.is === 'absent' ? 'null' : itemText(kind, id, known, random);
    const at = random.below(items.length + 1);
    items.splice(at, 0, kind.shape === 'keyed' ? member(quoted(id, random), item, random) : item);
  }
  if (kind.shape !== 'keyed') {
    if (random.chance(0.1)) items.push('null');
    if (junk)
      items.splice(
        random.below(items.length + 1),
        0,
        random.pick(['{}', '5', '"x"', '[]', '{"id":null}', '{"id":1.5}', '{"me/ta":7}']),
      );
  }
  const mark = random.chance(0.05) ? '\ufeff' : '';
  if (kind.shape === 'keyed') return `${mark}{"data":${space(random)}{"a":[1e400],"by":{${spread(items, random)}}}}`;
  const array = `[${spread(items, random)}]`;
  if (kind.shape === 'array') return mark + space(random) + array + space(random);
  return `${mark}{${spread([member('"items"', array, random), '"next":null'], random)}}`;
}

function itemText(kind: Kind, id: string, known: Known, random: Random): string {
  if (kind.item !== 'doc') return known.is === 'json' ? known.text : '0';
  const body = known.is === 'html' ? JSON.stringify(known.text) : known.is === 'json' ? known.text : undefined;
  const doc =
    body === undefined
      ? random.pick(['{}', '5', '{"htm":1}'])
      : `{${spread(['"a":1', member('"html"', body, random)], random)}}`;
  return `{${spread([member('"id"', idToken(id, random), random), member('"doc"', doc, random)], random)}}`;
}
