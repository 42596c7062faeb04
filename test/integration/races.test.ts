import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import {
  cleanups,
  ESI,
  ESI_JSON,
  type Gate,
  gate,
  sendRaw,
  startGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const stack = cleanups();
const gates: Gate[] = [];
afterEach(async () => {
  for (const { open } of gates.splice(0)) open(); // what a failed test left waiting would keep the gateway from stopping
  await stack.run();
});

const HTML = { 'content-type': 'text/html' };
const MINUTE = { ...HTML, 'cache-control': 'max-age=60' };
const SOON = { timeout: 5_000, interval: 5 };
const POST = { method: 'POST', body: 'x', headers: { 'content-length': '1' } };

async function setup(config: Partial<GatewayConfig> = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  return { origin, gateway };
}

/** A gate that the end of the test opens. */
function door(): Gate {
  const made = gate();
  gates.push(made);
  return made;
}

/** Resolves when the gateway has taken up what was sent to it before: it has since answered others, one after the other. */
async function takenUp(gateway: TestGateway): Promise<void> {
  for (let i = 0; i < 4; i++) await gateway.get('/nothing');
}

/** Resolves when the origin has been asked for a path this often. */
async function asked(origin: Origin, path: string, times: number): Promise<void> {
  await vi.waitFor(() => expect(origin.received(path).length).toBeGreaterThanOrEqual(times), SOON);
}

const texts = (answers: readonly { readonly text: string }[]) => answers.map(({ text }) => text);

describe('a purge that overtakes a fetch', () => {
  test('whose second try is private does not give the answer of one visitor to those who waited', async () => {
    const { origin, gateway } = await setup();
    const [first, second] = [door(), door()];
    origin.script('/page', { headers: ESI, body: '<p><esi:include src="/frag"/></p>' });
    origin.script('/frag', async (request) => {
      const turn = origin.received('/frag').length;
      if (turn === 1) {
        const body = async function* () {
          yield 'public ';
          await first.passed;
          yield 'end';
        };
        return { headers: { ...MINUTE, 'surrogate-key': 't' }, body: body() };
      }
      await second.passed;
      const headers = { ...HTML, 'cache-control': 'private, no-store', 'surrogate-key': 't' };
      return { headers, body: `for ${request.field('cookie')}` };
    });
    const visit = (who: string) => gateway.get('/page', { headers: { cookie: `u=${who}` } });
    const alice = visit('alice');
    await asked(origin, '/frag', 1);
    const others = ['bob', 'carol'].map(visit);
    await asked(origin, '/page', 3);
    await takenUp(gateway);
    await gateway.purge({ tags: ['t'] });
    first.open();
    await asked(origin, '/frag', 2);
    await takenUp(gateway);
    second.open();
    expect(texts(await Promise.all([alice, ...others]))).toEqual([
      '<p>for u=alice</p>',
      '<p>for u=bob</p>',
      '<p>for u=carol</p>',
    ]);
  });

  test('is not undone for those who ask after it and wait for that fetch', async () => {
    const { origin, gateway } = await setup();
    const held = door();
    origin.script('/hot', async () => {
      const turn = origin.received('/hot').length;
      if (turn === 1) await held.passed;
      return { headers: { ...MINUTE, 'surrogate-key': 'hot' }, body: turn === 1 ? 'old' : 'new' };
    });
    const before = gateway.get('/hot');
    await asked(origin, '/hot', 1);
    await gateway.purge({ tags: ['hot'] });
    const after = [gateway.get('/hot'), gateway.get('/hot')];
    await takenUp(gateway);
    held.open();
    expect(texts(await Promise.all(after))).toEqual(['new', 'new']);
    expect((await before).complete).toBe(true);
    expect((await gateway.get('/hot')).text).toBe('new');
  });

  test.each([
    ['answers 500', { status: 500 }, 500],
    ['breaks the connection', { raw: '' }, 502],
  ] as const)('forbids the stale copy when the service %s', async (_, failure, status) => {
    const { origin, gateway } = await setup();
    const held = door();
    let down = false;
    origin.script('/kept', async () => {
      if (!down) {
        const headers = {
          ...HTML,
          'cache-control': 'max-age=0, stale-if-error=600',
          etag: '"x"',
          'surrogate-key': 's',
        };
        return { headers, body: 'OLD' };
      }
      await held.passed;
      return failure;
    });
    await gateway.get('/kept');
    down = true;
    const revalidated = gateway.get('/kept');
    await asked(origin, '/kept', 2);
    await gateway.purge({ tags: ['s'] });
    held.open();
    const answered = await revalidated;
    expect(answered.text).not.toContain('OLD');
    expect(answered.status).toBe(status);
  });
});

describe('an unsafe request', () => {
  test.each(['PUT', 'POST', 'DELETE'])('carries its own conditions to the service: %s', async (method) => {
    const { origin, gateway } = await setup();
    origin.script('/doc', { body: 'ok' });
    const conditions = {
      'if-match': '"v1"',
      'if-none-match': '*',
      'if-unmodified-since': 'Tue, 01 Jan 2030 00:00:00 GMT',
    };
    await gateway.get('/doc', { method, headers: conditions });
    const [received] = origin.received('/doc');
    expect(received?.method).toBe(method);
    for (const [name, value] of Object.entries(conditions))
      expect([name, received?.field(name)]).toEqual([name, value]);
  });

  test.each(['GET', 'HEAD'])('is not what a %s is: its conditions are for the gateway', async (method) => {
    const { origin, gateway } = await setup();
    origin.script('/doc', { headers: { etag: '"v1"' }, body: 'ok' });
    const headers = { 'if-match': '"v1"', 'if-unmodified-since': 'Tue, 01 Jan 2030 00:00:00 GMT' };
    await gateway.get('/doc', { method, headers: { ...headers, 'if-none-match': '"v0"' } });
    for (const name of ['if-match', 'if-none-match', 'if-unmodified-since'])
      expect([name, origin.received('/doc')[0]?.field(name)]).toEqual([name, undefined]);
  });

  test('leaves none of the variants in the cache', async () => {
    const { origin, gateway } = await setup();
    let version = 1;
    origin.script('/vary', (request) =>
      request.method === 'POST'
        ? { status: 200 }
        : {
            headers: { ...MINUTE, vary: 'accept-language' },
            body: `${request.field('accept-language')}${version}`,
          },
    );
    const get = (language: string) => gateway.get('/vary', { headers: { 'accept-language': language } });
    expect(texts([await get('en'), await get('de')])).toEqual(['en1', 'de1']);
    version = 2;
    await gateway.get('/vary', POST);
    // The first of them puts back where variants are found; the second must not be found there.
    expect(texts([await get('en'), await get('de')])).toEqual(['en2', 'de2']);
  });

  test.each([
    ['for whoever asks', {}],
    ['for one who wants no stored answer', { 'cache-control': 'no-cache' }],
  ])('fences off the fetch under way %s', async (_, headers) => {
    const { origin, gateway } = await setup();
    const held = door();
    let version = 1;
    origin.script('/fence', async ({ method }) => {
      if (method === 'POST') {
        version = 2;
        return { status: 200 };
      }
      const seen = version;
      if (seen === 1) await held.passed;
      return { headers: MINUTE, body: `v${seen}` };
    });
    const early = gateway.get('/fence', { headers });
    await asked(origin, '/fence', 1);
    await gateway.get('/fence', POST);
    held.open();
    await early;
    expect((await gateway.get('/fence')).text).toBe('v2');
  });

  test('invalidates what its Location and Content-Location name on the same host, and nothing elsewhere', async () => {
    const { origin, gateway } = await setup();
    let version = 1;
    for (const path of ['/a', '/b', '/c', '/d']) origin.script(path, () => ({ headers: MINUTE, body: `v${version}` }));
    const stored = async () => texts(await Promise.all(['/a', '/b', '/c', '/d'].map((path) => gateway.get(path))));
    expect(await stored()).toEqual(['v1', 'v1', 'v1', 'v1']);
    version = 2;
    origin.script('/to', ({ target }) => ({
      status: 201,
      headers: {
        '/to?1': { location: '/a' },
        '/to?2': { 'content-location': 'b' },
        '/to?3': { location: `http://127.0.0.1:${gateway.port}/c` },
        '/to?4': { location: 'http://elsewhere.test/d' },
      }[target]!,
    }));
    for (const i of [1, 2, 3, 4]) expect((await gateway.get(`/to?${i}`, POST)).status).toBe(201);
    expect(await stored()).toEqual(['v2', 'v2', 'v2', 'v1']);
  });
});

describe('one who waits for the fetch of another', () => {
  test.each(['before', 'after'])('gets an answer although one who came %s it left', async (order) => {
    const { origin, gateway } = await setup();
    const held = door();
    origin.script('/x', async () => {
      if (origin.received('/x').length > 1) return { headers: MINUTE, body: 'good' };
      await held.passed;
      return { headers: MINUTE, body: 'half', truncate: true };
    });
    const leader = gateway.get('/x');
    await asked(origin, '/x', 1);
    const leave = async () => {
      const { socket } = sendRaw(gateway.port, `GET /x HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\n\r\n`);
      await takenUp(gateway);
      return socket;
    };
    let leaver = order === 'before' ? await leave() : undefined;
    const stayed = gateway.get('/x');
    await takenUp(gateway);
    leaver ??= await leave();
    leaver.destroy();
    await takenUp(gateway);
    held.open();
    expect(await stayed).toMatchObject({ status: 200, complete: true, text: 'good' });
    await leader;
  });

  test('gets a page although two before it were answered 304 and took nothing of it', async () => {
    const { origin, gateway } = await setup({ limits: { pageSize: '64kb' } });
    const held = door();
    const half = 'x'.repeat(50_000);
    origin.script('/large', {
      headers: { ...MINUTE, etag: '"L"' },
      body: {
        async *[Symbol.asyncIterator]() {
          yield half;
          await held.passed;
          yield half;
          yield half;
        },
      },
    });
    const conditional = () => gateway.get('/large', { headers: { 'if-none-match': '"L"' } });
    const first = conditional();
    await asked(origin, '/large', 1);
    const second = conditional();
    await takenUp(gateway);
    const third = gateway.get('/large');
    await takenUp(gateway);
    held.open();
    expect([(await first).status, (await second).status]).toEqual([304, 304]);
    const { status, complete, text } = await third;
    expect([status, complete, text.length]).toEqual([200, true, 150_000]);
  });

  test('does not inherit a fetch that was given up because its only client left', async () => {
    const { origin, gateway } = await setup();
    origin.script('/y', () =>
      origin.received('/y').length === 1 ? { hang: true } : { headers: MINUTE, body: 'good' },
    );
    const { socket } = sendRaw(gateway.port, `GET /y HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\n\r\n`);
    await asked(origin, '/y', 1);
    socket.destroy();
    expect(await gateway.get('/y')).toMatchObject({ status: 200, complete: true, text: 'good' });
  });
});

describe('sixty clients at once fetch a page a few times and not sixty', () => {
  const crowd = (gateway: TestGateway, path: string, headers: Record<string, string> = {}) =>
    Array.from({ length: 60 }, () => gateway.get(path, { headers }));

  test('after one who wanted nothing stored', async () => {
    const { origin, gateway } = await setup();
    const held = door();
    origin.script('/cold', async () => {
      if (origin.received('/cold').length > 1) await held.passed;
      return { headers: MINUTE, body: 'z' };
    });
    await gateway.get('/cold', { headers: { 'cache-control': 'no-store' } });
    const waiting = crowd(gateway, '/cold');
    await asked(origin, '/cold', 2);
    await takenUp(gateway);
    held.open();
    expect(new Set(texts(await Promise.all(waiting)))).toEqual(new Set(['z']));
    expect(origin.received('/cold').length).toBeLessThanOrEqual(1 + 6);
  });

  test('although a purge overtakes the fetch', async () => {
    const { origin, gateway } = await setup();
    const held = door();
    origin.script('/hot', async () => {
      await held.passed;
      return { headers: { ...MINUTE, 'surrogate-key': 'hot' }, body: 'z' };
    });
    const waiting = crowd(gateway, '/hot');
    await asked(origin, '/hot', 1);
    await takenUp(gateway);
    await gateway.purge({ tags: ['hot'] });
    held.open();
    expect(new Set(texts(await Promise.all(waiting)))).toEqual(new Set(['z']));
    expect(origin.received('/hot').length).toBeLessThanOrEqual(6);
  });

  test('although the first of them wanted another variant', async () => {
    const { origin, gateway } = await setup();
    const held = door();
    origin.script('/lang', async (request) => {
      await held.passed;
      return { headers: { ...MINUTE, vary: 'accept-language' }, body: `${request.field('accept-language')}` };
    });
    const english = gateway.get('/lang', { headers: { 'accept-language': 'en' } });
    await asked(origin, '/lang', 1);
    const waiting = crowd(gateway, '/lang', { 'accept-language': 'de' });
    await takenUp(gateway);
    held.open();
    expect((await english).text).toBe('en');
    expect(new Set(texts(await Promise.all(waiting)))).toEqual(new Set(['de']));
    expect(origin.received('/lang').length).toBeLessThanOrEqual(6);
  });
});

describe('the entity tag of a page that arrives in two chunks', () => {
  test('is the same for HEAD and GET, and another when the tail is', async () => {
    const { origin, gateway } = await setup();
    let tail = 'tail';
    const headers = { ...ESI, 'cache-control': 'max-age=60', 'surrogate-key': 'p' };
    origin.script('/p', () => ({ headers, body: ['<p>first</p>', tail], pause: 30 }));
    const head = await gateway.get('/p', { method: 'HEAD' });
    const { etag } = head.headers;
    await vi.waitFor(async () => expect((await gateway.get('/p')).headers.etag).toBeDefined(), SOON);
    const got = await gateway.get('/p');
    expect(got.text).toBe('<p>first</p>tail');
    if (etag !== undefined) expect(etag).toBe(got.headers.etag);
    tail = 'another';
    await gateway.purge({ tags: ['p'] });
    const conditional = { 'if-none-match': got.headers.etag! };
    const changed = await gateway.get('/p', { method: 'HEAD', headers: conditional });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(got.headers.etag);
    await vi.waitFor(async () => expect((await gateway.get('/p')).headers.etag).toBeDefined(), SOON);
    expect((await gateway.get('/p')).headers.etag).not.toBe(got.headers.etag);
    expect((await gateway.get('/p', { headers: conditional })).status).toBe(200);
  });

  test.each([
    ['HTML', 'HEAD', ESI, '<p>first</p>'],
    ['JSON', 'HEAD', ESI_JSON, ' '],
    ['JSON', 'GET', ESI_JSON, ' '],
  ])('is no promise about a page that is never kept: %s by %s', async (_, method, type, start) => {
    const { origin, gateway } = await setup();
    const headers = { ...type, 'cache-control': 'no-cache' };
    origin.script('/n', () => ({ headers, body: [start, `${origin.received('/n').length}`], pause: 30 }));
    const { etag } = (await gateway.get('/n', { method })).headers;
    const again = await gateway.get('/n', { method, headers: { 'if-none-match': etag ?? '"none"' } });
    expect(again.status).toBe(200);
    if (etag !== undefined) expect(again.headers.etag).not.toBe(etag);
  });
});

describe('a fragment whose own include failed', () => {
  test.each([
    ['leaves a hole', '<esi:include src="/mid" onerror="continue"/>', ''],
    ['gives way to the alternative', '<esi:include src="/mid" alt="/alt"/>', 'alt'],
    ['is one two levels up, too', '<esi:include src="/outer" onerror="continue"/>', ''],
  ])('in HTML %s, and the page goes on', async (_, include, instead) => {
    const { origin, gateway } = await setup();
    origin.script('/page', { headers: ESI, body: `A${include}B` });
    origin.script('/outer', { headers: ESI, body: '[<esi:include src="/mid"/>]' });
    origin.script('/mid', { headers: ESI, body: '(<esi:include src="/dead"/>)' });
    origin.script('/dead', { status: 500 });
    origin.script('/alt', { headers: HTML, body: 'alt' });
    expect(await gateway.get('/page')).toMatchObject({ status: 200, complete: true, text: `A${instead}B` });
  });

  test.each([
    ['its default', { src: '/mid', default: 1 }, 1],
    ['null', { src: '/mid' }, null],
    ['the alternative', { src: '/mid', alt: { src: '/alt' } }, 'alt'],
  ])('in JSON is replaced by %s', async (_, include, instead) => {
    const { origin, gateway } = await setup();
    origin.script('/page', { headers: ESI_JSON, body: JSON.stringify({ a: { 'esi:include': include }, b: 2 }) });
    origin.script('/mid', { headers: ESI_JSON, body: '{"x":{"esi:include":{"src":"/dead","onerror":"fail"}}}' });
    origin.script('/dead', { status: 500 });
    origin.script('/alt', { headers: { 'content-type': 'application/json' }, body: '"alt"' });
    const { status, complete, text } = await gateway.get('/page');
    expect([status, complete]).toEqual([200, true]);
    expect(JSON.parse(text)).toEqual({ a: instead, b: 2 });
  });
});

describe('a page with an alternative in it', () => {
  const LONG = 'public, max-age=600, s-maxage=600';

  test('is private when the first choice was refused to somebody with credentials', async () => {
    const { origin, gateway } = await setup();
    const json = { 'content-type': 'application/json' };
    origin.script('/page', {
      headers: { ...ESI_JSON, 'cache-control': LONG },
      body: '[{"esi:include":{"src":"/premium","alt":{"src":"/login"}}}]',
    });
    origin.script('/premium', (request) => ({
      status: request.field('cookie') === 'vip=1' ? 200 : 403,
      headers: { ...json, 'cache-control': 'private' },
      body: '"VIP"',
    }));
    origin.script('/login', { headers: { ...json, 'cache-control': LONG }, body: '"LOGIN"' });
    const { text, headers } = await gateway.get('/page', { headers: { cookie: 'x=1' } });
    expect(text).toBe('["LOGIN"]');
    expect(headers['cache-control']).toContain('private');
    expect(headers['cache-control']).not.toMatch(/public|s-maxage/);
  });

  test('that stands in for a service out of reach is good for a second at most', async () => {
    const origin = stack.add(await startOrigin());
    const gone = await startOrigin();
    await gone.stop();
    const gateway = stack.add(
      await startGateway({
        services: { web: origin.url, gone: gone.url },
        facades: { site: { routes: { '/*': 'web', '/gone/*': 'gone' } } },
      }),
    );
    origin.script('/page', {
      headers: { ...ESI_JSON, 'cache-control': LONG },
      body: '[{"esi:include":{"src":"/gone/x","alt":{"src":"/here"}}}]',
    });
    origin.script('/here', {
      headers: { 'content-type': 'application/json', 'cache-control': LONG },
      body: '"HERE"',
    });
    const { text, headers } = await gateway.get('/page');
    expect(text).toBe('["HERE"]');
    const ages = [...(headers['cache-control'] ?? '').matchAll(/(?:max-age|s-maxage)=(\d+)/g)].map(([, s]) =>
      Number(s),
    );
    expect(headers['cache-control']).toBeDefined();
    expect(Math.max(0, ...ages)).toBeLessThanOrEqual(1);
  });
});
