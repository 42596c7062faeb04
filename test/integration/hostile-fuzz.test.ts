import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ask, cleanups, ESI, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { createRandom, type Random } from '../support/random.ts';
import { startWireOrigin } from '../support/wire-origin.ts';

// Requests and answers that are wrong in ways nobody thought of: what is right, changed at random from a fixed seed.
// Nothing may crash, nothing may be answered that is no HTTP, and in the end nothing may be left: no connection, no memory.

const stack = cleanups();
afterEach(stack.run);

const SOON = { timeout: 10_000, interval: 20 };
const RUNS = 1_000 * Number(process.env.INLAY_FUZZ ?? 1);
const MB = 1024 ** 2;

/** What stands where a parser decides: bytes, lengths, codings, directives. */
const TOKENS = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    '\x0b',
    '\x7f',
    '\x80',
    '\xff',
    ':',
    ';',
    ',',
    '=',
    '"',
    '%',
    '\\',
    '/',
    '//',
    '?',
    '#',
    '@',
    '*',
    '<',
    '>',
    '..',
    '%2e%2e%2f',
    '%00',
    '%0d%0a',
  ],
  ...['0', '-1', '+1', '0x10', '1e3', '18446744073709551616', 'ffffffffffffffff', '9'.repeat(400)],
  ...[
    'content-length: 5\r\n',
    'content-length: 0\r\n',
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: x\r\n',
    'connection: close\r\n',
    'connection: host, content-length\r\n',
    'expect: 100-continue\r\n',
    'upgrade: h2c\r\n',
    'host: b\r\n',
    'range: bytes=0-0,1-\r\n',
    'if-none-match: *\r\n',
    'content-encoding: gzip\r\n',
    'vary: *\r\n',
    'set-cookie: a=1\r\n',
    'age: -1\r\n',
    'etag: W/"\r\n',
    'cookie: a=";b\r\n',
  ],
  ...[
    'GET ',
    'POST ',
    'HEAD ',
    'HTTP/1.0',
    'HTTP/2.0',
    'HTTP/1.1 100 x\r\n\r\n',
    'HTTP/1.1 204 x\r\n',
    '304',
    '206',
    '999',
    '000',
  ],
  ...[
    '<esi:include src="/f"/>',
    '<esi:',
    '</esi:try>',
    '<!--esi ',
    '-->',
    '$(HTTP_COOKIE{',
    '<esi:vars>',
    '{"esi:include":',
    '[[[[[[',
  ],
];

/** Those that break no line. */
const WORDS = TOKENS.filter((token) => !/[\r\n\0\x0b\x7f]/.test(token));

/** Some text with {@link WORDS} inside its target, its values or its body: a message that still is one, and says something else. */
function bend(text: string, random: Random): string {
  let bent = text;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const places = [...bent.matchAll(/(?<=\/|: |[?&=;,"<>])(?=[\w"*./<-])(?!1\.1)/g)].map(({ index }) => index);
    const at = random.pick(places);
    bent = bent.slice(0, at) + random.pick(WORDS) + bent.slice(at + random.below(3));
  }
  return bent;
}

/** Some text with one to six changes: bytes flipped, cut out, repeated, moved, or replaced by {@link TOKENS}. */
function mutate(text: string, random: Random): string {
  if (random.chance(0.6)) return bend(text, random);
  const token = () => random.pick(TOKENS);
  let mutated = text;
  for (let changes = 1 + random.below(6); changes > 0; changes--) {
    const at = random.below(mutated.length + 1);
    const end = Math.min(mutated.length, at + random.below(40));
    const [before, piece, after] = [mutated.slice(0, at), mutated.slice(at, end), mutated.slice(end)];
    const insert = random.pick([
      () => piece.slice(1),
      () => '',
      () => token() + piece,
      () => token(),
      () => piece.repeat(1 + random.below(4)),
      () => String.fromCharCode(random.below(256)) + piece.slice(1),
      () => piece + mutated.slice(random.below(mutated.length + 1)).slice(0, random.below(60)),
      () => piece.toUpperCase(),
    ]);
    mutated = before + insert() + after;
  }
  return random.chance(0.1) ? mutated.slice(0, random.below(mutated.length)) : mutated;
}

