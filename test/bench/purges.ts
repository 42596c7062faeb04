import { atLeast, atMost, note, type Workload } from './bench.ts';

/** Bytes, and targets, of an index of a million tags. */
export interface Held {
  readonly rss: number;
  readonly live: number;
  /** That the fourth and fifth million add to the RSS. */
  readonly more: number;
  readonly targets: number;
}

interface Applied {
  readonly singles: number;
  readonly tags: number;
  readonly batched: number;
  readonly judged: number;
  readonly memory: Held;
}

export const purges: Workload = {
  name: 'purges',
  measures: 'purges recorded by the index, entries judged by it, and what it remembers of a million tags',
  async run(stage) {
    const { singles, tags, batched, judged, memory } = (await stage.script('purge-process.ts')) as Applied;
    return [
      atLeast('messages of one key', singles / 1e6, 0.5, ' M/s'),
      atLeast('messages of a tag that all have', tags / 1e6, 0.5, ' M/s'),
      atLeast('keys in messages of 100', batched / 1e6, 0.5, ' M/s'),
      note('entries judged after a purge of others', `${(judged / 1e6).toFixed(2)} M/s`),
      atMost('targets held after a million tags', memory.targets, 100_000, '', 0),
      atMost('alive then', mebi(memory.live), 64, ' MiB'),
      note('RSS grown by, after a collection', `${mebi(memory.rss).toFixed(0)} MiB`),
      atMost('RSS that the 4th and 5th million add', mebi(memory.more), 64, ' MiB', 0),
    ];
  },
};

function mebi(bytes: number): number {
  return bytes / 1024 ** 2;
}
