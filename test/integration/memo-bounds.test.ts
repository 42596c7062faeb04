import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type AskOptions, ask, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' };
let origin: Origin;
let gateway: TestGateway;
const clock = { now: Date.parse('2026-11-23T12:00:00Z') };
const date = () => new Date(clock.now).toUTCString();
const lives = () => ({ 'cache-control': 'max-age=600', date: date() });
const config = (cache = {}) => ({
  services: { web: origin.url },
  facades: { all: { routes: { '/*': 'web' } } },
  ...cache,
});

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startGateway(config(), () => clock.now);
});

afterAll(async () => {
  await gateway.stop();
  await origin.stop();
});

const kept = (): boolean => gateway.records().at(-1)?.reason === 'hit, kept assembled';

async function warm(path: string, options?: AskOptions) {
  for (let i = 0; i < 6; i++) {
    const answered = await gateway.get(path, options);
    if (kept()) return answered;
  }
  throw new Error('not kept');
}

const BRANCHES = `<esi:choose><esi:when test="$(HTTP_COOKIE{k}) == '1'"><esi:vars>m: $(HTTP_COOKIE{z})</esi:vars></esi:when>
<esi:otherwise><esi:vars>a: $(HTTP_COOKIE{a})</esi:vars></esi:otherwise></esi:choose>`;

test('a page kept for one visitor is not answered to another after the store forgot what its URL is selected by', async () => {
  origin.script('/branches', { headers: { ...ESI, ...lives() }, body: BRANCHES });
  const text = async (cookie: string) => (await gateway.get('/branches', { headers: { cookie } })).text.trim();
  expect((await warm('/branches', { headers: { cookie: 'k=1; z=2' } })).text.trim()).toBe('m: 2');
  // As the LRU does when it makes room: the selection is looked up before the page is, and so is older.
  await gateway.node.runtime.store.delete(`page http://127.0.0.1:${gateway.port}/branches`);
  for (let i = 0; i < 4; i++) expect(await text('k=9; a=9')).toBe('a: 9');
  expect(await text('k=2; a=1')).toBe('a: 1');
});

test('is given up when one of its parts was fetched anew and varies no longer', async () => {
  const part = { 'content-type': 'text/html', ...lives() };
  origin.script('/v-page', { headers: { ...ESI, ...lives() }, body: '<h1>page</h1><esi:include src="/v-part"/>' });
  origin.script('/v-part', { headers: { ...part, vary: 'accept-language' }, body: 'one' });
  expect((await warm('/v-page')).text).toBe('<h1>page</h1>one');
  clock.now += 1_000;
  origin.script('/v-part', { headers: part, body: 'two' });
  expect((await gateway.get('/v-part', { headers: { 'cache-control': 'no-cache' } })).text).toBe('two');
  expect((await gateway.get('/v-part')).text).toBe('two');
  expect((await gateway.get('/v-page', { headers: { 'cache-control': 'max-age=1000' } })).text).toBe(
    '<h1>page</h1>two',
  );
  expect((await gateway.get('/v-page')).text).toBe('<h1>page</h1>two');
});

test('its Age is never negative, though clocks are set back', async () => {
  origin.script('/clock', { headers: { ...ESI, ...lives() }, body: '<h1>page</h1>' });
  await warm('/clock');
  clock.now -= 500;
  const { headers } = await gateway.get('/clock');
  clock.now += 500;
  expect(Number(headers.age)).toBeGreaterThanOrEqual(0);
});

test('a visitor who invents cookies does not push everything else out of the store', async () => {
  const small = await startGateway(config({ cache: { maxSize: '8mb' } }), () => clock.now);
  origin.script('/victim', { headers: { 'content-type': 'text/html', ...lives() }, body: 'victim' });
  origin.script('/greeting', {
    headers: { ...ESI, ...lives() },
    body: `<esi:vars>$(HTTP_COOKIE{name})</esi:vars>${'x'.repeat(500_000)}`,
  });
  await ask(small.port, '/victim');
  const before = origin.requests.length;
  for (let i = 0; i < 30; i++)
    for (let j = 0; j < 2; j++) await ask(small.port, '/greeting', { headers: { cookie: `name=${i}` } });
  const asked = origin.requests.length - before; // one for the greeting
  await ask(small.port, '/victim');
  await small.stop();
  expect({ asked, victim: origin.received('/victim').length }).toEqual({ asked: 1, victim: 1 });
});

test('a visitor who invents long cookies costs no memory beyond the bound of the store', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const small = await startGateway(config({ cache: { maxSize: '1mb' } }), () => clock.now);
  origin.script('/long', { headers: { ...ESI, ...lives() }, body: `<esi:vars>$(HTTP_COOKIE{name})</esi:vars>` });
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const { request } = await import('node:http');
  const send = (i: number) =>
    new Promise<void>((resolve, reject) => {
      const cookie = `name=${String(i).padStart(12_000, 'x')}`;
      request({ host: '127.0.0.1', port: small.port, path: '/long', agent, headers: { cookie } }, (response) => {
        response.resume().on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  await Promise.all(Array.from({ length: 50 }, (_, i) => send(i)));
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 3_000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => send(1_000 + i + j)));
  gc();
  const grown = (process.memoryUsage().heapUsed - before) / 1e6;
  agent.destroy();
  await vi.waitFor(() => undefined);
  await small.stop();
  expect(grown).toBeLessThan(12);
}, 30_000);
