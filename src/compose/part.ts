import type { Entry } from '../cache/entry.ts';
import { InlayError } from '../errors.ts';
import type { Addressed } from '../fragment/source.ts';
import type { Composition, Document } from './compose.ts';
import type { Piece } from './piece.ts';
import { addPart, type PlanPart, planPart } from './plan.ts';

/** Begins the part of an include in the plan. */
export function beginPart(target: Addressed, document: Document, { runtime, startedAt }: Composition): PlanPart {
  const part = planPart(describe(target), document.depth + 1, runtime.now() - startedAt);
  addPart(document.part, part);
  return part;
}

/** All includes, or all ids, beyond the limit share one part and one error: a page must not cost more by having more of them. */
export function overflowPart(kind: 'includes' | 'ids', document: Document, { plan, limits }: Composition): PlanPart {
  let part = plan.overflow[kind];
  if (part === undefined) {
    part = planPart(`(all further ${kind})`, document.depth + 1, 0);
    part.error = new InlayError(`limit-${kind}`, `more than ${limits[kind]} ${kind} in one page`);
    plan.overflow[kind] = part;
    addPart(plan.page, part);
  }
  return part;
}

/** Notes that a part was delivered, and from what. */
export function settlePart(
  part: PlanPart,
  entry: Entry,
  delivered: NonNullable<PlanPart['delivered']>,
  { runtime, startedAt, used }: Composition,
): void {
  part.delivered = delivered;
  part.endedAt = runtime.now() - startedAt;
  part.warnings = entry.template.warnings;
  used.set(part, entry);
}

/** A fragment's byte order mark would stand in the middle of the page (ESI.md section 2). */
export function withoutByteOrderMark<Part extends Piece | object>(
  pieces: readonly Part[],
): readonly (Part | Uint8Array)[] {
  const [first] = pieces;
  const marked = first instanceof Uint8Array && first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf;
  return marked ? [first.subarray(3), ...pieces.slice(1)] : pieces;
}

/** An include in the words of plans and logs. */
export function describe(target: Addressed): string {
  if ('src' in target) return target.src.slice(0, 2_000);
  return target.id === undefined ? target.type : `${target.type}:${target.id.slice(0, 200)}`;
}
