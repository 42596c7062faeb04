import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  currentAge,
  type FreshnessOptions,
  freshness,
  requestDirectives,
  satisfies,
  type Timed,
} from '../../../src/cache/freshness.ts';

const STORED_AT = 1_000_000_000_000;
const S = 1000;

/** An entry with a lifetime of a minute, stored at 0, all in seconds. */
function entry(times: { lifetime?: number; age?: number; swr?: number; sie?: number; must?: boolean } = {}): Timed {
  return {
    storedAt: STORED_AT,
    initialAge: (times.age ?? 0) * S,
    lifetime: (times.lifetime ?? 60) * S,
    staleWhileRevalidate: (times.swr ?? 0) * S,
    staleIfError: (times.sie ?? 0) * S,
    mustRevalidate: times.must ?? false,
  };
}
const after = (seconds: number): number => STORED_AT + seconds * S;

test.each([
  ['as old as on arrival', 0, 0, 0],
  ['older by the time it was here', 30, 10, 40],
  ['not rejuvenated by a clock that was set back', 30, -10, 30],
])('age: %s (9111#4.2.3)', (_, age, seconds, expected) => {
  expect(currentAge(entry({ age }), after(seconds))).toBe(expected * S);
});

interface Case {
  readonly name: string;
  readonly spec: string;
  readonly entry?: Parameters<typeof entry>[0];
  readonly at: number;
  readonly options?: FreshnessOptions;
  readonly expect: object;
}
const fresh = (seconds: number): object => ({ state: 'fresh', ttl: seconds * S });
/** Stale for so many seconds; good while revalidating (w), after an error (e), when disconnected (d). */
const stale = (seconds: number, goodFor: string): object => ({
  state: 'stale',
  staleFor: seconds * S,
  whileRevalidate: goodFor.includes('w'),
  ifError: goodFor.includes('e'),
  whenDisconnected: goodFor.includes('d'),
});

// biome-ignore format: one record a line
const cases: Case[] = [
  { name: 'fresh on arrival', spec: '9111#4.2', at: 0, expect: fresh(60) },
  { name: 'fresh a moment before the end', spec: '9111#4.2', at: 59.999, expect: { state: 'fresh', ttl: 1 } },
  { name: 'stale at the end', spec: '9111#4.2', at: 60, expect: stale(0, 'd') },
  { name: 'age on arrival counts', spec: '9111#4.2.3', entry: { age: 50 }, at: 5, expect: fresh(5) },
  { name: 'stale on arrival', spec: '9111#4.2', entry: { age: 70 }, at: 0, expect: stale(10, 'd') },
  { name: 'no lifetime is stale at once', spec: '9111#4.2.1', entry: { lifetime: 0 }, at: 0, expect: stale(0, 'd') },
  { name: 'must-revalidate', spec: '9111#5.2.2.2', entry: { must: true }, at: 61, expect: stale(1, '') },
  { name: 'within stale-while-revalidate', spec: '5861#3', entry: { swr: 10 }, at: 69.999, expect: stale(9.999, 'wd') },
  { name: 'at the end of it', spec: '5861#3', entry: { swr: 10 }, at: 70, expect: stale(10, 'd') },
  { name: 'within stale-if-error', spec: '5861#4', entry: { sie: 10 }, at: 69, expect: stale(9, 'ed') },
  { name: 'beyond it only the disconnected are excused', spec: '9111#4.2.4', entry: { sie: 10 }, at: 70, expect: stale(10, 'd') },
  { name: 'windows beside s-maxage', spec: 'HTTP-CACHE', entry: { sie: 10, swr: 5, must: true }, at: 64, expect: stale(4, 'wed') },
  { name: 'beyond the windows beside s-maxage nobody', spec: '9111#5.2.2.10', entry: { sie: 10, must: true }, at: 71, expect: stale(11, '') },
  { name: 'windows may be of use where a lifetime is not', spec: '5861#3', entry: { lifetime: 0, swr: 5 }, at: 4, expect: stale(4, 'wd') },
  { name: 'a cap that is far away changes nothing', spec: 'DESIGN#9', options: { cap: 90 * S }, at: 10, expect: fresh(50) },
  { name: 'a cap shortens the rest', spec: 'DESIGN#9', options: { cap: 30 * S }, at: 10, expect: fresh(20) },
  { name: 'a cap counts time here, not age', spec: 'DESIGN#9', entry: { age: 40 }, options: { cap: 30 * S }, at: 10, expect: fresh(10) },
  { name: 'over the cap nobody gets it while it is refreshed', spec: 'DESIGN#9', entry: { swr: 99, sie: 99 }, options: { cap: 30 * S }, at: 31, expect: stale(1, 'ed') },
  { name: 'over cap and lifetime the longer staleness counts', spec: 'DESIGN#9', entry: { swr: 99, sie: 99 }, options: { cap: 30 * S }, at: 100, expect: stale(70, 'ed') },
  { name: 'a cap of 0', spec: 'DESIGN#9', options: { cap: 0 }, at: 0, expect: stale(0, 'd') },
  { name: 'a soft purge makes stale', spec: 'DESIGN#9', entry: { swr: 1, sie: 1 }, options: { soft: true }, at: 10, expect: stale(0, 'wed') },
  { name: 'a soft purge opens no window', spec: 'DESIGN#9', options: { soft: true }, entry: { must: true }, at: 10, expect: stale(0, '') },
  { name: 'a soft purge of what is stale anyway', spec: 'DESIGN#9', entry: { sie: 99 }, options: { soft: true }, at: 70, expect: stale(10, 'ed') },
];

