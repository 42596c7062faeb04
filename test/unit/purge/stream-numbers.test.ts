import { describe, expect, test } from 'vitest';
import { createPurge, type PurgeMessage } from '../../../src/purge/message.ts';
import { latestOf, MINORS, numberOf, seqOf } from '../../../src/purge/number.ts';
import type { PurgeIndex, Stamped } from '../../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../../src/runtime.ts';

const purge = (wanted: Partial<PurgeMessage>) => createPurge({ id: 'p', ...wanted });

function fetched({ position, epoch }: PurgeIndex, ...tags: string[]): Stamped {
  return { stamp: position, epoch, key: 'k', tags, origin: 'http://a:1', path: '/x' };
}

/** An index that follows a stream whose latest message has the sequence number 40. */
function following() {
  const events: InlayEvent[] = [];
  const index = createPurgeIndex({ epoch: 'this process', observe: (event) => events.push(event) });
  index.startAt('stream', 40);
  return { index, events };
}

describe('numbers', () => {
  test('hold a sequence number and a minor one', () => {
    expect([0, 1, 41].map(numberOf)).toEqual([0, 65_536, 41 * 65_536]);
    expect([0, 65_535, 65_536, numberOf(41) + 65_535].map(seqOf)).toEqual([0, 0, 1, 41]);
    expect(seqOf(numberOf(2 ** 37 - 2) + MINORS - 1)).toBe(2 ** 37 - 2);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 37])('are not made of %s', (seq) => {
    expect(() => numberOf(seq)).toThrow(new RangeError(`not the sequence number of a stream: ${seq}`));
  });
});

describe('an index that follows a stream', () => {
  test('tells people the numbers of the stream, and before it has any how often it was told something', () => {
    expect(latestOf({ seq: 0, position: 3 })).toBe(3);
    expect(latestOf({ seq: 41, position: numberOf(41) + 7 })).toBe(41);
    const { index, events } = following();
    index.raiseFloor('soft', 'why');
    index.record(purge({ tags: ['a'] }), 41);
    index.raiseFloor('soft', 'why');
    expect(events).toMatchObject([40, 41].map((seq) => ({ type: 'purge-floor', seq })));
  });

  test('gives all targets of a message its number, and what it records alone the minor numbers after it', () => {
    const { index } = following();
    const entry = fetched(index, 'a');
    expect(index.record(purge({ tags: ['a'], keys: ['b'] }), 41)).toBe(numberOf(41));
    expect(index.validity(entry)).toEqual({ state: 'hard', reason: 'tag', target: 'a', seq: numberOf(41) });
    expect(index.record(purge({ tags: ['a'] }))).toBe(numberOf(41) + 1);
    expect(index.raiseFloor('soft', 'an event was missed')).toBe(numberOf(41) + 2);
    expect({ position: index.position, seq: index.seq }).toEqual({ position: numberOf(41) + 2, seq: 41 });
    expect(index.record(purge({ tags: ['a'] }), 43)).toBe(numberOf(43));
    expect(index.seq).toBe(43);
  });

  test('catches a fetch that a purge of this process alone overtook, before and after messages of the stream', () => {
    const { index } = following();
    const before = fetched(index, 'a');
    index.record(purge({ tags: ['a'] }));
    const after = fetched(index, 'a');
    index.record(purge({ tags: ['other'] }), 41);
    expect([before, after].map((entry) => index.validity(entry).state)).toEqual(['hard', 'valid']);
  });

  test('ignores a message that it has recorded, or that is older than one: nothing changes', () => {
    const { index, events } = following();
    index.record(purge({ tags: ['a'] }), 41);
    index.record(purge({ tags: ['b'] }), 42);
    const entry = fetched(index, 'a', 'b');
    const { position, seq, generation } = index;
    for (const old of [42, 41, 40, 1])
      expect(index.record(purge({ tags: ['a', 'b'], all: true }), old)).toBeUndefined();
    expect(index).toMatchObject({ position, seq, generation });
    expect(index.validity(entry).state).toBe('valid');
    expect(events).toEqual([]);
  });

  test('judges what was fetched before it was disconnected by what it is told afterwards', () => {
    const { index, events } = following();
    const [touched, untouched] = [fetched(index, 'a'), fetched(index, 'b')];
    index.setSynced(false);
    index.record(purge({ tags: ['a'] }), 41);
    index.setSynced(true);
    expect([touched, untouched].map((entry) => index.validity(entry).state)).toEqual(['hard', 'valid']);
    expect(events).toEqual([]);
  });

  test('begins another epoch when it has no minor number left, and never reaches the next message', () => {
    const { index, events } = following();
    index.record(purge({ tags: ['a'] }), 41);
    const old = fetched(index, 'b');
    for (let at = 1; at < MINORS; at++) index.record(purge({ keys: ['other'] }));
    const late = fetched(index, 'b');
    expect([old, late].map((entry) => index.validity(entry).state)).toEqual(['valid', 'valid']);
    expect({ position: index.position, events }).toEqual({ position: numberOf(42) - 1, events: [] });
    expect(index.record(purge({ tags: ['b'] }))).toBe(numberOf(41) + 1);
    expect([old, late].map((entry) => index.validity(entry).state)).toEqual(['hard', 'hard']);
    expect(events).toMatchObject([{ type: 'purge-floor', mode: 'hard', reason: expect.stringContaining('65535') }]);
    const entry = fetched(index, 'b');
    expect({ seq: index.seq, state: index.validity(entry).state }).toEqual({ seq: 41, state: 'valid' });
    index.record(purge({ tags: ['b'] }), 42);
    expect(index.validity(entry).state).toBe('hard');
  });

  test('without a stream has as many minor numbers as it needs', () => {
    const index = createPurgeIndex({ epoch: 'this process' });
    const entry = fetched(index, 'a');
    for (let at = 0; at <= MINORS; at++) index.record(purge({ keys: ['other'] }));
    expect({ position: index.position, seq: index.seq }).toEqual({ position: MINORS + 1, seq: 0 });
    expect(index.validity(entry).state).toBe('valid');
    expect(index.record(purge({ tags: ['a'] }), 1)).toBeGreaterThan(MINORS + 1); // later than every stamp there is
    expect(index.validity(entry).state).toBe('hard');
  });
});

