/** What a {@link JsonCursor} found. `invalid` and `too-deep` are final, as `end` is. */
export type JsonEvent = 'open' | 'close' | 'key' | 'scalar' | 'end' | 'invalid' | 'too-deep';

/** How deep arrays and objects may nest; deeper text is refused. */
export const MAX_JSON_DEPTH = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const VALUE = 0;
const FIRST_ITEM = 1;
const FIRST_KEY = 2;
const AFTER_VALUE = 3;

/** The bytes that may follow a backslash, `u` apart. */
const ESCAPES: ReadonlySet<number> = new Set([0x22, 0x2f, 0x5c, 0x62, 0x66, 0x6e, 0x72, 0x74]);
const LITERALS: readonly (readonly number[])[] = ['true', 'false', 'null'].map((word) =>
  Array.from(word, (letter) => letter.charCodeAt(0)),
);

/**
 * Walks JSON text (RFC 8259) token by token and says where each one is, so that what is not replaced can stay as it is
 * written. Iterative, so that no depth of nesting can exhaust the stack; bytes over 127 are not checked to be UTF-8.
 */
export class JsonCursor {
  /** Where the token of the last event is: a container's one bracket, a key with its quotes, a whole scalar. */
  start = 0;
  end = 0;
  /** How many containers are open; an `open` is counted already, a `close` no more. */
  depth = 0;
  readonly #bytes: Uint8Array;
  readonly #objects: number[] = [];
  #at: number;
  #expect = VALUE;
  #final: JsonEvent | undefined;

  constructor(bytes: Uint8Array, from = 0) {
    this.#bytes = bytes;
    this.#at = from;
  }

  /** Whether the innermost open container is an object. */
  get inObject(): boolean {
    return this.depth > 0 && this.#objects[this.depth - 1] === 1;
  }

  /** Whether the last token opened a container. */
  get opened(): boolean {
    return this.#expect === FIRST_KEY || this.#expect === FIRST_ITEM;
  }

  /** The next token. */
  next(): JsonEvent {
    if (this.#final !== undefined) return this.#final;
    const event = this.#advance();
    if (event === 'end' || event === 'invalid' || event === 'too-deep') this.#final = event;
    return event;
  }

  #advance(): JsonEvent {
    let byte = this.#token();
    switch (this.#expect) {
      case AFTER_VALUE:
        if (this.depth === 0) return byte === undefined ? 'end' : 'invalid';
        if (byte === (this.inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return this.#close();
        if (byte !== COMMA) return 'invalid';
        this.#at++;
        byte = this.#token();
        return this.inObject ? this.#key(byte) : this.#value(byte);
      case FIRST_KEY:
        return byte === CLOSE_OBJECT ? this.#close() : this.#key(byte);
      case FIRST_ITEM:
        return byte === CLOSE_ARRAY ? this.#close() : this.#value(byte);
      default:
        return this.#value(byte);
    }
  }

  /** The first byte of the next token. */
  #token(): number | undefined {
    this.#at = skipJsonSpace(this.#bytes, this.#at);
    this.start = this.#at;
    return this.#bytes[this.#at];
  }

  #value(byte: number | undefined): JsonEvent {
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (this.depth === MAX_JSON_DEPTH) return 'too-deep';
      this.#objects[this.depth] = byte === OPEN_OBJECT ? 1 : 0;
      this.depth++;
      this.#expect = byte === OPEN_OBJECT ? FIRST_KEY : FIRST_ITEM;
      this.end = ++this.#at;
      return 'open';
    }
    const end = byte === QUOTE ? this.#string() : byte === undefined ? -1 : this.#word(byte);
    if (end < 0) return 'invalid';
    this.#at = end;
    this.end = end;
    this.#expect = AFTER_VALUE;
    return 'scalar';
  }

  #key(byte: number | undefined): JsonEvent {
    if (byte !== QUOTE) return 'invalid';
    const end = this.#string();
    if (end < 0) return 'invalid';
    const colon = skipJsonSpace(this.#bytes, end);
    if (this.#bytes[colon] !== COLON) return 'invalid';
    this.end = end;
    this.#at = colon + 1;
    this.#expect = VALUE;
    return 'key';
  }

  #close(): JsonEvent {
    this.depth--;
    this.end = ++this.#at;
    this.#expect = AFTER_VALUE;
    return 'close';
  }

  /** The end of the string that starts here, or -1. */
  #string(): number {
    const bytes = this.#bytes;
    for (let i = this.#at + 1; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte === QUOTE) return i + 1;
      if (byte < 0x20) return -1;
      if (byte !== BACKSLASH) continue;
      const escaped = bytes[++i];
      if (escaped === 0x75) {
        for (const last = i + 4; i < last; i++) if (!isHex(bytes[i + 1])) return -1;
      } else if (escaped === undefined || !ESCAPES.has(escaped)) {
        return -1;
      }
    }
    return -1;
  }

  #word(byte: number): number {
    if (byte === MINUS || isDigit(byte)) return this.#number();
    const word = LITERALS.find((letters) => letters[0] === byte);
    if (word === undefined) return -1;
    for (let i = 0; i < word.length; i++) if (this.#bytes[this.#at + i] !== word[i]) return -1;
    return this.#at + word.length;
  }

  #number(): number {
    const bytes = this.#bytes;
    let i = this.#at;
    if (bytes[i] === MINUS) i++;
    const integer = skipDigits(bytes, i);
    if (integer === i || (bytes[i] === 0x30 && integer > i + 1)) return -1;
    i = integer;
    if (bytes[i] === POINT) {
      const fraction = skipDigits(bytes, i + 1);
      if (fraction === i + 1) return -1;
      i = fraction;
    }
    if (bytes[i] === 0x65 || bytes[i] === 0x45) {
      const sign = bytes[i + 1] === MINUS || bytes[i + 1] === 0x2b ? 1 : 0;
      const exponent = skipDigits(bytes, i + 1 + sign);
      if (exponent === i + 1 + sign) return -1;
      i = exponent;
    }
    return i;
  }
}

/** The index of the first byte from `from` on that is not white space of JSON. */
export function skipJsonSpace(bytes: Uint8Array, from: number): number {
  let i = from;
  while (i < bytes.length && isJsonSpace(bytes[i]!)) i++;
  return i;
}

/** Whether a byte is white space of JSON (RFC 8259 section 2). */
export function isJsonSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** How many bytes of byte order mark a text begins with: 3 or 0. A sender must not add one, a reader may skip it (RFC 8259 section 8.1). */
export function byteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

function skipDigits(bytes: Uint8Array, from: number): number {
  let i = from;
  while (i < bytes.length && isDigit(bytes[i]!)) i++;
  return i;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
