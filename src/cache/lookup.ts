import { matchesVary, varyValues } from '../http/vary.ts';
import type { Validity } from '../purge/purge-index.ts';
import type { Runtime } from '../runtime.ts';
import type { Ask } from './ask.ts';
import type { Entry, Stored } from './entry.ts';
import { type Freshness, type FreshnessOptions, freshness } from './freshness.ts';
import type { MaybePromise } from './store.ts';

/** An entry that the store has, and whether it may be served. */
export interface Judged {
  readonly entry: Entry;
  readonly freshness: Freshness;
  readonly validity: Validity;
  /** What its freshness was judged under. */
  readonly options: FreshnessOptions;
}

/** What the store has for an ask. */
export type Found =
  | Judged
  | {
      readonly entry: undefined;
      readonly reason: 'uri-miss' | 'vary-miss' | 'unstorable';
      /** What the newest representation varies by. */
      readonly names?: readonly string[];
    };

const URI_MISS: Found = { entry: undefined, reason: 'uri-miss' };
const UNSTORABLE: Found = { entry: undefined, reason: 'unstorable' };

/** Looks an ask up: the primary key first, and where responses vary, the key of the representation that this request selects. */
export function lookup(ask: Ask, runtime: Runtime): MaybePromise<Found> {
  if (ask.bypass === true) return UNSTORABLE;
  const stored = runtime.store.get(ask.key);
  return stored instanceof Promise ? stored.then((late) => select(ask, runtime, late)) : select(ask, runtime, stored);
}

function select(ask: Ask, runtime: Runtime, stored: Stored | undefined): MaybePromise<Found> {
  if (stored?.kind === 'entry') return judge(stored, runtime);
  if (stored?.kind === 'unstorable') return stored.until > runtime.now() ? UNSTORABLE : URI_MISS;
  if (stored?.kind !== 'vary') return URI_MISS;
  const { names } = stored;
  const keys = names.map((set) => placeOf(ask, set));
  const variants = keys.map((key) => runtime.store.get(key));
  void runtime.store.get(ask.key); // used after them
  return variants.some((variant) => variant instanceof Promise)
    ? Promise.all(variants).then((late) => newest(ask, runtime, late, names))
    : newest(ask, runtime, variants as (Stored | undefined)[], names);
}

/** The newest of the representations that this request selects (RFC 9111 section 4.1). */
function newest(
  ask: Ask,
  runtime: Runtime,
  variants: readonly (Stored | undefined)[],
  names: readonly (readonly string[])[],
): Found {
  let best: Entry | undefined;
  for (const stored of variants) {
    if (stored?.kind !== 'entry' || !matchesVary(stored.vary, ask.fields)) continue;
    if (best === undefined || stored.storedAt > best.storedAt) best = stored;
  }
  return best === undefined ? { entry: undefined, reason: 'vary-miss', names: names[0]! } : judge(best, runtime);
}

/** How almost all are judged. */
const PLAIN: FreshnessOptions = { soft: false, cap: undefined };

/** Asks the two questions that decide whether an entry may be served: is it fresh, and was it purged? */
export function judge(entry: Entry, runtime: Runtime): Judged {
  const validity = runtime.purges.validity(entry);
  const plain = validity.state !== 'soft' && runtime.purges.synced;
  const options = plain
    ? PLAIN
    : { soft: validity.state === 'soft', cap: runtime.purges.synced ? undefined : runtime.maxUnsynced };
  return { entry, validity, options, freshness: freshness(entry, runtime.now(), options) };
}

/** Where the representation stands that a request selects by these names; the primary key if there are none. */
export function placeOf(ask: Pick<Ask, 'key' | 'fields'>, names: readonly string[]): string {
  return names.length === 0 ? ask.key : JSON.stringify([ask.key, varyValues(names, ask.fields)]);
}

/** Representations of one URL; more push out the oldest. */
const MAX_VARIANTS = 64;
/** Different lists of names among them: each costs every look-up one more. */
const MAX_NAMES = 4;

