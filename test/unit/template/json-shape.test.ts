import { describe, expect, it } from 'vitest';
import { overlay, project } from '../../../src/template/json-shape.ts';
import type { Collection, EntityList, Hydration, Include, Member, Segment } from '../../../src/template/template.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { ignoreBOM: true });
const bytes = (value: string): Uint8Array => utf8.encode(value);

const include: Include = { kind: 'include', syntax: 'json', target: { type: 'product', id: '7' } };
const country: Include = { kind: 'include', syntax: 'json', target: { type: 'country', id: 'FRA' } };
const hydration: Hydration = { kind: 'hydration', body: [bytes(',"country":'), country], refused: [] };

/** Segments from strings and instructions. */
function segmentsOf(...parts: readonly (string | Exclude<Segment, Uint8Array>)[]): Segment[] {
  return parts.map((part) => (typeof part === 'string' ? bytes(part) : part));
}

/** Runs of bytes as one string each, instructions as they are. */
function shown(segments: readonly Segment[] | undefined): readonly unknown[] | undefined {
  const parts: unknown[] = [];
  for (const segment of segments ?? []) {
    const part = segment instanceof Uint8Array ? text.decode(segment) : segment;
    const before = parts.at(-1);
    if (typeof part === 'string' && typeof before === 'string') parts[parts.length - 1] = before + part;
    else parts.push(part);
  }
  return segments && parts;
}

function projected(document: string, ...fields: readonly string[]): string {
  return shown(project([bytes(document)], fields))?.join('') ?? '';
}

function members(...values: readonly (readonly [key: string, ...value: readonly (string | Include)[]])[]): Member[] {
  return values.map(([key, ...value]) => ({ key, name: JSON.parse(key) as string, value: segmentsOf(...value) }));
}

function overlaid(document: string, ...values: readonly (readonly [string, string])[]): string | undefined {
  return shown(overlay([bytes(document)], members(...values)))?.join('');
}

function collection(open: string, items: readonly (readonly Segment[])[], close: string): Collection {
  return { kind: 'collection', open: bytes(open), items, close: bytes(close) };
}

