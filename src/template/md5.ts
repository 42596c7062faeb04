/** Shifts of the four rounds, four a round (RFC 1321 section 3.4). */
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

/**
 * The MD5 digest of these bytes in hexadecimal (RFC 1321). Pages use it to name things; it protects nothing. Web Crypto
 * has no MD5, and is asynchronous.
 */
export function md5Hex(bytes: Uint8Array): string {
  const words = pad(bytes);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let block = 0; block < words.length; block += 16) addBlock(state, words, block);
  return hex(state);
}

/** The message, a one bit, zeros, and its length in bits, as words (RFC 1321 sections 3.1 and 3.2). */
function pad(bytes: Uint8Array): Int32Array {
  const size = ((bytes.length + 8) >> 6) + 1;
  const view = new DataView(new ArrayBuffer(size * 64));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  view.setUint32(size * 64 - 8, (bytes.length << 3) >>> 0, true);
  view.setUint32(size * 64 - 4, bytes.length >>> 29, true);
  return Int32Array.from({ length: size * 16 }, (_, i) => view.getInt32(i * 4, true));
}

/** The low byte of each word first. */
function hex(words: Int32Array): string {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  for (const [i, word] of words.entries()) view.setInt32(i * 4, word, true);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function addBlock(state: Int32Array, words: Int32Array, block: number): void {
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
  for (let i = 0; i < 64; i++) {
    const [mixed, word] = round(i, b, c, d);
    const sum = (a + mixed + SINES[i]! + words[block + word]!) | 0;
    const shift = SHIFTS[((i >> 4) << 2) | (i & 3)]!;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

/** What step `i` mixes, and which word of the block it takes (RFC 1321 section 3.4). */
function round(i: number, b: number, c: number, d: number): [number, number] {
  if (i < 16) return [(b & c) | (~b & d), i];
  if (i < 32) return [(d & b) | (~d & c), (5 * i + 1) & 15];
  if (i < 48) return [b ^ c ^ d, (3 * i + 5) & 15];
  return [c ^ (b | ~d), (7 * i) & 15];
}
