import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { deltaSeconds, MAX_DELTA, parseCacheControl, printCacheControl } from '../../../src/http/cache-control.ts';

const parse = (text: string | undefined) => Object.fromEntries(parseCacheControl(text));

test.each<[string, string | undefined, Record<string, string | true>]>([
  ['nothing in an absent field', undefined, {}],
  ['nothing in an empty field', '', {}],
  ['nothing in empty members', ' , ,\t,', {}],
  ['bare names and arguments', 'public, max-age=60', { public: true, 'max-age': '60' }],
  ['names in any case', 'No-StOrE, MaX-aGe=1', { 'no-store': true, 'max-age': '1' }],
  ['no white space as well as much', 'a,b ,\tc=1  ,  d', { a: true, b: true, c: '1', d: true }],
  ['quoted arguments', 'max-age="3600"', { 'max-age': '3600' }],
  [
    'commas and equals signs in quotes',
    'ext="max-age=100, no-store", max-age=1',
    { ext: 'max-age=100, no-store', 'max-age': '1' },
  ],
  ['escapes in quotes', String.raw`ext="a\"b\\c", x`, { ext: 'a"b\\c', x: true }],
  ['the first of duplicates', 'max-age=1800, max-age=1', { 'max-age': '1800' }],
  ['the first of duplicates of another form', 'private="a", private', { private: 'a' }],
  ['an empty argument', 'max-age=', { 'max-age': '' }],
  ['single quotes as part of the argument', "max-age='3600'", { 'max-age': "'3600'" }],
])('finds %s', (_, text, expected) => {
  const found = parse(text);
  expect(Object.entries(found)).toEqual(Object.entries(expected));
});

it('finds names that objects have too', () => {
  const found = [...parseCacheControl('__proto__=1, constructor, toString=x')];
  expect(found).toEqual([
    ['__proto__', '1'],
    ['constructor', true],
    ['tostring', 'x'],
  ]);
  expect(parseCacheControl('').get('constructor')).toBeUndefined();
});

describe('malformed text still forbids but never permits', () => {
  test.each<[string, string]>([
    ['no-store; max-age=5', 'no-store'],
    ['private max-age=60', 'private'],
    ['max-age=60; private', 'private'],
    ['private =', 'private'],
    ['private="x', 'private'],
    ['private="x"y', 'private'],
    ['foo="bar, no-store', 'no-store'],
    ['"quoted" no-store', 'no-store'],
    ['=, no-store', 'no-store'],
    ['(no-store)', 'no-store'],
    ['no-store\u00a0', 'no-store'],
  ])('%j has %s', (text, name) => {
    expect(parseCacheControl(text).has(name)).toBe(true);
  });

  test.each<[string, string]>([
    ['max-age =3600', 'max-age'],
    ['max-age= 3600', 'max-age'],
    ['max-age=3600; private', 'max-age'],
    ['x max-age=3600', 'max-age'],
    ['=max-age=3600', 'max-age'],
    ['"" max-age=3600', 'max-age'],
    ['max-age="3600', 'max-age'],
    ['max-age=3600"', 'max-age'],
  ])('%j has no lifetime', (text, name) => {
    expect(deltaSeconds(parseCacheControl(text).get(name))).toBe(0);
  });

  it('recovers at the next comma', () => {
    expect(parse('x y, max-age=5, public')).toEqual({ x: '', y: '', 'max-age': '5', public: true });
  });

  it('does not take a malformed public for public', () => {
    expect(parseCacheControl('x public').get('public')).not.toBe(true);
    expect(parseCacheControl('public;').get('public')).not.toBe(true);
  });
});

test.each<[string | true | undefined, number | undefined]>([
  [undefined, undefined],
  [true, 0],
  ['', 0],
  ['0', 0],
  ['003600', 3600],
  ['2147483648', MAX_DELTA],
  ['99999999999', MAX_DELTA],
  ['9'.repeat(400), MAX_DELTA],
  ['-100', 0],
  ['+100', 0],
  ['a100', 0],
  ['100a', 0],
  ['3600.0', 0],
  ['1e3', 0],
  ['0x10', 0],
  [' 1', 0],
  ['1\n', 0],
  ['\u0661', 0],
])('delta-seconds of %j are %j', (text, seconds) => {
  expect(deltaSeconds(text)).toBe(seconds);
});

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);

it('reads back what it printed', () => {
  const argument = fc.oneof(fc.constant(true as const), fc.string({ unit: 'grapheme-ascii' }));
  fc.assert(
    fc.property(fc.dictionary(token, argument, { noNullPrototype: true }), (directives) => {
      expect(new Map(parseCacheControl(printCacheControl(Object.entries(directives))))).toEqual(
        new Map(Object.entries(directives)),
      );
    }),
    { seed: 1 },
  );
});

it('finds no-store as a member of its own whatever stands before it', () => {
  const junk = fc.string({ unit: fc.constantFrom('a', '=', ';', ' ', ',', '(', '\\', '\u00e9') });
  fc.assert(
    fc.property(junk, (text) => {
      expect(parseCacheControl(`${text}, no-store`).get('no-store')).toBe(true);
    }),
    { seed: 2 },
  );
});

it('never throws and ends soon, even for 100 kB of quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void parseCacheControl(text)),
    { seed: 3 },
  );
  for (const piece of ['"', '\\"', '="', 'a="', '="\\"', ', ', ' ', ';', 'a']) parseCacheControl(piece.repeat(50_000));
});
