import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { defineGateway, type GatewayConfig } from '../../src/gateway/config.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { type Running, serve } from '../../src/node/serve.ts';
import type { PurgeMessage } from '../../src/purge/message.ts';
import type { InlayEvent, RequestRecord, Runtime } from '../../src/runtime.ts';

/** A gateway on free ports of this machine, in this process. */
export interface TestGateway extends Running {
  readonly port: number;
  /** Everything it observed, in order. */
  readonly events: readonly InlayEvent[];
  /** The access log so far. */
  records(): RequestRecord[];
  /** Sends a request and reads the whole answer, complete or not. */
  get(path: string, options?: AskOptions): Promise<Answered>;
  purge(targets: Partial<PurgeMessage>): Promise<void>;
  stop(): Promise<void>;
}

/** What a client asks. A list of header values is as many lines. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
  /** Called with the text so far whenever some of it arrives, and first with '' for the head. */
  readonly onText?: (text: string) => void;
}

/** What a client got. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, … as on the wire. */
  readonly rawHeaders: readonly string[];
  /** The body, one character a byte. */
  readonly latin1: string;
  /** The body as UTF-8. */
  readonly text: string;
  /** Whether the body arrived to its end, as its framing tells. */
  readonly complete: boolean;
  /** The 1xx that came before the head, in order. */
  readonly interim: readonly { readonly status: number; readonly headers: IncomingHttpHeaders }[];
}

/**
 * Starts a gateway; stop it when the test is done.
 *
 * @param now its clock, where a test turns it
 * @param spoil what of its runtime is replaced, where a test must see that it would notice
 */
export async function startGateway(
  config: GatewayConfig,
  now?: () => number,
  spoil?: (runtime: Runtime) => Partial<Runtime>,
): Promise<TestGateway> {
  const events: InlayEvent[] = [];
  const gateway = resolveConfig(defineGateway({ admin: { port: 0 }, ...config }));
  const running = await serve(gateway, {
    host: '127.0.0.1',
    port: 0,
    observe: (event) => void events.push(event),
    ...(now === undefined ? {} : { now }),
  });
  if (spoil !== undefined) Object.assign(running.node.runtime, spoil({ ...running.node.runtime }));
  const port = Number(new URL(running.url).port);
  return {
    ...running,
    port,
    events,
    records: () => events.flatMap((event) => (event.type === 'request' ? [event.record] : [])),
    get: (path, options) => ask(port, path, options),
    purge: async (targets) => {
      const response = await fetch(`${running.adminUrl}/_inlay/purge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(targets),
      });
      if (!response.ok) throw new Error(`purge: ${response.status} ${await response.text()}`);
      await response.body?.cancel();
    },
    stop: () => running.close(),
  };
}

/** Sends a request over a connection of its own, its target and fields as they are given, and reads what comes back. */
export function ask(port: number, path: string, options: AskOptions = {}): Promise<Answered> {
  const { method = 'GET', headers = {}, body, onText } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: flat(headers), agent: false });
    const interim: { status: number; headers: IncomingHttpHeaders }[] = [];
    request.on('error', reject);
    request.on('information', ({ statusCode, headers }) => void interim.push({ status: statusCode, headers }));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      const end = () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          latin1: bytes.toString('latin1'),
          text: bytes.toString('utf8'),
          complete: response.complete,
          interim,
        });
      };
      onText?.('');
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        onText?.(Buffer.concat(chunks).toString('utf8'));
      });
      response.on('error', () => undefined).on('close', end);
    });
    if (typeof body === 'string' || body === undefined) request.end(body);
    else void write(body, request).catch(() => undefined); // a gateway that refuses the rest has answered
  });
}

/** Field lines as Node takes them; `Host` is Node's own unless it is given. */
function flat(headers: NonNullable<AskOptions['headers']>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

async function write(body: AsyncIterable<Uint8Array>, request: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of body) request.write(chunk);
  request.end();
}

/** A connection on which a test writes bytes of its own. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far, one character a byte. */
  text(): string;
  /** Resolves with everything received when the other side has closed. */
  readonly closed: Promise<string>;
}

/** Opens a connection and writes these bytes, one a character. */
export function sendRaw(port: number, bytes: string): RawConnection {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
  socket.write(Buffer.from(bytes, 'latin1'));
  return { socket, text: () => text, closed };
}

/** A door that tests open: whoever awaits `passed` waits until then. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

/** Makes a closed {@link Gate}. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Response fields of a template. */
export const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"' } as const;

/** Response fields of a JSON template. */
export const ESI_JSON = { 'content-type': 'application/json', 'surrogate-control': 'content="ESI/1.0"' } as const;

/** Stops, in reverse order, what tests of a file started. */
export function cleanups(): {
  add<Started extends { stop(): Promise<void> }>(started: Started): Started;
  run(): Promise<void>;
} {
  const list: (() => Promise<void>)[] = [];
  return {
    add: (started) => {
      list.push(() => started.stop());
      return started;
    },
    run: async () => {
      while (list.length > 0) await list.pop()?.();
    },
  };
}
