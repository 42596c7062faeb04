import { afterEach, describe, expect, test } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { cleanups, ESI, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

// Attacks on what is kept, and for whom. identity.test.ts has visitors mixed up by coalescing, the contract what a composed
// page may say downstream; here are
// fields that a service prints and no key has       "a field that is in no key"
// keys that two requests could share                "two requests that differ"
// Vary, Authorization, private, no-store            "an answer for one visitor"
// Set-Cookie replayed                               "a cookie"
// deception by a path that looks static             "a path that looks static"
// errors, parts and conditions kept for others      "a request that provokes"

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const MINUTE = { ...HTML, 'cache-control': 'max-age=60' };

async function setup(config: Partial<GatewayConfig> = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  return { origin, gateway };
}

describe('a field that is in no key', () => {
  test.each([
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-scheme',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-forwarded-server',
    'x-forwarded-path',
    'x-forwarded-for',
    'x-forwarded',
    'forwarded',
    'x-host',
    'x-original-host',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
    'x-method-override',
    'x-http-method',
    'x-real-ip',
    'true-client-ip',
    'inlay-user',
    'x-inlay-anything',
    'X_Forwarded_Host',
    'X_Original_URL',
    'x-Rewrite_url',
  ])('reaches no service: what one said in %s, another does not read', async (name) => {
    const { origin, gateway } = await setup();
    const mirror = { headers: MINUTE, body: '' };
    origin.script('/page', (request) => ({
      ...mirror,
      headers: { ...ESI, 'cache-control': 'max-age=60' },
      body: `${request.rawHeaders.join('\n')}<esi:include src="/f"/>`,
    }));
    origin.script('/f', (request) => ({ ...mirror, body: request.rawHeaders.join('\n') }));
    const first = await gateway.get('/page', { headers: { [name]: 'poison.example', host: 'shop.example' } });
    expect(first.text).toContain('shop.example');
    expect(first.text).not.toContain('poison.example');
    const second = await gateway.get('/page', { headers: { host: 'shop.example' } });
    expect(second.text).not.toContain('poison.example');
  });

  test('is not the Host: each has answers of its own, its port included', async () => {
    const { origin, gateway } = await setup();
    origin.script('/page', (request) => ({ headers: MINUTE, body: request.field('x-forwarded-host') ?? '' }));
    for (const host of ['a.example', 'a.example:81', 'b.example', 'a.example.'])
      expect((await gateway.get('/page', { headers: { host } })).text).toBe(host);
  });
});

describe('two requests that differ', () => {
  const pairs = [
    ['/a%2fb', '/a/b'],
    ['/a%2Fb', '/a%2fb'],
    ['/A', '/a'],
    ['/a', '/a/'],
    ['/a', '//a'],
    ['/a/b', '/a//b'],
    ['/a', '/a?'],
    ['/a', '/a;'],
    ['/a', '/a%20'],
    ['/a', '/a%00'],
    ['/a', '/%61'],
    ['/a+b', '/a%20b'],
    ['/a?x=1&y=2', '/a?y=2&x=1'],
    ['/a?x=1', '/a?x=1&'],
    ['/a?x=1', '/a?x=1&x=1'],
    ['/a?x=1&x=2', '/a?x=2&x=1'],
    ['/a?x', '/a?x='],
    ['/a?X=1', '/a?x=1'],
    ['/a?x=1', '/a?x=1;utm_content=y'],
    ['/a?x=1', '/a?x=1&utm_source=y'],
    ['/a?utm_source=1', '/a?utm_source=2'],
    ['/a?_=1', '/a?_=2'],
    ['/a?x=%31', '/a?x=1'],
    ['/a?x=a%26y=1', '/a?x=a&y=1'],
    ['/a?x=+', '/a?x=%20'],
    ['/a', '/a?","y"'],
    ['/a?x="],["', '/a?x='],
  ] as const;
  test.each(pairs)('have two keys: %s and %s', async (one, other) => {
    const { origin, gateway } = await setup();
    origin.script('*', (request) => ({ headers: MINUTE, body: `<${request.target}>` }));
    for (const target of [one, other, one, other]) expect((await gateway.get(target)).text).toBe(`<${target}>`);
    expect(origin.requests.map(({ target }) => target)).toEqual([one, other]);
  });

  test.each(['POST', 'PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY'])(
    'by method do not share: a GET does not get the answer of a %s',
    async (method) => {
      const { origin, gateway } = await setup();
      origin.script('*', (request) => ({ headers: MINUTE, body: request.method }));
      await gateway.get('/x', { method });
      expect((await gateway.get('/x')).text).toBe('GET');
      const other = await gateway.get('/x', { method });
      expect(other.status !== 200 || other.text === method).toBe(true);
    },
  );

  test('by body do not share: the body of a GET reaches nobody', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', (request) => ({ headers: MINUTE, body: `<${request.body}>` }));
    await gateway.get('/x', { body: 'q=poison', headers: { 'content-length': '8' } });
    expect((await gateway.get('/x')).text).toBe('<>');
  });

  test('by a purge method are not asked on the public port', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', ({ method }) => (method === 'GET' ? { headers: MINUTE, body: 'kept' } : { status: 405 }));
    await gateway.get('/x');
    for (const method of ['PURGE', 'BAN', 'REFRESH', 'DELETE'])
      await sendRaw(
        gateway.port,
        `${method} /x HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\nconnection: close\r\n\r\n`,
      ).closed;
    for (const path of ['/_inlay/purge', '/_inlay/ready', '/_inlay/entries'])
      expect(
        (
          await gateway.get(path, {
            method: 'POST',
            body: '{"all":true}',
            headers: { 'content-type': 'application/json' },
          })
        ).status,
      ).toBe(404);
    await gateway.get('/x');
    expect(origin.received('/x').filter(({ method }) => method === 'GET')).toHaveLength(1);
  });
});

