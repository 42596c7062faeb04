import type { Range } from './json-pointer.ts';
import { type Edit, elementsAt, type MemberRange, membersAt, slice, textAt } from './json-text.ts';
import type { EntityList, EntityTarget, Include, ListItem, Member, OnError, Target } from './template.ts';

/** A directive read: what stands for it, or the reason that it is none; and what of it had no effect. */
export interface JsonDirective {
  readonly segment: Include | EntityList | undefined;
  /** Set if `segment` is not. */
  readonly reason?: string;
  readonly unsupported: readonly string[];
}

/** A document that a directive stands in. */
export interface JsonText {
  readonly bytes: Uint8Array;
  /** The edits inside the directive's object, sorted. */
  readonly edits: readonly Edit[];
}

const SUPPORTED: ReadonlySet<string> = new Set([
  ...['src', 'type', 'id', 'ids', 'alt', 'onerror', 'default'],
  ...['fields', 'required', 'timeout', 'depth'],
]);
const SUPPORTED_IN_ALT: ReadonlySet<string> = new Set(['src', 'type', 'id']);
const ON_ERROR: ReadonlySet<string> = new Set<OnError>(['fail', 'null', 'ref', 'drop']);
const INTEGER = /^-?\d+$/;

/** Levels of directives that may run inside a result, at most. */
export const MAX_DEPTH = 5;

/** Thrown where a directive is none; never leaves this module. */
class Invalid {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A key of two or more `esi:` and `include` means the key with one less. */
export const ESCAPED_KEY = /^"esi:(?:esi:)+include"$/;

/**
 * Reads the object that has an `"esi:include"` member, all of it valid JSON (ESI.md section 3, "JSON").
 *
 * @param object the whole object
 * @param value the value of that member
 */
export function parseJsonDirective(text: JsonText, object: Range, value: Range): JsonDirective {
  const unsupported: string[] = [];
  try {
    const segment = directiveOf(text, value, siblingsOf(text, object, value), unsupported);
    return { segment, unsupported };
  } catch (thrown) {
    if (thrown instanceof Invalid) return { segment: undefined, reason: thrown.reason, unsupported };
    throw thrown;
  }
}

/** Members by name, the last of duplicates as `JSON.parse` would have it. A Map, so that no name (`__proto__`) is special. */
type Values = ReadonlyMap<string, Range>;

function directiveOf(
  text: JsonText,
  value: Range,
  siblings: readonly Member[],
  unsupported: string[],
): Include | EntityList {
  const members = membersAt(text.bytes, value.start);
  if (members === undefined) throw new Invalid('its value is not an object');
  const values: Values = new Map(members.map((member) => [member.name, member.value]));
  for (const name of values.keys()) if (!SUPPORTED.has(name)) unsupported.push(name);
  const ids = values.get('ids');
  if (ids !== undefined) return listOf(text, values, ids, siblings, unsupported);
  const target = targetOf(text.bytes, values);
  const alt = altOf(text.bytes, values, unsupported, false);
  const id = values.get('id');
  return {
    kind: 'include',
    syntax: 'json',
    target,
    ...('src' in target || id === undefined ? {} : { ref: textAt(text.bytes, id) }),
    ...(alt === undefined ? {} : { alt }),
    ...rulesOf(text.bytes, values),
    ...(siblings.length === 0 ? {} : { overlay: siblings }),
  };
}

function listOf(
  text: JsonText,
  values: Values,
  ids: Range,
  siblings: readonly Member[],
  unsupported: string[],
): EntityList {
  const { bytes } = text;
  if (values.has('src')) throw new Invalid('both src and ids');
  if (values.has('id')) throw new Invalid('both id and ids');
  const type = typeOf(bytes, values);
  const elements = elementsAt(bytes, ids.start);
  if (elements === undefined) throw new Invalid('ids is not a list');
  const alt = altOf(bytes, values, unsupported, true);
  // Read at once; where it is ASCII, as most are, its characters stand where its bytes do.
  const whole = textAt(bytes, { start: ids.start, end: ids.end });
  const isAscii = whole.length === ids.end - ids.start;
  const items = elements.map((element): ListItem => {
    const { start, end } = element;
    const written = isAscii ? whole.slice(start - ids.start, end - ids.start) : textAt(bytes, element);
    const item = written.startsWith('{') ? objectItem(text, type, element) : plainItem(type, written);
    if (item !== undefined) return item;
    if (!unsupported.includes(BAD_ITEM)) unsupported.push(BAD_ITEM);
    return { literal: slice(bytes, element, text.edits) };
  });
  const rules = rulesOf(bytes, values);
  return {
    kind: 'list',
    each: {
      kind: 'include',
      syntax: 'json',
      ...(alt === undefined ? {} : { alt }),
      ...rules,
      ...(siblings.length === 0 ? {} : { overlay: siblings }),
    },
    items,
  };
}

const BAD_ITEM = 'an element of ids that is neither an id nor an object with one';

function plainItem(type: string, ref: string, overlay: readonly Member[] = NONE): ListItem | undefined {
  const id = idIn(ref);
  if (id === undefined) return undefined;
  const target = { type, id };
  return overlay.length === 0 ? { target, ref } : { target, ref, overlay };
}

const NONE: readonly Member[] = [];

function objectItem(text: JsonText, type: string, object: Range): ListItem | undefined {
  const members = membersAt(text.bytes, object.start)!;
  const at = members.findLast(({ name }) => name === 'id')?.value;
  if (at === undefined) return undefined;
  const own = members.filter(({ name }) => name !== 'id').map((member) => memberOf(text, member));
  return plainItem(type, textAt(text.bytes, at), own);
}

/** What is said of an include whatever its target. */
function rulesOf(bytes: Uint8Array, values: Values): Partial<Include> {
  const onerror = textOf(bytes, values, 'onerror');
  if (values.has('onerror') && !isOnError(onerror))
    throw new Invalid('onerror is none of "fail", "null", "ref", "drop"');
  const fallback = values.get('default');
  const fields = fieldsOf(bytes, values.get('fields'));
  const timeout = numberOf(bytes, values, 'timeout');
  if (timeout === 0) throw new Invalid('timeout is not a number of ms above 0');
  const depth = numberOf(bytes, values, 'depth');
  const required = values.get('required') && textAt(bytes, values.get('required')!);
  if (required !== undefined && required !== 'true' && required !== 'false')
    throw new Invalid('required is neither true nor false');
  return {
    ...(isOnError(onerror) ? { onerror } : {}),
    ...(fallback === undefined ? {} : { default: textAt(bytes, fallback) }),
    ...(fields === undefined ? {} : { fields }),
    ...(timeout === undefined ? {} : { maxwait: timeout }),
    ...(depth === undefined ? {} : { depth: Math.min(depth, MAX_DEPTH) }),
    ...(required === 'true' ? { required: true } : {}),
  };
}

function targetOf(bytes: Uint8Array, values: Values): Target {
  if (!values.has('src')) return entityOf(bytes, values);
  if (values.has('type') || values.has('id')) throw new Invalid('both src and type or id');
  const src = textOf(bytes, values, 'src');
  if (src === undefined) throw new Invalid('src is not a string with a URL');
  return { src };
}

function entityOf(bytes: Uint8Array, values: Values): EntityTarget {
  const type = typeOf(bytes, values);
  const at = values.get('id');
  if (at === undefined) return { type }; // the visitor's own, if the definition has one
  const id = idOf(bytes, at);
  if (id === undefined) throw new Invalid('id is neither a string nor an integer');
  return { type, id };
}

function typeOf(bytes: Uint8Array, values: Values): string {
  if (!values.has('type')) throw new Invalid('neither src nor type');
  const type = textOf(bytes, values, 'type');
  if (type === undefined) throw new Invalid('type is not a string with a name');
  return type;
}

/** What is asked for instead. In a list it may be another type alone: then of the same id. */
function altOf(bytes: Uint8Array, values: Values, unsupported: string[], inList: boolean): Target | undefined {
  const at = values.get('alt');
  if (at === undefined) return undefined;
  const members = membersAt(bytes, at.start);
  if (members === undefined) throw new Invalid('alt: not an object');
  const own: Values = new Map(members.map((member) => [member.name, member.value]));
  for (const name of own.keys()) if (!SUPPORTED_IN_ALT.has(name)) unsupported.push(`alt.${name}`);
  try {
    const target = targetOf(bytes, own);
    if (!inList && !('src' in target) && target.id === undefined) throw new Invalid('type without id');
    return target;
  } catch (thrown) {
    throw thrown instanceof Invalid ? new Invalid(`alt: ${thrown.reason}`) : thrown;
  }
}

function fieldsOf(bytes: Uint8Array, at: Range | undefined): readonly string[] | undefined {
  if (at === undefined) return undefined;
  const names: unknown = JSON.parse(textAt(bytes, at));
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== ''))
    throw new Invalid('fields is not a list of names');
  return names;
}

