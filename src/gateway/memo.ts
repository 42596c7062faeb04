import type { Assembled, Entry, Pulse, Stored } from '../cache/entry.ts';
import { namesOf } from '../cache/lookup.ts';
import { countOutcomes, partsOf } from '../compose/plan.ts';
import { isCredential } from '../http/credentials.ts';
import { hashOf } from '../http/digest.ts';
import type { Fields } from '../http/fields.ts';
import { varyValues } from '../http/vary.ts';
import type { Runtime } from '../runtime.ts';
import { join } from '../template/bytes.ts';
import type { VariableRead } from '../template/expression.ts';
import { createRequestVariables } from '../template/variables.ts';
import type { PageRequest } from './exchange.ts';
import type { Lasting, PageEntry } from './head.ts';
import { siteOf } from './identity.ts';
import type { Visit } from './page.ts';
import { warningsOf } from './record.ts';
import type { Gateway } from './resolve-config.ts';

/**
 * An assembled page: what a hot page is answered with in one look-up. It is as good as the entries that it was assembled
 * from: good while all of them are fresh, unpurged and still in the store.
 */
export interface Memo extends Assembled {
  readonly is: 'memo';
  readonly place: string;
  readonly head: Lasting;
  readonly body: Uint8Array;
  /** The body as compressed for those who accept that, by coding; made when first asked for. */
  readonly coded: ReadonlyMap<string, Uint8Array>;
  /** Codings that were tried. */
  readonly tried: Set<string>;
  /** Fields as last printed, for outsiders and for insiders. */
  readonly printed: [Printed | undefined, Printed | undefined];
  readonly parts: readonly Pulse[];
  /** Of the purges, when all parts were last found valid. */
  generation: number;
  /** Epoch ms: when the first of the parts becomes stale, and when the template does. */
  readonly freshUntil: number;
  readonly templateUntil: number;
  /** Epoch ms that the page's Age counts from. */
  readonly bornAt: number;
  /** Epoch ms when the parts were last marked as used in the store. */
  touchedAt: number;
  /** For `Cache-Status` and the record. */
  readonly key: string | undefined;
  readonly route: string;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** Fields, and the epoch ms between which they are right. */
interface Printed {
  readonly from: number;
  readonly until: number;
  readonly fields: Fields;
}

/** Stands where a page is looked up that differs by more than its URL: what it differs by. */
export interface Selection extends Assembled {
  readonly is: 'selection';
  readonly reads: readonly VariableRead[];
  readonly names: readonly string[];
}

/** What a memo may depend on beside its URL; pages that depend on more are composed each time. */
const MAX_SELECTING = 64;

/** Ms after which the parts of a page in use are marked as used: a page that hides its parts must not let them be forgotten. */
const TOUCH_AFTER = 1_000;

/** Pages that were served whole once; the second time they are kept. Two generations of this many. */
const SEEN = 4_096;

/** Characters of a place in the store beyond which nothing is kept there: what it depends on is its client's to make long. */
const MAX_PLACE = 4_096;

/** The part of the store that pages may take which depend on what a client says: it can say something new each time. */
const SELECTED_SHARE = 8;

/** What of a runtime its requests share. */
type Shared = Pick<Runtime, 'store' | 'purges'>;

/** The assembled pages of a gateway, kept in the same store as what they were assembled from. */
export interface Memos {
  /** The page that answers this request now, if it is kept. */
  find(request: PageRequest, now: number): Memo | undefined;
  /** Keeps a page that was composed from the store alone, when it has been before. */
  keep(visit: Visit, page: PageEntry, head: Lasting, chunks: readonly Uint8Array[]): void;
}

export function createMemos(gateway: Gateway, runtime: Shared): Memos {
  let seen = new Set<number>();
  let before = new Set<number>();
  const wasSeen = (place: string): boolean => {
    const hash = hashOf(place); // two that share one are kept a little early
    if (seen.has(hash) || before.has(hash)) return true;
    if (seen.size >= SEEN) {
      before = seen;
      seen = new Set();
    }
    seen.add(hash);
    return false;
  };
  const selected = createShare(runtime.store, Math.floor(runtime.store.maxSize / SELECTED_SHARE));
  const { trustedPeers } = gateway;
  return {
    find: (request, now) => {
      if (!isPlain(request)) return undefined;
      let stored = assembledAt(baseOf(request, trustedPeers), runtime);
      if (stored?.is === 'selection') stored = assembledAt(selectedPlace(stored, request, gateway), runtime);
      return stored?.is === 'memo' && isGood(stored, runtime, now) ? stored : undefined;
    },
    keep: (visit, page, head, chunks) => {
      const { request, composition } = visit;
      if (request.method !== 'GET' || !isPlain(request) || !isRepeatable(visit, page)) return;
      const selection = selectionFor(visit, page, runtime);
      if (selection === undefined) return;
      const base = baseOf(request, trustedPeers);
      const selects = selection.reads.length + selection.names.length > 0;
      const place = selects ? selectedPlace(selection, request, gateway) : base;
      if (place.length > MAX_PLACE || !wasSeen(place)) return;
      const entries = [page.entry, ...composition.used.values()];
      const parts = pulsesOf(entries, runtime);
      if (parts === undefined) return;
      if (selects) void runtime.store.set(base, selection);
      const memo = createMemo(visit, page, entries, { place, head, chunks, parts });
      if (memo.size > runtime.store.maxEntrySize || (selects && !selected.admit(place, memo.size))) return;
      void runtime.store.set(place, memo);
    },
  };
}

/** What the places of a store hold together is bounded: the oldest are deleted for the newest. */
function createShare(store: Runtime['store'], most: number): { admit(place: string, size: number): boolean } {
  const sizes = new Map<string, number>();
  let total = 0;
  const forget = (place: string): void => {
    total -= sizes.get(place) ?? 0;
    sizes.delete(place);
  };
  return {
    admit: (place, size) => {
      const bytes = 2 * size; // with its compressed forms
      if (bytes > most) return false;
      forget(place);
      for (const oldest of sizes.keys()) {
        if (total + bytes <= most) break;
        forget(oldest);
        void store.delete(oldest);
      }
      sizes.set(place, bytes);
      total += bytes;
      return true;
    },
  };
}

/** Fields that ask for something that only the whole way through the cache can answer. */
const DECIDING: ReadonlySet<string> = new Set([
  'cache-control',
  'pragma',
  'range',
  'if-range',
  'if-match',
  'if-unmodified-since',
  'expect',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'cdn-loop',
  'inlay-hydrate',
]);

/** Whether a request asks for nothing but its URL, as far as a kept page is concerned. */
export function isPlain({ method, problem, fields }: PageRequest): boolean {
  if (problem !== undefined || (method !== 'GET' && method !== 'HEAD')) return false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (DECIDING.has(name)) return false;
    if (name === 'connection' && NAMES_FIELDS.test(fields[i + 1]!)) return false;
  }
  return true;
}

