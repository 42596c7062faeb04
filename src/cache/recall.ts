import type { Runtime } from '../runtime.ts';
import { templateOf } from '../template/compile.ts';
import type { Reading } from '../template/json-reader.ts';
import type { Compiler, Segment, Template, Warning } from '../template/template.ts';
import type { Ask } from './ask.ts';
import type { Assembled } from './entry.ts';
import type { Storable, Unstorable } from './storability.ts';

/** The bytes of a template that may not be stored as an answer, and what they compile to. */
interface Recalled extends Assembled {
  readonly is: 'template';
  readonly sample: number;
  /** How often it is compiled before it is kept again; doubled each time that what was kept was of no use. */
  readonly patience: number;
  readonly wait: number;
  /** Absent after the first time: most such bodies differ from one request to the next. */
  readonly known?: { readonly bytes: Uint8Array; readonly template: Template };
}

/** Bytes of a template beyond which it is compiled each time. */
const MAX_BYTES = 262_144;
const MAX_PATIENCE = 256;
const OVERHEAD = 400;
const SEGMENT_OVERHEAD = 150;

/** Answers that are not kept for want of freshness. Those that must not be kept are not kept in any form. */
const WITHOUT_FRESHNESS: ReadonlySet<string> = new Set(['no-freshness', 'no-validator', 'vary-star']);

/** What is known of an answer before its body is. */
interface Answered {
  readonly judged: Storable | Unstorable;
  readonly reading: Reading | undefined;
  readonly length: number;
}

/**
 * A compiler that knows the last body of this ask if it was the same twice, and then compares instead of compiling. What
 * is recalled is a function of the bytes alone, so it says nothing of who they were sent to; the answer itself is fetched
 * each time.
 *
 * @param answer why it is not stored, how it is read, and the bytes that it said it has: a body is compared when it is whole
 */
export function recalling(
  ask: Ask,
  { store }: Pick<Runtime, 'store'>,
  compiler: Compiler,
  { judged, reading, length }: Answered,
): Compiler {
  const fits = length > 0 && length <= MAX_BYTES;
  if (judged.store || !WITHOUT_FRESHNESS.has(judged.reason) || !fits || ask.bypass === true) return compiler;
  const place = `template ${compiler.syntax} ${reading === undefined ? '' : JSON.stringify(reading)}${ask.key}`;
  const stored = store.get(place);
  if (stored instanceof Promise) return compiler;
  const last = stored?.kind === 'assembled' ? (stored as Recalled) : undefined;
  const segments: Segment[] = [];
  let first: Uint8Array | undefined;
  let begun = false;
  let recalled = false;
  return {
    syntax: compiler.syntax,
    warnings: compiler.warnings,
    push: (chunk) => {
      if (!begun && chunk.length === length) {
        if (last?.known !== undefined && isSame(chunk, last.known.bytes)) {
          begun = recalled = true;
          (compiler.warnings as Warning[]).push(...last.known.template.warnings);
          return last.known.template.segments;
        }
        first = chunk;
      }
      begun = true;
      const compiled = compiler.push(chunk);
      if (first !== undefined) for (const segment of compiled) segments.push(segment);
      return compiled;
    },
    end: () => {
      if (recalled) return [];
      const rest = compiler.end();
      if (first !== undefined) remember(first, [...segments, ...rest]);
      return rest;
    },
  };

  function remember(bytes: Uint8Array, compiled: readonly Segment[]): void {
    const sample = sampleOf(bytes);
    const useless = last?.known !== undefined;
    const patience = Math.min(MAX_PATIENCE, (last?.patience ?? 1) * (useless ? 2 : 1));
    const wait = useless ? patience : Math.max(0, (last?.wait ?? 0) - 1);
    const again = !useless && wait === 0 && last?.sample === sample;
    const size = 2 * place.length + OVERHEAD + (again ? 2 * bytes.length + compiled.length * SEGMENT_OVERHEAD : 0);
    const recalled: Recalled = {
      kind: 'assembled',
      is: 'template',
      size,
      sample,
      patience,
      wait,
      // Copies: views would keep the network's buffers alive.
      ...(again
        ? { known: { bytes: bytes.slice(), template: templateOf(compiler.syntax, compiled, compiler.warnings) } }
        : {}),
    };
    if (size <= store.maxEntrySize) void store.set(place, recalled);
  }
}

/** Length and some of the bytes, in one number: enough to tell bodies apart that differ each time. */
function sampleOf(bytes: Uint8Array): number {
  const step = Math.max(1, bytes.length >> 8);
  let hash = bytes.length;
  for (let i = 0; i < bytes.length; i += step) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return hash;
}

/** Buffers of Node compare themselves, at the speed of memory. */
function isSame(chunk: Uint8Array & { equals?: (other: Uint8Array) => boolean }, known: Uint8Array): boolean {
  if (chunk.length !== known.length) return false;
  if (chunk.equals !== undefined) return chunk.equals(known);
  for (let i = 0; i < known.length; i++) if (chunk[i] !== known[i]) return false;
  return true;
}
