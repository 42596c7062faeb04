import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GatewayConfig } from '../../src/index.ts';
import { Connection } from './client.ts';

/** A process under test, or one that it needs. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  /** Microseconds of processor time so far: all threads, user and kernel. */
  cpu(): number;
  /** Bytes resident now. */
  rss(): number;
  /** Collects all garbage and returns the bytes that are alive, and those the heap holds; only where started `collectable`. */
  collect(): Promise<Collected>;
  /** The longest turns of the event loop since the last call; only where started `watchable`, and the first call tells nothing. */
  watch(): Promise<Turns>;
  stop(): Promise<void>;
}

/** Bytes after a full collection. */
export interface Collected {
  /** Of objects and of the buffers outside the heap. */
  readonly live: number;
  /** That the heap has taken from the system, used or not. */
  readonly heap: number;
}

/** Ms between two turns of a timer of 1 ms: of the thread's processor time, and of the clock less that 1 ms. */
export interface Turns {
  readonly cpu: number;
  readonly wall: number;
}

/** Starts the processes of a workload, and ends all that it started. */
export interface Stage {
  origin(): Promise<Server>;
  /** Inlay as users start it, before one origin; `config` is added to a generated configuration. */
  inlay(origin: Server, config?: Partial<GatewayConfig>, options?: InlayOptions): Promise<Server>;
  peer(role: string, argument: string | number): Promise<Server>;
  /** Runs a script that measures itself, and returns the JSON that it prints. */
  script(file: string, ...args: string[]): Promise<unknown>;
  close(): Promise<void>;
}

interface InlayOptions {
  readonly collectable?: boolean;
  readonly watchable?: boolean;
}

const DEADLINE = 10_000; // ms to start, and to end
const USER_HZ = 100; // of /proc/PID/stat on every Linux that Node runs on

const TASKSET = 'taskset';
const several = cpus().length > 1 && spawnSync(TASKSET, ['-V']).error === undefined;
const SERVER_CORE = 0;
/** The core of everything that is not under test. */
export const LOAD_CORE = 1;
export const pinned = several;

/** A command line that runs on one core, where the machine has several and can be told. */
export function withCore(core: number, file: string, args: readonly string[]): string[] {
  return several ? [TASKSET, '-c', String(core), file, ...args] : [file, ...args];
}

/** Binds all threads of a process that runs already to one core, where {@link withCore} does. */
export function bindTo(core: number, pid: number): void {
  if (several) spawnSync(TASKSET, ['-a', '-p', '-c', String(core), String(pid)]);
}

/** Makes a {@link Stage}. `profiles` is a folder for CPU profiles of Inlay; it costs some speed. */
export function createStage(profiles?: string): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'inlay-bench-'));
  const running: Running[] = [];
  const start = async (core: number, args: readonly string[]) => {
    const server = await startProcess(core, args);
    running.push(server);
    return server;
  };
  return {
    origin: () => start(LOAD_CORE, [pathOf('origin.ts')]),
    peer: (role, argument) => start(SERVER_CORE, [pathOf('peers.ts'), role, String(argument)]),
    inlay: (origin, config = {}, { collectable = false, watchable = false } = {}) => {
      const file = join(folder, `${running.length}.config.mjs`);
      const whole = { services: { origin: origin.url }, admin: { port: 0 }, ...config };
      writeFileSync(file, `export default ${JSON.stringify(whole)};\n`);
      const node = [
        ...(collectable ? ['--expose-gc'] : []),
        ...(collectable || watchable ? ['--import', pathOf('collect-hook.ts')] : []),
        ...(profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles, '--cpu-prof-interval', '200']),
      ];
      const cli = ['../../src/cli.ts', 'serve', '--config', file, '--port', '0', '--log', 'off'];
      return start(SERVER_CORE, [...node, pathOf(cli[0]!), ...cli.slice(1)]);
    },
    script: (file, ...args) => runScript([pathOf(file), ...args]),
    close: async () => {
      await Promise.all(running.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Fails unless a server answers an address with exactly these bytes: what is wrong is not worth measuring. */
export async function expectBody(server: Server, path: string, text: string): Promise<void> {
  const connection = await Connection.open(server.url);
  const { status, body } = await connection.get(path);
  connection.close();
  if (status !== 200 || body.toString() !== text)
    throw new Error(
      `${server.url}${path} answered ${status} with ${body.length} bytes, not 200 with the ${text.length} expected`,
    );
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

async function startProcess(core: number, args: readonly string[]): Promise<Running> {
  const [file, ...rest] = withCore(core, process.execPath, args);
  // With a channel, a child notices when this process is gone, however it ended.
  const child = spawn(file!, rest, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const heard: string[] = [];
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      heard.push(line);
      const found = /listens on (http:\S+)/.exec(line);
      if (found !== null) resolve(found[1]!);
    });
  }
  const failed = (why: string) => reject(new Error(`${args.join(' ')} ${why}:\n${heard.slice(-20).join('\n')}`));
  child.once('exit', (code) => failed(`ended with ${code}`));
  const timer = setTimeout(() => failed('did not start'), DEADLINE);
  try {
    const server = new Running(child, await url);
    child.once('exit', (code, signal) => {
      if (!server.stopping)
        console.error(`${args.join(' ')} ended with ${signal ?? code}:\n${heard.slice(-20).join('\n')}`);
    });
    return server;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

class Running implements Server {
  readonly url: string;
  readonly pid: number;
  stopping = false;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.pid = child.pid!;
  }

  cpu(): number {
    // The fields after the command's closing bracket; it is the second field and may hold anything (proc(5)).
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / USER_HZ;
  }

  rss(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) * 1024;
  }

  collect(): Promise<Collected> {
    return this.#ask('collect');
  }

  watch(): Promise<Turns> {
    return this.#ask('watch');
  }

  async #ask<Answer>(question: string): Promise<Answer> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    return (await answered)[0] as Answer;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    if (child.connected) child.disconnect(); // a process that listens for the end of its channel lives as long as that
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE);
    await ended;
    clearTimeout(timer);
  }
}

async function runScript(args: readonly string[]): Promise<unknown> {
  const [file, ...rest] = withCore(SERVER_CORE, process.execPath, args);
  const child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return JSON.parse(output);
}
