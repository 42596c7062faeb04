import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { SEND_IDLE_TIMEOUT } from '../../src/node/deliver.ts';
import { cleanups, ESI, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startWireOrigin } from '../support/wire-origin.ts';

// Attacks on what one request may cost. attacks-limits.test.ts has the limits one by one, bounds.test.ts pages that grow,
// streaming.test.ts clients that leave while they are answered; here are
// bodies that unpack to many times their size      "a coded body"
// readers that stop, connections that only wait    "a client that reads nothing", "slow clients"
// requests without end on one connection           "a client that asks on and on"
// fields by the thousand                           "a head of thousands of fields"
// uploads that are given up                        "an upload"

const stack = cleanups();
const sockets: Socket[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  await stack.run();
});

const HTML = { 'content-type': 'text/html' };
const SOON = { timeout: 5_000, interval: 5 };

async function setup(config: Partial<GatewayConfig> = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  return { origin, gateway };
}

function client(port: number, bytes: string): Socket {
  const { socket } = sendRaw(port, bytes);
  sockets.push(socket);
  return socket;
}

describe('a coded body', () => {
  const unpacked = Buffer.alloc(9 * 1024 ** 2, 'x'); // within the limit of a page, and a thousand times what is sent
  const bombs = {
    gzip: gzipSync(unpacked),
    deflate: deflateSync(unpacked),
    br: brotliCompressSync(unpacked),
    zstd: zstdCompressSync(unpacked),
    'gzip, gzip': gzipSync(gzipSync(unpacked)),
    'gzip, gzip, gzip': gzipSync(gzipSync(gzipSync('small'))),
    'x-unknown': Buffer.from('x'),
    'gzip, identity, x-unknown': gzipSync('small'),
  };
  for (const [coding, body] of Object.entries(bombs)) {
    test(`that unpacks to what nobody bargained for is no part of any page: ${coding}`, async () => {
      const { origin, gateway } = await setup();
      const headers = { 'content-encoding': coding, 'cache-control': 'max-age=60' };
      origin.script('/bomb', { headers: { ...ESI, ...headers }, body });
      origin.script('/part', { headers: { ...HTML, ...headers }, body });
      origin.script('/page', { headers: ESI, body: 'a<esi:include src="/part" onerror="continue"/>b' });
      for (let i = 0; i < 2; i++) {
        expect(await gateway.get('/page')).toMatchObject({ status: 200, complete: true, text: 'ab' });
        const { status, complete } = await gateway.get('/bomb');
        expect(status === 502 || !complete).toBe(true);
      }
      expect(gateway.node.runtime.store.size).toBeLessThan(100_000);
    });
  }

  test('that is cut or is none is no part of any page', async () => {
    const { origin, gateway } = await setup();
    const coded = gzipSync('<p>whole</p>');
    origin.script('/page', { headers: ESI, body: 'a<esi:include src="/part" onerror="continue"/>b' });
    for (const body of [
      coded.subarray(0, -4),
      Buffer.from('<p>plain</p>'),
      Buffer.concat([coded.subarray(0, 12), Buffer.from('xx')]),
    ]) {
      origin.script('/part', { headers: { ...HTML, 'content-encoding': 'gzip', 'cache-control': 'max-age=60' }, body });
      for (let i = 0; i < 2; i++) expect((await gateway.get('/page')).text).toBe('ab');
    }
  });
});

describe('a client that reads nothing', () => {
  test('is cut off after its time, and its answer is given up', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { origin, gateway } = await setup();
    origin.script('/endless', {
      headers: { 'content-type': 'video/mp4' },
      body: {
        async *[Symbol.asyncIterator]() {
          for (;;) yield new Uint8Array(65_536);
        },
      },
    });
    const socket = client(gateway.port, 'GET /endless HTTP/1.1\r\nhost: a\r\n\r\n');
    socket.pause();
    const still = async () => {
      const seen = origin.received('/endless')[0]?.sent ?? 0;
      for (let i = 0; i < 10; i++) await gateway.get('/nothing');
      return seen > 0 && seen === origin.received('/endless')[0]?.sent;
    };
    // Until the buffers between are full. Vitest's own waiting would be on the clock that stands still.
    while (!(await still()));
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(SEND_IDLE_TIMEOUT);
      await gateway.get('/nothing');
    }
    vi.useRealTimers();
    await vi.waitFor(() => expect(origin.received('/endless')[0]?.left).toBe(true), SOON);
    expect(gateway.records().find(({ path }) => path === '/endless')?.error).toContain('client-closed');
  });
});

