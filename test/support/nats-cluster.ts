import { connect } from 'nats';
import { vi } from 'vitest';
import { type ConfiguredServer, startConfigured } from './nats-config.ts';
import { freePort } from './nats-server.ts';

/** Servers on loopback that keep streams together. */
export interface NatsCluster {
  readonly servers: readonly ConfiguredServer[];
  readonly urls: readonly string[];
  /** The server that leads a stream. */
  leaderOf(stream: string): Promise<ConfiguredServer>;
  /** The server of the latest consumer of a stream. */
  readerOf(stream: string): Promise<ConfiguredServer>;
  /** Resolves when all servers have all of a stream. */
  untilWhole(stream: string): Promise<void>;
  /** Ends all of them and deletes their folders. */
  dispose(): Promise<void>;
}

const NAMES: readonly string[] = ['one', 'two', 'three'];
/** Ms in which three servers must have found each other. */
const SOON = { timeout: 20_000, interval: 50 };

/** Starts three real servers as one cluster, and waits until it takes streams. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = await Promise.all(NAMES.map(() => freePort()));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ');
  const configOf = (at: number) => `server_name: ${NAMES[at]}
    jetstream { store_dir: "$FOLDER/streams" }
    cluster { name: test, listen: "127.0.0.1:${ports[at]}", routes: [${routes}] }`;
  const started = await Promise.allSettled(NAMES.map((_, at) => startConfigured(configOf(at))));
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const dispose = async () => void (await Promise.all(servers.map((server) => server.dispose())));
  const urls = servers.map(({ url }) => url);
  const ask = async <T>(question: (connection: Awaited<ReturnType<typeof connect>>) => Promise<T>) => {
    const connection = await connect({ servers: urls, timeout: 1_000, reconnect: false, ignoreClusterUpdates: true });
    return question(connection).finally(() => connection.close());
  };
  try {
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    await vi.waitFor(() => ask(async (connection) => (await connection.jetstreamManager()).getAccountInfo()), SOON);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  const named = (name: string | undefined): ConfiguredServer => {
    const server = name === undefined ? undefined : servers[NAMES.indexOf(name)];
    if (server === undefined) throw new Error('nobody leads');
    return server;
  };
  const info = (stream: string) =>
    ask(async (connection) => (await connection.jetstreamManager({ timeout: 1_000 })).streams.info(stream));
  return {
    servers,
    urls,
    dispose,
    leaderOf: (stream) => vi.waitFor(async () => named((await info(stream)).cluster?.leader), SOON),
    readerOf: (stream) =>
      ask(async (connection) => {
        const consumers = await (await connection.jetstreamManager()).consumers.list(stream).next();
        const latest = consumers.toSorted((one, other) => (one.created < other.created ? 1 : -1))[0];
        return named(latest?.cluster?.leader);
      }),
    async untilWhole(stream) {
      await vi.waitFor(async () => {
        const { cluster } = await info(stream);
        const others = cluster?.replicas?.filter(({ current, offline }) => current && offline !== true) ?? [];
        if (others.length !== NAMES.length - 1) throw new Error(`${stream} is not whole`);
      }, SOON);
    },
  };
}