describe('projecting a JSON value', () => {
  it.each([
    ['the members that are named', '{"a":1,"b":2,"c":3}', ['a', 'c'], '{"a":1,"c":3}'],
    ['the order of the document', '{"a":1,"b":2,"c":3}', ['c', 'b'], '{"b":2,"c":3}'],
    ['the first', '{"a":1,"b":2}', ['a'], '{"a":1}'],
    ['the last', '{"a":1,"b":2}', ['b'], '{"b":2}'],
    ['one between', '{"a":1,"b":2,"c":3}', ['b'], '{"b":2}'],
    ['nothing, if none is there', '{"a":1,"b":2}', ['x'], '{}'],
    ['nothing, if none is named', '{"a":[1],"b":{}}', [], '{}'],
    ['every member of a name', '{"a":1,"b":2,"a":[3]}', ['a'], '{"a":1,"a":[3]}'],
    ['white space between the commas', '{ "a" : 1 ,\n "b" :\t2 , "c":3\n}', ['b', 'c'], '{\n "b" :\t2 , "c":3\n}'],
    ['what is inside a member', '{"a":{"x":[ 1.0, -0 ],"x":2},"b":0}', ['a'], '{"a":{"x":[ 1.0, -0 ],"x":2}}'],
    [
      'numbers as they are',
      '{"a":12345678901234567890.10,"b":1E+2,"c":0}',
      ['a', 'b'],
      '{"a":12345678901234567890.10,"b":1E+2}',
    ],
    ['escaped keys', '{"na\\u006de":1,"b":2}', ['name'], '{"na\\u006de":1}'],
    ['members called __proto__', '{"__proto__":1,"constructor":2,"b":3}', ['__proto__'], '{"__proto__":1}'],
    ['a member without a name', '{"":1,"b":2}', ['/'], '{"":1}'],
    ['what is in arrays', '[{"a":1,"b":2},[{"b":3}],4,null]', ['a'], '[{"a":1},[{}],4,null]'],
    ['what a pointer leads to', '{"a":{"b":1,"c":2},"d":3}', ['/a/b'], '{"a":{"b":1}}'],
    ['what pointers lead to in arrays', '{"a":[{"b":1,"c":2},{"c":3}],"d":3}', ['/a/b'], '{"a":[{"b":1},{}]}'],
    [
      'what several pointers lead to',
      '{"a":{"b":{"x":1,"y":2},"c":2}}',
      ['/a/b/y', '/a/c'],
      '{"a":{"b":{"y":2},"c":2}}',
    ],
    ['all of a member that is also named', '{"a":{"b":1,"c":2}}', ['/a/b', 'a'], '{"a":{"b":1,"c":2}}'],
    ['a value through which a pointer cannot go', '{"a":null,"b":2}', ['/a/x'], '{"a":null}'],
    ['tokens with ~0 and ~1', '{"a/b":1,"m~n":2,"~1":3,"c":4}', ['/a~1b', '/m~0n', '/~01'], '{"a/b":1,"m~n":2,"~1":3}'],
    ['names with a slash or a tilde', '{"a/b":1,"m~0n":2,"c":3}', ['a/b', 'm~0n'], '{"a/b":1,"m~0n":2}'],
    ['names beyond ASCII', '{"größe":1,"gr\\u00f6ße":2,"x":3}', ['größe'], '{"größe":1,"gr\\u00f6ße":2}'],
    ['names that must be escaped', '{"a\\"b":1,"a\\\\nb":2,"a\\nb":3}', ['a"b', 'a\\nb'], '{"a\\"b":1,"a\\\\nb":2}'],
    ['a lone surrogate for itself alone', '{"\\ud800":1,"\ufffd":2}', ['\ud800'], '{"\\ud800":1}'],
  ])('keeps %s', (_, document, fields, expected) => {
    expect(projected(document, ...fields)).toBe(expected);
  });

  it('finds a member among many names', () => {
    const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
    expect(projected('{"n150":1,"x":2,"n\\u0037":3}', ...names)).toBe('{"n150":1,"n\\u0037":3}');
  });

  it.each(['"a"', ' 12 ', 'null', '[]', '{}', '[1,"a"]'])('returns %s as it is', (document) => {
    const segments = [bytes(document)];
    expect(project(segments, ['x'])).toBe(segments);
  });

  it.each([
    ['what is no JSON', '{"a":1,"b":2'],
    ['text behind the value', '{"a":1,"b":2} x'],
    ['an empty text', ''],
    ['a missing value', '{"b":2,"a":}'],
    ['text that nests too deep', `{"b":1,"a":${'['.repeat(512)}${']'.repeat(512)}}`],
  ])('returns %s as it is', (_, document) => {
    const segments = [bytes(document)];
    expect(project(segments, ['a'])).toBe(segments);
  });

  it('drops a byte order mark', () => {
    expect(projected('\ufeff{"a":1}', 'a')).toBe('{"a":1}');
    expect(projected('\ufeff {"a":1,"b":2}', 'b')).toBe(' {"b":2}');
  });

  it('does not copy what it keeps of a single run of bytes', () => {
    const whole = bytes('{"a":1,"b":2,"c":3}');
    for (const segment of project([whole], ['a', 'c'])) {
      expect(segment instanceof Uint8Array && segment.buffer === whole.buffer).toBe(true);
    }
  });

  it('goes through pieces cut anywhere between tokens', () => {
    const segments = segmentsOf('{"a"', ':{"x":1', ',"y":2},', '', '"b":3}');
    expect(shown(project(segments, ['/a/y']))).toEqual(['{"a":{"y":2}}']);
  });
});

