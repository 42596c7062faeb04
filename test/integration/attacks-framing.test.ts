import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { answerTo, attacked } from '../support/raw-client.ts';
import { startWireOrigin, type WireExchange } from '../support/wire-origin.ts';

// Attacks on where a message ends. framing.test.ts has the plain ones; here are
// two lengths and odd transfer codings            "a request whose length is in doubt"
// chunk lines, their extensions, trailers         "chunks", "a trailer"
// a service's connection that is owed a body      "a connection to a service"
// bodies where none belong (HEAD, a hit)          "a body that nobody reads"
// Upgrade, h2c, CONNECT, HTTP/2, Expect           "another protocol", "Expect"
// names longer than the head may be               "a field name"
// What services answer is in attacks-answers.test.ts.

const stack = cleanups();
afterEach(stack.run);

const SOON = { timeout: 5_000, interval: 5 };
const OK = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok';

async function setup() {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
  origin.script('*', { headers: { 'content-type': 'text/plain' }, body: 'ok' });
  return { origin, gateway };
}

async function setupRaw(answer: (exchange: WireExchange) => unknown) {
  const origin = stack.add(await startWireOrigin(answer));
  const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
  return { origin, gateway };
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';
const post = (lines: string, body = '') => `POST /x HTTP/1.1\r\nhost: a\r\n${lines}\r\n\r\n${body}`;

describe('a request whose length is in doubt', () => {
  const chunkedSmuggle = `0\r\n\r\n${SMUGGLED}`;
  const doubtful: Record<string, string> = {
    'a length and chunks': post(`content-length: 5\r\ntransfer-encoding: chunked`, chunkedSmuggle),
    'chunks and a length': post(`transfer-encoding: chunked\r\ncontent-length: 5`, chunkedSmuggle),
    'chunks and a length of 0': post(`transfer-encoding: chunked\r\ncontent-length: 0`, chunkedSmuggle),
    'chunked twice': post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', chunkedSmuggle),
    'chunked, chunked': post('transfer-encoding: chunked, chunked', chunkedSmuggle),
    'chunked, identity': post('transfer-encoding: chunked, identity', chunkedSmuggle),
    'chunked and then identity': post('transfer-encoding: chunked\r\ntransfer-encoding: identity', chunkedSmuggle),
    'gzip alone': post('transfer-encoding: gzip', chunkedSmuggle),
    xchunked: post('transfer-encoding: xchunked', chunkedSmuggle),
    'chunked in quotes': post('transfer-encoding: "chunked"', chunkedSmuggle),
    'chunked after a vertical tab': post('transfer-encoding: \x0bchunked', chunkedSmuggle),
    'chunked with a NUL': post('transfer-encoding: chunked\0', chunkedSmuggle),
    'chunked on a folded line': post('transfer-encoding:\r\n chunked', chunkedSmuggle),
    'a blank before the colon': post('transfer-encoding : chunked', chunkedSmuggle),
    'a line that ends with a carriage return alone': post(
      'x: 1\rtransfer-encoding: chunked\r\ncontent-length: 5',
      chunkedSmuggle,
    ),
    'a line that ends with a line feed alone': post('x: 1\ntransfer-encoding: chunked', chunkedSmuggle),
    'two lengths': post('content-length: 0\r\ncontent-length: 44', SMUGGLED),
    'twice the same length': post('content-length: 2\r\ncontent-length: 2', `ok${SMUGGLED}`),
    'a list of lengths': post('content-length: 2, 2', `ok${SMUGGLED}`),
    'two numbers for a length': post('content-length: 2 2', `ok${SMUGGLED}`),
    'a negative length': post('content-length: -1', SMUGGLED),
    'a signed length': post('content-length: +2', `ok${SMUGGLED}`),
    'a hexadecimal length': post('content-length: 0x2', `ok${SMUGGLED}`),
    'a length with a fraction': post('content-length: 2.0', `ok${SMUGGLED}`),
    'a length that overflows': post('content-length: 18446744073709551618', `ok${SMUGGLED}`),
    'an empty length': post('content-length: ', SMUGGLED),
    'chunks in HTTP/1.0': `POST /x HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n${chunkedSmuggle}`,
    'a name with a control character': post('content-length\x01: 2\r\ntransfer-encoding: chunked', chunkedSmuggle),
    'a field without a colon': post('content-length 2\r\ntransfer-encoding: chunked', chunkedSmuggle),
    'a blank before the first field': `POST /x HTTP/1.1\r\n host: a\r\ntransfer-encoding: chunked\r\n\r\n${chunkedSmuggle}`,
  };
  for (const [how, bytes] of Object.entries(doubtful)) {
    test(`by ${how} is answered 400 at most, and what follows it is no request`, async () => {
      const { origin, gateway } = await setup();
      const { statuses } = await answerTo(gateway, bytes);
      expect(statuses.filter((status) => status !== 400)).toEqual([]);
      expect(statuses.length).toBeLessThanOrEqual(1);
      expect(attacked(origin)).toEqual([]);
    });
  }

  test('by an underscore in its name has the length that the dashed one says', async () => {
    const { origin, gateway } = await setup();
    await answerTo(gateway, post('content_length: 3\r\ntransfer_encoding: chunked\r\ncontent-length: 5', 'hello'));
    expect(attacked(origin).map(({ target, body }) => [target, body])).toEqual([['/x', 'hello']]);
    expect(attacked(origin)[0]!.rawHeaders.filter((name) => name.toLowerCase() === 'transfer-encoding')).toEqual([]);
  });
});

describe('chunks', () => {
  const chunked = (body: string) => post('transfer-encoding: chunked', body);
  const malformed: Record<string, string> = {
    'a size that is none': chunked(`xyz\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'a size in 0x': chunked(`0x2\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'a negative size': chunked(`-2\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'a blank before the size': chunked(` 2\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'a size that overflows': chunked(`10000000000000002\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'no line end after the data': chunked(`2\r\nok0\r\n\r\n${SMUGGLED}`),
    'more data than the size': chunked(`2\r\nokay\r\n0\r\n\r\n${SMUGGLED}`),
    'a size line that ends with a line feed alone': chunked(`2\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'a size line that ends with a carriage return alone': chunked(`2\rok\r\n0\r\n\r\n${SMUGGLED}`),
    'an extension with a line feed in it': chunked(`2;a\nxx\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'an extension with a NUL in it': chunked(`2;a\0b\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'an empty size line': chunked(`\r\nok\r\n0\r\n\r\n${SMUGGLED}`),
    'no last chunk': chunked('2\r\nok\r\n'),
    'a last chunk that is cut': chunked('2\r\nok\r\n0\r\n'),
  };
  for (const [how, bytes] of Object.entries(malformed)) {
    test(`with ${how} are never a whole body, and what follows them is no request`, async () => {
      const { origin, gateway } = await setup();
      const { statuses } = await answerTo(gateway, bytes);
      expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
      expect(attacked(origin).filter(({ answered, target }) => answered || target !== '/x')).toEqual([]);
    });
  }

  test('with an extension without end are refused', async () => {
    const { origin, gateway } = await setup();
    const long = await answerTo(gateway, chunked(`2;${'x'.repeat(20_000)}\r\nok\r\n0\r\n\r\n`));
    expect(long.statuses.filter((status) => status < 400)).toEqual([]);
    expect(attacked(origin).filter(({ answered }) => answered)).toEqual([]);
  });

  test('reach the service with framing of the gateway’s own', async () => {
    const { origin, gateway } = await setupRaw(({ write }) => write(OK));
    await answerTo(gateway, chunked('1;a=b\r\no\r\n01\r\nk\r\n0;c\r\nx-trailer: 1\r\n\r\n'));
    await vi.waitFor(() => expect(origin.received(1)).toMatch(/ok|k\r\n0\r\n\r\n$/), SOON);
    expect(origin.received(1)).not.toMatch(/a=b|;c|x-trailer/);
  });
});

describe('a trailer', () => {
  test('of a request is no field of it, and one too large is refused', async () => {
    const { origin, gateway } = await setup();
    const trailers = 'host: evil\r\nauthorization: Basic x\r\nx-forwarded-for: 6.6.6.6\r\n';
    await answerTo(gateway, post('trailer: authorization\r\ntransfer-encoding: chunked', `0\r\n${trailers}\r\n`));
    expect(attacked(origin)).toHaveLength(1);
    expect(attacked(origin)[0]!.field('authorization')).toBeUndefined();
    expect(attacked(origin)[0]!.field('x-forwarded-for')).toBe('127.0.0.1');
    const { statuses } = await answerTo(
      gateway,
      post('transfer-encoding: chunked', `0\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    );
    expect(statuses.filter((status) => status < 400)).toEqual([]);
  });
});

describe('a connection to a service', () => {
  test('that answered before it had the whole request is not used for another', async () => {
    const { origin, gateway } = await setupRaw(({ method, write }) =>
      write(method === 'POST' ? 'HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno' : OK),
    );
    const { socket, text } = sendRaw(gateway.port, post('content-length: 100', 'half'));
    await vi.waitFor(() => expect(text()).toContain(' 413 '), SOON);
    expect((await gateway.get('/next')).text).toBe('ok');
    expect(origin.exchanges.map(({ connection }) => connection)).toEqual([1, 2]);
    socket.destroy();
    await vi.waitFor(() => expect(origin.open).toBeLessThanOrEqual(1), SOON);
  });

  test('that is owed a body by a client who left is closed', async () => {
    const { origin, gateway } = await setupRaw(({ method, write }) => method === 'GET' && write(OK));
    const { socket } = sendRaw(gateway.port, post('content-length: 100', 'half'));
    await vi.waitFor(() => expect(origin.received(1)).toContain('half'), SOON);
    socket.destroy();
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
    expect((await gateway.get('/next')).text).toBe('ok');
    expect(origin.exchanges.at(-1)?.connection).toBe(2);
  });

  test('that is owed a body which turns out too large is closed', async () => {
    const { origin, gateway } = await setupRaw(({ method, write }) => method === 'GET' && write(OK));
    const body = (async function* () {
      for (let i = 0; i < 40; i++) yield Buffer.alloc(65_536);
    })();
    expect((await gateway.get('/x', { method: 'POST', body })).status).toBe(413);
    expect((await gateway.get('/next')).text).toBe('ok');
    expect(origin.exchanges.at(-1)?.connection).not.toBe(1);
    await vi.waitFor(() => expect(origin.open).toBe(1), SOON);
  });

  test('that says more than its answer is not used for another', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\npoison';
    const { gateway } = await setupRaw(({ target, write }) => write(target === '/x' ? OK + poison : OK));
    const first = await gateway.get('/x');
    expect(first.text === 'ok' || !first.complete || first.status === 502).toBe(true);
    for (let i = 0; i < 5; i++) expect(await gateway.get(`/next?${i}`)).toMatchObject({ status: 200, text: 'ok' });
  });

  test('that speaks without having been asked is not believed', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\npoison';
    const { origin, gateway } = await setupRaw(({ write }) => write(OK));
    expect((await gateway.get('/1')).text).toBe('ok');
    origin.exchanges[0]!.write(poison);
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
    expect((await gateway.get('/2')).text).toBe('ok');
    expect(origin.exchanges.map(({ connection }) => connection)).toEqual([1, 2]);
  });
});

describe('a body that nobody reads', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('of a %s is not taken for the next request', async (method) => {
    const { origin, gateway } = await setup();
    const bytes = `${method} /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`;
    await answerTo(gateway, bytes);
    expect(attacked(origin).map(({ target }) => target)).toEqual(['/x']);
    if (method === 'GET' || method === 'HEAD') expect(attacked(origin)[0]!.body).toBe('');
  });

  test.each(['GET', 'HEAD'])(
    'of a %s that is answered from the cache is not taken for the next one',
    async (method) => {
      const { origin, gateway } = await setup();
      origin.script('/x', { headers: { 'content-type': 'text/plain', 'cache-control': 'max-age=60' }, body: 'kept' });
      await gateway.get('/x');
      const ask = `${method} /x HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\n`;
      const { statuses } = await answerTo(
        gateway,
        `${ask}content-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}${ask}connection: close\r\n\r\n`,
      );
      const chunks = await answerTo(
        gateway,
        `${ask}transfer-encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n${ask}connection: close\r\n\r\n`,
      );
      for (const got of [statuses, chunks.statuses]) expect(got).toEqual([200, 200]);
      expect(attacked(origin).map(({ target }) => target)).toEqual(['/x']);
    },
  );

  test('of a request that is refused is not taken for the next one', async () => {
    const { origin, gateway } = await setup();
    const { statuses } = await answerTo(
      gateway,
      `POST /../x HTTP/1.1\r\nhost: a\r\ncontent-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    );
    expect(statuses).toEqual([400]);
    expect(attacked(origin)).toEqual([]);
  });
});

describe('another protocol', () => {
  const UPGRADES = {
    websocket: 'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n',
    h2c: 'upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n',
    'TLS/1.0': 'upgrade: TLS/1.0\r\nconnection: upgrade\r\n',
  };
  for (const [protocol, lines] of Object.entries(UPGRADES)) {
    test(`is not changed to by an Upgrade: ${protocol}, nor told to the service`, async () => {
      const { origin, gateway } = await setup();
      const { text } = await answerTo(gateway, `GET /x HTTP/1.1\r\nhost: a\r\n${lines}\r\n${SMUGGLED}`);
      expect(text).not.toMatch(/^HTTP\/1\.1 101/m);
      for (const request of attacked(origin))
        expect([request.field('upgrade'), request.field('http2-settings')]).toEqual([undefined, undefined]);
    });
  }

  test('that a service changes to is a broken answer', async () => {
    const { origin, gateway } = await setupRaw(({ write }) =>
      write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw bytes'),
    );
    const { status } = await gateway.get('/x');
    expect(status).toBe(502);
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
  });

  test('is not HTTP/2, told or known in advance', async () => {
    const { origin, gateway } = await setup();
    const { statuses } = await answerTo(gateway, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    expect(attacked(origin)).toEqual([]);
  });

  test.each([
    'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n',
    'CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: a\r\n\r\n',
    'GET /x\r\n\r\n',
    'GET /x HTTP/0.9\r\n\r\n',
    'GET /x HTTP/3.0\r\nhost: a\r\n\r\n',
    'GET /x HTTP/1.10\r\nhost: a\r\n\r\n',
    'GET /x http/1.1\r\nhost: a\r\n\r\n',
    'GET /x HTTP/1.1 \r\nhost: a\r\n\r\n',
    'GET\t/x\tHTTP/1.1\r\nhost: a\r\n\r\n',
    'GET /a b HTTP/1.1\r\nhost: a\r\n\r\n',
    'get /x HTTP/1.1\r\nhost: a\r\n\r\n',
    'FOO /x HTTP/1.1\r\nhost: a\r\n\r\n',
    '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    'EHLO a\r\n\r\n',
  ])('is not %j either', async (bytes) => {
    const { origin, gateway } = await setup();
    const { statuses } = await answerTo(gateway, bytes);
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    expect(attacked(origin)).toEqual([]);
  });
});

describe('Expect', () => {
  test('is answered by the gateway, and not told to the service', async () => {
    const { origin, gateway } = await setup();
    const { socket, text, closed } = sendRaw(
      gateway.port,
      post('expect: 100-continue\r\ncontent-length: 5\r\nconnection: close'),
    );
    await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1\.1 100 /), SOON);
    socket.write('hello');
    expect(await closed).toMatch(/HTTP\/1\.1 200 /);
    expect(attacked(origin)[0]).toMatchObject({ body: 'hello' });
    expect(attacked(origin)[0]!.field('expect')).toBeUndefined();
  });

  test('of anything else is 417, and of a GET changes nothing about what follows', async () => {
    const { origin, gateway } = await setup();
    const other = await answerTo(gateway, post('expect: gold\r\ncontent-length: 5', 'hello'));
    expect(other.statuses).toEqual([417]);
    expect(attacked(origin)).toEqual([]);
    await answerTo(gateway, `GET /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n`);
    expect(attacked(origin).map(({ target }) => target)).toEqual(['/x']);
    expect(attacked(origin)[0]!.field('expect')).toBeUndefined();
  });
});

describe('a field name', () => {
  test('just as long as the head may be arrives whole, and one longer is refused, never cut', async () => {
    const { origin, gateway } = await setup();
    const names: number[] = [];
    for (const length of [8_000, 15_000, 16_300, 16_384, 16_500, 65_536 + 6]) {
      const name = `x${'y'.repeat(length - 1)}`;
      await answerTo(gateway, `GET /x HTTP/1.1\r\nhost: a\r\n${name}: 1\r\nconnection: close\r\n\r\n`);
      const [request] = attacked(origin).slice(names.length);
      if (request === undefined) continue;
      names.push(length);
      expect(request.field(name)).toBe('1');
    }
    expect(names[0]).toBe(8_000);
    expect(names.at(-1)).toBeLessThanOrEqual(16_384);
  });
});
