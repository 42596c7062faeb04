import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { matchesVary, varyNames, varyValues } from '../../../src/http/vary.ts';

test.each<[readonly string[], readonly string[] | '*']>([
  [[], []],
  [['vary', ''], []],
  [['vary', 'Foo'], ['foo']],
  [
    ['vary', 'b, A,b'],
    ['a', 'b'],
  ],
  [
    ['vary', 'b', 'vary', 'a'],
    ['a', 'b'],
  ],
  [['vary', ', ,foo,'], ['foo']],
  [['vary', '*'], '*'],
  [['vary', '*, *'], '*'],
  [['vary', '*', 'vary', '*'], '*'],
  [['vary', ', *'], '*'],
  [['vary', '', 'vary', '*'], '*'],
  [['vary', '*, Foo'], '*'],
  [['vary', 'Foo, *'], '*'],
  [['vary', 'Foo', 'vary', 'Bar,\t*'], '*'],
])('the names in %j are %j', (fields, expected) => {
  expect(varyNames(fields)).toEqual(expected);
});

const match = (names: readonly string[], first: readonly string[], second: readonly string[]): boolean =>
  matchesVary(varyValues(names, first), second);

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ['equal values', ['foo'], ['foo', '1'], ['foo', '1']],
  ['both absent', ['foo', 'bar'], ['foo', '1'], ['foo', '1']],
  ['other fields differ', ['foo'], ['foo', '1', 'x', '2'], ['x', '3', 'foo', '1']],
  ['white space', ['foo'], ['foo', '1,2'], ['foo', ' 1 ,\t2 ']],
  ['lines joined', ['foo'], ['foo', '1, 2'], ['foo', '1', 'foo', '2']],
  ['case of languages', ['accept-language'], ['accept-language', 'en-GB'], ['accept-language', 'EN-gb']],
  ['no names at all', [], ['a', '1'], []],
])('matches: %s', (_, names, first, second) => {
  expect(match(names, first, second)).toBe(true);
});

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ['another value', ['foo'], ['foo', '1'], ['foo', '2']],
  ['absent now', ['foo'], ['foo', '1'], []],
  ['absent then', ['foo'], [], ['foo', '1']],
  ['absent is not empty', ['foo'], [], ['foo', '']],
  ['one of several', ['bar', 'foo'], ['foo', '1', 'bar', 'a'], ['foo', '1', 'bar', 'b']],
  ['case elsewhere', ['foo'], ['foo', 'a'], ['foo', 'A']],
  ['order of lines', ['foo'], ['foo', '1', 'foo', '2'], ['foo', '2', 'foo', '1']],
  ['white space in quotes', ['foo'], ['foo', '"a,b"'], ['foo', '"a, b"']],
])('does not match: %s', (_, names, first, second) => {
  expect(match(names, first, second)).toBe(false);
});

it('lists names sorted and once, with their values', () => {
  expect(varyValues(['a', 'b', 'c'], ['b', ' x,y', 'c', ''])).toEqual([
    ['a', ''],
    ['b', 'x, y'],
    ['c', ' '],
  ]);
});

it('always matches the request that it was made of', () => {
  const fields = fc.array(fc.tuple(fc.constantFrom('foo', 'bar', 'accept-language'), fc.string()), { maxLength: 5 });
  fc.assert(
    fc.property(fields, (lines) => {
      const flat = lines.flat();
      expect(match(['accept-language', 'bar', 'foo'], flat, flat)).toBe(true);
    }),
    { seed: 1 },
  );
});
