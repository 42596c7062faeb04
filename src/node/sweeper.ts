import type { Stored } from '../cache/entry.ts';
import type { SweptStore } from '../cache/store.ts';
import type { PurgeIndex } from '../purge/purge-index.ts';

/** Ms between two looks whether anything was purged, and between two slices of a round. */
const LOOK_AGAIN = 1_000;
const BETWEEN_SLICES = 10;
/** What a slice looks at, and ms after which it looks at no more: a page may have hundreds of parts to be judged. */
const SLICE = 250;
const WORK = 1;
/** The share of its bound that a store may hold before it is swept: until then worthless entries push nothing out, and tell why they are misses. */
const FULL = 0.5;

/**
 * Deletes what purges made worthless and nobody asks for, a slice at a time, so that it does not push out what is of use.
 * A purge itself deletes nothing. Returns what ends it.
 */
export function startSweeper(
  store: SweptStore,
  purges: Pick<PurgeIndex, 'generation'>,
  isWorthless: (stored: Stored) => boolean,
): () => void {
  let swept = purges.generation;
  let timer: NodeJS.Timeout;
  const pause = (ms: number, then: () => void): void => {
    timer = setTimeout(then, ms).unref();
  };
  const look = (): void => {
    if (purges.generation === swept || store.size < store.maxSize * FULL) {
      pause(LOOK_AGAIN, look);
      return;
    }
    swept = purges.generation; // what comes meanwhile is another round's
    slice();
  };
  const slice = (): void => {
    const until = performance.now() + WORK;
    for (let left = SLICE; left > 0 && performance.now() < until; left--) {
      if (!store.sweep(1, isWorthless)) continue;
      pause(LOOK_AGAIN, look);
      return;
    }
    pause(BETWEEN_SLICES, slice);
  };
  pause(LOOK_AGAIN, look);
  return () => clearTimeout(timer);
}
