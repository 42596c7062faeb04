import { atMost, median, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { BRANCHES, composedNested, LEVELS } from './fixtures.ts';
import { seenAt } from './seen.ts';
import { expectBody } from './stage.ts';

const SAMPLES = 30;
const WARM_UP = 10;
const DELAY = 50; // ms
const FRAGMENTS = BRANCHES + BRANCHES ** 2 + BRANCHES ** 3;

export const nestedPage: Workload = {
  name: 'nested',
  measures: `a cold page with try, choose and foreach, ${LEVELS} levels deep, ${FRAGMENTS} fragments of ${DELAY} ms: ${SAMPLES} samples`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const path = (id: string) => `/nested?level=0&delay=${DELAY}&id=${id}`;
    await expectBody(inlay, path('check'), composedNested(0));
    const connection = await Connection.open(inlay.url);
    const [first, total, slowest]: number[][] = [[], [], []];
    for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
      const taken = await connection.get(path(`s${sample}`));
      const seen = await seenAt(origin, `s${sample}`);
      if (taken.status !== 200 || seen.fragments !== FRAGMENTS)
        throw new Error(`sample ${sample} was not cold, or failed`);
      if (sample < 0) continue;
      first!.push(taken.first);
      total!.push(taken.total);
      slowest!.push(seen.slowest);
    }
    connection.close();
    const levels = LEVELS * DELAY;
    return [
      note('slowest fragment, at the origin', `${median(slowest!).toFixed(1)} ms`),
      atMost('first byte of the body', median(first!), 5, ' ms'),
      atMost('last byte', median(total!), 1.15 * levels + 5, ' ms'),
    ];
  },
};
