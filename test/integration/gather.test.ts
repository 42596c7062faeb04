import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Answered, type AskOptions, sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, type Origin, startOrigin } from '../support/origin.ts';

// Many who ask for one page while it is composed wait for one composition, unless it holds what is for one of them alone.

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
const KEPT = { 'content-type': 'text/html', 'cache-control': 'max-age=60' };
const RAW = 'GET /page HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
const SOON = { timeout: 3_000, interval: 5 };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({ services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } });
});

afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

/** Opens a page for many at once; resolves when all of them wait for its rest. */
async function crowd(count: number, options: (i: number) => AskOptions = () => ({})): Promise<Promise<Answered>[]> {
  let begun = 0;
  const answers = Array.from({ length: count }, (_, i) =>
    gateway.get('/page', {
      ...options(i),
      onText: (text) => {
        if (text === 'head ') begun += 1;
      },
    }),
  );
  await vi.waitFor(() => expect(begun).toBe(count), SOON);
  return answers;
}

const shared = () => gateway.records().filter(({ reason }) => reason.includes('composed for several')).length;

const TEMPLATE = 'head <esi:include src="/part"/> tail';

/** A page whose template is in the store and whose part is not; the part answers when it is told to. */
async function warmPage(part: (n: number) => Answer, template = TEMPLATE): Promise<PromiseWithResolvers<void>> {
  origin.script('/part', { headers: KEPT, body: 'x' });
  origin.script('/page', { headers: ESI, body: template });
  await gateway.get('/page');
  await gateway.purge({ mode: 'hard', urls: ['/part'] });
  const gate = Promise.withResolvers<void>();
  let served = 0;
  origin.script('/part', async () => {
    await gate.promise;
    served += 1;
    return part(served);
  });
  return gate;
}