/** Anything but the two usual options names fields that are to be dropped. */
const NAMES_FIELDS = /^(?!(?:keep-alive|close)$)/i;

/**
 * What a page is found by: the host that chose its facade, the site that services are told, and the target. A host that
 * was checked has no slash, so that without trusted peers, who may say anything of the site, plain text is unambiguous;
 * keys of the cache begin with a bracket.
 */
export function baseOf(request: PageRequest, trusted: ReadonlySet<string>): string {
  if (trusted.size === 0) return `page ${siteOf(request, trusted)}${request.target}`;
  return `page ${JSON.stringify([request.host.toLowerCase(), siteOf(request, trusted), request.target])}`;
}

/** Whether something in the store will never be served again, whatever is asked for: it was purged, or made of what was. */
export function isWorthless(stored: Stored, { purges }: Pick<Runtime, 'purges'>): boolean {
  if (stored.kind === 'entry') return purges.validity(stored).state === 'hard';
  if (!isMemo(stored)) return false;
  // Parts that were purged softly are replaced when they are asked for again, and this is then made of others.
  const isJudged = stored.generation === purges.generation;
  return stored.parts.some((part) => part.gone || (!isJudged && purges.validity(part).state !== 'valid'));
}

/** Whether something in the store is an assembled page. */
export function isMemo(stored: Stored | undefined): stored is Memo {
  return stored?.kind === 'assembled' && (stored as Memo | Selection).is === 'memo';
}

function assembledAt(place: string, { store }: Shared): Memo | Selection | undefined {
  const stored = store.get(place);
  return stored instanceof Promise || stored?.kind !== 'assembled' ? undefined : (stored as Memo | Selection);
}

/** The request's own bytes determine what services were sent, so pages are told apart by them at least as finely. */
export function selectedPlace(
  { reads, names }: Pick<Selection, 'reads' | 'names'>,
  request: PageRequest,
  gateway: Gateway,
): string {
  const values = varyValues(names, request.fields);
  const base = baseOf(request, gateway.trustedPeers);
  if (reads.length === 0) return JSON.stringify([base, values]);
  // What is read is part of it: the same values of other variables are another page.
  const fingerprint = variablesOf(request, request.fields, gateway).fingerprint(reads);
  return JSON.stringify([base, values, reads, fingerprint]);
}

/** The variables of a request, as its expressions may read them. */
export function variablesOf(request: PageRequest, fields: Fields, { esi }: Gateway) {
  const { method, target, host } = request;
  const mark = target.indexOf('?');
  return createRequestVariables({
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark),
    fields,
    host,
    ...(esi.cookies === undefined ? {} : { cookies: esi.cookies }),
  });
}

