import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Bench, type Instance, SOON, untilLive, untilSuspect } from '../support/jetstream.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { AckedPublisher, LEAST_RATE, ROUNDS, World } from '../support/purge-chaos.ts';
import { CachedCopies } from '../support/purge-chaos-copies.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-chaos.test.ts: nats-server is not installed');

/** Things that are purged, each every few seconds. */
const THINGS = 3_000;
/** Purges that are acknowledged between two misfortunes, and in each. */
const SOME = 500;
/** Purges that do not come in one go. */
const MANY = 3_000;

const bench = new Bench();
afterEach(() => bench.clear());

async function start() {
  const server = await bench.server();
  await bench.operator(server).create();
  const world = new World(THINGS);
  const publisher = new AckedPublisher(server.url, world);
  bench.defer(() => publisher.close());
  const sides = [];
  for (let at = 0; at < 2; at++) {
    const link = await bench.link(server);
    const instance = await bench.instance(link.url);
    const copies = new CachedCopies(instance, world);
    bench.defer(() => copies.stop());
    sides.push({ link, instance, copies });
  }
  const acks = async (count: number) => {
    const until = publisher.acked + count;
    await vi.waitFor(() => expect(publisher.acked).toBeGreaterThanOrEqual(until), SOON);
  };
  return { server, world, publisher, sides, acks };
}

type Chaos = Awaited<ReturnType<typeof start>>;

/** A crash: who comes back first is the publisher. */
async function crash({ server, sides, acks }: Chaos): Promise<void> {
  await server.kill();
  await untilSuspect(...sides.map(({ instance }) => instance));
  for (const { link } of sides) link.hold();
  await server.restart();
  await acks(SOME);
  for (const { link } of sides) {
    link.cut();
    link.release();
  }
}

/** A network that breaks, for one of them longer. */
async function cut({ sides, acks }: Chaos): Promise<void> {
  sides[1]?.link.hold();
  for (const { link } of sides) link.cut();
  await acks(SOME);
  sides[1]?.link.release();
}

async function hang({ server, sides }: Chaos): Promise<void> {
  await server.hang();
  await untilSuspect(...sides.map(({ instance }) => instance));
  server.resume();
}

/** A network that swallows everything, for one of them. */
async function swallow({ sides: [one], acks }: Chaos): Promise<void> {
  one!.link.hold();
  await acks(MANY);
  await untilSuspect(one!.instance);
  one!.link.release();
}

describe.skipIf(!available)('crashes, cuts and silences, one after the other, during a steady stream of purges', () => {
  test(
    'lose no acknowledged purge, serve nothing that one was about, and purge nothing else',
    async () => {
      const chaos = await start();
      const { publisher, sides, acks } = chaos;
      const instances = sides.map(({ instance }): Instance => instance);
      publisher.start();
      for (const { copies } of sides) copies.start();
      for (let round = 0; round < ROUNDS; round++) {
        const misfortunes = [crash, cut, swallow, round % 3 === 0 ? hang : cut];
        for (const misfortune of misfortunes) {
          await acks(SOME);
          await misfortune(chaos);
          await untilLive(...instances);
        }
      }
      await publisher.stop();
      await vi.waitFor(() => expect(Math.min(...instances.map(({ index }) => index.seq))).toBe(publisher.last), SOON);
      await untilLive(...instances);
      await turn();
      for (const { copies } of sides) await copies.stop();

      const reports = sides.map(({ copies }) => copies.report());
      console.info(JSON.stringify({ rounds: ROUNDS, ...publisher.report(), reports }));
      expect(publisher.report().rate).toBeGreaterThan(LEAST_RATE);
      for (const [at, { instance, copies }] of sides.entries()) {
        expect(copies.outdated(), 'acknowledged purges that were lost').toEqual([]);
        expect(copies.wrong, 'what was served though its purge had been applied, or long acknowledged').toEqual([]);
        expect(copies.lost, 'what nobody purged').toBe(0);
        expect(instance.floors()).toEqual([]);
        expect(reports[at]!.reads).toBeGreaterThan(1_000);
        const applied = instance.applied();
        expect(publisher.ids.filter((id) => applied.get(id) !== 1)).toEqual([]);
      }
      expect(await bench.operator(chaos.server).counts()).toEqual({ last: publisher.acked, held: publisher.acked });
    },
    60_000 + ROUNDS * 30_000,
  );
});