describe('projecting around instructions', () => {
  it('keeps a directive of a member that is kept, and drops one of a member that is not', () => {
    const segments = segmentsOf('{"a":', include, ',"b":', country, '}');
    expect(shown(project(segments, ['b']))).toEqual(['{"b":', country, '}']);
  });

  it('leaves the rest of the pointers to a directive whose result is not there yet', () => {
    const segments = segmentsOf('{"a": ', { ...include, within: [['x']] }, ' ,"b":2}');
    expect(shown(project(segments, ['/a/b/c', '/a/d']))).toEqual([
      '{"a": ',
      { ...include, within: [['x'], ['/b/c', '/d']] },
      ' }',
    ]);
  });

  it('leaves them to each entity of a list', () => {
    const list: EntityList = { kind: 'list', each: { kind: 'include', syntax: 'json' }, items: [] };
    const segments = segmentsOf('{"a":', list, '}');
    const narrowed = { ...list, each: { ...list.each, within: [['/b']] } };
    expect(shown(project(segments, ['/a/b']))).toEqual(['{"a":', narrowed, '}']);
  });

  it('leaves all fields to a directive that is the whole value, or an element of an array', () => {
    const fields = ['a', '/b/c'];
    expect(project([include], fields)).toEqual([{ ...include, within: [fields] }]);
    const inArray = project(segmentsOf('[', include, ',', country, ']'), fields);
    expect(shown(inArray)).toEqual(['[', { ...include, within: [fields] }, ',', { ...country, within: [fields] }, ']']);
  });

  it('keeps what hydrates an id with the id, and drops it with the id', () => {
    const segments = segmentsOf('{"code":"FRA" ', hydration, ' ,"b":2}');
    expect(shown(project(segments, ['code']))).toEqual(['{"code":"FRA" ', hydration, ' }']);
    expect(shown(project(segments, ['b']))).toEqual(['{"b":2}']);
    expect(shown(project(segments, ['x']))).toEqual(['{}']);
  });

  it('knows several that hydrate one id, and the last member of an object', () => {
    const segments = segmentsOf('[{"b":2,"code":"FRA"', hydration, hydration, '}]');
    expect(shown(project(segments, ['code']))).toEqual(['[{"code":"FRA"', hydration, hydration, '}]']);
    expect(shown(project(segments, ['b']))).toEqual(['[{"b":2}]']);
  });

  it('projects what hydrates a place, and what stands there for those who refuse it', () => {
    const place: Hydration = { kind: 'hydration', body: [country], refused: [bytes('"FRA"')] };
    const segments = segmentsOf('{"c": ', place, ',"d":1}');
    const body = [{ ...country, within: [['/name']] }];
    expect(shown(project(segments, ['/c/name']))).toEqual(['{"c": ', { ...place, body }, '}']);
    expect(shown(project(segments, ['d']))).toEqual(['{"d":1}']);
  });

  it('projects objects that are kept in pieces', () => {
    const whole = collection(
      '{',
      [segmentsOf('"a":', include), segmentsOf(' "b" : {"x":1,"y":2} '), segmentsOf('"c":', include, ' ')],
      '}',
    );
    expect(project([whole], ['/b/y', '/c/z'])).toEqual([
      collection(
        '{',
        [segmentsOf(' "b" : {', '"y":2} '), segmentsOf('"c":', { ...include, within: [['/z']] }, ' ')],
        '}',
      ),
    ]);
    expect(project([whole], ['a'])).toEqual([collection('{', [segmentsOf('"a":', include)], '}')]);
    expect(project([whole], [])).toEqual([collection('{', [], '}')]);
  });

  it('projects the elements of arrays that are kept in pieces', () => {
    const inner = collection('{', [segmentsOf('"a":', include), segmentsOf('"b":2')], '}');
    const whole = collection(' [ ', [[include], segmentsOf(' {"a":1,"b":2}'), [inner]], ']');
    const [result] = project(segmentsOf('{"x":', whole, '}'), ['/x/b']).filter((part) => !(part instanceof Uint8Array));
    const items = [
      [{ ...include, within: [['/b']] }],
      segmentsOf(' {', '"b":2}'),
      [collection('{', [segmentsOf('"b":2')], '}')],
    ];
    expect(result).toEqual(collection(' [ ', items, ']'));
  });
});

