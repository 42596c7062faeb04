import { describe, expect, test } from 'vitest';
import { fetchUpstream } from '../../src/edge/upstream.ts';
import { InlayError } from '../../src/errors.ts';
import type { UpstreamRequest } from '../../src/runtime.ts';
import { originUrl, received, script } from './origin.ts';

const HTML = { 'content-type': 'text/html' };

/** Sends a request, and tells how often its exchange was said to be over. */
async function send(path: string, more: Partial<UpstreamRequest> = {}) {
  let over = 0;
  const request = { method: 'GET', origin: originUrl, path, fields: [], headTimeout: 1_000, ...more };
  const count = () => void over++;
  const ended = () => over;
  try {
    return { ended, error: undefined, response: await fetchUpstream(request, count) };
  } catch (error) {
    return { ended, error: error as InlayError, response: undefined };
  }
}

async function bytesOf(body: AsyncIterable<Uint8Array> | undefined): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of body ?? []) bytes.push(...chunk);
  return bytes;
}

const failure = async (body: AsyncIterable<Uint8Array> | undefined): Promise<unknown> =>
  bytesOf(body).then(
    () => 'complete',
    (error: unknown) => (error instanceof InlayError ? error.code : error),
  );

describe('an answer', () => {
  test('is over once, when its body has been read', async () => {
    await script('/up/ok', { headers: HTML, body: ['one', 'two'], pause: 20 });
    const { response, ended } = await send('/up/ok');
    expect(ended()).toBe(0);
    expect(String.fromCharCode(...(await bytesOf(response?.body)))).toBe('onetwo');
    expect(ended()).toBe(1);
  });

  test('that nobody wants is over at once', async () => {
    await script('/up/unwanted', { headers: HTML, body: 'one', hang: 'body' });
    const { response, ended } = await send('/up/unwanted');
    await response?.body[Symbol.asyncIterator]().return?.();
    expect(ended()).toBe(1);
  });

  test('without a body is over with its head', async () => {
    await script('/up/none', { status: 304 });
    const { response, ended } = await send('/up/none');
    expect([response?.status, await bytesOf(response?.body), ended()]).toEqual([304, [], 1]);
  });

  test('in gzip stays as it was sent, although nobody asked for it', async () => {
    const text = 'a text that is worth compressing, compressing, compressing';
    const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    const bytes = [...new Uint8Array(await new Response(zipped).arrayBuffer())];
    const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' };
    await script('/up/gzip', { headers, latin1: true, body: String.fromCharCode(...bytes) });
    const { response } = await send('/up/gzip', { fields: ['accept-encoding', 'identity'] });
    expect(response?.fields.join()).toContain('content-encoding,gzip');
    expect(response?.fields.join()).toContain(`content-length,${bytes.length}`);
    expect(await bytesOf(response?.body)).toEqual(bytes);
    const [request] = await received('/up/gzip');
    expect(request?.rawHeaders.filter((_, i, all) => /^accept-encoding$/i.test(all[i - 1] ?? ''))).toEqual([
      'identity',
    ]);
  });

  test('costs the request no field that Inlay did not send', async () => {
    await script('/up/fields', { headers: HTML, body: '' });
    await send('/up/fields', { fields: ['x-own', '1'] });
    const [request] = await received('/up/fields');
    const names = request?.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    expect(names?.sort()).toEqual(['cf-worker', 'host', 'x-own']); // cf-worker is workerd's, and says who sends
  });
});

describe('a failure', () => {
  test.each([
    ['no head in time', { hang: true }, 'upstream-timeout'],
    ['a head in time, and no end', { headers: HTML, body: 'x', hang: 'body' }, 'upstream-timeout'],
    ['less than was promised', { headers: HTML, body: 'x', truncate: true }, 'upstream-truncated'],
  ] as const)('%s', async (name, answer, code) => {
    const path = `/up/${name.replaceAll(/\W/g, '-')}`;
    await script(path, answer);
    const { response, error, ended } = await send(path, { headTimeout: 100, totalTimeout: 200 });
    expect(error?.code ?? (await failure(response?.body))).toBe(code);
    expect(ended()).toBe(1);
  });

  test('nobody listens', async () => {
    const { error, ended } = await send('/', { origin: 'http://127.0.0.1:1' });
    expect([error?.code, ended()]).toEqual(['upstream-unreachable', 1]);
  });

  test('whoever asked has left, before the head and after it', async () => {
    await script('/up/slow', { headers: HTML, body: 'x', hang: 'body' });
    expect((await send('/up/slow', { signal: AbortSignal.abort() })).error?.code).toBe('client-closed');
    const abort = new AbortController();
    const { response, ended } = await send('/up/slow', { signal: abort.signal });
    const failed = failure(response?.body);
    abort.abort();
    expect([await failed, ended()]).toEqual(['client-closed', 1]);
  });

  test('a path that would be sent as another one is not sent', async () => {
    for (const path of ['/a/../b', '/a/%2e%2e/b', '/a\\b', '/a b', '/a#b']) {
      expect([path, (await send(path)).error?.code]).toEqual([path, 'upstream-protocol']);
    }
  });

  test('a request body that breaks off ends the exchange for its own reason', async () => {
    await script('/up/upload', { headers: HTML, body: 'ok' });
    const tooLarge = async function* () {
      for (let i = 0; i < 4; i++) yield new Uint8Array(40_000);
      throw new InlayError('body-too-large', 'the request body is too large');
    };
    const { error, ended } = await send('/up/upload', { method: 'POST', body: tooLarge() });
    expect([error?.code, ended()]).toEqual(['body-too-large', 1]);
  });
});
