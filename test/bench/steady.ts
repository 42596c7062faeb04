import { atMost, note, type Workload } from './bench.ts';
import { hammer } from './load.ts';

const PATH = '/page?n=10';
const REQUESTS = 200_000;
const MOST = 25; // seconds

export const steady: Workload = {
  name: 'steady',
  measures: `memory of the proxy over ${REQUESTS} requests for a hot page`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin, {}, { collectable: true });
    const deadline = performance.now() + MOST * 1_000;
    await hammer(inlay, PATH, 3);
    const before = await inlay.collect();
    let requests = 0;
    while (requests < REQUESTS && performance.now() < deadline) {
      const { perSecond } = await hammer(inlay, PATH, 4);
      requests += perSecond * 4;
    }
    const raw = inlay.rss();
    const after = await inlay.collect();
    const grown = (after.live - before.live) / 1024 ** 2;
    return [
      note('requests, and RSS with garbage', `${Math.round(requests)}, ${(raw / 1024 ** 2).toFixed(0)} MiB`),
      atMost('growth of what is alive', grown, 1, ' MiB', 2),
    ];
  },
};
