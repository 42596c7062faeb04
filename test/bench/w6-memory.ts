import { atMost, note, type Workload } from './bench.ts';
import { Connection } from './client.ts';

const FRAGMENTS = 100_000;
const BYTES = 1_024;
const AT_ONCE = 32;

const each = (bytes: number) => Math.round(bytes / FRAGMENTS);

export const memory: Workload = {
  name: 'W6',
  measures: `what ${FRAGMENTS} cached fragments of 1 KiB occupy`,
  async run(stage) {
    const origin = await stage.origin();
    const inlay = await stage.inlay(origin, { cache: { maxSize: '1gb' } }, { collectable: true });
    const connections = await Promise.all(Array.from({ length: AT_ONCE }, () => Connection.open(inlay.url)));
    const fetchAll = async (count: number, suffix: string): Promise<void> => {
      let next = 0;
      const work = async (connection: Connection): Promise<void> => {
        for (let i = next++; i < count; i = next++) {
          const { status } = await connection.get(`/fragment?bytes=${BYTES}&i=${i}&id=memory${suffix}`);
          if (status !== 200) throw new Error(`fragment ${i} was answered ${status}`);
        }
      };
      await Promise.all(connections.map(work));
    };
    await fetchAll(10_000, '&store=0'); // what the program itself takes when it has run for a while
    const begun = await inlay.collect();
    const before = inlay.rss();
    await fetchAll(FRAGMENTS, '');
    const raw = inlay.rss();
    const { live, heap } = await inlay.collect();
    const after = inlay.rss();
    for (const connection of connections) connection.close();
    return [
      note('alive, and taken by the heap', `${each(live - begun.live)}, ${each(heap - begun.heap)} bytes a fragment`),
      note('RSS with uncollected garbage', `${each(raw - before)} bytes a fragment`),
      atMost('RSS a fragment, after a collection', each(after - before), 2_200, ' bytes', 0),
    ];
  },
};
