import { Readable } from 'node:stream';
import { constants, createBrotliCompress, createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeBody } from '../../../src/cache/decode.ts';
import { InlayError } from '../../../src/errors.ts';
import type { Codings } from '../../../src/http/content-coding.ts';
import { nodeCodings } from '../../../src/node/codings.ts';
import { bytesOf, failureOf, inPieces, PAGE, source } from '../../contract/codings.ts';

const OPTIONS = { codings: nodeCodings, maxSize: 10 * 1024 ** 2, path: '/page' };
const MIB = 1024 ** 2;

const gzipped = (bytes: Uint8Array): Promise<Uint8Array> => nodeCodings.encode('gzip', bytes);

describe('decoding a body', () => {
  test('takes off one coding, or two in the reverse order, or none', async () => {
    const gzip = await gzipped(PAGE);
    const both = await nodeCodings.encode('br', gzip);
    for (const size of [1, 1_000, 1_000_000]) {
      expect(await bytesOf(decodeBody([], source(inPieces(PAGE, size)), OPTIONS))).toEqual(PAGE);
      expect(await bytesOf(decodeBody(['gzip'], source(inPieces(gzip, size)), OPTIONS))).toEqual(PAGE);
      expect(await bytesOf(decodeBody(['gzip', 'br'], source(inPieces(both, size)), OPTIONS))).toEqual(PAGE);
    }
    expect(await failureOf(decodeBody(['br', 'gzip'], source([both]), OPTIONS))).toBe('upstream-encoding');
  });

  test('of no bytes gives none, since services name a coding even then', async () => {
    expect((await bytesOf(decodeBody(['gzip', 'br'], source([]), OPTIONS))).byteLength).toBe(0);
  });

  test.each([
    ['a coding that is not known', ['compress'], 'the coding compress'],
    ['one below one that is known', ['frob', 'gzip'], 'the coding frob'],
    ['three codings', ['gzip', 'gzip', 'gzip'], '3 codings'],
    ['a thousand of them', new Array<string>(1_000).fill('gzip'), '1000 codings'],
  ])('refuses %s at once and frees the body', (_, applied, message) => {
    const body = source([PAGE]);
    expect(() => decodeBody(applied, body, OPTIONS)).toThrow(
      expect.objectContaining({ code: 'upstream-encoding', path: '/page', message: `/page: cannot decode ${message}` }),
    );
    expect([body.returned, body.taken]).toEqual([1, 0]);
  });

  test('tells a body that is cut from one that is corrupt, and whose it was', async () => {
    const gzip = await gzipped(PAGE);
    expect(await failureOf(decodeBody(['gzip'], source([gzip.subarray(0, -4)]), OPTIONS))).toBe('upstream-truncated');
    const body = source([new Uint8Array([...gzip, 1, 2]), PAGE]);
    await expect(bytesOf(decodeBody(['gzip'], body, OPTIONS))).rejects.toMatchObject({
      code: 'upstream-encoding',
      path: '/page',
      message: expect.stringMatching(/^\/page: ./),
      cause: expect.any(Error),
    });
    expect(body.returned).toBe(1);
    const within = await nodeCodings.encode('br', gzip.subarray(0, -4));
    expect(await failureOf(decodeBody(['gzip', 'br'], source([within]), OPTIONS))).toBe('upstream-truncated');
  });

  test('fails with the very error of the body, which is not returned then', async () => {
    const gzip = await gzipped(PAGE);
    const both = await nodeCodings.encode('br', gzip);
    for (const [applied, bytes] of [
      [[], PAGE],
      [['gzip'], gzip],
      [['gzip', 'br'], both],
    ] as const) {
      for (const reason of [new InlayError('upstream-timeout', 'late'), new TypeError('odd'), 'text']) {
        const body = source([bytes.subarray(0, 1_000)], reason);
        await expect(bytesOf(decodeBody(applied, body, OPTIONS))).rejects.toBe(reason);
      }
    }
  });

  test('calls what a decoder throws of its own corrupt', async () => {
    const codings: Codings = {
      ...nodeCodings,
      decode: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new RangeError('odd')) }),
      }),
    };
    const body = source([PAGE]);
    await expect(bytesOf(decodeBody(['x'], body, { ...OPTIONS, codings }))).rejects.toMatchObject({
      code: 'upstream-encoding',
      message: '/page: odd',
    });
    expect(body.returned).toBe(1);
  });
});

describe('a consumer that stops early', () => {
  test.each([[[]], [['gzip']], [['gzip', 'br']]])('frees a body in %j once', async (applied) => {
    let bytes: Uint8Array = PAGE;
    for (const coding of applied) bytes = await nodeCodings.encode(coding, bytes);
    for (const reads of [0, 1]) {
      const body = source(inPieces(bytes, 5_000));
      const decoded = decodeBody(applied, body, OPTIONS)[Symbol.asyncIterator]();
      for (let i = 0; i < reads; i++) await decoded.next();
      await decoded.return?.();
      await decoded.return?.();
      expect([applied, reads, body.returned]).toEqual([applied, reads, 1]);
    }
  });

  test('need not wait for a service that says nothing more', async () => {
    const gone = new InlayError('client-closed', 'given up');
    for (const applied of [['gzip'], ['gzip', 'br']]) {
      const silent = Promise.withResolvers<never>();
      const start = (await nodeCodings.encode(applied.at(-1)!, PAGE)).subarray(0, 20);
      let reads = 0;
      const body: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => (reads++ === 0 ? Promise.resolve({ done: false, value: start }) : silent.promise),
          return: async () => {
            silent.reject(gone);
            return { done: true, value: undefined };
          },
        }),
      };
      const decoded = decodeBody(applied, body, OPTIONS)[Symbol.asyncIterator]();
      const pending = decoded.next();
      pending.catch(() => {});
      await expect.poll(() => reads).toBe(2);
      await decoded.return?.();
      await expect(pending).rejects.toBe(gone);
    }
  });

  test('leaves a body that was read to its end alone', async () => {
    const body = source([await gzipped(PAGE)]);
    const decoded = decodeBody(['gzip'], body, OPTIONS)[Symbol.asyncIterator]();
    while ((await decoded.next()).done !== true);
    await decoded.return?.();
    expect([body.returned, (await decoded.next()).done]).toEqual([0, true]);
  });
});

