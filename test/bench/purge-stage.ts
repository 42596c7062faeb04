import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect, nanos, RetentionPolicy, StorageType } from '../../src/node/nats-client.ts';
import { STREAM } from '../../src/node/nats-stream.ts';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import {
  freePort,
  natsServerAvailable,
  publishRaw,
  publishWithHeaders,
  startNatsServer,
} from '../support/nats-server.ts';
import { headerBlock, signatureLine } from '../support/signed.ts';
import { bindTo, LOAD_CORE, withCore } from './stage.ts';

export const SPACE = 'bench';
const SUBJECT = `inlay.purge.${SPACE}`;
const DEADLINE = 20_000; // ms for anything that is waited for

/** A nats-server that keeps purges in a stream, in a folder of its own. */
export interface Bus {
  readonly url: string;
  readonly port: number;
  /** The sequence number of the last message that the stream has. */
  last(): Promise<number>;
  /** Publishes messages as they are, over a bare socket, signed if there is a secret, and resolves when the stream has them. */
  send(payloads: readonly string[], secret?: string): Promise<void>;
  /** Nobody reaches the server while a task runs, except the task: the server has another address meanwhile. */
  away(task: (bus: Pick<Bus, 'send'>) => Promise<void>): Promise<void>;
}

/** A process that follows the purges, or only publishes some; see purge-instance.ts. */
export interface Instance {
  ask<Answer>(question: Record<string, unknown>): Promise<Answer>;
  stop(): Promise<void>;
}

/** Runs a measurement beside such a server, and ends all that was started. Throws where there is no nats-server. */
export async function withBus<T>(measure: (bus: Bus, instance: StartInstance) => Promise<T>): Promise<T> {
  if (!natsServerAvailable()) throw new Error('nats-server is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'inlay-bench-nats-'));
  const config = join(folder, 'nats.conf');
  writeFileSync(config, `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))} }\n`);
  const instances: Instance[] = [];
  const server = await startNatsServer({ config, port: await freePort() });
  try {
    await createStream(server.url);
    bindTo(LOAD_CORE, server.pid);
    const bus: Bus = {
      ...senderOf(server.port),
      url: server.url,
      port: server.port,
      async away(task) {
        await server.stop();
        const other = await startNatsServer({ config });
        await task(senderOf(other.port)).finally(() => other.stop());
        await server.restart();
        bindTo(LOAD_CORE, server.pid);
      },
    };
    return await measure(bus, async (core, ...args) => {
      const instance = await startInstance(core, server.url, ...args);
      instances.push(instance);
      return instance;
    });
  } finally {
    await Promise.all(instances.map((instance) => instance.stop()));
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export type StartInstance = (core: number, ...args: string[]) => Promise<Instance>;

/** The text of a hard purge of one tag. */
export function purgeOfTag(tag: string): string {
  return printPurge(createPurge({ tags: [tag] }));
}

/** Sends payloads on the purge subject at a steady rate; resolves when the server has taken the last. */
export async function sendSteadily(port: number, payloads: readonly string[], perSecond: number): Promise<void> {
  const began = performance.now();
  for (let sent = 0; sent < payloads.length; ) {
    const due = Math.min(payloads.length, Math.ceil(((performance.now() - began + 10) / 1_000) * perSecond));
    await publishRaw(port, SUBJECT, ...payloads.slice(sent, due));
    sent = due;
    await sleep(Math.max(0, (sent / perSecond) * 1_000 - (performance.now() - began)));
  }
}

/** Waits until something holds. */
export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + DEADLINE; !(await holds()); await sleep(10))
    if (performance.now() > deadline) throw new Error(`${what} not within ${DEADLINE} ms`);
}

/** The value that a share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('nothing was measured');
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
}

/** Ms on a clock that all processes of this machine share. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function senderOf(port: number): Pick<Bus, 'last' | 'send'> {
  const last = () => lastOf(`nats://127.0.0.1:${port}`);
  return {
    last,
    async send(payloads, secret) {
      const wanted = (await last()) + payloads.length;
      // Before the first is sent: how fast they are signed here is not what is measured.
      const blocks = secret === undefined ? [] : payloads.map((text) => blockOf(text, secret));
      // One text of them all would be longer than a string may be, at some count.
      for (let at = 0; at < payloads.length; at += 20_000) {
        const some = payloads.slice(at, at + 20_000);
        if (secret === undefined) await publishRaw(port, SUBJECT, ...some);
        else await publishWithHeaders(port, SUBJECT, ...some.map((text, i) => [blocks[at + i]!, text] as const));
      }
      await until(async () => (await last()) >= wanted, 'the stream has all messages');
    },
  };
}

function blockOf(text: string, secret: string): string {
  return headerBlock(signatureLine(SUBJECT, text, { secret }));
}

/** As `inlay nats init` makes it. */
async function createStream(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({
    name: STREAM,
    subjects: ['inlay.purge.*'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_age: nanos(86_400_000),
  });
  await connection.close();
}

async function lastOf(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false });
    return (await manager.streams.info(STREAM)).state.last_seq;
  } finally {
    await connection.close();
  }
}

async function startInstance(core: number, ...args: string[]): Promise<Instance> {
  const script = fileURLToPath(new URL('purge-instance.ts', import.meta.url));
  const [file, ...rest] = withCore(core, process.execPath, [script, ...args]);
  const child = spawn(file!, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await answerOf(child); // it is ready
  return {
    ask: (question) => {
      child.send(question);
      return answerOf(child);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const ended = (code: number | null) => reject(new Error(`an instance ended with ${code}`));
  const timer = setTimeout(() => reject(new Error('an instance did not answer')), DEADLINE);
  child.once('message', resolve as (message: unknown) => void).once('exit', ended);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off('exit', ended);
  }
}
