import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Answered, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const OWN = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'no-store' };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
    limits: { pageTimeout: 3_000 },
  });
});
afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

test('bytes that were an HTML template are another template as JSON', async () => {
  const body = '{"a":"<esi:remove>x</esi:remove>","b":{"$include":"/part"}}';
  origin.script('/part', {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: '"<b>"',
  });
  const asJson = { ...OWN, 'content-type': 'application/json' };
  origin.script('/fresh', { headers: asJson, body });
  const fresh = await gateway.get('/fresh');
  origin.script('/page', { headers: OWN, body });
  for (let i = 0; i < 3; i++) await gateway.get('/page');
  origin.script('/page', { headers: asJson, body });
  const { text } = await gateway.get('/page');
  expect(text).toBe(fresh.text);
});

test('what has come of a page leaves while the service takes its time to end it, also when it comes again', async () => {
  const body = '<h1>head</h1><esi:include src="/part"/>';
  origin.script('/part', { headers: { 'content-type': 'text/html', 'cache-control': 'no-store' }, body: 'part' });
  origin.script('/page', { headers: OWN, body });
  for (let i = 0; i < 3; i++) await gateway.get('/page');
  origin.script('/page', { headers: OWN, body: [body], hang: 'body' });
  const asked = origin.received('/part').length;
  let ended = false;
  let seen = '';
  const page: Promise<Answered | undefined> = gateway
    .get('/page', {
      onText: (text) => {
        seen = text;
      },
    })
    .catch(() => undefined)
    .finally(() => {
      ended = true;
    });
  await vi.waitFor(() => expect(seen !== '' || ended).toBe(true), { timeout: 6_000 });
  const first = { seen, included: origin.received('/part').length > asked };
  await page;
  expect(first).toMatchObject({ seen: expect.stringContaining('<h1>head</h1>'), included: true });
}, 10_000);

test('nothing of an answer that says no-store is in the store', async () => {
  const spoken = vi.fn();
  await gateway.stop();
  gateway = await startGateway(
    { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } },
    undefined,
    ({ store }) => {
      const set = store.set.bind(store);
      store.set = (key, stored) => {
        const text = JSON.stringify(stored, (_, v) =>
          v instanceof Uint8Array ? Buffer.from(v).toString('latin1') : v,
        );
        if (text.includes('card 4711')) spoken(key);
        return set(key, stored);
      };
      return {};
    },
  );
  origin.script('/page', { headers: OWN, body: '<p>card 4711</p>' });
  for (let i = 0; i < 4; i++)
    await gateway.get('/page', { headers: { cookie: 'session=1', 'cache-control': 'no-store' } });
  expect(spoken).not.toHaveBeenCalled();
});