describe('a limit', () => {
  const nothing = gzipSync('');
  const noise = (bytes: number) =>
    Uint8Array.from({ length: bytes }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 13) ^ i);

  test('on the decoded bytes is met to the byte', async () => {
    const page = noise(200_000);
    const gzip = await gzipped(page);
    const both = await nodeCodings.encode('br', gzip);
    const decode = (maxSize: number) => decodeBody(['gzip'], source([gzip]), { ...OPTIONS, maxSize });
    expect((await bytesOf(decode(200_000))).byteLength).toBe(200_000);
    expect(await failureOf(decode(199_999))).toBe('upstream-too-large');
    const twice = (maxSize: number) => decodeBody(['gzip', 'br'], source([both]), { ...OPTIONS, maxSize });
    expect((await bytesOf(twice(200_000))).byteLength).toBe(200_000);
    expect(await failureOf(twice(199_999))).toBe('upstream-too-large');
  });

  test('on the ratio leaves short bodies in peace', async () => {
    const zeros = async (bytes: number, maxRatio?: number) => {
      const body = source([await gzipped(new Uint8Array(bytes))]);
      const options = maxRatio === undefined ? OPTIONS : { ...OPTIONS, maxRatio };
      return failureOf(decodeBody(['gzip'], body, options));
    };
    expect(await zeros(65_536)).toBe('nothing');
    expect(await zeros(65_537)).toBe('upstream-too-large');
    expect(await zeros(65_537, 10_000)).toBe('nothing');
  });

  test('holds for bytes that decode to nothing', async () => {
    const endless = (function* () {
      for (;;) yield nothing;
    })();
    const body = source(endless);
    expect(await failureOf(decodeBody(['gzip'], body, { ...OPTIONS, maxSize: 10_000 }))).toBe('upstream-too-large');
    expect(body.taken).toBeLessThan(10_000 + 65_536 + 2 * nothing.byteLength);
    expect(body.returned).toBe(1);
  });

  test('holds for what is between two codings', async () => {
    // Empty gzip members, tens of thousands of them in a few bytes: nothing comes out in the end, but much on the way.
    const members = new Uint8Array(MIB).map((_, i) => nothing[i % nothing.length]!);
    const nothingAtAll = await nodeCodings.encode('br', members);
    for (const limit of [{}, { maxSize: 10_000, maxRatio: Number.POSITIVE_INFINITY }]) {
      const decoded = decodeBody(['gzip', 'br'], source([nothingAtAll]), { ...OPTIONS, ...limit });
      expect(await failureOf(decoded)).toBe('upstream-too-large');
    }
  });
});

describe('a bomb of 200 MiB', () => {
  const zeros = (): Readable =>
    Readable.from(
      (function* () {
        const piece = new Uint8Array(MIB);
        for (let i = 0; i < 200; i++) yield piece;
      })(),
    );
  const packers = {
    gzip: () => createGzip({ level: 9 }),
    br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zstd: () => createZstdCompress(),
  };

  test.each(['gzip', 'br', 'zstd'] as const)(
    'in %s is given up early, and never unpacked in memory',
    async (coding) => {
      const bomb: Buffer = Buffer.concat(await zeros().pipe(packers[coding]()).toArray());
      for (const [size, maxRatio] of [
        [64, 100],
        [65_536, 100],
        [bomb.byteLength, Number.POSITIVE_INFINITY], // the other limit
      ] as const) {
        const body = source(inPieces(bomb, size));
        let bytes = 0;
        let largest = 0;
        const before = process.memoryUsage().arrayBuffers;
        let memory = 0;
        const read = async () => {
          for await (const piece of decodeBody([coding], body, { ...OPTIONS, maxRatio })) {
            bytes += piece.byteLength;
            largest = Math.max(largest, piece.byteLength);
            memory = Math.max(memory, process.memoryUsage().arrayBuffers - before);
          }
        };
        await expect(read()).rejects.toMatchObject({ code: 'upstream-too-large', path: '/page' });
        expect(bytes).toBeLessThanOrEqual(maxRatio === 100 ? Math.max(65_536, body.taken * 100) : OPTIONS.maxSize);
        expect(largest).toBeLessThanOrEqual(131_072);
        expect(memory).toBeLessThan(32 * MIB); // with all the garbage of ten MiB that were read
        if (size === 64) expect([body.returned, body.taken < bomb.byteLength]).toEqual([1, true]);
      }
    },
  );
});
