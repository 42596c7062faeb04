/**
 * A fast content hash for validators: MurmurHash3's x86_128 variant (Austin Appleby, public domain), 128 bits in four
 * 32-bit lanes, which is what plain JS multiplies best. Web Crypto would be asynchronous, and a validator is needed in
 * the middle of synchronous composing.
 *
 * NOT cryptographic: who controls the bytes can make two bodies collide. It may say "this is the body you have" (ETag);
 * it must never be a cache key, a signature or a secret.
 */
const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/**
 * The hash of these bytes: 22 characters of base64url. Equal bytes have equal digests on every machine and run.
 *
 * @param bytes may be a view at any offset of its buffer
 */
export function digest(bytes: Uint8Array): string {
  const length = bytes.byteLength;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const blocks = length & ~15;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  for (let i = 0; i < blocks; i += 16) {
    h1 ^= spread(view.getUint32(i, true), C1, 15, C2);
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= spread(view.getUint32(i + 4, true), C2, 16, C3);
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= spread(view.getUint32(i + 8, true), C3, 17, C4);
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= spread(view.getUint32(i + 12, true), C4, 18, C1);
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  h1 ^= spread(tailWord(bytes, blocks), C1, 15, C2);
  h2 ^= spread(tailWord(bytes, blocks + 4), C2, 16, C3);
  h3 ^= spread(tailWord(bytes, blocks + 8), C3, 17, C4);
  h4 ^= spread(tailWord(bytes, blocks + 12), C4, 18, C1);
  return finish(h1 ^ length, h2 ^ length, h3 ^ length, h4 ^ length);
}

const encoder = new TextEncoder();

/**
 * The hash of a list of strings; other strings, or the same text divided otherwise, give another digest.
 * JSON is the framing: it is unambiguous, and tells even lone surrogates apart, which UTF-8 would merge.
 */
export function digestStrings(parts: readonly string[]): string {
  return digest(encoder.encode(JSON.stringify(parts)));
}

/** A 32-bit number of a text, for sets that may err: anybody can make two texts share one. */
export function hashOf(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function spread(word: number, first: number, by: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), by), second);
}

/** Up to four bytes at `at`, little-endian; zero beyond the end (and zero spreads to zero, so it changes nothing). */
function tailWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function finish(h1: number, h2: number, h3: number, h4: number): string {
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h3 = avalanche(h3);
  h4 = avalanche(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  return print128(h1, h2, h3, h4);
}

/** Every bit of the input changes every bit of the output with probability near one half. */
function avalanche(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The four words, high bits first, as 22 characters of base64url without padding; made at once, since entries keep it. */
function print128(h1: number, h2: number, h3: number, h4: number): string {
  return String.fromCharCode(
    six(h1 >>> 26),
    six(h1 >>> 20),
    six(h1 >>> 14),
    six(h1 >>> 8),
    six(h1 >>> 2),
    six((h1 << 4) | (h2 >>> 28)),
    six(h2 >>> 22),
    six(h2 >>> 16),
    six(h2 >>> 10),
    six(h2 >>> 4),
    six((h2 << 2) | (h3 >>> 30)),
    six(h3 >>> 24),
    six(h3 >>> 18),
    six(h3 >>> 12),
    six(h3 >>> 6),
    six(h3),
    six(h4 >>> 26),
    six(h4 >>> 20),
    six(h4 >>> 14),
    six(h4 >>> 8),
    six(h4 >>> 2),
    six(h4 << 4),
  );
}

function six(bits: number): number {
  return ALPHABET.charCodeAt(bits & 63);
}
