import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, ESI_JSON, gate, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const SOON = { timeout: 5_000, interval: 5 };

async function setup(config: object = {}) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }));
  return { origin, gateway };
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

describe('the head of a page', () => {
  test('arrives before its slowest fragment is there, and the rest in document order', async () => {
    const { origin, gateway } = await setup();
    const [slow, fast] = [gate(), gate()];
    origin.script('/page', {
      headers: ESI,
      body: '<head>…</head><esi:include src="/slow"/><hr><esi:include src="/fast"/></html>',
    });
    origin.script('/slow', async () => {
      await slow.passed;
      return { headers: HTML, body: 'SLOW' };
    });
    origin.script('/fast', () => {
      fast.open();
      return { headers: HTML, body: 'FAST' };
    });
    const seen: string[] = [];
    const answered = await gateway.get('/page', {
      onText: (text) => {
        seen.push(text);
        // The slow fragment answers only once the client has the head: a gateway that waits for it hangs.
        if (text === '<head>…</head>') void fast.passed.then(slow.open);
      },
    });
    expect(answered).toMatchObject({ complete: true, text: '<head>…</head>SLOW<hr>FAST</html>' });
    expect(seen).toContain('<head>…</head>');
  });

  test('waits for an include that it begins with', async () => {
    const { origin, gateway } = await setup();
    const slow = gate();
    origin.script('/page', { headers: ESI, body: '<esi:include src="/slow"/>rest' });
    origin.script('/slow', async () => {
      await slow.passed;
      return { status: 500 };
    });
    const answer = gateway.get('/page');
    await vi.waitFor(() => expect(origin.received('/slow')).toHaveLength(1), SOON);
    slow.open();
    expect((await answer).status).toBe(502);
  });

  test('of a relayed answer arrives before the first byte of its body', async () => {
    const { origin, gateway } = await setup();
    const body = gate();
    origin.script('/events', {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      body: (async function* () {
        await body.passed;
        yield 'data: 1\n\n';
      })(),
    });
    const { socket, text, closed } = sendRaw(
      gateway.port,
      'GET /events HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    );
    try {
      await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1\.1 200/), { timeout: 1_500, interval: 5 });
    } finally {
      body.open();
      socket.setTimeout(1_000, () => socket.destroy());
      await closed;
    }
  });

  test('of a JSON document waits until it is all known', async () => {
    const { origin, gateway } = await setup();
    const late = gate();
    origin.script('/page', { headers: ESI_JSON, body: '{"a":1,"b":{"esi:include":{"src":"/late"}}}' });
    origin.script('/late', async () => {
      await late.passed;
      return { status: 500 };
    });
    const answer = gateway.get('/page');
    await vi.waitFor(() => expect(origin.received('/late')).toHaveLength(1), SOON);
    late.open();
    expect(await answer).toMatchObject({ status: 200, text: '{"a":1,"b":null}', headers: { 'inlay-errors': '1' } });
  });
});

describe('includes', () => {
  test('start while the template still streams', async () => {
    const { origin, gateway } = await setup();
    const started = gate();
    origin.script('/page', {
      headers: ESI,
      body: (async function* () {
        yield 'a<esi:include src="/f"/>';
        await started.passed; // a gateway that waits for the end of the template hangs here
        yield 'b';
      })(),
    });
    origin.script('/f', () => {
      started.open();
      return { headers: HTML, body: 'F' };
    });
    expect(await gateway.get('/page')).toMatchObject({ complete: true, text: 'aFb' });
  });

  test('start all at once, in fragments too', async () => {
    const { origin, gateway } = await setup();
    const all = gate();
    let waiting = 0;
    const barrier = async () => {
      if (++waiting === 6) all.open();
      await all.passed; // answers only when all six are being asked for at the same time
      return { headers: HTML, body: '.' };
    };
    const three = (name: string) => [1, 2, 3].map((i) => `<esi:include src="/${name}${i}"/>`).join('');
    origin.script('/page', { headers: ESI, body: `${three('f')}<esi:include src="/inner"/>` });
    origin.script('/inner', { headers: ESI, body: three('g') });
    for (const i of [1, 2, 3]) for (const name of ['f', 'g']) origin.script(`/${name}${i}`, barrier);
    expect(await gateway.get('/page')).toMatchObject({ complete: true, text: '......' });
  });

  test('of one page are fetched no more than the limit at once', async () => {
    const { origin, gateway } = await setup({ limits: { concurrency: 3 } });
    let now = 0;
    let most = 0;
    origin.script('/page', {
      headers: ESI,
      body: Array.from({ length: 12 }, (_, i) => `<esi:include src="/f?${i}"/>`).join(''),
    });
    origin.script('/f', async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return { headers: HTML, body: '.' };
    });
    expect((await gateway.get('/page')).text).toBe('.'.repeat(12));
    expect(most).toBe(3);
  });
});

