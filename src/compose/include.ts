import type { Ask } from '../cache/ask.ts';
import { type Answer, lastResort, resolve } from '../cache/cache.ts';
import type { Entry } from '../cache/entry.ts';
import { currentAge } from '../cache/freshness.ts';
import { InlayError } from '../errors.ts';
import { fragmentAsk } from '../fragment/ask.ts';
import { select } from '../fragment/select.ts';
import { findSource, type Source } from '../fragment/source.ts';
import { hasCredentials, isCredential } from '../http/credentials.ts';
import { fieldValue } from '../http/fields.ts';
import type { Include, Target } from '../template/template.ts';
import { type Composition, compose, type Document } from './compose.ts';
import { isJsonEntry, standInJson } from './json.ts';
import { type Failure, type Piece, settle, takeStock } from './piece.ts';
import { type PlanPart, planPart } from './plan.ts';

/** An include that could not be answered with what it asked for. */
interface Miss {
  readonly error: InlayError;
  readonly stale: Entry | undefined;
  readonly source: Source | undefined;
}

type Attempt = { readonly entry: Entry; readonly source: Source } | Miss;

const NOTHING: Piece = [];

/**
 * Resolves one include: `src`, then `alt`, then a stale copy, then what the markup or the definition puts in its place.
 * The piece is there at once if the cache has everything.
 */
export function resolveInclude(include: Include, document: Document, composition: Composition): Piece {
  const { plan, limits, runtime, startedAt } = composition;
  if (++plan.includes > limits.includes) return refuseRest(include, document, composition);
  const part = planPart(describe(include.target), document.depth + 1, runtime.now() - startedAt);
  document.part.parts.push(part);
  if (document.depth + 1 > limits.depth) {
    const error = new InlayError('limit-depth', `deeper than ${limits.depth} levels of includes`);
    return replace(include, { error, stale: undefined, source: undefined }, part, document, composition);
  }
  return whenThere(attemptTarget(include, include.target, part, document, composition), (attempt) =>
    conclude(include, attempt, part, document, composition),
  );
}

/** Includes beyond the limit share one part and one error: a page must not cost more by having more of them. */
function refuseRest(include: Include, document: Document, composition: Composition): Piece {
  const { plan, limits } = composition;
  if (plan.overflow === undefined) {
    plan.overflow = planPart('(all further includes)', document.depth + 1, 0);
    plan.overflow.error = new InlayError('limit-includes', `more than ${limits.includes} includes in one page`);
    plan.page.parts.push(plan.overflow);
  }
  const miss = { error: plan.overflow.error!, stale: undefined, source: undefined };
  return replace(include, miss, plan.overflow, document, composition);
}

/** Applies a function now or later, as soon as its argument is there. */
function whenThere<Value>(value: Value | Promise<Value>, then: (value: Value) => Piece): Piece {
  return value instanceof Promise ? value.then(then) : then(value);
}

function conclude(
  include: Include,
  attempt: Attempt,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  const fallBack = (miss: Miss): Piece => tryAlt(include, miss, part, document, composition);
  return 'entry' in attempt
    ? deliver(include, attempt, 'fragment', part, document, composition, fallBack)
    : fallBack(attempt);
}

function tryAlt(include: Include, miss: Miss, part: PlanPart, document: Document, composition: Composition): Piece {
  const giveUp = (): Piece => replace(include, miss, part, document, composition);
  if (include.alt === undefined) return giveUp();
  return whenThere(attemptTarget(include, include.alt, part, document, composition), (alt) => {
    if (!('entry' in alt)) return giveUp();
    // It was there, and said no: then the alternative is the answer. It was not: then it is better than nothing.
    if (miss.error.code !== 'upstream-status' || (part.failedStatus ?? 0) >= 500) part.error = miss.error;
    return deliver(include, alt, 'alt', part, document, composition, giveUp);
  });
}

