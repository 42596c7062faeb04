import { type Directives, deltaSeconds, parseCacheControl } from './cache-control.ts';
import { type Fields, fieldValue } from './fields.ts';

/** `Surrogate-Control`, which is older than its successors and has a syntax of its own. */
export interface SurrogateControl {
  /** Seconds of freshness: 60 of `max-age=60+30`. */
  readonly maxAge: number | undefined;
  /** Seconds it may be used beyond that: 30 of `max-age=60+30`. */
  readonly staleFor: number;
  readonly noStore: boolean;
  readonly noStoreRemote: boolean;
  /** Languages that the body is to be processed for: `ESI/1.0`. */
  readonly content: readonly string[];
  /** Everything that was said, in the terms of Cache-Control. */
  readonly directives: Directives;
}

/** Where the directives that rule a shared cache were found. */
export type FreshnessSource = 'Surrogate-Control' | 'CDN-Cache-Control' | 'Cache-Control' | 'none';

const CAPABILITY = 'inlay="Surrogate/1.0 ESI/1.0"';

/**
 * Reads `Surrogate-Control`. Directives addressed to another device (`max-age=60;squid`) are skipped, those addressed to
 * us win. `no-store-remote` counts as `no-store`: whether we are remote is not ours to know, and not to store is safe.
 * The `+30` becomes both stale windows, unless they are there by name.
 *
 * @see https://www.w3.org/TR/edge-arch/ section 3
 */
export function parseSurrogateControl(value: string | undefined): SurrogateControl {
  const directives = new Map(parseCacheControl(addressedToUs(value)));
  const [, fresh, stale] = /^(\d+)\+(\d+)$/.exec(String(directives.get('max-age'))) ?? [];
  const staleFor = deltaSeconds(stale) ?? 0;
  if (fresh !== undefined) {
    directives.set('max-age', fresh);
    for (const window of ['stale-while-revalidate', 'stale-if-error']) {
      if (!directives.has(window)) directives.set(window, String(staleFor));
    }
  }
  const noStoreRemote = directives.has('no-store-remote');
  if (noStoreRemote) directives.set('no-store', true);
  const content = directives.get('content');
  return {
    maxAge: deltaSeconds(directives.get('max-age')),
    staleFor,
    noStore: directives.has('no-store'),
    noStoreRemote,
    content: typeof content === 'string' ? content.split(/\s+/).filter((token) => token !== '') : [],
    directives,
  };
}

/** Whether the response asks for its ESI markup to be processed: `Surrogate-Control: content="ESI/1.0"`. */
export function speaksEsi(fields: Fields): boolean {
  const value = fieldValue(fields, 'surrogate-control');
  return value !== undefined && parseSurrogateControl(value).content.includes('ESI/1.0');
}

/**
 * The `Surrogate-Capability` to send to a service: ours after those of the surrogates between us and the client.
 *
 * @see https://www.w3.org/TR/edge-arch/ section 2
 */
export function appendCapability(existing: string | undefined): string {
  const before = existing?.trim() ?? '';
  return before === '' ? CAPABILITY : `${before}, ${CAPABILITY}`;
}

/**
 * The directives that rule a shared cache: of Surrogate-Control, CDN-Cache-Control and Cache-Control the first that is
 * valid and says something about caching decides alone. Cache-Control and Expires then count for nothing.
 *
 * @see RFC 9213 section 2.2
 */
export function freshnessDirectives(fields: Fields): { directives: Directives; from: FreshnessSource } {
  const surrogate = fieldValue(fields, 'surrogate-control');
  if (surrogate !== undefined) {
    const { directives } = parseSurrogateControl(surrogate);
    // `content="ESI/1.0"` alone speaks of processing, not of caching.
    for (const name of directives.keys()) if (DECIDING.has(name)) return { directives, from: 'Surrogate-Control' };
  }
  const targeted = parseTargeted(fieldValue(fields, 'cdn-cache-control'));
  if (targeted !== undefined && targeted.size > 0) return { directives: targeted, from: 'CDN-Cache-Control' };
  const directives = parseCacheControl(fieldValue(fields, 'cache-control'));
  return { directives, from: directives.size > 0 ? 'Cache-Control' : 'none' };
}

