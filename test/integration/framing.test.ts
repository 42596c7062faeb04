import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const SOON = { timeout: 5_000, interval: 5 };

async function setup() {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, limits: { requestSize: '64kb' } }));
  origin.script('*', { headers: { 'content-type': 'text/plain' }, body: 'ok' });
  return { origin, gateway };
}

/** Statuses and text of what raw bytes are answered with, up to the end of the connection. */
async function answerTo(gateway: TestGateway, bytes: string): Promise<{ statuses: number[]; text: string }> {
  const { closed } = sendRaw(gateway.port, bytes);
  const text = await closed;
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((found) => Number(found[1])), text };
}

const get = (lines: string, target = '/x') => `GET ${target} HTTP/1.1\r\n${lines}connection: close\r\n\r\n`;

describe('a request head that could mean two things', () => {
  const refused: Record<string, [bytes: string, status: number]> = {
    'without a Host': [get(''), 400],
    'with two Hosts': [get('host: a\r\nhost: b\r\n'), 400],
    'with twice the same Host': [get('host: a\r\nhost: a\r\n'), 400],
    'with an empty Host': [get('host: \r\n'), 400],
    'with a Host with a path': [get('host: a/b\r\n'), 400],
    'with a Host with user information': [get('host: u@a\r\n'), 400],
    'with a Host with a blank': [get('host: a b\r\n'), 400],
    'with a list of Hosts': [get('host: a, b\r\n'), 400],
    'with a Host with a port that is none': [get('host: a:b\r\n'), 400],
    'with an absolute target': [get('host: a\r\n', 'http://evil.example/x'), 400],
    'with a target that is no path': [get('host: a\r\n', 'x'), 400],
    'with a target of more than 8,192 characters': [get('host: a\r\n', `/${'x'.repeat(8_192)}`), 414],
    'with more than 100 fields': [get(`host: a\r\n${'x: 1\r\n'.repeat(100)}`), 431],
    'with fields of more than 16 KiB': [get(`host: a\r\nx: ${'y'.repeat(17_000)}\r\n`), 431],
    'with a blank before a colon': [get('host: a\r\nx : 1\r\n'), 400],
    'with a folded line': [get('host: a\r\nx: 1\r\n 2\r\n'), 400],
    'with a bare line feed in a value': [get('host: a\r\nx: 1\ny: 2\r\n'), 400],
    'with a NUL in a value': [get('host: a\r\nx: 1\0\r\n'), 400],
    'with both lengths': [
      'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    'with two lengths': ['POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!', 400],
    'with a signed length': ['POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello', 400],
    'with an unknown transfer coding': [
      'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, x\r\n\r\n0\r\n\r\n',
      400,
    ],
  };
  for (const [how, [bytes, status]] of Object.entries(refused)) {
    test(`${how} is answered ${status} and not forwarded`, async () => {
      const { origin, gateway } = await setup();
      const { statuses, text } = await answerTo(gateway, bytes);
      expect(statuses).toEqual([status]);
      expect(text).not.toMatch(/\bat .*\.[jt]s|Error/);
      expect(origin.requests).toHaveLength(0);
    });
  }

  test('is answered with a request id, and recorded as any other request', async () => {
    const { gateway } = await setup();
    const { text } = await answerTo(gateway, get('host: a\r\nhost: b\r\n'));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(gateway.events.filter(({ type }) => type === 'internal')).toEqual([]);
    const requestId = /^x-request-id: (\S+)\r$/im.exec(text)?.[1];
    expect(gateway.records()).toMatchObject([{ status: 400, requestId }]);
    expect(text).toContain('host-invalid');
  });
});

describe('the target', () => {
  test('is forwarded byte for byte, and never chooses a host', async () => {
    const { origin, gateway } = await setup();
    const targets = [
      '//evil.example/x',
      '/@evil.example',
      '/a%2Fb',
      '/a//b',
      '/x?u=http://evil.example',
      '/x?',
      '/;a=1',
      '/\'"<>|',
      '/%zz',
    ];
    for (const target of targets) {
      const { statuses } = await answerTo(gateway, get('host: a\r\n', target));
      expect([target, statuses]).toEqual([target, [200]]);
    }
    expect(origin.requests.map(({ target }) => target)).toEqual(targets);
    expect(new Set(origin.requests.map((request) => request.field('host')))).toEqual(
      new Set([`127.0.0.1:${origin.port}`]),
    );
  });

  test('with a backslash is refused, or forwarded as it is', async () => {
    const { origin, gateway } = await setup();
    await answerTo(gateway, get('host: a\r\n', '/\\evil.example'));
    expect(origin.requests.map(({ target }) => target).filter((target) => target !== '/\\evil.example')).toEqual([]);
  });

  test('of an include is resolved within what is configured, whatever it spells', async () => {
    const { origin, gateway } = await setup();
    const sources = [
      '//evil.example/x',
      '/\\evil.example/x',
      '\\\\evil.example\\x',
      'http://user@127.0.0.1:1/x',
      `http://user@127.0.0.1:${origin.port}/x`,
      'http://127.0.0.1:1/x',
      `http://localhost:${origin.port}/x`,
      `https://127.0.0.1:${origin.port}/x`,
      `http://127.0.0.1:${origin.port}.evil.example/x`,
      `http://127.0.0.1:${origin.port}@evil.example/x`,
      'http://[::1]/x',
      'http://2130706433/x',
      'gopher://127.0.0.1/x',
    ];
    origin.script('/page', {
      headers: ESI,
      body: sources.map((src) => `<esi:include src="${src}" onerror="continue"/>`).join('.'),
    });
    expect(await gateway.get('/page')).toMatchObject({ status: 200, text: '.'.repeat(sources.length - 1) });
    expect(origin.requests.map(({ target }) => target)).toEqual(['/page']);
  });

  test('of an include cannot leave the path that its service is configured with', async () => {
    const { origin } = await setup();
    const gateway = stack.add(await startGateway({ services: { web: `${origin.url}/base` } }));
    const sources = [
      '../../secret',
      '/%2e%2e/secret',
      '/..%2fsecret',
      '/x/%2E%2E/%2e./secret',
      `${origin.url}/base/../secret`,
      `${origin.url}/basement`,
    ];
    origin.script('/base/page', {
      headers: ESI,
      body: sources.map((src) => `<esi:include src="${src}" onerror="continue"/>`).join(''),
    });
    await gateway.get('/page');
    for (const { target } of origin.requests) {
      const { pathname } = new URL(target, origin.url);
      expect([target, pathname.startsWith('/base/')]).toEqual([target, true]);
    }
  });

  test('with dot segments is answered 400: a service may resolve it to a path of another route', async () => {
    const { origin, gateway } = await setup();
    for (const target of ['/../x', '/a/../b', '/%2e%2e/x', '/.%2E/x', '/a/%2e', '/.', '/..', '/a/..?x', '/a\\..\\b']) {
      const { statuses } = await answerTo(gateway, get('host: a\r\n', target));
      expect([target, statuses]).toEqual([target, [400]]);
    }
    expect(origin.requests).toEqual([]);
    for (const target of ['/...', '/a..', '/..a/x', '/x?a=/../b', '/%2e%2ea']) {
      expect([target, (await answerTo(gateway, get('host: a\r\n', target))).statuses]).toEqual([target, [200]]);
    }
  });

  test('with control characters in an include is refused', async () => {
    const { origin, gateway } = await setup();
    const sources = ['/f&#13;&#10;x: 1', '/f&#9;x', '/f&#10;'];
    origin.script('/page', {
      headers: ESI,
      body: sources.map((src) => `<esi:include src="${src}" onerror="continue"/>`).join(''),
    });
    await gateway.get('/page');
    expect(origin.requests.map(({ target }) => target)).toEqual(['/page']);
  });
});

describe('bodies', () => {
  test('of a POST arrive whole, chunked or not', async () => {
    const { origin, gateway } = await setup();
    await gateway.get('/x', { method: 'POST', body: 'hello', headers: { 'content-length': '5' } });
    await answerTo(
      gateway,
      'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5;ext=1\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n',
    );
    expect(origin.requests.map(({ body }) => body)).toEqual(['hello', 'hello']);
    for (const request of origin.requests) {
      expect(request.lines('content-length').length + request.lines('transfer-encoding').length).toBe(1);
      expect(request.field('x-trailer')).toBeUndefined();
    }
  });

  test('of a GET are not forwarded, and not taken for the next request', async () => {
    const { origin, gateway } = await setup();
    const { statuses } = await answerTo(
      gateway,
      `GET /x HTTP/1.1\r\nhost: a\r\ncontent-length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n    ${get('host: a\r\n', '/second')}`,
    );
    expect(statuses).toEqual([200, 200]);
    expect(origin.requests.map(({ target, body }) => [target, body])).toEqual([
      ['/x', ''],
      ['/second', ''],
    ]);
    for (const request of origin.requests) expect(request.field('content-length')).toBeUndefined();
  });

  test('larger than the limit are answered 413, told or not', async () => {
    const { origin, gateway } = await setup();
    const big = 'x'.repeat(100_000);
    expect((await gateway.get('/told', { method: 'POST', body: big })).status).toBe(413);
    const pieces = async function* () {
      for (let i = 0; i < 50; i++) yield Buffer.from('x'.repeat(4_000));
    };
    expect((await gateway.get('/untold', { method: 'POST', body: pieces() })).status).toBe(413);
    expect(origin.requests.filter(({ answered }) => answered)).toEqual([]);
    expect((await gateway.get('/x', { method: 'POST', body: 'x'.repeat(60_000) })).status).toBe(200);
  });

  test('that break off are not taken for whole ones', async () => {
    const { origin, gateway } = await setup();
    const { socket } = sendRaw(gateway.port, 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
    await vi.waitFor(() => expect(gateway.records().length + origin.requests.length).toBeGreaterThan(0), SOON);
    socket.destroy();
    await vi.waitFor(() => expect(gateway.records()[0]).toBeDefined(), SOON);
    expect(origin.requests.filter(({ answered }) => answered)).toEqual([]);
  });

  test('of a POST are never sent twice, nor a GET on a new connection, where the service closes without an answer', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { raw: '' });
    expect((await gateway.get('/x', { method: 'POST', body: 'once' })).status).toBe(502);
    expect(origin.received('/x')).toHaveLength(1);
    expect((await gateway.get('/x')).status).toBe(502);
    expect(origin.received('/x').filter(({ method }) => method === 'GET')).toHaveLength(1); // the connection was new
  });
});

