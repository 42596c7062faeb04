import type { InlayError } from '../errors.ts';
import { type Items, isDroppable, mayVanish, type Node, type Optional, type Part, partsBeside } from './json-parts.ts';
import { DROPPED } from './json-value.ts';
import { type Arrived, neverRejects, type Piece, takeStock } from './piece.ts';

/** What takes the place of a document in which an include failed: the failure again, if nothing does. */
export type Recover = (node: Node, failure: InlayError) => Piece;

const encoder = new TextEncoder();
const COMMA = encoder.encode(',');
const NULL = encoder.encode('null');

/** The output of a document whose levels are done. */
export function finish(parts: readonly Part[], recover: Recover): Piece[] {
  const pieces: Piece[] = [];
  for (const part of parts) {
    if (part instanceof Uint8Array) pieces.push(part);
    else if (part.kind === 'node') pieces.push(finishAlone(part, recover));
    else if (part.kind === 'items') pieces.push(finishItems(part, recover));
    else if (part.kind === 'ready') for (const piece of finish(part.parts, recover)) pieces.push(piece);
    else pieces.push(finishOptional(part, recover));
  }
  return pieces;
}

/** A node that is no element and no member: where it may disappear, it cannot. */
function finishAlone(node: Node, recover: Recover): Piece {
  const piece = node.late ?? finishNode(node, recover);
  if (!isDroppable(node)) return piece;
  const present = (arrived: Arrived): Arrived => (arrived === DROPPED ? NULL : arrived);
  return piece instanceof Promise ? neverRejects(piece.then(present)) : present(piece);
}

/** What stands in the place of one include. */
export function finishNode(node: Node, recover: Recover): Piece {
  node.finished ??= finishOnce(node, recover);
  return node.finished;
}

function finishOnce(node: Node, recover: Recover): Piece {
  if (node.piece !== undefined || node.inner === undefined) return node.piece ?? [];
  const pieces = finish(node.inner, recover);
  if (node.final) return pieces;
  const known = takeStock(pieces);
  if (known !== 'pending' && !('failure' in known)) return pieces;
  // All of it must be known: behind what fails something may stand that fails the page.
  const failures = findFailures(pieces);
  // What fails beside the directive fails the document that both stand in.
  const beside = findFailures(finish(partsBeside(node), recover));
  const conclude = (all: readonly InlayError[], others: readonly InlayError[]): Arrived => {
    if (all.length === 0) return pieces;
    const decisive = all.find(({ code }) => code === 'fragment-required') ?? all.find((one) => others.includes(one));
    return decisive === undefined ? (recover(node, all[0]!) as Arrived) : { failure: decisive };
  };
  if (failures instanceof Promise || beside instanceof Promise)
    return neverRejects(Promise.all([failures, beside]).then(([all, others]) => conclude(all, others)));
  return conclude(failures, beside);
}

/** The failures in some output, in document order; a promise, where something of it is on its way. */
function findFailures(pieces: readonly Piece[]): readonly InlayError[] | Promise<readonly InlayError[]> {
  const found = pieces.map((piece): readonly InlayError[] | Promise<readonly InlayError[]> => {
    if (piece instanceof Promise) return piece.then((arrived) => findFailures([arrived]));
    if (piece instanceof Uint8Array) return NO_FAILURES;
    return 'failure' in piece ? [piece.failure] : findFailures(piece);
  });
  if (found.some((one) => one instanceof Promise)) return Promise.all(found).then((all) => all.flat());
  return (found as (readonly InlayError[])[]).flat();
}

const NO_FAILURES: readonly InlayError[] = [];

/** Elements and members that disappeared take their commas with them. */
function finishItems({ open, items, close }: Items, recover: Recover): Piece {
  const finished = items.map((parts) => finishItem(parts, recover));
  if (!finished.some((piece) => piece instanceof Promise)) return joinItems(open, finished as Arrived[], close);
  return neverRejects(Promise.all(finished).then((arrived): Arrived => joinItems(open, arrived, close)));
}

/** What stands between two commas; {@link DROPPED} if what may disappear in it did. */
function finishItem(parts: readonly Part[], recover: Recover): Piece {
  const vanishing = parts.find(mayVanish);
  if (vanishing === undefined) return finish(parts, recover);
  const piece =
    vanishing.kind === 'node' ? (vanishing.late ?? finishNode(vanishing, recover)) : finishOptional(vanishing, recover);
  const around = (arrived: Arrived): Arrived =>
    arrived === DROPPED ? DROPPED : parts.flatMap((part) => (part === vanishing ? [arrived] : finish([part], recover)));
  return piece instanceof Promise ? neverRejects(piece.then(around)) : around(piece);
}

function finishOptional({ parts, otherwise }: Optional, recover: Recover): Piece {
  const piece = parts.length === 0 ? DROPPED : finishItem(parts, recover);
  const choose = (arrived: Arrived): Arrived =>
    arrived !== DROPPED ? arrived : otherwise.length === 0 ? DROPPED : finish(otherwise, recover);
  return piece instanceof Promise ? neverRejects(piece.then(choose)) : choose(piece);
}

function joinItems(open: Uint8Array, items: readonly Piece[], close: Uint8Array): Piece[] {
  const pieces: Piece[] = [open];
  for (const item of items) {
    if (item === DROPPED) continue;
    if (pieces.length > 1) pieces.push(COMMA);
    pieces.push(item);
  }
  pieces.push(close);
  return pieces;
}