describe('an answer for one visitor', () => {
  const personal: readonly (readonly [string, Readonly<Record<string, string | readonly string[]>>])[] = [
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['private in capitals', { 'cache-control': 'PRIVATE, Max-Age=60' }],
    ['private of a field', { 'cache-control': 'private="x-user", max-age=60' }],
    ['private on a line of its own', { 'cache-control': ['max-age=60', 'private'] }],
    ['private after a quoted comma', { 'cache-control': 'x="a, b", private, max-age=60' }],
    ['private without a comma before it', { 'cache-control': 'max-age=60,private' }],
    ['no-store', { 'cache-control': 'no-store, max-age=60' }],
    ['no-cache', { 'cache-control': 'no-cache, max-age=60' }],
    ['max-age=0', { 'cache-control': 'max-age=0' }],
    ['s-maxage=0', { 'cache-control': 's-maxage=0, max-age=60' }],
    ['Vary by Cookie', { 'cache-control': 'max-age=60', vary: 'Cookie' }],
    ['Vary by Cookie among others', { 'cache-control': 'max-age=60', vary: 'accept , cOOKIE,' }],
    ['Vary by Cookie on a second line', { 'cache-control': 'max-age=60', vary: ['accept', 'cookie'] }],
    ['Vary by everything', { 'cache-control': 'max-age=60', vary: '*' }],
    ['Vary by everything among others', { 'cache-control': 'max-age=60', vary: 'accept, *' }],
    ['a Set-Cookie', { 'cache-control': 'max-age=60', 'set-cookie': 'a=1' }],
    ['an old Expires', { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['an Expires that is no date', { expires: '0' }],
    ['Pragma alone', { pragma: 'no-cache', expires: 'Fri, 01 Jan 2100 00:00:00 GMT' }],
    ['nothing but an ETag', { etag: '"1"' }],
    ['nothing but a Last-Modified', { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['nothing', {}],
  ];
  test.each(personal)('is not for the next one, if it says so by %s', async (_, fields) => {
    const { origin, gateway } = await setup();
    origin.script('/me', (request) => ({ headers: { ...HTML, ...fields }, body: `<${request.field('cookie')}>` }));
    origin.script('/page', { headers: ESI, body: '<esi:include src="/me"/>' });
    for (const path of ['/me', '/page', '/me'])
      for (const who of ['sid=a', 'sid=b'])
        expect([path, (await gateway.get(path, { headers: { cookie: who } })).text]).toEqual([path, `<${who}>`]);
    expect((await gateway.get('/me')).text).toBe('<undefined>');
  });

  test.each([
    [{ authorization: 'Basic YQ==' }, { authorization: 'Basic Yg==' }, { 'cache-control': 'max-age=60' }],
    [{ authorization: 'Bearer a' }, {}, { 'cache-control': 'max-age=60' }],
    [{ authorization: 'Bearer a' }, {}, { expires: 'Fri, 01 Jan 2100 00:00:00 GMT' }],
    [{ authorization: 'Bearer a' }, {}, { 'cache-control': 'max-age=60', vary: 'accept' }],
    [{ 'x-api-key': 'a' }, { 'x-api-key': 'b' }, { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    [{ 'x-auth-token': 'a' }, {}, { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    [{ 'x-session': 'a' }, {}, { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
  ] as const)('who showed %j is not for one who shows %j', async (first, second, fields) => {
    const { origin, gateway } = await setup();
    const names = Object.keys({ ...first, ...second });
    origin.script('/me', (request) => ({
      headers: { ...HTML, ...fields },
      body: names.map((name) => String(request.field(name))).join(),
    }));
    const shown = (headers: Readonly<Record<string, string>>) => names.map((name) => String(headers[name])).join();
    for (const headers of [first, second]) expect((await gateway.get('/me', { headers })).text).toBe(shown(headers));
  });

  test('is not for others because a service has a configured lifetime', async () => {
    const origin = stack.add(await startOrigin());
    const gateway = stack.add(
      await startGateway({
        services: { web: { url: origin.url, ttl: '1m', staleIfError: '1m', staleWhileRevalidate: '1m' } },
      }),
    );
    origin.script('/me', (request) => ({
      headers: HTML,
      body: `<${request.field('cookie')} ${request.field('authorization')}>`,
    }));
    for (const headers of [{ cookie: 'sid=a' }, { cookie: 'sid=b' }, { authorization: 'Basic YQ==' }, {}] as Record<
      string,
      string
    >[])
      expect((await gateway.get('/me', { headers })).text).toBe(`<${headers.cookie} ${headers.authorization}>`);
  });
});

describe('a cookie', () => {
  test('that was set for one visitor is not set for the next, in a page, a fragment or a stale copy', async () => {
    const { origin, gateway } = await setup();
    const kept = 'max-age=60, stale-while-revalidate=60, stale-if-error=60';
    let turn = 0;
    const setting = (headers: object) => () => ({
      headers: { ...headers, 'cache-control': kept, 'set-cookie': `sid=${++turn}` },
      body: 'x<esi:include src="/f"/>',
    });
    origin.script('/page', setting(ESI));
    origin.script('/plain', setting(HTML));
    origin.script('/f', setting(HTML));
    const seen: string[] = [];
    for (const path of ['/page', '/plain', '/page', '/plain', '/page'])
      seen.push(...((await gateway.get(path)).headers['set-cookie'] ?? []));
    expect(new Set(seen).size).toBe(seen.length);
    origin.script('/plain', { status: 500 });
    expect((await gateway.get('/plain')).headers['set-cookie']).toBeUndefined();
  });

  test('that comes with an answer that it is unchanged is not kept', async () => {
    const { origin, gateway } = await setup();
    const headers = { ...HTML, 'cache-control': 'max-age=0', etag: '"1"' };
    origin.script('/x', (request) =>
      request.field('if-none-match') === undefined
        ? { headers, body: 'x' }
        : {
            status: 304,
            headers: { ...headers, 'cache-control': 'max-age=60', 'set-cookie': `sid=${request.field('cookie')}` },
          },
    );
    await gateway.get('/x');
    await gateway.get('/x', { headers: { cookie: 'victim' } });
    for (let i = 0; i < 2; i++)
      expect((await gateway.get('/x')).headers['set-cookie']?.join() ?? '').not.toContain('victim');
  });
});

describe('a path that looks static', () => {
  const static_ = [
    '/account/x.css',
    '/account.php/x.js',
    '/account/x.png',
    '/account/robots.txt',
    '/account/favicon.ico',
    '/account;x.css',
    '/account%3bx.css',
    '/account%00x.css',
    '/account%0ax.css',
    '/account%23x.css',
    '/account%3fx.css',
    '/account%2fx.css',
    '/account!x.css',
    '/account?x.css',
    '/account?x=/static/x.css',
    '/account/.css',
    '/static/account',
    '/static//account',
    '/.well-known/account',
    '/assets/%252e%252e/account',
  ];
  test.each(static_)('is kept by what its answer says and not by its looks: %s', async (target) => {
    const { origin, gateway } = await setup();
    origin.script('*', (request) => ({
      headers: { ...HTML, 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT', etag: '"1"', vary: 'accept-encoding' },
      body: `<${request.field('cookie')}>`,
    }));
    expect((await gateway.get(target, { headers: { cookie: 'sid=victim' } })).text).toBe('<sid=victim>');
    expect((await gateway.get(target)).text).toBe('<undefined>');
    expect(origin.requests).toHaveLength(2);
  });
});

describe('a request that provokes', () => {
  test.each([400, 401, 403, 405, 406, 409, 413, 414, 415, 429, 431, 500, 501, 502, 503, 504])(
    'a %i by an odd field does not answer the next one with it',
    async (status) => {
      const origin = stack.add(await startOrigin());
      const gateway = stack.add(
        await startGateway({ services: { web: { url: origin.url, ttl: '1m', staleIfError: '1m' } } }),
      );
      origin.script('*', (request) =>
        request.field('x-odd') === undefined
          ? { headers: MINUTE, body: 'good' }
          : { status, headers: HTML, body: 'broken' },
      );
      expect((await gateway.get('/x', { headers: { 'x-odd': '\x80'.repeat(9) } })).status).toBe(status);
      expect(await gateway.get('/x')).toMatchObject({ status: 200, text: 'good' });
    },
  );

  test('an answer of the gateway’s own, leaves nothing for the next one', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { headers: MINUTE, body: 'good' });
    const oversized: Record<string, string>[] = [
      { big: 'x'.repeat(17_000) },
      Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1'])),
      { 'cdn-loop': 'inlay, inlay, inlay, inlay, inlay' },
      { 'cache-control': 'only-if-cached' },
    ];
    for (const headers of oversized) expect((await gateway.get('/x', { headers })).status).toBeGreaterThanOrEqual(400);
    expect(await gateway.get('/x')).toMatchObject({ status: 200, text: 'good' });
  });

  test.each([
    'bytes=0-0',
    'bytes=-1',
    'bytes=1-',
    'bytes=0-0,2-2',
    'bytes=9-',
    'bytes=5-2',
    'bytes=99999999999999999999-',
    'bytes=',
    'bytes=a-b',
    'lines=0-0',
    `bytes=${'0-,'.repeat(1_300)}0-`,
  ])('a part by Range: %s leaves the whole for the next one', async (range) => {
    const { origin, gateway } = await setup();
    origin.script('/x', (request) => {
      if (request.field('range') === undefined) return { headers: MINUTE, body: 'whole' };
      return { status: 206, headers: { ...MINUTE, 'content-range': 'bytes 0-0/5' }, body: 'w' };
    });
    const partial = await gateway.get('/x', { headers: { range } });
    expect([200, 206, 416]).toContain(partial.status);
    for (let i = 0; i < 2; i++) expect(await gateway.get('/x')).toMatchObject({ status: 200, text: 'whole' });
  });

  test.each([
    { 'if-none-match': '*' },
    { 'if-none-match': '"1"' },
    { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
    { 'if-match': '"other"' },
    { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    { 'if-range': '"other"', range: 'bytes=0-0' },
  ])('an answer without a body by %j leaves the whole for the next one', async (conditions) => {
    const { origin, gateway } = await setup();
    origin.script('/x', (request) => {
      const etag = { ...MINUTE, etag: '"1"' };
      if (request.field('if-none-match') !== undefined || request.field('if-modified-since') !== undefined)
        return { status: 304, headers: etag };
      if (request.field('if-match') !== undefined || request.field('if-unmodified-since') !== undefined)
        return { status: 412, headers: etag };
      return { headers: etag, body: 'whole' };
    });
    await gateway.get('/x', { headers: conditions });
    expect(await gateway.get('/x')).toMatchObject({ status: 200, text: 'whole' });
  });
});
