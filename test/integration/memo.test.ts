import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Answered, type AskOptions, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, type Origin, startOrigin } from '../support/origin.ts';

// Pages that are kept assembled: they must be as good as composed ones, and be given up as soon as they are not.

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' };
const SOON = { timeout: 3_000, interval: 5 };
const SECOND = 1_000;
let origin: Origin;
let gateway: TestGateway;
let count = 0;
const clock = { now: Date.parse('2026-11-23T12:00:00Z') };
const date = () => new Date(clock.now).toUTCString();

beforeAll(async () => {
  origin = await startOrigin();
  const config = { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } };
  gateway = await startGateway(config, () => clock.now);
});

afterAll(async () => {
  await gateway.stop();
  await origin.stop();
});

interface Site {
  readonly page: string;
  readonly part: string;
  get(options?: AskOptions): Promise<Answered>;
  /** Asks until the page is answered as one that is kept. */
  warm(options?: AskOptions): Promise<Answered>;
}

const kept = (): boolean => gateway.records().at(-1)?.reason === 'hit, kept assembled';

/** A page with one part; both live for a minute unless told otherwise. */
function site(template: (part: string) => string, page: Answer['headers'] = {}, part: Answer['headers'] = {}): Site {
  count += 1;
  const paths = { page: `/page-${count}`, part: `/part-${count}` };
  const lives = { 'cache-control': 'max-age=60', date: date() };
  origin.script(paths.page, { headers: { ...ESI, ...lives, ...page }, body: template(paths.part) });
  origin.script(paths.part, { headers: { 'content-type': 'text/html', ...lives, ...part }, body: 'one' });
  const get = (options?: AskOptions) => gateway.get(paths.page, options);
  const warm = async (options?: AskOptions) => {
    for (let i = 0; i < 5; i++) {
      const answered = await get(options);
      if (kept()) return answered;
    }
    throw new Error('the page is not kept');
  };
  return { ...paths, get, warm };
}

const include = (part: string): string => `<h1>page</h1><esi:include src="${part}"/>`;

/** Whether a page is still composed after it was asked for often. */
async function neverKept({ get }: Pick<Site, 'get'>, options?: AskOptions): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await get(options);
    expect(kept()).toBe(false);
  }
}

