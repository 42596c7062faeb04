import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScriptedAnswer } from '../contract/composition.ts';

/** What an origin answers: what a contract can script, and what only this process can. */
export interface Answer extends Omit<ScriptedAnswer, 'body' | 'headers'> {
  /** A list of values is as many field lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is UTF-8 unless `latin1`. A list or a generator is sent chunk by chunk, no faster than it is taken. */
  readonly body?: string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;
  /** After the last chunk: resets the connection (`reset`), or leaves it open for ever (`hang: 'body'`). */
  readonly reset?: boolean;
  /** The reason phrase; Node's own for the status otherwise. */
  readonly reason?: string;
  /** Sent before the final head, 1xx (RFC 9110 section 15.2). */
  readonly interim?: readonly { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[];
  /** False leaves Date out; otherwise it is this machine's time unless it is among the headers. */
  readonly date?: boolean;
  /** Exactly these bytes (one a character), and then the end of the connection; all else is ignored. */
  readonly raw?: string;
}

/** A request that the origin received, and what became of it. */
export interface Received {
  readonly method: string;
  /** The request target, byte for byte. */
  readonly target: string;
  /** Name, value, name, value, … as on the wire. */
  readonly rawHeaders: readonly string[];
  /** The lines of a field. */
  lines(name: string): string[];
  /** The one line of a field; throws if there are several. */
  field(name: string): string | undefined;
  body: string;
  /** Which of the origin's connections it came on, from 1. */
  readonly connection: number;
  /** Bytes of body that the answer was made of so far. */
  sent: number;
  /** The connection closed before the answer was complete. */
  left: boolean;
  /** The answer was written to its end. */
  answered: boolean;
}

type Script = Answer | ((request: Received) => Answer | Promise<Answer>);

/** A real server on loopback that does what it is told and remembers what it was sent. */
export interface Origin {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Received[];
  /** Says what a path (without query) answers from now on; `*` is every path that has no answer of its own. */
  script(path: string, answer: Script): void;
  /** The requests of a path, whatever their query. */
  received(path: string): Received[];
  stop(): Promise<void>;
}

/** Starts an origin; a path without a script answers 404. */
export async function startOrigin(port = 0): Promise<Origin> {
  const scripts = new Map<string, Script>();
  const requests: Received[] = [];
  const connections = new WeakMap<object, number>();
  let opened = 0;
  const server = createServer((incoming, response) => {
    const request = record(incoming, connections.get(incoming.socket) ?? 0);
    requests.push(request);
    response.once('close', () => {
      request.left = !response.writableFinished;
    });
    const answering = answerWith(scripts.get(pathOf(request.target)) ?? scripts.get('*') ?? { status: 404 });
    incoming.resume().on('data', (chunk: Buffer) => {
      request.body += chunk.toString('latin1');
    });
    incoming.once('end', () => void answering(request, response));
    incoming.on('error', () => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    opened += 1;
    connections.set(socket, opened);
    socket.on('error', () => undefined); // scripted breakage is no failure of the origin
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    script: (path, answer) => void scripts.set(path, answer),
    received: (path) => requests.filter(({ target }) => pathOf(target) === path),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function record({ method = '', url = '', rawHeaders }: IncomingMessage, connection: number): Received {
  const lines = (name: string): string[] =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
  return {
    method,
    target: url,
    rawHeaders,
    lines,
    field: (name) => {
      const found = lines(name);
      if (found.length > 1) throw new Error(`${name} is there ${found.length} times: ${found.join(' | ')}`);
      return found[0];
    },
    body: '',
    connection,
    sent: 0,
    left: false,
    answered: false,
  };
}

function answerWith(script: Script): (request: Received, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      await send(typeof script === 'function' ? await script(request) : script, request, response);
    } catch (error) {
      if (!request.left) throw error; // whoever asked is gone: so is what was to be sent
    }
  };
}

/** Writes what comes before the body. A Content-Length among the headers stays as it is, true or not. */
function begin(
  { interim = [], date, reason }: Answer,
  { status, headers, length }: { status: number; headers: NonNullable<Answer['headers']>; length: number | undefined },
  response: ServerResponse,
): void {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).flatMap((line) => [name, line]),
  );
  const counted = fields.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
  if (length !== undefined && !counted) fields.push('content-length', String(length));
  for (const { status: code, headers: hints = {} } of interim) {
    const lines = Object.entries(hints).map(([name, value]) => `${name}: ${value}\r\n`);
    response.socket?.write(`HTTP/1.1 ${code} Interim\r\n${lines.join('')}\r\n`);
  }
  if (date === false) response.sendDate = false;
  if (reason === undefined) response.writeHead(status, fields);
  else response.writeHead(status, reason, fields);
}

async function send(answer: Answer, request: Received, response: ServerResponse): Promise<void> {
  const { status = 200, headers = {}, body = '', delay = 0, pause = 0, hang, truncate, reset, raw } = answer;
  if (raw !== undefined) {
    response.socket?.end(Buffer.from(raw, 'latin1'));
    return;
  }
  if (delay > 0) await after(delay);
  if (hang === true) return;
  const bytes = (chunk: string | Uint8Array): Uint8Array =>
    typeof chunk === 'string' ? Buffer.from(chunk, answer.latin1 ? 'latin1' : 'utf8') : chunk;
  const whole = typeof body === 'string' || body instanceof Uint8Array;
  const broken = truncate === true || reset === true || hang === 'body';
  const known = whole && !broken && status !== 204 && status !== 304;
  const length = truncate === true ? 1_000_000 : known ? bytes(body as string | Uint8Array).length : undefined;
  begin(answer, { status, headers, length }, response);
  response.flushHeaders();
  if (request.method === 'HEAD') {
    response.end();
    request.answered = true;
    return;
  }
  let first = true;
  for await (const chunk of whole ? [body] : body) {
    if (!first && pause > 0) await after(pause);
    first = false;
    const piece = bytes(chunk);
    if (piece.length === 0) continue;
    if (response.destroyed) return;
    request.sent += piece.length;
    if (!response.write(piece)) await drained(response);
  }
  if (hang === 'body') return;
  if (broken) {
    if (response.writableNeedDrain) await drained(response);
    if (reset === true) response.socket?.resetAndDestroy();
    else response.socket?.end();
    return;
  }
  request.answered = true;
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      if (response.destroyed) reject(new Error('the gateway closed the connection'));
      else resolve();
    };
    response.once('drain', done).once('close', done);
  });
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function pathOf(target: string): string {
  return target.split('?', 1)[0]!;
}
