import { type Directives, deltaSeconds, parseCacheControl } from '../http/cache-control.ts';
import { type Fields, fieldValue, withoutFields } from '../http/fields.ts';
import { freshnessDirectives } from '../http/surrogate.ts';
import { byteOrderMark, JsonCursor, type JsonEvent } from '../template/json-cursor.ts';
import { keyName, type Range, readValue } from '../template/json-pointer.ts';
import type { Batch } from './match.ts';

/** One entity in the answer to a batch. */
export interface BatchItem {
  /** The item: what tags by pointer are read from. */
  readonly item: Range;
  /** The entity; `undefined` if the item has none where `batch.body` says. */
  readonly body: Range | undefined;
}

/** What the answer to a batch holds. */
export interface BatchItems {
  readonly byId: ReadonlyMap<string, BatchItem>;
  /** Items that do not say whose they are. */
  readonly nameless: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Finds the entities in the answer to a batch, in one pass over its bytes, which stay as they are. Of items with the
 * same id the first counts. Returns what is wrong with an answer that is no such thing.
 */
export function readBatch(bytes: Uint8Array, batch: Pick<Batch, 'items' | 'id' | 'body'>): BatchItems | string {
  try {
    decoder.decode(bytes);
  } catch {
    return 'the answer is not UTF-8';
  }
  const cursor = new JsonCursor(bytes, byteOrderMark(bytes));
  let event = cursor.next();
  for (const token of batch.items) event = enter(cursor, bytes, event, token);
  const isList = event === 'open';
  let items: BatchItems | undefined;
  if (isList) items = cursor.inObject ? readKeyed(cursor, bytes, batch.body) : readListed(cursor, bytes, batch);
  do event = cursor.next();
  while (!isOver(event));
  if (event !== 'end') return 'the answer is no JSON';
  return items ?? `the answer has no list of items at "${batch.items.map((token) => `/${token}`).join('')}"`;
}

/** Nothing comes after it: a cursor that found a mistake stays where it is, whatever was open. */
function isOver(event: JsonEvent): boolean {
  return event === 'end' || event === 'invalid' || event === 'too-deep';
}

/** Goes on to the value of a member or element; ends elsewhere if there is none. */
function enter(cursor: JsonCursor, bytes: Uint8Array, event: JsonEvent, token: string): JsonEvent {
  if (event !== 'open') return event === 'scalar' ? 'end' : event;
  const { depth, inObject } = cursor;
  for (let index = 0; ; index++) {
    let next = cursor.next();
    if (next === 'close' && cursor.depth < depth) return 'end';
    const here = inObject ? next === 'key' && keyName(bytes, cursor) === token : String(index) === token;
    if (next === 'key') next = cursor.next();
    if (here || isOver(next)) return next;
    while (cursor.depth > depth) {
      next = cursor.next();
      if (isOver(next)) return next;
    }
  }
}

function readKeyed(cursor: JsonCursor, bytes: Uint8Array, body: readonly string[] | undefined): BatchItems {
  const byId = new Map<string, BatchItem>();
  const pointers = [body ?? []];
  while (cursor.next() === 'key') {
    const name = keyName(bytes, cursor);
    const event = cursor.next();
    if (isOver(event)) break;
    const { start } = cursor;
    const [found] = readValue(cursor, bytes, pointers);
    if (!isNull(bytes, start) && !byId.has(name)) byId.set(name, { item: { start, end: cursor.end }, body: found });
  }
  return { byId, nameless: 0 };
}

function readListed(cursor: JsonCursor, bytes: Uint8Array, { id, body }: Pick<Batch, 'id' | 'body'>): BatchItems {
  const byId = new Map<string, BatchItem>();
  let nameless = 0;
  const pointers = [id, body ?? []];
  for (let event = cursor.next(); event === 'open' || event === 'scalar'; event = cursor.next()) {
    const { start } = cursor;
    const [said, found] = readValue(cursor, bytes, pointers);
    if (isNull(bytes, start)) continue;
    const name = said && idOf(bytes, said);
    if (name === undefined) nameless++;
    else if (!byId.has(name)) byId.set(name, { item: { start, end: cursor.end }, body: found });
  }
  return { byId, nameless };
}

function isNull(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0x6e;
}

/** A string, or an integer as it is written. */
function idOf(bytes: Uint8Array, range: Range): string | undefined {
  if (bytes[range.start] === 0x22) return keyName(bytes, range);
  const text = decoder.decode(bytes.subarray(range.start, range.end));
  return /^-?\d+$/.test(text) ? text : undefined;
}

/** What of an answer's fields is about its whole body, and says nothing of an entity in it. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'content-location',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'link',
]);

/** What says how long an answer is good. */
const LIFETIMES: ReadonlySet<string> = new Set([
  'cache-control',
  'surrogate-control',
  'cdn-cache-control',
  'inlay-cache-control',
  'edge-control',
  'expires',
  'pragma',
]);

/** Seconds for which an id that its service does not know is not asked about again; it is never served stale. */
const ABSENT_FOR = 10;

/** The fields of one entity's own answer. */
export function itemFields(fields: Fields, contentType: string): string[] {
  return [...withoutFields(fields, OF_THE_WHOLE), 'content-type', contentType];
}

/** The fields of the 404 that an absent id is: kept briefly, if the answer that it is absent from may be kept. */
export function absentFields(fields: Fields): string[] {
  const { directives } = freshnessDirectives(fields);
  const control = isKept(directives) && isKept(parseCacheControl(fieldValue(fields, 'cache-control')));
  const own = withoutFields(withoutFields(fields, OF_THE_WHOLE), LIFETIMES);
  const fresh = deltaSeconds(directives.get('s-maxage') ?? directives.get('max-age')) ?? ABSENT_FOR;
  const seconds = Math.min(fresh, ABSENT_FOR);
  return [...own, 'cache-control', control ? `max-age=${seconds}, must-revalidate` : 'no-store'];
}

function isKept(directives: Directives): boolean {
  return !directives.has('no-store') && !directives.has('private') && !directives.has('no-cache');
}

/** The fields of a failure that several ids share: a path that is wrong for a batch says nothing of each of them. */
export function refusedFields(fields: Fields, several: boolean): string[] {
  const own = withoutFields(fields, OF_THE_WHOLE);
  return several ? [...withoutFields(own, LIFETIMES), 'cache-control', 'no-store'] : own;
}
