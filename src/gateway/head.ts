import type { Answer } from '../cache/cache.ts';
import { currentAge, isForAnybody } from '../cache/freshness.ts';
import { judge } from '../cache/lookup.ts';
import { bodyLength, type Stream } from '../cache/open.ts';
import type { Composition } from '../compose/compose.ts';
import { countErrors, countOutcomes, isDegraded, partsOf } from '../compose/plan.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { type CacheStatus, printCacheStatus } from '../http/cache-status.ts';
import { type CombinedPart, combineCacheControl } from '../http/combine.ts';
import { notModified, tagOfBody } from '../http/conditional.ts';
import { isCompressible } from '../http/content-coding.ts';
import { hasCredentials, isCredential } from '../http/credentials.ts';
import { type Fields, fieldLines, fieldValue, withoutFields } from '../http/fields.ts';
import { type ByteRange, ifRangeHolds, selectRange } from '../http/range.ts';
import { varyNames } from '../http/vary.ts';
import type { Visit } from './page.ts';

/** A complete page. */
export type PageEntry = Extract<Answer, { kind: 'entry' }>;

/** Status and fields of an answer. */
export interface Head {
  readonly status: number;
  readonly fields: Fields;
}

/** What of a head of 200 stays the same while its page does. */
export interface Lasting {
  /** Without `age`, `content-length`, `etag` and what Inlay says of each single answer. */
  readonly fields: Fields;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly date: string | undefined;
  /** Ms: the page's Age now. */
  readonly age: number;
  /** The body is ours, and may be sent compressed. */
  readonly compressible: boolean;
}

/** The head of a page that is all there. */
export interface WholeHead extends Head {
  readonly lasting: Lasting;
}

/** Meant for the surrogate that we are; what they say was taken into account. */
const CONSUMED = [
  ...['surrogate-control', 'surrogate-key', 'cache-tag', 'edge-control'],
  ...['inlay-errors', 'inlay-error', 'inlay-hydrate'],
];

/** Ours to print on every answer. */
const OURS = ['x-request-id', 'server-timing', 'cache-status', 'via'];

/** About the template's own bytes, or its own age, and wrong for a page composed of more. */
const OF_THE_TEMPLATE = [
  'etag',
  'last-modified',
  'content-length',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'cache-control',
  'expires',
  'pragma',
  'age',
  'date',
  'cdn-cache-control',
  'accept-ranges',
];

/** Fields of a service's response that are not relayed. */
export const RELAYED_WITHOUT: ReadonlySet<string> = new Set([...CONSUMED, ...OURS, 'age', 'content-length', 'etag']);
const COMPOSED_WITHOUT: ReadonlySet<string> = new Set([...CONSUMED, ...OURS, ...OF_THE_TEMPLATE]);

/** Bytes of a composed page are no unit that stays the same from one request to the next (ESI.md section 8). */
const NO_RANGES = ['accept-ranges', 'none'];

/** A degraded page is gone from every cache downstream after this many ms. */
const DEGRADED_FOR = 1_000;

/** A head, and which bytes of the whole body go with it. */
export interface RelayedHead extends WholeHead {
  readonly range: ByteRange | undefined;
}

/** The head of a page that is no template: its own fields, with our age and status added. */
export function relayedHead(page: PageEntry | Stream, visit: Visit): RelayedHead {
  const { status, fields } = page.kind === 'entry' ? page.entry : page.arrival;
  const { now } = visit.setup.runtime;
  const validators = {
    etag: fieldValue(fields, 'etag'),
    lastModified: fieldValue(fields, 'last-modified'),
    // Where nothing says when it was changed, it was not after it was sent (RFC 9111 section 4.3.2).
    date: page.kind === 'entry' ? fieldValue(fields, 'date') : undefined,
  };
  const age = page.kind === 'entry' ? currentAge(page.entry, now()) : 0;
  const kept = [...withoutFields(fields, RELAYED_WITHOUT), ...passedOn(fields)];
  const own = validators.etag === undefined ? [...kept] : [...kept, 'etag', validators.etag];
  if (page.kind === 'entry') own.push('age', seconds(age));
  const unchanged = status === 200 && notModified(validators, visit.request.fields, visit.request.method);
  const part = page.kind === 'entry' && !unchanged ? partOf(page, visit) : undefined;
  if (part !== undefined) own.push(...part.fields);
  const length =
    page.kind === 'entry' ? (part?.length ?? bodyLength(page.entry)) : fieldValue(fields, 'content-length');
  if (!unchanged && length !== undefined && status !== 204) own.push('content-length', String(length));
  own.push(...ourFields(page, visit));
  const lasting = { fields: kept, ...validators, age, compressible: false };
  return { status: unchanged ? 304 : (part?.status ?? status), fields: own, lasting, range: part?.range };
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1_000));
}