const DECIDING: ReadonlySet<string> = new Set([
  'max-age',
  's-maxage',
  'no-store',
  'no-cache',
  'private',
  'public',
  'must-revalidate',
  'proxy-revalidate',
  'must-understand',
]);

/** Drops or prefers directives by their `;device` parameter (W3C edge-arch section 3.2). */
function addressedToUs(value: string | undefined): string | undefined {
  if (value?.includes(';') !== true) return value;
  const ours: string[] = [];
  const everybodys: string[] = [];
  for (const [member] of value.matchAll(/(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^,"])+/gs)) {
    const [, directive, device] = /^([^;]*)(?:;\s*([^;\s]+)\s*)?$/.exec(member.trim()) ?? [];
    // Unreadable: kept whole, so that the tokenizer finds what it forbids.
    if (directive === undefined || device === undefined) everybodys.push(member);
    else if (device.toLowerCase() === 'inlay') ours.push(directive);
  }
  return [...ours, ...everybodys].join(',');
}

const SECONDS: ReadonlySet<string> = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
/** What only ever permits needs its proper type, a boolean; what forbids counts with any value (fail closed). */
const PERMITS: ReadonlySet<string> = new Set(['public', 'immutable']);

/**
 * A targeted field as directives; `undefined` if absent or not a structured dictionary.
 * A directive whose value has the wrong type is left out.
 *
 * @see RFC 9213 section 2.1
 */
export function parseTargeted(value: string | undefined): Directives | undefined {
  if (value === undefined) return undefined;
  const members = parseDictionary(value);
  if (members === undefined) return undefined;
  const directives = new Map<string, string | true>();
  for (const [name, item] of members) {
    if (SECONDS.has(name)) {
      if (typeof item === 'number' && Number.isInteger(item)) directives.set(name, String(item));
    } else if (!PERMITS.has(name) || item === true) {
      directives.set(name, typeof item === 'string' ? item : true);
    }
  }
  return directives;
}

type Item = number | string | boolean;

/**
 * A structured-field dictionary of items, parameters checked and dropped; `undefined` at the first fault.
 * Of a key that is there twice the last wins. Inner lists, dates and display strings are not cache directives' types:
 * they count as faults, which ignores the field, the safe side.
 *
 * @see RFC 9651 section 4.2.2
 */
function parseDictionary(text: string): Map<string, Item> | undefined {
  const members = new Map<string, Item>();
  const rest = text.replace(/^ +| +$/g, '');
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(rest);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const value = (): Item | undefined => (take(EQUALS) === null ? true : readItem(take(ITEM)?.[0]));
  while (at < rest.length) {
    const key = take(KEY)?.[0];
    const item = key === undefined ? undefined : value();
    if (key === undefined || item === undefined) return undefined;
    while (take(SEMICOLON) !== null) if (take(KEY) === null || value() === undefined) return undefined;
    members.set(key, item);
    if (at === rest.length) break;
    // A comma must be followed by another member.
    if (take(COMMA) === null || at === rest.length) return undefined;
  }
  return members;
}

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const EQUALS = /=/y;
const SEMICOLON = /; */y;
const COMMA = /[ \t]*,[ \t]*/y;
/** Decimal or integer, string, token, byte sequence, boolean. */
const ITEM =
  /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*|:[A-Za-z0-9+/=]*:|\?[01]/y;

function readItem(raw: string | undefined): Item | undefined {
  if (raw === undefined) return undefined;
  if (raw === '?0' || raw === '?1') return raw === '?1';
  if (/^[-\d]/.test(raw)) return Number(raw);
  return raw.startsWith('"') ? raw.slice(1, -1).replace(/\\(.)/g, '$1') : raw;
}
