import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { jwt, sign } from 'hono/jwt';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createGateway } from '../../src/gateway/app.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { createNodeRuntime } from '../../src/node/runtime.ts';
import { ask, cleanups, ESI_JSON, gate, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

/** What pages that are composed at the same time do to each other's batches, and whose entities may be asked for. */

const stack = cleanups();
afterEach(() => stack.run());

const JSON_TYPE = { 'content-type': 'application/json', 'cache-control': 'max-age=60' };
const ITEM = {
  name: 'item',
  path: '/item/{id}',
  service: 'origin',
  scope: 'public',
  batch: { path: '/items?ids={ids}' },
} as const;
const list = (...ids: string[]) => ({
  headers: ESI_JSON,
  body: JSON.stringify({ 'esi:include': { type: 'item', ids } }),
});
const keyed = (target: string): string => {
  const ids = new URL(target, 'http://origin').searchParams.get('ids')!.split(',');
  return JSON.stringify(Object.fromEntries(ids.map((id) => [id, { id }])));
};

describe('pages that ask in the same turn', () => {
  test('share a batch, and each id in it is there once', async () => {
    const origin = stack.add(await startOrigin());
    const open = gate();
    let waiting = 0;
    const pages = ['/a', '/b', '/c'];
    const bodies = [list('1', '2'), list('2', '3'), list('3', '1')];
    // All three templates arrive together, so that they are composed in one turn.
    pages.forEach((path, i) => {
      origin.script(path, async () => {
        if (++waiting === pages.length) open.open();
        await open.passed;
        return bodies[i]!;
      });
    });
    origin.script('/items', ({ target }) => ({ headers: JSON_TYPE, body: keyed(target) }));
    const gateway = stack.add(await startGateway({ services: { origin: origin.url }, fragments: [ITEM] }));
    const answers = await Promise.all(pages.map((path) => gateway.get(path)));
    expect(
      answers.map(({ text }) =>
        JSON.parse(text)
          .map(({ id }: { id: string }) => id)
          .join(),
      ),
    ).toEqual(['1,2', '2,3', '3,1']);
    const ids = origin.received('/items').flatMap(({ target }) => target.split('=')[1]!.split(','));
    expect(ids.toSorted()).toEqual(['1', '2', '3']); // however many batches it took, no id was asked for twice
  });

  test('do not wait for each other’s places', async () => {
    const origin = stack.add(await startOrigin());
    const slow = gate();
    const open = gate();
    let waiting = 0;
    const together = (answer: ReturnType<typeof list>) => async () => {
      if (++waiting === 2) open.open();
      await open.passed;
      return answer;
    };
    // One page has no place left for its batch: all it may fetch at once hangs.
    const includes = [{ src: '/slow' }, { type: 'item', ids: ['1'] }].map((include) => ({ 'esi:include': include }));
    origin.script('/busy', together({ headers: ESI_JSON, body: JSON.stringify(includes) }));
    origin.script('/idle', together(list('1', '2')));
    origin.script('/slow', async () => {
      await slow.passed;
      return { headers: JSON_TYPE, body: '"slow"' };
    });
    origin.script('/items', ({ target }) => ({ headers: JSON_TYPE, body: keyed(target) }));
    const gateway = stack.add(
      await startGateway({ services: { origin: origin.url }, fragments: [ITEM], limits: { concurrency: 1 } }),
    );
    const busy = gateway.get('/busy');
    expect((await gateway.get('/idle')).text).toBe('[{"id":"1"},{"id":"2"}]');
    slow.open();
    expect((await busy).text).toBe('["slow",[{"id":"1"}]]');
  });
});

test('a batch that nobody waits for any more is given up, and its ids are asked for anew', async () => {
  const origin = stack.add(await startOrigin());
  const hanging = gate();
  let asked = 0;
  origin.script('/page', list('1'));
  origin.script('/items', async ({ target }) => {
    if (++asked === 1) await hanging.passed;
    return { headers: JSON_TYPE, body: keyed(target) };
  });
  const gateway = stack.add(await startGateway({ services: { origin: origin.url }, fragments: [ITEM] }));
  const leaving = new AbortController();
  const left = fetch(`${gateway.url}/page`, { signal: leaving.signal }).catch((error: Error) => error.name);
  await vi.waitFor(() => expect(asked).toBe(1));
  leaving.abort();
  expect(await left).toBe('AbortError');
  expect((await gateway.get('/page')).text).toBe('[{"id":"1"}]');
  expect(asked).toBe(2);
  hanging.open();
});

describe('an entity whose id is the visitor’s own', () => {
  const SECRET = 'a secret of this test';

  async function startMounted(origin: string) {
    const gateway = resolveConfig({
      services: { origin },
      fragments: [
        {
          name: 'cart',
          path: '/carts/{claim:sub}',
          service: 'origin',
          scope: ['claim:sub'],
          tags: ['cart:{claim:sub}'],
          ttl: '1h',
        },
      ],
    });
    const node = await createNodeRuntime(gateway, undefined);
    const app = new Hono();
    app.use('*', jwt({ secret: SECRET, alg: 'HS256' }));
    app.route('/', createGateway(gateway, node.runtime));
    const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stack.add({
      stop: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await node.close();
      },
    });
    const { port } = server.address() as { port: number };
    const get = async (path: string, sub: string) => {
      const token = await sign({ sub, exp: Math.floor(Date.now() / 1_000) + 600 }, SECRET);
      return ask(port, path, { headers: { authorization: `Bearer ${token}` } });
    };
    return { get, node };
  }

  test('comes from what was verified in front, never from a document, and is nobody else’s', async () => {
    const origin = stack.add(await startOrigin());
    const page = [{ type: 'cart' }, { type: 'cart', id: 'bob' }, { src: '/carts/bob' }, { src: '/carts/{claim:sub}' }];
    origin.script('/page', {
      headers: { ...ESI_JSON, 'cache-control': 'public, max-age=60' },
      body: JSON.stringify(page.map((include) => ({ 'esi:include': include }))),
    });
    for (const name of ['ann', 'bob', 'a%2Fb'])
      origin.script(`/carts/${name}`, (request) => ({
        headers: JSON_TYPE,
        body: JSON.stringify({
          of: name,
          told: request.lines('inlay-claim-sub'),
          token: request.lines('authorization'),
        }),
      }));
    const { get } = await startMounted(origin.url);
    const cart = (of: string) => ({ of, told: [of], token: [] });
    const refused = [{ type: 'cart', id: 'bob' }, null];
    for (let round = 0; round < 3; round++) {
      for (const name of ['ann', 'bob']) {
        const { text, headers } = await get('/page', name);
        expect(JSON.parse(text)).toEqual([cart(name), ...refused, cart(name)]);
        expect(headers['cache-control']).toContain('private');
      }
    }
    // Kept for each of them, and fetched once for each.
    expect(origin.received('/carts/ann').length).toBe(1);
    expect(origin.received('/carts/bob').length).toBe(1);
    expect(JSON.parse((await get('/page', 'a/b')).text)[0]).toEqual(cart('a%2Fb'));
  });
});