/** Asks the cache for a target, and accepts only an answer that may stand in a page. */
function attemptTarget(
  include: Include,
  target: Target,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Attempt | Promise<Attempt> {
  const source = findSource(target, document, composition.space);
  if (source instanceof InlayError) return { error: source, stale: undefined, source: undefined };
  const ask = fragmentAsk(source, include.syntax === 'json', composition.terms);
  part.key = ask.key;
  part.service = source.service.name;
  if (document.ancestors.includes(ask.key)) {
    return {
      error: new InlayError('limit-depth', 'the fragment includes itself', { path: source.path }),
      stale: undefined,
      source,
    };
  }
  const before = part.personal; // what was decided by asking for `src` remains part of the page
  part.personal = before || isPersonal(ask, source, undefined);
  let interest: AbortController | undefined;
  const answer = resolve(ask, composition.runtime, (reason) => {
    part.reason = reason;
    interest = new AbortController();
    return AbortSignal.any([ask.signal, interest.signal]);
  });
  const judge = (answered: Answer): Attempt => {
    part.personal = before || isPersonal(ask, source, answered);
    return accept(answered, include, source, part, composition);
  };
  if (!(answer instanceof Promise)) return judge(answer);
  const timeout = Math.min(
    ask.totalTimeout ?? Number.POSITIVE_INFINITY,
    composition.deadline - composition.runtime.now(),
  );
  return inTime(answer, timeout, composition, async (): Promise<Answer> => {
    interest?.abort(); // the page goes on without it: it need not be fetched, unless others wait for it
    const error = new InlayError('upstream-timeout', `no answer within ${Math.round(timeout)} ms`, {
      path: source.path,
    });
    return { kind: 'failed', error, how: 'miss', reason: 'timeout', stale: await lastResort(ask, composition.runtime) };
  }).then(judge);
}

/** Whether an answer depends on who asked: by its definition, or because it may, and nobody said that others may have it. */
function isPersonal(ask: Ask, { defined }: Source, answer: Answer | undefined): boolean {
  if (defined !== undefined && defined.fragment.scope !== 'http') return defined.fragment.scope !== 'public';
  if (!hasCredentials(ask.fields)) return false;
  if (answer === undefined) return true; // not known yet
  if (answer.kind === 'failed') return false;
  const { entry } = answer;
  const forAnybody = answer.stored && entry.lifetime > entry.initialAge;
  return !forAnybody || entry.vary.some(([name]) => isCredential(name));
}

/** The promise's value, or after `ms` what `late` makes instead. */
async function inTime<Value>(
  promise: Promise<Value>,
  ms: number,
  { runtime }: Composition,
  late: () => Promise<Value>,
): Promise<Value> {
  const { promise: over, resolve: end } = Promise.withResolvers<'over'>();
  const cancel = runtime.after(Math.max(0, ms), () => end('over'));
  const first = await Promise.race([promise, over]);
  cancel();
  return first === 'over' ? late() : first;
}

/** Judges an answer by its status and, for JSON, by its body: nothing of a bad one reaches the page. */
function accept(answer: Answer, include: Include, source: Source, part: PlanPart, { runtime }: Composition): Attempt {
  part.outcome = answer.how;
  part.reason = answer.reason;
  if (answer.kind === 'failed') return { error: answer.error, stale: answer.stale, source };
  const { entry } = answer;
  part.status = entry.status;
  if (entry.status >= 400) part.failedStatus = entry.status;
  part.stored = answer.stored;
  part.unstored = answer.stored ? undefined : entry.lifetimeFrom;
  part.tags = entry.tags;
  part.age = currentAge(entry, runtime.now());
  const error = objection(entry, include, source);
  return error === undefined ? { entry, source } : { error, stale: answer.stale, source };
}

/** Why an entry may not be inserted; `undefined` if it may. */
function objection(entry: Entry, include: Include, source: Source): InlayError | undefined {
  const { status } = entry;
  if (status === 304 || status < 200 || status >= 300) {
    return new InlayError('upstream-status', `${source.service.name} answered ${status}`, { path: source.path });
  }
  const coding = fieldValue(entry.fields, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (coding !== '' && coding !== 'identity') {
    return new InlayError('upstream-encoding', `the fragment is coded: ${coding}`, { path: source.path });
  }
  if (include.syntax === 'json' && !isJsonEntry(entry)) {
    return new InlayError('fragment-not-json', 'the fragment is no JSON value', { path: source.path });
  }
  if (include.select !== undefined && entry.template.segments.some((segment) => !(segment instanceof Uint8Array))) {
    return new InlayError('fragment-failed', 'select works on fragments without directives of their own', {
      path: source.path,
    });
  }
  if (include.select !== undefined && select(entry, include.select) === undefined) {
    return new InlayError('fragment-failed', `nothing matches the selector ${include.select}`, { path: source.path });
  }
  return undefined;
}

/** The piece of an accepted entry; its own directives start now. If one of them fails for good, so does this include. */
function deliver(
  include: Include,
  { entry, source }: Extract<Attempt, { entry: Entry }>,
  delivered: 'fragment' | 'alt' | 'stale',
  part: PlanPart,
  document: Document,
  composition: Composition,
  fallBack: (miss: Miss) => Piece,
): Piece {
  part.delivered = delivered;
  part.endedAt = composition.runtime.now() - composition.startedAt;
  part.warnings = entry.template.warnings;
  composition.used.set(part, entry);
  if (include.select !== undefined) return select(entry, include.select) ?? NOTHING;
  if (entry.template.syntax === 'none') return withoutByteOrderMark(entry.template.segments as readonly Uint8Array[]);
  const inner: Document = {
    service: source.service,
    path: source.path,
    depth: document.depth + 1,
    part,
    ancestors: [...document.ancestors, entry.key],
  };
  const pieces = withoutByteOrderMark(compose(entry.template.segments, inner, composition));
  const failed = ({ failure }: Failure): Piece => {
    composition.used.delete(part);
    return fallBack({ error: failure, stale: undefined, source });
  };
  const known = takeStock(pieces);
  if (known === 'pending' && isForgiving(include, source, composition)) {
    return settle(pieces).then((settled) => ('failure' in settled ? failed(settled) : settled.chunks));
  }
  return typeof known === 'object' && 'failure' in known ? failed(known) : pieces;
}

/** Whether something else would stand in for an include that fails: then its failure must be known before its bytes leave. */
function isForgiving(include: Include, { defined }: Source, { onerror }: Composition): boolean {
  if (include.alt !== undefined || include.default !== undefined || defined?.fragment.fallback !== undefined)
    return true;
  return include.syntax === 'json'
    ? include.onerror !== 'fail'
    : include.onerror === 'continue' || onerror === 'continue';
}

/** A fragment's byte order mark would stand in the middle of the page. */
function withoutByteOrderMark(pieces: readonly Piece[]): readonly Piece[] {
  const [first] = pieces;
  const marked = first instanceof Uint8Array && first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf;
  return marked ? [first.subarray(3), ...pieces.slice(1)] : pieces;
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
    return deliver(include, { entry: stale, source }, 'stale', part, document, composition, giveUp);
  }
  if (include.syntax === 'json') return standInJson(include, error, part, source?.defined?.fragment.fallback);
  const fallback = source?.defined?.fragment.fallback;
  if (fallback !== undefined) {
    part.delivered = 'fallback';
    return new TextEncoder().encode(fallback);
  }
  if (include.onerror === 'continue' || (include.onerror === undefined && composition.onerror === 'continue')) {
    part.delivered = 'empty';
    return NOTHING;
  }
  part.delivered = 'failure';
  return {
    failure: new InlayError('fragment-failed', `${part.asked}: ${error.message}`, { path: part.asked, cause: error }),
  };
}

function describe(target: Target): string {
  return 'src' in target ? target.src : `${target.type}:${target.id}`;
}
