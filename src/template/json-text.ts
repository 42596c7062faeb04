import { JsonCursor } from './json-cursor.ts';
import { keyName, type Range } from './json-pointer.ts';
import type { Segment } from './template.ts';

/** Something that stands in a JSON text instead of these bytes. */
export interface Edit extends Range {
  readonly segments: readonly Segment[];
  /** How many levels of edits are inside each other here. */
  readonly nest: number;
  /** How many instructions it comes to when it is composed. */
  readonly weight: number;
  /** What it was made of: for who needs a part of the range alone. */
  readonly inner?: readonly Edit[];
}

/** A member of an object: where its key is, with quotes, and its value. */
export interface MemberRange {
  readonly key: Range;
  readonly name: string;
  readonly value: Range;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** The text of a range. */
export function textAt(bytes: Uint8Array, { start, end }: Range): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** The members of the object that begins at `start`, which is known to be valid. `undefined` if it is no object. */
export function membersAt(bytes: Uint8Array, start: number): MemberRange[] | undefined {
  const cursor = new JsonCursor(bytes, start);
  if (cursor.next() !== 'open' || !cursor.inObject) return undefined;
  const members: MemberRange[] = [];
  while (cursor.next() === 'key') {
    const key = { start: cursor.start, end: cursor.end };
    cursor.next();
    members.push({ key, name: keyName(bytes, key), value: skip(cursor) });
  }
  return members;
}

/** The elements of the array that begins at `start`, which is known to be valid. `undefined` if it is no array. */
export function elementsAt(bytes: Uint8Array, start: number): Range[] | undefined {
  const cursor = new JsonCursor(bytes, start);
  if (cursor.next() !== 'open' || cursor.inObject) return undefined;
  const elements: Range[] = [];
  for (let event = cursor.next(); event === 'open' || event === 'scalar'; event = cursor.next())
    elements.push(skip(cursor));
  return elements;
}

/** What stands between the commas of the container that begins here, white space included. */
export function betweenCommas(bytes: Uint8Array, start: number): Range[] {
  const cursor = new JsonCursor(bytes, start);
  const parts: Range[] = [];
  cursor.next();
  let from = cursor.end;
  let event = cursor.next();
  while (event === 'open' || event === 'scalar' || event === 'key') {
    if (event === 'key') cursor.next();
    skip(cursor);
    const { end } = cursor;
    event = cursor.next();
    // The comma is the only byte between two members that is no white space.
    const next = event === 'close' ? cursor.end - 1 : commaAt(bytes, end);
    parts.push({ start: from, end: next });
    from = next + 1;
  }
  return parts;
}

function commaAt(bytes: Uint8Array, from: number): number {
  let i = from;
  while (bytes[i] !== 0x2c) i++;
  return i;
}

/** Goes on to the end of the value that has begun. */
function skip(cursor: JsonCursor): Range {
  const { start, depth } = cursor;
  if (cursor.opened) while (cursor.depth >= depth) cursor.next();
  return { start, end: cursor.end };
}

/** The index of the first edit that begins at this place or behind it. */
function firstEdit(edits: readonly Edit[], at: number): number {
  let low = 0;
  let high = edits.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edits[middle]!.start < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A range with its edits in place of what they stand for; edits are sorted, none inside another. */
export function slice(bytes: Uint8Array, { start, end }: Range, edits: readonly Edit[]): Segment[] {
  const segments: Segment[] = [];
  let sent = start;
  const first = firstEdit(edits, start);
  const around = edits[first - 1];
  if (around?.inner !== undefined && around.end >= end) return slice(bytes, { start, end }, around.inner);
  for (let i = first; i < edits.length; i++) {
    const edit = edits[i]!;
    if (edit.start > end) break;
    if (edit.start === start && edit.end > end && edit.inner !== undefined)
      return slice(bytes, { start, end }, edit.inner);
    if (edit.end > end) break;
    if (edit.start > sent) segments.push(bytes.subarray(sent, edit.start));
    for (const segment of edit.segments) segments.push(segment);
    sent = edit.end;
  }
  if (sent < end) segments.push(bytes.subarray(sent, end));
  return segments;
}
