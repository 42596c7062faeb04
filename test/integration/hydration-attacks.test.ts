import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { cleanups, ESI, ESI_JSON, gate, startGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

/** What small documents can cost, what pages do to each other, and whom answers say that they are for. */

const stack = cleanups();
afterEach(() => stack.run());

const JSON_TYPE = { 'content-type': 'application/json', 'cache-control': 'max-age=60' };
const PLAIN = { name: 'item', path: '/item/{id}', service: 'origin', scope: 'public' } as const;
const ITEM = { ...PLAIN, batch: { path: '/items?ids={ids}' } } as const;
const CART = { name: 'cart', path: '/carts/{claim:sub}', service: 'origin', scope: ['claim:sub'] } as const;

/** An origin that knows all ids but 0, and a gateway before it. */
async function start(
  more: Partial<GatewayConfig> = {},
  now?: () => number,
): Promise<{ origin: Origin; gateway: Awaited<ReturnType<typeof startGateway>> }> {
  const origin = stack.add(await startOrigin());
  origin.script('/items', ({ target }) => {
    const ids = new URL(target, 'http://origin').searchParams.get('ids')!.split(',');
    const known = ids.filter((id) => id !== '0').map((id) => [id, { id }]);
    return { headers: JSON_TYPE, body: JSON.stringify(Object.fromEntries(known)) };
  });
  const config: GatewayConfig = { services: { origin: origin.url }, fragments: [ITEM], ...more };
  return { origin, gateway: stack.add(await startGateway(config, now)) };
}

const times = (count: number, make: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join();
const entity = (id: string, more = ''): string => `{"esi:include":{"type":"item","id":"${id}"}${more}}`;

/** Answers of one document, and how many ms it took. */
async function timed(body: string, headers: Record<string, string> = ESI_JSON) {
  const { origin, gateway } = await start();
  origin.script('/page', { headers, body });
  const began = performance.now();
  const answer = await gateway.get('/page');
  return { answer, took: performance.now() - began };
}

describe('a small document costs little:', () => {
  test('lists that overlay lists do not multiply beyond the limit of ids', { timeout: 60_000 }, async () => {
    let body = '1';
    for (let i = 0; i < 7; i++) body = `{"esi:include":{"type":"item","ids":[1,1,1,1,1,1,1]},"a":${body}}`;
    expect(body.length).toBeLessThan(500);
    expect((await timed(body)).took).toBeLessThan(15_000); // seven times as much with each level more, of 16
  });

  test('what stands beside ids is not copied for each of them', { timeout: 60_000 }, async () => {
    const body = `{"esi:include":{"type":"item","ids":[${times(4_000, () => '1')}]},"a":"${'x'.repeat(100_000)}"}`;
    const before = process.memoryUsage().arrayBuffers;
    await timed(body, { ...ESI_JSON, ...JSON_TYPE });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  });

  test('what fails beside a directive is finished once, not twice for each directive around it', {
    timeout: 60_000,
  }, async () => {
    const failing = '{"esi:include":{"type":"item","id":"0","onerror":"fail"}}';
    let body = `[${times(8_000, () => '{"esi:esi:include":1}')},${failing}]`;
    for (let i = 1; i < 15; i++) body = entity('1', `,"a":${body}`);
    expect((await timed(body)).took).toBeLessThan(15_000);
  });

  test('members beside a directive cost as much as they are many', { timeout: 60_000 }, async () => {
    const body = entity('1', `,${times(60_000, (i) => `"m${i}":{"esi:esi:include":1}`)}`);
    expect((await timed(body)).took).toBeLessThan(15_000);
  });

  test('ids with members of their own cost as much as they are many', { timeout: 60_000 }, async () => {
    const items = times(50_000, (i) => `{"id":${i},"m":{"esi:esi:include":1}}`);
    expect((await timed(`{"esi:include":{"type":"item","ids":[${items}]}}`)).took).toBeLessThan(15_000);
  });

  test('ids beyond the limit cost next to nothing', { timeout: 60_000 }, async () => {
    const hydrate = { 'content-type': 'application/json', 'inlay-hydrate': '"/*";type=item' };
    expect((await timed(`[${times(900_000, () => '1')}]`, hydrate)).took).toBeLessThan(15_000);
  });
});

test('a long array beside an id with "as" does not fail the page', { timeout: 60_000 }, async () => {
  const hydrate = {
    'content-type': 'application/json',
    'inlay-hydrate': '"/id";type=item;as="item", "/hits/*";type=item',
  };
  const { answer } = await timed(`{"id":1,"hits":[${times(200_000, () => '1')}]}`, hydrate);
  expect(answer.status).toBe(200); // it is 500, a RangeError: so many arguments has no call
});

test('an entity of several lines leaves a line of NDJSON one line', async () => {
  const { origin, gateway } = await start();
  origin.script('/items', { headers: JSON_TYPE, body: '{"1":{\n  "id": 1\n}}' });
  const headers = { ...ESI_JSON, 'content-type': 'application/x-ndjson' };
  origin.script('/page', { headers, body: `{"a":${entity('1')}}\n{"b":2}\n` });
  const { text } = await gateway.get('/page');
  const lines = text.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([{ a: { id: 1 } }, { b: 2 }]);
});

test('a page does not wait for an id because another page, which asked first, has no place', {
  timeout: 20_000,
}, async () => {
  const limits = { concurrency: 1, fragmentTimeout: '60s', pageTimeout: '60s' } as const;
  const { origin, gateway } = await start({ limits });
  const slow = gate();
  origin.script('/slow', async () => {
    await slow.passed;
    return { headers: JSON_TYPE, body: '"slow"' };
  });
  origin.script('/busy', { headers: ESI_JSON, body: `[{"esi:include":{"src":"/slow"}},${entity('1')}]` });
  origin.script('/idle', { headers: ESI_JSON, body: entity('1') });
  const busy = gateway.get('/busy');
  await vi.waitFor(() => expect(origin.received('/slow')).toHaveLength(1));
  let idle: string | undefined;
  const asked = gateway.get('/idle').then(({ text }) => {
    idle = text;
  });
  try {
    await vi.waitFor(() => expect(idle).toBe('{"id":"1"}'), { timeout: 3_000 });
  } finally {
    slow.open();
    await Promise.all([busy, asked]);
  }
});

describe('an id that the service does not know', () => {
  test('is asked for again after 10 s, whatever ttl the markup names', async () => {
    let now = Date.now();
    const { origin, gateway } = await start({}, () => now);
    origin.script('/page', { headers: ESI, body: '<esi:include src="/item/0" ttl="1h" onerror="continue"/>' });
    await gateway.get('/page');
    now += 20_000;
    await gateway.get('/page');
    expect(origin.received('/items')).toHaveLength(2);
  });

  test('is not kept for longer than the answer that it is absent from', async () => {
    let now = Date.now();
    const { origin, gateway } = await start({}, () => now);
    const headers = { 'content-type': 'application/json', 'cache-control': 'max-age=1' };
    origin.script('/items', { headers, body: '{}', date: false });
    origin.script('/page', { headers: ESI_JSON, body: entity('0') });
    await gateway.get('/page');
    now += 3_000;
    await gateway.get('/page');
    expect(origin.received('/items')).toHaveLength(2);
  });
});

describe('the visitor’s own', () => {
  test('that this visitor has not makes the page private all the same', async () => {
    const { origin, gateway } = await start({ fragments: [CART] });
    const headers = { ...ESI_JSON, 'cache-control': 'public, max-age=60' };
    origin.script('/page', { headers, body: '{"cart":{"esi:include":{"type":"cart","onerror":"null"}}}' });
    const answer = await gateway.get('/page');
    expect(answer.text).toBe('{"cart":null}');
    expect(answer.headers['cache-control']).toMatch(/private/); // who signs in within that second has a cart
  });

  test('cannot be what a route hydrates ids with: that is told at start', () => {
    const routes = { '/*': { service: 'origin', hydrate: '"/ids/*";type=cart' } };
    const config: GatewayConfig = {
      services: { origin: 'http://127.0.0.1:1' },
      fragments: [CART],
      facades: { shop: { routes } },
    };
    expect(() => resolveConfig(config)).toThrow(/hydrate/);
  });
});

test('an id cannot lead out of its path at services that decode slashes', async () => {
  const { origin, gateway } = await start({ fragments: [PLAIN] });
  origin.script('/page', { headers: ESI_JSON, body: `[${entity('../../admin')},${entity('x/../../admin')}]` });
  await gateway.get('/page');
  // What a client asks for is refused in this form, too.
  expect(origin.requests.map(({ target }) => target)).toEqual(['/page']);
});

test('alternatives by URL count as includes', async () => {
  const { origin, gateway } = await start();
  origin.script('*', { headers: JSON_TYPE, body: '1' });
  const body = `[${times(300, (i) => `{"esi:include":{"type":"item","id":"0","alt":{"src":"/alt/${i}"}}}`)}]`;
  origin.script('/page', { headers: ESI_JSON, body });
  await gateway.get('/page');
  const alternatives = origin.requests.filter(({ target }) => target.startsWith('/alt/'));
  expect(alternatives.length).toBeLessThanOrEqual(256);
});

describe('a member that "as" writes', () => {
  async function hydrated(include: string): Promise<string> {
    const { origin, gateway } = await start({ fragments: [PLAIN] });
    const headers = { ...JSON_TYPE, 'inlay-hydrate': '"/brandId";type=item;as="brand"' };
    origin.script('/item/7', { headers, body: '{"id":7,"brandId":9}' });
    origin.script('/item/9', { headers: JSON_TYPE, body: '{"id":9}' });
    origin.script('/page', { headers: ESI_JSON, body: include });
    return (await gateway.get('/page')).text;
  }

  test('is kept by the fields that name it', async () => {
    expect(await hydrated('{"esi:include":{"type":"item","id":"7","fields":["id","brand"]}}')).toBe(
      '{"id":7,"brand":{"id":9}}',
    );
  });

  test('is left out by fields that do not name it', async () => {
    expect(await hydrated('{"esi:include":{"type":"item","id":"7","fields":["brandId"]}}')).toBe('{"brandId":9}');
  });

  test('is there once when a member of its name is put over it', async () => {
    expect(await hydrated(entity('7', ',"brand":"mine"'))).toBe('{"id":7,"brandId":9,"brand":"mine"}');
  });
});
