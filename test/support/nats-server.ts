import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real nats-server on loopback, owned by one test. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it in order, and removes what it stored. */
  stop(): Promise<void>;
  /** Ends it as a crash would. What it stored stays. */
  kill(): Promise<void>;
  /** Makes it hang, as a machine without a breath does: connections stand and nothing answers. */
  hang(): Promise<void>;
  /** Ends the hanging. */
  resume(): void;
  /** Starts it again on the same port; ends it first if it runs. */
  restart(): Promise<void>;
  /** Keeps what it has stored until now; `restore` puts that back, while it does not run. */
  backup(): Promise<{ restore(): Promise<void> }>;
}

/** How a server is started. */
export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Path of a configuration file. */
  readonly config?: string;
  /** Whether it keeps streams, in a folder of its own that lives until it is stopped. */
  readonly jetstream?: boolean;
}

/** Debian installs it where a user's PATH may not look. */
const CANDIDATES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'];
/** Ms until a server must answer, or have ended. */
const DEADLINE = 5_000;

let found: string | false | undefined;

/** Whether the binary is here; in CI its absence is an error, elsewhere callers skip, and say why. */
export function natsServerAvailable(): boolean {
  found ??= CANDIDATES.find((path) => spawnSync(path, ['--version']).status === 0) ?? false;
  if (found === false && process.env.CI) throw new Error('nats-server is missing: CI must not skip its tests');
  return found !== false;
}

/** Starts a server, and waits until it answers. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  if (!natsServerAvailable()) throw new Error('nats-server is not installed');
  const port = options.port ?? (await freePort());
  const store = options.jetstream === true ? await mkdtemp(join(tmpdir(), 'inlay-jetstream-')) : undefined;
  const args = [
    ...['-a', '127.0.0.1', '-p', String(port)],
    ...(options.config === undefined ? [] : ['-c', options.config]),
    ...(store === undefined ? [] : ['-js', '-sd', store]),
  ];
  const forget = async () => {
    if (store !== undefined) await rm(store, { recursive: true, force: true });
  };
  let child = await start(port, args).catch(async (thrown: unknown) => {
    await forget();
    throw thrown;
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? -1;
    },
    async stop() {
      // A server that hangs ends in no order.
      child.kill('SIGCONT');
      await end(child, 'SIGTERM');
      await forget();
    },
    kill: () => end(child, 'SIGKILL'),
    async hang() {
      child.kill('SIGSTOP');
      // Its threads stop one after the other: it hangs when it leaves a new connection without a greeting.
      while (await answers(port));
    },
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      await end(child, 'SIGTERM');
      child = await start(port, args);
    },
    async backup() {
      if (store === undefined) throw new Error('it stores nothing');
      const copy = `${store}/copy`;
      await cp(`${store}/jetstream`, copy, { recursive: true });
      return {
        async restore() {
          await rm(`${store}/jetstream`, { recursive: true });
          await cp(copy, `${store}/jetstream`, { recursive: true });
        },
      };
    },
  };
}

/** A loopback port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Publishes payloads as they are, over a bare socket: no client library of ours or of others has a say in the bytes.
 * Resolves when the server has taken them all.
 */
export function publishRaw(port: number, subject: string, ...payloads: string[]): Promise<void> {
  const messages = payloads.map((payload) => `PUB ${subject} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
  return writeRaw(port, messages.join(''));
}

/** As {@link publishRaw}, with a block of headers before each payload, which is written as it is, too. */
export function publishWithHeaders(
  port: number,
  subject: string,
  ...messages: readonly (readonly [block: string, payload: string])[]
): Promise<void> {
  const lines = messages.map(([block, payload]) => {
    const sizes = `${Buffer.byteLength(block)} ${Buffer.byteLength(block + payload)}`;
    return `HPUB ${subject} ${sizes}\r\n${block}${payload}\r\n`;
  });
  return writeRaw(port, lines.join(''));
}

async function writeRaw(port: number, lines: string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  await new Promise<void>((resolve, reject) => {
    let answer = '';
    socket.on('error', reject).on('close', () => reject(new Error(`nats-server closed the connection: ${answer}`)));
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('PONG')) resolve();
    });
    socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${lines}PING\r\n`);
  }).finally(() => socket.destroy());
}

async function start(port: number, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(found || 'nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk).slice(-4_096);
  });
  const deadline = Date.now() + DEADLINE;
  while (!(await answers(port))) {
    if (hasEnded(child) || Date.now() > deadline) {
      await end(child, 'SIGKILL');
      throw new Error(`nats-server did not start on port ${port}:\n${log}`);
    }
    await sleep(20);
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 });
    const done = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('data', () => done(true)).once('timeout', () => done(false));
    socket.once('end', () => done(false)).on('error', () => done(false));
  });
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE);
  await ended;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
