import { atLeast, median, note, type Row, ratio, type Workload } from './bench.ts';
import { composed } from './fixtures.ts';
import { compare } from './load.ts';
import { expectBody } from './stage.ts';

const PATH = '/page?n=10';

export const hotPage: Workload = {
  name: 'W1',
  measures: 'a page of 20 KB with 10 includes of 512 B, everything cached, one process',
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const bare = await stage.peer('bare', 10);
    const hono = await stage.peer('hono', 10);
    for (const server of [inlay, bare, hono]) await expectBody(server, PATH, composed(10));
    const targets = [inlay, bare, hono].map((server) => ({ server, path: PATH }));
    const [ours, limit, framework] = await compare(targets, { rounds: 3, seconds: 2, warmUp: 2 });
    const line = (name: string, { perSecond, cpu }: { perSecond: number[]; cpu: number[] }): Row =>
      note(name, `${Math.round(median(perSecond))} req/s, ${median(cpu).toFixed(0)} us`);
    const byRate = [limit!, framework!].map(({ perSecond }) => ratio(ours!.perSecond, perSecond));
    return [
      line('Inlay, and CPU a request', ours!),
      line('bare node:http, the same bytes', limit!),
      line('bare Hono, the same bytes', framework!),
      atLeast('Inlay / bare node:http, by CPU', ratio(limit!.cpu, ours!.cpu), 0.85),
      atLeast('Inlay / bare Hono, by CPU', ratio(framework!.cpu, ours!.cpu), 1),
      note('the same two by req/s', byRate.map((value) => value.toFixed(2)).join(', ')),
    ];
  },
};
