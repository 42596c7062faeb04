import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, type Origin, type Received, startOrigin } from '../support/origin.ts';

// What a page is made of is revalidated as a page is: these are the cases that need includes, purges or several clients.

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' };
const SOON = { timeout: 3_000, interval: 5 };
const SECOND = 1_000;
let origin: Origin;
let gateway: TestGateway;
let pages = 0;
const clock = { now: Date.parse('2026-11-23T12:00:00Z') };

beforeAll(async () => {
  origin = await startOrigin();
  const config = { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } };
  gateway = await startGateway(config, () => clock.now);
});

afterAll(async () => {
  await gateway.stop();
  await origin.stop();
});

/** The time in the gateway's own world, for Date. */
const date = () => new Date(clock.now).toUTCString();

/** A representation whose service answers 304 to who has it. */
function versioned(body: string, headers: Answer['headers'] = {}): (request: Received) => Answer {
  const etag = `"${body}"`;
  return (request) =>
    request.field('if-none-match') === etag
      ? { status: 304, headers: { etag, date: date(), ...headers } }
      : { headers: { 'content-type': 'text/html', etag, date: date(), ...headers }, body };
}

/** A page that lives for an hour and includes one fragment. */
function pageWith(headers: Answer['headers']): { page: string; fragment: string } {
  pages += 1;
  const fragment = `/fragment-${pages}`;
  const page = `/page-${pages}`;
  origin.script(page, {
    headers: { ...ESI, 'cache-control': 'max-age=86400', date: date() },
    body: `<esi:include src="${fragment}"/>`,
  });
  origin.script(fragment, versioned('one', headers));
  return { page, fragment };
}

const statusesOf = (path: string) => origin.received(path).map((request) => request.field('if-none-match') ?? 'whole');

describe('a fragment', () => {
  test('that became stale is asked about with its own validators, and its body is not sent again', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    const first = await gateway.get(page);
    clock.now += 20 * SECOND;
    const second = await gateway.get(page);
    expect([first.text, second.text]).toEqual(['one', 'one']);
    expect(second.headers.etag).toBe((await gateway.get(page)).headers.etag);
    expect(statusesOf(fragment)).toEqual(['whole', '"one"']);
  });

  test('that a 304 found unchanged is fresh again', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    for (const wait of [0, 20, 5, 20]) {
      clock.now += wait * SECOND;
      await gateway.get(page);
    }
    expect(statusesOf(fragment)).toEqual(['whole', '"one"', '"one"']);
  });

  test('that changed is replaced', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    await gateway.get(page);
    clock.now += 20 * SECOND;
    origin.script(fragment, versioned('two', { 'cache-control': 'max-age=10' }));
    expect((await gateway.get(page)).text).toBe('two');
    expect((await gateway.get(page)).text).toBe('two');
    expect(statusesOf(fragment)).toEqual(['whole', '"one"']);
  });

  test('that was purged softly is asked about, one that was purged hard is fetched whole', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=3600', 'surrogate-key': `t${pages}` });
    const tags = [`t${pages - 1}`];
    await gateway.get(page);
    await gateway.purge({ mode: 'soft', tags });
    await gateway.get(page);
    await gateway.purge({ mode: 'hard', tags });
    expect((await gateway.get(page)).text).toBe('one');
    expect(statusesOf(fragment)).toEqual(['whole', '"one"', 'whole']);
  });

  test('that a purge overtakes while it is asked about is fetched whole: the 304 may be older than the purge', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    await gateway.get(page);
    clock.now += 20 * SECOND;
    const answer = Promise.withResolvers<void>();
    const plain = versioned('one', { 'cache-control': 'max-age=10' });
    origin.script(fragment, async (request) => {
      if (request.field('if-none-match') !== undefined) await answer.promise;
      return request.field('if-none-match') === undefined ? versioned('two')(request) : plain(request);
    });
    const asked = gateway.get(page);
    await vi.waitFor(() => expect(origin.received(fragment)).toHaveLength(2), SOON);
    await gateway.purge({ mode: 'hard', urls: [fragment] });
    answer.resolve();
    expect((await asked).text).toBe('two');
    expect(statusesOf(fragment)).toEqual(['whole', '"one"', 'whole']);
  });

  test('is asked about once, however many pages wait for it', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    await gateway.get(page);
    clock.now += 20 * SECOND;
    const plain = versioned('one', { 'cache-control': 'max-age=10' });
    const answer = Promise.withResolvers<void>();
    origin.script(fragment, async (request) => {
      await answer.promise;
      return plain(request);
    });
    const asked = Promise.all(Array.from({ length: 20 }, () => gateway.get(page, { onText: () => undefined })));
    await vi.waitFor(() => expect(origin.received(fragment)).toHaveLength(2), SOON);
    answer.resolve();
    expect(new Set((await asked).map(({ text }) => text))).toEqual(new Set(['one']));
    expect(statusesOf(fragment)).toEqual(['whole', '"one"']);
  });

  test('that may no longer be stored after a 304 is used for who asked, and forgotten', async () => {
    const { page, fragment } = pageWith({ 'cache-control': 'max-age=10' });
    await gateway.get(page);
    clock.now += 20 * SECOND;
    origin.script(fragment, versioned('one', { 'cache-control': 'private' }));
    expect((await gateway.get(page)).text).toBe('one');
    await gateway.get(page);
    expect(statusesOf(fragment)).toEqual(['whole', '"one"', 'whole']);
  });
});

