import { afterEach, describe, expect, test, vi } from 'vitest';
import type { InlayError } from '../../src/errors.ts';
import { createUpstream } from '../../src/node/upstream.ts';
import type { UpstreamRequest } from '../../src/runtime.ts';
import { cleanups, gate, sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startRawOrigin, type Wire } from '../support/raw-origin.ts';

const stack = cleanups();
afterEach(stack.run);

const SOON = { timeout: 5_000, interval: 5 };
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A gateway before an origin that is told, whenever it hears something, which connection it is. */
async function setup(heard: (wire: Wire) => void) {
  const origin = stack.add(await startRawOrigin(heard));
  const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
  return { origin, gateway };
}

/** An origin that answers the nth request of a connection with the nth of these texts, or the last. */
const answering =
  (...answers: string[]) =>
  (wire: Wire) =>
    wire.answer(answers[Math.min(wire.requests().length, answers.length) - 1]!);

/** What a connection gets for this request: all of it. */
async function raw({ port }: TestGateway, request: string): Promise<string> {
  return sendRaw(port, request).closed;
}

const get = (path: string, version = '1.1') => `GET ${path} HTTP/${version}\r\nhost: a\r\nconnection: close\r\n\r\n`;

/** Status lines in order. */
const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((found) => Number(found[1]));

