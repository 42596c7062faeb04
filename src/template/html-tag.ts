/** What a scan of a tag ended with: more bytes needed, a whole tag, no tag at all, or a tag that an unquoted `<` cut short. */
export type TagScan = 'more' | 'done' | 'text' | 'broken';

const SLASH = 0x2f;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;

const START = 0;
const NAME = 1;
const BETWEEN = 2;
const ATTRIBUTE = 3;
const AFTER_ATTRIBUTE = 4;
const BEFORE_VALUE = 5;
const UNQUOTED = 6;
const QUOTED = 7;

/** Whether a byte is white space of HTML and XML. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d && byte !== 0x0b);
}

/**
 * Finds the end of one tag and, on the way, where its name and attributes are; it sees each byte once and keeps none.
 * One machine does both, so that what ends a tag and what ends a value cannot disagree.
 */
export class TagLexer {
  /** After {@link scan}: the index of the first byte of the chunk that was not consumed. */
  index = 0;
  #state = START;
  #quote = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #slash = -1;
  /** Four positions an attribute: name from and to, value from and to. All positions count from the tag's `<`. */
  #spans: number[] = [];
  #selfClosing = false;

  /** Begins a tag whose name starts at this position, counted from its `<`. */
  begin(nameStart: number): void {
    this.#state = START;
    this.#nameStart = nameStart;
    this.#slash = -1;
    this.#spans = [];
    this.#selfClosing = false;
  }

  /** Reads `chunk` from `from` to `to`; index 0 of the chunk is at position `origin` of the tag. */
  scan(chunk: Uint8Array, from: number, to: number, origin: number): TagScan {
    for (let i = from; i < to; i++) {
      const byte = chunk[i]!;
      if (this.#state === QUOTED) {
        i = this.#skipQuoted(chunk, i, to, origin);
      } else if (this.#state === START) {
        this.index = i;
        if (!isLetter(byte)) return 'text';
        this.#state = NAME;
      } else if (byte === LESS) {
        // Never legal here. Were it part of the tag, a tag without its `>` would swallow the element after it.
        this.index = i;
        return 'broken';
      } else if (byte === GREATER) {
        this.#finish(origin + i);
        this.index = i + 1;
        return 'done';
      } else {
        this.#step(byte, origin + i);
      }
    }
    this.index = to;
    return 'more';
  }

  /** The name, once a scan said `done`; `tag` are the bytes of the whole tag. */
  name(tag: Uint8Array): string {
    return decode(tag.subarray(this.#nameStart, this.#nameEnd));
  }

  /** The attributes with entities decoded; the first of duplicates wins. */
  attributes(tag: Uint8Array): ReadonlyMap<string, string> {
    const spans = this.#spans;
    const attributes = new Map<string, string>();
    for (let i = 0; i < spans.length; i += 4) {
      const name = decode(tag.subarray(spans[i]!, spans[i + 1]!));
      if (!attributes.has(name)) {
        attributes.set(name, decodeEntities(decode(tag.subarray(spans[i + 2]!, spans[i + 3]!))));
      }
    }
    return attributes;
  }

  get selfClosing(): boolean {
    return this.#selfClosing;
  }

  #skipQuoted(chunk: Uint8Array, from: number, to: number, origin: number): number {
    const quote = this.#quote;
    let i = from;
    while (i < to && chunk[i] !== quote) i++;
    if (i < to) {
      this.#spans.push(origin + i);
      this.#state = BETWEEN;
    }
    return i;
  }

  #step(byte: number, at: number): void {
    const space = isSpace(byte);
    if (byte === SLASH) this.#slash = at;
    switch (this.#state) {
      case NAME:
        if (!space && byte !== SLASH) return;
        this.#nameEnd = at;
        this.#state = BETWEEN;
        return;
      case ATTRIBUTE:
        if (!space && byte !== SLASH && byte !== EQUALS) return;
        this.#spans.push(at);
        this.#state = AFTER_ATTRIBUTE;
        this.#afterAttribute(byte, at);
        return;
      case AFTER_ATTRIBUTE:
        this.#afterAttribute(byte, at);
        return;
      case BEFORE_VALUE:
        if (!space) this.#startValue(byte, at);
        return;
      case UNQUOTED:
        if (!space) return;
        this.#spans.push(at);
        this.#state = BETWEEN;
        return;
      default:
        this.#between(byte, at);
    }
  }

  #between(byte: number, at: number): void {
    if (byte === SLASH || isSpace(byte)) return;
    this.#spans.push(at);
    this.#state = ATTRIBUTE;
  }

  #afterAttribute(byte: number, at: number): void {
    if (isSpace(byte)) return;
    if (byte === EQUALS) {
      this.#state = BEFORE_VALUE;
      return;
    }
    this.#spans.push(at, at);
    this.#state = BETWEEN;
    this.#between(byte, at);
  }

  #startValue(byte: number, at: number): void {
    const quoted = byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE;
    this.#spans.push(quoted ? at + 1 : at);
    this.#quote = byte;
    this.#state = quoted ? QUOTED : UNQUOTED;
  }

  #finish(at: number): void {
    this.#selfClosing = this.#slash === at - 1;
    if (this.#state === NAME) this.#nameEnd = at;
    else if (this.#state === ATTRIBUTE) this.#spans.push(at, at, at);
    else if (this.#state === AFTER_ATTRIBUTE || this.#state === BEFORE_VALUE) this.#spans.push(at, at);
    // `src=/u/>` is `/u` and a closed tag: only a final slash is not part of an unquoted value.
    else if (this.#state === UNQUOTED) this.#spans.push(this.#selfClosing ? at - 1 : at);
  }
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8, or Latin-1 where it is not: the page's charset is not known here, and each byte must come to something. */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    // Not TextDecoder('latin1'): the Encoding standard makes that windows-1252.
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g;
const NAMED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Decodes the five XML entities and numeric references, once; what names no character stays as it is written. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(ENTITY, (written: string, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return NAMED.get(name) ?? written;
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(decimal, 10);
    const character = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return character ? String.fromCodePoint(code) : written;
  });
}
