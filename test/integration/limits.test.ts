import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, ESI_JSON, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const SOON = { timeout: 5_000, interval: 5 };

async function setup(limits: object) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, limits }));
  return { origin, gateway };
}

describe('a fragment', () => {
  test('larger than the limit is a failed one, told or not, and is not kept', async () => {
    const { origin, gateway } = await setup({ fragmentSize: '1kb' });
    origin.script('/page', {
      headers: ESI,
      body: 'a<esi:include src="/told" onerror="continue"/><esi:include src="/untold" onerror="continue"/><esi:include src="/fits"/>b',
    });
    const kept = { ...HTML, 'cache-control': 'max-age=60' };
    origin.script('/told', { headers: kept, body: 'x'.repeat(1_025) });
    origin.script('/untold', { headers: kept, body: Array.from({ length: 11 }, () => 'x'.repeat(100)) });
    origin.script('/fits', { headers: kept, body: 'y'.repeat(1_024) });
    for (let i = 0; i < 2; i++) expect((await gateway.get('/page')).text).toBe(`a${'y'.repeat(1_024)}b`);
    expect(origin.received('/told')).toHaveLength(2);
    expect(origin.received('/fits')).toHaveLength(1);
    await vi.waitFor(() => expect(gateway.records()[0]?.errors.join()).toContain('upstream-too-large'), SOON);
  });

  test('that never ends is given up at the limit of its size', async () => {
    const { origin, gateway } = await setup({ fragmentSize: '64kb' });
    origin.script('/page', { headers: ESI, body: 'a<esi:include src="/endless" onerror="continue"/>b' });
    origin.script('/endless', {
      headers: HTML,
      body: (function* () {
        for (;;) yield 'x'.repeat(16_384);
      })(),
    });
    expect(await gateway.get('/page')).toMatchObject({ complete: true, text: 'ab' });
    await vi.waitFor(() => expect(origin.received('/endless')[0]?.left).toBe(true), SOON);
  });
});

describe('a page', () => {
  test('larger than the limit is answered 502 while its head has not left', async () => {
    const { origin, gateway } = await setup({ pageSize: '64kb' });
    origin.script('/page', {
      headers: ESI_JSON,
      body: '[{"esi:include":{"src":"/f?1"}},{"esi:include":{"src":"/f?2"}}]',
    });
    origin.script('/f', { headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(50_000)}"` });
    const { status, headers } = await gateway.get('/page');
    expect([status, headers['inlay-error']]).toEqual([502, 'limit-page-bytes']);
  });

  test('that streams is cut where it passes the limit, its fragments included', async () => {
    const { origin, gateway } = await setup({ pageSize: '64kb' });
    origin.script('/page', { headers: ESI, body: 'head<esi:include src="/f?1"/><esi:include src="/f?2"/>' });
    origin.script('/f', { headers: HTML, body: 'x'.repeat(50_000), delay: 20 });
    const { complete, text } = await gateway.get('/page');
    expect({ complete, cut: text.length <= 65_536 }).toEqual({ complete: false, cut: true });
  });

  test('whose template is larger than the limit is cut', async () => {
    const { origin, gateway } = await setup({ pageSize: '64kb' });
    origin.script('/page', { headers: ESI, body: Array.from({ length: 20 }, () => 'x'.repeat(10_000)), pause: 2 });
    const { status, complete } = await gateway.get('/page');
    expect(status === 502 || !complete).toBe(true);
  });

  test('that is no template may be larger than the limit, but is not kept', async () => {
    const { origin, gateway } = await setup({ pageSize: '64kb' });
    origin.script('/file', {
      headers: { 'content-type': 'application/octet-stream', 'cache-control': 'max-age=60' },
      body: 'x'.repeat(200_000),
    });
    for (let i = 0; i < 2; i++) expect((await gateway.get('/file')).text).toHaveLength(200_000);
    expect(origin.received('/file')).toHaveLength(2);
  });

  test('includes no more than its limit, all levels and alternatives together', async () => {
    const { origin, gateway } = await setup({ includes: 10 });
    const two = '<esi:include src="/node" onerror="continue"/>';
    origin.script('/page', { headers: ESI, body: two + two });
    let made = 0;
    origin.script('/node', () => ({
      headers: { ...ESI, 'cache-control': 'no-store' },
      body: `${++made % 1_000}${two}${two}`,
    }));
    const { complete } = await gateway.get('/page');
    expect(complete).toBe(true);
    expect(origin.received('/node').length).toBeLessThanOrEqual(10);
  });

  test('that includes exponentially many fragments ends at once', async () => {
    const { origin, gateway } = await setup({});
    const many = (name: string) =>
      Array.from({ length: 200 }, (_, i) => `<esi:include src="/${name}?${i}" onerror="continue"/>`).join('');
    origin.script('/page', { headers: ESI, body: many('a') });
    for (const [name, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
    ] as const)
      origin.script(`/${name}`, { headers: ESI, body: many(next) });
    expect((await gateway.get('/page')).complete).toBe(true);
    expect(origin.requests.length).toBeLessThanOrEqual(257);
  });

  test('whose template never ends is cut at its deadline', async () => {
    const { origin, gateway } = await setup({ pageTimeout: '200ms' });
    origin.script('/page', { headers: ESI, body: ['head'], hang: 'body' });
    expect(await gateway.get('/page')).toMatchObject({ status: 200, complete: false, text: 'head' });
    await vi.waitFor(() => expect(origin.received('/page')[0]?.left).toBe(true), SOON);
  });

  test('whose template is no body of its coding is answered 502', async () => {
    const { origin, gateway } = await setup({});
    origin.script('/page', { headers: { ...ESI, 'content-encoding': 'gzip' }, body: '\x1f\x8b' });
    origin.script('/f', { headers: { ...HTML, 'content-encoding': 'gzip' }, body: 'GZIPPED' });
    origin.script('/with', { headers: ESI, body: 'a<esi:include src="/f" onerror="continue"/>b' });
    expect((await gateway.get('/page')).headers['inlay-error']).toBe('upstream-encoding');
    expect(origin.received('/page')[0]?.field('accept-encoding')).toBe('identity');
    // Coded bytes in the middle of a page that says nothing of it are garbage to every client.
    expect((await gateway.get('/with')).text).toBe('ab');
  });
});

describe('the cache', () => {
  test('stays within its bound, however many URLs are asked for', async () => {
    const origin = stack.add(await startOrigin());
    const gateway = stack.add(await startGateway({ services: { web: origin.url }, cache: { maxSize: '1mb' } }));
    origin.script('*', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'x'.repeat(10_000) });
    for (let i = 0; i < 300; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, j) => gateway.get(`/x?${i + j}`)));
    const { store } = gateway.node.runtime;
    expect(store.size).toBeGreaterThan(500_000);
    expect(store.size).toBeLessThanOrEqual(1_048_576);
  });
});
