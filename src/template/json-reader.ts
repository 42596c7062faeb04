import type { HydrateRule } from '../http/hydrate.ts';
import { byteOrderMark, JsonCursor, skipJsonSpace } from './json-cursor.ts';
import { ESCAPED_KEY, parseJsonDirective } from './json-directive.ts';
import { type Added, Places } from './json-places.ts';
import type { Range } from './json-pointer.ts';
import { betweenCommas, type Edit, slice, textAt } from './json-text.ts';
import type { Collection, Include, Segment, Warning } from './template.ts';

/** What a JSON document is read for. */
export interface Reading {
  /** Whether `"esi:include"` means anything in it. */
  readonly directives: boolean;
  /** Where it holds ids without saying so (`Inlay-Hydrate`). */
  readonly rules: readonly HydrateRule[];
}

export type Warn = (code: Warning['code'], offset: number, message: string) => void;

/** An open array or object, and what is known of it so far. */
interface Frame {
  readonly start: number;
  /** How many edits there were when it began: those that came since are inside. */
  readonly edits: number;
  /** Start of the value that is being read if it is the directive's, else -1. */
  reading: number;
  value: Range | undefined;
  repeated: boolean;
  /** A directive right inside may disappear, and its comma with it. */
  droppable: boolean;
}

const RESERVED = new TextEncoder().encode('"esi:include"');
/** What every key begins with that means something here. */
export const MARKER = RESERVED.subarray(0, 5);
const MAX_ESCAPED_KEY = 256;
/** Directives in members of directives, and containers that may lose members inside each other: each is read again for what is around it. */
const MAX_NEST = 16;

/** Instructions that one document may come to; what is beyond stays as it is written. */
const MAX_WEIGHT = 20_000;

/** Finds what does not stay as it is in one JSON text. A text that is no JSON stays as it is altogether. */
export function readJson(bytes: Uint8Array, reading: Reading, warn: Warn): readonly Segment[] {
  const reader = new JsonReader(bytes, reading, warn);
  const edits = reader.read();
  return slice(bytes, { start: 0, end: bytes.length }, edits);
}

class JsonReader {
  readonly #bytes: Uint8Array;
  readonly #directives: boolean;
  readonly #warn: Warn;
  /** Sorted, none inside another. */
  readonly #edits: Edit[] = [];
  /** Of all of them. */
  #weight = 0;
  #isFull = false;
  readonly #frames: Frame[] = [];
  /** Absent if nobody names places in this document. */
  readonly #places: Places | undefined;

  constructor(bytes: Uint8Array, { directives, rules }: Reading, warn: Warn) {
    this.#bytes = bytes;
    this.#directives = directives;
    this.#warn = warn;
    this.#places = rules.length === 0 ? undefined : new Places(bytes, rules);
  }

  read(): readonly Edit[] {
    const cursor = new JsonCursor(this.#bytes, byteOrderMark(this.#bytes));
    for (;;) {
      switch (cursor.next()) {
        case 'open':
          this.#open(cursor);
          break;
        case 'key':
          this.#key(cursor);
          break;
        case 'close':
          this.#close(cursor.end);
          this.#ended(cursor.end);
          break;
        case 'scalar':
          this.#scalar(cursor);
          this.#ended(cursor.end);
          break;
        case 'end':
          return this.#edits;
        case 'invalid':
          this.#warn('invalid-directive', cursor.start, 'this is not valid JSON: nothing in it is replaced');
          return [];
        case 'too-deep':
          this.#warn('nesting-too-deep', cursor.start, 'this nests too deep: nothing in it is replaced');
          return [];
      }
    }
  }

  #open({ start, inObject }: JsonCursor): void {
    const edits = this.#edits.length;
    this.#places?.open(inObject);
    this.#frames.push({ start, edits, reading: -1, value: undefined, repeated: false, droppable: false });
  }

  #key(cursor: JsonCursor): void {
    const { start, end } = cursor;
    const bytes = this.#bytes;
    this.#places?.key(cursor);
    if (!this.#directives || !startsWith(bytes, start, MARKER)) return;
    const frame = this.#frames.at(-1)!;
    // Bytes are compared, not decoded names: `"\u0065si:include"` is somebody's data, never a directive.
    if (end - start === RESERVED.length && startsWith(bytes, start, RESERVED)) {
      frame.repeated = frame.value !== undefined;
      const colon = skipJsonSpace(bytes, end);
      frame.reading = skipJsonSpace(bytes, colon + 1);
    } else if (end - start <= MAX_ESCAPED_KEY && ESCAPED_KEY.test(textAt(bytes, cursor))) {
      this.#push({ start: start + 1, end: start + MARKER.length, segments: [], nest: 0, weight: 0 });
    }
  }

  #scalar({ start, end }: JsonCursor): void {
    if (this.#places === undefined) return;
    const edit = this.#places.scalar({ start, end }, (rule) =>
      this.#warn('invalid-hydrate', start, `${rule}: with "as", an id must be a member of an object itself`),
    );
    if (edit === undefined) return;
    if (this.#fits(edit.weight, start)) this.#push(edit);
  }

