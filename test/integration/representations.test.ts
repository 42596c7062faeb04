import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
  });
});
afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

test('a HEAD without validators does not change the type of a stored body', async () => {
  origin.script('/page', (request) => ({
    headers: {
      'content-type': 'text/html',
      'cache-control': 'max-age=60',
      ...(request.method === 'HEAD' ? { 'content-type': 'text/plain', 'content-disposition': 'attachment' } : {}),
    },
    body: ['text'],
  }));
  await gateway.get('/page');
  await gateway.get('/page', { method: 'HEAD', headers: { 'cache-control': 'no-cache' } });
  expect((await gateway.get('/page')).headers['content-type']).toBe('text/html');
});

test('pipelined requests whose client is gone are given up', async () => {
  origin.script('/slow', { hang: true });
  const raw = sendRaw(
    gateway.port,
    'GET /slow?1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /slow?2 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /slow?3 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n',
  );
  await vi.waitFor(() => expect(origin.received('/slow')).toHaveLength(3), { timeout: 2_000, interval: 5 });
  raw.socket.destroy();
  await vi.waitFor(() => expect(origin.received('/slow').map(({ left }) => left)).toEqual([true, true, true]), {
    timeout: 3_000,
    interval: 10,
  });
});

test('the validator of a page that no HEAD of its service has is the one of its body: a later GET in part is consistent', async () => {
  let version = 1;
  origin.script('/v', () => ({
    headers: { 'content-type': 'text/plain', 'cache-control': 'max-age=60', etag: `"${version}"` },
    body: [`v${version}`],
  }));
  await gateway.get('/v');
  version = 2;
  await gateway.get('/v', { method: 'HEAD', headers: { 'cache-control': 'no-cache' } });
  const { text, headers } = await gateway.get('/v');
  expect({ text, etag: headers.etag }).toEqual({ text: 'v2', etag: '"2"' });
});

test('a page whose parts are behind a trusted proxy is kept, too', async () => {
  const trusting = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
    trustedPeers: ['127.0.0.1'],
  } as never);
  origin.script('/page', { headers: ESI, body: '<h1>page</h1>' });
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.example', 'x-forwarded-for': '192.0.2.1' };
  for (let i = 0; i < 6; i++) await trusting.get('/page', { headers });
  const reason = trusting.records().at(-1)?.reason;
  await trusting.stop();
  expect(reason).toBe('hit, kept assembled');
});
