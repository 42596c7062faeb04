import { afterEach, describe, expect, test } from 'vitest';
import { cleanups, ESI, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

async function setup(config: object = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  origin.script('/page', { headers: ESI, body: 'a<esi:include src="/f"/><esi:include src="/g"/>' });
  origin.script('/f', { headers: HTML, body: 'F' });
  origin.script('/g', { headers: HTML, body: 'G' });
  return { origin, gateway };
}

describe('fields of a connection', () => {
  test('stay on it: fixed ones and those that Connection names', async () => {
    const { origin, gateway } = await setup();
    await gateway.get('/page', {
      headers: {
        connection: 'close, X-Private, x-other',
        'keep-alive': 'timeout=5',
        'x-private': '1',
        'X-Other': '2',
        'x-kept': '3',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'proxy-connection': 'keep-alive',
        upgrade: 'h2c',
        'http2-settings': 'x',
      },
    });
    for (const request of origin.requests) {
      for (const name of [
        'x-private',
        'x-other',
        'keep-alive',
        'te',
        'proxy-authorization',
        'proxy-connection',
        'upgrade',
        'http2-settings',
      ]) {
        expect([request.target, name, request.field(name)]).toEqual([request.target, name, undefined]);
      }
      expect(request.field('connection') ?? 'keep-alive').toBe('keep-alive');
    }
    expect(origin.received('/page')[0]?.field('x-kept')).toBe('3');
  });

  test('cannot be named to strip what the gateway says', async () => {
    const { origin, gateway } = await setup();
    await gateway.get('/page', {
      headers: { connection: 'close, x-forwarded-for, via, x-request-id, traceparent, surrogate-capability, cdn-loop' },
    });
    for (const request of origin.requests) {
      for (const name of [
        'via',
        'x-request-id',
        'traceparent',
        'surrogate-capability',
        'cdn-loop',
        'x-forwarded-for',
      ]) {
        expect([request.target, name, request.field(name)]).toEqual([request.target, name, expect.any(String)]);
      }
    }
  });

  test('of an answer stay on it', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', {
      headers: {
        ...HTML,
        connection: 'keep-alive, x-private',
        'x-private': '1',
        'keep-alive': 'timeout=99',
        'x-kept': '2',
        upgrade: 'h2c',
        'proxy-authenticate': 'Basic',
      },
      body: 'x',
    });
    const { headers } = await gateway.get('/x');
    expect(headers).not.toHaveProperty('x-private');
    expect(headers).not.toHaveProperty('upgrade');
    expect(headers).not.toHaveProperty('proxy-authenticate');
    expect(headers['keep-alive']).not.toBe('timeout=99');
    expect(headers['x-kept']).toBe('2');
  });

  test('an answer keeps its field lines apart and their bytes as they are', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', {
      raw: 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nX-Latin: caf\xe9\r\nLink: </a>\r\nLink: </b>\r\ncontent-length: 0\r\n\r\n',
    });
    const { headers, rawHeaders } = await gateway.get('/x');
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2']);
    expect(headers['x-latin']).toBe('caf\xe9');
    expect(rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'link')).toHaveLength(2);
  });
});

