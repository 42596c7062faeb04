import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { startWireOrigin, type WireOrigin } from '../support/wire-origin.ts';

// Every limit as it ships: the configuration names none. Those of time take that time; so they wait side by side.
// Elsewhere: fields, head and target (framing), includes of a page and variants of a URL (bounds), time to a page's head
// (failures).

const HTML = { 'content-type': 'text/html' };
/** Ms that a timeout may be late: servers look at their connections every two seconds. */
const LATE = 4_000;

const stack = cleanups();
const sockets: Socket[] = [];
let origin: Origin;
let silent: WireOrigin;
let gateway: TestGateway;

beforeAll(async () => {
  origin = stack.add(await startOrigin());
  silent = stack.add(await startWireOrigin(() => undefined));
  gateway = stack.add(
    await startGateway({
      services: { web: origin.url, silent: silent.url },
      facades: { all: { routes: { '/silent/*': 'silent', '/*': 'web' } } },
    }),
  );
  origin.script('*', { headers: HTML, body: 'ok' });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await stack.run();
});

/** Ms until a connection on which these bytes were sent is closed, and what was received on it; some may drip on. */
async function lifeOf(bytes: string, drip?: string): Promise<{ ms: number; text: string }> {
  const started = performance.now();
  const { socket, closed } = sendRaw(gateway.port, bytes);
  sockets.push(socket);
  const dripping = drip === undefined ? undefined : setInterval(() => socket.write(drip), 500);
  const text = await closed;
  clearInterval(dripping);
  return { ms: performance.now() - started, text };
}

const STARTED = `POST /upload HTTP/1.1\r\nhost: a\r\n`;

