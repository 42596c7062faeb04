import { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { type ErrorCode, InlayError } from '../errors.ts';
import type { UpstreamRequest, UpstreamResponse } from '../runtime.ts';

/** Connections to each service at most: more are opened only while all are busy. */
const CONNECTIONS = 256;
/** Ms to connect, and ms between two pieces of a body. */
const CONNECT_TIMEOUT = 1_000;
const BODY_IDLE_TIMEOUT = 5_000;
/** Bytes of the largest response head. */
const MAX_HEAD = 16_384;
/** Bytes of a body that wait here before the service is asked to pause. */
const HIGH_WATER = 65_536;

/** Sends requests to services over kept-alive connections, a pool for each origin. */
export interface Upstream {
  fetch(request: UpstreamRequest): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

/** Makes an {@link Upstream} on undici; the hot path dispatches to a pool and builds neither a Request nor a stream. */
export function createUpstream(): Upstream {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: CONNECTIONS,
        pipelining: 1,
        allowH2: false,
        connect: { timeout: CONNECT_TIMEOUT },
        headersTimeout: 0, // each request brings its own, exact one
        bodyTimeout: BODY_IDLE_TIMEOUT,
        maxHeaderSize: MAX_HEAD,
      });
      pools.set(origin, pool);
    }
    return pool;
  };
  return {
    fetch: async (request) => {
      const pool = poolOf(request.origin);
      try {
        return await send(pool, request);
      } catch (error) {
        // A kept-alive connection may close just as it is used again: what may be repeated is, once, on another.
        if (!isRepeatable(request) || !(error instanceof InlayError) || error.code !== 'upstream-reset') throw error;
        return send(pool, request);
      }
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

function isRepeatable({ method, body, signal }: UpstreamRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && body === undefined && signal?.aborted !== true;
}

function send(pool: Pool, request: UpstreamRequest): Promise<UpstreamResponse> {
  const exchange = new Exchange(request);
  const body = request.body === undefined ? null : Readable.from(request.body, { objectMode: false });
  try {
    pool.dispatch({ method: request.method, path: request.path, headers: request.fields as string[], body }, exchange);
  } catch (error) {
    exchange.refuse(error as Error); // undici found the request itself unfit to be sent
  }
  return exchange.response;
}

/** One request and its answer: undici's callbacks on one side, a promise and an async iterator on the other. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<UpstreamResponse>;
  readonly #settle: PromiseWithResolvers<UpstreamResponse>;
  readonly #request: UpstreamRequest;
  readonly #headTimer: NodeJS.Timeout;
  readonly #totalTimer: NodeJS.Timeout | undefined;
  readonly #left: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #headSeen = false;
  #end: 'complete' | InlayError | undefined;
  #wake: () => void = () => {};

  constructor(request: UpstreamRequest) {
    this.#request = request;
    this.#settle = Promise.withResolvers();
    this.response = this.#settle.promise;
    this.#headTimer = setTimeout(
      () => this.#abort(this.#timeout('no response', request.headTimeout)),
      request.headTimeout,
    );
    const total = request.totalTimeout;
    this.#totalTimer =
      total === undefined
        ? undefined
        : setTimeout(() => this.#abort(this.#timeout('no complete response', total)), total);
    this.#left = () =>
      this.#abort(new InlayError('client-closed', 'nobody waits for the answer any more', { path: this.#where() }));
    if (request.signal?.aborted) this.#left();
    else request.signal?.addEventListener('abort', this.#left, { once: true });
  }

  /** The request could not even be sent. */
  refuse(error: Error): void {
    this.#finish(this.#translate(error));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#end instanceof InlayError) controller.abort(this.#end);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#headSeen = true;
    clearTimeout(this.#headTimer);
    this.#settle.resolve({ status, fields: lowerCased(controller.rawHeaders), body: this.#body() });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#queued += chunk.byteLength;
    if (this.#queued > HIGH_WATER) controller.pause();
    this.#wake();
  }

  onResponseEnd(): void {
    this.#finish('complete');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish(this.#translate(error));
  }

  #abort(error: InlayError): void {
    if (this.#end !== undefined) return;
    this.#finish(error);
    this.#controller?.abort(error);
  }

  #finish(end: 'complete' | InlayError): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearTimeout(this.#headTimer);
    clearTimeout(this.#totalTimer);
    this.#request.signal?.removeEventListener('abort', this.#left);
    if (end !== 'complete') {
      this.#queue = [];
      this.#settle.reject(end);
    }
    this.#wake();
  }

  #body(): AsyncIterable<Uint8Array> {
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      while (this.#queue.length === 0 && this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      const value = this.#queue.shift();
      if (value !== undefined) {
        this.#queued -= value.byteLength;
        if (this.#end === undefined && this.#queued <= HIGH_WATER && this.#controller?.paused)
          this.#controller.resume();
        return { done: false, value };
      }
      if (this.#end instanceof InlayError) throw this.#end;
      return { done: true, value: undefined };
    };
    const stop = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      this.#abort(new InlayError('client-closed', 'the answer was given up', { path: this.#where() }));
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: stop }) };
  }

  #translate(error: Error): InlayError {
    if (error instanceof InlayError) return error;
    const code = codeOf(error, this.#headSeen);
    return new InlayError(code, `${this.#where()}: ${error.message}`, { path: this.#where(), cause: error });
  }

  #timeout(what: string, ms: number): InlayError {
    return new InlayError('upstream-timeout', `${what} from ${this.#where()} within ${ms} ms`, { path: this.#where() });
  }

  #where(): string {
    return this.#request.origin + this.#request.path;
  }
}

/** Errors of undici and of sockets, by their codes, in Inlay's words. */
function codeOf(error: Error, headSeen: boolean): ErrorCode {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'upstream-timeout';
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'upstream-truncated';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
    return headSeen ? 'upstream-truncated' : 'upstream-reset';
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_INVALID_ARG')
    return 'upstream-protocol';
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error && code === '') return codeOf(inner, headSeen);
  return headSeen ? 'upstream-truncated' : 'upstream-unreachable';
}

/** Lower-case spellings of field names: services send few different ones, and entries that share a string cost less. */
const names = new Map<string, string>();
const MAX_NAMES = 1_000;

function lowerCased(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const fields: string[] = [];
  if (!Array.isArray(raw)) return fields;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const spelled = text(raw[i]!);
    let name = names.get(spelled);
    if (name === undefined) {
      name = spelled.toLowerCase();
      if (names.size < MAX_NAMES) names.set(spelled, name);
    }
    fields.push(name, text(raw[i + 1]!).trim());
  }
  return fields;
}

/** Field values are bytes; Latin-1 gives each of them a character and back (RFC 9110 section 5.5). */
function text(raw: Buffer | string): string {
  return typeof raw === 'string' ? raw : raw.toString('latin1');
}
