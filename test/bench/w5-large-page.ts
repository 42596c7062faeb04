import { atMost, median, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { composed } from './fixtures.ts';
import { seenAt } from './seen.ts';

const COUNT = 200; // what follows the first is more than the 64 KiB that Node lets a response hold back
const SAMPLES = 5;
const DELAY = 100; // ms

export const largePage: Workload = {
  name: 'W5',
  measures: `a page of 120 KB whose first fragment takes ${DELAY} ms every time: all that follows is cached and leaves at once`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const connection = await Connection.open(inlay.url);
    const expected = composed(COUNT);
    const [first, total]: [number[], number[]] = [[], []];
    for (let sample = -1; sample < SAMPLES; sample++) {
      const taken = await connection.get(`/page?n=${COUNT}&delay=${DELAY}&slow=1&id=large`);
      if (taken.body.toString() !== expected) throw new Error('an answer was wrong');
      if (sample < 0) continue; // the first fills the cache
      first.push(taken.first);
      total.push(taken.total);
    }
    connection.close();
    const { slowest } = await seenAt(origin, 'large');
    return [
      note('first byte of the body', `${median(first).toFixed(1)} ms`),
      atMost('last byte after the slow fragment', median(total) - slowest, 10, ' ms'),
    ];
  },
};