// Side by side: together they take as long as the longest.
describe.concurrent('time', () => {
  describe('a client may take', () => {
    test('10 s for a head, however it drips', async () => {
      const { ms, text } = await lifeOf('GET /x HTTP/1.1\r\nhost: a\r\n', 'x: 1\r\n');
      expect(ms).toBeLessThan(10_000 + LATE);
      expect(ms).toBeGreaterThan(5_000);
      expect(text).toMatch(/^(?:HTTP\/1\.1 408 |$)/);
    });

    test('10 s to say anything at all', async () => {
      expect((await lifeOf('')).ms).toBeLessThan(10_000 + LATE);
    });

    test('5 s between two requests', async () => {
      const { ms, text } = await lifeOf('GET /x HTTP/1.1\r\nhost: a\r\n\r\n');
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(ms).toBeGreaterThan(3_000);
      expect(ms).toBeLessThan(5_000 + LATE);
    });

    test('30 s for a body, however it drips, chunked or not', { timeout: 45_000 }, async () => {
      const lives = await Promise.all([
        lifeOf(`${STARTED}content-length: 100000\r\n\r\n`, 'x'),
        lifeOf(`${STARTED}transfer-encoding: chunked\r\n\r\n`, '1\r\nx\r\n'),
      ]);
      for (const { ms, text } of lives) {
        expect(ms).toBeLessThan(30_000 + LATE);
        expect(text).not.toMatch(/^HTTP\/1\.1 2/);
      }
      await vi.waitFor(() => {
        for (const { left, answered } of origin.received('/upload')) expect(left || !answered).toBe(true);
      });
    });
  });

  describe('a service may take', () => {
    test('its time for a head from when it has the request: an upload that lasts 12 s is no silence of the service', async () => {
      const { socket, closed } = sendRaw(
        gateway.port,
        'POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 24\r\nconnection: close\r\n\r\n',
      );
      sockets.push(socket);
      const dripping = setInterval(() => socket.write('x'), 500);
      const text = await closed;
      clearInterval(dripping);
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
    });

    test('1 s to accept a connection', async () => {
      const deaf = await deafServer();
      const own = await startGateway({ services: { web: `http://127.0.0.1:${deaf.port}` } });
      const started = performance.now();
      const { status } = await own.get('/x', { method: 'POST', body: 'x' });
      const ms = performance.now() - started;
      await Promise.all([own.stop(), deaf.stop()]);
      expect([502, 504]).toContain(status);
      expect(ms).toBeLessThan(1_000 + LATE);
    });

    test('5 s for a fragment that says nothing, that drips its head, or that drips its body', async () => {
      const raw = await startWireOrigin(({ target, write, socket }) => {
        if (target === '/silent') return;
        const [head, bytes] =
          target === '/head'
            ? ['HTTP/1.1 200 OK\r\n', 'x: 1\r\n']
            : ['HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 100000\r\n\r\n', 'x'];
        write(head);
        const timer = setInterval(() => write(bytes), 200);
        socket.once('close', () => clearInterval(timer));
      });
      const own = await startGateway({
        services: { web: origin.url, parts: raw.url },
        facades: { all: { routes: { '/page': 'web', '/*': 'parts' } } },
      });
      origin.script('/page', {
        headers: ESI,
        body: ['/silent', '/head', '/body'].map((src) => `a<esi:include src="${src}" onerror="continue"/>`).join(''),
      });
      const started = performance.now();
      const { text, complete } = await own.get('/page');
      const ms = performance.now() - started;
      await vi.waitFor(() => expect(raw.open).toBe(0), { timeout: 5_000 });
      await Promise.all([own.stop(), raw.stop()]);
      expect({ text, complete }).toEqual({ text: 'aaa', complete: true });
      expect(ms).toBeGreaterThan(3_000);
      expect(ms).toBeLessThan(5_000 + LATE);
    });

    test('10 s for the head of a page, however it drips', async () => {
      const raw = await startWireOrigin(({ write, socket }) => {
        write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => write('x: 1\r\n'), 200);
        socket.once('close', () => clearInterval(timer));
      });
      const own = await startGateway({ services: { web: raw.url } });
      const started = performance.now();
      const { status } = await own.get('/page');
      const ms = performance.now() - started;
      await vi.waitFor(() => expect(raw.open).toBe(0), { timeout: 5_000 });
      await Promise.all([own.stop(), raw.stop()]);
      expect(status).toBe(504);
      expect(ms).toBeLessThan(10_000 + LATE);
    });

    test('5 s between two pieces of a body', async () => {
      origin.script('/pause', { headers: HTML, body: ['first'], hang: 'body' });
      const started = performance.now();
      const { text, complete } = await gateway.get('/pause');
      expect({ text, complete }).toEqual({ text: 'first', complete: false });
      expect(performance.now() - started).toBeLessThan(5_000 + LATE);
      await vi.waitFor(() => expect(origin.received('/pause')[0]?.left).toBe(true), { timeout: 5_000 });
    });

    test('10 s for a composed page, however it drips', async () => {
      origin.script('/drip', { headers: ESI, body: Array.from({ length: 200 }, () => 'x'), pause: 200 });
      const started = performance.now();
      expect((await gateway.get('/drip')).complete).toBe(false);
      expect(performance.now() - started).toBeLessThan(10_000 + LATE);
      await vi.waitFor(() => expect(origin.received('/drip')[0]?.left).toBe(true), { timeout: 5_000 });
    });
  });
});

describe('a body may have', () => {
  test.each([
    ['told', (size: number) => ({ body: 'x'.repeat(size), headers: { 'content-length': String(size) } })],
    [
      'not told',
      (size: number) => ({
        body: (async function* () {
          for (let left = size; left > 0; left -= 50_000) yield Buffer.alloc(Math.min(left, 50_000), 'x');
        })(),
      }),
    ],
  ] as const)('2,000,000 bytes in a request, their number %s', async (_, request) => {
    expect((await gateway.get('/upload', { method: 'POST', ...request(2_000_000) })).status).toBe(200);
    const before = origin.received('/upload').filter(({ answered }) => answered).length;
    expect((await gateway.get('/upload', { method: 'POST', ...request(2_000_001) })).status).toBe(413);
    expect(origin.received('/upload').filter(({ answered }) => answered)).toHaveLength(before);
  });

  test('2 MiB in a fragment', async () => {
    const most = 2 * 1024 ** 2;
    origin.script('/sizes', {
      headers: ESI,
      body: 'a<esi:include src="/fits"/><esi:include src="/over" onerror="continue"/>b',
    });
    origin.script('/fits', { headers: HTML, body: Buffer.alloc(most, 'x') });
    origin.script('/over', { headers: HTML, body: Buffer.alloc(most + 1, 'y') });
    const { text, complete } = await gateway.get('/sizes');
    expect([complete, text.length, text.includes('y')]).toEqual([true, most + 2, false]);
  });

  test('10 MiB in a composed page', async () => {
    origin.script('/part', {
      headers: { ...HTML, 'cache-control': 'max-age=60' },
      body: Buffer.alloc(2 * 1024 ** 2, 'x'),
    });
    for (const [parts, whole] of [
      [4, true],
      [6, false],
    ] as const) {
      origin.script('/large', { headers: ESI, body: `a${'<esi:include src="/part"/>'.repeat(parts)}` });
      const { status, complete } = await gateway.get('/large');
      expect([parts, status === 200 && complete]).toEqual([parts, whole]);
    }
  });
});

