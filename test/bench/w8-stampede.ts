import { atMost, median, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { composed } from './fixtures.ts';
import { seenAt } from './seen.ts';
import { expectBody } from './stage.ts';

const CLIENTS = 200;
const ROUNDS = 7;
const DELAY = 100; // ms

export const stampede: Workload = {
  name: 'W8',
  measures: `${CLIENTS} clients at once on a cold page with 10 fragments of ${DELAY} ms`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const path = (id: string) => `/page?n=10&delay=${DELAY}&id=${id}`;
    await expectBody(inlay, path('check'), composed(10));
    const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(inlay.url)));
    const expected = composed(10);
    const [pages, fragments, over, last]: number[][] = [[], [], [], []];
    for (let round = -1; round < ROUNDS; round++) {
      const answers = await Promise.all(connections.map((connection) => connection.get(path(`r${round}`))));
      if (answers.some(({ body }) => body.toString() !== expected)) throw new Error('an answer was wrong');
      const seen = await seenAt(origin, `r${round}`);
      if (round < 0) continue; // the first is warm-up
      const slowest = Math.max(...answers.map(({ total }) => total));
      pages!.push(seen.pages);
      fragments!.push(seen.fragments / 10);
      last!.push(slowest);
      over!.push(slowest - seen.slowest);
    }
    for (const connection of connections) connection.close();
    return [
      atMost('origin requests for the page', Math.max(...pages!), 1, '', 0),
      atMost('origin requests a fragment', Math.max(...fragments!), 1, '', 1),
      note('last answer', `${median(last!).toFixed(0)} ms`),
      atMost('last answer after the slowest fragment', median(over!), 40, ' ms'),
    ];
  },
};
