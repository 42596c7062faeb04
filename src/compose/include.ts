import { currentAge } from '../cache/freshness.ts';
import { InlayError } from '../errors.ts';
import { select } from '../fragment/select.ts';
import type { Addressed, Source } from '../fragment/source.ts';
import { isJson } from '../template/json.ts';
import type { Include, Segment } from '../template/template.ts';
import { type Attempt, attemptTarget, type Found, type Miss, missed, objection } from './attempt.ts';
import { type Composition, composeDocument, type Document, DocumentState } from './compose.ts';
import { executeAll } from './execute.ts';
import { scriptSafe } from './json-value.ts';
import { beginPart, describe, overflowPart, settlePart, withoutByteOrderMark } from './part.ts';
import { type Arrived, neverRejects, type Piece, settle, takeStock } from './piece.ts';
import { note, type PlanPart } from './plan.ts';
import { addressTarget } from './request.ts';

const NOTHING: Piece = [];
const encoder = new TextEncoder();

/**
 * Resolves one include: `src`, then `alt`, then a stale copy, then what the markup or the definition puts in its place.
 * The piece is there at once if the cache has everything.
 */
export function resolveInclude(include: Include, document: Document, composition: Composition): Piece {
  if (++composition.plan.includes > composition.limits.includes) return refuseRest(include, document, composition);
  const target = addressTarget(include.target, include, document, composition);
  const part = beginPart(target, document, composition);
  const tooDeep = depthError(document, composition);
  if (tooDeep !== undefined) return replace(include, missed(tooDeep), part, document, composition);
  // Expanded now: when it is known to be needed, the variables may have other values.
  const alt = include.alt && addressTarget(include.alt, include, document, composition);
  return whenThere(attemptTarget(include, target, part, document, composition), (attempt) =>
    conclude(include, alt, attempt, part, document, composition),
  );
}

/** What stands in the place of an include that is one too many. */
function refuseRest(include: Include, document: Document, composition: Composition): Piece {
  const part = overflowPart('includes', document, composition);
  return replace(include, missed(part.error!), part, document, composition);
}

function depthError(document: Document, { limits }: Composition): InlayError | undefined {
  if (document.depth + 1 <= limits.depth) return undefined;
  return new InlayError('limit-depth', `deeper than ${limits.depth} levels of includes`);
}

/** Applies a function now or later, as soon as its argument is there. */
function whenThere<Value>(value: Value | Promise<Value>, then: (value: Value) => Piece): Piece {
  return value instanceof Promise ? neverRejects(value.then(then)) : then(value);
}

/**
 * Resolves `<esi:eval>`: as an include, but what it brings runs in this document, and changes its variables.
 * Yields what must be awaited: what follows may depend on it.
 */
export function* resolveEval(
  include: Include,
  out: Piece[],
  document: Document,
  composition: Composition,
): Generator<Promise<void>, undefined, undefined> {
  const target = addressTarget(include.target, include, document, composition);
  const alt = include.alt && addressTarget(include.alt, include, document, composition);
  if (++composition.plan.includes > composition.limits.includes) {
    out.push(refuseRest(include, document, composition));
    return;
  }
  const part = beginPart(target, document, composition);
  const tooDeep = depthError(document, composition);
  let attempt: Attempt =
    tooDeep === undefined
      ? yield* awaited(attemptTarget(include, target, part, document, composition))
      : missed(tooDeep);
  if (!('entry' in attempt) && alt !== undefined && tooDeep === undefined) {
    const second = yield* awaited(attemptTarget(include, alt, part, document, composition));
    if ('entry' in second) attempt = second;
  }
  const { stale, source: origin } = 'entry' in attempt ? NO_COPY : attempt;
  const copy = stale !== undefined && origin !== undefined && objection(stale, include, origin) === undefined;
  if (!('entry' in attempt) && copy) {
    part.error = attempt.error;
    part.outcome = 'failed';
    attempt = { entry: stale, source: origin };
  }
  if (!('entry' in attempt)) {
    out.push(replace(include, attempt, part, document, composition));
    return;
  }
  const { entry, source } = attempt;
  settlePart(part, entry, copy ? 'stale' : 'fragment', composition);
  const inner: Document = {
    ...document,
    service: source.service,
    path: source.path,
    depth: document.depth + 1,
    part,
    ancestors: [...document.ancestors, entry.key],
  };
  let pieces: Piece[] = [];
  yield* executeAll(entry.template.segments, pieces, inner, composition);
  pieces = [...withoutByteOrderMark(pieces)];
  if (include.onerror !== 'continue') out.push(pieces);
  else out.push(orElse(pieces, (error) => replace(include, missed(error), part, document, composition)));
}

const NO_COPY = { stale: undefined, source: undefined };

/** Goes on when what a run must wait for has arrived. */
export function* awaited<Result>(result: Result | Promise<Result>): Generator<Promise<void>, Result, undefined> {
  if (!(result instanceof Promise)) return result;
  let arrived: Result | undefined;
  yield result.then((value) => {
    arrived = value;
  });
  return arrived as Result;
}

/** What an earlier `<esi:inline>` of this document holds; only a name that the markup itself writes out can mean it. */
export function inlineOf(include: Include, { state }: Document): readonly Segment[] | undefined {
  const { target } = include;
  return 'src' in target && typeof target.src === 'string' ? state.inlines.get(target.src) : undefined;
}

