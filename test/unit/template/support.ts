import type { Compiler, Include, Segment } from '../../../src/template/template.ts';

/** The bytes of a text, one byte a character, so that tests can write any byte. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The segments of a body that arrives in these pieces. */
export function compilePieces(compiler: Compiler, pieces: Iterable<Uint8Array>): Segment[] {
  const segments: Segment[] = [];
  for (const piece of pieces) segments.push(...compiler.push(piece));
  segments.push(...compiler.end());
  return segments;
}

/** Cuts bytes into pieces of these sizes, over and over. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Segments as one readable line: literal bytes as Latin-1, instructions (includes, mostly) as `{{…}}`. */
export function show(segments: readonly Segment[]): string {
  let text = '';
  for (const segment of segments) {
    if (segment instanceof Uint8Array) for (const byte of segment) text += String.fromCharCode(byte);
    else {
      const { kind: _, syntax: _syntax, ...rest } = segment as Include;
      text += `{{${JSON.stringify(rest)}}}`;
    }
  }
  return text;
}