describe('slow clients', () => {
  test('by the hundred keep nobody else waiting', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { headers: HTML, body: 'ok' });
    for (let i = 0; i < 150; i++) {
      client(gateway.port, 'GET /x HTTP/1.1\r\nhost: a\r\nx: ');
      client(gateway.port, 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf');
    }
    await vi.waitFor(() => expect(origin.requests.length).toBeGreaterThan(100), SOON);
    const started = performance.now();
    for (let i = 0; i < 20; i++) expect((await gateway.get('/x')).text).toBe('ok');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('a client that asks on and on', () => {
  test('on one connection and reads no answer is not listened to for long', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: Buffer.alloc(100_000) });
    await gateway.get('/x', { headers: { host: 'a' } });
    const asked = 20_000;
    const socket = client(gateway.port, 'GET /x HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(asked));
    socket.pause();
    let before = -1;
    while (before !== gateway.records().length) {
      before = gateway.records().length;
      for (let i = 0; i < 10; i++) await gateway.get('/nothing');
      before += 10;
    }
    expect(gateway.records().filter(({ path }) => path === '/x').length).toBeLessThan(asked / 4);
  });
});

describe('a head of thousands of fields', () => {
  test.each([
    ['empty ones', 'a:\r\n'],
    ['the same cookie', 'cookie:a\r\n'],
    ['a list of one member each', 'accept:a\r\n'],
    ['Connection', 'connection:a\r\n'],
    ['Via', 'via:1\r\n'],
  ])('is refused at once: %s', async (_, line) => {
    const { origin, gateway } = await setup();
    const started = performance.now();
    const { closed } = sendRaw(
      gateway.port,
      `GET /x HTTP/1.1\r\nhost: a\r\n${line.repeat(Math.floor(16_000 / line.length))}connection: close\r\n\r\n`,
    );
    expect(await closed).toMatch(/^HTTP\/1\.1 431 /);
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(origin.requests).toEqual([]);
  });

  test('has none of its fields dropped while their number is allowed', async () => {
    const { origin, gateway } = await setup();
    origin.script('/x', { body: 'ok' });
    const lines = Array.from({ length: 98 }, (_, i) => `x-${i}: ${i}\r\n`).join('');
    const { closed } = sendRaw(gateway.port, `GET /x HTTP/1.1\r\nhost: a\r\n${lines}connection: close\r\n\r\n`);
    expect(await closed).toMatch(/^HTTP\/1\.1 200 /);
    const [request] = origin.requests;
    for (let i = 0; i < 98; i++) expect(request!.field(`x-${i}`)).toBe(String(i));
  });
});

describe('an upload', () => {
  test('that its client gives up is given up upstream, fifty times, and leaves no connection', async () => {
    const origin = stack.add(await startWireOrigin(() => undefined));
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    const uploads = Array.from({ length: 50 }, () =>
      client(gateway.port, 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf'),
    );
    await vi.waitFor(() => expect(origin.exchanges).toHaveLength(50), SOON);
    for (const socket of uploads) socket.destroy();
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(50), SOON);
  });

  test('that a service does not read is not read from its client either', async () => {
    const origin = stack.add(await startWireOrigin(({ socket }) => void socket.pause()));
    const gateway = stack.add(
      await startGateway({ services: { web: origin.url }, limits: { requestSize: '200mb', headTimeout: '3s' } }),
    );
    const size = 100 * 1024 ** 2;
    const socket = client(gateway.port, `POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    const write = () => {
      while (sent < size && socket.write(chunk)) sent += chunk.length;
    };
    socket.on('drain', write);
    write();
    await vi.waitFor(() => expect(origin.exchanges).toHaveLength(1), SOON);
    let before = -1;
    while (before !== sent) {
      before = sent;
      for (let i = 0; i < 10; i++) await gateway.get('/x', { headers: { host: 'a b' } });
    }
    // What the sockets between hold; the whole of it would be in the gateway's memory.
    expect(sent).toBeLessThan(size / 2);
  });
});
