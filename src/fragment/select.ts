import { parse } from 'node-html-parser';
import type { Entry } from '../cache/entry.ts';

const selected = new WeakMap<Entry, Map<string, readonly Uint8Array[]>>();

/**
 * The parts of an HTML document that match a CSS selector, as the bytes that the source has for them; found once an entry.
 * Returns `undefined` if the selector is invalid or nothing matches.
 */
export function select(entry: Entry, selector: string): readonly Uint8Array[] | undefined {
  const bySelector = selected.get(entry) ?? new Map<string, readonly Uint8Array[]>();
  selected.set(entry, bySelector);
  let parts = bySelector.get(selector);
  if (parts === undefined) {
    parts = find(entry, selector);
    if (bySelector.size < MAX_SELECTORS) bySelector.set(selector, parts);
  }
  return parts.length === 0 ? undefined : parts;
}

/** Selectors remembered for one entry; pages rarely use more than a few. */
const MAX_SELECTORS = 64;

/** Bytes of a document, and elements open inside each other, up to which its parser is quick: beyond, its time grows with their product. */
const MAX_BYTES = 262_144;
const MAX_OPEN = 1_000;

/** How deep elements can be inside each other at most; end tags that are left out count as never coming. */
function depthOf(text: string): number {
  let open = 0;
  let deepest = 0;
  for (const [tag, end] of text.matchAll(/<(\/?)[a-zA-Z][^<>]*>/g)) {
    if (end === '/') open = Math.max(0, open - 1);
    else if (!tag.endsWith('/>') && !VOID.test(tag)) deepest = Math.max(deepest, ++open);
  }
  return deepest;
}

const VOID = /^<(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b/i;

function find(entry: Entry, selector: string): readonly Uint8Array[] {
  const literals = entry.template.segments.filter((segment) => segment instanceof Uint8Array);
  const bytes = concat(literals);
  if (bytes.length > MAX_BYTES) return [];
  // Latin-1 maps every byte to one character, so that the parser's character ranges are byte ranges.
  let text = '';
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  if (depthOf(text) > MAX_OPEN) return [];
  try {
    const found = parse(text, { comment: true }).querySelectorAll(selector);
    return found.map(({ range: [start, end] }) => bytes.subarray(start, end));
  } catch {
    return []; // an invalid selector selects nothing; the include's error rule answers
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
