import { Readable } from 'node:stream';
import { asInlayError, type ErrorCode, InlayError } from '../errors.ts';
import { fieldValue } from '../http/fields.ts';
import type { UpstreamRequest, UpstreamResponse } from '../runtime.ts';

/** Bytes of a body that wait here before the service is asked to pause. */
const HIGH_WATER = 65_536;

/** What an exchange knows and tells of the connection that it is on. */
export interface Connection {
  /** Whether an answer has come on it to its end. */
  used: boolean;
}

/** What undici hands to its callbacks, as far as it is used here. */
interface Controller {
  readonly rawHeaders?: Buffer[] | string[] | object | null;
  readonly paused: boolean;
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** What takes a request and calls an exchange back: one of undici's clients. */
interface Dispatcher<Handler> {
  dispatch(
    request: { method: string; path: string; headers: string[]; body: Readable | null },
    handler: Handler,
  ): unknown;
}

/** One request and its answer: undici's callbacks on one side, a promise and an async iterator on the other. */
export class Exchange<On extends Connection> {
  readonly response: Promise<UpstreamResponse>;
  readonly #settle: PromiseWithResolvers<UpstreamResponse>;
  readonly #request: UpstreamRequest;
  readonly #over: (ended: Exchange<On>) => void;
  readonly #headTimer: NodeJS.Timeout;
  readonly #totalTimer: NodeJS.Timeout | undefined;
  readonly #left: () => void;
  #connection: On | undefined;
  #reused = false;
  #controller: Controller | undefined;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #stage: Stage = 'asked';
  #answered = false;
  /** For more of the request's body, from whoever sends it. */
  #isWaiting = false;
  #end: 'complete' | InlayError | undefined;
  #wake: () => void = () => {};

