import { join } from './bytes.ts';
import { isSpace, TagLexer } from './html-tag.ts';
import type { Warning } from './template.ts';

/**
 * A piece of an HTML or XML document as ESI sees it. `offset` counts bytes of the document.
 * `bytes` of a tag are the tag as written: an element whose content is verbatim needs them.
 */
export type Token =
  | { readonly kind: 'text'; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'open';
      readonly offset: number;
      readonly bytes: Uint8Array;
      /** Without `esi:`. */
      readonly name: string;
      readonly attributes: ReadonlyMap<string, string>;
      readonly selfClosing: boolean;
    }
  | { readonly kind: 'close'; readonly offset: number; readonly bytes: Uint8Array; readonly name: string }
  /** `<!--esi`, and the `-->` that belongs to it (W3C esi-lang section 3.8). */
  | { readonly kind: 'unwrap' | 'unwrap-end'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'warning'; readonly warning: Warning };

/** A tag longer than this, in bytes, is text: it bounds what an unclosed tag can hold back. */
export const MAX_TAG_BYTES = 65_536;

/** How many `<!--esi` may be open at once; a deeper one is an ordinary comment. */
export const MAX_UNWRAP_DEPTH = 64;

const DASH = 0x2d;
const LESS = 0x3c;
const GREATER = 0x3e;
const BRACKET = 0x5d;

const TEXT = 0;
const OPENER = 1;
const TAG = 2;
const OPAQUE = 3;

/** The trie of all byte sequences that mean something: `NEXT[node * 128 + byte]` is the next node, 0 is none. */
const NEXT = new Uint8Array(32 * 128);
let nodes = 1;

function addSequence(sequence: string): number {
  let node = 0;
  for (let i = 0; i < sequence.length; i++) {
    const edge = node * 128 + sequence.charCodeAt(i);
    if (NEXT[edge] === 0) NEXT[edge] = nodes++;
    node = NEXT[edge]!;
  }
  return node;
}

const OPEN_TAG = addSequence('<esi:');
const CLOSE_TAG = addSequence('</esi:');
const CDATA = addSequence('<![CDATA[');
const COMMENT = addSequence('<!--');
const UNWRAP = addSequence('<!--esi');
const DASHES = addSequence('--');
const UNWRAP_END = addSequence('-->');
const COMMENTS: ReadonlySet<number> = new Set([COMMENT, addSequence('<!--e'), addSequence('<!--es'), UNWRAP]);