describe('overlaying a JSON object', () => {
  it.each([
    ['gives a member its new value in its old place', '{"a":1,"b":2}', [['"a"', '9']], '{"a":9,"b":2}'],
    [
      'adds what is not there at the end',
      '{"a":1}',
      [
        ['"c"', '3'],
        ['"b"', ' 2 '],
      ],
      '{"a":1,"c":3,"b": 2 }',
    ],
    [
      'adds to an empty object',
      '{ }',
      [
        ['"a"', '1'],
        ['"b"', '2'],
      ],
      '{"a":1,"b":2 }',
    ],
    ['changes every member of that name', '{"a":1,"b":2,"a":{"a":3}}', [['"a"', '9']], '{"a":9,"b":2,"a":9}'],
    ['changes no member of a member', '{"b":{"a":1}}', [['"a"', '9']], '{"b":{"a":1},"a":9}'],
    ['keeps keys as they are written', '{"na\\u006de" : 1}', [['"name"', '9']], '{"na\\u006de" :9}'],
    ['reads escapes in its own keys', '{"name":1}', [['"na\\u006de"', '9']], '{"name":9}'],
    ['adds keys as they are written', '{}', [['"na\\u006de"', '9']], '{"na\\u006de":9}'],
    [
      'lets the last of a name win',
      '{"a":1}',
      [
        ['"a"', '8'],
        ['"a"', '9'],
        ['"b"', '0'],
        ['"b"', '1'],
      ],
      '{"a":9,"b":1}',
    ],
    [
      'keeps white space',
      '{\n  "a": 1,\n  "b": 2\n}\n',
      [
        ['"a"', ' 9'],
        ['"c"', ' 3'],
      ],
      '{\n  "a": 9,\n  "b": 2,"c": 3\n}\n',
    ],
    [
      'treats __proto__ as any name',
      '{"__proto__":1}',
      [
        ['"__proto__"', '9'],
        ['"constructor"', '2'],
      ],
      '{"__proto__":9,"constructor":2}',
    ],
    ['drops a byte order mark', '\ufeff{"a":1}', [['"b"', '2']], '{"a":1,"b":2}'],
    ['changes nothing without members', '{"a":1 }', [], '{"a":1 }'],
  ] satisfies readonly [string, string, [string, string][], string][])('%s', (_, document, values, expected) => {
    expect(overlaid(document, ...values)).toBe(expected);
  });

  it.each(['[{}]', '"a"', 'null', '', '{"a":1', '{"a":1}]', `{"a":${'['.repeat(512)}${']'.repeat(512)}}`])(
    'says that %s is no object',
    (document) => {
      expect(overlaid(document, ['"a"', '1'])).toBeUndefined();
    },
  );

  it('says that a directive is no object yet', () => {
    expect(overlay([include], members(['"a"', '1']))).toBeUndefined();
  });

  it('keeps directives beside the overlay, replaces those under it, and brings its own', () => {
    const segments = segmentsOf('{"a":', include, ',"b":', include, '}');
    const result = overlay(segments, members(['"b"', ' ', country], ['"c"', country]));
    expect(shown(result)).toEqual(['{"a":', include, ',"b": ', country, ',"c":', country, '}']);
  });

  it('keeps what hydrates an id with the id, and adds members behind it', () => {
    const segments = segmentsOf('{"code":"FRA" ', hydration, ' }');
    expect(shown(overlay(segments, members(['"x"', '1'])))).toEqual(['{"code":"FRA" ', hydration, ',"x":1 }']);
    expect(shown(overlay(segments, members(['"code"', '"DEU"'])))).toEqual(['{"code":"DEU" ', hydration, ' }']);
  });

  it('changes objects that are kept in pieces', () => {
    const whole = collection('{', [segmentsOf(' "a": ', include), segmentsOf('"b":2 ')], '}');
    const changed = [segmentsOf(' "a":', '9'), segmentsOf('"b":2 '), segmentsOf('"c":', '3')];
    const result = overlay(segmentsOf(' ', whole), members(['"a"', '9'], ['"c"', '3']));
    expect(shown(result?.slice(0, 1))).toEqual([' ']);
    expect(result?.[1]).toEqual(collection('{', changed, '}'));
    expect(overlay([collection('[', [[include]], ']')], members(['"a"', '9']))).toBeUndefined();
  });

  it('adds to an object that has lost all its pieces', () => {
    const [result] = overlay([collection('{', [], '}')], members(['"c"', '3'])) ?? [];
    expect(result).toEqual(collection('{', [segmentsOf('"c":', '3')], '}'));
  });
});
