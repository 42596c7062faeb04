import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { asInlayError, InlayError } from '../errors.ts';
import type { Rim } from '../gateway/app.ts';
import type { PageAnswer, PageRequest } from '../gateway/exchange.ts';
import { answerHot } from '../gateway/hot.ts';
import type { Setup } from '../gateway/page.ts';
import { interimWriter } from './interim.ts';

/** Ms in which a client must take something of an answer. Kernels buffer megabytes: a slow reader looks idle for a good while. */
export const SEND_IDLE_TIMEOUT = 60_000;
/** Fields of one request. */
const MAX_FIELDS = 100;
/** Characters of a request target. */
const MAX_TARGET = 8_192;

/** Node's rim: requests are read from, and answers written to, the socket's own objects; no Request or Response is made. */
export function createNodeRim(isDraining: () => boolean): Rim {
  return {
    receive: (c) => received(c.env as HttpBindings),
    deliver: async (answer: PageAnswer, c: Context) => {
      const { outgoing } = c.env as HttpBindings;
      await send(answer, outgoing, isDraining());
      return RESPONSE_ALREADY_SENT;
    },
  };
}

/**
 * What hears of a request first. A page that is kept assembled is answered right here, before there is a context of
 * Hono's; all others are handed on to the app.
 */
export function createDoor(setup: Setup, app: RequestListener, isDraining: () => boolean): RequestListener {
  return (incoming, outgoing) => {
    const request = new NodeRequest(incoming, outgoing);
    const hot = answerHot(request, setup);
    if (hot !== undefined) {
      send(hot, outgoing, isDraining()).catch((thrown) => {
        setup.runtime.observe({ type: 'internal', error: asInlayError(thrown) });
        outgoing.destroy(); // nobody else hears of what goes wrong out here
      });
      return;
    }
    (incoming as Read)[READ] = request;
    return app(incoming, outgoing);
  };
}

/**
 * Where a request that was read at the door is found again. Not in a WeakMap: entries of one that outlive a collection of
 * young objects stay, with all they refer to, until the whole heap is collected.
 */
const READ = Symbol('read');
type Read = object & { [READ]?: PageRequest };

function received({ incoming, outgoing }: Pick<HttpBindings, 'incoming' | 'outgoing'>): PageRequest {
  return (incoming as Read)[READ] ?? new NodeRequest(incoming as IncomingMessage, outgoing as ServerResponse);
}

/** A request's head, read from the socket's own objects; one that could mean different things to different readers is marked as such. */
class NodeRequest implements PageRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly scheme = 'http';
  readonly fields: string[] = [];
  readonly peer: string | undefined;
  readonly problem: InlayError | undefined;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #signal: AbortSignal | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    const { rawHeaders, method = 'GET', url: target = '' } = incoming;
    let host: string | undefined;
    let hosts = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = lowerCase(rawHeaders[i]!);
      if (name === 'host') {
        host ??= rawHeaders[i + 1]!;
        hosts++;
      }
      this.fields.push(name, rawHeaders[i + 1]!);
    }
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.method = method;
    this.target = target;
    this.host = host ?? '';
    this.peer = peerOf(incoming.socket);
    this.problem = problemOf(target, hosts === 1 ? host : undefined, rawHeaders.length / 2);
  }

  get body(): AsyncIterable<Uint8Array> | undefined {
    return this.method === 'GET' || this.method === 'HEAD' ? undefined : bodyOf(this.#incoming);
  }

  /** Made when it is first asked for: an answer that is there at once needs none. */
  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#outgoing);
    return this.#signal;
  }

  get interim(): PageRequest['interim'] {
    return interimWriter(this.#incoming, this.#outgoing);
  }
}

/** Lower-case spellings of the field names that clients send. */
const names = new Map<string, string>();
const MAX_NAMES = 1_000;

function lowerCase(spelled: string): string {
  let name = names.get(spelled);
  if (name === undefined) {
    name = spelled.toLowerCase();
    if (names.size < MAX_NAMES && spelled.length <= 64) names.set(spelled, name);
  }
  return name;
}

/** Addresses of peers: asked for once a connection. */
const peers = new WeakMap<Socket, string | undefined>();

function peerOf(socket: Socket): string | undefined {
  let peer = peers.get(socket);
  if (peer === undefined) {
    peer = socket.remoteAddress?.replace(/^::ffff:/, '');
    if (peer !== undefined) peers.set(socket, peer);
  }
  return peer;
}

function problemOf(target: string, host: string | undefined, fields: number): InlayError | undefined {
  if (fields > MAX_FIELDS) return new InlayError('header-too-large', `more than ${MAX_FIELDS} header fields`);
  if (target.length > MAX_TARGET)
    return new InlayError('target-too-long', `a target of more than ${MAX_TARGET} characters`);
  if (!target.startsWith('/')) return new InlayError('target-invalid', 'the request target is no path');
  if (host === undefined || !AUTHORITY.test(host))
    return new InlayError('host-invalid', 'Host is missing, repeated or malformed');
  return undefined;
}

