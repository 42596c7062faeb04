import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, gate, startGateway } from '../support/gateway.ts';
import { type Received, startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const KEPT = { ...HTML, 'cache-control': 'max-age=60' };
const SOON = { timeout: 5_000, interval: 5 };

async function setup(config: object = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(
    await startGateway({
      services: { web: origin.url },
      fragments: [
        { name: 'public', path: '/public/{id}', service: 'web', scope: 'public', tags: ['public:{id}'] },
        {
          name: 'brand',
          path: '/brand/{id}',
          service: 'web',
          scope: 'public',
          ttl: '1h',
          tags: ['maker:{/maker/id}', 'part:{/parts}'],
        },
      ],
      ...config,
    }),
  );
  /** An answer that waits for a gate, so that others can ask meanwhile. */
  const gated = (path: string, answer: (request: Received) => object) => {
    const door = gate();
    origin.script(path, async (request) => {
      await door.passed;
      return answer(request);
    });
    return door;
  };
  /** Asks for a path many times at once, and opens the door when the origin was asked and all others wait. */
  const together = async (count: number, path: string, headers: (i: number) => Record<string, string> = () => ({})) => {
    const heads: Promise<void>[] = [];
    const answers = Array.from({ length: count }, (_, i) => {
      const head = gate();
      heads.push(head.passed);
      return gateway.get(path, { headers: { host: 'a', ...headers(i) }, onText: () => head.open() });
    });
    return { heads: Promise.all(heads), answers: Promise.all(answers) };
  };
  origin.script('/page', { headers: { ...ESI, 'cache-control': 'max-age=60' }, body: 'head<esi:include src="/f"/>' });
  return { origin, gateway, gated, together };
}

describe('requests at once', () => {
  test('of a cold fragment that may be shared ask for it once', async () => {
    const { origin, gated, together } = await setup();
    const door = gated('/f', () => ({ headers: KEPT, body: 'F' }));
    const { heads, answers } = await together(50, '/page');
    await heads;
    door.open();
    expect(new Set((await answers).map(({ text }) => text))).toEqual(new Set(['headF']));
    expect(origin.received('/f')).toHaveLength(1);
    expect(origin.received('/page')).toHaveLength(1);
  });

  test('of a cold page ask for it once', async () => {
    const { origin, gated, together, gateway } = await setup();
    const door = gated('/own', () => ({ headers: KEPT, body: 'P' }));
    const { answers } = await together(50, '/own');
    await vi.waitFor(() => expect(origin.received('/own')).toHaveLength(1), SOON);
    door.open();
    expect(new Set((await answers).map(({ text }) => text))).toEqual(new Set(['P']));
    expect(origin.received('/own').length).toBe(1);
    const shared = (await gateway.get('/own', { headers: { host: 'a' } })).headers['cache-status'];
    expect(shared).toMatch(/^inlay; hit/);
  });

  test('of a private fragment ask each for its own', async () => {
    const { origin, gated, together } = await setup();
    const door = gated('/f', (request) => ({
      headers: { ...HTML, 'cache-control': 'private' },
      body: request.field('cookie') ?? '',
    }));
    const { heads, answers } = await together(20, '/page', (i) => ({ cookie: `sid=${i}` }));
    await heads;
    door.open();
    expect((await answers).map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `headsid=${i}`));
    expect(origin.received('/f')).toHaveLength(20);
  });

  test('of a fragment that varies get their own variant', async () => {
    const { origin, gated, together } = await setup();
    const languages = ['de', 'en', 'fr'];
    const door = gated('/f', (request) => ({
      headers: { ...KEPT, vary: 'Accept-Language' },
      body: request.field('accept-language') ?? '',
    }));
    const { heads, answers } = await together(30, '/page', (i) => ({ 'accept-language': languages[i % 3]! }));
    await heads;
    door.open();
    expect((await answers).map(({ text }) => text)).toEqual(
      Array.from({ length: 30 }, (_, i) => `head${languages[i % 3]}`),
    );
    // Those of the first language share; nobody is told of the others before they are fetched.
    expect(origin.received('/f').length).toBeLessThanOrEqual(21);
  });

  test('of a public fragment that varies and is not kept get their own variant', async () => {
    const { origin, gated, together } = await setup();
    origin.script('/both', { headers: ESI, body: 'head<esi:include src="/public/1"/>' });
    const door = gated('/public/1', (request) => ({
      headers: { ...HTML, vary: 'Accept-Language' },
      body: request.field('accept-language') ?? '',
    }));
    const { heads, answers } = await together(20, '/both', (i) => ({ 'accept-language': i % 2 ? 'de' : 'en' }));
    await heads;
    door.open();
    expect((await answers).map(({ text }) => text)).toEqual(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? 'headde' : 'headen')),
    );
  });

  test('that wait for a fetch that fails try once themselves', async () => {
    const { origin, together } = await setup();
    const door = gate();
    let asked = 0;
    origin.script('/f', async () => {
      await door.passed;
      asked++;
      // undici repeats a GET whose connection closed without an answer: both belong to the first fetch.
      return asked <= 2 ? { raw: '' } : { headers: KEPT, body: 'F' };
    });
    const { heads, answers } = await together(10, '/page');
    await heads;
    door.open();
    const good = (await answers).filter(({ complete, text }) => complete && text === 'headF');
    expect(good).toHaveLength(9);
    expect(origin.received('/f')).toHaveLength(3);
  });

  test('for a service that is down do not ask it once each', async () => {
    const { origin, together } = await setup();
    const door = gate();
    origin.script('/f', async () => {
      await door.passed;
      return { raw: '' };
    });
    const { heads, answers } = await together(30, '/page');
    await heads;
    door.open();
    expect((await answers).every(({ complete }) => !complete)).toBe(true);
    expect(origin.received('/f').length).toBeLessThanOrEqual(6);
  });
});