  /** @param over called once when the exchange has ended, however it did */
  constructor(request: UpstreamRequest, over: (ended: Exchange<On>) => void) {
    this.#request = request;
    this.#over = over;
    this.#settle = Promise.withResolvers();
    this.response = this.#settle.promise;
    this.#headTimer = setTimeout(
      () => this.#abort(this.#isWaiting ? this.#stalled() : this.#timeout('no response', request.headTimeout)),
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

  /** The connection that it was begun on, if it was. */
  get connection(): On | undefined {
    return this.#connection;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Whether the answer has come to its end. */
  get isComplete(): boolean {
    return this.#end === 'complete';
  }

  /** Whether it failed because a connection that had been used before closed, and nothing of an answer was received. */
  get isLostOnReuse(): boolean {
    return this.#end instanceof InlayError && this.#end.code === 'upstream-reset' && this.#reused && !this.#answered;
  }

  /** Sends the request on this connection. */
  begin(connection: On, client: Dispatcher<this>): void {
    const { method, path, fields, body } = this.#request;
    this.#connection = connection;
    this.#reused = connection.used;
    const stream = body === undefined ? null : Readable.from(this.#upload(body), { objectMode: false });
    client.dispatch({ method, path, headers: fields as string[], body: stream }, this);
  }

  /** Ends it before it was begun. */
  refuse(error: Error): void {
    this.#finish(this.#translate(error));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#reused = this.#connection?.used === true; // the one that was there may have closed, and another been opened
    if (this.#end instanceof InlayError) controller.abort(this.#end);
  }

  /** The first byte of a response, interim or final. */
  onResponseStarted(): void {
    this.#answered = true;
    this.#stage = 'head';
  }

  onResponseStart(controller: Controller, status: number): void {
    const fields = lowerCased(controller.rawHeaders);
    if (status === 101) {
      const message = `${this.#where()}: 101 Switching Protocols, which nobody asked for`;
      this.#abort(new InlayError('upstream-protocol', message, { path: this.#where() }));
    } else if (status < 200) {
      this.#stage = 'asked';
      this.#request.interim?.(status, fields);
    } else {
      this.#stage = 'body';
      clearTimeout(this.#headTimer);
      const objection = objectionTo(fields);
      if (objection === undefined) this.#settle.resolve({ status, fields, body: this.#body() });
      else this.#abort(new InlayError('upstream-protocol', `${this.#where()}: ${objection}`, { path: this.#where() }));
    }
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#queued += chunk.byteLength;
    if (this.#queued > HIGH_WATER) controller.pause();
    this.#wake();
  }

  onResponseEnd(): void {
    if (this.#connection !== undefined) this.#connection.used = true;
    this.#finish('complete');
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.#finish(this.#translate(error));
  }

  /**
   * The request's body. The answer is waited for from its last byte on, as long as bytes come; who sends them has limits of
   * its own. Where it breaks off, it says why itself: what its client's connection says is that the client left.
   */
  async *#upload(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      this.#isWaiting = true;
      for await (const chunk of body) {
        this.#isWaiting = false;
        if (!this.isOver && this.#stage === 'asked') this.#headTimer.refresh();
        yield chunk;
        this.#isWaiting = true;
      }
      this.#isWaiting = false;
      if (!this.isOver && this.#stage === 'asked') this.#headTimer.refresh();
    } catch (thrown) {
      throw asInlayError(thrown, 'client-closed');
    }
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
    this.#over(this);
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
    const code = codeOf(error, this.#stage);
    return new InlayError(code, `${this.#where()}: ${error.message}`, { path: this.#where(), cause: error });
  }

  #stalled(): InlayError {
    const message = `no more of the request's body for ${this.#request.headTimeout} ms`;
    return new InlayError('request-timeout', message, { path: this.#where() });
  }

  #timeout(what: string, ms: number): InlayError {
    return new InlayError('upstream-timeout', `${what} from ${this.#where()} within ${ms} ms`, { path: this.#where() });
  }

  #where(): string {
    return this.#request.origin + this.#request.path;
  }
}

/** How far an answer has come: nothing of it yet (or interim responses), its head has begun, its body is arriving. */
type Stage = 'asked' | 'head' | 'body';

/** Errors of undici and of sockets, by their codes, in Inlay's words. */
function codeOf(error: Error, stage: Stage): ErrorCode {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'upstream-timeout';
  // In a head, it is how undici tells of two lengths that differ.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
    return stage === 'body' ? 'upstream-truncated' : 'upstream-protocol';
  // undici closes the connection itself when a head is none that was asked for, such as 100 or 101; or it ended within one.
  if (code === 'UND_ERR_SOCKET' && stage === 'head') return 'upstream-protocol';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
    return stage === 'body' ? 'upstream-truncated' : 'upstream-reset';
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_INVALID_ARG')
    return 'upstream-protocol';
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error && code === '') return codeOf(inner, stage);
  return stage === 'body' ? 'upstream-truncated' : 'upstream-unreachable';
}

/** Lines of a head that are read; each costs more than its bytes. */
const MAX_FIELDS = 256;

/** Why a head must not be believed that undici let pass; `undefined` if it may. */
function objectionTo(fields: readonly string[]): string | undefined {
  if (fields.length > 2 * MAX_FIELDS) return `more than ${MAX_FIELDS} fields`;
  const codings = fieldValue(fields, 'transfer-encoding')?.toLowerCase().split(',') ?? [];
  // Chunks in chunks are taken out once, and what is left is no body (RFC 9112 section 6.1).
  return codings.slice(0, -1).some((coding) => coding.trim() === 'chunked')
    ? 'chunked before the last coding'
    : undefined;
}

/** Lower-case spellings of field names: services send few different ones, and entries that share a string cost less. */
const names = new Map<string, string>();
const MAX_NAMES = 1_000;

function lowerCased(raw: Controller['rawHeaders']): string[] {
  const fields: string[] = [];
  if (!Array.isArray(raw)) return fields;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const spelled = text(raw[i]!);
    let name = names.get(spelled);
    if (name === undefined) {
      name = spelled.toLowerCase();
      if (names.size < MAX_NAMES) names.set(spelled, name);
    }
    fields.push(name, trimmed(text(raw[i + 1]!)));
  }
  return fields;
}

/** Without the white space of RFC 9110 section 5.5 around it: other white space is bytes of the value. */
function trimmed(value: string): string {
  return /^[ \t]|[ \t]$/.test(value) ? value.replace(/^[ \t]+|[ \t]+$/g, '') : value;
}

/** Field values are bytes; Latin-1 gives each of them a character and back (RFC 9110 section 5.5). */
function text(raw: Buffer | string): string {
  return typeof raw === 'string' ? raw : raw.toString('latin1');
}
