import { LRUCache } from 'lru-cache';
import type { Stored } from './entry.ts';
import type { SweptStore } from './store.ts';

/**
 * The store of one process: a map bounded in bytes that forgets what was used least recently.
 * Whether something in it is fresh or purged is not its business.
 *
 * @param maxSize bytes; one entry may take an eighth of it at most
 */
export function createLruStore(maxSize: number): SweptStore {
  const maxEntrySize = Math.max(1, Math.floor(maxSize / 8));
  const cache = new LRUCache<string, Stored>({
    maxSize,
    maxEntrySize,
    sizeCalculation: (stored) => stored.size,
    dispose: (stored) => {
      if (stored.kind === 'entry' && stored.pulse !== undefined) stored.pulse.gone = true;
    },
  });
  let round: { readonly keys: Iterator<string>; left: number } | undefined;
  let standsOn: string | undefined;
  return {
    get: (key) => cache.get(key),
    set: (key, stored) => {
      cache.set(key, stored);
    },
    delete: (key) => {
      cache.delete(key);
    },
    sweep: (count, isWorthless) => {
      // What is used meanwhile moves ahead of the iterator, so a round ends when it has seen as many as there were.
      round ??= { keys: cache.rkeys(), left: cache.size };
      for (let left = count; left > 0; left--) {
        const { done, value } = round.keys.next();
        // It goes on from where it stands, so what it stood on may be deleted only now.
        const stored = standsOn === undefined ? undefined : cache.peek(standsOn);
        if (stored !== undefined && isWorthless(stored)) cache.delete(standsOn!);
        standsOn = value;
        if (done !== true) round.left -= 1;
        if (cache.size === 0 || round.left < (done === true ? 1 : 0)) {
          round = standsOn = undefined;
          return true;
        }
        // It also ends where what it stood on was used, or made room for something new.
        if (done === true) round = { keys: cache.rkeys(), left: round.left };
      }
      return false;
    },
    get size() {
      return cache.calculatedSize;
    },
    maxSize,
    maxEntrySize,
  };
}