describe('many who ask for one page', () => {
  test('have its first bytes at once, and the rest from one composition', async () => {
    const gate = await warmPage((n) => ({ headers: KEPT, body: `part ${n}` }));
    const before = origin.received('/part').length;
    const answers = await crowd(20);
    gate.resolve();
    for (const answer of answers) {
      const { text, complete, headers } = await answer;
      expect({ text, complete }).toEqual({ text: 'head part 1 tail', complete: true });
      expect(headers['cache-control']).toBe('private, max-age=0');
      expect(headers.etag).toBeUndefined();
    }
    expect(origin.received('/part')).toHaveLength(before + 1);
    await vi.waitFor(() => expect(shared()).toBe(19), SOON);
  });

  test.each([
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['not to be stored', { 'cache-control': 'no-store' }],
    ['always revalidated', { 'cache-control': 'no-cache', etag: '"1"' }],
    ['setting a cookie', { 'cache-control': 'max-age=60', 'set-cookie': 'a=1' }],
  ])('each get their own if a part is %s', async (_, headers) => {
    const gate = await warmPage((n) => ({ headers: { 'content-type': 'text/html', ...headers }, body: `for ${n}` }));
    const answers = await crowd(10);
    gate.resolve();
    const texts = new Set((await Promise.all(answers)).map(({ text }) => text));
    expect(texts.size).toBe(10);
    expect(shared()).toBe(0);
  });

  test('do not wait for a page that was for one of them alone a moment ago', async () => {
    const alone = { 'content-type': 'text/html', 'cache-control': 'private' };
    const gate = await warmPage((n) => ({ headers: alone, body: `for ${n}` }));
    gate.resolve();
    await Promise.all(await crowd(3));
    const again = Promise.withResolvers<void>();
    origin.script('/part', async () => {
      await again.promise;
      return { headers: alone, body: 'x' };
    });
    const before = origin.received('/part').length;
    const answers = await crowd(5);
    await vi.waitFor(() => expect(origin.received('/part')).toHaveLength(before + 5), SOON);
    again.resolve();
    await Promise.all(answers);
  });

  test('with cookies are composed for one by one', async () => {
    const gate = await warmPage(() => ({ headers: KEPT, body: 'part' }));
    const answers = await crowd(5, (i) => ({ headers: { cookie: `user=${i}` } }));
    gate.resolve();
    for (const answer of answers) expect((await answer).text).toBe('head part tail');
    expect(shared()).toBe(0);
  });

  test('in other languages have other compositions, where a part varies by it', async () => {
    const gate = await warmPage(() => ({ headers: KEPT, body: 'part' }));
    origin.script('/part', async (request) => {
      await gate.promise;
      const language = request.field('accept-language');
      return { headers: { ...KEPT, vary: 'accept-language' }, body: `in ${language}` };
    });
    const answers = await crowd(12, (i) => ({ headers: { 'accept-language': ['de', 'fr', 'it'][i % 3]! } }));
    gate.resolve();
    for (const [i, answer] of answers.entries())
      expect((await answer).text).toBe(`head in ${['de', 'fr', 'it'][i % 3]} tail`);
  });

  test('by a field that nobody foresaw get what is for them', async () => {
    const gate = await warmPage(() => ({ headers: KEPT, body: 'part' }));
    origin.script('/part', async (request) => {
      await gate.promise;
      return { headers: { ...KEPT, vary: 'user-agent' }, body: `for ${request.field('user-agent')}` };
    });
    const answers = await crowd(8, (i) => ({ headers: { 'user-agent': `agent-${i % 2}` } }));
    gate.resolve();
    for (const [i, answer] of answers.entries()) expect((await answer).text).toBe(`head for agent-${i % 2} tail`);
  });

  test('get what chance gives each of them', async () => {
    const random = 'head <esi:include src="/part"/><esi:vars>$rand(1000000000)</esi:vars>';
    const gate = await warmPage(() => ({ headers: KEPT, body: 'part ' }), random);
    const answers = await crowd(10);
    gate.resolve();
    expect(new Set((await Promise.all(answers)).map(({ text }) => text)).size).toBe(10);
  });

  test('get nothing older than a purge that came while they waited', async () => {
    const gate = await warmPage(() => ({ headers: KEPT, body: 'old' }));
    const answers = await crowd(10);
    await gateway.purge({ mode: 'hard', urls: ['/part'] });
    origin.script('/part', { headers: KEPT, body: 'new' });
    gate.resolve();
    for (const answer of answers) expect((await answer).text).toBe('head new tail');
  });

  test('go on when the one whose composition they wait for leaves', async () => {
    const gate = await warmPage(() => ({ headers: KEPT, body: 'part' }));
    const first = sendRaw(gateway.port, RAW);
    await vi.waitFor(() => expect(first.text()).toContain('head '), SOON);
    const answers = await crowd(5);
    first.socket.destroy();
    await vi.waitFor(() => expect(origin.received('/part').some(({ left }) => left)).toBe(true), SOON);
    gate.resolve();
    for (const answer of answers) expect(await answer).toMatchObject({ text: 'head part tail', complete: true });
  });

  test('do not wait for a slow reader', async () => {
    const big = 'x'.repeat(1_500_000);
    const gate = await warmPage(() => ({ headers: KEPT, body: big }));
    const slow = sendRaw(gateway.port, RAW);
    await vi.waitFor(() => expect(slow.text()).toContain('head '), SOON);
    slow.socket.pause();
    const answers = await crowd(3);
    gate.resolve();
    for (const answer of answers) expect((await answer).text).toHaveLength(big.length + 'head  tail'.length);
    slow.socket.destroy();
  });

  test('fail each for itself where the composition they waited for failed', async () => {
    const gate = await warmPage((n) => (n <= 2 ? { status: 500, body: 'no' } : { headers: KEPT, body: 'part' }));
    const answers = await crowd(6);
    gate.resolve();
    const texts = (await Promise.all(answers)).map(({ text, complete }) => (complete ? text : 'cut'));
    expect(texts).toContain('head part tail');
    expect(texts.filter((text) => text === 'cut').length).toBeLessThanOrEqual(2);
  });
});
