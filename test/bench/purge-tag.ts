import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/node/nats-client.ts';
import { atMost, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { purgeOfTag, quantile, SPACE, withBus } from './purge-stage.ts';
import type { Server, Turns } from './stage.ts';

const ENTRIES = 100_000;
const TAG = 'everything';
const AT_ONCE = 32;
const ROUNDS = 100;
const WARM_UP = 30;
const SETTLE = 5; // ms in which a process does what it put off

export const purgeTag: Workload = {
  name: 'purge-tag',
  measures: `a purge of a tag that ${ENTRIES} cached fragments have, over NATS, and the first fresh answer`,
  run: (stage) =>
    withBus(async (bus) => {
      const origin = await stage.origin();
      const purge = { nats: bus.url, space: SPACE };
      const inlay = await stage.inlay(
        origin,
        { purge, cache: { maxSize: '1gb' } },
        { collectable: true, watchable: true },
      );
      await fill(inlay);
      await inlay.collect(); // or the first turn that collects garbage moves what the last thousands of fragments left young
      const publisher = await connect({ servers: bus.url });
      const connection = await Connection.open(inlay.url);
      const rounds = async (count: number, once: (i: number) => Promise<number>) => {
        const took: number[] = [];
        for (let i = 0; i < count; i++) {
          took.push(await once(i));
          await sleep(SETTLE);
        }
        return took;
      };
      const miss = async (i: number) => (await connection.get(pathOf(ENTRIES + i))).total;
      const passed = await Connection.open((await stage.peer('reverse', origin.url)).url);
      const pass = async (i: number) => (await passed.get(pathOf(i))).total;
      const freshAnswer = async (i: number) => {
        const { body } = await connection.get(pathOf(i));
        const began = performance.now();
        publisher.publish(`inlay.purge.${SPACE}`, purgeOfTag(TAG));
        while ((await connection.get(pathOf(i))).body.equals(body))
          if (performance.now() > began + 5_000) throw new Error('the purge does not arrive');
        return performance.now() - began;
      };
      await rounds(WARM_UP, (i) => freshAnswer(ROUNDS + i)); // compiles what runs cold
      await rounds(WARM_UP, pass);
      const plain = await rounds(ROUNDS, pass);
      await inlay.watch();
      const missed = await rounds(ROUNDS, miss);
      const idle = await inlay.watch();
      const turns: Turns[] = [];
      const fresh = await rounds(ROUNDS, async (i) => {
        const took = await freshAnswer(i);
        turns.push(await inlay.watch());
        return took;
      });
      const own = turns.map(({ cpu }) => cpu);
      connection.close();
      passed.close();
      await publisher.close();
      return [
        note('a plain undici proxy, p50, p99', `${ms(quantile(plain, 0.5))}, ${ms(quantile(plain, 0.99))}`),
        note('a miss, for comparison, p50, p99', `${ms(quantile(missed, 0.5))}, ${ms(quantile(missed, 0.99))}`),
        atMost('purge to first fresh answer, p50', quantile(fresh, 0.5), 1, ' ms', 2),
        atMost('purge to first fresh answer, p99', quantile(fresh, 0.99), 4, ' ms', 2),
        note('longest turn without purges', `${ms(idle.cpu)}, ${ms(idle.wall)} by the clock`),
        note('longest turn by the clock, with them', ms(Math.max(...turns.map(({ wall }) => wall)))),
        note('longest turn a purge, p50, p99', `${ms(quantile(own, 0.5))}, ${ms(quantile(own, 0.99))}`),
        atMost('longest turn of all, processor time', Math.max(...own), 5, ' ms'),
      ];
    }),
};

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

function pathOf(i: number): string {
  return `/tagged?i=${i}&tag=${TAG}`;
}

async function fill(inlay: Server): Promise<void> {
  const connections = await Promise.all(Array.from({ length: AT_ONCE }, () => Connection.open(inlay.url)));
  let next = 0;
  const work = async (connection: Connection): Promise<void> => {
    for (let i = next++; i < ENTRIES; i = next++) {
      const { status } = await connection.get(pathOf(i));
      if (status !== 200) throw new Error(`fragment ${i} was answered ${status}`);
    }
    connection.close();
  };
  await Promise.all(connections.map(work));
}
