import { describe, expect, test } from 'vitest';
import { InlayError } from '../../src/errors.ts';
import type { Codings } from '../../src/http/content-coding.ts';

/** Applies a coding to some bytes. */
export type Encode = (bytes: Uint8Array) => Promise<Uint8Array>;

/** Encoders that every runtime has. */
export const WEB_ENCODERS: Readonly<Record<'gzip' | 'deflate', Encode>> = {
  gzip: (bytes) => compressed(bytes, 'gzip'),
  deflate: (bytes) => compressed(bytes, 'deflate'),
};

export async function compressed(bytes: Uint8Array, format: 'gzip' | 'deflate' | 'deflate-raw'): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A body in these chunks, and what became of it. */
export function source(chunks: Iterable<Uint8Array>, failure?: unknown) {
  const iterator = chunks[Symbol.iterator]();
  const body = {
    taken: 0,
    returned: 0,
    [Symbol.asyncIterator]: () => ({
      next: async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        const next = iterator.next();
        if (next.done !== true) body.taken += next.value.byteLength;
        else if (failure !== undefined) throw failure;
        return next.done === true ? { done: true, value: undefined } : next;
      },
      return: async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        body.returned++;
        return { done: true, value: undefined };
      },
    }),
  };
  return body;
}

/** All bytes of a body. */
export async function bytesOf(body: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body!) chunks.push(chunk as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** What reading a body throws; an InlayError by its code. */
export async function failureOf(body: AsyncIterable<Uint8Array> | undefined): Promise<unknown> {
  try {
    for await (const _ of body!);
    return 'nothing';
  } catch (thrown) {
    return thrown instanceof InlayError ? thrown.code : thrown;
  }
}

export function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

/** A text that compresses somewhat, as pages do. */
export const PAGE = new TextEncoder().encode(
  Array.from({ length: 3_000 }, (_, i) => `<li id="${i}">${(i * 2_654_435_761) % 4_294_967_296}</li>`).join('\n'),
);

/** 1 MiB that does not compress at all: as many bytes come out as go in. */
const NOISE = new Uint8Array(1024 ** 2);
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  NOISE[i] = state >>> 24;
}

/** What every runtime promises of the codings that it knows. */
export function codingsContract(codings: Codings, encoders: Readonly<Record<string, Encode>>): void {
  const decode = (coding: string, chunks: Iterable<Uint8Array>) => codings.decode(coding, source(chunks));

  test('a coding that is not known is none', () => {
    for (const coding of ['', 'identity', 'x-gzip', 'compress', 'aes128gcm', '__proto__'])
      expect(codings.decode(coding, source([]))).toBe(undefined);
  });

  test('what is encoded is decoded', async () => {
    for (const coding of codings.encodes) {
      for (const bytes of [PAGE, PAGE.subarray(0, 100), new Uint8Array(0)]) {
        const encoded = await codings.encode(coding, bytes);
        expect(encoded.byteLength).toBe(encoded.buffer.byteLength);
        expect(await bytesOf(decode(coding, [encoded]))).toEqual(bytes);
      }
    }
    await expect(codings.encode('compress', PAGE)).rejects.toThrow('no encoder for compress');
  });

  test('deflate is read without the header that it should have, too', async () => {
    const raw = await compressed(PAGE, 'deflate-raw');
    expect(await bytesOf(decode('deflate', [raw]))).toEqual(PAGE);
    expect(await bytesOf(decode('deflate', inPieces(raw, 1)))).toEqual(PAGE);
    expect(await failureOf(decode('deflate', [raw.subarray(0, -1)]))).toBe('upstream-truncated');
  });

  describe.each(Object.entries(encoders))('%s', (coding, encode) => {
    test('is decoded wherever its chunks are cut', async () => {
      const encoded = await encode(PAGE);
      for (const size of [1, 7, 255, 256, 257, 4_096, 1_000_000])
        expect(await bytesOf(decode(coding, inPieces(encoded, size)))).toEqual(PAGE);
      const sparse = [...inPieces(encoded, 1_000)].flatMap((chunk) => [new Uint8Array(0), chunk, new Uint8Array(0)]);
      expect(await bytesOf(decode(coding, sparse))).toEqual(PAGE);
    });

    test('of nothing decodes to nothing, and so do no bytes at all', async () => {
      expect((await bytesOf(decode(coding, [await encode(new Uint8Array(0))]))).byteLength).toBe(0);
      expect((await bytesOf(decode(coding, []))).byteLength).toBe(0);
      expect((await bytesOf(decode(coding, [new Uint8Array(0)]))).byteLength).toBe(0);
    });

    test('that is cut anywhere is truncated', async () => {
      const encoded = await encode(PAGE.subarray(0, 300));
      for (let end = 1; end < encoded.byteLength; end++)
        expect([end, await failureOf(decode(coding, [encoded.subarray(0, end)]))]).toEqual([end, 'upstream-truncated']);
    });

    test('that is followed by anything is not what it says', async () => {
      const encoded = await encode(PAGE);
      for (const tail of ['<!-- served in 3 ms -->', '\0\0\0\0', '\0']) {
        const junk = new TextEncoder().encode(tail);
        expect(await failureOf(decode(coding, [encoded, junk]))).toBe('upstream-encoding');
        const joined = new Uint8Array([...encoded, ...junk]);
        expect(await failureOf(decode(coding, [joined]))).toBe('upstream-encoding');
        expect(await failureOf(decode(coding, inPieces(joined, 1)))).toBe('upstream-encoding');
      }
    });

    test('that is not coded at all, or changed on its way, is not what it says', async () => {
      expect(await failureOf(decode(coding, [PAGE]))).toBe('upstream-encoding');
      const encoded = await encode(PAGE);
      encoded.fill(0xff, 20, 60);
      expect(await failureOf(decode(coding, [encoded]))).toBe('upstream-encoding');
    });

    test('whose body breaks off fails for the reason of the body', async () => {
      const reason = new InlayError('upstream-reset', 'the connection was lost');
      const encoded = await encode(PAGE);
      for (const chunks of [[], [encoded.subarray(0, 1_000)], [encoded]]) {
        const body = source(chunks, reason);
        await expect(bytesOf(codings.decode(coding, body))).rejects.toBe(reason);
        expect(body.returned).toBe(0);
      }
    });

    test('that nobody reads on frees the body, and is decoded no further', async () => {
      const encoded = await encode(NOISE);
      const body = source(inPieces(encoded, 1_000));
      const decoded = codings.decode(coding, body)![Symbol.asyncIterator]();
      expect((await decoded.next()).value?.byteLength).toBeLessThanOrEqual(131_072);
      await decoded.next();
      expect(body.taken).toBeLessThan(524_288);
      await decoded.return?.();
      expect(body.returned).toBe(1);
    });
  });

  test.each(['gzip', 'deflate'] as const)('a bomb in %s is decoded no further than it is read', async (coding) => {
    const bomb = await WEB_ENCODERS[coding](new Uint8Array(16 * 1024 ** 2));
    const body = source(inPieces(bomb, 64));
    const decoded = codings.decode(coding, body)![Symbol.asyncIterator]();
    // Of what has been taken no more than 1 MiB waits, counting 64 bytes that a decoder may not have looked at.
    for (let bytes = 0; bytes < 8 * 1024 ** 2; ) {
      const { value } = await decoded.next();
      expect(value?.byteLength).toBeLessThanOrEqual(300_000);
      bytes += value!.byteLength;
      expect(((body.taken - 64) / bomb.byteLength) * 16 * 1024 ** 2 - bytes).toBeLessThan(1024 ** 2);
    }
    await decoded.return?.();
  });
}