const REQUESTS = [
  'GET /page?a=1&b=2 HTTP/1.1\r\nhost: a\r\naccept: text/html\r\ncookie: sid=1; b="2"\r\nconnection: close\r\n\r\n',
  'POST /x HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
  'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nx-trailer: 1\r\n\r\n',
  'HEAD /page HTTP/1.1\r\nhost: a\r\nif-none-match: "1", W/"2"\r\nif-modified-since: Thu, 01 Jan 1970 00:00:00 GMT\r\nconnection: close\r\n\r\n',
  'GET /kept HTTP/1.1\r\nhost: a.example:8080\r\nrange: bytes=0-3\r\ncache-control: max-age=0, no-cache, max-stale=5\r\nconnection: close, x-a\r\nx-a: 1\r\n\r\n',
  'GET /page HTTP/1.1\r\nhost: a\r\nconnection: keep-alive\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx-request-id: abcdefgh\r\ncdn-loop: x\r\nvia: 1.1 y\r\n\r\nGET /kept HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  'PUT /kept HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
  'OPTIONS * HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.2.3.4\r\nforwarded: for=1\r\nconnection: close\r\n\r\n',
];

const gzipped = gzipSync('<p>coded</p>').toString('latin1');
const PAGE = 'content-type: text/html\r\nsurrogate-control: content="ESI/1.0"\r\n';
const MARKUP =
  '<esi:vars>$(QUERY_STRING{a})</esi:vars><esi:include src="/f" onerror="continue"/><esi:try><esi:attempt>a</esi:attempt><esi:except>b</esi:except></esi:try>';
const JSON_BODY = '{"a":{"esi:include":{"src":"/f"}},"b":[1,2.5e3,"x"]}';
const sized = (fields: string, body: string) =>
  `HTTP/1.1 200 OK\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`;
const ANSWERS = [
  sized(`${PAGE}cache-control: max-age=60, stale-while-revalidate=5\r\netag: "1"\r\n`, MARKUP),
  `HTTP/1.1 200 OK\r\n${PAGE}transfer-encoding: chunked\r\n\r\n14;a=b\r\n<esi:include src="/f\r\nc\r\n" alt="/g"/>b\r\n0\r\nx-trailer: 1\r\n\r\n`,
  sized(
    'content-type: application/json\r\nsurrogate-control: content="ESI/1.0", max-age=5\r\nvary: accept, cookie\r\n',
    JSON_BODY,
  ),
  sized(
    'content-type: text/html\r\ncontent-encoding: gzip\r\ncache-control: s-maxage=60\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nage: 3\r\n',
    gzipped,
  ),
  sized(`${PAGE}content-encoding: gzip\r\n`, gzipped),
  'HTTP/1.1 206 Partial\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/5\r\ncontent-length: 2\r\ncache-control: max-age=60\r\n\r\nab',
  'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncache-control: max-age=60\r\nset-cookie: a=1\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nlocation: /b\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n',
  `HTTP/1.0 200 OK\r\ncontent-type: text/html\r\nexpires: Fri, 01 Jan 2100 00:00:00 GMT\r\nlast-modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nsurrogate-key: a b c\r\n\r\n${MARKUP}`,
];

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, and file descriptors, when everything that can go is gone. */
async function atRest(): Promise<{ bytes: number; descriptors: number }> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return { bytes: heapUsed + external, descriptors: readdirSync('/proc/self/fd').length };
}

