import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, startGateway } from '../support/gateway.ts';
import { answerTo } from '../support/raw-client.ts';
import { startWireOrigin, type WireExchange } from '../support/wire-origin.ts';

// Answers that no HTTP server would send: broken lengths, chunks, heads and statuses, more than was asked for, and answers
// where none may have a body. failures.test.ts has fragments that break off, attacks-framing.test.ts requests.

const stack = cleanups();
afterEach(stack.run);

const SOON = { timeout: 5_000, interval: 5 };
const OK = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok';
const STORED = 'content-type: text/plain\r\ncache-control: max-age=60\r\n';

async function setupRaw(answer: (exchange: WireExchange) => unknown) {
  const origin = stack.add(await startWireOrigin(answer));
  const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
  return { origin, gateway };
}

describe('an answer', () => {
  const chunks = (lines: string, body: string) => `HTTP/1.1 200 OK\r\n${STORED}${lines}\r\n\r\n${body}`;
  const broken: Record<string, string> = {
    'twice the same length, spelled differently': chunks('Content-Length: 2\r\ncontent-length: 3', 'abc'),
    'a list of lengths': chunks('content-length: 2, 3', 'abc'),
    'a negative length': chunks('content-length: -2', 'ab'),
    'a signed length': chunks('content-length: +2', 'ab'),
    'a hexadecimal length': chunks('content-length: 0x2', 'ab'),
    'a length that overflows': chunks('content-length: 18446744073709551618', 'ab'),
    'a length and chunks': chunks('content-length: 2\r\ntransfer-encoding: chunked', '2\r\nab\r\n0\r\n\r\n'),
    'chunks and a length': chunks('transfer-encoding: chunked\r\ncontent-length: 2', '2\r\nab\r\n0\r\n\r\n'),
    'chunks in chunks': chunks('transfer-encoding: chunked, chunked', '2\r\nab\r\n0\r\n\r\n'),
    'a chunk size that is none': chunks('transfer-encoding: chunked', 'xy\r\nab\r\n0\r\n\r\n'),
    'a negative chunk size': chunks('transfer-encoding: chunked', '-2\r\nab\r\n0\r\n\r\n'),
    'a chunk size that overflows': chunks('transfer-encoding: chunked', '10000000000000002\r\nab\r\n0\r\n\r\n'),
    'a chunk that is longer than its size': chunks('transfer-encoding: chunked', '1\r\nab\r\n0\r\n\r\n'),
    'a trailer without end': chunks('transfer-encoding: chunked', `2\r\nab\r\n0\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`),
    'no last chunk': chunks('transfer-encoding: chunked', '2\r\nab\r\n'),
    'half a last chunk': chunks('transfer-encoding: chunked', '2\r\nab\r\n0\r\n'),
    'a folded line': chunks('x: 1\r\n y: 2\r\ncontent-length: 2', 'ab'),
    'a blank before a colon': chunks('x : 1\r\ncontent-length: 2', 'ab'),
    'a NUL in a value': chunks('x: a\0b\r\ncontent-length: 2', 'ab'),
    'a carriage return in a value': chunks('x: a\rset-cookie: b=1\r\ncontent-length: 2', 'ab'),
    'a field without a colon': chunks('nonsense\r\ncontent-length: 2', 'ab'),
    'a control character in a name': chunks('x\x01y: 1\r\ncontent-length: 2', 'ab'),
    'more fields than a head holds': chunks(`${'x: 1\r\n'.repeat(5_000)}content-length: 2`, 'ab'),
    'a field as long as it likes': chunks(`x: ${'y'.repeat(20_000)}\r\ncontent-length: 2`, 'ab'),
    'another protocol': `HTTP/3.0 200 OK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'no protocol': `ab`,
    'a status of two digits': `HTTP/1.1 20 OK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'a status of four digits': `HTTP/1.1 2000 OK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'a status that is no number': `HTTP/1.1 2x0 OK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'a status that is none': `HTTP/1.1 000 OK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'a reason with a carriage return': `HTTP/1.1 200 O\rK\r\n${STORED}content-length: 2\r\n\r\nab`,
    'nothing but interim answers': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3),
    'a head that is cut': `HTTP/1.1 200 OK\r\n${STORED}`,
    'less than its length': chunks('content-length: 3', 'ab'),
  };
  for (const [how, bytes] of Object.entries(broken)) {
    test(`with ${how} is a 502 or visibly cut, and never stored`, async () => {
      const { origin, gateway } = await setupRaw(({ end }) => end(bytes));
      for (let i = 0; i < 2; i++) {
        const before = origin.exchanges.length;
        const { status, complete } = await gateway.get('/x');
        expect({ how, seen: status === 502 || !complete }).toEqual({ how, seen: true });
        expect(origin.exchanges.length).toBeGreaterThan(before);
      }
      await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
    });
  }

  test('says nothing to the client that its reason phrase or its odd bytes could mean', async () => {
    const reasons = ['', 'A\tB', 'caf\xe9', '%0d%0aset-cookie: a=1', '<script>alert(1)</script>'];
    for (const reason of reasons) {
      const { gateway } = await setupRaw(({ end }) =>
        end(`HTTP/1.1 200 ${reason}\r\n${STORED}x: caf\xe9 \t \x80\r\ncontent-length: 2\r\n\r\nab`),
      );
      const { statuses, text } = await answerTo(gateway, 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      expect([statuses, text.endsWith('\r\n\r\nab')]).toEqual([[200], true]);
      expect(text.split('\r\n')[0]).not.toMatch(/script|cookie/);
    }
  });

  test('of a status that nobody knows arrives, and is not stored without freshness of its own', async () => {
    for (const status of [299, 418, 499, 599, 999]) {
      const { origin, gateway } = await setupRaw(({ end }) =>
        end(`HTTP/1.1 ${status} x\r\ncontent-length: 2\r\n\r\nab`),
      );
      for (let i = 0; i < 2; i++) {
        const answered = await gateway.get('/x');
        expect([answered.status === status || answered.status === 502, answered.headers.age]).toEqual([
          true,
          undefined,
        ]);
      }
      expect(origin.exchanges).toHaveLength(2);
    }
  });

  test('to HEAD has no body, whatever the service sends after its head', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison';
    const { gateway } = await setupRaw(({ method, write }) => write(method === 'HEAD' ? OK + poison : OK));
    for (let i = 0; i < 3; i++) {
      const { text } = await answerTo(gateway, `HEAD /h?${i} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 \d{3} [\s\S]*\r\n\r\n$/);
      expect(text).not.toContain('poison');
      expect((await gateway.get(`/g?${i}`)).text).toBe('ok');
    }
  });

  test.each([204, 304])('of status %i has no body, and what is sent after it is nobody’s answer', async (status) => {
    const { gateway } = await setupRaw(({ target, write }) =>
      write(target === '/x' ? `HTTP/1.1 ${status} x\r\ncontent-length: 6\r\n\r\npoison` : OK),
    );
    expect((await gateway.get('/x')).text).not.toContain('poison');
    for (let i = 0; i < 3; i++) expect((await gateway.get(`/next?${i}`)).text).toBe('ok');
  });

  test.each([
    ['103 Early Hints', 'HTTP/1.1 103 Early Hints\r\nset-cookie: a=1\r\n\r\n'],
    ['102 Processing', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])('may be preceded by many a %s, whose fields are not its own', async (_, interim) => {
    const { gateway } = await setupRaw(({ write }) => write(interim.repeat(20) + OK));
    for (let i = 0; i < 2; i++) {
      const { status, text, complete, headers } = await gateway.get('/x');
      expect({ status, text, complete, cookie: headers['set-cookie'] }).toEqual({
        status: 200,
        text: 'ok',
        complete: true,
        cookie: undefined,
      });
    }
  });

  // RFC 9110 section 15.2.1 would have it ignored, but undici gives up the connection: a whole failure, not half an answer.
  test('after a 100 Continue that nobody asked for is a 502, and not stored', async () => {
    const { gateway } = await setupRaw(({ write }) => write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`));
    for (let i = 0; i < 2; i++) expect((await gateway.get('/x')).headers['inlay-error']).toBe('upstream-protocol');
  });

  test('has no field that only its trailer names', async () => {
    const { gateway } = await setupRaw(({ write }) =>
      write(
        `HTTP/1.1 200 OK\r\n${STORED}transfer-encoding: chunked\r\ntrailer: set-cookie\r\n\r\n2\r\nok\r\n0\r\nset-cookie: a=1\r\ncache-control: no-store\r\nx-late: 1\r\n\r\n`,
      ),
    );
    for (let i = 0; i < 2; i++) {
      const { headers, text, complete } = await gateway.get('/x');
      expect({ text, complete, late: headers['x-late'], cookie: headers['set-cookie'] }).toEqual({
        text: 'ok',
        complete: true,
        late: undefined,
        cookie: undefined,
      });
    }
  });
});