describe('a client that leaves', () => {
  const hanging = { hang: true } as const;

  test('cancels the page’s own request, and those of its fragments', async () => {
    const { origin, gateway } = await setup();
    origin.script('/alone', hanging);
    origin.script('/page', { headers: ESI, body: 'head<esi:include src="/f"/>' });
    origin.script('/f', hanging);
    for (const [path, cancelled] of [
      ['/alone', '/alone'],
      ['/page', '/f'],
    ] as const) {
      const { socket } = sendRaw(gateway.port, request(path));
      await vi.waitFor(() => expect(origin.received(cancelled)).toHaveLength(1), SOON);
      socket.destroy();
      await vi.waitFor(() => expect(origin.received(cancelled)[0]?.left).toBe(true), SOON);
    }
    await vi.waitFor(
      () =>
        expect(gateway.records().map(({ error }) => error?.split(':')[0])).toEqual(['client-closed', 'client-closed']),
      SOON,
    );
    expect(gateway.events.filter(({ type }) => type === 'internal')).toEqual([]);
  });

  test('cancels the download of a body that nobody else takes', async () => {
    const { origin, gateway } = await setup();
    origin.script('/big', {
      headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
      body: (function* () {
        for (;;) yield 'x'.repeat(65_536);
      })(),
    });
    const { socket, text } = sendRaw(gateway.port, request('/big'));
    await vi.waitFor(() => expect(text().length).toBeGreaterThan(0), SOON);
    socket.destroy();
    await vi.waitFor(() => expect(origin.received('/big')[0]?.left).toBe(true), SOON);
    await vi.waitFor(() => expect(gateway.records()[0]?.error).toContain('client-closed'), SOON);
  });

  test('does not cancel what another waits for', async () => {
    const { origin, gateway } = await setup();
    const late = gate();
    origin.script('/page', { headers: ESI, body: 'head<esi:include src="/f"/>' });
    origin.script('/f', async () => {
      await late.passed;
      return { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'F' };
    });
    const { socket, closed } = sendRaw(gateway.port, request('/page'));
    await vi.waitFor(() => expect(origin.received('/f')).toHaveLength(1), SOON);
    // Whoever has the beginning of the page waits for its fragment.
    const waits = gate();
    const stays = gateway.get('/page', { headers: { host: 'a' }, onText: (text) => text === 'head' && waits.open() });
    await waits.passed;
    socket.destroy();
    await closed;
    // By the time another request has come and gone, the gateway knows that the first client left.
    await gateway.get('/other');
    expect(origin.received('/f')[0]?.left).toBe(false);
    late.open();
    expect(await stays).toMatchObject({ complete: true, text: 'headF' });
    expect(origin.received('/f')).toHaveLength(1);
  });

  test('a hundred times leaves nothing behind', async () => {
    const { origin, gateway } = await setup();
    origin.script('/alone', hanging);
    for (let i = 0; i < 100; i++) {
      const { socket } = sendRaw(gateway.port, request('/alone'));
      await vi.waitFor(() => expect(origin.received('/alone')).toHaveLength(i + 1), SOON);
      socket.destroy();
    }
    await vi.waitFor(() => expect(origin.received('/alone').filter(({ left }) => !left)).toHaveLength(0), SOON);
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(100), SOON);
    origin.script('/alone', { headers: HTML, body: 'ok' });
    expect((await gateway.get('/alone')).text).toBe('ok');
  });
});

describe('a slow reader', () => {
  /** More than all buffers on the way together hold. */
  const TOTAL = 96 * 1024 * 1024;
  const CHUNK = 64 * 1024;

  for (const [what, headers] of Object.entries({
    'a body that is not kept': { 'cache-control': 'no-store' },
    'a body that is too large to be kept': { 'cache-control': 'max-age=60' },
  })) {
    test(`pauses the service: ${what}`, async () => {
      const { origin, gateway } = await setup({ limits: { pageSize: '1mb' } });
      origin.script('/big', {
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body: (function* () {
          for (let sent = 0; sent < TOTAL; sent += CHUNK) yield new Uint8Array(CHUNK);
        })(),
      });
      const socket = connect({ host: '127.0.0.1', port: gateway.port });
      let received = 0;
      socket.on('data', (chunk) => {
        received += chunk.length;
      });
      socket.pause();
      socket.write('GET /big HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      await vi.waitFor(() => expect(origin.received('/big')[0]?.sent).toBeGreaterThan(0), SOON);
      // The origin has stopped when what it sent does not grow any more.
      let sent = -1;
      await vi.waitFor(
        () => {
          const now = origin.received('/big')[0]!.sent;
          const grows = now !== sent;
          sent = now;
          expect(grows).toBe(false);
        },
        { timeout: 8_000, interval: 300 },
      );
      expect(sent).toBeLessThan(TOTAL / 2);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await closed;
      expect(received).toBeGreaterThan(TOTAL);
      expect(origin.received('/big')[0]?.answered).toBe(true);
    });
  }
});
