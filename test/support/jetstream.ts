import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection, type StreamConfig } from 'nats';
import { vi } from 'vitest';
import { connectNats, type NatsOptions } from '../../src/node/nats.ts';
import type { PurgeBus } from '../../src/purge/bus.ts';
import type { PurgeIndex, Stamped } from '../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../src/runtime.ts';
import { type Link, type LinkOptions, openLink } from './link.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

const SPACE = 'web';
export const SUBJECT = 'inlay.purge.web';
const STREAM = 'INLAY_PURGE';

/** Time in which anything here must happen: a server that hangs is noticed after three seconds. */
export const SOON = { timeout: 10_000, interval: 10 };

/** One process's share of purging: the bus, the index that it feeds, and what it told. */
export interface Instance {
  readonly bus: PurgeBus;
  readonly index: PurgeIndex;
  readonly events: InlayEvent[];
  /** An entry whose fetch begins now. */
  fetch(tags: readonly string[], path?: string): Stamped;
  /** `valid`, `soft` or `hard`. */
  state(entry: Stamped): string;
  isLive(): boolean;
  /** How often each purge was applied, by its id. */
  applied(): ReadonlyMap<string, number>;
  floors(): readonly { readonly mode: string; readonly reason: string }[];
}

/** What a test has started, ended after it in the order of its making turned round. */
export class Bench {
  readonly #cleanups: (() => unknown)[] = [];

  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async clear(): Promise<void> {
    while (this.#cleanups.length > 0) await this.#cleanups.pop()?.();
  }

  async server(): Promise<NatsServer> {
    const server = await startNatsServer({ jetstream: true });
    this.defer(() => server.stop());
    return server;
  }

  async link(server: NatsServer, options?: LinkOptions): Promise<Link & { readonly url: string }> {
    const link = await openLink(server.port, options);
    this.defer(() => link.close());
    return Object.assign(link, { url: `nats://127.0.0.1:${link.port}` });
  }

  /** An operator: `use` connects, does something, and leaves, so that no outage is ever its own. */
  operator(server: NatsServer, login: Login = {}): Operator {
    return new Operator(server, login);
  }

  /** A file with a server configuration. */
  async configuration(text: string): Promise<{ readonly path: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'inlay-nats-'));
    this.defer(() => rm(folder, { recursive: true }));
    const path = join(folder, 'nats.conf');
    await writeFile(path, text);
    return { path };
  }

  async instance(servers: string | readonly string[], options: Partial<NatsOptions> = {}): Promise<Instance> {
    const events: InlayEvent[] = [];
    const observe = (event: InlayEvent) => void events.push(event);
    const index = options.index ?? createPurgeIndex({ epoch: 'e', observe });
    const bus = await connectNats({ servers, space: SPACE, events: [], observe, ...options, index });
    this.defer(() => bus.close());
    return {
      bus,
      index,
      events,
      fetch: (tags, path = '/') => ({
        ...{ stamp: index.position, epoch: index.epoch },
        ...{ key: path, tags, origin: 'http://a:1', path },
      }),
      state: (entry) => index.validity(entry).state,
      isLive: () => bus.state === 'live' && bus.connected && index.synced,
      applied: () => {
        const counts = new Map<string, number>();
        for (const event of events) if (event.type === 'purge') counts.set(event.id, (counts.get(event.id) ?? 0) + 1);
        return counts;
      },
      floors: () =>
        events.flatMap((event) => (event.type === 'purge-floor' ? [{ mode: event.mode, reason: event.reason }] : [])),
    };
  }
}

type Login = Pick<ConnectionOptions, 'user' | 'pass'>;

/** Who looks after the stream, and publishes as others do. */
export class Operator {
  readonly #server: NatsServer;
  readonly #login: Login;

  constructor(server: NatsServer, login: Login) {
    this.#server = server;
    this.#login = login;
  }

  async use<T>(act: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: this.#server.url, ...this.#login });
    try {
      return await act(connection);
    } finally {
      await connection.close();
    }
  }

  create(config: Partial<StreamConfig> = {}): Promise<unknown> {
    return this.use(async (connection) => {
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: STREAM, subjects: ['inlay.purge.*'], ...config });
    });
  }

  remove(): Promise<unknown> {
    return this.use(async (connection) => (await connection.jetstreamManager()).streams.delete(STREAM));
  }

  /** Drops all messages before one. */
  dropBefore(seq: number): Promise<unknown> {
    return this.use(async (connection) => (await connection.jetstreamManager()).streams.purge(STREAM, { seq }));
  }

  dropOne(seq: number): Promise<unknown> {
    return this.use(async (connection) => (await connection.jetstreamManager()).streams.deleteMessage(STREAM, seq));
  }

  /** Publishes, acknowledged; returns the sequence numbers. */
  publish(subject: string, ...texts: readonly string[]): Promise<readonly number[]> {
    return this.use(async (connection) => {
      const stream = connection.jetstream();
      const acks = await Promise.all(texts.map((text) => stream.publish(subject, text)));
      return acks.map(({ seq }) => seq);
    });
  }

  /** How many messages the stream has been given, and how many it holds. */
  counts(): Promise<{ readonly last: number; readonly held: number }> {
    return this.use(async (connection) => {
      const { state } = await (await connection.jetstreamManager()).streams.info(STREAM);
      return { last: state.last_seq, held: state.messages };
    });
  }

  /** Deletes all consumers, whose readers are not told. */
  dropConsumers(): Promise<unknown> {
    return this.use(async (connection) => {
      const manager = await connection.jetstreamManager();
      for await (const { name } of manager.consumers.list(STREAM)) await manager.consumers.delete(STREAM, name);
    });
  }
}

/** Waits until instances are live. */
export function untilLive(...instances: readonly Instance[]): Promise<void> {
  return vi.waitFor(() => {
    for (const { isLive, bus, index } of instances)
      if (!isLive()) throw new Error(`not live: ${bus.state}, connected ${bus.connected}, synced ${index.synced}`);
  }, SOON);
}

/** Waits until instances know that purges may be missing. */
export function untilSuspect(...instances: readonly Instance[]): Promise<void> {
  return vi.waitFor(() => {
    for (const { index } of instances) if (index.synced) throw new Error('still in sync');
  }, SOON);
}

/** Has something happen while an instance cannot hear of it, and waits until it is live again. */
export async function whileAway(link: Link, instance: Instance, act: () => Promise<unknown>): Promise<void> {
  link.hold();
  link.cut();
  await untilSuspect(instance);
  await act();
  link.release();
  await untilLive(instance);
}
