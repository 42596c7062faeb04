import type { Random } from './random.ts';

/** JSON documents with directives in them, written at random: what is odd is as likely as what is usual. */

/** What may stand in a document. */
export interface Manner {
  readonly random: Random;
  /** Whether directives are written; otherwise what only looks like one is. */
  readonly directives: boolean;
  /** How likely a value is a directive: fewer inside entities, or pages would grow without end. */
  readonly share: number;
}

/** The ids that all entities of a world have: some need care in URLs, in JSON, or in JavaScript. */
export const IDS: readonly string[] = [
  ...['1', '2', '3', '4', '5', '7', '42', '-7', '0', '9007199254740993', '123456789012345678901234567890'],
  ...['a b', 'a,b', 'ü', '__proto__', 'constructor', 'x"y', '%2F', 'a/b', 'a&b=c', '\\', '😀', '</script>', '\u2028'],
];

const NUMBERS = ['0', '-0', '1', '1.0', '1e400', '1E+2', '-1.50', '0.1e-7', '9007199254740993', '18446744073709551616'];
const WORDS = ['true', 'false', 'null'];
const STRINGS = [
  ...['""', '"a"', '"\\u0061"', '"\\ud800"', '"\\udc00\\ud800"', '"\\uD83D\\uDE00"', '"é😀\u2028"', '"\\"\\\\\\/"'],
  ...[
    '"</script>"',
    '"esi:include"',
    '"{\\"esi:include\\":{\\"src\\":\\"/f/1\\"}}"',
    '"<esi:include src=\'/f/1\'/>"',
    '"\u007f"',
  ],
];
const KEYS = [
  ...['"a"', '"b"', '"c"', '"d"', '"brand"', '"x"', '"type"', '"name"', '"__proto__"', '"constructor"', '""', '"a/b"'],
  ...[
    '"\\u0062"',
    '"é"',
    '"esi:includes"',
    '"\\u0065si:include"',
    '"esi:esi:include"',
    '"esi:esi:esi:include"',
    '"esi:"',
  ],
];
/** Names as `fields` may ask for them; pointers begin with a slash. */
const NAMES = [
  'a',
  'b',
  'c',
  'brand',
  'id',
  '__proto__',
  'nothing',
  '/a',
  '/a/b',
  '/brand/a',
  '/brand/brand/b',
  '/a~1b',
  '/c/a',
];

/** Types that are asked for in batches, and one that is not; `nothing` is not defined. */
export const TYPES = ['item', 'item', 'note', 'word', 'page', 'lone', 'solo'] as const;

export function space(random: Random): string {
  return random.chance(0.8) ? '' : random.pick([' ', '\n', '\r\n', '\t', '  ']);
}

/** Joins values of a list or of an object, white space around each. */
export function spread(parts: readonly string[], random: Random): string {
  return parts.length === 0 ? space(random) : parts.map((part) => space(random) + part + space(random)).join(',');
}

export function scalar(random: Random): string {
  return random.pick(random.pick([NUMBERS, WORDS, STRINGS, STRINGS]));
}

function some<Made>(random: Random, most: number, make: () => Made): Made[] {
  return Array.from({ length: random.below(most + 1) }, make);
}

export function member(key: string, value: string, random: Random): string {
  return `${key}${space(random)}:${space(random)}${value}`;
}

/** Members of an object, names that occur twice included; the key that replaces them excluded. */
export function members(manner: Manner, depth: number): string[] {
  return some(manner.random, 3, () => member(manner.random.pick(KEYS), value(manner, depth - 1), manner.random));
}

/** Any JSON value. */
export function value(manner: Manner, depth: number): string {
  const { random, share, directives } = manner;
  if (depth > 0 && random.chance(share)) return directives || random.chance(0.2) ? directive(manner, depth) : '{}';
  if (depth <= 0 || random.chance(0.4)) return scalar(random);
  if (random.chance(0.5))
    return `[${spread(
      some(random, 3, () => value(manner, depth - 1)),
      random,
    )}]`;
  return `{${spread(members(manner, depth), random)}}`;
}

/** A string token: usually as anybody writes it, sometimes with its first character escaped. */
export function quoted(text: string, random: Random): string {
  const token = JSON.stringify(text);
  if (!random.chance(0.1) || !/^[ -~]/.test(text)) return token;
  return `"\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(text.slice(1)).slice(1)}`;
}

/** An id, as a string or, if it is one, as an integer. */
export function idToken(id: string, random: Random): string {
  return /^(0|-?[1-9]\d*)$/.test(id) && random.chance(0.4) ? id : quoted(id, random);
}

function anId(random: Random): string {
  if (random.chance(0.03)) return random.pick(['"."', '".."', '"\\ud800"', '"x\\udc00"']);
  return idToken(random.chance(0.6) ? IDS[random.below(5)]! : random.pick(IDS), random);
}

