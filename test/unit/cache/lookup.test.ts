import { describe, expect, test } from 'vitest';
import type { Ask } from '../../../src/cache/ask.ts';
import { verdict } from '../../../src/cache/cache.ts';
import { createCoalesce } from '../../../src/cache/coalesce.ts';
import type { Entry } from '../../../src/cache/entry.ts';
import { validatorOf } from '../../../src/cache/fill.ts';
import { Interest } from '../../../src/cache/interest.ts';
import { takePart } from '../../../src/cache/join.ts';
import { invalidate, judge, lookup, put } from '../../../src/cache/lookup.ts';
import { createLruStore } from '../../../src/cache/lru-store.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { Runtime } from '../../../src/runtime.ts';
import { compile } from '../../../src/template/compile.ts';
import { latin1 } from '../template/support.ts';

const STORED_AT = 1_000_000_000_000;
const HOUR = 3_600_000;
const UNSYNCED = 30_000;
const EMPTY = compile(new Uint8Array(0), 'none');

/** A runtime whose clock a test sets, and which can do nothing but remember. */
function setup() {
  const clock = { now: STORED_AT };
  const purges = createPurgeIndex({ epoch: 'e' });
  const store = createLruStore(1_000_000);
  const coalesce = createCoalesce();
  const after = () => () => {};
  const runtime = { now: () => clock.now, after, store, purges, coalesce, maxUnsynced: UNSYNCED } as unknown as Runtime;
  return { clock, purges, store, coalesce, runtime };
}

function askOf(values: Partial<Ask> = {}): Ask {
  const interest = new Interest();
  return {
    key: 'k',
    method: 'GET',
    origin: 'http://s',
    path: '/x',
    fields: [],
    interest,
    policy: {},
    ...values,
  } as Ask;
}

function entryOf(values: Partial<Entry> = {}): Entry {
  const times = { storedAt: STORED_AT, initialAge: 0, lifetime: HOUR, lifetimeFrom: 'max-age' };
  const windows = { staleWhileRevalidate: HOUR, staleIfError: 0, mustRevalidate: false };
  const address = { key: 'k', origin: 'http://s', path: '/x', tags: ['t'], stamp: 0, epoch: 'e' };
  const rest = {
    kind: 'entry',
    status: 200,
    fields: [],
    vary: [],
    template: EMPTY,
    validator: 'v',
    size: 1_000,
  } as const;
  return { ...times, ...windows, ...address, ...rest, ...values };
}

describe('an entry that is good for an hour', () => {
  test('is served for an hour while every purge is heard of', () => {
    const { clock, runtime } = setup();
    clock.now = STORED_AT + HOUR - 1;
    expect(judge(entryOf(), runtime).freshness).toEqual({ state: 'fresh', ttl: 1 });
    clock.now = STORED_AT + HOUR;
    expect(judge(entryOf(), runtime).freshness.state).toBe('stale');
  });

  test('is fetched anew after the time for which purges may be missed, and not served meanwhile', async () => {
    const { clock, purges, runtime } = setup();
    await put(askOf(), runtime, entryOf());
    purges.setSynced(false);
    clock.now = STORED_AT + UNSYNCED - 1;
    expect(verdict(await lookup(askOf(), runtime), clock.now)).toMatchObject({ act: 'serve', refresh: false });
    clock.now = STORED_AT + UNSYNCED;
    // Its window to be served while it is refreshed is an hour, and yet: nobody knows whether it was purged.
    expect(verdict(await lookup(askOf(), runtime), clock.now)).toMatchObject({ act: 'fetch', reason: 'stale' });
    purges.setSynced(true);
    expect(verdict(await lookup(askOf(), runtime), clock.now)).toMatchObject({ act: 'serve', refresh: false });
  });

  test('counts as older than that for a client, too, whatever staleness it would bear', () => {
    const { clock, purges, runtime } = setup();
    purges.setSynced(false);
    clock.now = STORED_AT + UNSYNCED;
    const request = {
      noCache: false,
      noStore: false,
      onlyIfCached: false,
      maxAge: undefined,
      minFresh: undefined,
      maxStale: Number.POSITIVE_INFINITY,
    };
    expect(verdict(judge(entryOf(), runtime), clock.now, request).act).toBe('fetch');
  });
});

