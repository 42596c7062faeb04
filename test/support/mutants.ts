import type { Coalesce, Flight } from '../../src/cache/coalesce.ts';
import type { Store } from '../../src/cache/store.ts';
import type { Fields } from '../../src/http/fields.ts';
import type { Runtime } from '../../src/runtime.ts';
import { type Answered, type AskOptions, ask } from './gateway.ts';

/** A way to break a gateway's runtime, for tests that must notice. */
export type Mutant = (runtime: Runtime) => Partial<Runtime>;

/** Ways in which caches have given the answer of one visitor to another. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'whose fetches under way are for all who wait': ({ coalesce }) => ({ coalesce: sharing(coalesce) }),
  'that does not hear private, no-store and no-cache': (runtime) =>
    hearing(runtime, (name, value) =>
      name === 'cache-control' ? value.replace(/private|no-store|no-cache/g, 'x') : value,
    ),
  'that stores what sets a cookie': (runtime) => hearing(runtime, without('set-cookie')),
  'that does not know what answers vary by': (runtime) => hearing(runtime, without('vary')),
  'that leaves the values of a scope out of its keys': ({ store, coalesce }) => ({
    store: keyed(store, withoutScope),
    coalesce: keyedCoalesce(coalesce, withoutScope),
  }),
};

/** A client's view of a gateway that keeps whole pages by their path, whatever variables they read. */
export function memoOfPaths(): typeof ask {
  const pages = new Map<string, Answered>();
  return async (port: number, path: string, options: AskOptions = {}) => {
    const kept = pages.get(path);
    if (kept !== undefined) return kept;
    const answered = await ask(port, path, options);
    if (answered.status === 200 && answered.complete && options.method === 'GET') pages.set(path, answered);
    return answered;
  };
}

function sharing(coalesce: Coalesce): Coalesce {
  const shared = (flight: Flight): Flight => ({
    ...flight,
    decide: () => flight.decide(true),
    finish: (end) => flight.finish('entry' in end ? { ...end, shareable: true } : end),
  });
  return { ...coalesce, start: (key) => shared(coalesce.start(key)) };
}

/** Changes what services say; `undefined` is what is not heard. */
function hearing({ fetch }: Runtime, hear: (name: string, value: string) => string | undefined): Partial<Runtime> {
  const changed = (fields: Fields): string[] => {
    const heard: string[] = [];
    for (let i = 0; i < fields.length; i += 2) {
      const value = hear(fields[i]!, fields[i + 1]!);
      if (value !== undefined) heard.push(fields[i]!, value);
    }
    return heard;
  };
  return {
    fetch: async (request) => {
      const response = await fetch(request);
      return { ...response, fields: changed(response.fields) };
    },
  };
}

function without(field: string): (name: string, value: string) => string | undefined {
  return (name, value) => (name === field ? undefined : value);
}

/** Keys are lists, and the values of a scope pairs in them: `["cookie:user", "…"]`. */
function withoutScope(key: string): string {
  return key.replace(/,\["(?:cookie|header):[^\]]*\]/g, '');
}

function keyed(store: Store, of: (key: string) => string): Store {
  return {
    get: (key) => store.get(of(key)),
    set: (key, stored) => store.set(of(key), stored),
    delete: (key) => store.delete(of(key)),
    size: store.size,
    maxSize: store.maxSize,
    maxEntrySize: store.maxEntrySize,
  };
}

function keyedCoalesce(coalesce: Coalesce, of: (key: string) => string): Coalesce {
  return { ...coalesce, get: (key) => coalesce.get(of(key)), start: (key) => coalesce.start(of(key)) };
}
