import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const PAGE = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
    cache: { maxSize: 8 * 1024 ** 2 },
  });
});
afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});
const kept = (): boolean => gateway.records().at(-1)?.reason === 'hit, kept assembled';

test('a POST makes every representation be asked for again, however long the fields are that others were selected by', async () => {
  const stale: string[] = [];
  const victim = { 'x-long': 'v' };
  // The marker of a page outgrows what the store takes at one of these counts, and is then gone.
  for (let count = 16; count <= 24; count++) {
    const page = `/page-${count}`;
    let body = 'old';
    origin.script(page, ({ method }) =>
      method === 'POST' ? { status: 204 } : { headers: { ...PAGE, vary: 'x-long' }, body },
    );
    for (let i = 0; i < 5; i++) await gateway.get(page, { headers: victim });
    for (let i = 0; i < count; i++) await gateway.get(page, { headers: { 'x-long': `${i}${'"'.repeat(13_000)}` } });
    body = 'new';
    expect((await gateway.get(page, { method: 'POST', body: 'x' })).status).toBe(204);
    const { text } = await gateway.get(page, { headers: victim });
    if (text !== 'new') stale.push(`${page}: ${text}`);
  }
  expect(stale).toEqual([]);
}, 20_000);

test('a kept page is not older than what a look-up finds when a representation of the same names came in between', async () => {
  let version = 'one';
  let vary = 'x-a';
  origin.script('/page', () => ({ headers: { ...PAGE, vary }, body: version }));
  const get = (a: string, b: string) => gateway.get('/page', { headers: { 'x-a': a, 'x-b': b } });
  await get('1', '2'); // selected by x-a=1
  vary = 'x-b';
  version = 'two';
  await get('9', '9'); // now by x-b; what is asked with 1, 2 still finds the first
  for (let i = 0; i < 5; i++) await get('1', '2');
  const before = kept();
  version = 'three';
  await get('8', '2'); // nobody has this: fetched, and the newest for 1, 2 too
  const hot = await get('1', '2');
  const composed = await gateway.get('/page', { headers: { 'x-a': '1', 'x-b': '2', 'cache-control': 'max-age=1000' } });
  expect({ before, hot: hot.text, composed: composed.text }).toEqual({ before, hot: 'three', composed: 'three' });
});