/** What of a complete body a request's Range asks for; `undefined` if all of it (RFC 9110 section 14.2). */
function partOf(page: PageEntry, { request }: Visit) {
  const range = fieldValue(request.fields, 'range');
  if (range === undefined || request.method !== 'GET' || page.entry.status !== 200) return undefined;
  if (!ifRangeHolds(request.fields, page.entry.fields)) return undefined;
  const whole = bodyLength(page.entry);
  const selected = selectRange(range, whole);
  if (selected === undefined) return undefined;
  if (selected === 'unsatisfiable')
    return { status: 416, length: 0, range: undefined, fields: ['content-range', `bytes */${whole}`] };
  const { first, last } = selected;
  const fields = ['content-range', `bytes ${first}-${last}/${whole}`];
  return { status: 206, length: last - first + 1, range: selected, fields };
}

/** The head of a composed page of which everything is known: its length, its validator, its most restrictive part. */
export function composedHead(page: PageEntry | Stream, length: number, etagOf: () => string, visit: Visit): WholeHead {
  const { fields } = page.kind === 'entry' ? page.entry : page.arrival;
  const { request, setup } = visit;
  const { status, more } = withEffects(page, visit);
  const degraded = isPageDegraded(visit);
  const combined = combineCacheControl(combinedParts(page, visit), degraded ? DEGRADED_FOR : undefined);
  const kept = [...withoutFields(fields, COMPOSED_WITHOUT), ...more, ...NO_RANGES, ...passedOn(fields)];
  // A privileged page that says it itself means it.
  if (!more.includes('cache-control')) kept.push('cache-control', combined.cacheControl);
  const { encodes } = setup.runtime.codings;
  const compressible = encodes.length > 0 && mayBeCoded(kept);
  const vary = partsVary(fields, compressible, visit);
  if (vary !== undefined) kept.push('vary', vary);
  const etag = status === 200 && !combined.noStore && !degraded ? etagOf() : undefined;
  const asked = fieldValue(request.fields, 'if-none-match');
  const had = etag === undefined || asked === undefined ? undefined : tagOfBody(asked, etag, encodes);
  const own = [...kept];
  if (etag !== undefined) own.push('etag', had ?? etag);
  own.push('age', seconds(combined.age));
  const answered = had === undefined ? status : 304;
  if (answered !== 304 && answered !== 204) own.push('content-length', String(length));
  const errors = countErrors(visit.part);
  if (errors > 0) own.push('inlay-errors', String(errors));
  own.push(...ourFields(page, visit));
  const lasting = { fields: kept, etag, lastModified: undefined, date: undefined, age: combined.age, compressible };
  return { status: answered, fields: own, lasting };
}

/** Whether a body with these fields may be compressed by us: it gains by it, and nobody forbids it (RFC 9111 section 5.2.2.6). */
function mayBeCoded(fields: Fields): boolean {
  if (fieldValue(fields, 'content-encoding') !== undefined) return false;
  if (parseCacheControl(fieldValue(fields, 'cache-control')).has('no-transform')) return false;
  return isCompressible(fieldValue(fields, 'content-type'));
}

