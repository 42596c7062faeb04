import { afterEach, describe, expect, test, vi } from 'vitest';
import { Bench, SOON } from '../support/jetstream.ts';
import type { Link } from '../support/link.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { AckedPublisher, NOTICED, ROUNDS, World } from '../support/purge-chaos.ts';
import { serveWorld } from '../support/purge-chaos-origin.ts';
import { ProxyReaders, type Scene } from '../support/purge-chaos-readers.ts';
import { ProxySide } from '../support/purge-chaos-sides.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-chaos-proxies.test.ts: nats-server is not installed');

/** Things that are purged, each a few times a second, and things that are not. */
const THINGS = 300;
const KEPT = new Map(Array.from({ length: 100 }, (_, at) => [`kept-${at}`, { version: 0 }]));
/** Purges that are acknowledged between two misfortunes, and in each. */
const SOME = 500;
/** Purges that take longer than a silence takes to be noticed, and longer than what was stored before counts as fresh then. */
const MANY = 3_000;
/** Ms in which as many are acknowledged on a busy machine. */
const ACKNOWLEDGED = 20_000;
/** Ms of freshness while purges may be missed. */
const MAX_UNSYNCED = 2_000;
/** Ms from when the server can be reached again until both proxies are live and show nothing outdated: 2 s, and time for a busy machine. */
const RECOVERED = 5_000;
/** Purges a second beside two proxies, their readers and their origin, which share the cores. */
const LEAST_RATE = 300;

const bench = new Bench();
afterEach(() => bench.clear());

async function start() {
  const server = await bench.server();
  await bench.operator(server).create();
  const world = new World(THINGS);
  const origin = await serveWorld(world);
  bench.defer(() => origin.close());
  const publisher = new AckedPublisher(server.url, world);
  bench.defer(() => publisher.close());
  const scene: Scene = {
    world,
    publisher,
    maxUnsynced: MAX_UNSYNCED,
    isCalm: true,
    blindFrom: Number.POSITIVE_INFINITY,
  };
  const sides: { readonly side: ProxySide; readonly link: Link; readonly readers: ProxyReaders }[] = [];
  for (let at = 0; at < 2; at++) {
    const side = await ProxySide.start(bench, server, origin.url, MAX_UNSYNCED);
    const readers = new ProxyReaders(side, scene);
    bench.defer(() => readers.stop());
    sides.push({ side, link: side.link, readers });
  }
  const until = (condition: () => boolean, what: string, limit = SOON) =>
    vi.waitFor(() => expect(condition(), what).toBe(true), limit);
  const acks = (count: number) => {
    const wanted = publisher.acked + count;
    return until(() => publisher.acked >= wanted, 'acknowledged', { ...SOON, timeout: ACKNOWLEDGED });
  };
  const suspect = (...which: readonly { readonly side: ProxySide }[]) =>
    until(() => which.every(({ side }) => !side.isSynced), 'suspect');
  await until(() => sides.every(({ side }) => side.isLive), 'live');
  return { server, world, origin, publisher, scene, sides, until, acks, suspect };
}

type Chaos = Awaited<ReturnType<typeof start>>;

/** Ends when the server can be reached again. */
type Misfortune = (chaos: Chaos, round: number) => Promise<void>;

/** A crash; every other time who comes back first is the publisher. */
const crash: Misfortune = async ({ server, sides, acks, suspect }, round) => {
  await server.kill();
  await suspect(...sides);
  if (round % 2 === 0) return server.restart();
  for (const { link } of sides) link.hold();
  await server.restart();
  await acks(SOME);
  for (const { link } of sides) {
    link.cut();
    link.release();
  }
};

/** A network that breaks, for one of them longer. */
const cut: Misfortune = async ({ sides, acks }) => {
  sides[1]?.link.hold();
  for (const { link } of sides) link.cut();
  await acks(SOME);
  sides[1]?.link.release();
};

const hang: Misfortune = async ({ server, sides, suspect }) => {
  await server.hang();
  await suspect(...sides);
  server.resume();
};

/** A network that swallows everything, for one of them. */
const swallow: Misfortune = async ({ sides, acks, suspect }, round) => {
  const one = sides[Math.floor(round / 2) % 2]!;
  one.link.hold();
  await suspect(one);
  await acks(MANY);
  one.link.release();
};

