import { byteOrderMark, JsonCursor, skipJsonSpace } from './json-cursor.ts';
import { cut, type Edit, edited, firstHole, holeAt, type Text, textOf } from './json-holes.ts';
import { Names } from './json-names.ts';
import { betweenCommas } from './json-text.ts';
import type { Collection, Instruction, Member, Segment } from './template.ts';

/** An open container of which not everything is kept. */
interface Frame {
  readonly object: boolean;
  readonly fields: readonly string[];
  readonly names: Names<Rest>;
  /** Where what stands between two commas begins. */
  from: number;
  /** Whether a member before it was kept. */
  kept: boolean;
}

/** What is kept of a member: all of it, or these fields of its value. */
type Rest = 'all' | readonly string[];

/** The members of an overlay, each name once. */
interface Overlay {
  readonly names: Names<number>;
  readonly members: readonly Member[];
}

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

const encoder = new TextEncoder();
const BRACE = encoder.encode('{');
const END_BRACE = encoder.encode('}');

/** The same list comes back for every entity of a type, so what was made of it is kept. */
const selections = new WeakMap<readonly string[], Names<Rest>>();

/**
 * A JSON value with the named members alone: names, or pointers that begin with `/` (RFC 6901), through arrays. What is
 * kept keeps its order and its bytes; a value that is no object or array is kept, and so is text that is no JSON.
 * Of what is not there yet, the rest of the pointers is noted at its instruction.
 */
export function project(segments: readonly Segment[], fields: readonly string[]): readonly Segment[] {
  const text = textOf(segments);
  const edits = projection(text, fields);
  if (edits === undefined || (edits.length === 0 && text.start === 0)) return segments;
  return edited(text, edits);
}

/**
 * A JSON object with these members over its own: one whose name is there gives its value to every member of that name,
 * which keeps its key and its place; the others are added at the end. `undefined` if it is no object.
 */
export function overlay(segments: readonly Segment[], members: readonly Member[]): readonly Segment[] | undefined {
  const text = textOf(segments);
  const over = overlayOf(members);
  const cursor = new JsonCursor(text.bytes, text.start);
  const event = cursor.next();
  const { start, end } = cursor;
  if (event === 'scalar') {
    const hole = holeAt(text, start);
    if (hole?.kind !== 'collection' || !isObject(hole) || cursor.next() !== 'end') return undefined;
    return edited(text, [{ start, end, insert: [overlayCollection(hole, over)] }]);
  }
  if (event !== 'open' || !cursor.inObject) return undefined;
  const edits: Edit[] = [];
  const found = new Set<number>();
  const last = overlayMembers(text, cursor, over, found, edits);
  if (last === undefined) return undefined;
  let comma = last !== end;
  for (const [index, member] of over.members.entries()) {
    if (found.has(index)) continue;
    edits.push({ start: last, end: last, insert: added(member, comma) });
    comma = true;
  }
  return edited(text, edits);
}

/** An object or array in pieces, so that members may disappear; any other value stays as it is. The text is valid JSON. */
export function inPieces(segments: readonly Segment[]): readonly Segment[] {
  const text = textOf(segments);
  const { bytes } = text;
  const start = skipJsonSpace(bytes, text.start);
  if (bytes[start] !== OPEN_OBJECT && bytes[start] !== OPEN_ARRAY) return segments;
  const ranges = betweenCommas(bytes, start);
  const close = ranges.length === 0 ? skipJsonSpace(bytes, start + 1) : ranges.at(-1)!.end;
  const collection: Collection = {
    kind: 'collection',
    open: bytes.subarray(text.start, start + 1),
    items: ranges.map((range) => cut(text, range.start, range.end)),
    close: bytes.subarray(close),
  };
  return [collection];
}

/** What changes when these fields alone are kept; `undefined` if the text is no JSON. */
function projection(text: Text, fields: readonly string[]): Edit[] | undefined {
  const cursor = new JsonCursor(text.bytes, text.start);
  const edits: Edit[] = [];
  const frames: Frame[] = [];
  // The fields of the value that comes next.
  let next = fields;
  const endMember = (kept: boolean): void => {
    const frame = frames.at(-1);
    if (frame === undefined) return;
    if (frame.object) endOf(frame, kept, text.bytes, cursor.end, edits);
    else next = frame.fields;
  };
  for (;;) {
    switch (cursor.next()) {
      case 'open':
        frames.push({ object: cursor.inObject, fields: next, names: selection(next), from: cursor.end, kept: false });
        break;
      case 'key': {
        const rest = frames.at(-1)!.names.find(text.bytes, cursor.start, cursor.end);
        if (rest !== undefined && rest !== 'all') next = rest;
        else if (skipValue(cursor)) endMember(rest !== undefined);
        else return undefined;
        break;
      }
      case 'scalar': {
        const hole = holeAt(text, cursor.start);
        if (hole !== undefined) {
          edits.push({ start: cursor.start, end: cursor.end, insert: [projectInstruction(hole, next)] });
        }
        endMember(true);
        break;
      }
      case 'close':
        frames.pop();
        endMember(true);
        break;
      case 'end':
        return edits;
      default:
        return undefined;
    }
  }
}