describe('a page that is kept assembled', () => {
  test('is answered as it was when it was composed', async () => {
    const { get, warm } = site(include);
    await get();
    const composed = await get();
    const ours = ['x-request-id', 'cache-status', 'server-timing', 'date'];
    const headers = ({ headers }: Answered) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.includes(name)));
    const hot = await warm();
    expect(hot.text).toBe('<h1>page</h1>one');
    expect(headers(hot)).toEqual(headers(composed));
    expect(hot.headers['x-request-id']).toBeDefined();
    expect(hot.headers['server-timing']).toMatch(/^inlay;/);
    expect(hot.headers['cache-status']).toMatch(/^inlay; hit; ttl=60; key=".*"; detail="hit=1"$/);
  });

  test('is kept from its second time from the store on, not before', async () => {
    const { get } = site(include);
    const asked = [];
    for (let i = 0; i < 4; i++) {
      await get();
      asked.push(kept());
    }
    expect(asked).toEqual([false, false, false, true]);
  });

  test('ages: Age grows, ttl falls, and what is left of max-age stays true', async () => {
    const { get, warm } = site(include);
    await warm();
    clock.now += 7 * SECOND;
    const { headers } = await get();
    expect(kept()).toBe(true);
    expect(headers).toMatchObject({ age: '7', 'cache-control': 'max-age=60' });
    expect(headers['cache-status']).toContain('ttl=53');
  });

  test('is given up when its first part becomes stale', async () => {
    const { part, get, warm } = site(include, {}, { 'cache-control': 'max-age=10' });
    await warm();
    clock.now += 11 * SECOND;
    origin.script(part, { headers: { 'cache-control': 'max-age=10', date: date() }, body: 'two' });
    expect((await get()).text).toBe('<h1>page</h1>two');
  });

  test.each(['hard', 'soft'] as const)('is given up when one of its parts is purged (%s)', async (mode) => {
    const { part, get, warm } = site(include);
    const { headers } = await warm();
    origin.script(part, { headers: { 'cache-control': 'max-age=60', date: date() }, body: 'two' });
    await gateway.purge({ mode, urls: [part] });
    const changed = await get();
    expect(changed.text).toBe('<h1>page</h1>two');
    expect(changed.headers.etag).not.toBe(headers.etag);
  });

  test('stays when something else is purged', async () => {
    const { get, warm } = site(include);
    await warm();
    await gateway.purge({ tags: ['something-else'] });
    await get();
    expect(kept()).toBe(true);
  });

  test('is given up when one of its parts was fetched anew for another page', async () => {
    const { part, get, warm } = site(include);
    await warm();
    origin.script(part, { headers: { 'cache-control': 'max-age=60', date: date() }, body: 'two' });
    await gateway.get(part, { headers: { 'cache-control': 'no-cache' } });
    expect((await get()).text).toBe('<h1>page</h1>two');
  });

  test('is given up when a POST changed one of its parts', async () => {
    const { part, get, warm } = site(include);
    await warm();
    await gateway.get(part, { method: 'POST', body: 'x' });
    origin.script(part, { headers: { 'cache-control': 'max-age=60', date: date() }, body: 'two' });
    expect((await get()).text).toBe('<h1>page</h1>two');
  });

  test.each([
    ['cache-control', 'no-cache'],
    ['cache-control', 'max-age=0'],
    ['pragma', 'no-cache'],
  ])('is no answer to who asks with %s: %s', async (name, value) => {
    const { page, get, warm } = site(include);
    await warm();
    const before = origin.received(page).length;
    await get({ headers: { [name]: value } });
    expect(kept()).toBe(false);
    expect(origin.received(page)).toHaveLength(before + 1);
  });

  test('answers HEAD with its head alone', async () => {
    const { get, warm } = site(include);
    const { headers } = await warm();
    const { status, text, headers: ours } = await get({ method: 'HEAD' });
    expect({ status, text, kept: kept() }).toEqual({ status: 200, text: '', kept: true });
    expect(ours).toMatchObject({ etag: headers.etag, 'content-length': '16' });
  });

  test('answers 304 to who has it', async () => {
    const { get, warm } = site(include);
    const { headers } = await warm();
    const { status, text, headers: ours } = await get({ headers: { 'if-none-match': `"x", ${headers.etag}` } });
    expect({ status, text, kept: kept() }).toEqual({ status: 304, text: '', kept: true });
    expect(ours).toMatchObject({ etag: headers.etag, 'cache-control': 'max-age=60' });
    expect(ours['content-length']).toBeUndefined();
    expect((await get({ headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  test('may be a page without directives, too, and then keeps the validators of its service', async () => {
    const modified = 'Mon, 23 Nov 2026 10:00:00 GMT';
    const plain = { etag: '"v1"', 'last-modified': modified, 'surrogate-control': 'x' };
    const { get, warm } = site(() => 'plain', plain);
    expect(await warm()).toMatchObject({ text: 'plain', headers: { etag: '"v1"' } });
    for (const [name, value, status] of [
      ['if-none-match', '"v1"', 304],
      ['if-none-match', '"v1-br"', 200],
      ['if-modified-since', modified, 304],
      ['if-modified-since', 'Mon, 23 Nov 2026 09:59:59 GMT', 200],
    ] as const) {
      expect((await get({ headers: { [name]: value } })).status).toBe(status);
      expect(kept()).toBe(true);
    }
    expect(await get({ headers: { range: 'bytes=1-2' } })).toMatchObject({ status: 206, text: 'la' });
  });
});

test.each([
  ['names a field that is to be dropped', { connection: 'accept-language' }],
  ['has passed here before', { 'cdn-loop': 'other' }],
])('a request that %s goes the whole way through the cache', async (_, headers) => {
  const { get, warm } = site(include);
  await warm();
  await get({ headers });
  expect(kept()).toBe(false);
});

test('nothing that is kept is answered while purges may be missed', async () => {
  const { get, warm } = site(include);
  await warm();
  const { purges } = gateway.node.runtime;
  purges.setSynced(false);
  await get();
  expect(kept()).toBe(false);
  purges.setSynced(true);
  await get();
  expect(kept()).toBe(true);
});

describe('compressed', () => {
  const long = (part: string): string => `${'<p>The same again.</p>'.repeat(200)}<esi:include src="${part}"/>`;
  const decode = { br: brotliDecompressSync, gzip: gunzipSync, zstd: zstdDecompressSync };

  test.each(['br', 'gzip', 'zstd'] as const)('a kept page is sent as %s to who accepts that', async (coding) => {
    const { get, warm } = site(long);
    const plain = await warm();
    expect(plain.headers.vary).toBe('accept-encoding');
    const accepting = { headers: { 'accept-encoding': coding } };
    const coded = await vi.waitFor(async () => {
      const answered = await get(accepting);
      expect(answered.headers['content-encoding']).toBe(coding);
      return answered;
    }, SOON);
    expect(decode[coding](Buffer.from(coded.latin1, 'latin1')).toString()).toBe(plain.text);
    expect(coded.latin1.length).toBeLessThan(plain.text.length / 4);
    expect(Number(coded.headers['content-length'])).toBe(coded.latin1.length);
    expect(coded.headers.etag).not.toBe(plain.headers.etag);
    for (const tag of [coded.headers.etag, plain.headers.etag]) {
      const again = await get({ headers: { ...accepting.headers, 'if-none-match': tag! } });
      expect({ status: again.status, etag: again.headers.etag }).toEqual({ status: 304, etag: tag });
    }
    expect((await get()).headers['content-encoding']).toBeUndefined();
  });

  test('its validator holds where the page is composed again', async () => {
    const { get, warm } = site(long);
    await warm();
    const accepting = { headers: { 'accept-encoding': 'gzip' } };
    const { headers } = await vi.waitFor(async () => {
      const answered = await get(accepting);
      expect(answered.headers['content-encoding']).toBe('gzip');
      return answered;
    }, SOON);
    const asked = { 'if-none-match': headers.etag!, range: 'bytes=0-1' }; // a range goes the whole way through the cache
    expect((await get({ headers: asked })).status).toBe(304);
    expect(kept()).toBe(false);
  });

  test.each([
    ['Cache-Control: no-transform', { 'cache-control': 'max-age=60, no-transform' }],
    ['an image', { 'content-type': 'image/png' }],
  ])('is never %s', async (_, headers) => {
    const { get, warm } = site(long, headers, {});
    await warm({ headers: { 'accept-encoding': 'gzip' } });
    for (let i = 0; i < 3; i++) {
      const answered = await get({ headers: { 'accept-encoding': 'gzip' } });
      expect(answered.headers['content-encoding']).toBeUndefined();
      expect(answered.headers.vary).toBeUndefined();
    }
  });
});

describe('a page that differs by more than its URL', () => {
  test('by a cookie that it prints is kept for each value apart, and for nobody downstream', async () => {
    const { warm, get } = site(() => '<esi:vars>$(HTTP_COOKIE{user})</esi:vars>');
    for (const user of ['ann', 'bob', 'ann']) {
      const { text, headers } = await warm({ headers: { cookie: `other=${Math.random()}; user=${user}` } });
      expect(text).toBe(user);
      expect(headers['cache-control']).toContain('private');
    }
    expect((await get({ headers: { cookie: 'user=eve' } })).text).toBe('eve');
    expect((await get()).text).toBe('');
  });

  test('by what it reads on some paths only', async () => {
    const choose = `<esi:choose><esi:when test="$(HTTP_COOKIE{a}) == '1'"><esi:vars>$(HTTP_COOKIE{b})</esi:vars></esi:when>
      <esi:otherwise>none</esi:otherwise></esi:choose>`;
    const { warm } = site(() => choose);
    const text = async (cookie: string) => (await warm({ headers: { cookie } })).text.trim();
    expect(await text('a=0; b=1')).toBe('none');
    expect(await text('a=1; b=1')).toBe('1');
    expect(await text('a=1; b=2')).toBe('2');
    expect(await text('a=0; b=2')).toBe('none');
    expect(await text('a=1; b=1')).toBe('1');
  });

  test('by a field that a part varies by', async () => {
    const { part, warm } = site(include);
    origin.script(part, (request) => ({
      headers: { 'cache-control': 'max-age=60', date: date(), vary: 'Accept-Language' },
      body: `in ${request.field('accept-language')}`,
    }));
    for (const language of ['de', 'fr', 'de'])
      expect((await warm({ headers: { 'accept-language': language } })).text).toBe(`<h1>page</h1>in ${language}`);
  });

  test.each(['$time()', '$rand(100)', '$http_time()'])('by %s is composed each time', async (call) => {
    await neverKept(site(() => `<esi:vars>${call}</esi:vars>`));
  });

  test.each([
    ['a private part', { 'cache-control': 'private, max-age=60' }],
    ['a part that varies by cookie', { vary: 'cookie' }],
    ['a part that varies by what the gateway says itself', { vary: 'x-forwarded-for' }],
    ['a part that must not be stored', { 'cache-control': 'no-store' }],
    ['a part that is always revalidated', { 'cache-control': 'no-cache', etag: '"1"' }],
  ])('because of %s is composed each time', async (_, part) => {
    await neverKept(site(include, {}, part), { headers: { cookie: 'user=ann' } });
  });

  test('because a part failed is composed each time', async () => {
    const broken = site((part) => `<esi:include src="${part}" onerror="continue"/>`);
    origin.script(broken.part, { status: 404, headers: { 'cache-control': 'max-age=60', date: date() } });
    await neverKept(broken);
  });
});

test('hosts do not share kept pages', async () => {
  const { warm, get } = site(() => '<esi:vars>$(HTTP_HOST)</esi:vars>');
  expect((await warm({ headers: { host: 'a.example' } })).text).toBe('a.example');
  expect((await get({ headers: { host: 'b.example' } })).text).toBe('b.example');
});

test('parts of a kept page stay in the store while it is asked for, and the page goes when they do', async () => {
  const config = { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } };
  const small = await startGateway({ ...config, cache: { maxSize: '512kb' } }, () => clock.now);
  const { page, part } = site(include);
  for (let i = 0; i < 4; i++) await small.get(page);
  origin.script('/filler', { headers: { 'cache-control': 'max-age=60', date: date() }, body: 'x'.repeat(40_000) });
  for (let i = 0; i < 50; i++) {
    clock.now += 1_001; // a page that is in use marks its parts as used once a second
    await small.get(`/filler?${i}`);
    await small.get(page);
  }
  expect(origin.received(part)).toHaveLength(1);
  for (let i = 50; i < 80; i++) await small.get(`/filler?${i}`);
  expect((await small.get(page)).text).toBe('<h1>page</h1>one');
  expect(origin.received(part)).toHaveLength(2);
  expect(small.node.runtime.store.size).toBeLessThanOrEqual(512 * 1024);
  await small.stop();
});