describe('of includes there may be', () => {
  test('5 levels', async () => {
    for (let level = 0; level < 9; level++)
      origin.script(`/level/${level}`, {
        headers: ESI,
        body: `${level}<esi:include src="/level/${level + 1}" onerror="continue"/>`,
      });
    expect((await gateway.get('/level/0')).text).toBe('012345');
    expect(origin.received('/level/6')).toEqual([]);
  });

  test('256 in a page, and 32 of them under way at once', async () => {
    const includes = Array.from({ length: 300 }, (_, i) => `<esi:include src="/silent/${i}" onerror="continue"/>`).join(
      '',
    );
    origin.script('/wide', { headers: ESI, body: `a${includes}` });
    const { socket } = sendRaw(gateway.port, 'GET /wide HTTP/1.1\r\nhost: a\r\n\r\n');
    sockets.push(socket);
    await vi.waitFor(() => expect(silent.exchanges.length).toBeGreaterThanOrEqual(32), { timeout: 5_000 });
    for (let i = 0; i < 5; i++) await gateway.get('/x');
    expect(silent.exchanges).toHaveLength(32);
    for (let answered = 0; answered < 256; answered++) {
      await vi.waitFor(() => expect(silent.exchanges.length).toBeGreaterThan(answered), {
        timeout: 5_000,
        interval: 1,
      });
      silent.exchanges[answered]!.write('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\nx');
    }
    await vi.waitFor(() => expect(gateway.records().some(({ path }) => path === '/wide')).toBe(true), {
      timeout: 5_000,
    });
    expect(silent.exchanges).toHaveLength(256);
    socket.destroy();
  });

  test('256 connections to one service, however many ask', async () => {
    const held = await startWireOrigin(() => undefined);
    const own = await startGateway({ services: { web: held.url } });
    const clients = Array.from({ length: 300 }, (_, i) =>
      sendRaw(own.port, `GET /${i} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`),
    );
    await vi.waitFor(() => expect(held.exchanges.length).toBeGreaterThanOrEqual(256), { timeout: 10_000 });
    await own.get('/_nothing', { headers: { host: 'a b' } });
    expect([held.open, held.exchanges.length]).toEqual([256, 256]);
    for (let answered = 0; answered < 300; answered++) {
      await vi.waitFor(() => expect(held.exchanges.length).toBeGreaterThan(answered), { timeout: 5_000, interval: 1 });
      held.exchanges[answered]!.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx');
    }
    for (const { closed } of clients) expect(await closed).toMatch(/^HTTP\/1\.1 200 /);
    expect(held.open).toBeLessThanOrEqual(256);
    await own.stop();
    await held.stop();
  });
});

/** A server that listens and never accepts: the kernel takes as many connections as its queue holds, and then none. */
async function deafServer(): Promise<{ port: number; stop(): Promise<void> }> {
  const script = `
    const { createServer } = require('node:net');
    const { parentPort } = require('node:worker_threads');
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(script, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const filling = Array.from({ length: 8 }, () => connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  await vi.waitFor(() => expect(filling.filter(({ connecting }) => !connecting).length).toBeGreaterThan(0));
  return {
    port,
    stop: async () => {
      for (const socket of filling) socket.destroy();
      await worker.terminate();
    },
  };
}
