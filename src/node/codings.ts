import { promisify } from 'node:util';
import {
  brotliCompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gzip,
  zstdCompress,
} from 'node:zlib';
import { InlayError } from '../errors.ts';
import { type Codings, deflateFormat, firstBytes } from '../http/content-coding.ts';

type Decoder = ReturnType<typeof createGunzip | typeof createBrotliDecompress | typeof createZstdDecompress>;

const WHOLE = { rejectGarbageAfterEnd: true };
/** The largest window that a zstd frame may ask for, in HTTP 8 MiB (RFC 9659 section 3); the library would give it 128. */
const ZSTD = { ...WHOLE, params: { [constants.ZSTD_d_windowLogMax]: 23 } };

const DECODERS = new Map<string, (start: Uint8Array) => Decoder>([
  // A gzip body may be several members (RFC 1952 section 2.2), which the option would take for garbage; other things
  // that follow the end are found by their missing header, and zeros, which end it silently, by not being taken.
  ['gzip', () => createGunzip()],
  ['deflate', (start) => (deflateFormat(start) === 'deflate' ? createInflate(WHOLE) : createInflateRaw(WHOLE))],
  ['br', () => createBrotliDecompress(WHOLE)],
  ['zstd', () => createZstdDecompress(ZSTD)],
]);

/** Levels at which a page of 25 KB takes about a ms: it is coded once, for everybody who asks while it is fresh. */
const ENCODERS = new Map<string, (bytes: Uint8Array) => Promise<Uint8Array>>([
  [
    'br',
    (bytes) =>
      promisify(brotliCompress)(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength },
      }),
  ],
  [
    'zstd',
    (bytes) =>
      promisify(zstdCompress)(bytes, {
        params: { [constants.ZSTD_c_compressionLevel]: 6 },
        pledgedSrcSize: bytes.byteLength,
      }),
  ],
  ['gzip', (bytes) => promisify(gzip)(bytes, { level: 6 })],
]);

/** Content codings by node:zlib, which works in the thread pool. */
export const nodeCodings: Codings = {
  decode: (coding, body) => {
    const create = DECODERS.get(coding);
    return create && decoded(body, create);
  },
  encodes: [...ENCODERS.keys()],
  encode: async (coding, bytes) => {
    const encode = ENCODERS.get(coding);
    if (encode === undefined) throw new InlayError('internal', `no encoder for ${coding}`);
    return owned(await encode(bytes));
  },
};

/** Decodes at the pace of whoever reads: a decoder that is not read from stops, and so does its input. */
async function* decoded(
  body: AsyncIterable<Uint8Array>,
  create: (start: Uint8Array) => Decoder,
): AsyncGenerator<Uint8Array, undefined> {
  const source = body[Symbol.asyncIterator]();
  const start = await firstBytes(source);
  if (start === undefined) return;
  const decoder = create(start);
  const input: Input = { state: 'open', bytes: 0 };
  feed(decoder, start, source, input).catch((thrown: unknown) => {
    input.state = { thrown };
    decoder.destroy(thrown instanceof Error ? thrown : new Error('the body broke off', { cause: thrown }));
  });
  try {
    for await (const piece of decoder) yield owned(piece);
    if (input.state !== 'ended' || decoder.bytesWritten < input.bytes)
      throw new InlayError('upstream-encoding', 'bytes follow the end of the coded body');
  } catch (thrown) {
    throw typeof input.state === 'object' ? input.state.thrown : translate(thrown);
  } finally {
    decoder.destroy();
    if (input.state === 'open') await source.return?.();
  }
}

/** What became of the coded bytes. */
interface Input {
  state: 'open' | 'ended' | { readonly thrown: unknown };
  /** As many as the decoder was given. */
  bytes: number;
}

async function feed(decoder: Decoder, start: Uint8Array, rest: AsyncIterator<Uint8Array>, input: Input): Promise<void> {
  const taken = (chunk: Uint8Array) =>
    new Promise<boolean>((resolve) => decoder.write(chunk, (error) => resolve(!error)));
  let chunk: Uint8Array | undefined = start;
  while (chunk !== undefined) {
    input.bytes += chunk.byteLength;
    if (!(await taken(chunk))) return; // the decoder says why, to whoever reads from it
    chunk = await firstBytes(rest);
  }
  input.state = 'ended';
  decoder.end();
}

/** Errors of zlib in Inlay's words. `Z_BUF_ERROR` is what all its decoders say of input that ends too early. */
function translate(thrown: unknown): InlayError {
  if (thrown instanceof InlayError) return thrown;
  const { message } = thrown as Error;
  const isCut = thrown instanceof Error && 'code' in thrown && thrown.code === 'Z_BUF_ERROR';
  return new InlayError(isCut ? 'upstream-truncated' : 'upstream-encoding', message, { cause: thrown });
}

/** zlib hands out views of buffers of 16 KiB, and what is stored of one would keep all of it. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
