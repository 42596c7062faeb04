import type { Entry } from '../cache/entry.ts';
import { InlayError } from '../errors.ts';
import { join } from '../template/bytes.ts';
import { eachLiteral } from '../template/compile.ts';
import { isJson } from '../template/json.ts';
import type { Include, Segment } from '../template/template.ts';
import { type Arrived, type Failure, neverRejects, type Piece, settle, takeStock } from './piece.ts';
import type { PlanPart } from './plan.ts';

const known = new WeakMap<Entry, boolean>();

/**
 * Whether an entry's body is one JSON value; found out once an entry. What a template with directives is was found out when
 * it was compiled, but for whether its text is UTF-8.
 */
export function isJsonEntry(entry: Entry): boolean {
  if (entry.json === true) return true;
  const { syntax, segments } = entry.template;
  let answer = known.get(entry);
  if (answer === undefined) {
    const [body] = segments;
    const compiled = syntax === 'json' && segments.some((segment) => !(segment instanceof Uint8Array));
    answer = compiled ? isText(segments) : segments.length === 1 && body instanceof Uint8Array && isJson(body);
    known.set(entry, answer);
  }
  return answer;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether literals are UTF-8; no character stands across two of them, since each ends where a token does. */
function isText(segments: readonly Segment[]): boolean {
  try {
    eachLiteral(segments, (bytes) => void utf8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Stands for an element or member that disappears; recognised by identity. */
export const DROPPED: readonly Piece[] = Object.freeze([]);

/** What takes the place of a JSON include: the text of a value, nothing at all, or a failure of what it stands in. */
export type StandIn = string | typeof DROPPED | Failure;

/** What stands in the place of a failed include: always a JSON value, or nothing, so that the document still parses. */
export function standInJson(
  include: Include,
  error: InlayError,
  part: PlanPart,
  fallback: string | undefined,
): StandIn {
  const { onerror } = include;
  const fail = (code: 'fragment-failed' | 'fragment-required'): Failure => {
    part.delivered = 'failure';
    const message = `${part.asked}: ${error.message}`;
    return { failure: new InlayError(code, message, { path: part.asked, cause: error }) };
  };
  if (include.required === true) return fail('fragment-required');
  if (include.default !== undefined) {
    part.delivered = 'default';
    return include.default;
  }
  if (onerror === 'fail') return fail('fragment-failed');
  if (onerror === undefined && fallback !== undefined && isJson(encoder.encode(fallback))) {
    part.delivered = 'fallback';
    return fallback;
  }
  if (onerror === 'drop') {
    part.delivered = 'empty';
    return DROPPED;
  }
  const text = onerror === 'null' ? 'null' : refOf(include);
  part.delivered = text === 'null' ? 'null' : 'ref';
  return text;
}

/** What an entity is, in place of what it says: `{"type":"product","id":42}`, the id as it was written. */
export function refOf({ target, ref }: Include): string {
  if ('src' in target) return 'null';
  const type = JSON.stringify(target.type);
  return ref === undefined ? `{"type":${type}}` : `{"type":${type},"id":${ref}}`;
}

const encoder = new TextEncoder();

/**
 * JSON so that it can stand in a `<script>`: without `<`, which could end it, and without the two line separators that
 * JavaScript did not allow in strings. All of them can only be in strings, where they may be escaped.
 */
export function scriptSafe(piece: Piece): Piece {
  return rewritten(piece, escapeScript);
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** JSON without line breaks, for documents that stand one a line: outside of strings a space says the same, and in them is none. */
export function onOneLine(piece: Piece): Piece {
  return rewritten(piece, (bytes) =>
    bytes.includes(NEWLINE) ? bytes.map((byte) => (byte === NEWLINE ? SPACE : byte)) : bytes,
  );
}

/** What a piece comes to, rewritten as a whole. */
function rewritten(piece: Piece, rewrite: (bytes: Uint8Array) => Uint8Array): Piece {
  const now = takeStock([piece]);
  if (now === 'pending')
    return neverRejects(
      settle([piece]).then((settled): Arrived => ('failure' in settled ? settled : rewrite(join(settled.chunks)))),
    );
  return 'failure' in now ? now : rewrite(join(now.chunks));
}

const LESS_THAN = 0x3c;

function escapeScript(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(LESS_THAN) && !bytes.includes(0xe2)) return bytes;
  const text = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes);
  const escaped = text.replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return encoder.encode(escaped);
}