/** The document that an inline runs in: this one, one level down. */
export function inlineDocument(include: Include, document: Document, composition: Composition): Document {
  const part = beginPart(include.target as Addressed, document, composition);
  part.outcome = 'hit';
  part.reason = 'inline';
  part.delivered = 'fragment';
  part.endedAt = part.startedAt;
  return { ...document, depth: document.depth + 1, part };
}

function conclude(
  include: Include,
  alt: Addressed | undefined,
  attempt: Attempt,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  const useAlt = (miss: Miss): Piece => tryAlt(include, alt, miss, part, document, composition);
  return 'entry' in attempt
    ? insert(include, attempt, 'fragment', part, document, composition, useAlt)
    : useAlt(attempt);
}

function tryAlt(
  include: Include,
  alt: Addressed | undefined,
  miss: Miss,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  const giveUp = (): Piece => replace(include, miss, part, document, composition);
  if (alt === undefined) return giveUp();
  return whenThere(attemptTarget(include, alt, part, document, composition), (second) => {
    if (!('entry' in second)) {
      note(part, `alt ${describe(alt)}: ${second.error.code}: ${second.error.message}`);
      return giveUp();
    }
    note(part, `delivered: alt ${describe(alt)}`);
    // It was there, and said no: then the alternative is the answer. It was not: then it is better than nothing.
    if (miss.error.code !== 'upstream-status' || (part.failedStatus ?? 0) >= 500) part.error = miss.error;
    return insert(include, second, 'alt', part, document, composition, giveUp);
  });
}

/**
 * Delivers an accepted entry. A document in which an include fails is a failed include itself (ESI.md section 7): where
 * something stands in for it, its output waits until it is known to be whole.
 */
function insert(
  include: Include,
  found: Found,
  delivered: 'fragment' | 'alt' | 'stale',
  part: PlanPart,
  document: Document,
  composition: Composition,
  otherwise: (miss: Miss) => Piece,
): Piece {
  const piece = deliver(include, found, delivered, part, document, composition);
  if (found.entry.template.syntax === 'none' || !isReplaceable(include, found.source, document, composition))
    return piece;
  return orElse(piece, (error) => {
    composition.used.delete(part);
    return otherwise({ error, stale: undefined, source: found.source });
  });
}

/** Whether something else would stand in for an include that fails. */
function isReplaceable(include: Include, { defined }: Source, document: Document, { onerror }: Composition): boolean {
  if (include.alt !== undefined || include.default !== undefined) return true;
  if (include.onerror !== 'fail' && defined?.fragment.fallback !== undefined) return true;
  return include.onerror === 'continue' || (onerror === 'continue' && document.attempting !== true);
}

/** The piece, or what `otherwise` makes of the failure that it holds. */
function orElse(piece: Piece, otherwise: (error: InlayError) => Piece): Piece {
  const known = takeStock([piece]);
  const recover = (failure: InlayError): Piece =>
    failure.code === 'fragment-required' ? { failure } : otherwise(failure);
  if (known !== 'pending') return 'failure' in known ? recover(known.failure) : piece;
  return neverRejects(
    settle([piece]).then((settled) => ('failure' in settled ? (recover(settled.failure) as Arrived) : settled.chunks)),
  );
}

/** The piece of an accepted entry; its own directives start now. */
function deliver(
  include: Include,
  { entry, source }: Found,
  delivered: 'fragment' | 'alt' | 'stale',
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  settlePart(part, entry, delivered, composition);
  if (include.select !== undefined) return select(entry, include.select) ?? NOTHING;
  const inner: Document = {
    service: source.service,
    path: source.path,
    depth: document.depth + 1,
    part,
    ancestors: [...document.ancestors, entry.key],
    state: new DocumentState(),
    ...(document.attempting === true ? { attempting: true } : {}),
  };
  const { syntax, segments } = entry.template;
  const pieces =
    syntax === 'none' ? (segments as readonly Uint8Array[]) : composeDocument(syntax, segments, inner, composition);
  const piece = withoutByteOrderMark(pieces);
  return include.as === undefined ? piece : scriptSafe(piece);
}

/** What stands in the place of an include that failed. */
function replace(
  include: Include,
  { error, stale, source }: Miss,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  part.error = error;
  part.outcome = 'failed';
  part.endedAt = composition.runtime.now() - composition.startedAt;
  if (stale !== undefined && source !== undefined && objection(stale, include, source) === undefined) {
    part.age = currentAge(stale, composition.runtime.now());
    const giveUp = (miss: Miss): Piece => replace(include, miss, part, document, composition);
    return insert(include, { entry: stale, source }, 'stale', part, document, composition, giveUp);
  }
  const fallback = source?.defined?.fragment.fallback;
  if (fallback !== undefined && (include.as === undefined || isJson(encoder.encode(fallback)))) {
    part.delivered = 'fallback';
    return include.as === undefined ? encoder.encode(fallback) : scriptSafe(encoder.encode(fallback));
  }
  const forgiving = composition.onerror === 'continue' && document.attempting !== true;
  if (include.onerror === 'continue' || (include.onerror === undefined && forgiving)) {
    part.delivered = include.as === undefined ? 'empty' : 'null';
    return include.as === undefined ? NOTHING : encoder.encode('null');
  }
  part.delivered = 'failure';
  return {
    failure: new InlayError('fragment-failed', `${part.asked}: ${error.message}`, { path: part.asked, cause: error }),
  };
}