/** An object that is replaced, or one that is written wrong and stays. */
export function directive(manner: Manner, depth: number): string {
  const { random } = manner;
  if (random.chance(0.06)) return broken(manner, depth);
  const kind = random.below(10);
  const list = kind >= 3 && kind < 6;
  const target = kind < 2 ? [source(random)] : list ? listed(manner, depth) : single(random);
  const inside = [...target, ...options(manner, list)];
  if (random.chance(0.3)) inside.reverse();
  const parts = [member('"esi:include"', `{${spread(inside, random)}}`, random)];
  if (random.chance(0.2)) parts[random.chance(0.5) ? 'push' : 'unshift'](...siblings(manner, depth));
  return `{${spread(parts, random)}}`;
}

function source(random: Random): string {
  const path = random.chance(0.75)
    ? `/f/${random.below(8)}`
    : random.pick(['/items/1', '/items/2', '/solos/1', '/items/%C3%BC']);
  return member('"src"', quoted(path, random), random);
}

function single(random: Random): string[] {
  const type = random.chance(0.02) ? 'nothing' : random.pick(TYPES);
  return [member('"type"', JSON.stringify(type), random), member('"id"', anId(random), random)];
}

function listed(manner: Manner, depth: number): string[] {
  const { random } = manner;
  const item = (): string => {
    if (random.chance(0.06))
      return random.pick(['null', '1.5', '1e3', '""', '{}', '{"id":null}', '{"id":""}', '[]', 'true']);
    if (random.chance(0.03)) return `[${value(manner, depth - 1)}]`;
    if (random.chance(0.7)) return anId(random);
    const over = some(random, 2, () => member(random.pick(['"i"', '"j"']), value(manner, depth - 1), random)).slice(
      0,
      1,
    );
    if (random.chance(0.3)) over.push(member(random.pick(['"c"', '"__proto__"']), plain(manner), random));
    return `{${spread([member('"id"', anId(random), random), ...over], random)}}`;
  };
  const ids = `[${spread(some(random, 4, item), random)}]`;
  return [member('"type"', JSON.stringify(random.pick(TYPES)), random), member('"ids"', ids, random)];
}

/** A value in which nothing is replaced. */
function plain({ random }: Manner): string {
  return value({ random, directives: false, share: 0 }, 2);
}

/** Members beside the directive: one that entities may have, one that none has. */
function siblings(manner: Manner, depth: number): string[] {
  const { random } = manner;
  const over: string[] = [];
  if (random.chance(0.6)) over.push(member(random.pick(['"a"', '"b"', '"\\u0062"', '"é"']), plain(manner), random));
  if (random.chance(0.6)) over.push(member(random.pick(['"s"', '"\\u0073"']), value(manner, depth - 1), random));
  return over;
}

function options(manner: Manner, list: boolean): string[] {
  const { random } = manner;
  const all: string[] = [];
  const add = (name: string, text: string) => all.push(member(name, text, random));
  if (random.chance(0.4)) add('"onerror"', random.pick(['"null"', '"drop"', '"ref"', '"drop"', '"null"', '"fail"']));
  if (random.chance(0.02)) add('"required"', random.pick(['true', 'false']));
  if (random.chance(0.15)) add('"default"', plain(manner));
  if (random.chance(0.2))
    add(
      '"fields"',
      `[${spread(
        some(random, 3, () => quoted(random.pick(NAMES), random)),
        random,
      )}]`,
    );
  if (random.chance(0.15)) add('"depth"', String(random.pick([0, 1, 2, 3, 4, 5, 9])));
  if (random.chance(0.05)) add('"timeout"', '800');
  if (random.chance(0.03)) add('"unknown"', plain(manner));
  if (random.chance(0.15)) {
    const type = `"type":${JSON.stringify(random.pick(['leaf', 'leaf', 'solo']))}`;
    const target = random.pick([
      `{"src":"/f/${8 + random.below(4)}"}`,
      list ? `{${type}}` : `{${type},"id":${anId(random)}}`,
    ]);
    add('"alt"', random.chance(0.1) ? target.replace('{', '{"depth":1,') : target);
  }
  return all;
}

/** Directives that are none: they stay as they are, whatever is in them. */
function broken(manner: Manner, depth: number): string {
  const { random } = manner;
  const item = '"type":"item","id":"1"';
  const bodies = [
    ...[
      '5',
      'null',
      '[]',
      '{}',
      '"/f/1"',
      '{"src":1}',
      '{"src":""}',
      `{"src":"/f/1",${item}}`,
      `{${item},"ids":["1"]}`,
    ],
    ...['{"type":"item","id":""}', '{"type":"item","id":1.5}', '{"type":"item","id":true}', '{"type":5,"id":"1"}'],
    ...[`{${item},"fields":5}`, `{${item},"fields":[1]}`, `{${item},"onerror":"nope"}`, '{"type":"item","ids":"1"}'],
    ...[`{${item},"alt":5}`, `{${item},"alt":{"src":1}}`, '{"ids":["1"]}', '{"id":"1"}'],
  ];
  if (random.chance(0.2)) return `{"esi:include":{${item}},"esi:include":${value(manner, depth - 1)}}`;
  return `{${spread(['"esi:esi:include":1', member('"esi:include"', random.pick(bodies), random)], random)}}`;
}