/** The siblings of the reserved member: they are put over what stands for the object. */
function siblingsOf(text: JsonText, object: Range, value: Range): Member[] {
  const members = membersAt(text.bytes, object.start) ?? [];
  return members.filter((member) => member.value.start !== value.start).map((member) => memberOf(text, member));
}

function memberOf({ bytes, edits }: JsonText, { key, name, value }: MemberRange): Member {
  const written = textAt(bytes, key);
  const own = slice(bytes, value, edits);
  return ESCAPED_KEY.test(written)
    ? { key: `"${written.slice(5)}`, name: name.slice(4), value: own }
    : { key: written, name, value: own };
}

/** An id: a string, or an integer as it is written; as a number it would lose digits from 2^53 on. */
export function idOf(bytes: Uint8Array, at: Range): string | undefined {
  return idIn(textAt(bytes, at));
}

function idIn(text: string): string | undefined {
  return text.startsWith('"') ? nonEmptyString(text) : INTEGER.test(text) ? text : undefined;
}

function textOf(bytes: Uint8Array, values: Values, name: string): string | undefined {
  const at = values.get(name);
  return at && nonEmptyString(textAt(bytes, at));
}

/** The string that this JSON text is, unless it is empty or something else. */
function nonEmptyString(text: string): string | undefined {
  if (!text.startsWith('"') || text === '""') return undefined;
  return text.includes('\\') ? JSON.parse(text) : text.slice(1, -1);
}

function numberOf(bytes: Uint8Array, values: Values, name: string): number | undefined {
  const at = values.get(name);
  if (at === undefined) return undefined;
  const text = textAt(bytes, at);
  if (!/^\d{1,9}$/.test(text)) throw new Invalid(`${name} is not a whole number`);
  return Number(text);
}

function isOnError(value: string | undefined): value is OnError {
  return value !== undefined && ON_ERROR.has(value);
}
