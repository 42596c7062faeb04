import { describe, expect, test } from 'vitest';
import { createPurge, type PurgeMessage } from '../../../src/purge/message.ts';
import type { PurgeIndex, Stamped } from '../../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../../src/runtime.ts';

const EPOCH = 'e1';

function fetched(index: PurgeIndex, entry: Partial<Stamped> = {}): Stamped {
  return {
    stamp: index.position,
    epoch: EPOCH,
    key: 'k',
    tags: ['country', 'country:FRA'],
    origin: 'http://catalogue:9001',
    path: '/countries/FRA?x=1',
    ...entry,
  };
}

function setup(options: { maxTargets?: number } = {}) {
  const events: InlayEvent[] = [];
  const index = createPurgeIndex({ epoch: EPOCH, observe: (event) => events.push(event), ...options });
  const purge = (wanted: Partial<PurgeMessage>) => index.record(createPurge(wanted));
  return { index, events, purge };
}

describe('the purge index', () => {
  test('calls everything valid at once, with one shared answer, until something is purged', () => {
    const { index } = setup();
    expect(index.validity(fetched(index))).toEqual({ state: 'valid' });
    expect(index.validity(fetched(index))).toBe(index.validity(fetched(index, { key: 'other' })));
    expect({ position: index.position, synced: index.synced, epoch: index.epoch }).toEqual({
      position: 0,
      synced: true,
      epoch: EPOCH,
    });
  });

  test.each<[what: string, hit: Partial<PurgeMessage>, miss: Partial<PurgeMessage>, reason: string, target: string]>([
    ['key', { keys: ['k'] }, { keys: ['K'] }, 'key', 'k'],
    ['tag', { tags: ['country:FRA'] }, { tags: ['country:DEU'] }, 'tag', 'country:FRA'],
    ['path', { urls: ['/countries/FRA?x=1'] }, { urls: ['/countries/FRA'] }, 'url', '/countries/FRA?x=1'],
    [
      'URL',
      { urls: ['http://catalogue:9001/countries/FRA?x=1'] },
      { urls: ['http://other:9001/countries/FRA?x=1'] },
      'url',
      'http://catalogue:9001/countries/FRA?x=1',
    ],
    ['beginning of the path', { prefixes: ['/countries/'] }, { prefixes: ['/countries/D'] }, 'prefix', '/countries/'],
    [
      'beginning of the URL',
      { prefixes: ['http://catalogue:9001/c'] },
      { prefixes: ['http://catalogue:9002/c'] },
      'prefix',
      'http://catalogue:9001/c',
    ],
    [
      'origin',
      { prefixes: ['http://catalogue:9001'] },
      { prefixes: ['http://catalogue:90'] },
      'prefix',
      'http://catalogue:9001',
    ],
    ['space', { all: true }, { tags: ['x'] }, 'all', ''],
  ])('purges by %s, softly or hard, what was fetched before and nothing else', (_what, hit, miss, reason, target) => {
    for (const mode of ['soft', 'hard'] as const) {
      const { index, purge } = setup();
      const before = fetched(index);
      purge({ ...miss, mode });
      expect(index.validity(before).state).toBe('valid');
      const seq = purge({ ...hit, mode });
      expect(index.validity(before)).toEqual({ state: mode, reason, target, seq });
      expect(index.validity(fetched(index)).state).toBe('valid');
    }
  });

  test('catches a fetch that was in flight at the purge, however late it is stored', () => {
    const { index, purge } = setup();
    const stampOfFetchInFlight = index.position;
    purge({ tags: ['country'] });
    purge({ tags: ['unrelated'] });
    expect(index.validity(fetched(index, { stamp: stampOfFetchInFlight })).state).toBe('hard');
  });

  test('lets hard win over soft, in whatever order and by whatever target they come', () => {
    for (const modes of [
      ['soft', 'hard'],
      ['hard', 'soft'],
    ] as const) {
      const { index, purge } = setup();
      const entry = fetched(index);
      purge({ mode: modes[0], tags: ['country'] });
      purge({ mode: modes[1], tags: ['country'] });
      expect(index.validity(entry).state).toBe('hard');
      const { index: other, purge: purgeOther } = setup();
      purgeOther({ mode: modes[0], keys: ['k'] });
      purgeOther({ mode: modes[1], prefixes: ['/'] });
      expect(other.validity(entry).state).toBe('hard');
    }
  });

  test('purges softly what was fetched after a hard purge and before a soft one', () => {
    const { index, purge } = setup();
    purge({ mode: 'hard', tags: ['country'] });
    const entry = fetched(index);
    purge({ mode: 'soft', tags: ['country'] });
    expect(index.validity(entry).state).toBe('soft');
  });

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('treats %s as a tag like any other', (tag) => {
    const { index, purge } = setup();
    const entry = fetched(index, { tags: [tag], key: tag });
    purge({ tags: ['other'] });
    expect(index.validity(entry).state).toBe('valid');
    purge({ tags: [tag] });
    expect(index.validity(entry)).toMatchObject({ state: 'hard', reason: 'tag', target: tag });
  });

  test('knows an origin in any spelling', () => {
    const { index, purge } = setup();
    const entry = fetched(index, { origin: 'http://catalogue', path: '/' });
    for (const url of ['http://catalogue', 'HTTP://Catalogue:80/', 'http://catalogue:80']) {
      purge({ urls: [url] });
      expect(index.validity({ ...entry, stamp: index.position - 1 })).toMatchObject({ state: 'hard', reason: 'url' });
    }
    purge({ urls: ['http://catalogue:8080/'] });
    expect(index.validity({ ...entry, stamp: index.position - 1 }).state).toBe('valid');
  });

  test('refuses entries of another epoch, however high their stamp', () => {
    const { index } = setup();
    expect(index.validity(fetched(index, { epoch: 'e0', stamp: 1e9 }))).toMatchObject({
      state: 'hard',
      reason: 'epoch',
    });
  });

  test('raises a floor under everything fetched before it, and says why', () => {
    for (const mode of ['soft', 'hard'] as const) {
      const { index, events } = setup();
      const entry = fetched(index);
      const seq = index.raiseFloor(mode, 'disconnected');
      expect(index.validity(entry)).toEqual({ state: mode, reason: 'floor', target: 'disconnected', seq });
      expect(index.validity(fetched(index)).state).toBe('valid');
      expect(events).toEqual([{ type: 'purge-floor', seq, mode, reason: 'disconnected' }]);
    }
  });

  test('remembers a hard purge across a soft floor', () => {
    const { index, purge } = setup();
    const entry = fetched(index);
    purge({ mode: 'hard', tags: ['country'] });
    index.raiseFloor('soft', 'disconnected');
    expect(index.validity(entry)).toMatchObject({ state: 'hard', reason: 'tag' });
  });

  test('turns more targets than it remembers into floors that purge at least as much', () => {
    const { index, events, purge } = setup({ maxTargets: 3 });
    const first = fetched(index, { tags: [], key: 'untouched' });
    purge({ mode: 'hard', tags: ['a'] });
    const second = fetched(index, { tags: ['d'] });
    purge({ mode: 'soft', tags: ['b', 'c', 'd'] });
    expect(index.validity(first)).toMatchObject({ state: 'hard', reason: 'floor', seq: 1 });
    expect(index.validity(second)).toMatchObject({ state: 'soft', reason: 'floor', seq: 2 });
    expect(index.validity(fetched(index)).state).toBe('valid');
    expect(events).toMatchObject([
      { mode: 'soft', seq: 2 },
      { mode: 'hard', seq: 1 },
    ]);
    const third = fetched(index, { tags: ['a'] });
    purge({ tags: ['e'] });
    expect(index.validity(third).state).toBe('valid');
  });

  test('counts a target once, however often it is purged', () => {
    const { events, purge } = setup({ maxTargets: 3 });
    for (let round = 0; round < 100; round += 1) purge({ tags: ['a'], keys: ['a'], urls: ['/a'] });
    expect(events).toEqual([]);
  });

  test('bounds the memory of long targets, and the number of origins', () => {
    const long = setup({ maxTargets: 100 });
    for (let at = 0; at < 20; at += 1) long.purge({ tags: [`${at}`.padEnd(2_048, 'x')] });
    expect(long.events).toMatchObject([{ type: 'purge-floor', mode: 'hard', seq: 13 }]);
    const origins = setup({ maxTargets: 10 });
    for (let at = 0; at < 10; at += 1) origins.purge({ urls: [`http://s${at}/`] });
    expect(origins.events).toHaveLength(1);
  });

  test('looks prefixes of at most 64 lengths up, and turns more into a floor', () => {
    const { index, events, purge } = setup();
    const entry = fetched(index, { path: '/other' });
    for (let length = 1; length <= 64; length += 1) purge({ prefixes: [`/${'x'.repeat(length)}`] });
    expect(index.validity(entry).state).toBe('valid');
    purge({ prefixes: [`/${'x'.repeat(65)}`] });
    expect(index.validity(entry)).toMatchObject({ state: 'hard', reason: 'floor' });
    expect(events).toHaveLength(1);
  });

  test('changes its generation whenever an answer may change, and only then', () => {
    const { index, purge } = setup();
    const changes = [
      () => purge({ tags: ['a'] }),
      () => purge({ all: true, mode: 'soft' }),
      () => index.raiseFloor('soft', 'x'),
      () => index.setSynced(false),
    ];
    for (const change of changes) {
      const before = index.generation;
      change();
      expect(index.generation).not.toBe(before);
    }
    const before = index.generation;
    index.setSynced(false);
    index.validity(fetched(index));
    expect(index.generation).toBe(before);
    expect(index.synced).toBe(false);
  });
});
