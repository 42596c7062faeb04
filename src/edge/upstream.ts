import { asInlayError, type ErrorCode, InlayError } from '../errors.ts';
import type { UpstreamRequest, UpstreamResponse } from '../runtime.ts';

/** Ms between two pieces of a body. */
const BODY_IDLE_TIMEOUT = 5_000;
/** Ms in which a body counts as come along with its head. */
const SOON = 1;
/** Bytes of a request body that is read before it is sent, for its length. */
const MAX_WHOLE = 65_536;

/**
 * Sends a request to a service with workerd's `fetch`.
 * What fails before the head is `upstream-unreachable`: workerd does not tell a refused connection from a lost one.
 *
 * @param over called once when the exchange has ended, however it did
 */
export async function fetchUpstream(request: UpstreamRequest, over: () => void): Promise<UpstreamResponse> {
  const exchange = new Exchange(request, over);
  try {
    return await exchange.receive(await exchange.within(exchange.send()));
  } catch (thrown) {
    throw exchange.end(asInlayError(thrown, 'upstream-unreachable'));
  }
}

type Read = ReadableStreamReadResult<Uint8Array>;

const EMPTY: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** One request and its answer, and whatever may cut them short. */
class Exchange {
  readonly #request: UpstreamRequest;
  readonly #over: () => void;
  readonly #abort = new AbortController();
  readonly #cut = Promise.withResolvers<never>();
  readonly #headTimer: ReturnType<typeof setTimeout>;
  readonly #totalTimer: ReturnType<typeof setTimeout> | null;
  readonly #left: () => void;
  #end: 'complete' | InlayError | undefined;

  constructor(request: UpstreamRequest, over: () => void) {
    const { headTimeout, totalTimeout, signal } = request;
    this.#request = request;
    this.#over = over;
    this.#cut.promise.catch(() => {}); // it is only ever raced: without a race under way nobody need hear of it
    this.#headTimer = this.#endAfter(headTimeout, 'no response');
    this.#totalTimer = totalTimeout === undefined ? null : this.#endAfter(totalTimeout, 'no complete response');
    this.#left = () => {
      this.end(this.#error('client-closed', 'nobody waits for the answer any more'));
    };
    if (signal?.aborted) this.#left();
    else signal?.addEventListener('abort', this.#left, { once: true });
  }

  async send(): Promise<Response> {
    const { method, fields, body } = this.#request;
    const headers = new Headers();
    try {
      for (let i = 0; i < fields.length; i += 2) headers.append(fields[i]!, fields[i + 1]!);
    } catch (cause) {
      throw this.#error('upstream-protocol', 'this runtime cannot send a field as it is', cause);
    }
    return fetch(this.#url(), {
      method,
      headers,
      body: body === undefined ? null : await this.#send(body),
      signal: this.#abort.signal,
      redirect: 'manual', // no service chooses where a request goes
      cf: { cacheTtl: -1 }, // a cache below this one would hear of no purge
      encodeResponseBody: 'manual', // the bytes as sent, so that Content-Encoding, Content-Length and ETag stay true
    });
  }

  async receive({ status, headers, body }: Response): Promise<UpstreamResponse> {
    clearTimeout(this.#headTimer);
    const fields: string[] = [];
    for (const [name, value] of headers) fields.push(name, value); // Set-Cookie line by line, others joined
    if (body !== null) return { status, fields, body: await this.#body(body.getReader()) };
    this.#finish('complete');
    return { status, fields, body: EMPTY };
  }

  /** The promise's value, unless the exchange is cut short first. */
  within<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.#cut.promise]);
  }

  /** Ends the exchange for a reason, unless it ended before; returns what it ended for. */
  end(reason: InlayError): InlayError {
    this.#finish(reason);
    return this.#end instanceof InlayError ? this.#end : reason;
  }

  #finish(end: 'complete' | InlayError): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearTimeout(this.#headTimer);
    clearTimeout(this.#totalTimer);
    this.#request.signal?.removeEventListener('abort', this.#left);
    if (end !== 'complete') {
      this.#cut.reject(end);
      this.#abort.abort(end);
    }
    this.#over();
  }

  /**
   * The body. What comes along with the head is waited for, briefly: workerd hands it out after the head, and only a page
   * that is known to be all there is answered with its length and its validator.
   */
  async #body(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
    const early: Read[] = [];
    const soon = new Promise<'later'>((resolve) => setTimeout(resolve, SOON, 'later'));
    let pending: Promise<Read> | undefined;
    while (pending === undefined && this.#end === undefined) {
      pending = this.#read(reader);
      pending.catch(() => {}); // whoever takes the body hears of it, if anybody does
      const read = await Promise.race([pending, soon]);
      if (read === 'later') break;
      early.push(read);
      pending = undefined;
    }
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (this.#end instanceof InlayError) throw this.#end;
      let read = early.shift();
      if (read === undefined) {
        read = await (pending ?? this.#read(reader));
        pending = undefined;
      }
      return read.done ? { done: true, value: undefined } : read;
    };
    const stop = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      this.end(this.#error('client-closed', 'the answer was given up'));
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: stop }) };
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Read> {
    const idle = this.#endAfter(BODY_IDLE_TIMEOUT, 'no more of the body');
    try {
      const read = await this.within(reader.read());
      if (read.done) this.#finish('complete');
      return read;
    } catch (thrown) {
      throw this.end(this.#error('upstream-truncated', 'the body broke off', thrown));
    } finally {
      clearTimeout(idle);
    }
  }

  /** A request body: whole, and so with its length, if it is short; a stream, which workerd sends chunked, if not. */
  async #send(body: AsyncIterable<Uint8Array>): Promise<Blob | ReadableStream<Uint8Array>> {
    const iterator = body[Symbol.asyncIterator]();
    const start: Uint8Array[] = [];
    let bytes = 0;
    try {
      while (bytes <= MAX_WHOLE) {
        const next = await iterator.next();
        if (next.done === true) return new Blob(start);
        start.push(next.value);
        bytes += next.value.byteLength;
      }
    } catch (thrown) {
      throw asInlayError(thrown, 'client-closed');
    }
    return this.#stream(start, iterator);
  }

  /** A stream of what has arrived and what has not yet; a body that breaks off ends the exchange for the reason it has. */
  #stream(start: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const chunk of start) controller.enqueue(chunk);
      },
      pull: async (controller) => {
        try {
          const next = await rest.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (thrown) {
          controller.error(this.end(asInlayError(thrown, 'client-closed')));
        }
      },
      cancel: async () => {
        await rest.return?.();
      },
    });
  }

  /**
   * The URL to fetch: the configured origin and the path as given, or nothing. workerd would silently send what its URL
   * parser makes of a path, which is another one than the route was decided on.
   */
  #url(): string {
    const url = this.#where();
    if (new URL(url).href !== url || url.includes('#'))
      throw this.#error('upstream-protocol', 'this runtime cannot send the path as it is');
    return url;
  }

  #endAfter(ms: number, what: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.end(this.#error('upstream-timeout', `${what} within ${ms} ms`)), ms);
  }

  #error(code: ErrorCode, message: string, cause?: unknown): InlayError {
    const path = this.#where();
    return new InlayError(code, `${path}: ${message}`, { path, cause });
  }

  #where(): string {
    return this.#request.origin + this.#request.path;
  }
}
