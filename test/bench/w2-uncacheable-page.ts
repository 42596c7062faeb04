import { atLeast, median, note, ratio, type Workload } from './bench.ts';
import { composed, template } from './fixtures.ts';
import { compare } from './load.ts';
import { expectBody } from './stage.ts';

const PATH = '/page?n=10&store=0';

export const uncacheablePage: Workload = {
  name: 'W2',
  measures: 'that page fetched for every request from a fast origin, its fragments cached',
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin);
    const reverse = await stage.peer('reverse', origin.url);
    await expectBody(inlay, PATH, composed(10));
    await expectBody(
      reverse,
      PATH,
      template(10, (i) => `/fragment?i=${i}`),
    );
    const targets = [inlay, reverse].map((server) => ({ server, path: PATH }));
    const [ours, limit] = await compare(targets, { rounds: 3, seconds: 2, warmUp: 2 });
    return [
      note(
        'Inlay, and CPU a request',
        `${Math.round(median(ours!.perSecond))} req/s, ${median(ours!.cpu).toFixed(0)} us`,
      ),
      note(
        'plain undici reverse proxy, no ESI',
        `${Math.round(median(limit!.perSecond))} req/s, ${median(limit!.cpu).toFixed(0)} us`,
      ),
      atLeast('Inlay / reverse proxy, by CPU', ratio(limit!.cpu, ours!.cpu), 0.85),
      note('the same by req/s', ratio(ours!.perSecond, limit!.perSecond).toFixed(2)),
    ];
  },
};
