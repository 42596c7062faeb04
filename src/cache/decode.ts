import { asInlayError, type ErrorCode, InlayError } from '../errors.ts';
import type { Codings } from '../http/content-coding.ts';

/** Codings of one body: more are of use to nobody but an attacker. */
const MAX_CODINGS = 2;
/** Bytes that may come of very few: short bodies of one repeated thing are no bombs. */
const GRACE = 65_536;
const MAX_RATIO = 100;

/** What is decoded with, and how far. */
export interface DecodeOptions {
  readonly codings: Codings;
  /** Bytes that the decoded body may have. */
  readonly maxSize: number;
  /** How many times the coded bytes that have come so far the decoded ones may be, beyond the first 64 KiB. */
  readonly maxRatio?: number;
  /** Whose body it is, for errors. */
  readonly path: string;
}

/**
 * Takes the codings off a body while it arrives, the last one first. Read it once; returning its iterator returns the
 * body's. What the body throws is thrown as it is. Otherwise iterating throws `upstream-too-large` as soon as more
 * comes out than may, `upstream-truncated` if the coded bytes end before their own end – the service broke off, as if the
 * connection had – and `upstream-encoding` if they are corrupt or go on after their end: what decodes them differently
 * sees another body.
 *
 * @param applied codings in the order in which they were applied
 * @throws InlayError `upstream-encoding` at once if there are too many codings or one is not known; the body is returned
 */
export function decodeBody(
  applied: readonly string[],
  body: AsyncIterable<Uint8Array>,
  options: DecodeOptions,
): AsyncIterable<Uint8Array> {
  const { codings, maxSize, path } = options;
  const decoding = new Decoding(body[Symbol.asyncIterator](), options);
  // No coding makes a body much longer: a service that sends more than that sends bytes that decode to nothing.
  let decoded = decoding.coded(maxSize + GRACE);
  for (const [left, coding] of [...applied.entries()].toReversed()) {
    const next = applied.length > MAX_CODINGS ? undefined : codings.decode(coding, decoded);
    if (next === undefined) {
      decoding.giveUp().catch(() => {}); // that the body is of no use is what is told
      const problem = applied.length > MAX_CODINGS ? `${applied.length} codings` : `the coding ${coding.slice(0, 40)}`;
      throw new InlayError('upstream-encoding', `${path}: cannot decode ${problem}`, { path });
    }
    decoded = decoding.limited(next, left === 0 ? maxSize : maxSize + GRACE);
  }
  return decoding.outcome(decoded);
}

type Read = IteratorResult<Uint8Array, undefined>;
const DONE: Read = { done: true, value: undefined };

/** One body on its way through its codings. */
class Decoding {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #options: DecodeOptions;
  #received = 0;
  #over = false;
  /** Why it failed, if not for what a decoder found: decoders may pass on something else. */
  #failure: { readonly thrown: unknown } | undefined;

  constructor(source: AsyncIterator<Uint8Array>, options: DecodeOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The bytes as they come from the service. */
  coded(maxSize: number): AsyncIterable<Uint8Array> {
    const next = async (): Promise<Read> => {
      if (this.#over) return DONE;
      try {
        const read = await this.#source.next();
        if (read.done === true) {
          this.#over = true;
          return DONE;
        }
        this.#received += read.value.byteLength;
        if (this.#received > maxSize) throw this.#error('upstream-too-large', `more than ${maxSize} bytes, coded`);
        return read;
      } catch (thrown) {
        throw this.#fail(thrown);
      }
    };
    return iterable(next, () => this.giveUp());
  }

  /** What a decoder yields, as long as it is not too much. It is looked at piece by piece, before more is decoded. */
  limited(decoded: AsyncIterable<Uint8Array>, maxSize: number): AsyncIterable<Uint8Array> {
    const { maxRatio = MAX_RATIO } = this.#options;
    const pieces = decoded[Symbol.asyncIterator]();
    let bytes = 0;
    const next = async (): Promise<Read> => {
      const read = await pieces.next();
      if (read.done === true) return DONE;
      bytes += read.value.byteLength;
      if (bytes > maxSize) throw this.#fail(this.#error('upstream-too-large', `more than ${maxSize} bytes, decoded`));
      if (bytes > GRACE && bytes > this.#received * maxRatio)
        throw this.#fail(this.#error('upstream-too-large', `more than ${maxRatio} times its coded size`));
      return read;
    };
    return iterable(next, async () => {
      await pieces.return?.();
    });
  }

  /** The whole: what fails is translated, and frees everything. */
  outcome(decoded: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const pieces = decoded[Symbol.asyncIterator]();
    // The body first: decoders that wait for it can end only then.
    const stop = async (): Promise<void> => {
      await Promise.all([this.giveUp(), pieces.return?.()]);
    };
    const next = async (): Promise<Read> => {
      try {
        const read = await pieces.next();
        return read.done === true ? DONE : read;
      } catch (thrown) {
        stop().catch(() => {}); // what went wrong first is what is told
        throw this.#failure === undefined ? this.#translate(thrown) : this.#failure.thrown;
      }
    };
    return iterable(next, stop);
  }

  /** Returns the body's iterator, once, unless the body is at its end. */
  async giveUp(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#source.return?.();
  }

  #fail(thrown: unknown): unknown {
    this.#failure ??= { thrown };
    return thrown;
  }

  #translate(thrown: unknown): InlayError {
    const { code, message } = asInlayError(thrown, 'upstream-encoding');
    return new InlayError(code, `${this.#options.path}: ${message}`, { path: this.#options.path, cause: thrown });
  }

  #error(code: ErrorCode, message: string): InlayError {
    return new InlayError(code, `${this.#options.path}: ${message}`, { path: this.#options.path });
  }
}

function iterable(next: () => Promise<Read>, stop: () => Promise<void>): AsyncIterable<Uint8Array> {
  const iterator = {
    next,
    return: async (): Promise<Read> => {
      await stop();
      return DONE;
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
