import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHydrate, refusesHydration } from '../../../src/http/hydrate.ts';

describe('Inlay-Hydrate of a response', () => {
  it('is a list of paths with parameters', () => {
    expect(parseHydrate('"/hits/*/productId";type=product;as="product", "/ids/*";type=product')).toEqual({
      rules: [
        { path: ['hits', '*', 'productId'], type: 'product', as: 'product' },
        { path: ['ids', '*'], type: 'product' },
      ],
      problems: [],
    });
  });

  it('takes every parameter', () => {
    const field = '"/a";type="p";as=b;onerror=drop;fields="name /brand/name";required;timeout=250;depth=0';
    expect(parseHydrate(field).rules).toEqual([
      {
        path: ['a'],
        type: 'p',
        as: 'b',
        onerror: 'drop',
        fields: ['name', '/brand/name'],
        required: true,
        timeout: 250,
        depth: 0,
      },
    ]);
  });

  it.each([
    ['strings as tokens', '"/a";type="p";onerror="null"', { path: ['a'], type: 'p', onerror: 'null' }],
    ['a token as fields', '"/a";type=p;fields=name', { path: ['a'], type: 'p', fields: ['name'] }],
    ['spaces around names', '"/a";type=p;fields="  b  c "', { path: ['a'], type: 'p', fields: ['b', 'c'] }],
    ['the last of a repeated parameter', '"/a";type=p;type=q;as=x;as=y', { path: ['a'], type: 'q', as: 'y' }],
    ['a Boolean that is written out', '"/a";type=p;required=?0', { path: ['a'], type: 'p', required: false }],
    ['the whole document', '"";type=p', { path: [], type: 'p' }],
    ['empty tokens', '"//b/";type=p', { path: ['', 'b', ''], type: 'p' }],
    ['escaped tokens', '"/a~1b/m~0n/~01";type=p', { path: ['a/b', 'm~n', '~1'], type: 'p' }],
    ['quotes and backslashes', '"/a\\"b\\\\c";type=p', { path: ['a"b\\c'], type: 'p' }],
    ['a path of 16 tokens', `"${'/a'.repeat(16)}";type=p`, { path: Array(16).fill('a'), type: 'p' }],
  ])('takes %s', (_, field, rule) => {
    expect(parseHydrate(field)).toEqual({ rules: [rule], problems: [] });
  });

  it.each([
    ['/a;type=p', 'the field is not a List'],
    ['a/b;type=p', 'rule 1: the path is not a string'],
    ['("/a" "/b");type=p', 'rule 1: the path is not a string'],
    ['();type=p', 'rule 1: the path is not a string'],
    ['%"/a";type=p', 'rule 1: the path is not a string'],
    ['7;type=p', 'rule 1: the path is not a string'],
    ['@7', 'rule 1: the path is not a string'],
    [':YQ==:;type=p', 'rule 1: the path is not a string'],
    ['"a";type=p', '"a": the path does not begin with "/"'],
    ['"/a~2";type=p', '"/a~2": the path has a "~" that is neither ~0 nor ~1'],
    ['"/a~";type=p', '"/a~": the path has a "~" that is neither ~0 nor ~1'],
    [`"${'/a'.repeat(17)}";type=p`, 'the path has more than 16 tokens'],
    ['"/a"', '"/a": it has no type'],
    ['"/a";type', '"/a": type is neither a string nor a token'],
    ['"/a";type=1', '"/a": type is neither a string nor a token'],
    ['"/a";type=%"p"', '"/a": type is neither a string nor a token'],
    ['"/a";type=""', '"/a": type is empty'],
    ['"/a";type=p;as=?1', '"/a": as is neither a string nor a token'],
    ['"/a";type=p;as=""', '"/a": as is empty'],
    ['"";type=p;as=b', '"": as: the whole document is a member of nothing'],
    ['"/a";type=p;onerror=continue', '"/a": onerror is none of fail, null, ref, drop'],
    ['"/a";type=p;fields=1', '"/a": fields is neither a string nor a token'],
    ['"/a";type=p;fields=" "', '"/a": fields is empty'],
    ['"/a";type=p;required=1', '"/a": required is no Boolean'],
    ['"/a";type=p;timeout=0', '"/a": timeout is no integer of at least 1'],
    ['"/a";type=p;timeout=1.5', '"/a": timeout is no integer of at least 1'],
    ['"/a";type=p;timeout="1"', '"/a": timeout is no integer of at least 1'],
    ['"/a";type=p;depth=-1', '"/a": depth is no integer of at least 0'],
  ])('says what is wrong with %s', (field, problem) => {
    const { rules, problems } = parseHydrate(field);
    expect(rules).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    ['a trailing comma', '"/a";type=p,'],
    ['a string without end', '"/a;type=p'],
    ['a control character', '"/a\n";type=p'],
    ['a character beyond ASCII', '"/größe";type=p'],
    ['an unknown escape', '"/\\a";type=p'],
    ['an upper-case key', '"/a";Type=p'],
    ['text behind a member', '"/a";type=p x'],
    ['an integer of 16 digits', '"/a";type=p;timeout=1234567890123456'],
  ])('ignores the whole field for %s', (_, field) => {
    const { rules, problems } = parseHydrate(`"/ok";type=p, ${field}`);
    expect(rules).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/^the field is not a List \(RFC 9651\): [\x20-\x7e]+$/)]);
  });

  it('leaves a bad rule out and keeps the others', () => {
    const { rules, problems } = parseHydrate('"/a";type=p, "/b", "/c";type=q');
    expect(rules.map(({ type }) => type)).toEqual(['p', 'q']);
    expect(problems).toEqual(['"/b": it has no type']);
  });

  it('keeps a rule with parameters that are unknown, and says so', () => {
    expect(parseHydrate('"/a";type=p;x=1;y')).toEqual({
      rules: [{ path: ['a'], type: 'p' }],
      problems: ['"/a": unknown parameters: x, y (known: type, as, onerror, fields, required, timeout, depth)'],
    });
  });

  it('asks for nothing if it is empty', () => {
    expect(parseHydrate('')).toEqual({ rules: [], problems: [] });
    expect(parseHydrate('  ')).toEqual({ rules: [], problems: [] });
  });

  it('holds at most 32 rules', () => {
    const field = (count: number): string => Array.from({ length: count }, (_, i) => `"/${i}";type=p`).join(', ');
    expect(parseHydrate(field(32))).toMatchObject({ rules: { length: 32 }, problems: [] });
    expect(parseHydrate(field(33))).toMatchObject({
      rules: { length: 32 },
      problems: ['more than 32 rules: the others are ignored'],
    });
  });

  it('is at most 4,096 characters long', () => {
    const field = (length: number): string => `"/a";type=p;as="${'x'.repeat(length - 17)}"`;
    expect(parseHydrate(field(4_096))).toMatchObject({ rules: { length: 1 }, problems: [] });
    expect(parseHydrate(field(4_097))).toEqual({ rules: [], problems: ['the field is longer than 4096 characters'] });
  });

  it('is read once, while few others come between', () => {
    const first = parseHydrate('"/first";type=p');
    for (let i = 0; i < 63; i++) parseHydrate(`"/other";type=p;depth=${i}`);
    expect(parseHydrate('"/first";type=p')).toBe(first);
    for (let i = 0; i < 63; i++) parseHydrate(`"/third";type=p;depth=${i}`);
    expect(parseHydrate('"/first";type=p')).toBe(first);
    for (let i = 0; i < 64; i++) parseHydrate(`"/fourth";type=p;depth=${i}`);
    expect(parseHydrate('"/first";type=p')).not.toBe(first);
    expect(parseHydrate('"/first";type=p')).toEqual(first);
  });

  it('never throws, and says what is wrong on one line', () => {
    const scraps = [
      '"/a"',
      '"',
      ';',
      '=',
      ',',
      ' ',
      'type=p',
      'as',
      '?1',
      '(',
      ')',
      '%"',
      ':',
      '@',
      '-',
      '1',
      '~',
      '\\',
      '\0',
      'é',
    ];
    const field = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...scraps)).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(field, (text) => {
        for (const problem of parseHydrate(text).problems) expect(problem).toMatch(/^[\x20-\x7e]+$/);
        refusesHydration(text);
      }),
      { seed: 42, numRuns: 5_000 },
    );
  });
});

describe('Inlay-Hydrate of a request', () => {
  it.each(['?0', ' ?0 ', '?0;q=1', '?0; why="slow"'])('refuses with %j', (field) => {
    expect(refusesHydration(field)).toBe(true);
  });

  it.each([undefined, '', '?1', '0', 'false', '"?0"', '?0, ?0', '?0x', '?', '?2', '(?0)', 'no', 'é'])(
    'refuses nothing with %j',
    (field) => {
      expect(refusesHydration(field)).toBe(false);
    },
  );
});
