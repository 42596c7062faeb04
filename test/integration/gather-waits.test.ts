import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
const KEPT = { 'content-type': 'text/html', 'cache-control': 'max-age=60' };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
    limits: { pageTimeout: 1_500 },
  });
});
afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

test('a visitor whose own branch hangs does not cost those who came after him their page', async () => {
  const template = `head <esi:choose><esi:when test="$(HTTP_HEADER{X-Beta}) == '1'"><esi:include src="/slow" onerror="continue"/></esi:when></esi:choose><esi:include src="/part"/> tail`;
  origin.script('/part', { headers: KEPT, body: 'part' });
  origin.script('/page', { headers: ESI, body: template });
  await gateway.get('/page');
  await gateway.purge({ mode: 'hard', urls: ['/part'] });
  origin.script('/slow', { hang: true });
  let begun = 0;
  const first = gateway.get('/page', {
    headers: { 'x-beta': '1' },
    onText: (text) => void (text === 'head ' && begun++),
  });
  await vi.waitFor(() => expect(begun).toBe(1));
  const part = { headers: { ...KEPT, 'cache-control': 'max-age=1' }, body: 'part' };
  origin.script('/part', part);
  const startedAt = Date.now();
  const { text, complete } = await gateway.get('/page');
  const took = Date.now() - startedAt;
  await first;
  expect({ text, complete, quick: took < 700 }).toEqual({ text: 'head part tail', complete: true, quick: true });
});

test('nor can he do so again and again', async () => {
  const template = `head <esi:choose><esi:when test="$(HTTP_HEADER{X-Beta}) == '1'"><esi:include src="/slow"/></esi:when></esi:choose><esi:include src="/part"/> tail`;
  origin.script('/part', { headers: KEPT, body: 'part' });
  origin.script('/page', { headers: ESI, body: template });
  await gateway.get('/page'); // all of what others need is in the store from here on
  origin.script('/slow', { hang: true });
  const took: number[] = [];
  for (let round = 0; round < 3; round++) {
    let begun = 0;
    const onText = (text: string) => void (text === 'head ' && begun++);
    const first = gateway.get('/page', { headers: { 'x-beta': '1' }, onText });
    await vi.waitFor(() => expect(begun).toBe(1));
    const startedAt = Date.now();
    await gateway.get('/page');
    took.push(Date.now() - startedAt);
    await first;
  }
  expect(took.map((ms) => (ms < 700 ? 'at once' : 'late'))).toEqual(['at once', 'at once', 'at once']);
}, 15_000);

test('whose rest is for themselves alone have all their time for it', async () => {
  const template = `head <esi:choose><esi:when test="$(HTTP_HEADER{X-Beta}) == '1'"><esi:include src="/slow" onerror="continue"/></esi:when></esi:choose><esi:include src="/part"/> tail`;
  origin.script('/part', { headers: KEPT, body: 'part' });
  origin.script('/page', { headers: ESI, body: template });
  await gateway.get('/page');
  await gateway.purge({ mode: 'hard', urls: ['/part'] });
  origin.script('/slow', { hang: true });
  origin.script('/part', {
    headers: { 'content-type': 'text/html', 'cache-control': 'private' },
    body: 'mine',
    delay: 100,
  });
  let begun = 0;
  const first = gateway.get('/page', {
    headers: { 'x-beta': '1' },
    onText: (text) => void (text === 'head ' && begun++),
  });
  await vi.waitFor(() => expect(begun).toBe(1));
  const { text, complete } = await gateway.get('/page');
  await first;
  expect({ text, complete }).toEqual({ text: 'head mine tail', complete: true });
});
