import type { How } from '../cache/cache.ts';
import type { InlayError } from '../errors.ts';
import type { Warning } from '../template/template.ts';

/** How one part of a page came about; parts form a tree in document order. */
export interface PlanPart {
  /** What the directive asked for: `/fragments/x` or `product:42`. */
  readonly asked: string;
  /** Levels below the page: 1 for an include of the page itself. */
  readonly depth: number;
  key: string | undefined;
  /** The cache's answer, or `failed`. */
  outcome: How | 'batched' | 'failed' | 'pending';
  reason: string;
  /** What was delivered: the fragment, its `alt`, a stale copy, or something in its place. */
  delivered: 'fragment' | 'alt' | 'stale' | 'default' | 'fallback' | 'empty' | 'null' | 'ref' | 'failure' | undefined;
  status: number | undefined;
  /** The status that `src` was refused with. */
  failedStatus: number | undefined;
  /** Ms since the service made it; undefined if nothing came. */
  age: number | undefined;
  stored: boolean;
  /** Why its answer was not kept. */
  unstored: string | undefined;
  /** It depends on who asked: the page may not be shared downstream. */
  personal: boolean;
  tags: readonly string[];
  service: string | undefined;
  /** Ms from the start of composing. */
  startedAt: number;
  endedAt: number | undefined;
  error: InlayError | undefined;
  warnings: readonly Warning[];
  /** What its expressions and attempts could not do. */
  notes: readonly string[];
  parts: readonly PlanPart[];
  /** JSON directives in it that did not run, for they stand deeper than was asked for, or lead back to it. */
  cut: number;
}

/** The record of how one response was composed; Cache-Status, Server-Timing and logs are printed from it. */
export interface Plan {
  /** The page's own answer. */
  readonly page: PlanPart;
  /** Counters that limits are checked against: includes by URL and in HTML, and ids in JSON. */
  includes: number;
  ids: number;
  /** Stand for all beyond the limit. */
  readonly overflow: { includes?: PlanPart; ids?: PlanPart };
}

/** Most parts have neither: one list for all of them. */
const NO_NOTES: readonly string[] = Object.freeze([]);
const NO_PARTS: readonly PlanPart[] = Object.freeze([]);

/** Puts a part behind those that a part has. */
export function addPart(part: PlanPart, child: PlanPart): void {
  if (part.parts === NO_PARTS) part.parts = [child];
  else (part.parts as PlanPart[]).push(child);
}

/** Begins the record of a response or of one of its parts. */
export function planPart(asked: string, depth: number, startedAt: number): PlanPart {
  return {
    asked,
    depth,
    key: undefined,
    outcome: 'pending',
    reason: '',
    delivered: undefined,
    status: undefined,
    failedStatus: undefined,
    age: undefined,
    stored: false,
    unstored: undefined,
    personal: false,
    tags: [],
    service: undefined,
    startedAt,
    endedAt: undefined,
    error: undefined,
    warnings: [],
    notes: NO_NOTES,
    parts: NO_PARTS,
    cut: 0,
  };
}

/** Notes of one part; a loop may have the same to say a thousand times. */
const MAX_NOTES = 32;

/** Notes something that its author should hear of; it never fails the page. */
export function note(part: PlanPart, text: string): void {
  if (part.notes === NO_NOTES) part.notes = [text];
  else if (part.notes.length < MAX_NOTES && !part.notes.includes(text)) (part.notes as string[]).push(text);
}

/** All parts below one, in document order. */
export function partsOf(part: PlanPart): PlanPart[] {
  const all: PlanPart[] = [];
  collect(part, all);
  return all;
}

function collect(part: PlanPart, all: PlanPart[]): void {
  for (const child of part.parts) {
    all.push(child);
    if (child.parts.length > 0) collect(child, all);
  }
}

/** Whether a part is something less than it should be: failed, stale because of an error, or replaced. */
export function isDegraded(part: PlanPart): boolean {
  if (part.delivered === 'alt') return part.error !== undefined;
  return part.outcome === 'failed' || (part.delivered !== undefined && part.delivered !== 'fragment');
}

/** How often each outcome occurred below a page. */
export function countOutcomes(page: PlanPart): Record<string, number> {
  const counts: Record<string, number> = {};
  let { cut } = page;
  for (const part of partsOf(page)) {
    const name = part.delivered === 'stale' ? 'stale' : part.outcome;
    counts[name] = (counts[name] ?? 0) + 1;
    cut += part.cut;
  }
  if (cut > 0) counts.cut = cut;
  return counts;
}

/** Parts whose place holds something other than what the service should have sent. */
export function countErrors(page: PlanPart): number {
  let errors = 0;
  for (const part of partsOf(page)) if (isDegraded(part)) errors++;
  return errors;
}
