import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { nodeCodings } from '../../src/node/codings.ts';
import { bytesOf, codingsContract, failureOf, PAGE, source, WEB_ENCODERS } from '../contract/codings.ts';

const CHECKED = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

describe('the codings of Node', () => {
  codingsContract(nodeCodings, {
    ...WEB_ENCODERS,
    br: async (bytes) => brotliCompressSync(bytes),
    zstd: async (bytes) => zstdCompressSync(bytes, CHECKED),
  });

  test('are br, zstd and gzip, in this order', () => {
    expect(nodeCodings.encodes).toEqual(['br', 'zstd', 'gzip']);
  });

  test('gzip and zstd may be several members', async () => {
    for (const coding of ['gzip', 'zstd']) {
      const [one, two] = await Promise.all(
        [PAGE, PAGE.subarray(0, 50)].map((part) => nodeCodings.encode(coding, part)),
      );
      const whole = new Uint8Array([...PAGE, ...PAGE.subarray(0, 50)]);
      expect(await bytesOf(nodeCodings.decode(coding, source([one!, two!])))).toEqual(whole);
      expect(await bytesOf(nodeCodings.decode(coding, source([new Uint8Array([...one!, ...two!])])))).toEqual(whole);
    }
  });

  test('a zstd frame with a window of more than 8 MiB is refused', async () => {
    const wide = zstdCompressSync(new Uint8Array(32 * 1024 ** 2), { params: { [constants.ZSTD_c_windowLog]: 24 } });
    expect(await failureOf(nodeCodings.decode('zstd', source([wide])))).toBe('upstream-encoding');
  });

  test('what a service has flushed is decoded before there is more', async () => {
    const first = Buffer.from('first');
    for (const [coding, flushed] of [
      ['gzip', gzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH })],
      ['br', brotliCompressSync(first, { finishFlush: constants.BROTLI_OPERATION_FLUSH })],
      ['zstd', zstdCompressSync(first, { finishFlush: constants.ZSTD_e_flush })],
    ] as const) {
      const rest = Promise.withResolvers<Uint8Array>();
      const body = (async function* () {
        yield flushed;
        yield rest.promise;
      })();
      const decoded = nodeCodings.decode(coding, body)![Symbol.asyncIterator]();
      expect(Buffer.from((await decoded.next()).value!)).toEqual(first);
      rest.reject(new Error('lost'));
      await expect(decoded.next()).rejects.toThrow('lost');
    }
  });
});
