import { byteOrderMark, isJsonSpace } from './json-cursor.ts';
import type { Instruction, Segment } from './template.ts';

/** One JSON text in which a byte stands for each instruction. */
export interface Text {
  readonly bytes: Uint8Array;
  /** Behind the byte order mark. */
  readonly start: number;
  /** In document order. */
  readonly holes: readonly Hole[];
}

interface Hole {
  readonly at: number;
  readonly instruction: Instruction;
}

/** What is put in the place of some bytes: nothing, if absent. */
export interface Edit {
  readonly start: number;
  end: number;
  readonly insert?: readonly Segment[];
}

const SPACE = 0x20;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const NO_HOLES: readonly Hole[] = [];

/** The segments as one text: a number stands for an instruction, white space for one that stands behind a value. */
export function textOf(segments: readonly Segment[]): Text {
  const only = segments[0];
  if (segments.length === 1 && only instanceof Uint8Array) {
    return { bytes: only, start: byteOrderMark(only), holes: NO_HOLES };
  }
  let length = 0;
  for (const segment of segments) length += segment instanceof Uint8Array ? segment.length : 1;
  const bytes = new Uint8Array(length);
  const holes: Hole[] = [];
  let at = 0;
  // The last byte that is no white space.
  let before: number | undefined;
  for (const segment of segments) {
    if (segment instanceof Uint8Array) {
      bytes.set(segment, at);
      before = lastOf(segment) ?? before;
      at += segment.length;
      continue;
    }
    const extra = segment.kind === 'hydration' && before !== undefined && !precedesValue(before);
    bytes[at] = extra ? SPACE : ZERO;
    if (!extra) before = ZERO;
    holes.push({ at: at++, instruction: segment });
  }
  return { bytes, start: byteOrderMark(bytes), holes };
}

function precedesValue(byte: number): boolean {
  return byte === COLON || byte === COMMA || byte === OPEN_ARRAY;
}

function lastOf(bytes: Uint8Array): number | undefined {
  let i = bytes.length - 1;
  while (i >= 0 && isJsonSpace(bytes[i]!)) i--;
  return bytes[i];
}

/** The index of the first hole at this place or behind it. */
export function firstHole({ holes }: Text, at: number): number {
  let low = 0;
  let high = holes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holes[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The instruction for which the byte at this place stands. */
export function holeAt(text: Text, at: number): Instruction | undefined {
  const hole = text.holes[firstHole(text, at)];
  return hole?.at === at ? hole.instruction : undefined;
}

/** The text with its edits, which are in document order and apart, and with its instructions back in their places. */
export function edited(text: Text, edits: readonly Edit[]): readonly Segment[] {
  const segments: Segment[] = [];
  let from = text.start;
  for (const { start, end, insert } of edits) {
    copy(text, from, start, segments);
    if (insert !== undefined) for (const segment of insert) segments.push(segment);
    from = end;
  }
  copy(text, from, text.bytes.length, segments);
  return segments;
}

/** What stands between two places of a text, with its instructions. */
export function cut(text: Text, start: number, end: number): Segment[] {
  const segments: Segment[] = [];
  copy(text, start, end, segments);
  return segments;
}

function copy(text: Text, start: number, end: number, segments: Segment[]): void {
  let from = start;
  for (let i = firstHole(text, start); i < text.holes.length; i++) {
    const { at, instruction } = text.holes[i]!;
    if (at >= end) break;
    if (at > from) segments.push(text.bytes.subarray(from, at));
    segments.push(instruction);
    from = at + 1;
  }
  if (end > from) segments.push(text.bytes.subarray(from, end));
}
