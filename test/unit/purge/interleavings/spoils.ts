import { numberOf } from '../../../../src/purge/number.ts';
import type { PurgeIndex, Stamped, Validity } from '../../../../src/purge/purge-index.ts';
import type { Spoil } from './process.ts';

/** Ways in which the numbers of purges can go wrong. */
export const SPOILS: Readonly<Record<string, Spoil>> = {
  'takes the stamp when the fetch ends': { lateStamps: true },
  'takes a message for the one it has read because it has its number': { trustsNumbers: true },
  'does not look at epochs': {
    purges: (index) => over(index, { validity: (entry) => index.validity({ ...entry, epoch: index.epoch }) }),
  },
  'goes back to the number of a message that arrives twice': { purges: goingBack },
  'forgets what old messages purged and raises no floor': { purges: forgetting },
  'applies what arrives twice once more': {
    purges: (index) =>
      over(index, {
        record: (purge: Parameters<PurgeIndex['record']>[0], seq?: number) => {
          if (seq === undefined) return index.record(purge);
          const number = index.record(purge, seq);
          if (number === undefined) index.record(purge);
          return number;
        },
      } as Partial<PurgeIndex>),
  },
  'does not move its position for what it records alone': {
    purges: (index) => {
      const spoiled = over(index, {});
      return new Proxy(spoiled, {
        get: (_, name) => (name === 'position' ? numberOf(index.seq) : Reflect.get(spoiled, name)),
      });
    },
  },
};

/** An index with some of its methods replaced. */
function over(index: PurgeIndex, methods: Partial<PurgeIndex>): PurgeIndex {
  return new Proxy(index, {
    get: (_, name) => {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(index, name);
      return typeof value === 'function' ? value.bind(index) : value;
    },
  });
}

function goingBack(index: PurgeIndex): PurgeIndex {
  let position: number | undefined;
  const spoiled = over(index, {
    validity: (entry: Stamped): Validity =>
      position !== undefined && entry.epoch === index.epoch && entry.stamp >= position
        ? { state: 'valid' }
        : index.validity(entry),
    record: ((purge: Parameters<PurgeIndex['record']>[0], seq?: number) => {
      const number = seq === undefined ? index.record(purge) : index.record(purge, seq);
      position = number === undefined ? numberOf(seq!) : undefined;
      return number;
    }) as PurgeIndex['record'],
  });
  return new Proxy(spoiled, {
    get: (_, name) => (name === 'position' ? (position ?? index.position) : Reflect.get(spoiled, name)),
  });
}

function forgetting(index: PurgeIndex): PurgeIndex {
  let forgotten = 0;
  return over(index, {
    prune: (seq) => {
      forgotten = Math.max(forgotten, numberOf(Math.min(seq, index.seq)));
    },
    startAt: (epoch, seq) => {
      forgotten = 0;
      index.startAt(epoch, seq);
    },
    validity: (entry: Stamped): Validity => {
      const judged = index.validity(entry);
      const old = judged.state !== 'valid' && judged.reason !== 'epoch' && judged.seq <= forgotten;
      return old ? { state: 'valid' } : judged;
    },
  });
}
