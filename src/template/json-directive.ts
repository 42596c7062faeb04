import { JsonCursor } from './json-cursor.ts';
import type { Include, OnError, Target } from './template.ts';

/** A directive's value read: the include, or the reason that it is none; and the members that had no effect. */
export interface JsonDirective {
  readonly include: Include | undefined;
  /** Set if `include` is not. */
  readonly reason?: string;
  readonly unsupported: readonly string[];
}

/** Members by name, each as JSON text. A Map, so that no name (`__proto__`) is special. */
type Members = ReadonlyMap<string, string>;

const SUPPORTED: ReadonlySet<string> = new Set(['src', 'type', 'id', 'alt', 'onerror', 'default']);
const SUPPORTED_IN_ALT: ReadonlySet<string> = new Set(['src', 'type', 'id']);
const ON_ERROR: ReadonlySet<string> = new Set<OnError>(['fail', 'null', 'ref']);
const INTEGER = /^-?\d+$/;

/** Reads the value of an `"esi:include"` member, which is valid JSON text (ESI.md section 3, "JSON"). */
export function parseJsonDirective(value: Uint8Array): JsonDirective {
  const unsupported: string[] = [];
  const invalid = (reason: string): JsonDirective => ({ include: undefined, reason, unsupported });
  const members = membersOf(value);
  if (members === undefined) return invalid('its value is not an object');
  for (const name of members.keys()) if (!SUPPORTED.has(name)) unsupported.push(name);
  const target = targetOf(members);
  if (typeof target === 'string') return invalid(target);
  const alt = altOf(members, unsupported);
  if (typeof alt === 'string') return invalid(`alt: ${alt}`);
  const onerror = onErrorOf(members, unsupported);
  if (onerror === 'invalid') return invalid('onerror is none of "fail", "null", "ref"');
  const fallback = members.get('default');
  const include: Include = {
    kind: 'include',
    syntax: 'json',
    target,
    ...(alt === undefined ? {} : { alt }),
    ...(onerror === undefined ? {} : { onerror }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  return { include, unsupported };
}

/** The target, or what is wrong with it. */
function targetOf(members: Members): Target | string {
  const src = members.get('src');
  const type = members.get('type');
  const id = members.get('id');
  if (src !== undefined) {
    if (type !== undefined || id !== undefined) return 'both src and type or id';
    const url = nonEmptyString(src);
    return url === undefined ? 'src is not a string with a URL' : { src: url };
  }
  if (type === undefined) return 'neither src nor type';
  const name = nonEmptyString(type);
  if (name === undefined) return 'type is not a string with a name';
  if (id === undefined) return 'type without id';
  // An integer as it is written: as a number it would lose digits from 2^53 on.
  const identifier = INTEGER.test(id) ? id : nonEmptyString(id);
  return identifier === undefined ? 'id is neither a string nor an integer' : { type: name, id: identifier };
}

function altOf(members: Members, unsupported: string[]): Target | string | undefined {
  const text = members.get('alt');
  if (text === undefined) return undefined;
  const alt = membersOf(new TextEncoder().encode(text));
  if (alt === undefined) return 'not an object';
  for (const name of alt.keys()) if (!SUPPORTED_IN_ALT.has(name)) unsupported.push(`alt.${name}`);
  return targetOf(alt);
}

function onErrorOf(members: Members, unsupported: string[]): OnError | 'invalid' | undefined {
  const text = members.get('onerror');
  if (text === undefined) return undefined;
  const value = nonEmptyString(text);
  if (value === 'drop') {
    unsupported.push('onerror: drop');
    return undefined;
  }
  return value !== undefined && isOnError(value) ? value : 'invalid';
}

function isOnError(value: string): value is OnError {
  return ON_ERROR.has(value);
}

/** The string that this JSON text is, unless it is empty or something else. */
function nonEmptyString(text: string): string | undefined {
  const value: unknown = text.startsWith('"') ? JSON.parse(text) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The members of an object, the last of duplicates as `JSON.parse` would have it; `undefined` for another value. */
function membersOf(value: Uint8Array): Members | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  const cursor = new JsonCursor(value);
  if (cursor.next() !== 'open' || !cursor.inObject) return undefined;
  const members = new Map<string, string>();
  while (cursor.next() === 'key') {
    const name: unknown = JSON.parse(decoder.decode(value.subarray(cursor.start, cursor.end)));
    cursor.next();
    const from = cursor.start;
    while (cursor.depth > 1) cursor.next();
    if (typeof name === 'string') members.set(name, decoder.decode(value.subarray(from, cursor.end)));
  }
  return members;
}
