import type { JsonCursor } from './json-cursor.ts';

/** The reference tokens of a JSON pointer, unescaped; `undefined` if it is none (RFC 6901 section 3). */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Where a value stands in some text, in bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
const BACKSLASH = 0x5c;

/** The name that a key says: the JSON string in this range. */
export function keyName(bytes: Uint8Array, { start, end }: Range): string {
  const inner = bytes.subarray(start + 1, end - 1);
  return inner.includes(BACKSLASH) ? JSON.parse(`"${decoder.decode(inner)}"`) : decoder.decode(inner);
}

/**
 * Reads one value with a cursor that has just come to it, and finds what some pointers lead to, each from that value on.
 * Of members of one name the last counts. The cursor is then at the value's end, unless the text is invalid.
 */
export function readValue(
  cursor: JsonCursor,
  bytes: Uint8Array,
  pointers: readonly (readonly string[])[],
): (Range | undefined)[] {
  const found: (Range | undefined)[] = pointers.map(() => undefined);
  const reader = new PointerReader(bytes, pointers, found);
  const { start } = cursor;
  if (cursor.opened) {
    const base = cursor.depth - 1;
    reader.open(cursor.inObject);
    while (cursor.depth > base) {
      const event = cursor.next();
      if (event === 'invalid' || event === 'too-deep' || event === 'end') return found;
      if (event === 'key') reader.key(cursor);
      else if (event === 'close') reader.close(cursor.end);
      else reader.value(cursor, event === 'open');
    }
  }
  pointers.forEach((tokens, i) => {
    if (tokens.length === 0) found[i] = { start, end: cursor.end };
  });
  return found;
}

/** Follows several pointers at once through the tokens of one value. */
class PointerReader {
  readonly #bytes: Uint8Array;
  readonly #pointers: readonly (readonly string[])[];
  readonly #found: (Range | undefined)[];
  /** How many tokens of each pointer lead to the innermost container that it goes through. */
  readonly #matched: number[];
  /** Pointers that the value to come is one more step of. */
  #next: number[] = [];
  /** Open containers: for an array, how many elements have come; -1 for an object. */
  readonly #counts: number[] = [];
  /** Values that pointers lead to, and that are still open. */
  readonly #open: { readonly pointer: number; readonly start: number; readonly depth: number }[] = [];

  constructor(bytes: Uint8Array, pointers: readonly (readonly string[])[], found: (Range | undefined)[]) {
    this.#bytes = bytes;
    this.#pointers = pointers;
    this.#found = found;
    this.#matched = pointers.map(() => 0);
  }

  open(inObject: boolean): void {
    this.#counts.push(inObject ? -1 : 0);
  }

  key(range: Range): void {
    const depth = this.#counts.length;
    for (let i = 0; i < this.#pointers.length; i++) {
      const tokens = this.#pointers[i]!;
      if (this.#matched[i] !== depth - 1 || tokens.length < depth) continue;
      if (isKey(this.#bytes, range, tokens[depth - 1]!)) this.#next.push(i);
    }
  }

  value(cursor: JsonCursor, opens: boolean): void {
    const depth = this.#counts.length;
    const count = this.#counts[depth - 1]!;
    if (count >= 0) {
      this.#counts[depth - 1] = count + 1;
      for (let i = 0; i < this.#pointers.length; i++)
        if (this.#matched[i] === depth - 1 && this.#pointers[i]![depth - 1] === String(count)) this.#next.push(i);
    }
    for (const i of this.#next) {
      const last = this.#pointers[i]!.length === depth;
      if (last && opens) this.#open.push({ pointer: i, start: cursor.start, depth });
      else if (last) this.#found[i] = { start: cursor.start, end: cursor.end };
      else this.#found[i] = undefined; // a later member of the same name replaces all that an earlier one led to
      if (!last && opens) this.#matched[i] = depth;
    }
    this.#next = [];
    if (opens) this.open(cursor.inObject);
  }

  close(end: number): void {
    this.#counts.pop();
    const depth = this.#counts.length;
    while (this.#open.length > 0 && this.#open.at(-1)!.depth === depth) {
      const { pointer, start } = this.#open.pop()!;
      this.#found[pointer] = { start, end };
    }
    for (let i = 0; i < this.#matched.length; i++)
      if (this.#matched[i] === depth) this.#matched[i] = Math.max(0, depth - 1);
  }
}

const encoder = new TextEncoder();
const encoded = new Map<string, Uint8Array>();

/** Whether a key says this name, by its bytes where they are plain. */
function isKey(bytes: Uint8Array, { start, end }: Range, name: string): boolean {
  let own = encoded.get(name);
  if (own === undefined) {
    own = encoder.encode(name);
    if (encoded.size < 1_024) encoded.set(name, own); // pointers come from the configuration
  }
  if (end - start - 2 === own.length) {
    let same = true;
    for (let i = 0; i < own.length && same; i++) same = bytes[start + 1 + i] === own[i];
    if (same && !own.includes(BACKSLASH)) return true;
  }
  for (let i = start + 1; i < end - 1; i++) if (bytes[i] === BACKSLASH) return keyName(bytes, { start, end }) === name;
  return false;
}
