import type { Addressed, Source } from '../fragment/source.ts';
import { skipJsonSpace } from '../template/json-cursor.ts';
import { inPieces, overlay } from '../template/json-shape.ts';
import type { Include, ListedEntity, Member, Segment, Target } from '../template/template.ts';
import type { Attempt, Miss } from './attempt.ts';
import type { Document } from './compose.ts';
import type { Piece } from './piece.ts';
import { note, type PlanPart } from './plan.ts';

/** A place in a document that is being composed. */
export type Part = Uint8Array | Node | Items | Ready | Optional;

/** One include, from when it is asked for to what stands in its place. */
export interface Node {
  readonly kind: 'node';
  readonly include: Include;
  readonly document: Document;
  readonly part: PlanPart;
  /** Members that are put over the result; those that are composed themselves have begun. */
  readonly members: readonly Member[];
  attempt: Attempt | undefined;
  /** Its alternative has been asked for, since this could not be had. */
  usesAlt: boolean;
  first: Miss | undefined;
  /** Where it was had from. */
  source: Source | undefined;
  /** What stands in its place is a stand-in: if that fails, so does the document around it. */
  final: boolean;
  /** What stands in its place when all levels are done, or the document in its place. */
  piece: Piece | undefined;
  inner: readonly Part[] | undefined;
  /** All of that, of a node that goes on by itself. */
  late: Piece | undefined;
  /** What it came to: it may stand in more than one place. */
  finished: Piece | undefined;
}

/** An array or object of which elements may disappear. */
export interface Items {
  readonly kind: 'items';
  readonly open: Uint8Array;
  readonly items: readonly (readonly Part[])[];
  readonly close: Uint8Array;
}

/** What was begun in the document around this one. Stands among segments, as if it were one. */
export interface Ready {
  readonly kind: 'ready';
  readonly parts: readonly Part[];
}

/** A place that stays as it was if nothing hydrates it, or what it is hydrated with disappears. */
export interface Optional {
  readonly kind: 'optional';
  readonly parts: readonly Part[];
  readonly otherwise: readonly Part[];
}

/** A node of which nothing is known yet. */
export function createNode(include: Include, document: Document, part: PlanPart, members: readonly Member[]): Node {
  return {
    kind: 'node',
    include,
    document,
    part,
    members,
    attempt: undefined,
    usesAlt: false,
    first: undefined,
    source: undefined,
    final: false,
    piece: undefined,
    inner: undefined,
    late: undefined,
    finished: undefined,
  };
}

/** The include of one entity of a list; what stands beside the list is not in it. */
export function itemInclude(each: Omit<Include, 'target'>, { target, ref, overlay }: ListedEntity): Include {
  const own = overlay === undefined ? { ...each, target, ref } : { ...each, target, ref, overlay };
  const { alt } = each;
  // Another type alone stands for the same id of that type.
  if (alt === undefined || 'src' in alt || alt.id !== undefined) return own;
  return { ...own, alt: { type: alt.type, id: target.id! } };
}

/** Targets in JSON have no variables. */
export function addressed(target: Target): Addressed {
  return target as Addressed;
}

/** Whether the element or member that this stands in disappears with it. */
export function mayVanish(part: Part): part is Node | Optional {
  if (part instanceof Uint8Array) return false;
  return isDroppable(part) || (part.kind === 'optional' && part.otherwise.length === 0);
}

/** Whether a failure takes the element or member with it. */
export function isDroppable(part: Part): part is Node {
  return !(part instanceof Uint8Array) && part.kind === 'node' && part.include.onerror === 'drop';
}

/** Whether something that is put over a node is composed itself: then it cannot be finished before its levels are. */
export function isOverlaidLater({ members, include }: Node): boolean {
  if (hasInstructions(members)) return true;
  return include.within?.some((change) => 'over' in change && hasInstructions(change.over)) === true;
}

function hasInstructions(members: readonly Member[]): boolean {
  return members.some(({ value }) => value.some((segment) => !(segment instanceof Uint8Array)));
}

/** What was begun for the members that are put over a node, by its own document and by those around it. */
export function partsBeside({ members, include }: Node): Part[] {
  const parts: Part[] = [];
  const all = [members, ...(include.within ?? []).map((change) => ('over' in change ? change.over : []))];
  for (const { value } of all.flat())
    for (const segment of value as readonly (Segment | Ready)[])
      if ('parts' in segment) for (const part of segment.parts) parts.push(part);
  return parts;
}

/** The value with members over it; only an object can have them. What is not there yet gets them when it is. */
export function lay(segments: readonly Segment[], members: readonly Member[], part: PlanPart): readonly Segment[] {
  const only = onlyInstruction(segments);
  if (only?.kind === 'include') return [{ ...only, within: [...(only.within ?? []), { over: members }] }];
  if (only?.kind === 'list') {
    const { each } = only;
    return [{ ...only, each: { ...each, within: [...(each.within ?? []), { over: members }] } }];
  }
  const laid = overlay(segments, members);
  if (laid === undefined) {
    note(part, 'what stands beside the directive is left out: the result is no object');
    return segments;
  }
  return members.some(({ value: [only] }) => mayDisappear(only)) ? inPieces(laid) : laid;
}

/** The instruction that stands for a whole value. */
function onlyInstruction(segments: readonly Segment[]): Exclude<Segment, Uint8Array> | undefined {
  let only: Exclude<Segment, Uint8Array> | undefined;
  for (const segment of segments) {
    if (segment instanceof Uint8Array) {
      if (skipJsonSpace(segment, 0) < segment.length) return undefined;
    } else if (only !== undefined) return undefined;
    else only = segment;
  }
  return only;
}

/** Whether the value of a member is a directive whose failure takes the member with it. */
function mayDisappear(value: Segment | Ready | undefined): boolean {
  return value !== undefined && 'parts' in value && value.parts.some(mayVanish);
}
