import { join } from './bytes.ts';
import { byteOrderMark, isJsonSpace, JsonCursor, skipJsonSpace } from './json-cursor.ts';
import { MARKER, type Reading, readJson, startsWith, type Warn } from './json-reader.ts';
import { type Compiler, MAX_WARNINGS, type Segment, type Warning } from './template.ts';

/** How a JSON document is compiled. */
export interface JsonOptions extends Partial<Reading> {
  /** A body, or a line, longer than this, in bytes, is passed on as it is. 10 MiB by default. */
  readonly maxBytes?: number;
}

function readingOf({ directives = true, rules = [] }: JsonOptions): Reading {
  return { directives, rules };
}

const MAX_BYTES = 10 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Compiles JSON with `"esi:include"` directives (ESI.md section 3, "JSON"). It buffers: whether the text is valid, and
 * whether an object is a directive, shows at its end. So `push` returns nothing until `end`, or until the body has passed
 * `maxBytes` and is handed on uncompiled.
 */
export function createJsonCompiler(options: JsonOptions = {}): Compiler {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const reading = readingOf(options);
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
      return compileJson(bytes, reading, warnings);
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

function compileJson(bytes: Uint8Array, reading: Reading, warnings: Warning[]): readonly Segment[] {
  if (reading.rules.length === 0 && !(reading.directives && hasMarker(bytes))) return [bytes];
  const warn: Warn = (code, offset, message) => {
    if (warnings.length < MAX_WARNINGS) warnings.push({ code, offset, message });
  };
  return readJson(bytes, reading, warn);
}

/** Whether `"esi:` occurs at all: a body without it needs no scan. */
function hasMarker(bytes: Uint8Array): boolean {
  const last = bytes.length - MARKER.length;
  for (let i = bytes.indexOf(0x22); i >= 0 && i <= last; i = bytes.indexOf(0x22, i + 1)) {
    if (bytes[i + 1] === 0x65 && startsWith(bytes, i, MARKER)) return true;
  }
  return false;
}

const NEWLINE = 0x0a;

/**
 * Compiles JSON documents that stand one a line: each is there when its line is. A line that is no JSON stays as it is.
 */
export function createJsonLinesCompiler(options: JsonOptions = {}): Compiler {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const reading = readingOf(options);
  const warnings: Warning[] = [];
  let line: Uint8Array[] = [];
  let length = 0;
  let passing = false;
  const compiled = (): readonly Segment[] => {
    const bytes = join(line);
    line = [];
    length = 0;
    return isBlank(bytes) ? [bytes] : compileJson(bytes, reading, warnings);
  };
  return {
    syntax: 'ndjson',
    warnings,
    push: (chunk) => {
      const segments: Segment[] = [];
      let from = 0;
      while (from < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, from);
        const to = newline < 0 ? chunk.length : newline + 1;
        const part = chunk.subarray(from, to);
        from = to;
        if (passing) segments.push(part);
        else {
          line.push(part);
          length += part.length;
        }
        if (newline >= 0) {
          if (!passing) for (const segment of compiled()) segments.push(segment);
          passing = false;
        } else if (length > maxBytes) {
          for (const waiting of line) segments.push(waiting); // too long to be one document: it passes as it is
          line = [];
          length = 0;
          passing = true;
        }
      }
      return segments;
    },
    end: () => (line.length === 0 ? [] : compiled()),
  };
}

function isBlank(bytes: Uint8Array): boolean {
  return skipJsonSpace(bytes, 0) === bytes.length;
}
