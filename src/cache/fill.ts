import { printHttpDate } from '../http/date.ts';
import { digest, digestStrings } from '../http/digest.ts';
import { fieldValue } from '../http/fields.ts';
import { contentRange } from '../http/range.ts';
import { varyNames, varyValues } from '../http/vary.ts';
import { eachLiteral, templateOf } from '../template/compile.ts';
import type { Segment, Template } from '../template/template.ts';
import type { Arrival } from './arrival.ts';
import type { Ask } from './ask.ts';
import type { Entry } from './entry.ts';
import { carriesCredentials, type Storable, storedFields, type Unstorable } from './storability.ts';

/** The complete answer as an entry. Whether it is put into the store is the caller's decision. */
export function createEntry(ask: Ask, arrival: Arrival, segments: readonly Segment[]): Entry {
  const { compiler } = arrival;
  const template = templateOf(compiler.syntax, segments, compiler.warnings);
  return entryOf(ask, arrival, template, validatorOf(template));
}

/** What of an answer its body does not tell. */
type Head = Pick<Arrival, 'status' | 'fields' | 'storability' | 'stamp' | 'epoch' | 'respondedAt' | 'item' | 'json'>;

/** A body that is compiled already, as an entry. */
export function entryOf(ask: Ask, arrival: Head, template: Template, validator: string): Entry {
  const literals = literalsOf(template);
  const judged = storableAsRead(arrival, literals.byteLength);
  const fields = storedFields(arrival.fields, ask.policy).map(shared); // exactly as long as it is: lists that grew have room to spare
  // Its age is counted from here: whoever gets it later must not take it for new (RFC 9110 section 6.6.1).
  if (fieldValue(fields, 'date') === undefined) fields.push('date', shared(printHttpDate(arrival.respondedAt)));
  const tags = orNone(ask.tags(fields, () => (arrival.item === undefined ? parseJson(literals) : arrival.item())));
  const vary = orNone(varyValues(selectingNames(arrival), ask.fields));
  return {
    kind: 'entry',
    key: ask.key,
    origin: ask.origin,
    path: ask.path,
    stamp: arrival.stamp,
    epoch: arrival.epoch,
    status: arrival.status,
    fields,
    template,
    tags,
    vary,
    validator,
    storedAt: arrival.respondedAt,
    initialAge: judged.store ? judged.initialAge : 0,
    lifetime: judged.store ? lifetimeOf(ask, arrival.status, judged) : 0,
    lifetimeFrom: shared(
      ask.bypass === true ? 'the markup says so' : judged.store ? judged.lifetimeFrom : judged.reason,
    ),
    staleWhileRevalidate: judged.store ? judged.staleWhileRevalidate : 0,
    staleIfError: judged.store ? judged.staleIfError : 0,
    mustRevalidate: judged.store ? judged.mustRevalidate : true,
    ...(arrival.json === true ? { json: true } : {}),
    size: sizeOf(ask, fields, tags, vary, template, literals.byteLength),
  };
}

const NONE: readonly never[] = Object.freeze([]);

/** Most entries have no tags and do not vary: one list for all of them. */
function orNone<Member>(list: readonly Member[]): readonly Member[] {
  return list.length === 0 ? NONE : list;
}

/** Short strings of late, so that entries that say the same share what they say. Two generations of this many. */
const MAX_SHARED = 512;
const MAX_SHARED_LENGTH = 48;
let strings = new Map<string, string>();
let older = new Map<string, string>();

/** The same text as another entry has it, if there is one. */
function shared(text: string): string {
  if (text.length > MAX_SHARED_LENGTH) return text;
  let known = strings.get(text);
  if (known !== undefined) return known;
  known = older.get(text) ?? text;
  if (strings.size >= MAX_SHARED) {
    older = strings;
    strings = new Map();
  }
  strings.set(known, known);
  return known;
}

/** Names of the request fields that select a response: those of Vary, and for a part of a body its Range. */
function selectingNames({ status, fields }: Head): readonly string[] {
  const names = varyNames(fields);
  if (names === '*') return [];
  return status === 206 ? [...new Set([...names, 'range'])].sort() : names;
}

/** A part whose length is not what its Content-Range says is not what it says it is. */
function storableAsRead({ status, fields, storability: judged }: Head, length: number): Storable | Unstorable {
  if (status !== 206 || !judged.store) return judged;
  const range = contentRange(fields);
  return range !== undefined && range.last - range.first + 1 === length ? judged : { store: false, reason: 'partial' };
}

/**
 * The lifetime of an answer that may be stored; the markup's own replaces it where the answer has one. An error, what is stale on
 * arrival, or was asked for by somebody in particular, was never said to be fit for others, and no markup can say it.
 */
function lifetimeOf(ask: Ask, status: number, judged: Storable): number {
  const replaced = ask.ttl !== undefined && status < 400 && judged.lifetime > 0 && !carriesCredentials(ask.fields);
  return replaced ? ask.ttl! : judged.lifetime;
}

/** A stored template's literals are views of one buffer that holds nothing else. */
function literalsOf(template: Template): Uint8Array {
  let buffer: ArrayBufferLike | undefined;
  eachLiteral(template.segments, (bytes) => {
    buffer ??= bytes.buffer;
  });
  return new Uint8Array(buffer ?? new ArrayBuffer(0));
}

/** The hash of a body: of its literals, and of the directives and where they stand between them. */
export function validatorOf(template: Template): string {
  const literals = literalsOf(template);
  if (template.syntax === 'none') return digest(literals);
  const structure = JSON.stringify(template.segments, asLength);
  return digestStrings([digest(literals), structure]);
}

/** What an entry costs beside its bytes: objects, views and map slots, measured on V8 with 1 KiB bodies. */
const ENTRY_OVERHEAD = 900;
const SEGMENT_OVERHEAD = 150;
const STRING_OVERHEAD = 32;

function sizeOf(
  ask: Ask,
  fields: readonly string[],
  tags: readonly string[],
  vary: Entry['vary'],
  { segments, warnings }: Template,
  bytes: number,
): number {
  let size = ENTRY_OVERHEAD + bytes + segments.length * SEGMENT_OVERHEAD + 2 * (ask.key.length + ask.path.length);
  for (const text of fields) size += STRING_OVERHEAD + text.length;
  for (const tag of tags) size += STRING_OVERHEAD + tag.length;
  for (const [, value] of vary) size += STRING_OVERHEAD + value.length;
  for (const segment of segments)
    if (!(segment instanceof Uint8Array)) size += 3 * JSON.stringify(segment, asLength).length;
  for (const { message } of warnings) size += STRING_OVERHEAD + message.length;
  return size;
}

/** Literal bytes inside an instruction are counted already. */
function asLength(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? value.length : value;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // a tag by JSON pointer finds nothing in a body that is no JSON
  }
}