/** Runs a task for each of 0 … count - 1, some at once. */
async function each(count: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

const limits = { headTimeout: '500ms', pageTimeout: '700ms', fragmentTimeout: '300ms' } as const;

describe(`${RUNS} requests changed at random`, () => {
  test('crash nothing, smuggle nothing, and leave nothing behind', { timeout: 60_000 }, async () => {
    const origin = stack.add(await startOrigin());
    const gateway = stack.add(await startGateway({ services: { web: origin.url }, limits, cache: { maxSize: '1mb' } }));
    origin.script('*', { headers: { 'content-type': 'text/plain' }, body: 'ok' });
    origin.script('/page', { headers: { ...ESI, 'cache-control': 'max-age=1' }, body: MARKUP });
    origin.script('/kept', {
      headers: { 'content-type': 'text/plain', 'cache-control': 'max-age=60', etag: '"1"' },
      body: 'kept',
    });
    const random = createRandom(20_260_101);
    const one = async (i: number): Promise<void> => {
      const bytes = mutate(REQUESTS[i % REQUESTS.length]!, random);
      const { socket, closed, text } = sendRaw(gateway.port, bytes);
      // Whoever awaits a body is told that there is none; what is whole has been answered by then.
      const patience = setTimeout(() => socket.end(), 150);
      await Promise.race([
        closed,
        vi.waitFor(() => expect(text()).not.toBe(''), { timeout: 150, interval: 10 }).catch(() => undefined),
      ]);
      socket.end();
      const answer = await closed;
      clearTimeout(patience);
      expect([bytes, answer === '' || /^HTTP\/1\.1 [1-5]\d\d /.test(answer)]).toEqual([bytes, true]);
      expect([bytes, /^HTTP\/1\.1 500 |\bat .*\.[jt]s:\d/m.test(answer)]).toEqual([bytes, false]);
    };
    await each(200, one); // what is only ever made once
    const before = await atRest();
    await each(RUNS, one);
    expect(await gateway.get('/kept')).toMatchObject({ status: 200, text: 'kept' });
    expect(gateway.events.filter(({ type }) => type === 'internal')).toEqual([]);

    // Each request that the origin got is one that the gateway took for one, and says so.
    const recorded = new Set(gateway.records().map(({ requestId }) => requestId));
    for (const request of origin.requests) {
      expect(request.target.startsWith('/')).toBe(true);
      expect(recorded).toContain(request.field('x-request-id'));
      expect(request.field('host')).toBe(`127.0.0.1:${origin.port}`);
      expect(request.lines('content-length').length + request.lines('transfer-encoding').length).toBeLessThanOrEqual(1);
    }
    expect(recorded.size).toBeGreaterThan(RUNS / 4); // or all of them were refused by the parser, and nothing was tried
    (gateway.events as unknown[]).length = 0;
    (origin.requests as unknown[]).length = 0;
    await vi.waitFor(async () => {
      const after = await atRest();
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 10);
      expect(after.bytes).toBeLessThan(before.bytes + 32 * MB);
    }, SOON);
  });
});

describe(`${RUNS} answers changed at random`, () => {
  test('crash nothing, and leave nothing behind', { timeout: 60_000 }, async () => {
    const random = createRandom(20_260_102);
    const answers = Array.from({ length: RUNS + 200 }, (_, i) => mutate(ANSWERS[i % ANSWERS.length]!, random));
    const origin = stack.add(
      await startWireOrigin(({ target, end, write }) => {
        const number = Number(/^\/(\d+)/.exec(target)?.[1] ?? -1);
        const bytes = answers[number] ?? sized('content-type: text/html\r\n', '<p>fragment</p>');
        // Half of them end a while after their bytes: what is missing then is awaited for a while.
        if (number % 2 === 0) return end(bytes);
        write(bytes);
        setTimeout(end, 20);
      }),
    );
    const gateway = stack.add(await startGateway({ services: { web: origin.url }, limits, cache: { maxSize: '1mb' } }));
    let [told, whole] = [0, 0];
    const one = async (i: number): Promise<void> => {
      const method = i % 7 === 0 ? 'HEAD' : 'GET';
      for (const headers of [{}, { 'if-none-match': '"1"', range: 'bytes=0-1' }]) {
        const { status, complete, headers: got, rawHeaders } = await ask(gateway.port, `/${i}`, { method, headers });
        expect([answers[i], status >= 200 && status < 1_000]).toEqual([answers[i], true]);
        expect([answers[i], status]).not.toEqual([answers[i], 500]);
        expect(
          rawHeaders.filter((name, n) => n % 2 === 0 && /^content-length$/i.test(name)).length,
        ).toBeLessThanOrEqual(1);
        if (got['x-request-id'] !== undefined) told++;
        if (complete && status < 500) whole++;
      }
    };
    await each(200, (i) => one(RUNS + i));
    const before = await atRest();
    await each(RUNS, one);
    expect(told).toBe((RUNS + 200) * 2);
    expect(whole).toBeGreaterThan(RUNS / 2);
    expect((await gateway.get('/good')).text).toBe('<p>fragment</p>');
    expect(gateway.events.filter(({ type }) => type === 'internal')).toEqual([]);
    (gateway.events as unknown[]).length = 0;
    (origin.exchanges as unknown[]).length = 0;
    await gateway.node.idle(5_000);
    await vi.waitFor(async () => {
      const after = await atRest();
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 10);
      expect(after.bytes).toBeLessThan(before.bytes + 32 * MB);
    }, SOON);
  });
});
