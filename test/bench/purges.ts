import { atLeast, note, type Workload } from './bench.ts';

interface Applied {
  readonly singles: number;
  readonly batched: number;
  readonly judged: number;
}

export const purges: Workload = {
  name: 'purges',
  measures: 'purges recorded by the index, and entries judged by it while it holds 100,000 targets',
  async run(stage) {
    const { singles, batched, judged } = (await stage.script('purge-process.ts')) as Applied;
    return [
      atLeast('messages of one key', singles / 1e6, 0.5, ' M/s'),
      atLeast('keys in messages of 100', batched / 1e6, 0.5, ' M/s'),
      note('entries judged after a purge of others', `${(judged / 1e6).toFixed(2)} M/s`),
    ];
  },
};
