import { afterEach, describe, expect, test, vi } from 'vitest';
import type { InlayError } from '../../src/errors.ts';
import { createUpstream } from '../../src/node/upstream.ts';
import type { UpstreamRequest } from '../../src/runtime.ts';
import { cleanups, sendRaw, startGateway } from '../support/gateway.ts';
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