/** Status and further fields that expressions of a privileged page asked for; the last word on the status counts. */
function withEffects(page: PageEntry | Stream, { composition }: Visit): { status: number; more: string[] } {
  let { status } = page.kind === 'entry' ? page.entry : page.arrival;
  const more: string[] = [];
  for (const effect of composition.effects) {
    if (effect.kind === 'header') more.push(effect.name.toLowerCase(), effect.value);
    else status = effect.kind === 'status' ? effect.status : 302;
    if (effect.kind === 'redirect') more.push('location', effect.location);
  }
  return { status, more };
}

/** The head of a page that leaves before its parts are known: nobody downstream may keep it, and it has no validator. */
export function streamedHead(page: PageEntry | Stream, visit: Visit): Head {
  const { status, fields } = page.kind === 'entry' ? page.entry : page.arrival;
  const { noStore } = combineCacheControl(combinedParts(page, visit));
  const own = [...withoutFields(fields, COMPOSED_WITHOUT), ...NO_RANGES, ...passedOn(fields)];
  // What is still on its way may be meant for this visitor alone, and its own no-store comes too late to be heard.
  const secret = partsOf(visit.part).some((part) => part.personal || part.reason === 'unstorable');
  own.push('cache-control', noStore || secret ? 'private, no-store' : 'private, max-age=0');
  return { status, fields: [...own, ...ourFields(page, visit)] };
}

function combinedParts(page: PageEntry | Stream, { composition, part, request, setup }: Visit): CombinedPart[] {
  const now = setup.runtime.now();
  const { fields } = page.kind === 'entry' ? page.entry : page.arrival;
  const personal = readsVisitor(composition) || (hasCredentials(request.fields) && !isPageForAnybody(page));
  const own: CombinedPart = { fields, age: ageOf(page, now), personal };
  const parts = [own];
  for (const child of partsOf(part)) {
    const entry = composition.used.get(child);
    if (entry !== undefined)
      parts.push({ fields: entry.fields, age: currentAge(entry, now), personal: child.personal });
    else if (child.personal) parts.push({ fields: [], age: 0, personal: true }); // what it was refused for is part of the page
  }
  return parts;
}

function ageOf(page: PageEntry | Stream, now: number): number {
  if (page.kind === 'entry') return currentAge(page.entry, now);
  return page.arrival.storability.store ? page.arrival.storability.initialAge : 0;
}

/** Whether a template was said to be fit for others than who asked: what is kept only to be asked about again was not. */
function isPageForAnybody(page: PageEntry | Stream): boolean {
  if (page.kind === 'entry') {
    const { stored, entry } = page;
    return stored && isForAnybody(entry);
  }
  const { storability } = page.arrival;
  return storability.store && storability.lifetime > storability.initialAge && !storability.vary.some(isCredential);
}

/** Variables that are part of the page's URL; all others may differ from visitor to visitor (ESI.md section 8). */
const OF_THE_URL: ReadonlySet<string> = new Set([
  'QUERY_STRING',
  'REQUEST_METHOD',
  'REQUEST_PATH',
  'HTTP_HOST',
  'MATCHES',
  'ARGS',
]);

/** Whether a page depends on what its visitor said beyond the URL. */
export function readsVisitor({ reads }: Composition): boolean {
  for (const read of reads.values()) if (read.kind === 'variable' && !OF_THE_URL.has(read.name)) return true;
  return false;
}

/**
 * What parts vary by, and a page that may be sent compressed, and the page's own Vary does not name yet; credentials make
 * the page private instead.
 */
function partsVary(fields: Fields, compressible: boolean, { composition }: Visit): string | undefined {
  const named = varyNames(fields);
  if (named === '*') return undefined;
  const more = new Set<string>(compressible && !named.includes('accept-encoding') ? ['accept-encoding'] : []);
  if (composition.hydrated && !named.includes('inlay-hydrate')) more.add('inlay-hydrate');
  for (const { vary } of composition.used.values())
    for (const [name] of vary) if (!named.includes(name) && !isCredential(name)) more.add(name);
  return more.size === 0 ? undefined : [...more].join(', ');
}