describe('an interim response', () => {
  const HINTS =
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-hop\r\nx-hop: 1\r\nSurrogate-Key: a\r\n\r\n' +
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 110 What\r\nx-late: \xe9\r\n\r\n';
  const STORED = 'HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 2\r\n\r\nok';

  test('reaches the client before the answer, with its end-to-end fields, and only who had it fetched', async () => {
    const { gateway, origin } = await setup(answering(HINTS + STORED));
    const text = await raw(gateway, get('/'));
    expect(statuses(text)).toEqual([103, 102, 110, 200]);
    const [early, , late, final] = text.split('\r\n\r\n');
    expect(early).toBe('HTTP/1.1 103 Early Hints\r\nlink: </a.css>');
    expect(late).toMatch(/\r\nx-late: \xe9$/);
    expect(final).not.toMatch(/link|x-late/i);
    expect(statuses(await raw(gateway, get('/')))).toEqual([200]);
    expect(origin.wires.flatMap((wire) => wire.requests())).toEqual(['GET /']);
  });

  test('leaves while the answer is still awaited, and does not reach those who wait for it too', async () => {
    const { gateway, origin } = await setup((wire) => wire.answer(HINTS));
    const first = sendRaw(gateway.port, get('/'));
    await vi.waitFor(() => expect(statuses(first.text())).toEqual([103, 102, 110]), SOON);
    const second = sendRaw(gateway.port, get('/'));
    await vi.waitFor(() => expect(origin.wires).toHaveLength(1), SOON);
    await gateway.get('/../x'); // by now the second has been read, too
    origin.wires[0]!.answer(STORED);
    expect(statuses(await first.closed)).toEqual([103, 102, 110, 200]);
    expect(statuses(await second.closed)).toEqual([200]);
    expect(origin.wires).toHaveLength(1);
  });

  test('is not sent to a client of HTTP/1.0', async () => {
    const { gateway } = await setup(answering(HINTS + OK));
    expect(statuses(await raw(gateway, get('/', '1.0')))).toEqual([200]);
  });

  test('is one of 8 at most', async () => {
    const { gateway } = await setup(answering('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100) + OK));
    expect(statuses(await raw(gateway, get('/')))).toEqual([...Array.from({ length: 8 }, () => 102), 200]);
  });

  test('of a fragment goes nowhere', async () => {
    const page = '<esi:include src="/f"/>';
    const head = 'content-type: text/html\r\nsurrogate-control: content="ESI/1.0"\r\n';
    const { gateway } = await setup((wire) =>
      wire.answer(
        wire.requests().at(-1) === 'GET /f'
          ? HINTS + OK
          : `HTTP/1.1 200 OK\r\n${head}content-length: ${page.length}\r\n\r\n${page}`,
      ),
    );
    const text = await raw(gateway, get('/'));
    expect(statuses(text)).toEqual([200]);
    expect(text).toMatch(/ok$/);
  });

  test('of a request in line comes after the answer before it', async () => {
    const first = gate();
    const { gateway } = await setup(async (wire) => {
      if (wire.requests().at(-1) !== 'GET /1') return wire.answer(HINTS + OK);
      await first.passed;
      wire.answer(OK);
    });
    const { closed } = sendRaw(gateway.port, `GET /1 HTTP/1.1\r\nhost: a\r\n\r\n${get('/2')}`);
    first.open();
    expect(statuses(await closed)).toEqual([200, 103, 102, 110, 200]);
  });

  test.each([100, 101])('%i that nobody asked for is answered 502, and the request is not repeated', async (status) => {
    const upgrade = status === 101 ? 'connection: upgrade\r\nupgrade: websocket\r\n' : '';
    const { gateway, origin } = await setup(answering(OK, `HTTP/1.1 ${status} x\r\n${upgrade}\r\n${OK}`));
    await gateway.get('/first');
    const { status: answered, headers } = await gateway.get('/x');
    expect([answered, headers['inlay-error']]).toEqual([502, 'upstream-protocol']);
    expect(origin.wires).toHaveLength(1);
  });

  test('101 without a word of what to switch to is answered 502 as well', async () => {
    const { gateway } = await setup(answering(`HTTP/1.1 101 x\r\n\r\n${OK}`));
    expect((await gateway.get('/x')).headers['inlay-error']).toBe('upstream-protocol');
  });

  test('100 is sent by the gateway itself to who expects it; the service is not told', async () => {
    const { gateway, origin } = await setup((wire) => wire.text.endsWith('hello') && wire.answer(OK));
    const head = 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n';
    const client = sendRaw(gateway.port, head);
    await vi.waitFor(() => expect(statuses(client.text())).toEqual([100]), SOON);
    client.socket.write('hello');
    expect(statuses(await client.closed)).toEqual([100, 200]);
    expect(origin.wires[0]!.text).not.toMatch(/expect/i);
  });
});

describe('a request to leave HTTP/1.1', () => {
  test.each([
    ['websocket', 'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'],
    ['h2c', 'http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'],
  ])('for %s is answered as if it had not asked, and the service does not hear of it', async (protocol, more) => {
    const { gateway, origin } = await setup(answering(OK));
    const offer = `upgrade: ${protocol}\r\nconnection: upgrade, http2-settings, close\r\n${more}`;
    expect(statuses(await raw(gateway, `GET /x HTTP/1.1\r\nhost: a\r\n${offer}\r\n`))).toEqual([200]);
    expect(origin.wires[0]!.requests()).toEqual(['GET /x']);
    expect(origin.wires[0]!.text).not.toMatch(/^(?:upgrade|http2-settings)|upgrade\r$/im);
  });

  test('by CONNECT is refused with 501', async () => {
    const { gateway, origin } = await setup(answering(OK));
    const text = await raw(gateway, `CONNECT ${new URL(origin.url).host} HTTP/1.1\r\nhost: a\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 501 .*\r\n[\s\S]*inlay-error: method-unsupported/);
    expect(origin.wires).toEqual([]);
  });
});

describe('a method', () => {
  test('TRACE, which would show what services are told, is refused with 501', async () => {
    const { gateway, origin } = await setup(answering(OK));
    const { status, headers } = await gateway.get('/x', { method: 'TRACE' });
    expect([status, headers['inlay-error']]).toEqual([501, 'method-unsupported']);
    expect(origin.wires).toEqual([]);
  });

  test('OPTIONS of everything is answered here, and of something by its service', async () => {
    const { gateway, origin } = await setup(answering('HTTP/1.1 204 No Content\r\nallow: GET\r\n\r\n'));
    const all = await gateway.get('*', { method: 'OPTIONS' });
    expect([all.status, all.headers.allow]).toEqual([204, undefined]);
    const one = await gateway.get('/x', { method: 'OPTIONS' });
    expect([one.status, one.headers.allow]).toEqual([204, 'GET']);
    expect(origin.wires.flatMap((wire) => wire.requests())).toEqual(['OPTIONS /x']);
    expect((await gateway.get('*', { method: 'GET' })).status).toBe(400);
  });
});

describe('an answer that breaks the rules', () => {
  const fresh = 'cache-control: max-age=60\r\n';
  test.each<[string, string]>([
    ['has two lengths', `HTTP/1.1 200 OK\r\n${fresh}content-length: 2\r\nContent-Length: 3\r\n\r\nabc`],
    ['has one length twice', `HTTP/1.1 200 OK\r\n${fresh}content-length: 2\r\ncontent-length: 2\r\n\r\nok`],
    ['has two lengths in a list', `HTTP/1.1 200 OK\r\n${fresh}content-length: 2, 3\r\n\r\nabc`],
    ['has a length with a sign', `HTTP/1.1 200 OK\r\n${fresh}content-length: +2\r\n\r\nok`],
    [
      'has a length and chunks',
      `HTTP/1.1 200 OK\r\n${fresh}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ],
    [
      'has chunks and a length',
      `HTTP/1.1 200 OK\r\n${fresh}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ],
    ['has a status that is no number', `HTTP/1.1 2x0 OK\r\n${fresh}content-length: 2\r\n\r\nok`],
    ['has a status of two digits', `HTTP/1.1 20 OK\r\n${fresh}content-length: 2\r\n\r\nok`],
    ['is of a version that there is not', `HTTP/3.7 200 OK\r\n${fresh}content-length: 2\r\n\r\nok`],
    ['is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['has a head of more than 16 KiB', `HTTP/1.1 200 OK\r\n${fresh}x: ${'y'.repeat(20_000)}\r\n\r\n`],
    ['has a NUL in a field', `HTTP/1.1 200 OK\r\n${fresh}x: a\0b\r\ncontent-length: 2\r\n\r\nok`],
    ['has a bare carriage return in a field', `HTTP/1.1 200 OK\r\n${fresh}x: a\rb\r\ncontent-length: 2\r\n\r\nok`],
    ['has a blank before a colon', `HTTP/1.1 200 OK\r\n${fresh}content-length : 2\r\n\r\nok`],
  ])('in that it %s is a 502, kept for nobody, and its connection is dropped', async (_how, broken) => {
    const { gateway, origin } = await setup(answering(broken));
    for (let i = 1; i <= 2; i++) {
      const { status, headers } = await gateway.get('/x');
      expect([status, headers['inlay-error']]).toEqual([502, 'upstream-protocol']);
      expect(origin.wires.map((wire) => wire.requests())).toEqual(Array.from({ length: i }, () => ['GET /x']));
    }
    await vi.waitFor(() => expect(origin.wires.map(({ closed }) => closed)).toEqual([true, true]), SOON);
  });

  test('in that more follows it than it announced is relayed, and what follows answers nobody', async () => {
    const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
    const { gateway, origin } = await setup(answering(OK + evil));
    for (let i = 1; i <= 3; i++) {
      expect(await gateway.get(`/${i}`)).toMatchObject({ status: 200, text: 'ok' });
      await vi.waitFor(() => expect(origin.wires.at(-1)!.closed).toBe(true), SOON);
      expect(origin.wires).toHaveLength(i);
    }
  });

  test('in that more follows it later, while nothing is asked, is not taken for the next answer', async () => {
    const { gateway, origin } = await setup(answering(OK));
    await gateway.get('/1');
    origin.wires[0]!.answer('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
    expect(await gateway.get('/2')).toMatchObject({ status: 200, text: 'ok' });
  });
});

describe('a connection to a service', () => {
  const CHUNKED = 'POST /up HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n';

  test('on which the answer came before the request was sent whole is not used again', async () => {
    const { gateway, origin } = await setup((wire) => {
      if (wire.text.includes('hello') || wire.requests().at(-1)?.startsWith('GET')) wire.answer(OK);
    });
    const client = sendRaw(gateway.port, CHUNKED);
    await vi.waitFor(() => expect(client.text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/), SOON);
    await vi.waitFor(() => expect(origin.wires[0]!.closed).toBe(true), SOON);
    client.socket.write('6\r\nbehind\r\n0\r\n\r\n');
    expect((await gateway.get('/next')).text).toBe('ok');
    expect(origin.wires.map((wire) => wire.requests())).toEqual([['POST /up'], ['GET /next']]);
    expect(origin.wires[0]!.text).not.toContain('behind');
    client.socket.destroy();
  });

  test('is closed when the client leaves amid its body, which says nothing of the service', async () => {
    const { gateway, origin } = await setup(() => undefined);
    for (let i = 0; i < 6; i++) {
      const client = sendRaw(gateway.port, CHUNKED);
      await vi.waitFor(() => expect(origin.wires[i]?.text).toContain('hello'), SOON);
      client.socket.destroy();
      await vi.waitFor(() => expect(origin.wires[i]!.closed).toBe(true), SOON);
    }
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(6), SOON);
    for (const { error } of gateway.records()) expect(error).toMatch(/^client-closed/);
    expect(gateway.events.filter(({ type }) => type === 'breaker')).toEqual([]);
  });

  /** Connections are closed instead of answering their second request. */
  const closing = (how: (wire: Wire) => void) => (wire: Wire) => {
    if (wire.requests().length === 1) wire.answer(OK);
    else how(wire);
  };

  const CLOSINGS: Record<string, (wire: Wire) => void> = {
    ends: ({ socket }) => void socket.end(),
    'is reset': ({ socket }) => void socket.resetAndDestroy(),
  };
  for (const [how, close] of Object.entries(CLOSINGS)) {
    test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])(
      `that ${how} as it is used again does not lose a %s: it is sent once more, on another`,
      async (method) => {
        const { gateway, origin } = await setup(closing(close));
        await gateway.get('/first');
        expect((await gateway.get('/x', { method })).status).toBe(200);
        expect(origin.wires.map((wire) => wire.requests())).toEqual([['GET /first', `${method} /x`], [`${method} /x`]]);
      },
    );
  }

  test.each([
    ['POST', {}],
    ['POST', { body: 'once', headers: { 'content-length': '4' } }],
    ['PUT', { body: 'once', headers: { 'content-length': '4' } }],
  ])('that closes as it is used again is the only one that a %s with %o is sent on', async (method, more) => {
    const { gateway, origin } = await setup(closing(CLOSINGS.ends!));
    await gateway.get('/first');
    expect((await gateway.get('/x', { method, ...more })).status).toBe(502);
    expect(origin.wires.map((wire) => wire.requests())).toEqual([['GET /first', `${method} /x`]]);
  });

  test('that was new, or on which an answer had begun, is not tried again', async () => {
    const { gateway, origin } = await setup((wire) => {
      if (wire.requests().at(-1) === 'GET /first') wire.answer(OK);
      else wire.socket.end(wire.requests().at(-1) === 'GET /new' ? '' : 'HTTP/1.1 102 Processing\r\n\r\n');
    });
    expect((await gateway.get('/new')).headers['inlay-error']).toBe('upstream-reset');
    expect(origin.wires).toHaveLength(1);
    await gateway.get('/first');
    expect((await gateway.get('/begun')).headers['inlay-error']).toBe('upstream-reset');
    expect(origin.wires.map((wire) => wire.requests())).toEqual([['GET /new'], ['GET /first', 'GET /begun']]);
  });
});

describe('a request body', () => {
  test('that breaks off is its client’s failure, whatever the error says', async () => {
    const origin = stack.add(await startRawOrigin(() => undefined));
    const upstream = createUpstream();
    stack.add({ stop: () => upstream.close() });
    const body = (async function* () {
      yield Buffer.from('hello');
      await vi.waitFor(() => expect(origin.wires[0]?.text).toContain('hello'), SOON);
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })();
    const request = { method: 'POST', origin: origin.url, path: '/', fields: [], headTimeout: 20_000, body };
    await expect(upstream.fetch(request)).rejects.toMatchObject({ code: 'client-closed' });
    await vi.waitFor(() => expect(origin.wires[0]!.closed).toBe(true), SOON);
  });
});

describe('more requests than connections', () => {
  /** 256 requests that a silent origin keeps, and what sends more. */
  async function saturated() {
    const origin = stack.add(await startRawOrigin(() => undefined));
    const upstream = createUpstream();
    stack.add({ stop: () => upstream.close() });
    const leave = new AbortController();
    const send = (path: string, more: Partial<UpstreamRequest> = {}) =>
      upstream
        .fetch({ method: 'GET', origin: origin.url, path, fields: [], headTimeout: 20_000, ...more })
        .then(({ status }) => status)
        .catch((error: InlayError) => error.code);
    for (let i = 0; i < 256; i++) void send('/busy', { signal: leave.signal });
    await vi.waitFor(() => expect(origin.wires.flatMap((wire) => wire.requests())).toHaveLength(256), SOON);
    return { origin, send, leave };
  }

  test('wait in a line of 1,024; one more is refused at once', async () => {
    const { origin, send, leave } = await saturated();
    const line = Array.from({ length: 1_024 }, () => send('/waiting', { signal: leave.signal }));
    expect(await send('/refused')).toBe('overloaded');
    leave.abort();
    expect(new Set(await Promise.all(line))).toEqual(new Set(['client-closed']));
    expect(origin.wires).toHaveLength(256);
    void send('/after', { signal: AbortSignal.timeout(10_000) });
    await vi.waitFor(() => expect(origin.wires.at(-1)!.requests()).toEqual(['GET /after']), SOON);
    expect(origin.wires.flatMap((wire) => wire.requests())).not.toContain('GET /waiting');
  });

  test('wait as long as for a head, and who waits no more is not sent', async () => {
    const { origin, send } = await saturated();
    const next = send('/next');
    expect(await send('/late', { headTimeout: 50 })).toBe('upstream-timeout');
    origin.wires[0]!.answer(OK);
    await vi.waitFor(() => expect(origin.wires[0]!.requests()).toEqual(['GET /busy', 'GET /next']), SOON);
    origin.wires[0]!.answer(OK);
    expect(await next).toBe(200);
    expect(origin.wires.flatMap((wire) => wire.requests())).not.toContain('GET /late');
  });
});

describe('a service that does not answer at all', () => {
  async function fallen(breaker = true) {
    let web = await startOrigin();
    stack.add({ stop: () => web.stop() });
    let clock = Date.now();
    const gateway = stack.add(await startGateway({ services: { web: { url: web.url, breaker } } }, () => clock));
    web.script('/kept', { headers: { 'cache-control': 'max-age=0', etag: '"1"' }, body: 'old' });
    await gateway.get('/kept');
    await web.stop();
    return {
      gateway,
      ask: async (path = '/x') => (await gateway.get(path)).status,
      pass: (ms: number) => {
        clock += ms;
      },
      revive: async () => {
        web = await startOrigin(web.port);
        web.script('*', { body: 'back' });
        return web;
      },
    };
  }

  test('is not asked after five failures but once a second, and again when it answers', async () => {
    const { gateway, ask, pass, revive } = await fallen();
    for (let i = 0; i < 5; i++) expect(await ask()).toBe(502);
    const { status, headers, text } = await gateway.get('/x');
    expect([status, headers['inlay-error'], headers['retry-after']]).toEqual([503, 'upstream-open', '1']);
    expect(text).not.toContain('ECONNREFUSED');
    await vi.waitFor(
      () => expect(gateway.records().at(-1)?.error).toMatch(/not been asked since .*ECONNREFUSED/),
      SOON,
    );
    pass(1_000);
    expect([await ask(), await ask()]).toEqual([502, 503]);
    const web = await revive();
    expect(await ask()).toBe(503);
    expect(web.requests).toEqual([]);
    pass(1_000);
    expect([await ask(), await ask()]).toEqual([200, 200]);
    const said = gateway.events.flatMap((event) => (event.type === 'breaker' ? [event.state] : []));
    expect(said).toEqual(['open', 'closed']);
  });

  test('is as if it could not be reached, for a stale copy that has no window', async () => {
    const { gateway, ask } = await fallen();
    for (let i = 0; i < 6; i++) expect(await gateway.get('/kept')).toMatchObject({ status: 200, text: 'old' });
    expect(await ask()).toBe(503);
  });

  test('is asked all the same where the configuration says so', async () => {
    const { ask } = await fallen(false);
    for (let i = 0; i < 7; i++) expect(await ask()).toBe(502);
  });
});
