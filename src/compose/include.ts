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
import type { Piece } from './piece.ts';
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
  const part = planPart(
    describe(include.target),
    document.depth + 1,
    composition.runtime.now() - composition.startedAt,
  );
  document.part.parts.push(part);
  const refused = refuse(document, composition);
  if (refused !== undefined)
    return replace(include, { error: refused, stale: undefined, source: undefined }, part, document, composition);
  const attempt = attemptTarget(include, include.target, part, document, composition);
  return attempt instanceof Promise
    ? attempt.then((late) => conclude(include, late, part, document, composition))
    : conclude(include, attempt, part, document, composition);
}

/** Limits on what a page may make of itself; exceeding one is a failure of the include that does. */
function refuse(document: Document, { plan, limits }: Composition): InlayError | undefined {
  if (document.depth + 1 > limits.depth)
    return new InlayError('limit-depth', `deeper than ${limits.depth} levels of includes`);
  if (++plan.includes > limits.includes)
    return new InlayError('limit-includes', `more than ${limits.includes} includes in one page`);
  return undefined;
}

function conclude(
  include: Include,
  attempt: Attempt,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  if ('entry' in attempt) return deliver(include, attempt, 'fragment', part, document, composition);
  if (include.alt === undefined) return replace(include, attempt, part, document, composition);
  const second = attemptTarget(include, include.alt, part, document, composition);
  const conclusion = (alt: Attempt) =>
    'entry' in alt
      ? deliver(include, alt, 'alt', part, document, composition)
      : replace(include, attempt, part, document, composition);
  return second instanceof Promise ? second.then(conclusion) : conclusion(second);
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
  part.personal = isPersonal(ask, source, undefined);
  let interest: AbortController | undefined;
  const answer = resolve(ask, composition.runtime, (reason) => {
    part.reason = reason;
    interest = new AbortController();
    return AbortSignal.any([ask.signal, interest.signal]);
  });
  const judge = (answered: Answer): Attempt => {
    part.personal = isPersonal(ask, source, answered);
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

/** The piece of an accepted entry; its own directives start now. */
function deliver(
  include: Include,
  { entry, source }: Extract<Attempt, { entry: Entry }>,
  delivered: 'fragment' | 'alt' | 'stale',
  part: PlanPart,
  document: Document,
  composition: Composition,
): Piece {
  part.delivered = delivered;
  part.endedAt = composition.runtime.now() - composition.startedAt;
  part.warnings = entry.template.warnings;
  composition.used.set(part, entry);
  if (include.select !== undefined) return select(entry, include.select) ?? NOTHING;
  const inner: Document = {
    service: source.service,
    path: source.path,
    depth: document.depth + 1,
    part,
    ancestors: [...document.ancestors, entry.key],
  };
  const pieces =
    entry.template.syntax === 'none'
      ? (entry.template.segments as readonly Uint8Array[])
      : compose(entry.template.segments, inner, composition);
  return withoutByteOrderMark(pieces);
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
    return deliver(include, { entry: stale, source }, 'stale', part, document, composition);
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
