import { type Environment, refuse } from './environment.ts';
import type { Library } from './functions.ts';
import { ofText } from './functions-text.ts';
import { md5Hex } from './md5.ts';
import { toInteger, type Value } from './value.ts';

/** The functions of ESI.md section 6 that encode, decode and digest. Bytes are those of UTF-8. */
export const CODEC_FUNCTIONS: Library = {
  html_encode: ofText((text) => text.replace(/[<>&"]/g, (character) => ENTITIES[character]!)),
  html_decode: ofText(decodeHtml),
  url_encode: ofText(encodeUrl),
  url_decode: ofText(decodeUrl),
  base64_encode: ofText(encodeBase64),
  base64_decode: ofText(decodeBase64),
  digest_md5_hex: ofText((text) => md5Hex(encoder.encode(text))),
  bin_int: { arity: [1, 1], run: ([value], environment) => littleEndian(value, environment) },
  // Text has one form here, as in Fastly: there is nothing to convert.
  convert_to_unicode: ofText((text) => text),
  convert_from_unicode: ofText((text) => text),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The five entities of XML and numeric references, once; what names no character stays. */
function decodeHtml(text: string): string {
  return text.replace(
    /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));/g,
    (written: string, name?: string, decimal?: string, hex?: string) => {
      if (name !== undefined) return CHARACTERS.get(name)!;
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number.parseInt(decimal, 10);
      const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
      return isCharacter ? String.fromCodePoint(code) : written;
    },
  );
}

/** Everything but the letters and digits of ASCII. */
function encodeUrl(text: string): string {
  let encoded = '';
  for (const byte of encoder.encode(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Percent-encoding only: `+` stays, and so does a `%` that begins none. */
function decodeUrl(text: string, environment: Environment): string | undefined {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  } catch {
    return refuse(environment, 'bad-argument', '$url_decode gives bytes that are not UTF-8');
  }
}

function encodeBase64(text: string): string {
  let bytes = '';
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

function decodeBase64(text: string, environment: Environment): string | undefined {
  try {
    return decoder.decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch {
    return refuse(environment, 'bad-argument', '$base64_decode takes base64 of UTF-8');
  }
}

/** Four bytes, low one first, each as the character of that number. */
function littleEndian(value: Value, environment: Environment): string | undefined {
  const number = toInteger(value);
  if (number === undefined || number < -(2 ** 31) || number >= 2 ** 31) {
    return refuse(environment, 'bad-argument', '$bin_int takes a whole number of 32 bits');
  }
  return String.fromCharCode(...[0, 8, 16, 24].map((shift) => (number >> shift) & 0xff));
}
