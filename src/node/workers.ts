import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, InlayError } from '../errors.ts';

/*
 * Several processes that share a port: one only starts and watches the others (the workers), each of which is a whole
 * gateway with a cache and a reader of purges of its own.
 */

/** What a worker that listens tells of itself. */
export interface Listening {
  readonly url: string;
  readonly adminUrl: string;
  readonly connected: boolean;
}

type FromWorker =
  | { readonly listening: Listening }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };
type ToWorker = { readonly stop: Signal };

/** What told a process to stop: a signal, or the end of the process that started it. */
export type Signal = NodeJS.Signals | 'disconnect';

/** Ms before a worker that died is replaced. */
const PAUSE = 500;
/** Deaths within some ms after which it is no accident. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN = 10_000;

/** What a person is told, a line each. */
type Say = (line: string) => void;

/** Environment variable that tells a worker its number. */
export const WORKER = 'INLAY_WORKER';

/** The number of this process among the workers; `undefined` if it is none. */
export function workerNumber(environment: Readonly<Record<string, string | undefined>>): number | undefined {
  return cluster.isWorker && environment[WORKER] !== undefined ? Number(environment[WORKER]) : undefined;
}

/**
 * Starts workers that run this same command, replaces those that die, and resolves when all have ended after `told`
 * resolved. Throws what keeps one from starting, and `not-ready` if they die again and again.
 *
 * @param listening told once, when all listen
 */
export async function runWorkers(
  count: number,
  told: Promise<Signal>,
  listening: (one: Listening, pids: readonly number[]) => void,
  say: Say,
): Promise<void> {
  const workers = new Workers(say);
  const start = async () => {
    // The first alone: what keeps one from starting keeps all, and is told once.
    const first = await workers.start(1);
    await Promise.all(Array.from({ length: count - 1 }, (_, at) => workers.start(at + 2)));
    listening(first, workers.pids);
    return new Promise<never>(() => {});
  };
  try {
    const signal = await Promise.race([told, start(), workers.failure]);
    await workers.stop(signal);
  } catch (thrown) {
    await workers.stop('SIGTERM');
    throw thrown;
  }
}

/** Who is told what became of a worker that starts. */
interface Starting {
  readonly listens: (one: Listening) => void;
  readonly fails: (error: InlayError) => void;
}

class Workers {
  readonly #say: Say;
  readonly #running = new Map<number, Worker>();
  readonly #ended = new Map<Worker, Promise<unknown>>();
  /** When workers died, in ms; no more of them than count. */
  readonly #deaths: number[] = [];
  #isStopping = false;
  /** Rejects when it is of no use to go on. */
  readonly failure: Promise<never>;
  readonly #fail: (error: unknown) => void;

  constructor(say: Say) {
    this.#say = say;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    this.#fail = reject;
    promise.catch(() => undefined);
  }

  get pids(): number[] {
    return [...this.#running].sort(([a], [b]) => a - b).map(([, { process }]) => process.pid ?? -1);
  }

  /** Resolves when it, or another in its place, listens. Throws what it failed with. */
  async start(number: number): Promise<Listening> {
    const { promise, resolve, reject } = Promise.withResolvers<Listening>();
    this.#fork(number, { listens: resolve, fails: reject });
    return promise;
  }

  #fork(number: number, { listens, fails }: Starting, isAgain = false): void {
    if (this.#isStopping) return;
    const worker = cluster.fork({ [WORKER]: String(number) });
    this.#running.set(number, worker);
    worker.on('message', (message: FromWorker) => {
      if ('listening' in message) {
        if (isAgain) this.#say(`worker ${number} (${worker.process.pid}) listens`);
        listens(message.listening);
      } else if ('failed' in message) {
        if (isAgain) this.#say(`worker ${number}: ${message.failed.message}`);
        fails(new InlayError(message.failed.code, message.failed.message));
      }
    });
    worker.on('error', ({ message }) => this.#say(`worker ${number}: ${message}`));
    const ended = Promise.withResolvers<void>();
    this.#ended.set(worker, ended.promise);
    worker.once('exit', (code, signal) => {
      this.#running.delete(number);
      this.#ended.delete(worker);
      ended.resolve();
      if (this.#isStopping) return;
      this.#say(`worker ${number} (${worker.process.pid}) ended: ${signal || `code ${code}`}`);
      if (this.#isTooMuch()) this.#fail(new InlayError('not-ready', TOO_MUCH));
      else this.#replace(number, { listens, fails }).catch(this.#fail);
    });
  }

  async #replace(number: number, starting: Starting): Promise<void> {
    await sleep(PAUSE);
    this.#fork(number, starting, true);
  }

  #isTooMuch(): boolean {
    const now = performance.now();
    this.#deaths.push(now);
    if (this.#deaths.length > MAX_DEATHS) this.#deaths.shift();
    return this.#deaths.length === MAX_DEATHS && now - this.#deaths[0]! < DEATHS_WITHIN;
  }

  /** Tells all to finish, and resolves when they have ended. */
  async stop(signal: Signal): Promise<void> {
    this.#isStopping = true;
    const message: ToWorker = { stop: signal };
    for (const worker of this.#running.values()) if (worker.isConnected()) worker.send(message);
    const late = setTimeout(killWorkers, STOP_WAIT);
    await Promise.all(this.#ended.values());
    clearTimeout(late);
  }
}

/** Ms in which a worker must have ended that was told to: longer than its requests get to finish. */
const STOP_WAIT = 35_000;

const TOO_MUCH = `${MAX_DEATHS} workers ended within ${DEATHS_WITHIN / 1_000} s: giving up`;

/** Ends all workers at once, without a word. */
export function killWorkers(): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
}

/** Tells the process that started this worker, if it is there still. */
export function tellPrimary(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

/**
 * Resolves when this worker is told to stop. Signals that are sent to all processes of a group reach it as well, before
 * that or after: the first one counts, and only the process that started it ends it by force.
 */
export function untilWorkerTold(): Promise<Signal> {
  const told = Promise.withResolvers<Signal>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, told.resolve);
  process.on('message', (message: ToWorker) => told.resolve(message.stop));
  process.channel?.unref();
  return told.promise;
}

/** Ends what holds this worker to the process that started it, so that it ends when it has nothing more to do. */
export function leavePrimary(): void {
  if (process.connected) cluster.worker?.disconnect();
}
