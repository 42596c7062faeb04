import { parseText } from './expression.ts';
import type { Segment } from './template.ts';

/** What every expression in text begins with. */
export const DOLLAR = 0x24;

/** Cuts text into what is literal, byte for byte, and what is to be printed. */
export function expandable(bytes: Uint8Array): Segment[] {
  if (!bytes.includes(DOLLAR)) return [bytes];
  const { text, encode } = decode(bytes);
  return parseText(text).flatMap((part): Segment[] => {
    if (typeof part !== 'string') return [{ kind: 'print', expression: part }];
    return part === '' ? [] : [encode(part)];
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Text as UTF-8, or if it is none as Latin-1: either way every byte comes back as it was. */
export function decode(bytes: Uint8Array): { readonly text: string; readonly encode: (part: string) => Uint8Array } {
  try {
    return { text: utf8.decode(bytes), encode: (part) => encoder.encode(part) };
  } catch {
    let text = '';
    for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
    return { text, encode: (part) => Uint8Array.from(part, (character) => character.charCodeAt(0)) };
  }
}

/** Whether text is white space alone. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
