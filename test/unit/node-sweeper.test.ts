import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Stored } from '../../src/cache/entry.ts';
import { createLruStore } from '../../src/cache/lru-store.ts';
import { isWorthless as isWorthlessIn } from '../../src/gateway/memo.ts';
import { startSweeper } from '../../src/node/sweeper.ts';
import { createPurge } from '../../src/purge/message.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';

const MINUTES = 600_000;
const entry = (worthless: boolean, size = 1): Stored => ({ kind: 'unstorable', until: worthless ? 1 : 0, size });
const isWorthless = (stored: Stored) => stored.kind === 'unstorable' && stored.until === 1;

describe('the sweeper', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A store of 10,000 with so many entries, of which every 250th is good, and how many of the others are left. */
  function filled(count: number) {
    const store = createLruStore(10_000);
    const worthless = [...Array(count).keys()].filter((i) => i % 250 !== 249);
    for (let i = 0; i < count; i++) void store.set(`${i}`, entry(i % 250 !== 249));
    const purges = { generation: 0 };
    const stop = startSweeper(store, purges, isWorthless);
    return { store, purges, stop, left: () => worthless.filter((i) => store.get(`${i}`) !== undefined).length };
  }

  test.each<[string, (store: ReturnType<typeof createLruStore>) => void]>([
    ['undisturbed', () => undefined],
    ['though what it stands on is asked for', (store) => void store.get('249')],
    ['though something large pushes out what it stands on', (store) => void store.set('large', entry(false, 1_100))],
  ])('frees after one purge all that it made worthless, %s', (_how, meanwhile) => {
    const { store, purges, stop, left } = filled(9_900);
    purges.generation = 1;
    vi.advanceTimersByTime(1_005); // the first slice: it stands on 249 now
    meanwhile(store);
    vi.advanceTimersByTime(MINUTES);
    expect(left()).toBe(0);
    stop();
  });

  test('leaves a store alone that is not half full, and one that nothing was purged in', () => {
    const empty = filled(4_000);
    empty.purges.generation = 1;
    const full = filled(9_900);
    vi.advanceTimersByTime(MINUTES);
    expect([empty, full].map(({ left }) => left())).toEqual([3_984, 9_861]);
    for (const { stop } of [empty, full]) stop();
  });

  test('ends with its gateway, in the middle of a round as well', () => {
    const { purges, stop, left } = filled(9_900);
    purges.generation = 1;
    vi.advanceTimersByTime(1_005);
    const then = left();
    stop();
    vi.advanceTimersByTime(MINUTES);
    expect([left(), vi.getTimerCount()]).toEqual([then, 0]);
  });
});

describe('the sweeper, by the clock,', () => {
  test.each([0, 60])('gives way to others after a moment, whatever pages consist of: %i prefixes', (prefixes) => {
    const purges = createPurgeIndex({ epoch: 'e' });
    purges.record(createPurge({ tags: ['another'], urls: ['/another'] }));
    for (let i = 1; i <= prefixes; i++) purges.record(createPurge({ prefixes: [`/${'p'.repeat(i)}`] }));
    const stamped = { stamp: 0, epoch: 'e', tags: ['a', 'b'], origin: 'http://a:1', path: `/q${'x'.repeat(80)}` };
    const store = createLruStore(1_000 * 300);
    for (let i = 0; i < 1_000; i++) {
      const parts = Array.from({ length: 256 }, (_, at) => ({ ...stamped, key: `${i} ${at}`, place: '', gone: false }));
      void store.set(`page ${i}`, { kind: 'assembled', is: 'memo', size: 300, generation: -1, parts } as Stored);
    }
    const slices: (() => void)[] = [];
    const timers = vi.spyOn(globalThis, 'setTimeout').mockImplementation((then) => {
      slices.push(then as () => void);
      return { unref: () => undefined } as unknown as NodeJS.Timeout;
    });
    try {
      let judged = 0;
      const version = { generation: 0 };
      startSweeper(store, version, (stored) => {
        judged += 1;
        return isWorthlessIn(stored, { purges });
      });
      version.generation = 1;
      const times = Array.from({ length: 4 }, () => {
        const began = performance.now();
        slices.pop()?.();
        return performance.now() - began;
      });
      expect(judged).toBeGreaterThan(0);
      expect(Math.min(...times.slice(1))).toBeLessThan(5);
    } finally {
      timers.mockRestore();
    }
  });
});

describe('a page that is kept assembled', () => {
  const part = {
    stamp: 0,
    epoch: 'e',
    key: 'k',
    tags: ['a'],
    origin: 'http://a:1',
    path: '/',
    place: 'k',
    gone: false,
  };
  const page = (...parts: (typeof part)[]) =>
    ({ kind: 'assembled', is: 'memo', size: 1, generation: -1, parts }) as Stored;

  test.each([
    ['whose parts are good', {}, [part], false],
    ['of which a part was replaced', {}, [part, { ...part, gone: true }], true],
    ['of which a part was purged', { tags: ['b'] }, [part, { ...part, tags: ['b'] }], true],
    ['of which a part was purged softly', { tags: ['a'], mode: 'soft' } as const, [part], true],
  ])('and %s is worthless or not', (_what, purged, parts, worthless) => {
    const purges = createPurgeIndex({ epoch: 'e' });
    if (Object.keys(purged).length > 0) purges.record(createPurge(purged));
    expect(isWorthlessIn(page(...parts), { purges })).toBe(worthless);
  });
});
