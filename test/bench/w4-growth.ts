import { atMost, median, note, type Workload } from './bench.ts';
import { composed } from './fixtures.ts';
import { compare } from './load.ts';
import { expectBody } from './stage.ts';

const COUNTS = [1, 10, 100, 1_000];

export const growth: Workload = {
  name: 'W4',
  measures: 'CPU as the number of includes of 512 B grows, everything cached',
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin, { limits: { includes: 2_000 } });
    const path = (count: number) => `/page?n=${count}`;
    for (const count of COUNTS) await expectBody(inlay, path(count), composed(count));
    const targets = [];
    for (const count of COUNTS) {
      targets.push({ server: inlay, path: path(count) });
      targets.push({ server: await stage.peer('bare', count), path: '/' });
    }
    const series = await compare(targets, { rounds: 2, seconds: 1, warmUp: 1 });
    const cpu = series.map((found) => median(found.cpu));
    const ours = (index: number) => cpu[2 * index]!;
    return [
      ...COUNTS.map((count, i) =>
        note(`${count} includes, Inlay (bare)`, `${ours(i).toFixed(0)} (${cpu[2 * i + 1]!.toFixed(0)}) us`),
      ),
      atMost('an include, from 1 to 100', (ours(2) - ours(0)) / 99, 0.3, ' us', 2),
      atMost('an include, from 100 to 1,000', (ours(3) - ours(2)) / 900, 0.3, ' us', 2),
    ];
  },
};
