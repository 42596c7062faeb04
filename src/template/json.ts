import { join } from './bytes.ts';
import { byteOrderMark, isJsonSpace, JsonCursor, skipJsonSpace } from './json-cursor.ts';
import { parseJsonDirective } from './json-directive.ts';
import { type Compiler, MAX_WARNINGS, type Segment, type Warning } from './template.ts';

/** How a JSON document is compiled. */
export interface JsonOptions {
  /** A body longer than this, in bytes, is passed on as it is. 10 MiB by default. */
  readonly maxBytes?: number;
}

/** A piece of the document that does not stay as it is; offsets in bytes. */
interface Edit {
  readonly start: number;
  readonly end: number;
  /** The value of the directive that stands for the piece; without it, the piece is left out. */
  readonly value?: { readonly start: number; readonly end: number };
  /** Whether the object has members beside the directive. */
  readonly siblings?: boolean;
  /** Whether the object has more than one directive. */
  readonly repeated?: boolean;
}

/** An open array or object, and what is known of it so far. */
interface Frame {
  readonly start: number;
  /** Start of the value that is being read if it is the directive's, else -1. */
  reading: number;
  value: { readonly start: number; readonly end: number } | undefined;
  siblings: boolean;
  repeated: boolean;
}

const MAX_BYTES = 10 * 1024 * 1024;
const RESERVED = bytesOf('"esi:include"');
const MARKER = bytesOf('"esi:');
/** A key of two or more `esi:` and `include` means the key with one less. */
const ESCAPED = /^"esi:(?:esi:)+include"$/;
const MAX_ESCAPED_KEY = 256;
const ascii = new TextDecoder();
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Compiles JSON with `"esi:include"` directives (ESI.md section 3, "JSON"). It buffers: whether the text is valid, and
 * whether an object is a directive, shows at its end. So `push` returns nothing until `end`, or until the body has passed
 * `maxBytes` and is handed on uncompiled.
 */
export function createJsonCompiler(options: JsonOptions = {}): Compiler {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const warnings: Warning[] = [];
  let chunks: Uint8Array[] | undefined = [];
  let length = 0;
  return {
    syntax: 'json',
    warnings,
    push(chunk) {
      if (chunk.length === 0) return [];
      if (chunks === undefined) return [chunk];
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBytes) return [];
      const passed = chunks;
      chunks = undefined;
      return passed;
    },
    end() {
      if (chunks === undefined || chunks.length === 0) return [];
      const bytes = join(chunks);
      chunks = [];
      return compileJson(bytes, warnings);
    },
  };
}