describe('answers', () => {
  test('of a service with broken framing become 502, or are visibly cut', async () => {
    const { origin, gateway } = await setup();
    const broken: Record<string, string> = {
      lengths: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 3\r\n\r\nabc',
      both: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
      junk: 'hello\r\n\r\n',
      nothing: '',
      head: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      nul: 'HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n',
    };
    for (const [name, raw] of Object.entries(broken)) {
      origin.script(`/${name}`, { raw });
      const { status, complete } = await gateway.get(`/${name}`);
      expect([name, status === 502 || !complete]).toEqual([name, true]);
    }
    origin.script('/chunk', { raw: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nXY' });
    expect((await gateway.get('/chunk')).complete).toBe(false);
    origin.script('/short', { body: 'ab', truncate: true });
    expect((await gateway.get('/short')).complete).toBe(false);
  });

  test('without a body have none, whatever the service sends after them', async () => {
    const { origin, gateway } = await setup();
    origin.script('/none', { raw: 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello' });
    const { status, text, headers } = await gateway.get('/none');
    expect({ status, text, length: headers['content-length'] }).toEqual({ status: 204, text: '', length: undefined });
    origin.script('/early', {
      raw: 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    });
    expect(await gateway.get('/early')).toMatchObject({ status: 200, text: 'ok' });
  });

  test('reuse connections, to the client and to the service', async () => {
    const { origin, gateway } = await setup();
    const { socket, text } = sendRaw(gateway.port, 'GET /1 HTTP/1.1\r\nhost: a\r\n\r\n');
    const answers = () => text().match(/HTTP\/1\.1 200/g)?.length ?? 0;
    for (const [i, next] of ['GET /2', 'GET /3', 'GET /4'].entries()) {
      await vi.waitFor(() => expect(answers()).toBe(i + 1), SOON);
      socket.write(`${next} HTTP/1.1\r\nhost: a\r\n\r\n`);
    }
    await vi.waitFor(() => expect(answers()).toBe(4), SOON);
    socket.destroy();
    expect(origin.requests.map(({ target }) => target)).toEqual(['/1', '/2', '/3', '/4']);
    expect(new Set(origin.requests.map(({ connection }) => connection)).size).toBe(1);
  });

  test('to requests sent before the last was answered come in their order', async () => {
    const { origin, gateway } = await setup();
    origin.script('/1', { headers: { 'content-type': 'text/plain' }, body: 'first', delay: 50 });
    const { text } = await answerTo(gateway, `GET /1 HTTP/1.1\r\nhost: a\r\n\r\n${get('host: a\r\n', '/2')}`);
    expect(text.indexOf('first')).toBeGreaterThan(0);
    expect(text.indexOf('first')).toBeLessThan(text.lastIndexOf('HTTP/1.1 200'));
  });
});
