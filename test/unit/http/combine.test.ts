import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseCacheControl } from '../../../src/http/cache-control.ts';
import { type Combined, type CombinedPart, combineCacheControl } from '../../../src/http/combine.ts';

const part = (cacheControl: string | undefined, age = 0, personal = false): CombinedPart => ({
  fields: cacheControl === undefined ? [] : ['cache-control', cacheControl],
  age: age * 1000,
  personal,
});
/** The value, and the Age if there is one. */
const combine = (...parts: CombinedPart[]): string => {
  const { cacheControl, age } = combineCacheControl(parts);
  return age < 1000 ? cacheControl : `${cacheControl} Age: ${Math.floor(age / 1000)}`;
};

test.each<[string, CombinedPart[], string]>([
  ['one part speaks for itself', [part('max-age=60')], 'max-age=60'],
  ['the least max-age', [part('max-age=60'), part('max-age=30')], 'max-age=30'],
  ['the least max-age that is left', [part('max-age=60', 50), part('max-age=30')], 'max-age=30 Age: 20'],
  ['the least left, of parts whose ages differ', [part('max-age=60'), part('max-age=300', 200)], 'max-age=60'],
  ['an age below a second is none', [part('max-age=60', 0.999)], 'max-age=60'],
  ['the age of a part that is alone', [part('max-age=60, s-maxage=90', 7)], 'max-age=60, s-maxage=90 Age: 7'],
  ['none left', [part('max-age=60', 61), part('max-age=30')], 'max-age=30 Age: 61'],
  ['a part without freshness has none', [part('max-age=60'), part(undefined)], 'max-age=0'],
  ['a malformed max-age is none', [part('max-age=60'), part('max-age=x')], 'max-age=0'],
  ['s-maxage is no lifetime for a browser', [part('s-maxage=60')], 'max-age=0, s-maxage=60'],
  [
    's-maxage of every part',
    [part('max-age=5, s-maxage=60', 1), part('max-age=9, s-maxage=50')],
    'max-age=4, s-maxage=50',
  ],
  [
    's-maxage and max-age count from one Age',
    [part('max-age=50, s-maxage=20', 10), part('max-age=30, s-maxage=60', 9)],
    'max-age=30, s-maxage=19 Age: 9',
  ],
  ['the age of what no browser may keep', [part('no-cache', 5), part('s-maxage=60', 9)], 'no-cache Age: 9'],
  ['s-maxage of some parts', [part('max-age=5, s-maxage=60'), part('max-age=9')], 'max-age=5'],
  ['private', [part('max-age=60, public, s-maxage=9'), part('private, max-age=30')], 'private, max-age=30'],
  ['private for some fields', [part('private="x", max-age=30')], 'private, max-age=30'],
  [
    'private, s-maxage everywhere',
    [part('s-maxage=9, max-age=1'), part('private, s-maxage=9, max-age=1')],
    'private, max-age=1',
  ],
  ['personal', [part('public, max-age=60'), part('public, max-age=60', 0, true)], 'private, max-age=60'],
  ['no-store', [part('max-age=60'), part('no-store')], 'no-store'],
  ['no-store and private', [part('private'), part('no-store, max-age=1')], 'private, no-store'],
  ['no-store, malformed', [part('no-store; max-age=9')], 'no-store'],
  ['no-cache', [part('max-age=60, s-maxage=9, immutable'), part('no-cache, max-age=9, s-maxage=9')], 'no-cache'],
  ['must-revalidate', [part('max-age=60'), part('max-age=60, must-revalidate')], 'max-age=60, must-revalidate'],
  [
    'proxy-revalidate and no-transform',
    [part('max-age=60, no-transform'), part('max-age=60, proxy-revalidate')],
    'max-age=60, proxy-revalidate, no-transform',
  ],
  ['public everywhere', [part('public, max-age=60'), part('max-age=60, public')], 'public, max-age=60'],
  ['public somewhere', [part('public, max-age=60'), part('max-age=60')], 'max-age=60'],
  ['immutable everywhere', [part('immutable, max-age=60'), part('max-age=60, immutable')], 'max-age=60, immutable'],
  ['immutable somewhere', [part('immutable, max-age=60'), part('max-age=60')], 'max-age=60'],
  ['stale windows and extensions', [part('max-age=60, stale-while-revalidate=9, stale-if-error=9, x=y')], 'max-age=60'],
  ['no parts', [], 'max-age=0'],
])('%s', (_, parts, expected) => {
  expect(combine(...parts)).toBe(expected);
});

