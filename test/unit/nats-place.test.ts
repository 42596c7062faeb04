import { describe, expect, test } from 'vitest';
import { endOf, meet, placeOf, storedAt } from '../../src/node/nats-place.ts';

const PLACE = { seq: 41, delivered: 7, stored: '1795450474267630591', pending: 3 };

describe('the reply subject of a message of a stream', () => {
  test.each([
    '$JS.ACK.INLAY_PURGE.reader.1.41.7.1795450474267630591.3',
    '$JS.ACK.domain.account.INLAY_PURGE.reader.1.41.7.1795450474267630591.3',
    '$JS.ACK._.account.INLAY_PURGE.reader.1.41.7.1795450474267630591.3.random',
  ])('tells its place and when it was stored: %s', (reply) => {
    expect(placeOf(reply)).toEqual(PLACE);
  });

  test.each([
    undefined,
    '',
    '_INBOX.a.b',
    '$JS.FC.INLAY_PURGE.reader.abc',
    '$JS.ACK.INLAY_PURGE.reader.1.41.7.1795450474267630591',
    '$JS.ACK.INLAY_PURGE.reader.1.x.7.1795450474267630591.3',
    '$JS.ACK.INLAY_PURGE.reader.1.41.Infinity.1795450474267630591.3',
    '$JS.ACK.INLAY_PURGE.reader.1.41.7.1795450474267630591.0.5',
  ])('is another one: %s', (reply) => {
    expect(placeOf(reply)).toBeUndefined();
  });

  test('tells the time in ms when it is asked', () => {
    expect(storedAt(PLACE)).toBe(1_795_450_474_267);
    expect(new Date(storedAt(PLACE)!).toISOString()).toBe('2026-11-23T16:14:34.267Z');
  });

  test.each(['', 'x', '-1', '1e18', '9'.repeat(400)])('tells none where "%s" stands for it', (stored) => {
    expect(storedAt({ stored })).toBeUndefined();
  });
});

describe('the end of a stream', () => {
  const endAt = (last_ts: string, first_seq = 1, last_seq = 5) =>
    endOf({ state: { first_seq, last_seq, last_ts } } as Parameters<typeof endOf>[0]);

  test.each([
    ['2026-11-23T16:14:34.267630591Z', '1795450474267630591'],
    ['2026-11-23T16:14:34.26763Z', '1795450474267630000'],
    ['2026-11-23T16:14:34.000000001Z', '1795450474000000001'],
    ['2026-11-23T16:14:34Z', '1795450474000000000'],
  ])('is a message of %s, as its reply subject says it', (time, stored) => {
    expect(endAt(time)).toEqual({ seq: 5, stored });
  });

  test.each([
    [0, 0],
    [6, 5],
  ])('is no message where it has none: first %i, last %i', (first, last) => {
    expect(endAt('0001-01-01T00:00:00Z', first, last)).toEqual({ seq: last, stored: '' });
  });
});

describe('the first message that comes, where 5 was read last,', () => {
  const known = { seq: 5, stored: '100' };
  const none = { seq: 5, stored: '' };

  test.each([
    ['same', known, { seq: 5, stored: '100' }, 1, 'it is that one'],
    ['other', known, { seq: 5, stored: '101' }, 1, 'it was stored at another time'],
    ['other', none, { seq: 5, stored: '100' }, 1, 'there was none with its number'],
    ['earlier', known, { seq: 4, stored: '99' }, 1, 'its server is behind'],
    ['earlier', none, { seq: 4, stored: '99' }, 1, 'its server is behind'],
    ['next', known, { seq: 6, stored: '102' }, 6, 'that one was dropped by its age'],
    ['next', known, { seq: 9, stored: '102' }, 9, 'so were others after it'],
    ['next', none, { seq: 6, stored: '102' }, 1, 'that one was missing before'],
    ['gone', known, { seq: 6, stored: '102' }, 1, 'older ones are still there'],
    ['gone', known, { seq: 6, stored: '102' }, 5, 'it was the first when it was asked for'],
  ] as const)('is "%s" (last %j, came %j, first %i): %s', (what, last, place, first, _why) => {
    expect(meet(last, place, first)).toBe(what);
  });
});
