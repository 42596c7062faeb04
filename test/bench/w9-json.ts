import { atLeast, median, note, ratio, type Workload } from './bench.ts';
import { entity, list } from './fixtures.ts';
import { compare } from './load.ts';
import { expectBody } from './stage.ts';

const COUNT = 100;

export const json: Workload = {
  name: 'W9',
  measures: `a JSON list of ${COUNT} identifiers hydrated with entities, all cached`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin, {
      fragments: [
        { name: 'entity', path: '/entity/{id}', service: 'origin', scope: 'public', tags: ['entity:{id}'], ttl: '10m' },
      ],
    });
    const servers = [
      inlay,
      await stage.peer('bare-json', COUNT),
      await stage.peer('naive', origin.url),
      await stage.peer('naive-cached', origin.url),
    ];
    const path = `/list?n=${COUNT}`;
    for (const server of servers) await expectBody(server, path, list(COUNT, entity));
    const series = await compare(
      servers.map((server) => ({ server, path })),
      { rounds: 3, seconds: 1, warmUp: 2 },
    );
    const [ours, bare, naive, cached] = series;
    const figures = series.map(
      ({ perSecond, cpu }) => `${Math.round(median(perSecond))} req/s, ${median(cpu).toFixed(0)} us`,
    );
    return [
      note('Inlay, and CPU a request', figures[0]!),
      note('bare node:http, the same bytes', figures[1]!),
      note('naive gateway: fetch, parse, stringify', figures[2]!),
      note('the same with its answers in a Map', figures[3]!),
      atLeast('Inlay / naive gateway, by CPU', ratio(naive!.cpu, ours!.cpu), 3),
      atLeast('Inlay / naive gateway with a Map', ratio(cached!.cpu, ours!.cpu), 1),
      atLeast('Inlay / bare node:http, by CPU', ratio(bare!.cpu, ours!.cpu), 0.6),
    ];
  },
};
