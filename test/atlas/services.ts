/** Starts the five services as processes of their own: for `npm start`, for tests and for benchmarks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Listening } from './serve.ts';

export const serviceNames = ['web', 'catalogue', 'search', 'recommender', 'visitor'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ServicesOptions {
  /** 0, the default: free ports. `default`: 9000 to 9004. */
  readonly ports?: 0 | 'default';
  /** Added to this process's environment, such as `NATS_URL` or `INLAY_PURGE_URL`; an empty value counts as unset. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given every line that a service prints, on either stream. */
  readonly onLine?: (service: ServiceName, line: string) => void;
  /** Told when a service ends that nobody stopped. */
  readonly onExit?: (service: ServiceName, code: number | null, signal: NodeJS.Signals | null) => void;
}

/** The running services. Records are live: they follow every `stop` and `start`. */
export interface Services {
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** Undefined while a service is stopped. */
  readonly pids: Readonly<Record<ServiceName, number | undefined>>;
  /** Lines like `GET /fragments/country-facts/FRA 200 1ms`, oldest first; set `length = 0` to begin anew. They arrive by pipe, a moment after the answer. */
  readonly requests: Readonly<Record<ServiceName, string[]>>;
  /** Ends a service: politely, after 5 s by force. */
  stop(service: ServiceName): Promise<void>;
  /** Starts a stopped service on the port that it had. */
  start(service: ServiceName): Promise<void>;
  /** Ends all of them. Never rejects. */
  stopAll(): Promise<void>;
}

const startLimit = 10_000; // ms
const stopLimit = 5_000; // ms

/** Starts all five and resolves once each listens. @throws when one does not; then none is left running. */
export async function startServices(options: ServicesOptions = {}): Promise<Services> {
  const children = new Map<ServiceName, ChildProcess>();
  const urls = perService(() => '');
  const pids = perService<number | undefined>(() => undefined);
  const requests = perService<string[]>(() => []);
  const stopping = new WeakSet<ChildProcess>();

  async function start(name: ServiceName): Promise<void> {
    if (pids[name] !== undefined) return;
    const { PORT: _ours, ...inherited } = process.env;
    const child = spawn(process.execPath, [fileURLToPath(new URL(`./${name}.ts`, import.meta.url))], {
      env: { ...inherited, ...options.env, ...portOf(name) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    children.set(name, child);
    pids[name] = child.pid;
    const complaints: string[] = [];
    readLines(child, (line, isError) => {
      if (isError) complaints.push(line);
      const request = requestOf(name, line);
      if (request !== undefined) requests[name].push(request);
      options.onLine?.(name, line);
    });
    let listening = false;
    child.once('exit', (code, signal) => {
      pids[name] = undefined;
      if (listening && !stopping.has(child)) options.onExit?.(name, code, signal);
    });
    urls[name] = await address(name, child, complaints);
    listening = true;
  }

  function portOf(name: ServiceName): { PORT?: string } {
    if (urls[name] !== '') return { PORT: new URL(urls[name]).port };
    return options.ports === 'default' ? {} : { PORT: '0' };
  }

  async function stop(name: ServiceName): Promise<void> {
    const child = children.get(name);
    if (child === undefined) return;
    stopping.add(child);
    await stopChild(child);
  }

  async function stopAll(): Promise<void> {
    await Promise.all(serviceNames.map(stop));
  }

  const results = await Promise.allSettled(serviceNames.map(start));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  if (failures.length > 0) {
    await stopAll();
    throw new Error(failures.map((failure) => failure.message).join('\n'));
  }
  return { urls, pids, requests, stop, start, stopAll };
}

/** Ends a child process of ours and resolves when it is gone: SIGTERM, after 5 s SIGKILL. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), stopLimit);
  await gone;
  clearTimeout(force);
}

/** Hands over a child's output line by line; the child needs pipes for both streams. */
export function readLines(child: ChildProcess, onLine: (line: string, isError: boolean) => void): void {
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => onLine(line, false));
  if (child.stderr !== null) createInterface(child.stderr).on('line', (line) => onLine(line, true));
}

/** Waits for a service to say where it listens. */
function address(name: ServiceName, child: ChildProcess, complaints: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const limit = setTimeout(() => reject(new Error(`${name} did not listen within ${startLimit} ms`)), startLimit);
  child.on('message', (message) => {
    if (isListening(message)) resolve(message.listening);
  });
  child.once('error', reject);
  // 'close' comes after the last byte of output, so that what the child complained about is complete.
  child.once('close', () => reject(new Error(complaints.join('\n') || `${name} ended before it listened`)));
  return promise.finally(() => clearTimeout(limit));
}

function isListening(message: unknown): message is Listening {
  return typeof message === 'object' && message !== null && 'listening' in message;
}

/** The request in a line of the log, without the name of the service; undefined if the line tells something else. */
function requestOf(name: ServiceName, line: string): string | undefined {
  return line.match(new RegExp(`^${name} ([A-Z]+ /.* \\d{3} \\d+ms)$`))?.[1];
}

function perService<T>(make: () => T): Record<ServiceName, T> {
  return { web: make(), catalogue: make(), search: make(), recommender: make(), visitor: make() };
}
