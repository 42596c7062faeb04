import { describe, expect, test } from 'vitest';
import type { Arrival } from '../../../src/cache/arrival.ts';
import { createFeed } from '../../../src/cache/feed.ts';
import { InlayError } from '../../../src/errors.ts';
import { latin1 } from '../template/support.ts';

const error = new InlayError('upstream-truncated', 'x');
const bytes = latin1('x');

describe('a feed', () => {
  test('hands on the head, what arrived so far in one batch, and the end', async () => {
    const feed = createFeed();
    const arrival = {} as Arrival;
    feed.head(arrival);
    expect(await feed.arrival).toBe(arrival);
    void feed.push([bytes], false);
    void feed.push([bytes, bytes], false);
    feed.end();
    const reader = feed[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: [bytes, bytes, bytes] });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test('wakes a reader that waits', async () => {
    const feed = createFeed();
    const next = feed[Symbol.asyncIterator]().next();
    void feed.push([bytes], false);
    expect(await next).toEqual({ done: false, value: [bytes] });
  });

  test('holds the fetch back until what it pushed was taken, if nobody else needs it', async () => {
    const feed = createFeed();
    let taken = false;
    const pushed = Promise.resolve(feed.push([bytes], true)).then(() => {
      taken = true;
    });
    for (let i = 0; i < 10; i++) await undefined;
    expect(taken).toBe(false);
    await feed[Symbol.asyncIterator]().next();
    await pushed;
    expect(taken).toBe(true);
  });

  test('tells of a failure after what had arrived before', async () => {
    const feed = createFeed();
    feed.head({} as Arrival);
    void feed.push([bytes], false);
    feed.fail(error);
    const reader = feed[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: [bytes] });
    await expect(reader.next()).rejects.toBe(error);
  });

  test('fails its head if the fetch fails before it', async () => {
    const feed = createFeed();
    feed.fail(error);
    await expect(feed.arrival).rejects.toBe(error);
  });

  test('that was abandoned lets a fetch go on that others need, and stops the others', async () => {
    const feed = createFeed();
    const held = feed.push([bytes], true);
    await feed[Symbol.asyncIterator]().return?.();
    await held;
    expect(feed.push([bytes], false)).toBeUndefined();
    await expect((async () => feed.push([bytes], true))()).rejects.toMatchObject({ code: 'client-closed' });
  });
});
