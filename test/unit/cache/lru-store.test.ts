import { describe, expect, test } from 'vitest';
import type { Stored } from '../../../src/cache/entry.ts';
import { createLruStore } from '../../../src/cache/lru-store.ts';

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