test.each<Case>(cases)('$name ($spec)', (c) => {
  expect(freshness(entry(c.entry), after(c.at), c.options)).toEqual(c.expect);
});

it('loses a second of freshness every second, and goes on doing so when stale', () => {
  const seconds = fc.nat(100);
  fc.assert(
    fc.property(seconds, seconds, seconds, seconds, seconds, seconds, (lifetime, age, swr, cap, first, later) => {
      const e = entry({ lifetime, age, swr });
      const left = (seconds: number): number => {
        const found = freshness(e, after(seconds), { cap: cap * S });
        return found.state === 'fresh' ? found.ttl : 0 - found.staleFor;
      };
      expect(left(first + later)).toBe(left(first) - later * S);
    }),
    { seed: 1 },
  );
});

describe('request directives', () => {
  const none = {
    noCache: false,
    noStore: false,
    onlyIfCached: false,
    maxAge: undefined,
    minFresh: undefined,
    maxStale: undefined,
  };
  test.each<[readonly string[], object]>([
    [[], none],
    [['cache-control', 'no-cache'], { ...none, noCache: true }],
    [['cache-control', 'No-Store, only-if-cached'], { ...none, noStore: true, onlyIfCached: true }],
    [
      ['cache-control', 'max-age=5, min-fresh=6, max-stale=7'],
      { ...none, maxAge: 5 * S, minFresh: 6 * S, maxStale: 7 * S },
    ],
    [['cache-control', 'max-stale'], { ...none, maxStale: Number.POSITIVE_INFINITY }],
    [['cache-control', 'max-stale=x, max-age=x'], { ...none, maxStale: 0, maxAge: 0 }],
    [['pragma', 'no-cache'], { ...none, noCache: true }],
    [['pragma', 'no-store, max-age=0, max-stale, only-if-cached'], none],
    [['pragma', 'no-cache', 'cache-control', 'max-age=5'], { ...none, maxAge: 5 * S }],
  ])('%j', (fields, expected) => {
    expect(requestDirectives(fields)).toEqual(expected);
  });
});

const demands: [string, string, Parameters<typeof entry>[0], number, FreshnessOptions, boolean][] = [
  ['nothing, of a fresh one', '', {}, 10, {}, true],
  ['nothing, of a stale one', '', {}, 60, {}, false],
  ['no-cache', 'no-cache', {}, 10, {}, false],
  ['max-age=0, of one that just came', 'max-age=0', {}, 0, {}, false],
  ['a max-age above its age', 'max-age=11', {}, 10, {}, true],
  ['a max-age below its age', 'max-age=600', { age: 1800, lifetime: 3600 }, 0, {}, false],
  ['a min-fresh below the rest', 'min-fresh=50', {}, 10, {}, true],
  ['a min-fresh above the rest', 'min-fresh=51', {}, 10, {}, false],
  ['a min-fresh under a cap', 'min-fresh=50', {}, 10, { cap: 20 * S }, false],
  ['max-stale, of a stale one', 'max-stale', {}, 9999, {}, true],
  ['a max-stale above its staleness', 'max-stale=10', {}, 70, {}, true],
  ['a max-stale below its staleness', 'max-stale=9', {}, 70, {}, false],
  ['max-stale, where the response forbids it', 'max-stale', { must: true }, 70, {}, false],
  ['max-stale with max-age', 'max-stale=100, max-age=65', {}, 70, {}, false],
  ['max-stale and min-fresh, which contradict each other', 'max-stale, min-fresh=1', {}, 70, {}, false],
  ['max-stale, over the cap', 'max-stale', {}, 40, { cap: 30 * S }, false],
  ['nothing, of a softly purged one', '', {}, 10, { soft: true }, false],
  ['max-stale, of a softly purged one', 'max-stale=1', {}, 10, { soft: true }, true],
  ['no-store, which forbids storing, not reading', 'no-store', {}, 10, {}, true],
];

test.each(demands)('a request that demands %s (9111#5.2.1)', (_, demand, times, seconds, options, expected) => {
  const directives = requestDirectives(demand === '' ? [] : ['cache-control', demand]);
  expect(satisfies(entry(times), after(seconds), directives, options)).toBe(expected);
});