describe('a stale fragment', () => {
  test('is served at once and refreshed once, however many ask', async () => {
    const { origin, gateway, together, gated } = await setup();
    origin.script('/f', { headers: { ...HTML, 'cache-control': 'max-age=0, stale-while-revalidate=60' }, body: 'old' });
    await gateway.get('/page', { headers: { host: 'a' } });
    const door = gated('/f', () => ({ headers: KEPT, body: 'new' }));
    const { answers } = await together(30, '/page');
    // Nobody waits for the refresh: the door is still closed.
    expect(new Set((await answers).map(({ text }) => text))).toEqual(new Set(['headold']));
    door.open();
    await vi.waitFor(
      async () => expect((await gateway.get('/page', { headers: { host: 'a' } })).text).toBe('headnew'),
      SOON,
    );
    expect(origin.received('/f')).toHaveLength(2);
  });

  test('keeps being served while its refresh fails, and the failure is observed', async () => {
    const { origin, gateway } = await setup();
    origin.script('/f', { headers: { ...HTML, 'cache-control': 'max-age=0, stale-while-revalidate=60' }, body: 'old' });
    await gateway.get('/page');
    origin.script('/f', { raw: '' });
    expect((await gateway.get('/page')).text).toBe('headold');
    await vi.waitFor(
      () => expect(gateway.events.filter(({ type }) => type === 'background-failed')).toHaveLength(1),
      SOON,
    );
    expect((await gateway.get('/page')).text).toBe('headold');
  });

  for (const [which, fields] of [
    ['an error', HTML],
    ['an error that may be kept', KEPT],
  ] as const) {
    test(`is not replaced by ${which} that the service sends while it is refreshed`, async () => {
      const { origin, gateway } = await setup();
      const windows = 'max-age=0, stale-while-revalidate=60, stale-if-error=60';
      origin.script('/f', { headers: { ...HTML, 'cache-control': windows }, body: 'old' });
      await gateway.get('/page');
      origin.script('/f', { status: 503, headers: fields, body: 'SECRET' });
      await gateway.get('/page');
      await vi.waitFor(() => expect(origin.received('/f')).toHaveLength(2), SOON);
      await gateway.node.idle(1_000);
      for (let i = 0; i < 2; i++) expect(await gateway.get('/page')).toMatchObject({ complete: true, text: 'headold' });
    });
  }
});

