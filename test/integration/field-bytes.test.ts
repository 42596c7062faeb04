import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' };
let origin: Origin;
let gateway: TestGateway;
const clock = { now: 0 };
const date = () => new Date(clock.now).toUTCString();

beforeEach(async () => {
  clock.now = Date.parse('2026-11-23T12:00:00Z');
  origin = await startOrigin();
  gateway = await startGateway(
    { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } },
    () => clock.now,
  );
});

afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

test('a 304 does not make the weak tag of a decoded body strong again', async () => {
  origin.script('/page', {
    headers: { ...ESI, 'cache-control': 'max-age=10', date: date() },
    body: '<esi:include src="/part"/>',
  });
  origin.script('/part', (request) => ({
    headers: {
      'content-type': 'text/html',
      'content-encoding': 'gzip',
      etag: '"v1"',
      'cache-control': 'max-age=10',
      date: date(),
    },
    ...(request.field('if-none-match') === undefined ? { body: gzipSync('the part') } : { status: 304 }),
  }));
  expect((await gateway.get('/page')).text).toBe('the part');
  const first = await gateway.get('/part');
  expect({ text: first.text, etag: first.headers.etag }).toEqual({ text: 'the part', etag: 'W/"v1"' });
  clock.now += 11_000;
  const { text, headers } = await gateway.get('/part');
  expect(text).toBe('the part');
  expect(headers.etag).toBe('W/"v1"');
});

test('a decoded body whose tag a 304 made strong is not mixed with coded bytes by If-Range', async () => {
  origin.script('/page', {
    headers: { ...ESI, 'cache-control': 'max-age=10', date: date() },
    body: '<esi:include src="/part"/>',
  });
  origin.script('/part', (request) => ({
    headers: {
      'content-type': 'text/html',
      'content-encoding': 'gzip',
      etag: '"v1"',
      'cache-control': 'max-age=10',
      date: date(),
    },
    ...(request.field('if-none-match') === undefined ? { body: gzipSync('the part') } : { status: 304 }),
  }));
  await gateway.get('/page');
  clock.now += 11_000;
  await gateway.get('/page');
  const { status } = await gateway.get('/part', { headers: { range: 'bytes=4-', 'if-range': '"v1"' } });
  expect(status).toBe(200);
});

test.each([
  ['x-name', 'voilà'],
  ['location', '/caf\u00e9/voilà'],
])('the bytes of a field value of a service arrive as they are: %s', async (name, value) => {
  const latin1 = Buffer.from(value, 'utf8').toString('latin1');
  origin.script('/raw', {
    raw: `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${name}: ${latin1}\r\n\r\nok`,
  });
  const { headers } = await gateway.get('/raw');
  expect(headers[name]).toBe(latin1);
});
