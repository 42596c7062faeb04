import { atMost, note, type Row, type Workload } from './bench.ts';
import type { Sent } from './purge-instance.ts';
import { type Instance, quantile, withBus } from './purge-stage.ts';
import { LOAD_CORE } from './stage.ts';

const PURGES = 1_000;
const EVERY = 5; // ms

export const purgeLatency: Workload = {
  name: 'purge-latency',
  measures: `${PURGES} purges, one every ${EVERY} ms, from publish() of one process to the index of another`,
  run: () =>
    withBus(async (_bus, start) => {
      const instance = await start(0, 'instance');
      const rows: Row[] = [];
      for (const role of ['publisher', 'instance']) {
        const publisher = await start(LOAD_CORE, role);
        await publisher.ask({ op: 'publish', count: 50, every: EVERY });
        rows.push(...(await measure(publisher, instance, role)));
        await publisher.stop();
      }
      return rows;
    }),
};

async function measure(publisher: Instance, instance: Instance, by: string): Promise<Row[]> {
  const sent = await publisher.ask<Sent[]>({ op: 'publish', count: PURGES, every: EVERY });
  const heard = new Map(await instance.ask<[string, number][]>({ op: 'heard' }));
  const unservable = sent.map(({ id, called }) => (heard.get(id) ?? Number.POSITIVE_INFINITY) - called);
  const resolved = sent.map(({ called, resolved }) => resolved - called);
  return [
    note(`${by}: unservable, p50`, ms(quantile(unservable, 0.5))),
    atMost(`${by}: unservable, p99`, quantile(unservable, 0.99), 5, ' ms', 2),
    note(`${by}: resolved, p50`, ms(quantile(resolved, 0.5))),
    atMost(`${by}: resolved, p99`, quantile(resolved, 0.99), 5, ' ms', 2),
  ];
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
