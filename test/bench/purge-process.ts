/** Measures the purge index in a process of its own; prints what it does in a second, and what it holds, as JSON. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PurgeMessage } from '../../src/purge/message.ts';
import type { Stamped } from '../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import { median } from './bench.ts';
import type { Held } from './purges.ts';

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
/** A tag that all those entries have, and any number of others: what it costs must not depend on them. */
const oneTag = purgeOf([], ['others']);
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

/** Targets that are all different: more than an index remembers, ten times over. */
const DISTINCT = 1_000_000;

/** What an index takes, in bytes, after a million tags; and how much more after others, once the heap has found its size. */
function held(): Held {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const index = createPurgeIndex({ epoch: 'one' });
  let id = 0;
  const purge = (millions: number) => {
    for (const last = id + millions * DISTINCT; id < last; ) index.record(purgeOf([], [`product:${id++}`]), id);
    collect();
    return process.memoryUsage();
  };
  const begun = purge(0);
  const first = purge(1);
  const { targets } = index;
  const settled = purge(2);
  const later = purge(2);
  return {
    rss: first.rss - begun.rss,
    live: first.heapUsed - begun.heapUsed,
    more: later.rss - settled.rss,
    targets,
  };
}

const memory = held(); // first, while nothing else has grown the process
const figures = { singles: [] as number[], tags: [] as number[], batched: [] as number[], judged: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  const index = createPurgeIndex({ epoch: 'one' });
  figures.singles.push(
    perSecond(TARGETS, () => {
      for (const [at, purge] of singles.entries()) index.record(purge, at + 1);
    }),
  );
  figures.tags.push(
    perSecond(TARGETS, () => {
      for (let seq = 1; seq <= TARGETS; seq++) index.record(oneTag, TARGETS + seq);
    }),
  );
  if (entries.some((entry) => index.validity({ ...entry, epoch: index.epoch }).state !== 'hard'))
    throw new Error('an entry counts as valid that was purged');
  const other = createPurgeIndex({ epoch: 'one' });
  figures.batched.push(
    perSecond(TARGETS, () => {
      for (const [at, purge] of hundreds.entries()) other.record(purge, at + 1);
    }),
  );
  other.record(purgeOf([], ['sale']), TARGETS);
  let valid = 0;
  figures.judged.push(
    perSecond(TARGETS, () => {
      for (const entry of entries) if (other.validity(entry).state === 'valid') valid++;
    }),
  );
  if (valid !== TARGETS) throw new Error(`${TARGETS - valid} entries count as purged that were not`);
}
console.log(
  JSON.stringify({
    singles: median(figures.singles),
    tags: median(figures.tags),
    batched: median(figures.batched),
    judged: median(figures.judged),
    memory,
  }),
);
