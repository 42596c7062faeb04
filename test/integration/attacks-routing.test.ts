import { afterEach, describe, expect, test } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { cleanups, ESI, sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

// Attacks on who is asked, and for what. framing.test.ts, bounds.test.ts and headers.test.ts have the plain ones; here are
// fields that Connection names                     "fields of a connection"
// absolute targets, odd Hosts, OPTIONS *           "the host"
// a path that two readers take for two             "a path"
// fields of a fragment in the page                 "a fragment"
// fields that are the gateway's to say             "a client", "a service"

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };

async function setup(config: Partial<GatewayConfig> = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  origin.script('*', { headers: HTML, body: 'ok' });
  return { origin, gateway };
}

/** The status of what raw bytes are answered with. */
async function statusOf(gateway: TestGateway, bytes: string): Promise<number> {
  const text = await sendRaw(gateway.port, bytes).closed;
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
}

const head = (target: string, host: string, method = 'GET') =>
  `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;

describe('fields of a connection', () => {
  test.each([
    'content-length',
    'transfer-encoding',
    'host',
    'accept-encoding, x-request-id, traceparent',
    'via, close',
  ])('cannot be named to unframe or unsign what the gateway sends: %s', async (named) => {
    const { origin, gateway } = await setup();
    const { status } = await gateway.get('/x', {
      method: 'POST',
      body: 'hello',
      headers: { connection: `close, ${named}`, 'content-length': '5' },
    });
    expect(status).toBe(200);
    const [request] = origin.requests;
    expect(request).toMatchObject({ method: 'POST', target: '/x', body: 'hello' });
    expect(request!.field('host')).toBe(`127.0.0.1:${origin.port}`);
    for (const name of ['via', 'x-request-id', 'traceparent', 'cdn-loop'])
      expect([name, request!.field(name)]).toEqual([name, expect.any(String)]);
    expect(request!.field('accept-encoding')).toBeDefined();
    expect(request!.lines('connection').join()).not.toMatch(/content-length|transfer|host|accept|via/);
  });

  test('that many names are given are dropped, or the request is', async () => {
    const { origin, gateway } = await setup();
    const names = Array.from({ length: 1_500 }, (_, i) => `x-${i}`);
    await gateway.get('/x', {
      headers: { connection: `close, ${names.join(', ')}`, 'x-7': '1', 'X-8': '2', 'x-kept': '3' },
    });
    for (const request of origin.requests)
      expect(['x-7', 'x-8', 'x-kept'].map((name) => request.field(name))).toEqual([undefined, undefined, '3']);
  });

  test('are known on several lines, in any case, with blanks and empty members', async () => {
    const { origin, gateway } = await setup();
    await statusOf(
      gateway,
      'GET /x HTTP/1.1\r\nhost: a\r\nConnection: ,\t X-One ,,\r\ncONNECTION: x-TWO,close\r\nx-one: 1\r\nX-two: 2\r\nx-three: 3\r\n\r\n',
    );
    const [request] = origin.requests;
    expect(['x-one', 'x-two', 'x-three'].map((name) => request!.field(name))).toEqual([undefined, undefined, '3']);
  });
});

describe('the host', () => {
  test.each([
    'http://evil.example/x',
    'http://a/x',
    'HTTP://A/x',
    'https://a/x',
    'http:/x',
    'http:x',
    'http:///x',
    'http://a',
    'http://user:pw@a/x',
    'ftp://a/x',
    'javascript:alert(1)',
    'a:80',
    '*',
    '?x',
    '#x',
    '\\x',
    './x',
    '@evil.example/x',
  ])('is not chosen by the target %s, which is refused', async (target) => {
    const { origin, gateway } = await setup();
    expect(await statusOf(gateway, head(target, 'a'))).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('of OPTIONS * is nobody: no service is asked for a path that is none', async () => {
    const { origin, gateway } = await setup();
    expect(await statusOf(gateway, head('*', 'a', 'OPTIONS'))).not.toBe(500);
    expect(origin.requests.filter(({ target }) => !target.startsWith('/'))).toEqual([]);
  });

  test.each([
    'a,b',
    'a b',
    'a\tb',
    'a/b',
    'a\\b',
    'a?b',
    'a#b',
    'u@a',
    'a@b',
    'a:',
    'a:x',
    'a:-1',
    'a:800000',
    'a:80:80',
    ':80',
    '[::1',
    '::1',
    '[::1]x',
    '[v1.x]',
    'caf\xe9',
    '<a>',
    "a'b",
    'a"b',
    'a%00b',
    'a%2fb',
    'a;b',
    'http://a',
    'a'.repeat(300),
  ])('%j is none, and is refused', async (host) => {
    const { origin, gateway } = await setup();
    expect(await statusOf(gateway, head('/x', host))).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('belongs to a facade, however it is spelled, and what nobody answers for is refused', async () => {
    const [shop, admin] = [stack.add(await startOrigin()), stack.add(await startOrigin())];
    for (const origin of [shop, admin]) origin.script('*', { headers: HTML, body: 'ok' });
    const gateway = stack.add(
      await startGateway({
        services: { shop: shop.url, admin: admin.url },
        facades: {
          shop: { hosts: ['shop.example'], routes: { '/*': 'shop' } },
          admin: { hosts: ['admin.example'], routes: { '/*': 'admin' } },
        },
      }),
    );
    for (const host of ['shop.example', 'SHOP.example', 'shop.example.', 'shop.example:8080'])
      expect([host, await statusOf(gateway, head('/x', host))]).toEqual([host, 200]);
    for (const host of ['evil.example', 'shop.example.evil.example', 'evilshop.example', 'shop.example..', '127.0.0.1'])
      expect([host, await statusOf(gateway, head('/x', host))]).toEqual([host, 400]);
    const lies = [
      'x-forwarded-host',
      'x-host',
      'forwarded',
      'x-original-host',
      'x-http-host-override',
      'x_forwarded_host',
    ];
    for (const name of lies)
      await gateway.get('/x', {
        headers: { host: 'shop.example', [name]: name === 'forwarded' ? 'host=admin.example' : 'admin.example' },
      });
    expect(admin.requests).toEqual([]);
    expect(shop.requests).toHaveLength(4 + lies.length);
  });
});

describe('a path', () => {
  const confusing = [
    '/admin',
    '/admin/',
    '/admin/x',
    '//admin/x',
    '///admin/x',
    '/%61dmin/x',
    '/%2561dmin/x',
    '/ADMIN/x',
    '/Admin/x',
    '/admin%2fx',
    '/admin%5cx',
    '/admin\\x',
    '/admin;a=b/x',
    '/admin%3bx/y',
    '/admin%00/x',
    '/admin%20/x',
    '/admin%09/x',
    '/admin%0a/x',
    '/admin%0d%0a/x',
    '/admin%0d%0ahost:%20evil/x',
    '/admin?/x',
    '/admin%3f/x',
    '/admin%23/x',
    '/.admin/x',
    '/admin./x',
    '/a/%252e%252e/admin/x',
    '/a/%c0%ae%c0%ae/admin/x',
    '/a/%uff0e%uff0e/admin/x',
    '/a/..%c0%afadmin/x',
    '/public//admin/x',
    '/public/admin/x',
    '/x?../admin/x',
    '/x;/../admin/x',
    '/./admin/x',
    '/a/../admin/x',
    '/a/..\\admin/x',
  ];

  test('reaches the service of the route that its bytes have, with those bytes, or nobody', async () => {
    const [web, admin] = [stack.add(await startOrigin()), stack.add(await startOrigin())];
    for (const origin of [web, admin]) origin.script('*', { headers: HTML, body: 'ok' });
    const gateway = stack.add(
      await startGateway({
        services: { web: `${web.url}/app`, admin: admin.url },
        facades: { all: { routes: { '/admin/*': 'admin', '/admin': 'admin', '/*': 'web' } } },
      }),
    );
    for (const target of confusing) {
      const before = [web.requests.length, admin.requests.length] as const;
      const status = await statusOf(gateway, head(target, 'a'));
      const got = [...web.requests.slice(before[0]), ...admin.requests.slice(before[1])].map(
        (request) => request.target,
      );
      const isAdmin = /^\/admin(?:\/|\?|$)/.test(target);
      const dotted = ['/./', '/../', '/..\\'].some((dots) => target.split('?')[0]!.includes(dots));
      expect([target, status]).toEqual([target, dotted ? 400 : status]);
      const wanted = status === 400 ? [] : [isAdmin ? target : `/app${target}`];
      expect([target, status, got]).toEqual([target, status === 400 ? 400 : 200, wanted]);
    }
    for (const { target } of admin.requests) expect(target).toMatch(/^\/admin(?:\/|\?|$)/);
    for (const { target } of web.requests) expect(target.startsWith('/app/')).toBe(true);
  });

  // A service that drops the parameters of a segment (RFC 3986 section 3.3) resolves what is left.
  test.each([
    '/public/..;/admin',
    '/public/..;a=b/admin',
    '/public/.;/../admin',
    '/public/%2e%2e;/admin',
    '/public/..%3b/admin',
  ])('with a dot segment that has parameters is refused: %s', async (target) => {
    const { origin, gateway } = await setup();
    expect(await statusOf(gateway, head(target, 'a'))).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('with encoded line ends stays one request line, and its bytes stay what they are', async () => {
    const { origin, gateway } = await setup();
    const target = '/x%0d%0aHost:%20evil%0d%0a%0d%0aGET%20/smuggled?a=%0d%0ab';
    expect(await statusOf(gateway, head(target, 'a'))).toBe(200);
    expect(origin.requests.map((request) => request.target)).toEqual([target]);
  });

  test('with bytes that are no ASCII, or with controls, is refused or arrives as those bytes', async () => {
    const { origin, gateway } = await setup();
    for (const target of ['/caf\xe9', '/\xff\xfe', '/a\x01b', '/a\x7fb', '/a\0b', '/a\x0bb', '/\u0085']) {
      const before = origin.requests.length;
      const status = await statusOf(gateway, head(target, 'a'));
      const got = origin.requests.slice(before).map((request) => request.target);
      if (status === 200) expect(got).toEqual([target]);
      else expect([target, status, got]).toEqual([target, status >= 400 && status < 503 ? status : 400, []]);
    }
  });
});

describe('a fragment', () => {
  test('adds none of its fields to the page, nor its status', async () => {
    const { origin, gateway } = await setup();
    const fields = {
      'set-cookie': ['sid=evil', 'b=2'],
      location: 'http://evil.example/',
      refresh: '0;url=http://evil.example/',
      'content-disposition': 'attachment',
      'access-control-allow-origin': '*',
      'content-security-policy': 'default-src *',
      'clear-site-data': '"*"',
      'x-evil': '1',
      link: '</evil>; rel=preload',
      'www-authenticate': 'Basic',
      'strict-transport-security': 'max-age=0',
      'inlay-nonce': 'evil',
    };
    origin.script('/page', { headers: ESI, body: 'a<esi:include src="/f"/>b' });
    for (const [cache, status] of [
      ['no-store', 200],
      ['max-age=60', 200],
      ['max-age=60', 203],
    ] as const) {
      origin.script('/f', { status, headers: { ...HTML, ...fields, 'cache-control': cache }, body: 'F' });
      const { status: answered, text, headers } = await gateway.get('/page');
      expect([answered, text]).toEqual([200, 'aFb']);
      for (const name of Object.keys(fields)) expect([name, headers[name]]).toEqual([name, undefined]);
    }
  });

  test('that redirects is not followed, whatever its Location says, and its body is no part of the page', async () => {
    const { origin, gateway } = await setup();
    origin.script('/page', { headers: ESI, body: 'a<esi:include src="/f" onerror="continue"/>b' });
    for (const status of [301, 302, 303, 307, 308]) {
      origin.script('/f', { status, headers: { location: `${origin.url}/secret` }, body: 'moved' });
      expect([status, (await gateway.get('/page')).text]).toEqual([status, 'ab']);
    }
    expect(origin.received('/secret')).toEqual([]);
  });
});

describe('a client', () => {
  test('is told nothing that is for surrogates, and says nothing that is the gateway’s to say', async () => {
    const { origin, gateway } = await setup();
    const told = ['surrogate-control', 'surrogate-key', 'cache-tag', 'edge-control'];
    origin.script('/x', {
      headers: { ...HTML, ...Object.fromEntries(told.map((name) => [name, 'max-age=60'])) },
      body: 'x',
    });
    origin.script('/y', {
      headers: { ...ESI, ...Object.fromEntries(told.slice(1).map((name) => [name, 'a'])) },
      body: 'x',
    });
    for (const path of ['/x', '/x', '/y']) {
      const { headers } = await gateway.get(path);
      for (const name of told) expect([path, name, headers[name]]).toEqual([path, name, undefined]);
    }
  });

  test('cannot make a service take it for a surrogate that has been asked already', async () => {
    const { origin, gateway } = await setup();
    origin.script('/page', { headers: ESI, body: '<esi:include src="/f"/>' });
    await gateway.get('/page', {
      headers: {
        'surrogate-capability': 'evil="ESI/9.0", inlay="X/1.0"',
        'x-esi-depth': '-5',
        'x-inlay-depth': '-5',
        'inlay-depth': '-5',
        inlay_depth: '-5',
        te: 'trailers, deflate',
      },
    });
    expect(origin.requests.map(({ target }) => target)).toEqual(['/page', '/f']);
    for (const request of origin.requests) {
      for (const name of ['x-inlay-depth', 'inlay-depth', 'inlay_depth', 'te'])
        expect([request.target, name, request.field(name)]).toEqual([request.target, name, undefined]);
      expect(request.field('surrogate-capability')).toMatch(/inlay="Surrogate\/1\.0 ESI\/1\.0"$/);
    }
  });
});