describe('Expires', () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const later = 'Sun, 06 Nov 1994 08:50:37 GMT';
  test.each<[string, readonly string[], number]>([
    ['counts from Date', ['date', date, 'expires', later], 50],
    ['yields to max-age', ['date', date, 'expires', later, 'cache-control', 'max-age=20'], 10],
    ['is 0 if invalid', ['date', date, 'expires', '0'], 0],
    ['is 0 if there are two', ['date', date, 'expires', later, 'expires', later], 0],
    ['is 0 without a Date', ['expires', later], 0],
    ['is 0 in the past', ['date', later, 'expires', date], 0],
  ])('%s', (_, fields, maxAge) => {
    expect(combineCacheControl([{ fields, age: 10_000, personal: false }]).maxAge).toBe(maxAge);
  });
});

it('does not tell browsers what was said to surrogates', () => {
  const fields = ['surrogate-control', 'max-age=60', 'cdn-cache-control', 'max-age=60', 'cache-control', 'max-age=5'];
  expect(combineCacheControl([{ fields, age: 0, personal: false }]).cacheControl).toBe('max-age=5');
});

it('bounds a degraded page, but never lengthens a life', () => {
  expect(combineCacheControl([part('max-age=60, s-maxage=60')], 1000).cacheControl).toBe('max-age=1, s-maxage=1');
  expect(combineCacheControl([part('max-age=60', 60)], 1000)).toMatchObject({ age: 60_000, cacheControl: 'max-age=1' });
});

const anyPart = fc.record({
  fields: fc
    .uniqueArray(
      fc.constantFrom(
        'max-age=9',
        's-maxage=7',
        'public',
        'private',
        'no-store',
        'no-cache',
        'must-revalidate',
        'immutable',
      ),
    )
    .map((members) => ['cache-control', members.join(', ')]),
  age: fc.nat(20_000),
  personal: fc.boolean(),
});

/** Seconds that a browser may still keep a page, by what it is told. */
const left = ({ cacheControl, age }: Combined): number => Math.max(0, given({ cacheControl }) - Math.floor(age / 1000));
const given = ({ cacheControl }: Pick<Combined, 'cacheControl'>): number =>
  Number(parseCacheControl(cacheControl).get('max-age') ?? 0);

it('is never more permissive with one part more, and does not care for their order', () => {
  fc.assert(
    fc.property(fc.array(anyPart, { minLength: 1, maxLength: 4 }), anyPart, (parts, more) => {
      const before = combineCacheControl(parts);
      const after = combineCacheControl([...parts, more]);
      expect(combineCacheControl([more, ...parts.toReversed()])).toEqual(after);
      expect(after.maxAge).toBeLessThanOrEqual(before.maxAge);
      expect(left(after)).toBeLessThanOrEqual(
        Math.min(...[...parts, more].map((one) => left(combineCacheControl([one])))),
      );
      expect(given(after)).toBeLessThanOrEqual(
        Math.min(...[...parts, more].map((one) => given(combineCacheControl([one])))),
      );
      const [had, has] = [before, after].map((combined) => parseCacheControl(combined.cacheControl));
      for (const name of ['private', 'no-store']) if (had!.has(name)) expect(has!.has(name)).toBe(true);
      for (const name of ['public', 'immutable', 's-maxage']) if (has!.has(name)) expect(had!.has(name)).toBe(true);
      expect(has!.has('private') && (has!.has('public') || has!.has('s-maxage'))).toBe(false);
    }),
    { seed: 1, numRuns: 500 },
  );
});