function isGood(memo: Memo, { purges, store }: Shared, now: number): boolean {
  if (now >= memo.freshUntil || !purges.synced) return false;
  for (const part of memo.parts) if (part.gone) return false;
  if (memo.generation !== purges.generation) {
    for (const part of memo.parts) if (purges.validity(part).state !== 'valid') return false;
    memo.generation = purges.generation;
  }
  if (now - memo.touchedAt > TOUCH_AFTER) {
    for (const { place, key } of memo.parts) {
      void store.get(place);
      if (place !== key) void store.get(key); // after it: what leads to a representation must outlive it
    }
    memo.touchedAt = now;
  }
  return true;
}

/** Whether the next request like this one would be answered with the same bytes, and may be. */
function isRepeatable({ composition, part }: Visit, page: PageEntry): boolean {
  if (page.how !== 'hit' || !page.stored || page.entry.status !== 200) return false;
  if (composition.fleeting || composition.effects.length > 0 || composition.steps.exhausted) return false;
  for (const child of partsOf(part)) {
    if (child.outcome !== 'hit' || child.delivered !== 'fragment' || child.personal || child.error !== undefined)
      return false;
    if (child.reason !== 'inline' && !composition.used.has(child)) return false;
  }
  return true;
}

/** Fields that the gateway sets itself on what it sends: not the client's to select by. */
const OF_THE_GATEWAY = /^(?:x-forwarded-|via$|cdn-loop$|surrogate-|forwarded$|host$|x-request-id$|trace)/;

/** What this page depends on beside its URL, together with what is known of it already; `undefined` if that is too much. */
export function selectionFor(visit: Visit, page: PageEntry, runtime: Shared): Selection | undefined {
  const { composition, request, route, setup } = visit;
  const names = new Set<string>();
  for (const entry of [page.entry, ...composition.used.values()]) for (const name of namesOf(entry)) names.add(name);
  if (route.esi !== 'off') names.delete('accept-encoding'); // services are always asked for identity
  for (const name of names) if (isCredential(name) || OF_THE_GATEWAY.test(name)) return undefined;
  const known = assembledAt(baseOf(request, setup.gateway.trustedPeers), runtime);
  const reads = new Map(composition.reads);
  if (known?.is === 'selection') {
    for (const name of known.names) names.add(name);
    for (const read of known.reads) reads.set(JSON.stringify(read), read);
  }
  const distinct = new Map([...reads.values()].map((read) => [JSON.stringify(read), read]));
  if (distinct.size + names.size > MAX_SELECTING) return undefined;
  const sorted = [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, read]) => read);
  const size = 300 + JSON.stringify([sorted, [...names]]).length * 2;
  return { kind: 'assembled', is: 'selection', reads: sorted, names: [...names].sort(), size };
}

/** The pulses of entries that the store has now; `undefined` if one of them is no longer there, or not valid. */
function pulsesOf(entries: readonly Entry[], { store, purges }: Shared): Pulse[] | undefined {
  const pulses = new Set<Pulse>();
  for (const entry of entries) {
    if (entry.pulse?.gone || purges.validity(entry).state !== 'valid') return undefined;
    if (entry.pulse === undefined) {
      const { stamp, epoch, key, tags, origin, path } = entry;
      const place = entry.vary.length === 0 ? key : JSON.stringify([key, entry.vary]);
      if (store.get(place) !== entry) return undefined;
      entry.pulse = { stamp, epoch, key, tags, origin, path, place, gone: false };
    }
    pulses.add(entry.pulse);
  }
  return [...pulses];
}

/** Bytes of a memo beside its body, its fields and its parts. */
const MEMO_OVERHEAD = 1_500;
const PART_OVERHEAD = 160;

function createMemo(
  visit: Visit,
  { entry }: PageEntry,
  entries: readonly Entry[],
  made: Pick<Memo, 'place' | 'head' | 'parts'> & { readonly chunks: readonly Uint8Array[] },
): Memo {
  const { setup, part, route } = visit;
  const { runtime } = setup;
  const { chunks, head, place, parts } = made;
  // A page that is one piece shares it with an entry, but may outlive it: it is counted here, too.
  const body = join(chunks);
  const expiry = ({ storedAt, lifetime, initialAge }: Entry) => storedAt + lifetime - initialAge;
  let size = MEMO_OVERHEAD + body.length + PART_OVERHEAD * parts.length + 2 * place.length;
  for (const text of head.fields) size += 32 + text.length;
  const now = runtime.now();
  return {
    kind: 'assembled',
    is: 'memo',
    size,
    place,
    head,
    body,
    coded: new Map(),
    tried: new Set(),
    printed: [undefined, undefined],
    parts,
    generation: runtime.purges.generation,
    freshUntil: Math.min(...entries.map(expiry)),
    templateUntil: expiry(entry),
    bornAt: now - head.age,
    touchedAt: now,
    key: part.key,
    route: `${route.facade}${route.pattern}`,
    outcomes: countOutcomes(part),
    warnings: warningsOf(part),
  };
}
