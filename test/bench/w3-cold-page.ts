import { atMost, median, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { composed } from './fixtures.ts';
import { seenAt } from './seen.ts';
import { expectBody } from './stage.ts';

const SAMPLES = 40;
const WARM_UP = 20;
const DELAY = 50; // ms

export const coldPage: Workload = {
  name: 'W3',
  measures: `a page whose 10 fragments take ${DELAY} ms each, nothing cached: ${SAMPLES} samples, one after the other`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const path = (id: string) => `/page?n=10&delay=${DELAY}&id=${id}`;
    await expectBody(inlay, path('check'), composed(10));
    const connection = await Connection.open(inlay.url);
    const [first, total, slowest, over]: number[][] = [[], [], [], []];
    for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
      const taken = await connection.get(path(`s${sample}`));
      const seen = await seenAt(origin, `s${sample}`);
      if (taken.status !== 200 || seen.fragments !== 10) throw new Error(`sample ${sample} was not cold, or failed`);
      if (sample < 0) continue;
      first!.push(taken.first);
      total!.push(taken.total);
      slowest!.push(seen.slowest);
      over!.push(taken.total - (1.15 * seen.slowest + 5));
    }
    connection.close();
    const [whole, slow] = [median(total!), median(slowest!)];
    return [
      note('slowest fragment, at the origin', `${slow.toFixed(1)} ms`),
      atMost('first byte of the body', median(first!), 5, ' ms'),
      { ...atMost('last byte', whole, Number((1.15 * slow + 5).toFixed(1)), ' ms'), ok: median(over!) <= 0 },
      atMost('last byte after the slowest fragment', whole - slow, 8, ' ms'),
    ];
  },
};
