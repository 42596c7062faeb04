import type { Entry } from '../cache/entry.ts';
import type { PageTerms } from '../fragment/ask.ts';
import type { Place, UrlSpace } from '../fragment/source.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import { resolveInclude } from './include.ts';
import type { Piece } from './piece.ts';
import type { Plan, PlanPart } from './plan.ts';

/** What all includes of one page share. */
export interface Composition {
  readonly runtime: Runtime;
  readonly space: UrlSpace;
  readonly terms: PageTerms;
  readonly plan: Plan;
  readonly limits: { readonly depth: number; readonly includes: number };
  /** What an HTML include without `onerror` does when it fails. */
  readonly onerror: 'fail' | 'continue';
  /** Epoch ms. */
  readonly startedAt: number;
  /** Epoch ms by which the whole page must be composed. */
  readonly deadline: number;
  /** Entries that the output was made of, for validators and Cache-Control. */
  readonly used: Map<PlanPart, Entry>;
}

/** The document whose segments are being composed. */
export interface Document extends Place {
  /** 0 for the page. */
  readonly depth: number;
  readonly part: PlanPart;
  /** Keys of the documents around it: an include of one of them is a cycle. */
  readonly ancestors: readonly string[];
}

/** Composes segments: literal bytes as they are, every include started now. Document order is the order of the pieces. */
export function compose(segments: readonly Segment[], document: Document, composition: Composition): Piece[] {
  return segments.map((segment) =>
    segment instanceof Uint8Array ? segment : resolveInclude(segment, document, composition),
  );
}
