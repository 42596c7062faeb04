import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cleanups, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const MB = 1024 ** 2;
const BODY = 'x'.repeat(32 * 1024);
const SOON = { timeout: 10_000, interval: 10 };
const stack = cleanups();
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = stack.add(await startOrigin());
  gateway = stack.add(await startGateway({ services: { web: origin.url }, cache: { maxSize: 3 * MB } }));
});
afterEach(stack.run);

const held = () => gateway.node.runtime.store.size;

/** Asks for so many pages with a tag, twice if they are to be kept assembled as well. */
async function fill(tag: string, pages: number, times = 1): Promise<void> {
  for (let page = 0; page < pages; page++) {
    const headers = { 'cache-control': 'max-age=600', 'surrogate-key': tag };
    origin.script(`/${tag}/${page}`, { headers, body: BODY });
    for (let time = 0; time < times; time++) await gateway.get(`/${tag}/${page}`);
  }
}

describe('a cache that is half full', () => {
  test('frees what was purged hard though nobody asks for it, and nothing else', async () => {
    await fill('new', 20);
    const before = held();
    await fill('old', 20, 4);
    expect(held()).toBeGreaterThan(before + 40 * BODY.length); // assembled pages as well
    await gateway.purge({ tags: ['old'] });
    await vi.waitFor(() => expect(held()).toBeLessThanOrEqual(before), SOON);
    for (let page = 0; page < 20; page++) await gateway.get(`/new/${page}`);
    expect(origin.received('/new/0')).toHaveLength(1);
    for (const { cache } of gateway.records().slice(-20)) expect(cache).toBe('hit');
  });

  test('keeps what was purged softly, which may be served while it is refreshed', async () => {
    await fill('kept', 30);
    await fill('gone', 30);
    const full = held();
    await gateway.purge({ tags: ['kept'], mode: 'soft' });
    await gateway.purge({ tags: ['gone'] });
    await vi.waitFor(() => expect(held()).toBeLessThan(0.6 * full), SOON);
    expect(held()).toBeGreaterThan(30 * BODY.length);
  });
});