/** The sequences that may stand in plain text, for searching. They have no alternative that could make it go back. */
const SEQUENCE = /<(?:\/?esi:|!--|!\[CDATA\[)/g;
const LONGEST_SEQUENCE = '<![CDATA['.length;
/** Bytes of text below which decoding costs more than it saves. */
const WORTH_SEARCHING = 64;
/** Every byte becomes one character, whatever it means: indexes of characters are indexes of bytes. */
const oneByteCharacters = new TextDecoder('latin1');

/**
 * Cuts a document that arrives in pieces into tokens. Every byte is in exactly one token, and is looked at once.
 * Text leaves at once, as views of the chunks; only what may still become a tag or a marker is held back.
 * Ordinary comments and CDATA sections are text with nothing in them.
 */
export class Tokenizer {
  readonly #maxTagBytes: number;
  readonly #lexer = new TagLexer();
  #tokens: Token[] = [];
  #chunk: Uint8Array = new Uint8Array(0);
  /** The chunk with a character for every byte, made when it is searched. */
  #characters: string | undefined;
  /** Document offset of the chunk. */
  #base = 0;
  /** Index of the first byte of the chunk that is in no token yet. */
  #sent = 0;
  #state = TEXT;
  /** Document offset of the `<` or `-` that may begin something, and the earlier chunks' part of it. */
  #start = 0;
  #held: Uint8Array[] = [];
  #node = 0;
  #closing = false;
  /** What ends the section that is being skipped: two of these and a `>`; and how many were just seen. */
  #mark = DASH;
  #run = 0;
  /** Offsets of the `<!--esi` that are open. */
  readonly #unwraps: number[] = [];

  constructor(maxTagBytes: number = MAX_TAG_BYTES) {
    this.#maxTagBytes = maxTagBytes;
  }

  /** The tokens that this chunk completes. */
  push(chunk: Uint8Array): Token[] {
    this.#tokens = [];
    this.#chunk = chunk;
    this.#characters = undefined;
    this.#sent = 0;
    let i = 0;
    while (i < chunk.length) {
      if (this.#state === TEXT) i = this.#scanText(i);
      else if (this.#state === OPENER) i = this.#scanOpener(i);
      else if (this.#state === TAG) i = this.#scanTag(i);
      else i = this.#scanOpaque(i);
    }
    this.#suspend();
    this.#base += chunk.length;
    return this.#tokens;
  }

  /** What was held back, as text: a tag that the end of the document cuts is none. */
  end(): Token[] {
    this.#tokens = [];
    if (this.#state === TAG) this.#warn('unclosed-tag', this.#start, 'the document ends inside an ESI tag');
    for (const offset of this.#unwraps) this.#warn('unclosed-tag', offset, '<!--esi without its -->');
    this.#release();
    this.#state = TEXT;
    return this.#tokens;
  }

  #scanText(from: number): number {
    const chunk = this.#chunk;
    const length = chunk.length;
    const dash = this.#unwraps.length > 0 ? DASH : LESS;
    let start = from;
    if (dash === LESS && length - from > WORTH_SEARCHING) {
      const found = this.#search(from);
      if (found >= 0) return this.#begin(found, NEXT[LESS]!);
      start = length - LONGEST_SEQUENCE + 1; // what the end of the chunk cuts is not found
    }
    for (let i = start; i < length; i++) {
      const byte = chunk[i]!;
      if (byte !== LESS && byte !== dash) continue;
      // Most tags are not ours: one look at the next byte keeps them out of the slower machine.
      const second = chunk[i + 1];
      const node = NEXT[byte]!;
      if (second !== undefined && (second > 127 || NEXT[node * 128 + second] === 0)) continue;
      return this.#begin(i, node);
    }
    return length;
  }

  /** Where the next sequence begins that is complete in this chunk; -1 if there is none. The engine's search is several times faster than a loop. */
  #search(from: number): number {
    this.#characters ??= oneByteCharacters.decode(this.#chunk);
    SEQUENCE.lastIndex = from;
    return SEQUENCE.exec(this.#characters)?.index ?? -1;
  }

  #begin(i: number, node: number): number {
    this.#start = this.#base + i;
    this.#node = node;
    this.#state = OPENER;
    return i + 1;
  }

  #scanOpener(from: number): number {
    const chunk = this.#chunk;
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i]!;
      const next = byte > 127 ? 0 : NEXT[this.#node * 128 + byte]!;
      if (next === 0) return this.#mismatch(byte, i);
      this.#node = next;
      if (next === OPEN_TAG || next === CLOSE_TAG) {
        this.#closing = next === CLOSE_TAG;
        this.#lexer.begin(this.#closing ? 6 : 5);
        this.#state = TAG;
        return i + 1;
      }
      if (next === CDATA) {
        this.#skipUntil(BRACKET, 0);
        return i + 1;
      }
      if (next === UNWRAP_END) {
        this.#unwraps.pop();
        const offset = this.#start;
        this.#tokens.push({ kind: 'unwrap-end', offset, bytes: this.#take(i + 1) });
        return i + 1;
      }
    }
    return chunk.length;
  }

  /** No sequence goes on with this byte. All begin with `<` and hold no other, so only `--` can overlap with itself. */
  #mismatch(byte: number, i: number): number {
    const node = this.#node;
    if (node === DASHES && byte === DASH) {
      this.#releaseOne();
      return i + 1;
    }
    if (!COMMENTS.has(node)) {
      this.#release();
      this.#state = TEXT;
      return i;
    }
    if (node === UNWRAP && (isSpace(byte) || byte === LESS)) {
      const offset = this.#start;
      if (this.#unwraps.length < MAX_UNWRAP_DEPTH) {
        this.#unwraps.push(offset);
        this.#tokens.push({ kind: 'unwrap', offset, bytes: this.#take(i) });
        return i;
      }
      this.#warn('nesting-too-deep', offset, `<!--esi nested more than ${MAX_UNWRAP_DEPTH} deep`);
    }
    // The dashes of `<!--` count towards its end: `<!-->` is an empty comment in HTML.
    this.#skipUntil(DASH, node === COMMENT ? 2 : 0);
    return i;
  }

  #skipUntil(mark: number, run: number): void {
    this.#release();
    this.#mark = mark;
    this.#run = run;
    this.#state = OPAQUE;
  }

  #scanOpaque(from: number): number {
    const chunk = this.#chunk;
    const mark = this.#mark;
    let run = this.#run;
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (byte === mark) {
        run++;
      } else {
        if (byte === GREATER && run >= 2) {
          this.#state = TEXT;
          return i + 1;
        }
        run = 0;
      }
    }
    this.#run = run;
    return chunk.length;
  }

  #scanTag(from: number): number {
    const lexer = this.#lexer;
    const offset = this.#start;
    const limit = offset + this.#maxTagBytes - this.#base;
    const result = lexer.scan(this.#chunk, from, Math.min(this.#chunk.length, limit), this.#base - offset);
    if (result === 'done') {
      const bytes = this.#take(lexer.index);
      const name = lexer.name(bytes);
      if (this.#closing) this.#tokens.push({ kind: 'close', offset, bytes, name });
      else {
        const { selfClosing } = lexer;
        this.#tokens.push({ kind: 'open', offset, bytes, name, attributes: lexer.attributes(bytes), selfClosing });
      }
    } else if (result !== 'more' || lexer.index === limit) {
      if (result === 'broken') this.#warn('unclosed-tag', offset, 'an unquoted < inside an ESI tag');
      if (result === 'more') this.#warn('unclosed-tag', offset, `an ESI tag longer than ${this.#maxTagBytes} bytes`);
      this.#release();
      this.#state = TEXT;
    }
    return lexer.index;
  }

  /** The bytes from `start` up to index `end`, which are a tag or marker; the text before them becomes a token. */
  #take(end: number): Uint8Array {
    const before = Math.max(0, this.#start - this.#base);
    this.#text(this.#sent, before);
    const part = this.#chunk.subarray(before, end);
    const bytes = this.#held.length === 0 ? part : join([...this.#held, part]);
    this.#held = [];
    this.#sent = end;
    this.#state = TEXT;
    return bytes;
  }

  /** What was held back turned out to be text. Its part in this chunk goes with the text that follows it. */
  #release(): void {
    if (this.#held.length === 0) return;
    this.#tokens.push({ kind: 'text', offset: this.#start, bytes: join(this.#held) });
    this.#held = [];
  }

  /** The first of three dashes is text; the other two may still begin `-->`. */
  #releaseOne(): void {
    if (this.#held.length > 0) {
      const held = join(this.#held);
      this.#tokens.push({ kind: 'text', offset: this.#start, bytes: held.subarray(0, 1) });
      this.#held = held.length > 1 ? [held.subarray(1)] : [];
    }
    this.#start++;
  }

  #suspend(): void {
    const undecided = this.#state === OPENER || this.#state === TAG;
    const from = undecided ? Math.max(0, this.#start - this.#base) : this.#chunk.length;
    this.#text(this.#sent, from);
    if (from < this.#chunk.length) this.#held.push(this.#chunk.subarray(from));
  }

  #text(from: number, to: number): void {
    if (from < to) {
      this.#tokens.push({ kind: 'text', offset: this.#base + from, bytes: this.#chunk.subarray(from, to) });
    }
  }

  #warn(code: Warning['code'], offset: number, message: string): void {
    this.#tokens.push({ kind: 'warning', warning: { code, offset, message } });
  }
}