/** A host name, an IPv4 or a bracketed IPv6 address, and a port (RFC 9110 section 7.2). */
const AUTHORITY = /^(?:[A-Za-z0-9._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

function bodyOf(incoming: IncomingMessage): AsyncIterable<Uint8Array> | undefined {
  const { headers } = incoming;
  const length = headers['content-length'];
  if (headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return undefined;
  // A body that is given up must not take the connection with it: the answer, perhaps a 413, is still to be sent on it.
  return { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) };
}

/** Aborts when the connection closes before the answer is complete. */
function signalOf(outgoing: ServerResponse): AbortSignal {
  const abort = new AbortController();
  if (outgoing.destroyed) abort.abort();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) abort.abort();
  });
  return abort.signal;
}

async function send(answer: PageAnswer, outgoing: ServerResponse, draining: boolean): Promise<void> {
  const { status, fields, body, done } = answer;
  if (outgoing.destroyed) return done(0, gone());
  outgoing.writeHead(status, (draining ? [...fields, 'connection', 'close'] : fields) as string[]);
  if (body.kind === 'stream') return sendStream(body.batches, outgoing, done);
  if (body.kind === 'none') {
    outgoing.end();
    return done(0);
  }
  const { chunks } = body;
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.byteLength;
  if (chunks.length === 1) {
    outgoing.end(chunks[0]);
  } else {
    outgoing.cork();
    for (const chunk of chunks) outgoing.write(chunk);
    outgoing.uncork(); // before end: Node 24 would send the last chunk of a chunked body before what is corked
    outgoing.end();
  }
  // The socket buffers what the client has not taken; a client that takes nothing is cut off by the socket's own timeout.
  done(bytes);
}

/**
 * Writes a body while it is composed. What becomes known within one turn of the event loop leaves in one write, the head
 * with it: the busier the process, the fewer the writes.
 */
async function sendStream(
  batches: AsyncIterable<readonly Uint8Array[]>,
  outgoing: ServerResponse,
  done: PageAnswer['done'],
): Promise<void> {
  const iterator = batches[Symbol.asyncIterator]();
  let giveUp: (reason: InlayError) => void = () => {};
  const leave = () => giveUp(gone());
  outgoing.once('close', leave);
  // A promise for each wait: one that lasts as long as the body would gather a reaction for each of its pieces.
  const next = () =>
    new Promise<IteratorResult<readonly Uint8Array[]>>((resolve, reject) => {
      giveUp = reject;
      if (outgoing.destroyed) reject(gone());
      else iterator.next().then(resolve, reject);
    });
  const writer = new Writer(outgoing);
  // The head is worth having before the body is: its client may go by it. As bytes, since text would recode field values.
  writer.add([NO_BYTES]);
  try {
    while (true) {
      const batch = await next();
      if (batch.done === true) break;
      writer.add(batch.value);
      if (writer.held >= MAX_HELD) writer.flush();
      if (outgoing.writableNeedDrain) await drained(outgoing);
    }
    outgoing.off('close', leave);
    writer.end();
    done(writer.bytes);
  } catch (error) {
    outgoing.off('close', leave);
    const left = outgoing.destroyed; // what fails after the client has left fails because of that
    writer.flush();
    outgoing.destroy(); // without the terminating chunk, so that the client sees that something is missing
    done(writer.bytes, left ? gone() : error);
    await iterator.return?.();
  }
}

const NO_BYTES = new Uint8Array(0);

/** Bytes that are held for the end of the turn; more leave at once. */
const MAX_HELD = 65_536;

/** Writes to a response once a turn of the event loop. */
class Writer {
  /** Bytes of body so far, and those of them that are not written yet. */
  bytes = 0;
  held = 0;
  readonly #outgoing: ServerResponse;
  #chunks: Uint8Array[] = [];
  #turn: NodeJS.Immediate | undefined;

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing;
  }

  add(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      this.held += chunk.byteLength;
    }
    this.#turn ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    if (this.#chunks.length === 0 || this.#outgoing.destroyed) return;
    this.#outgoing.cork();
    for (const chunk of this.#chunks) this.#outgoing.write(chunk);
    this.#outgoing.uncork(); // before end: Node 24 would send the last chunk of a chunked body before what is corked
    this.bytes += this.held;
    this.held = 0;
    this.#chunks = [];
  }

  /** Writes what is left and the end of the body in one. */
  end(): void {
    const { socket } = this.#outgoing;
    socket?.cork(); // the socket, not the response: Node 24 sends the last chunk of a corked response before the others
    this.flush();
    this.#outgoing.end();
    socket?.uncork();
  }
}

/** Waits until the client has taken what was written: as long as it takes something, however slowly, but not for ever. */
async function drained(outgoing: ServerResponse): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const taken = () => (outgoing.socket?.bytesWritten ?? 0) - (outgoing.socket?.writableLength ?? 0);
  let before = taken();
  const timer = setInterval(() => {
    const now = taken();
    if (now === before) reject(new InlayError('client-closed', `the client took nothing for ${SEND_IDLE_TIMEOUT} ms`));
    before = now;
  }, SEND_IDLE_TIMEOUT);
  const closed = () => reject(gone());
  outgoing.once('drain', resolve).once('close', closed);
  try {
    await promise;
  } finally {
    clearInterval(timer);
    outgoing.off('drain', resolve).off('close', closed);
  }
}

function gone(): InlayError {
  return new InlayError('client-closed', 'the client left before the end of the answer');
}