  /** Whether a document may come to that many instructions more; tells once that it may not. */
  #fits(weight: number, offset: number): boolean {
    if (this.#weight + weight <= MAX_WEIGHT) return true;
    if (!this.#isFull)
      this.#warn('invalid-directive', offset, `more than ${MAX_WEIGHT} entities in one document: the others stay ids`);
    this.#isFull = true;
    return false;
  }

  #push(edit: Edit): void {
    this.#edits.push(edit);
    this.#weight += edit.weight;
  }

  /** Takes back the edits inside a frame. */
  #take(since: number): Edit[] {
    const taken = this.#edits.splice(since);
    this.#weight -= weightOf(taken);
    return taken;
  }

  /** A value ended; if it is the directive's, its frame now knows where it is. */
  #ended(end: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.reading < 0) return;
    frame.value = { start: frame.reading, end };
    frame.reading = -1;
  }

  #close(end: number): void {
    const frame = this.#frames.pop()!;
    const whole = { start: frame.start, end };
    const added = this.#places?.close(whole) ?? NOTHING;
    if (frame.value !== undefined) {
      this.#directive(frame, frame.value, whole);
      return;
    }
    const extra = added.filter((one) => !this.#replace(frame, one));
    if (frame.droppable || extra.length > 0) this.#collection(frame, whole, extra);
  }

  /** Writes an entity into a member that is there already. */
  #replace(frame: Frame, { instead, hydration }: Added): boolean {
    if (instead === undefined) return false;
    const kept: Edit[] = [];
    for (const edit of this.#take(frame.edits))
      if (edit.end <= instead.start || edit.start >= instead.end) kept.push(edit);
    if (this.#fits(1 + weightOf(kept), instead.start)) {
      const refused = [this.#bytes.subarray(instead.start, instead.end)];
      kept.push({ ...instead, segments: [{ ...hydration, refused }], nest: 1, weight: 1 });
      kept.sort((a, b) => a.start - b.start || a.end - b.end);
    }
    for (const edit of kept) this.#push(edit);
    return true;
  }

  /** An object that holds a directive is replaced as a whole, or stays as it is as a whole. */
  #directive(frame: Frame, value: Range, whole: Range): void {
    const edits = this.#take(frame.edits);
    if (frame.repeated) {
      this.#warn('invalid-directive', whole.start, 'more than one "esi:include" in an object');
      return;
    }
    const nest = 1 + deepest(edits);
    if (nest > MAX_NEST) {
      this.#warn('nesting-too-deep', whole.start, 'too many directives inside each other');
      return;
    }
    const { segment, reason, unsupported } = parseJsonDirective({ bytes: this.#bytes, edits }, whole, value);
    for (const name of unsupported)
      this.#warn('unsupported-member', whole.start, `"esi:include": ${name.slice(0, 80)} is not supported`);
    if (segment === undefined) {
      this.#warn('invalid-directive', whole.start, `"esi:include": ${reason}`);
      return;
    }
    const inside = weightOf(edits.filter(({ start, end }) => start >= value.start && end <= value.end));
    const beside = weightOf(edits) - inside;
    // What stands beside a list stands in each of its entities.
    const weight = segment.kind === 'list' ? inside + segment.items.length * (1 + beside) : 1 + inside + beside;
    if (!this.#fits(weight, whole.start)) return;
    this.#push({ ...whole, segments: [segment], nest, weight });
    const parent = this.#frames.at(-1);
    if (parent !== undefined && isDroppable(segment)) parent.droppable = true;
  }

  /** An array or object in pieces, so that one of them can be left out. */
  #collection(frame: Frame, whole: Range, added: readonly Added[]): void {
    const edits = this.#take(frame.edits);
    const nest = 1 + deepest(edits);
    const weight = weightOf(edits) + added.length;
    if (nest > MAX_NEST || !this.#fits(weight, whole.start)) {
      if (nest > MAX_NEST)
        this.#warn(
          'nesting-too-deep',
          whole.start,
          'too many directives inside each other: what is dropped here is null',
        );
      for (const edit of edits) this.#push(edit);
      return;
    }
    const { start, end } = whole;
    const items: (readonly Segment[])[] = [];
    let next = 0;
    for (const range of betweenCommas(this.#bytes, start)) {
      items.push(slice(this.#bytes, range, edits));
      // Behind the id, as if it had been written there.
      for (; next < added.length && added[next]!.behind <= range.end; next++) {
        const { key, hydration } = added[next]!;
        items.push([key, hydration]);
      }
    }
    const collection: Collection = {
      kind: 'collection',
      open: this.#bytes.subarray(start, start + 1),
      items,
      close: this.#bytes.subarray(end - 1, end),
    };
    this.#push({ ...whole, segments: [collection], nest, weight, inner: edits });
  }
}

const NOTHING: readonly Added[] = [];

function weightOf(edits: readonly Edit[]): number {
  let weight = 0;
  for (const edit of edits) weight += edit.weight;
  return weight;
}

function deepest(edits: readonly Edit[]): number {
  let nest = 0;
  for (const edit of edits) nest = Math.max(nest, edit.nest);
  return nest;
}

/** Whether a segment may come to nothing at all. */
export function isDroppable(segment: Segment): segment is Include {
  return !(segment instanceof Uint8Array) && segment.kind === 'include' && segment.onerror === 'drop';
}

export function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
