/** Measures the purge index in a process of its own; prints what it does in a second as JSON. */
import type { PurgeMessage } from '../../src/purge/message.ts';
import type { Stamped } from '../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import { median } from './bench.ts';

const ROUNDS = 5;
const TARGETS = 90_000; // below what the index remembers one by one

type Purge = Pick<PurgeMessage, 'mode' | 'keys' | 'tags' | 'urls' | 'prefixes' | 'all'>;

const purgeOf = (keys: readonly string[], tags: readonly string[] = []): Purge =>
  ({ mode: 'hard', keys, tags, urls: [], prefixes: [], all: false }) as unknown as Purge;

const keyOf = (id: number) => `["product","${id}"]`;
const singles = Array.from({ length: TARGETS }, (_, id) => purgeOf([keyOf(id)]));
const hundreds = Array.from({ length: TARGETS / 100 }, (_, batch) =>
  purgeOf(Array.from({ length: 100 }, (_, i) => keyOf(batch * 100 + i))),
);
const entries = Array.from(
  { length: TARGETS },
  (_, id): Stamped => ({
    stamp: 0,
    epoch: 'one',
    key: `["other","${id}"]`,
    tags: [`other:${id}`, 'others'],
    origin: 'http://127.0.0.1:9000',
    path: `/other/${id}`,
  }),
);

function perSecond(count: number, task: () => void): number {
  const started = performance.now();
  task();
  return (count / (performance.now() - started)) * 1_000;
}

const figures = { singles: [] as number[], batched: [] as number[], judged: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  const index = createPurgeIndex({ epoch: 'one' });
  figures.singles.push(
    perSecond(TARGETS, () => {
      for (const purge of singles) index.record(purge);
    }),
  );
  const other = createPurgeIndex({ epoch: 'one' });
  figures.batched.push(
    perSecond(TARGETS, () => {
      for (const purge of hundreds) other.record(purge);
    }),
  );
  index.record(purgeOf([], ['sale']));
  let valid = 0;
  figures.judged.push(
    perSecond(TARGETS, () => {
      for (const entry of entries) if (index.validity(entry).state === 'valid') valid++;
    }),
  );
  if (valid !== TARGETS) throw new Error(`${TARGETS - valid} entries count as purged that were not`);
}
console.log(
  JSON.stringify({
    singles: median(figures.singles),
    batched: median(figures.batched),
    judged: median(figures.judged),
  }),
);