describe('a URL whose responses vary', () => {
  const language = (value: string) => askOf({ fields: ['accept-language', value] });

  test('has its marker used after its representations: what is used least recently is forgotten first', async () => {
    const { runtime, store } = setup();
    const used: string[] = [];
    const noting: Runtime = {
      ...runtime,
      store: {
        ...store,
        get: (key) => {
          used.push(key);
          return store.get(key);
        },
        set: (key, stored) => {
          used.push(key);
          return store.set(key, stored);
        },
      },
    };
    const one = entryOf({ vary: [['accept-language', 'en']] });
    await put(language('en'), noting, one);
    expect(used.at(-1)).toBe('k');
    expect(used).toHaveLength(3);
    used.length = 0;
    await lookup(language('en'), noting);
    expect(used.at(-1)).toBe('k');
    expect(used.length).toBeGreaterThan(1);
  });

  test('tells what was assembled from a representation when it is selected by something else', async () => {
    const { runtime, store } = setup();
    await put(language('en'), runtime, entryOf({ vary: [['accept-language', 'en']] }));
    const place = JSON.stringify(['k', [['accept-language', 'en']]]);
    const entry = store.get(place) as Entry;
    const pulse = { ...entryOf(), place, gone: false };
    entry.pulse = pulse;
    await put(language('en'), runtime, entryOf({ vary: [['accept-language', 'en']] }));
    await put(language('de'), runtime, entryOf({ vary: [['accept-language', 'de']] }));
    const again = store.get(place) as Entry;
    const other = { ...entryOf(), place, gone: false };
    again.pulse = other;
    expect([pulse.gone, other.gone]).toEqual([true, false]);
    await put(language('de'), runtime, entryOf());
    expect(other.gone).toBe(true);
  });
});

describe('an unsafe request', () => {
  const language = (value: string) => askOf({ fields: ['accept-language', value] });
  const variant = (value: string, stamp: number) => entryOf({ vary: [['accept-language', value]], stamp });
  const found = async (ask: Ask, runtime: Runtime) => verdict(await lookup(ask, runtime), runtime.now()).act;

  test('makes every stored variant unfit, also once one of them is stored anew', async () => {
    const { purges, runtime } = setup();
    for (const value of ['en', 'de']) await put(language(value), runtime, variant(value, purges.position));
    await invalidate('k', runtime);
    expect(await found(language('en'), runtime)).toBe('fetch');
    await put(language('en'), runtime, variant('en', purges.position));
    expect([await found(language('en'), runtime), await found(language('de'), runtime)]).toEqual(['serve', 'fetch']);
  });

  test.each(['shared', 'alone'])('makes what is being fetched unfit: %s', async (how) => {
    const { purges, coalesce, runtime } = setup();
    const stamp = purges.position;
    if (how === 'shared') coalesce.start('k');
    coalesce.enter('k');
    await invalidate('k', runtime);
    await put(askOf(), runtime, entryOf({ stamp }));
    expect(await found(askOf(), runtime)).toBe('fetch');
  });
});

describe('one who waits for the fetch of another', () => {
  test('leads one itself when that was given up', async () => {
    const { coalesce, runtime } = setup();
    const flight = coalesce.start('k');
    flight.join()();
    expect(flight.interest.isOver).toBe(true);
    const part = await takePart(askOf(), runtime, 'uri-miss', []);
    expect(part).toMatchObject({ role: 'lead' });
    expect(part.role === 'lead' && part.flight.interest.isOver).toBe(false);
  });

  test.each([
    ['shares the answer', 'shared', entryOf(), false],
    ['does not share one of another variant', 'lead', entryOf({ vary: [['accept-language', 'de']] }), false],
    ['does not share one that was purged while it was fetched', 'lead', entryOf(), true],
  ] as const)('%s', async (_, role, entry, purged) => {
    const { coalesce, purges, runtime } = setup();
    const flight = coalesce.start('k');
    flight.join();
    const part = takePart(askOf(), runtime, 'uri-miss', []);
    flight.decide(true);
    if (purged) purges.record({ mode: 'hard', keys: [], tags: ['t'], urls: [], prefixes: [], all: false });
    flight.finish({ entry, stored: !purged, forwarded: 200, shareable: true });
    expect((await part).role).toBe(role);
  });
});

describe('the validator of a template', () => {
  const validator = (html: string) => validatorOf(compile(latin1(html), 'html'));

  test('differs where only a directive does', () => {
    const templates = [
      'ab',
      'a<esi:include src="/f"/>b',
      'ab<esi:include src="/f"/>',
      'a<esi:include src="/g"/>b',
      'a<esi:include src="/f" onerror="continue"/>b',
      'a<esi:include src="/f" select="p"/>b',
      'a<esi:include src="/f" select="b"/>b',
      'a<esi:include src="/f" alt="/g"/>b',
      'a<esi:include src="/f"/><esi:include src="/f"/>b',
    ];
    expect(new Set(templates.map(validator)).size).toBe(templates.length);
  });

  test('is the same for the same bytes', () => {
    expect(validator('a<esi:include src="/f" onerror="continue"/>b')).toBe(
      validator('a<esi:include src="/f" onerror="continue"/>b'),
    );
  });
});