function isPageDegraded({ part }: Visit): boolean {
  if (part.delivered === 'stale') return true;
  for (const child of partsOf(part)) if (isDegraded(child)) return true;
  return false;
}

/** What others before us said in the fields that we add to. */
function passedOn(fields: Fields): string[] {
  const passed: string[] = [];
  for (const name of ['cache-status', 'server-timing'])
    for (const line of fieldLines(fields, name)) passed.push(name, line);
  const via = fieldValue(fields, 'via');
  return [...passed, 'via', via === undefined ? '1.1 inlay' : `${via}, 1.1 inlay`];
}

/** What Inlay says of its own part in this answer. */
function ourFields(page: PageEntry | Stream, visit: Visit): string[] {
  const status = printCacheStatus(cacheStatus(page, visit));
  return ['x-request-id', visit.trace.requestId, 'cache-status', status, 'server-timing', serverTiming(visit)];
}

function cacheStatus(page: PageEntry | Stream, visit: Visit): CacheStatus {
  const { part, setup, composition } = visit;
  const key = visit.identity.insider ? part.key : undefined;
  const counts = countOutcomes(part);
  const details = printCounts(counts);
  if (part.error !== undefined) details.unshift(part.error.code);
  else if (part.reason.startsWith('purged')) details.unshift(part.reason);
  if (part.unstored !== undefined) details.push(`not stored: ${part.unstored}`);
  if (!setup.runtime.purges.synced) details.push('unsynced');
  const detail = details.length === 0 ? undefined : details.join(' ');
  if (page.kind === 'entry' && part.delivered !== 'stale' && (page.how === 'hit' || page.how === 'stale')) {
    const state = judge(page.entry, setup.runtime).freshness;
    return { hit: true, ttl: state.state === 'fresh' ? state.ttl : -state.staleFor, key, detail };
  }
  const stored = page.kind === 'entry' ? page.stored && part.delivered !== 'stale' : willBeStored(page, visit);
  return {
    fwd: forwardReason(page.reason),
    fwdStatus: page.kind === 'entry' ? (page.forwarded ?? part.failedStatus) : page.arrival.status,
    stored,
    collapsed: page.how === 'coalesced',
    key,
    detail: composition.plan.includes === 0 && detail === undefined ? undefined : detail,
  };
}

/** Only a body whose length was announced is known to fit into the store before it has arrived. */
function willBeStored({ arrival }: Stream, { setup }: Visit): boolean {
  const length = Number(fieldValue(arrival.fields, 'content-length') ?? Number.POSITIVE_INFINITY);
  return arrival.storability.store && length <= setup.runtime.store.maxEntrySize;
}

function forwardReason(reason: string): NonNullable<CacheStatus['fwd']> {
  if (reason === 'uri-miss' || reason === 'vary-miss' || reason === 'request' || reason === 'method') return reason;
  return reason === 'unstorable' ? 'uri-miss' : 'stale';
}

/** Parts named in Server-Timing; a page may have hundreds. */
const MAX_TIMINGS = 12;

/** @see W3C Server Timing; durations in ms since the request arrived */
function serverTiming({ part, composition, setup, identity }: Visit): string {
  const timings = [`inlay;dur=${round(setup.runtime.now() - composition.startedAt)};desc="${part.outcome}"`];
  const batches = new Set<string>();
  for (const child of identity.insider ? partsOf(part) : []) {
    if (timings.length > MAX_TIMINGS) break;
    if (child.endedAt === undefined || child.outcome === 'hit') continue;
    if (child.outcome === 'batched') {
      // Entities that came together are one entry.
      const batch = `${child.service} ${child.depth}`;
      if (batches.has(batch)) continue;
      batches.add(batch);
    }
    timings.push(`${child.service ?? 'include'};dur=${round(child.endedAt - child.startedAt)};desc="${child.outcome}"`);
  }
  return timings.join(', ');
}

/** `hit=9 miss=1`. */
export function printCounts(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).map(([outcome, count]) => `${outcome}=${count}`);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