describe('a purge', () => {
  test('while a fetch is under way makes it be fetched again', async () => {
    const { origin, gateway } = await setup();
    const door = gate();
    origin.script('/with', { headers: ESI, body: 'head<esi:include src="/public/1"/>' });
    origin.script('/public/1', async () => {
      const asked = origin.received('/public/1').length;
      if (asked === 1) await door.passed;
      return { headers: KEPT, body: asked === 1 ? 'OLD' : 'NEW' };
    });
    const before = gateway.get('/with');
    await vi.waitFor(() => expect(origin.received('/public/1')).toHaveLength(1), SOON);
    await gateway.purge({ tags: ['public:1'] });
    door.open();
    expect((await before).text).toBe('headNEW');
    expect((await gateway.get('/with')).text).toBe('headNEW');
    expect(origin.received('/public/1')).toHaveLength(2);
  });

  test('while a page is under way keeps it from whoever asks afterwards', async () => {
    const { origin, gateway } = await setup();
    const door = gate();
    origin.script('/own', async () => {
      const asked = origin.received('/own').length;
      if (asked === 1) await door.passed;
      return { headers: { ...KEPT, 'surrogate-key': 'own' }, body: asked === 1 ? 'OLD' : 'NEW' };
    });
    const before = gateway.get('/own', { headers: { host: 'a' } });
    await vi.waitFor(() => expect(origin.received('/own')).toHaveLength(1), SOON);
    await gateway.purge({ tags: ['own'] });
    const after = gateway.get('/own', { headers: { host: 'a' } });
    door.open();
    await before;
    expect((await after).text).toBe('NEW');
    expect((await gateway.get('/own', { headers: { host: 'a' } })).text).toBe('NEW');
  });

  test('made soft serves the stale copy once more while it is refreshed', async () => {
    const { origin, gateway } = await setup();
    origin.script('/f', {
      headers: { ...HTML, 'cache-control': 'max-age=60, stale-while-revalidate=60', 'surrogate-key': 'f' },
      body: 'old',
    });
    await gateway.get('/page');
    origin.script('/f', { headers: { ...KEPT, 'surrogate-key': 'f' }, body: 'new' });
    await gateway.purge({ tags: ['f'], mode: 'soft' });
    expect((await gateway.get('/page')).text).toBe('headold');
    await vi.waitFor(async () => expect((await gateway.get('/page')).text).toBe('headnew'), SOON);
    expect(origin.received('/f')).toHaveLength(2);
  });

  test('made hard leaves no stale copy, not even for a service that is down', async () => {
    const { origin, gateway } = await setup();
    origin.script('/f', {
      headers: { ...HTML, 'cache-control': 'max-age=60, stale-if-error=600', 'surrogate-key': 'f' },
      body: 'old',
    });
    await gateway.get('/page');
    origin.script('/f', { status: 500 });
    await gateway.purge({ tags: ['f'] });
    expect((await gateway.get('/page')).text).not.toContain('old');
  });

  test('reaches entries by the tags that their definition reads from their body', async () => {
    const { origin, gateway } = await setup();
    origin.script('/json', {
      headers: { 'content-type': 'application/json', 'surrogate-control': 'content="ESI/1.0"' },
      body: '[{"esi:include":{"type":"brand","id":"1"}}]',
    });
    let made = 0;
    origin.script('/brand/1', () => ({
      headers: { 'content-type': 'application/json' },
      body: `{"made":${++made},"maker":{"id":7},"parts":["a","b"]}`,
    }));
    const read = async () => JSON.parse((await gateway.get('/json')).text)[0].made as number;
    expect([await read(), await read()]).toEqual([1, 1]);
    await gateway.purge({ tags: ['maker:8', 'part:c'] });
    expect(await read()).toBe(1);
    await gateway.purge({ tags: ['maker:7'] });
    expect(await read()).toBe(2);
    await gateway.purge({ tags: ['part:b'] });
    expect(await read()).toBe(3);
  });
});

describe('a request that changes something', () => {
  test('drops what is stored for its URL (RFC 9111 section 4.4)', async () => {
    const { origin, gateway } = await setup();
    origin.script('/thing', { headers: KEPT, body: 'old' });
    await gateway.get('/thing', { headers: { host: 'a' } });
    origin.script('/thing', { headers: KEPT, body: 'new' });
    expect((await gateway.get('/thing', { method: 'POST', headers: { host: 'a' }, body: 'x' })).status).toBe(200);
    expect((await gateway.get('/thing', { headers: { host: 'a' } })).text).toBe('new');
  });
});

describe('what a client may demand', () => {
  test('of a page: no-cache fetches it anew, only-if-cached does not fetch it', async () => {
    const { origin, gateway } = await setup();
    const get = (cacheControl: string) =>
      gateway.get('/own', { headers: { host: 'a', 'cache-control': cacheControl } });
    origin.script('/own', { headers: KEPT, body: 'own' });
    expect((await get('only-if-cached')).status).toBe(504);
    expect(origin.received('/own')).toHaveLength(0);
    await get('');
    expect((await get('only-if-cached')).status).toBe(200);
    await get('no-cache');
    expect(origin.received('/own')).toHaveLength(2);
  });

  test('does not reach fragments', async () => {
    const { origin, gateway } = await setup();
    origin.script('/f', { headers: KEPT, body: 'F' });
    for (let i = 0; i < 3; i++)
      await gateway.get('/page', { headers: { 'cache-control': 'no-cache', pragma: 'no-cache' } });
    expect(origin.received('/f')).toHaveLength(1);
    expect(origin.received('/f')[0]?.field('cache-control')).toBeUndefined();
  });
});

describe('a record', () => {
  test('tells what was asked, what was answered and how it was composed', async () => {
    const { origin, gateway } = await setup();
    origin.script('/page', {
      headers: ESI,
      body: 'a<esi:include src="/f"/><esi:include src="/gone" onerror="continue"/><esi:unknown/>',
    });
    origin.script('/f', { headers: KEPT, body: 'F' });
    const { headers, text } = await gateway.get('/page?q=1');
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(1), SOON);
    expect(gateway.records()[0]).toMatchObject({
      requestId: headers['x-request-id'],
      method: 'GET',
      path: '/page?q=1',
      route: 'default/*',
      status: 200,
      bytes: text.length,
      cache: 'miss',
      parts: { miss: 1, failed: 1 },
      errors: [expect.stringMatching(/^\/gone: upstream-status: /)],
      warnings: [expect.stringContaining('unknown-tag')],
    });
  });
});
