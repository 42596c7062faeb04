import { LRUCache } from 'lru-cache';
import type { Stored } from './entry.ts';
import type { Store } from './store.ts';

/**
 * The store of one process: a map bounded in bytes that forgets what was used least recently.
 * Whether something in it is fresh or purged is not its business.
 *
 * @param maxSize bytes; one entry may take an eighth of it at most
 */
export function createLruStore(maxSize: number): Store {
  const maxEntrySize = Math.max(1, Math.floor(maxSize / 8));
  const cache = new LRUCache<string, Stored>({
    maxSize,
    maxEntrySize,
    sizeCalculation: (stored) => stored.size,
    dispose: (stored) => {
      if (stored.kind === 'entry' && stored.pulse !== undefined) stored.pulse.gone = true;
    },
  });
  return {
    get: (key) => cache.get(key),
    set: (key, stored) => {
      cache.set(key, stored);
    },
    delete: (key) => {
      cache.delete(key);
    },
    get size() {
      return cache.calculatedSize;
    },
    maxSize,
    maxEntrySize,
  };
}