/** A member's value ended; a member that is not kept leaves with one of the commas beside it. */
function endOf(frame: Frame, kept: boolean, bytes: Uint8Array, valueEnd: number, edits: Edit[]): void {
  const delimiter = skipJsonSpace(bytes, valueEnd);
  if (!kept) {
    const start = frame.kept ? frame.from - 1 : frame.from;
    const end = frame.kept || bytes[delimiter] !== COMMA ? delimiter : delimiter + 1;
    const before = edits.at(-1);
    if (before !== undefined && before.end === start && before.insert === undefined) before.end = end;
    else edits.push({ start, end });
  }
  frame.kept ||= kept;
  frame.from = delimiter + 1;
}

/** What is not there yet is projected when it is. Collections nest as deep as the text did that they were cut from. */
function projectInstruction(instruction: Instruction, fields: readonly string[]): Instruction {
  switch (instruction.kind) {
    case 'include':
      return { ...instruction, within: [...(instruction.within ?? []), fields] };
    case 'list': {
      const { each } = instruction;
      return { ...instruction, each: { ...each, within: [...(each.within ?? []), fields] } };
    }
    case 'hydration':
      return {
        ...instruction,
        body: project(instruction.body, fields),
        refused: project(instruction.refused, fields),
      };
    case 'collection': {
      if (!isObject(instruction))
        return { ...instruction, items: instruction.items.map((item) => project(item, fields)) };
      const items = instruction.items.map((item) => asMember(item, (object) => project(object, fields)));
      return { ...instruction, items: items.filter((item) => item.length > 0) };
    }
    default:
      return instruction;
  }
}

function overlayCollection(collection: Collection, over: Overlay): Collection {
  const found = new Set<number>();
  const items = collection.items.map((item) =>
    asMember(item, (object) => {
      const text = textOf(object);
      const edits: Edit[] = [];
      const cursor = new JsonCursor(text.bytes);
      cursor.next();
      const last = overlayMembers(text, cursor, over, found, edits);
      return last === undefined ? object : edited(text, edits);
    }),
  );
  for (const [index, member] of over.members.entries()) {
    if (!found.has(index)) items.push(added(member, false));
  }
  return { ...collection, items };
}

/** Gives new values to the members of the object that the cursor has opened; where its last one ends. */
function overlayMembers(
  text: Text,
  cursor: JsonCursor,
  over: Overlay,
  found: Set<number>,
  edits: Edit[],
): number | undefined {
  const { bytes } = text;
  let last = cursor.end;
  for (;;) {
    const event = cursor.next();
    if (event === 'close') return cursor.next() === 'end' ? last : undefined;
    if (event !== 'key') return undefined;
    const index = over.names.find(bytes, cursor.start, cursor.end);
    const start = skipJsonSpace(bytes, cursor.end) + 1;
    if (!skipValue(cursor)) return undefined;
    last = cursor.end;
    if (index !== undefined) {
      found.add(index);
      edits.push({ start, end: last, insert: over.members[index]!.value });
    }
    // What hydrates this value is written behind it.
    for (let i = firstHole(text, last); i < text.holes.length; i++) {
      const { at } = text.holes[i]!;
      if (skipJsonSpace(bytes, last) < at) break;
      last = at + 1;
    }
  }
}

/** What stands between two commas of an object, changed as an object of its own; nothing if that became empty. */
function asMember(
  item: readonly Segment[],
  change: (object: readonly Segment[]) => readonly Segment[],
): readonly Segment[] {
  const object = [BRACE, ...item, END_BRACE];
  const changed = change(object);
  if (changed === object) return item;
  const inner = changed.slice();
  const first = inner[0];
  if (first instanceof Uint8Array) inner[0] = first.subarray(1);
  const last = inner.at(-1);
  if (last instanceof Uint8Array) inner[inner.length - 1] = last.subarray(0, -1);
  return inner.filter((segment) => !(segment instanceof Uint8Array) || segment.length > 0);
}

function isObject({ open }: Collection): boolean {
  return open[skipJsonSpace(open, byteOrderMark(open))] === OPEN_OBJECT;
}

/** Goes to the end of the value that comes next. */
function skipValue(cursor: JsonCursor): boolean {
  const { depth } = cursor;
  for (;;) {
    const event = cursor.next();
    if (event === 'end' || event === 'invalid' || event === 'too-deep') return false;
    if (cursor.depth === depth && event !== 'key') return true;
  }
}

/** The members that these fields name, and what is kept of each. */
function selection(fields: readonly string[]): Names<Rest> {
  let names = selections.get(fields);
  if (names !== undefined) return names;
  const rests = new Map<string, 'all' | string[]>();
  for (const field of fields) {
    const slash = field.startsWith('/') ? field.indexOf('/', 1) : -1;
    const name = field.startsWith('/') ? unescaped(slash < 0 ? field.slice(1) : field.slice(1, slash)) : field;
    const rest = rests.get(name);
    if (slash < 0) rests.set(name, 'all');
    else if (rest === undefined) rests.set(name, [field.slice(slash)]);
    else if (rest !== 'all') rest.push(field.slice(slash));
  }
  names = new Names<Rest>(rests);
  selections.set(fields, names);
  return names;
}

/** A reference token of a JSON pointer (RFC 6901 section 4): `~1` is `/`, `~0` is `~`. */
function unescaped(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

function overlayOf(members: readonly Member[]): Overlay {
  const places = new Map<string, number>();
  const last: Member[] = [];
  for (const member of members) {
    const place = places.get(member.name) ?? last.length;
    places.set(member.name, place);
    last[place] = member;
  }
  return { names: new Names(places), members: last };
}

/** A member to be added; behind another, with the comma. */
function added({ key, value }: Member, comma: boolean): readonly Segment[] {
  return [encoder.encode(comma ? `,${key}:` : `${key}:`), ...value];
}
