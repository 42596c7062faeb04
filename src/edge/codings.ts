import { InlayError } from '../errors.ts';
import { type Codings, deflateFormat, firstBytes } from '../http/content-coding.ts';

/** Coded bytes that are written at once: workerd decodes all of them before it lets anybody read. */
const SLICE = 256;
/** Bytes that are read at once: no less than DEFLATE makes of a slice (1,032 of one byte), so that reading keeps up. */
const READ = 288 * 1024;

type CompressionFormat = ConstructorParameters<typeof DecompressionStream>[0];

const FORMATS = new Map<string, (start: Uint8Array) => CompressionFormat>([
  ['gzip', () => 'gzip'],
  ['deflate', deflateFormat],
]);

/**
 * Content codings by workerd's own streams: gzip of one member, and deflate. Without Node's modules it has neither br
 * nor zstd.
 *
 * Nothing is encoded: Cloudflare compresses what a Worker answers for the visitor that asks, in codings that a Worker
 * does not have, and what a Worker does itself is its CPU time.
 */
export const edgeCodings: Codings = {
  decode: (coding, body) => {
    const formatOf = FORMATS.get(coding);
    return formatOf && decoded(body, formatOf);
  },
  encodes: [],
  encode: async (coding) => {
    throw new InlayError('internal', `no encoder for ${coding}`);
  },
};

async function* decoded(
  body: AsyncIterable<Uint8Array>,
  formatOf: (start: Uint8Array) => CompressionFormat,
): AsyncGenerator<Uint8Array, undefined> {
  const source = body[Symbol.asyncIterator]();
  const start = await firstBytes(source);
  if (start === undefined) return;
  const decoder = new Decoder(source, start, formatOf(start));
  try {
    yield* decoder.pieces();
  } catch (thrown) {
    throw decoder.reasonFor(thrown);
  } finally {
    await decoder.giveUp();
  }
}

/** A body on its way through a stream of workerd. */
class Decoder {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamBYOBReader;
  #buffer = new ArrayBuffer(READ);
  /** What was read of the source and not yet written. */
  #chunk: Uint8Array | undefined;
  #input: 'open' | 'ended' | { readonly thrown: unknown } = 'open';

  constructor(source: AsyncIterator<Uint8Array>, start: Uint8Array, format: CompressionFormat) {
    const { writable, readable } = new DecompressionStream(format);
    this.#source = source;
    this.#chunk = start;
    this.#writer = writable.getWriter();
    this.#reader = readable.getReader({ mode: 'byob' });
  }

  /** What is decoded. A slice is written only while a read waits, so that what nobody asks for is not decoded. */
  async *pieces(): AsyncGenerator<Uint8Array, undefined> {
    let read = this.#read();
    let fed: Promise<'fed'> | undefined = this.#feed();
    for (;;) {
      const first = await (fed === undefined ? read : Promise.race([read, fed]));
      if (first === 'fed') {
        fed = this.#input === 'open' ? this.#feed() : undefined;
        continue;
      }
      if (first === undefined) return;
      yield first;
      read = this.#read();
    }
  }

  /** Why decoding failed: workerd tells a cut body from a corrupt one by when it complains. */
  reasonFor(thrown: unknown): unknown {
    if (typeof this.#input === 'object') return this.#input.thrown;
    const code = this.#input === 'ended' ? 'upstream-truncated' : 'upstream-encoding';
    return new InlayError(code, String(thrown), { cause: thrown });
  }

  async giveUp(): Promise<void> {
    const unread = this.#input === 'open' ? this.#source.return?.() : undefined;
    await Promise.allSettled([unread, this.#reader.cancel(), this.#writer.abort()]);
  }

  /** What is there, copied out of the buffer; `undefined` at the end. */
  async #read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read(new Uint8Array(this.#buffer));
    if (done) return undefined;
    this.#buffer = value.buffer;
    return value.slice();
  }

  #feed(): Promise<'fed'> {
    const fed = this.#write();
    fed.catch(() => {}); // whoever reads hears of it, if anybody does
    return fed;
  }

  async #write(): Promise<'fed'> {
    const chunk = this.#chunk ?? (await this.#next());
    if (chunk === undefined) {
      this.#input = 'ended';
      await this.#writer.close();
    } else {
      this.#chunk = chunk.byteLength > SLICE ? chunk.subarray(SLICE) : undefined;
      await this.#writer.write(chunk.subarray(0, SLICE));
    }
    return 'fed';
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      return await firstBytes(this.#source);
    } catch (thrown) {
      this.#input = { thrown };
      throw thrown;
    }
  }
}