describe('forwarding', () => {
  const forged = {
    'X-Forwarded-For': '6.6.6.6',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Port': '1',
    'X-Forwarded-Prefix': '/evil',
    'X-Forwarded-Scheme': 'nothttps',
    'X-Forwarded-Ssl': 'on',
    'X-Forwarded-User': 'admin',
    X_Forwarded_For: '6.6.6.6',
    x_forwarded_host: 'evil.example',
    Forwarded: 'for=6.6.6.6;host=evil.example',
    'X-Real-IP': '6.6.6.6',
    'X-Host': 'evil.example',
    'X-Original-URL': '/admin',
    'X-Rewrite-URL': '/admin',
    X_Original_Url: '/admin',
    'X-HTTP-Method-Override': 'DELETE',
    'Inlay-User': 'admin',
    'X-Inlay-Key': '1',
    Inlay_User: 'admin',
  };

  test('is told by the gateway alone', async () => {
    const { origin, gateway } = await setup();
    await gateway.get('/page', { headers: { ...forged, host: 'shop.example:8080' } });
    expect(origin.requests).toHaveLength(3);
    for (const request of origin.requests) {
      expect(
        request.rawHeaders.filter((text) =>
          Object.values(forged).some((value) => text === value && value !== 'on' && value !== '1'),
        ),
      ).toEqual([]);
      expect(request.rawHeaders.filter((name, i) => i % 2 === 0 && name.includes('_'))).toEqual([]);
      expect(request.field('x-forwarded-for')).toBe('127.0.0.1');
      expect(request.field('x-forwarded-host')).toBe('shop.example:8080');
      expect(request.field('x-forwarded-proto')).toBe('http');
      for (const name of ['x-forwarded-port', 'x-forwarded-ssl', 'x-forwarded-prefix'])
        expect([name, request.field(name)]).toEqual([name, undefined]);
    }
  });

  test('is believed of a peer that the configuration trusts', async () => {
    const { origin, gateway } = await setup({ trustedPeers: ['127.0.0.1'] });
    await gateway.get('/page', {
      headers: {
        'X-Forwarded-For': '1.2.3.4',
        'X-Forwarded-Host': 'shop.example',
        'X-Forwarded-Proto': 'https',
        'X-Original-URL': '/admin',
      },
    });
    for (const request of origin.requests) {
      expect(request.field('x-forwarded-for')).toBe('1.2.3.4, 127.0.0.1');
      expect(request.field('x-forwarded-host')).toBe('shop.example');
      expect(request.field('x-forwarded-proto')).toBe('https');
      expect(request.field('x-original-url')).toBeUndefined();
    }
  });

  test('of a trusted peer splits the key, as services may print what it says', async () => {
    const { origin, gateway } = await setup({ trustedPeers: ['127.0.0.1'] });
    origin.script('/link', (request) => ({
      headers: { ...HTML, 'cache-control': 'max-age=60' },
      body: `${request.field('x-forwarded-proto')}://${request.field('x-forwarded-host')}`,
    }));
    const get = async (host: string, proto: string) =>
      (await gateway.get('/link', { headers: { host: 'inlay', 'x-forwarded-host': host, 'x-forwarded-proto': proto } }))
        .text;
    expect(await get('a.example', 'https')).toBe('https://a.example');
    expect(await get('b.example', 'https')).toBe('https://b.example');
    expect(await get('a.example', 'http')).toBe('http://a.example');
  });

  test('names the gateway in Via, in both directions', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { headers: { via: '1.1 origin' }, body: '' });
    const { headers } = await gateway.get('/x', { headers: { via: '1.0 client' } });
    expect(origin.received('/x')[0]?.field('via')).toBe('1.0 client, 1.1 inlay');
    expect(headers.via).toBe('1.1 origin, 1.1 inlay');
  });
});

describe('a request that runs in circles', () => {
  test('is answered 508 when it comes back to where it has been', async () => {
    const gateways: string[] = [];
    const origin = stack.add(await startOrigin());
    // The gateway does not know its own port before it listens: the origin sends it there.
    origin.script('/x', async (request) => {
      const headers = Object.fromEntries(['cdn-loop', 'via'].map((name) => [name, request.field(name) ?? '']));
      const back = await fetch(`${gateways[0]}/x`, { headers });
      return { status: back.status, body: await back.text() };
    });
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    gateways.push(gateway.url);
    const { status, text } = await gateway.get('/x');
    expect(status).toBe(508);
    expect(text).toContain('loop-detected');
    expect(origin.received('/x')).toHaveLength(1);
  });

  test('is told by fragments too, and cannot be denied by a client', async () => {
    const { origin, gateway } = await setup();
    await gateway.get('/page', { headers: { 'cdn-loop': 'other; id=1' } });
    for (const request of origin.requests) expect(request.field('cdn-loop')).toMatch(/^other; id=1, inlay;\s?id=\w+/);
    const own = origin.requests[0]!.field('cdn-loop')!;
    expect((await gateway.get('/page', { headers: { 'cdn-loop': own } })).status).toBe(508);
    expect((await gateway.get('/page', { headers: { 'cdn-loop': 'inlay, inlay, inlay, inlay, inlay' } })).status).toBe(
      508,
    );
  });
});