describe('where an index starts', () => {
  test('is after a message, in an epoch that no entry has', () => {
    const index = createPurgeIndex({ epoch: 'this process' });
    const entry = fetched(index, 'a');
    const { generation } = index;
    index.startAt('stream', 7);
    expect({ position: index.position, seq: index.seq }).toEqual({ position: numberOf(7), seq: 7 });
    expect(index.generation).not.toBe(generation);
    expect(index.validity(entry)).toMatchObject({ state: 'hard', reason: 'epoch' });
    expect(index.validity(fetched(index, 'a')).state).toBe('valid');
    expect(index.record(purge({ tags: ['a'] }), 7)).toBeUndefined();
  });

  test('is not what another process knows: what that one stored after the same message may have been purged by it alone', () => {
    const [dead, next] = ['one', 'two'].map((epoch) => createPurgeIndex({ epoch }));
    dead!.startAt('stream', 7);
    next!.startAt('stream', 7);
    expect(next!.validity(fetched(dead!, 'a'))).toMatchObject({ state: 'hard', reason: 'epoch' });
  });

  test('is in a new epoch if the stream was made anew, whatever numbers that has: nothing of the old one is remembered', () => {
    const { index, events } = following();
    index.record(purge({ tags: ['a'], urls: ['/x'] }), 41);
    index.raiseFloor('hard', 'for a test');
    index.record(purge({ all: true, mode: 'soft', tags: ['b'] }));
    const old = fetched(index, 'c');
    index.startAt('stream, again', 2);
    expect({ seq: index.seq, position: index.position, targets: index.targets }).toEqual({
      seq: 2,
      position: numberOf(2),
      targets: 0,
    });
    const entry = fetched(index, 'a', 'b');
    index.record(purge({ tags: ['other'] }), 3);
    expect([old, entry].map((entry) => index.validity(entry).state)).toEqual(['hard', 'valid']);
    expect(events.at(-1)).toMatchObject({ type: 'purge-floor', mode: 'hard', reason: 'another stream of purges' });
  });

  test.each([41, 40, 7, 90])(
    'is in a new epoch at %i too if only the messages were made anew, and the reason is told',
    (seq) => {
      const { index, events } = following();
      index.record(purge({ tags: ['a'] }), 41);
      const old = fetched(index, 'b');
      index.startAt('stream, again', seq, 'it lost its end');
      expect({ seq: index.seq, state: index.validity(old).state }).toEqual({ seq, state: 'hard' });
      expect(events).toMatchObject([{ type: 'purge-floor', mode: 'hard', reason: 'it lost its end' }]);
      const entry = fetched(index, 'c');
      expect(index.record(purge({ tags: ['c'] }), seq + 1)).toBe(numberOf(seq + 1));
      expect(index.validity(entry).state).toBe('hard');
    },
  );

  test('changes nothing where it is already', () => {
    const { index, events } = following();
    index.record(purge({ tags: ['a'] }), 41);
    const entry = fetched(index, 'b');
    const { generation } = index;
    index.startAt('stream', 41);
    expect(index.validity(entry).state).toBe('valid');
    expect({ generation: index.generation, events }).toEqual({ generation, events: [] });
  });

  test.each([50, 30])(
    'in the same stream at %i, is no reason to believe what was fetched at another place of it',
    (seq) => {
      const { index } = following();
      const entry = fetched(index, 'a');
      index.startAt('stream', seq);
      expect({ seq: index.seq, state: index.validity(entry).state }).toEqual({ seq, state: 'hard' });
      expect(index.validity(fetched(index, 'a')).state).toBe('valid');
      const next = fetched(index, 'a');
      index.record(purge({ tags: ['a'] }), seq + 1);
      expect(index.validity(next).state).toBe('hard');
    },
  );
});
