import { describe, expect, test } from 'vitest';
import { createPurge, type PurgeMessage } from '../../../src/purge/message.ts';
import { numberOf } from '../../../src/purge/number.ts';
import type { PurgeIndex, Stamped } from '../../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../../src/runtime.ts';

const purge = (wanted: Partial<PurgeMessage>) => createPurge({ id: 'p', ...wanted });

function fetched({ position, epoch }: PurgeIndex, ...tags: string[]): Stamped {
  return { stamp: position, epoch, key: 'k', tags, origin: 'http://a:1', path: '/x' };
}

/** An index that follows a stream whose latest message has the sequence number 40. */
function following(options: { maxTargets?: number } = {}) {
  const events: InlayEvent[] = [];
  const index = createPurgeIndex({ epoch: 'this process', observe: (event) => events.push(event), ...options });
  index.startAt('stream', 40);
  return { index, events };
}

describe('pruning', () => {
  test('forgets what older messages purged, and purges what was fetched before them', () => {
    const { index, events } = following();
    const oldest = fetched(index, 'a');
    index.record(
      purge({ tags: ['a'], keys: ['a'], urls: ['/a', 'http://a:1/a'], prefixes: ['/p', 'http://a:1/q'] }),
      41,
    );
    const older = fetched(index, 'c');
    index.record(purge({ tags: ['b'] }), 42);
    const newer = fetched(index, 'b');
    index.record(purge({ tags: ['b'] }), 43);
    const newest = fetched(index, 'b');
    const { generation } = index;
    index.prune(42);
    expect(index.targets).toBe(1);
    expect([oldest, older, newer, newest].map((entry) => index.validity(entry).state)).toEqual([
      'hard',
      'hard',
      'hard',
      'valid',
    ]);
    expect(index.validity(older)).toMatchObject({ reason: 'floor', seq: numberOf(42) });
    expect(index.validity(newer)).toMatchObject({ reason: 'tag', seq: numberOf(43) });
    expect(index.generation).not.toBe(generation);
    expect(events).toEqual([]); // it is the order of things
  });

  test('lets what was fetched since the last message be, when the stream is empty', () => {
    const { index } = following();
    index.record(purge({ tags: ['a'] }), 41);
    const entry = fetched(index, 'a');
    index.record(purge({ tags: ['b'] }));
    const purged = fetched(index, 'c');
    index.record(purge({ tags: ['c'] }));
    index.prune(42);
    expect(index.targets).toBe(2); // what this process recorded itself is not the stream's to forget
    expect([entry, purged].map((entry) => index.validity(entry).state)).toEqual(['valid', 'hard']);
    const { generation } = index;
    index.prune(42);
    expect(index.generation).toBe(generation);
  });

  test('keeps to its work: many marks are forgotten a part at a time, while others are made', () => {
    const { index } = following();
    const tags = Array.from({ length: 500 }, (_, at) => `${at}`);
    for (let seq = 41; seq <= 140; seq++) index.record(purge({ tags: tags.map((tag) => `${seq}:${tag}`) }), seq);
    const old = fetched(index, '41:0');
    index.record(purge({ tags: ['new'] }), 141);
    expect(index.targets).toBe(50_001);
    index.prune(141);
    expect(index.targets).toBe(48_001);
    expect(index.validity(old).state).toBe('hard');
    for (let seq = 142; seq <= 152; seq++) index.record(purge({ tags: tags.map((tag) => `${seq}:${tag}`) }), seq);
    expect(index.targets).toBe(48_001 - 11 * 1_500);
    for (let times = 0; times < 20; times++) index.prune(141);
    expect(index.targets).toBe(11 * 500);
  });

  test('to a later message before it is done also forgets what it has passed already', () => {
    const { index } = following();
    const tags = Array.from({ length: 1_000 }, (_, at) => `${at}`);
    for (let seq = 41; seq <= 45; seq++) index.record(purge({ tags: tags.map((tag) => `${seq}:${tag}`) }), seq);
    index.prune(41); // it has looked at those of 42, too
    for (let times = 0; times < 6; times++) index.prune(45);
    expect(index.targets).toBe(0);
  });

  test('frees the lengths of prefixes', () => {
    const { index, events } = following();
    for (let length = 1; length <= 64; length++)
      index.record(purge({ prefixes: ['/'.padEnd(length, 'x')] }), 40 + length);
    index.prune(104);
    for (let length = 65; length <= 127; length++)
      index.record(purge({ prefixes: ['/'.padEnd(length, 'x')] }), 40 + length);
    expect(events).toEqual([]);
  });

  test('frees the room that long targets took', () => {
    const { index, events } = following({ maxTargets: 10 });
    for (let seq = 41; seq <= 60; seq++) {
      index.record(purge({ tags: [`${seq}`.padEnd(2_048, 'x')] }), seq);
      index.prune(seq);
    }
    expect({ targets: index.targets, events }).toEqual({ targets: 0, events: [] });
  });

  test('keeps prefixes that are as long as one that is forgotten, and services that were purged later than others', () => {
    const { index } = following();
    index.record(purge({ prefixes: ['/a', 'http://a:1/x'], urls: ['/x', 'http://b:1/x'] }), 41);
    index.record(purge({ mode: 'soft', prefixes: ['/x'], urls: ['http://a:1/x'] }), 42);
    const entry = { ...fetched(index), stamp: numberOf(41) };
    index.prune(41);
    expect(index.targets).toBe(3); // of six
    expect(index.validity(entry)).toMatchObject({ state: 'soft', reason: 'url' });
    expect(index.validity({ ...entry, path: '/x/y' })).toMatchObject({ state: 'soft', reason: 'prefix' });
  });

  test('begins anew in another stream, however far it was in the last', () => {
    const { index } = following();
    const tags = Array.from({ length: 1_000 }, (_, at) => `${at}`);
    for (let seq = 41; seq <= 45; seq++) index.record(purge({ tags: tags.map((tag) => `${seq}:${tag}`) }), seq);
    index.prune(45);
    index.startAt('another', 2);
    index.record(purge({ tags: ['a'] }), 3);
    index.record(purge({ tags: ['b'] }), 4);
    index.prune(3);
    expect(index.targets).toBe(1);
  });
});

test('a million tags leave no more marks than an index may have, and no entry that one of them purged', () => {
  const { index, events } = following({ maxTargets: 10_000 });
  const entry = fetched(index, 'tag:0');
  let most = 0;
  for (let at = 0; at < 1_000_000; at += 500) {
    const tags = Array.from({ length: 500 }, (_, i) => `tag:${at + i}`);
    index.record({ mode: 'hard', keys: [], tags, urls: [], prefixes: [], all: false }, 41 + at / 500);
    most = Math.max(most, index.targets);
  }
  expect(most).toBe(10_000);
  expect(events).toHaveLength(95); // floors, one for every 10,500
  expect(index.validity(entry)).toMatchObject({ state: 'hard', reason: 'floor' });
  expect(index.validity(fetched(index, 'tag:0')).state).toBe('valid');
});