/** Puts an entry where {@link lookup} finds it. */
export async function put(ask: Ask, runtime: Runtime, entry: Entry): Promise<void> {
  const { store } = runtime;
  const marker = await store.get(ask.key);
  const known = marker?.kind === 'vary' ? marker : { names: [], variants: [] };
  const own = namesOf(entry);
  // Selected by other fields than before, it may be the newest for requests that others were selected by.
  const mixed = known.names.length > 1 || (known.names.length === 1 && known.names[0]!.join() !== own.join());
  if (mixed) await supersede(known.variants, runtime);
  if (own.length === 0) {
    await store.set(ask.key, entry);
    return;
  }
  const key = placeOf(ask, own);
  const names = [own, ...known.names.filter((other) => other.join() !== own.join())].slice(0, MAX_NAMES);
  const variants = [key, ...known.variants.filter((other) => other !== key)];
  const old = variants.splice(MAX_VARIANTS);
  // A marker that the store would not take leaves representations that nobody finds, and nobody forgets.
  while (variants.length > 1 && markerSize(ask, variants) > store.maxEntrySize) old.push(variants.pop()!);
  for (const place of old) await store.delete(place);
  const size = markerSize(ask, variants);
  await store.set(key, { ...entry, size: entry.size + 2 * key.length });
  // After it, so that a store that forgets the least recently used first forgets no marker before what it leads to:
  // without it nobody would know, after an unsafe request, that there is anything to forget.
  await store.set(ask.key, { kind: 'vary', names, variants, size });
}

function markerSize({ key }: Ask, variants: readonly string[]): number {
  return variants.reduce((bytes, variant) => bytes + 2 * variant.length + 32, 300 + 2 * key.length);
}

/** What was assembled from these is no longer what a look-up would find. */
async function supersede(places: readonly string[], { store }: Runtime): Promise<void> {
  for (const place of places) {
    const stored = await store.get(place);
    if (stored?.kind !== 'entry' || stored.pulse === undefined) continue;
    stored.pulse.gone = true;
    delete stored.pulse; // the entry itself may still be found, and be assembled again
  }
}

/** How long a key whose answer was not storable queues nobody, in ms. */
const UNSTORABLE_FOR = 30_000;

/** Remembers that nobody should wait in line for this key, unless something useful stands there. */
export async function markUnstorable(ask: Ask, runtime: Runtime): Promise<void> {
  if (ask.method !== 'GET' || ask.bypass === true) return;
  const stored = await runtime.store.get(ask.key);
  const useless = stored?.kind === 'entry' && runtime.purges.validity(stored).state === 'hard';
  if (stored !== undefined && stored.kind !== 'unstorable' && !useless) return;
  await runtime.store.set(ask.key, {
    kind: 'unstorable',
    until: runtime.now() + UNSTORABLE_FOR,
    size: 300 + 2 * ask.key.length,
  });
}

/** The stale copy, if its windows allow it to stand in, and no purge came since it was judged. */
export function standIn(fallback: Judged | undefined, disconnected: boolean, { purges }: Runtime): Entry | undefined {
  if (fallback === undefined) return undefined;
  const { entry, freshness } = fallback;
  if (purges.validity(entry).state === 'hard') return undefined;
  if (freshness.state === 'fresh') return entry;
  return freshness.ifError || (disconnected && freshness.whenDisconnected) ? entry : undefined;
}

/** Forgets one representation: what stands for it is no longer what its service has. */
export async function drop(ask: Ask, runtime: Runtime, entry: Entry): Promise<void> {
  await runtime.store.delete(placeOf(ask, namesOf(entry)));
}

/** What an entry varies by. */
export function namesOf(entry: Entry): readonly string[] {
  return entry.vary.map(([name]) => name);
}

/**
 * Forgets what stands at a key after an unsafe request succeeded (RFC 9111 section 4.4). What is being fetched was asked
 * for before, and variants are stored apart: both carry the key, and the purge is later than their stamps.
 *
 * @param own fetches of the key that are the unsafe request itself
 * @returns whether there was anything to forget
 */
export async function invalidate(key: string, runtime: Runtime, own = 0): Promise<boolean> {
  const stored = await runtime.store.get(key);
  if (stored === undefined && !runtime.coalesce.isFetching(key, own)) return false;
  await runtime.store.delete(key);
  runtime.purges.record({ mode: 'hard', keys: [key], tags: [], urls: [], prefixes: [], all: false });
  return true;
}