/** Whether these bytes are one JSON text in UTF-8, at most {@link MAX_JSON_DEPTH} deep; a byte order mark is allowed. */
export function isJson(bytes: Uint8Array): boolean {
  const cursor = new JsonCursor(bytes, byteOrderMark(bytes));
  let event = cursor.next();
  while (event !== 'end' && event !== 'invalid' && event !== 'too-deep') event = cursor.next();
  if (event !== 'end') return false;
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The value alone: without byte order mark and without white space around it. A view, not a copy. */
export function jsonText(bytes: Uint8Array): Uint8Array {
  const start = skipJsonSpace(bytes, byteOrderMark(bytes));
  let end = bytes.length;
  while (end > start && isJsonSpace(bytes[end - 1]!)) end--;
  return bytes.subarray(start, end);
}

function compileJson(bytes: Uint8Array, warnings: Warning[]): readonly Segment[] {
  if (!hasMarker(bytes)) return [bytes];
  const warn = (code: Warning['code'], offset: number, message: string): void => {
    if (warnings.length < MAX_WARNINGS) warnings.push({ code, offset, message });
  };
  const edits = findEdits(bytes, warn);
  const segments: Segment[] = [];
  let sent = 0;
  for (const edit of edits) {
    const include = edit.value === undefined ? undefined : readDirective(bytes, edit, edit.value, warn);
    if (edit.value !== undefined && include === undefined) continue;
    if (edit.start > sent) segments.push(bytes.subarray(sent, edit.start));
    if (include !== undefined) segments.push(include);
    sent = edit.end;
  }
  if (sent < bytes.length) segments.push(bytes.subarray(sent));
  return segments;
}

type Warn = (code: Warning['code'], offset: number, message: string) => void;

function readDirective(
  bytes: Uint8Array,
  edit: Edit,
  value: { readonly start: number; readonly end: number },
  warn: Warn,
): Segment | undefined {
  if (edit.repeated === true) {
    warn('invalid-directive', edit.start, 'more than one "esi:include" in an object');
    return undefined;
  }
  const { include, reason, unsupported } = parseJsonDirective(bytes.subarray(value.start, value.end));
  for (const name of unsupported) {
    warn('unsupported-member', edit.start, `"esi:include": ${name.slice(0, 40)} is not supported`);
  }
  if (include === undefined) {
    warn('invalid-directive', edit.start, `"esi:include": ${reason}`);
    return undefined;
  }
  if (edit.siblings === true) {
    warn('unsupported-member', edit.start, 'members beside "esi:include" are not supported: they are dropped');
  }
  return include;
}

/** The edits in document order, none inside another; none at all unless the whole text is valid JSON. */
function findEdits(bytes: Uint8Array, warn: Warn): readonly Edit[] {
  const cursor = new JsonCursor(bytes, byteOrderMark(bytes));
  const edits: Edit[] = [];
  const frames: Frame[] = [];
  for (;;) {
    const event = cursor.next();
    switch (event) {
      case 'open':
        frames.push({ start: cursor.start, reading: -1, value: undefined, siblings: false, repeated: false });
        break;
      case 'key':
        readKey(bytes, cursor, frames.at(-1)!, edits);
        break;
      case 'close':
        closeFrame(frames.pop()!, cursor.end, edits);
        endValue(frames.at(-1), cursor.end);
        break;
      case 'scalar':
        endValue(frames.at(-1), cursor.end);
        break;
      case 'end':
        return edits;
      case 'invalid':
        warn('invalid-directive', cursor.start, 'the body is not valid JSON: nothing in it is replaced');
        return [];
      case 'too-deep':
        warn('nesting-too-deep', cursor.start, 'the body nests too deep: nothing in it is replaced');
        return [];
    }
  }
}

function readKey(bytes: Uint8Array, cursor: JsonCursor, frame: Frame, edits: Edit[]): void {
  const { start, end } = cursor;
  // Bytes are compared, not decoded names: `"\u0065si:include"` is somebody's data, never a directive.
  if (end - start === RESERVED.length && startsWith(bytes, start, RESERVED)) {
    frame.repeated = frame.value !== undefined;
    const colon = skipJsonSpace(bytes, end);
    frame.reading = skipJsonSpace(bytes, colon + 1);
    return;
  }
  frame.siblings = true;
  if (end - start > MAX_ESCAPED_KEY || !startsWith(bytes, start, MARKER)) return;
  if (ESCAPED.test(ascii.decode(bytes.subarray(start, end)))) {
    edits.push({ start: start + 1, end: start + MARKER.length });
  }
}

/** A value ended; if it is the directive's, the frame now knows where it is. */
function endValue(frame: Frame | undefined, end: number): void {
  if (frame === undefined || frame.reading < 0) return;
  frame.value = { start: frame.reading, end };
  frame.reading = -1;
}

/** An object that holds a directive replaces, or keeps as they are, all edits inside it. */
function closeFrame(frame: Frame, end: number, edits: Edit[]): void {
  if (frame.value === undefined) return;
  while (edits.length > 0 && edits.at(-1)!.start > frame.start) edits.pop();
  const { start, value, siblings, repeated } = frame;
  edits.push({ start, end, value, siblings, repeated });
}

/** Whether `"esi:` occurs at all: a body without it needs no scan. */
function hasMarker(bytes: Uint8Array): boolean {
  const last = bytes.length - MARKER.length;
  for (let i = 0; i <= last; i++) {
    if (bytes[i] === 0x22 && bytes[i + 1] === 0x65 && startsWith(bytes, i, MARKER)) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