describe('request id and trace', () => {
  test('are made if the client sends none', async () => {
    const { origin, gateway } = await setup();
    const { headers } = await gateway.get('/page');
    expect(headers['x-request-id']).toMatch(UUID);
    expect(origin.requests.map((request) => request.field('x-request-id'))).toEqual(
      Array(3).fill(headers['x-request-id']),
    );
    expect(gateway.records()[0]?.requestId).toBe(headers['x-request-id']);
  });

  test('are the client’s if they are well-formed, each request with a span of its own', async () => {
    const { origin, gateway } = await setup();
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { headers } = await gateway.get('/page', {
      headers: { 'x-request-id': 'client-id-12345', traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: 'a=1' },
    });
    expect(headers['x-request-id']).toBe('client-id-12345');
    const parents = origin.requests.map((request) => request.field('traceparent')!.split('-'));
    expect(parents.map(([version, id, , flags]) => [version, id, flags])).toEqual(Array(3).fill(['00', trace, '01']));
    const spans = new Set(parents.map(([, , span]) => span));
    expect(spans.size).toBe(3);
    expect(spans.has('00f067aa0ba902b7')).toBe(false);
    for (const request of origin.requests) {
      expect([request.field('x-request-id'), request.field('tracestate')]).toEqual(['client-id-12345', 'a=1']);
    }
  });

  test('are made anew if the client’s are malformed', async () => {
    const { origin, gateway } = await setup();
    const { headers } = await gateway.get('/page', {
      headers: {
        'x-request-id': '<script>alert(1)</script>',
        traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
        tracestate: 'a=1',
      },
    });
    expect(headers['x-request-id']).toMatch(UUID);
    for (const request of origin.requests) {
      expect(request.field('traceparent')).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
      expect(request.field('tracestate')).toBeUndefined();
    }
  });
});

describe('what clients see', () => {
  test('is one line for each of Cache-Status, Server-Timing and request id, whatever the service says', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', {
      headers: {
        'x-request-id': 'forged-id-1',
        'inlay-errors': '9',
        'inlay-error': 'x',
        'surrogate-control': 'max-age=1',
      },
      body: 'x',
    });
    const { headers, rawHeaders } = await gateway.get('/x');
    expect(headers['x-request-id']).toMatch(UUID);
    expect(rawHeaders.filter((name) => name.toLowerCase() === 'x-request-id')).toHaveLength(1);
    for (const name of ['inlay-errors', 'inlay-error', 'surrogate-control']) expect(headers).not.toHaveProperty(name);
    expect(headers['cache-status']).toMatch(/^inlay; fwd=uri-miss; fwd-status=200/);
  });

  test('never holds a message or a stack, whatever goes wrong', async () => {
    const { origin, gateway } = await setup();
    origin.script('/broken', { raw: 'nonsense' });
    origin.script('/forbidden', { headers: ESI, body: '<esi:include src="http://10.0.0.1/secret"/>' });
    for (const path of ['/broken', '/forbidden']) {
      const { status, headers, text } = await gateway.get(path);
      expect([path, status]).toEqual([path, 502]);
      expect(text).toBe(`502 ${headers['inlay-error']}\nrequest ${headers['x-request-id']}\n`);
      expect(JSON.stringify(headers)).not.toMatch(/10\.0\.0\.1|Error|HPE_|\.ts/);
    }
  });
});
