import { describe, expect, test } from 'vitest';
import { decodeBody } from '../../src/cache/decode.ts';
import { edgeCodings } from '../../src/edge/codings.ts';
import { fetchUpstream } from '../../src/edge/upstream.ts';
import { bytesOf, codingsContract, failureOf, PAGE, source, WEB_ENCODERS } from '../contract/codings.ts';
import { originUrl, script } from './origin.ts';

describe('the codings of workerd', () => {
  codingsContract(edgeCodings, WEB_ENCODERS);

  test('decode what a service sent, to the end that it has', async () => {
    const gzip = await WEB_ENCODERS.gzip(PAGE);
    const headers = { 'content-type': 'text/html', 'content-encoding': 'gzip' };
    const options = { codings: edgeCodings, maxSize: 1_000_000, path: '/coded' };
    const ask = async (path: string, bytes: Uint8Array) => {
      await script(path, {
        headers,
        latin1: true,
        body: Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''),
      });
      let over = 0;
      const request = { method: 'GET', origin: originUrl, path, fields: [], headTimeout: 1_000 };
      const { body } = await fetchUpstream(request, () => void over++);
      return { decoded: decodeBody(['gzip'], body, options), over: () => over };
    };
    const { decoded, over } = await ask('/coded/whole', gzip);
    expect(await bytesOf(decoded)).toEqual(PAGE);
    expect(over()).toBe(1);
    const cut = await ask('/coded/cut', gzip.subarray(0, -1));
    expect([await failureOf(cut.decoded), cut.over()]).toEqual(['upstream-truncated', 1]);
    const early = await ask('/coded/early', gzip);
    for await (const _ of early.decoded) break;
    expect(early.over()).toBe(1);
  });

  test('know neither br nor zstd, and encode nothing: Cloudflare does', () => {
    for (const coding of ['br', 'zstd']) expect(edgeCodings.decode(coding, source([]))).toBe(undefined);
    expect(edgeCodings.encodes).toEqual([]);
  });

  test('stop at a bomb', async () => {
    const bomb = await WEB_ENCODERS.gzip(new Uint8Array(64 * 1024 ** 2));
    const options = { codings: edgeCodings, maxSize: 10 * 1024 ** 2, path: '/bomb' };
    const body = source([bomb]);
    let bytes = 0;
    const read = async () => {
      for await (const piece of decodeBody(['gzip'], body, { ...options, maxRatio: Number.POSITIVE_INFINITY }))
        bytes += piece.byteLength;
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream-too-large' });
    expect([bytes <= options.maxSize, body.returned]).toEqual([true, 1]);
    expect(await failureOf(decodeBody(['gzip'], source([bomb.subarray(0, 200)]), options))).toBe('upstream-too-large');
  });
});
