import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Stored } from '../../../src/cache/entry.ts';
import { createLruStore } from '../../../src/cache/lru-store.ts';
import type { SweptStore } from '../../../src/cache/store.ts';

const marker = (size: number): Stored => ({ kind: 'unstorable', until: 0, size });

describe('a store of 800 bytes', () => {
  test('forgets what was used least recently, and counts what it holds', () => {
    const store = createLruStore(800);
    for (let i = 0; i < 8; i++) void store.set(`${i}`, marker(100));
    void store.get('0');
    void store.set('8', marker(100));
    expect(store.get('0')).toBeDefined();
    expect(store.get('1')).toBeUndefined();
    expect(store.size).toBe(800);
  });

  test('forgets as much as something larger needs, and what is replaced counts no more', () => {
    const store = createLruStore(800);
    for (let i = 0; i < 16; i++) void store.set(`${i}`, marker(50));
    void store.set('15', marker(100));
    expect(store.size).toBeLessThanOrEqual(800);
    expect(store.get('0')).toBeUndefined();
    expect(store.get('1')).toBeDefined();
    void store.delete('15');
    expect(store.size).toBe(700);
  });

  test('takes nothing that is larger than an eighth of it, and forgets what stood there', () => {
    const store = createLruStore(800);
    void store.set('a', marker(100));
    void store.set('a', marker(101));
    expect(store.get('a')).toBeUndefined();
    expect(store.size).toBe(0);
  });
});

describe('a sweep', () => {
  const isWorthless = (stored: Stored) => stored.kind === 'unstorable' && stored.until === 1;
  const entry = (worthless: boolean): Stored => ({ kind: 'unstorable', until: worthless ? 1 : 0, size: 1 });
  const filled = (...worthless: readonly boolean[]) => {
    const store = createLruStore(10_000);
    worthless.forEach((one, i) => void store.set(`${i}`, entry(one)));
    return store;
  };
  const rounds = (store: SweptStore, slice: number) => {
    let slices = 1;
    while (!store.sweep(slice, isWorthless)) slices += 1;
    return slices;
  };

  test.each([1, 2, 3, 7, 100])('deletes what is worthless and nothing else, in slices of %i', (slice) => {
    const pattern = Array.from({ length: 50 }, (_, i) => i % 3 !== 1);
    const store = filled(...pattern);
    expect(rounds(store, slice)).toBe(Math.ceil(51 / slice));
    for (const [i, one] of pattern.entries()) expect(store.get(`${i}`) === undefined, `${i}`).toBe(one);
    expect(store.size).toBe(pattern.filter((one) => !one).length);
  });

  test('looks at no more than it is told to', () => {
    const store = filled(...Array.from({ length: 20 }, () => true));
    let looked = 0;
    const count = (stored: Stored) => {
      looked += 1;
      return isWorthless(stored);
    };
    expect(store.sweep(5, count)).toBe(false);
    expect(looked).toBeLessThanOrEqual(5);
    expect(store.size).toBe(20 - looked);
  });

  test('of a store that is empty, or becomes empty on the way, is over at once', () => {
    const store = filled();
    expect(store.sweep(1, isWorthless)).toBe(true);
    for (let i = 0; i < 10; i++) void store.set(`${i}`, entry(true));
    expect(store.sweep(3, isWorthless)).toBe(false);
    for (let i = 0; i < 10; i++) void store.delete(`${i}`);
    expect(rounds(store, 3)).toBe(1);
  });

  test('ends though what it has seen is used again all the time, and comes ahead of it', () => {
    const store = filled(...Array.from({ length: 100 }, () => false));
    for (let slices = 1; !store.sweep(1, isWorthless); slices++) {
      void store.get(`${slices - 2}`);
      expect(slices).toBeLessThan(102);
    }
  });

  test('goes on from where it was though something new is put in between', () => {
    const store = filled(...Array.from({ length: 10 }, () => true));
    for (let i = 10; !store.sweep(1, isWorthless); i++) void store.set(`${i}`, entry(false));
    for (let i = 0; i < 10; i++) expect(store.get(`${i}`)).toBeUndefined();
  });

  test('deletes nothing that was put in the place of what it stood on', () => {
    const store = filled(true, true);
    expect(store.sweep(1, isWorthless)).toBe(false);
    void store.set('0', entry(false));
    rounds(store, 1);
    expect(store.get('0')).toBeDefined();
  });

  test('leaves what is of use alone, and finds all that is not in the end, whatever happens meanwhile', () => {
    const happening = fc.record({ what: fc.constantFrom('get', 'good', 'bad', 'delete', 'sweep'), at: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 200 }), (happenings) => {
        const store = createLruStore(10_000);
        const good = new Set<string>();
        for (const { what, at } of happenings) {
          const key = `${at}`;
          if (what === 'sweep') store.sweep(1 + (at % 7), isWorthless);
          else if (what === 'get') void store.get(key);
          else if (what === 'delete') {
            void store.delete(key);
            good.delete(key);
          } else {
            void store.set(key, entry(what === 'bad'));
            good[what === 'good' ? 'add' : 'delete'](key);
          }
        }
        rounds(store, 10); // the one under way
        rounds(store, 10);
        expect(store.size).toBe(good.size);
        for (const key of good) expect(store.get(key)).toBeDefined();
      }),
    );
  });
});