describe('a template', () => {
  test('is revalidated without being compiled again, and composed with what its fragments are now', async () => {
    pages += 1;
    const [page, fragment] = [`/page-${pages}`, `/fragment-${pages}`];
    const template = `<esi:include src="${fragment}"/>`;
    origin.script(page, versioned(template.replaceAll('"', "'"), { ...ESI, 'cache-control': 'max-age=10' }));
    origin.script(fragment, { headers: { 'cache-control': 'max-age=5', date: date() }, body: 'one' });
    expect((await gateway.get(page)).text).toBe('one');
    clock.now += 20 * SECOND;
    origin.script(fragment, { headers: { 'cache-control': 'max-age=5', date: date() }, body: 'two' });
    expect((await gateway.get(page)).text).toBe('two');
    expect(origin.received(page).map((request) => request.lines('if-none-match').length)).toEqual([0, 1]);
  });

  test('is fetched whole where the client asks for a range: a part of a template is none', async () => {
    pages += 1;
    const page = `/page-${pages}`;
    origin.script(page, (request) =>
      request.field('range') === undefined
        ? { headers: ESI, body: '<esi:vars>$(REQUEST_PATH)</esi:vars>' }
        : { status: 206, headers: { ...ESI, 'content-range': 'bytes 0-3/36' }, body: '<esi' },
    );
    const { status, text } = await gateway.get(page, { headers: { range: 'bytes=0-3' } });
    expect({ status, text }).toEqual({ status: 200, text: page });
  });
});

describe('representations of one URL', () => {
  test('do not wait for each other once it is known what they vary by', async () => {
    pages += 1;
    const path = `/varying-${pages}`;
    const slow = Promise.withResolvers<void>();
    const headers = { vary: 'accept-language', 'cache-control': 'max-age=60', date: date() };
    origin.script(path, async (request) => {
      if (request.field('accept-language') === 'slow') await slow.promise;
      return { headers, body: `in ${request.field('accept-language')}` };
    });
    const get = (language: string) => gateway.get(path, { headers: { 'accept-language': language } });
    await get('first');
    const waiting = get('slow');
    await vi.waitFor(() => expect(origin.received(path)).toHaveLength(2), SOON);
    expect((await get('quick')).text).toBe('in quick');
    slow.resolve();
    expect((await waiting).text).toBe('in slow');
  });

  test('are found by what each of them varies by, the newest first', async () => {
    pages += 1;
    const path = `/varying-${pages}`;
    origin.script(path, (request) => ({
      headers: {
        vary: request.field('x-b') === undefined ? 'x-a' : 'x-b',
        'cache-control': 'max-age=60',
        date: date(),
      },
      body: `a=${request.field('x-a')} b=${request.field('x-b')}`,
    }));
    const get = async (headers: Record<string, string>) => (await gateway.get(path, { headers })).text;
    expect(await get({ 'x-a': '1' })).toBe('a=1 b=undefined');
    clock.now += SECOND;
    expect(await get({ 'x-a': '2', 'x-b': '2' })).toBe('a=2 b=2');
    expect(await get({ 'x-a': '1', 'x-b': '3' })).toBe('a=1 b=undefined');
    expect(await get({ 'x-a': '1', 'x-b': '2' })).toBe('a=2 b=2');
    expect(origin.received(path)).toHaveLength(2);
  });
});

describe('a HEAD', () => {
  test('is asked as a HEAD, but where the page is composed the head takes its body to know', async () => {
    const { page } = pageWith({ 'cache-control': 'max-age=10' });
    const { status, headers, text } = await gateway.get(page, { method: 'HEAD' });
    expect({ status, text, length: headers['content-length'] }).toEqual({ status: 200, text: '', length: '3' });
    expect(origin.received(page).map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });
});
