import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

// Services are asked for bodies as they are; some send coded ones all the same.

const code = { br: brotliCompressSync, gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync } as const;
let origin: Origin;
let gateway: TestGateway;

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web', '/raw/*': { service: 'web', esi: 'off' } } } },
    limits: { fragmentSize: '1mb' },
  });
});

afterAll(async () => {
  await gateway.stop();
  await origin.stop();
});

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' };

test.each(Object.keys(code) as (keyof typeof code)[])(
  'a template and a fragment in %s are composed',
  async (coding) => {
    const coded = { 'content-encoding': coding, 'cache-control': 'max-age=60', etag: '"coded"' };
    const template = `<esi:include src="/part-${coding}"/>!`;
    origin.script(`/page-${coding}`, { headers: { ...ESI, ...coded }, body: code[coding](Buffer.from(template)) });
    origin.script(`/part-${coding}`, { headers: coded, body: code[coding](Buffer.from('part')) });
    for (let i = 0; i < 4; i++) {
      const { text, headers } = await gateway.get(`/page-${coding}`);
      expect(text).toBe('part!');
      expect(headers['content-encoding']).toBeUndefined();
    }
    expect(origin.received(`/page-${coding}`)).toHaveLength(1);
    // The very URL of the fragment, asked for as a page: what is stored is the decoded body, whose tag can only be weak.
    const { text, headers } = await gateway.get(`/part-${coding}`);
    expect({ text, etag: headers.etag, length: headers['content-length'] }).toEqual({
      text: 'part',
      etag: 'W/"coded"',
      length: '4',
    });
  },
);

test('what is not composed is passed on as it is coded', async () => {
  const body = gzipSync('plain');
  origin.script('/plain', { headers: { 'content-encoding': 'gzip', etag: '"g"' }, body });
  const { latin1, headers } = await gateway.get('/plain');
  expect(Buffer.from(latin1, 'latin1')).toEqual(body);
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', etag: '"g"' });
});

test('a fragment that grows beyond its limit, or a hundredfold, has failed', async () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const page = (body: string) => origin.script('/bomb', { headers: ESI, body });
  for (const [coding, body] of [
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
  ] as const) {
    const name = coding.replace(', ', '-');
    origin.script(`/zeros-${name}`, { headers: { 'content-encoding': coding }, body });
    page(`before <esi:include src="/zeros-${name}" onerror="continue"/>after`);
    const { text, status } = await gateway.get('/bomb');
    expect({ status, text }).toEqual({ status: 200, text: 'before after' });
    expect(gateway.records().at(-1)!.errors).toEqual([expect.stringContaining('upstream-too-large')]);
  }
});

test('a body in a coding that nobody knows, or in three, is no fragment', async () => {
  for (const coding of ['lzma', 'gzip, gzip, gzip']) {
    origin.script('/odd', { headers: { 'content-encoding': coding }, body: 'x' });
    origin.script('/odd-page', { headers: ESI, body: '<esi:include src="/odd" onerror="continue"/>ok' });
    expect((await gateway.get('/odd-page')).text).toBe('ok');
    expect(gateway.records().at(-1)!.errors).toEqual([expect.stringContaining('upstream-encoding')]);
  }
});

test('services are asked for identity, but where nothing is composed for what the client accepts', async () => {
  origin.script('*', { headers: { vary: 'accept-encoding' }, body: 'x' });
  const headers = { 'accept-encoding': 'br;q=0.5, gzip' };
  await gateway.get('/any', { headers });
  await gateway.get('/raw/any', { headers });
  expect(origin.received('/any')[0]!.field('accept-encoding')).toBe('identity');
  expect(origin.received('/raw/any')[0]!.field('accept-encoding')).toBe('br;q=0.5, gzip');
});
