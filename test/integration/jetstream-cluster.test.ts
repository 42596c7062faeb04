import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectNats } from '../../src/node/nats.ts';
import type { PurgeBus } from '../../src/purge/bus.ts';
import { createPurge } from '../../src/purge/message.ts';
import type { Stamped } from '../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import { Bench, type Instance, untilLive } from '../support/jetstream.ts';
import { type NatsCluster, startNatsCluster } from '../support/nats-cluster.ts';
import type { ConfiguredServer } from '../support/nats-config.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { runCli } from '../support/proxy.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-cluster.test.ts: nats-server is not installed');

const STREAM = 'INLAY_PURGE';
/** Servers need up to ten seconds for an election, and a busy machine more. */
const RECOVERED = { timeout: 30_000, interval: 10 };
/** Ms in which publishing must have come to an end, one way or the other: after two seconds it gives up. */
const SETTLED = 8_000;
const LANES = 4;
/** Ms between two purges of a lane. */
const BREATH = 20;

const bench = new Bench();
afterEach(() => bench.clear());

/** Publishes one purge after the other, each of a tag of its own that the instance has an entry with. */
class Publisher {
  readonly acked: { readonly id: string; readonly seq: number; readonly entry: Stamped }[] = [];
  readonly refused: unknown[] = [];
  /** The longest that one has taken, in ms. */
  longest = 0;
  readonly #bus: PurgeBus;
  readonly #instance: Instance;
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(bus: PurgeBus, instance: Instance) {
    this.#bus = bus;
    this.#instance = instance;
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: LANES }, (_, lane) => this.#publish(lane)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #publish(lane: number): Promise<void> {
    for (let at = 0; !this.#stopped; at++) {
      const message = createPurge({ tags: [`t${lane}-${at}`] });
      const entry = this.#instance.fetch(message.tags);
      const began = performance.now();
      await this.#bus.publish(message).then(
        ({ id, seq }) => this.acked.push({ id, seq, entry }),
        (thrown: unknown) => this.refused.push(thrown),
      );
      this.longest = Math.max(this.longest, performance.now() - began);
      await sleep(BREATH);
    }
  }
}

async function world() {
  const cluster = await startNatsCluster();
  bench.defer(() => cluster.dispose());
  const servers = cluster.urls;
  const init = await runCli(['nats', 'init', '--replicas', '3', '--nats', servers.join(',')]);
  expect(init).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('3 replicas') });
  const one = await bench.instance(servers);
  await untilLive(one);
  const index = createPurgeIndex({ epoch: 'publisher' });
  const bus = await connectNats({
    servers,
    space: 'web',
    events: [],
    index,
    observe: () => undefined,
    publisher: true,
  });
  bench.defer(() => bus.close());
  const publisher = new Publisher(bus, one);
  bench.defer(() => publisher.stop());
  return { cluster, one, publisher };
}

type Role = (cluster: NatsCluster, one: Instance) => Promise<ConfiguredServer>;

/** What a server can be to a gateway, one or several at a time. */
const ROLES: Readonly<Record<string, Role>> = {
  'leads the stream': (cluster) => cluster.leaderOf(STREAM),
  'has the connection': async ({ servers }, { events }) => {
    const told = events.findLast((event) => event.type === 'bus' && event.state === 'connected');
    const server = servers.find(({ port }) => told?.type === 'bus' && told.detail === `127.0.0.1:${port}`);
    if (server === undefined) throw new Error(`connected to ${JSON.stringify(told)}`);
    return server;
  },
  'reads the stream for the gateway': (cluster) => cluster.readerOf(STREAM),
};

/** Kills a server; resolves with the ms until purges were acknowledged again, and until the instance was live and had them. */
async function kill(server: ConfiguredServer, publisher: Publisher, one: Instance) {
  await server.kill();
  const began = performance.now();
  // Those that were under way may have been acknowledged before.
  const some = publisher.acked.length + 2 * LANES;
  await vi.waitFor(() => expect(publisher.acked.length).toBeGreaterThan(some), RECOVERED);
  const acked = Math.round(performance.now() - began);
  const seq = publisher.acked.at(-1)?.seq;
  await vi.waitFor(() => expect([one.index.seq >= seq!, one.isLive()]).toEqual([true, true]), RECOVERED);
  return { acked, live: Math.round(performance.now() - began) };
}

describe.skipIf(!available)('a cluster whose servers keep the stream together', () => {
  test('loses no acknowledged purge and makes nothing else invalid, whichever of its servers dies', {
    timeout: 180_000,
  }, async () => {
    const { cluster, one, publisher } = await world();
    const kept = [one.fetch(['kept'])];
    const had = new Set<string>();
    const figures: unknown[] = [];
    publisher.start();
    for (const [role, find] of Object.entries(ROLES)) {
      if (had.has(role)) continue;
      await cluster.untilWhole(STREAM);
      const victim = await find(cluster, one);
      const roles = [role];
      for (const [other, whose] of Object.entries(ROLES))
        if (other !== role && (await whose(cluster, one)) === victim) roles.push(other);
      figures.push({ roles, ...(await kill(victim, publisher, one)) });
      for (const each of roles) had.add(each);
      kept.push(one.fetch(['kept']));
      await victim.restart();
    }
    await cluster.untilWhole(STREAM);
    await publisher.stop();
    const last = Math.max(...publisher.acked.map(({ seq }) => seq));
    await vi.waitFor(() => expect(one.index.seq).toBeGreaterThanOrEqual(last), RECOVERED);
    await untilLive(one);

    const { acked, refused, longest } = publisher;
    console.info(JSON.stringify({ figures, acked: acked.length, refused: refused.length, longest }));
    const applied = one.applied();
    const lost = acked.filter(({ id, entry }) => applied.get(id) !== 1 || one.state(entry) !== 'hard');
    expect(lost, 'acknowledged purges that were lost, or applied twice').toEqual([]);
    expect([kept.map(one.state), one.floors()]).toEqual([kept.map(() => 'valid'), []]);
    for (const thrown of refused) expect(thrown).toMatchObject({ code: 'not-ready' });
    expect(longest).toBeLessThan(SETTLED);
  });
});
