import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { InlayError } from '../errors.ts';
import type { Rim } from '../gateway/app.ts';
import type { PageAnswer, PageRequest } from '../gateway/exchange.ts';

/** Ms in which a client must take something of an answer. Kernels buffer megabytes: a slow reader looks idle for a good while. */
export const SEND_IDLE_TIMEOUT = 60_000;
/** Fields of one request. */
const MAX_FIELDS = 100;
/** Characters of a request target. */
const MAX_TARGET = 8_192;

/** Node's rim: requests are read from, and answers written to, the socket's own objects; no Request or Response is made. */
export function createNodeRim(isDraining: () => boolean): Rim {
  return {
    receive: (c) => receive((c.env as HttpBindings).incoming, (c.env as HttpBindings).outgoing),
    deliver: async (answer: PageAnswer, c: Context) => {
      const { outgoing } = c.env as HttpBindings;
      await send(answer, outgoing, isDraining());
      return RESPONSE_ALREADY_SENT;
    },
  };
}

/** Reads a request's head; one that could mean different things to different readers is marked as such. */
function receive(incoming: IncomingMessage, outgoing: ServerResponse): PageRequest {
  const { rawHeaders, method = 'GET', url: target = '' } = incoming;
  const fields: string[] = [];
  const hosts: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name === 'host') hosts.push(rawHeaders[i + 1]!);
    fields.push(name, rawHeaders[i + 1]!);
  }
  return {
    method,
    target,
    host: hosts[0] ?? '',
    scheme: 'http',
    fields,
    peer: incoming.socket.remoteAddress?.replace(/^::ffff:/, ''),
    body: method === 'GET' || method === 'HEAD' ? undefined : bodyOf(incoming),
    problem: problemOf(target, hosts, rawHeaders.length / 2),
    signal: signalOf(outgoing),
  };
}

function problemOf(target: string, hosts: readonly string[], fields: number): InlayError | undefined {
  if (fields > MAX_FIELDS) return new InlayError('header-too-large', `more than ${MAX_FIELDS} header fields`);
  if (target.length > MAX_TARGET)
    return new InlayError('target-too-long', `a target of more than ${MAX_TARGET} characters`);
  if (!target.startsWith('/')) return new InlayError('target-invalid', 'the request target is no path');
  if (hosts.length !== 1 || !AUTHORITY.test(hosts[0]!))
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

async function sendStream(
  batches: AsyncIterable<readonly Uint8Array[]>,
  outgoing: ServerResponse,
  done: PageAnswer['done'],
): Promise<void> {
  const iterator = batches[Symbol.asyncIterator]();
  const closed = Promise.withResolvers<never>();
  const leave = () => closed.reject(gone());
  outgoing.once('close', leave);
  // The head is worth having before the body is: its client may go by it. As bytes, since text would recode field values.
  outgoing.write(NO_BYTES);
  let bytes = 0;
  try {
    while (true) {
      const next = await Promise.race([iterator.next(), closed.promise]);
      if (next.done === true) break;
      outgoing.cork();
      for (const chunk of next.value) {
        bytes += chunk.byteLength;
        outgoing.write(chunk);
      }
      outgoing.uncork();
      // Asked only now: what write answered while corked may be past, and no 'drain' would ever come.
      if (outgoing.writableNeedDrain) await drained(outgoing);
    }
    outgoing.off('close', leave);
    outgoing.end();
    done(bytes);
  } catch (error) {
    outgoing.off('close', leave);
    const left = outgoing.destroyed; // what fails after the client has left fails because of that
    outgoing.destroy(); // without the terminating chunk, so that the client sees that something is missing
    done(bytes, left ? gone() : error);
    await iterator.return?.();
  }
}

const NO_BYTES = new Uint8Array(0);

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