/** Ms until both are live again and show nothing that was outdated when the server was back. */
async function recovery({ world, publisher, sides, until, scene }: Chaos): Promise<number> {
  const back = performance.now();
  const told = new Map(world.acked);
  const { last } = publisher;
  await until(() => sides.every(({ side }) => side.isLive && side.seq >= last), 'live again');
  const live = performance.now();
  const outdated = await Promise.all(sides.map(({ readers }) => readers.outdated(told)));
  expect(outdated, 'acknowledged purges that were lost').toEqual([[], []]);
  scene.isCalm = true;
  return Math.max(live, ...sides.map(({ readers }) => readers.outdatedAt)) - back;
}

/** Median, 99th percentile and maximum. */
function quantiles(values: readonly number[]): object {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) * 10) / 10;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Fails for anything that must never be. */
function expectNothingWrong({ sides }: Chaos): void {
  for (const { side, readers } of sides) {
    expect(readers.failed, 'answers that failed').toEqual([]);
    expect(readers.wrong, 'older answers that nothing excuses').toEqual([]);
    expect(side.faults, 'reports of health that failed').toEqual([]);
    const { answers, hits } = readers.report();
    expect(hits / answers).toBeGreaterThan(0.2);
  }
}

describe.skipIf(!available)('two proxies, during a steady stream of purges,', () => {
  test(
    'fail no request and show nothing outdated after crashes, cuts and silences, and only marked ones in them',
    async () => {
      const chaos = await start();
      const { publisher, sides, acks, until, scene, origin } = chaos;
      for (const { readers } of sides) expect(await readers.outdated(KEPT)).toEqual([]);
      publisher.start();
      for (const { readers } of sides) readers.start();
      const recoveries: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        for (const misfortune of [crash, cut, round % 3 === 1 ? hang : swallow]) {
          await acks(SOME);
          scene.isCalm = false;
          await misfortune(chaos, round);
          recoveries.push(await recovery(chaos));
        }
      }
      await publisher.stop();
      await until(() => sides.every(({ side }) => side.seq === publisher.last), 'all applied');
      await recovery(chaos);
      for (const { readers } of sides) expect(await readers.outdated(KEPT)).toEqual([]);
      for (const { readers } of sides) await readers.stop();

      const lags = quantiles(sides.flatMap(({ readers }) => readers.lags));
      const reports = sides.map(({ readers }) => readers.report());
      const figures = { rounds: ROUNDS, ...publisher.report(), lags, recoveries: quantiles(recoveries), reports };
      console.info(JSON.stringify(figures));
      expectNothingWrong(chaos);
      expect(Math.max(...recoveries)).toBeLessThan(RECOVERED);
      expect(publisher.report().rate).toBeGreaterThan(LEAST_RATE);
      // Who never showed anything outdated would not have looked.
      expect(Math.min(...reports.map(({ marked }) => marked.older))).toBeGreaterThan(0);
      for (const tag of KEPT.keys()) expect(origin.asked(`/${tag}`), 'fetches of what nobody purged').toBe(2);
    },
    60_000 + ROUNDS * 30_000,
  );

  test('show nothing for longer than maxUnsynced after it changed, while no purge can arrive', async () => {
    const chaos = await start();
    const { publisher, sides, acks, until, suspect, scene, world } = chaos;
    publisher.start();
    for (const { readers } of sides) readers.start();
    await acks(SOME);
    scene.isCalm = false;
    const began = performance.now();
    for (const { link } of sides) link.hold();
    sides[1]?.link.cut();
    await suspect(...sides);
    const noticed = performance.now() - began;
    expect(noticed).toBeLessThan(NOTICED);
    scene.blindFrom = performance.now();
    await acks(MANY);
    await publisher.stop();
    const changed = performance.now();
    const told = new Map(world.things.map((tag) => [tag, { version: world.version(tag) }]));
    await until(() => performance.now() > changed + MAX_UNSYNCED, 'over');
    for (const { readers } of sides) expect(await readers.outdated(told)).toEqual([]);
    for (const { readers } of sides) await readers.stop();

    const reports = sides.map(({ readers }) => readers.report());
    console.info(JSON.stringify({ noticed: Math.round(noticed), ...publisher.report(), reports }));
    expectNothingWrong(chaos);
    for (const { side } of sides) expect([side.isSynced, side.seq < publisher.last - MANY]).toEqual([false, true]);
    expect(Math.min(...reports.map(({ marked }) => marked.older))).toBeGreaterThan(0);
  }, 60_000);
});
