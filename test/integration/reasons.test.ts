import { afterEach, expect, test, vi } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

/** Nothing that Inlay decides is without its reason: in the answer's own fields, and in the log. */

let origin: Origin;
let gateway: TestGateway;
afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

const HTML = { 'content-type': 'text/html' };

async function setup(): Promise<void> {
  origin = await startOrigin();
  gateway = await startGateway({ services: { web: origin.url } });
  origin.script('/page', {
    headers: {
      ...HTML,
      'cache-control': 'max-age=60',
      'surrogate-key': 'page',
      'surrogate-control': 'content="ESI/1.0"',
    },
    body: '<esi:include src="/part"/>',
  });
  origin.script('/part', { headers: { ...HTML, 'cache-control': 'private' }, body: 'part' });
}

const lastRecord = () => gateway.records().at(-1);

test('why a page was fetched again, although it was fresh, is told by the purge that hit it', async () => {
  await setup();
  await gateway.get('/page');
  await gateway.purge({ tags: ['page'] });
  const { headers } = await gateway.get('/page');
  expect(headers['cache-status']).toMatch(/detail="purged by tag page/);
  await vi.waitFor(() => expect(lastRecord()).toMatchObject({ cache: 'miss', reason: 'miss, purged by tag page' }));
});

test('why a part was not kept is told by the rule that forbade it', async () => {
  await setup();
  await gateway.get('/page');
  await vi.waitFor(() => expect(lastRecord()?.reasons).toEqual(['/part: miss, uri-miss, not stored: private']));
  await gateway.get('/page');
  await vi.waitFor(() => expect(lastRecord()?.reasons).toEqual(['/part: pass, unstorable, not stored: private']));
});

test('why a page itself was not kept is told in its answer', async () => {
  await setup();
  origin.script('/secret', { headers: { ...HTML, 'cache-control': 'no-store' }, body: 'x' });
  expect((await gateway.get('/secret')).headers['cache-status']).toMatch(/detail="not stored: no-store"/);
});
