import type { Ask } from '../cache/ask.ts';
import { type Answer, lastResort, resolve } from '../cache/cache.ts';
import type { Entry } from '../cache/entry.ts';
import { currentAge, isForAnybody } from '../cache/freshness.ts';
import type { Interest } from '../cache/interest.ts';
import { InlayError } from '../errors.ts';
import { ownSource } from '../fragment/own.ts';
import { select } from '../fragment/select.ts';
import { type Addressed, findSource, type Source } from '../fragment/source.ts';
import { hasCredentials } from '../http/credentials.ts';
import { fieldValue } from '../http/fields.ts';
import type { Include } from '../template/template.ts';
import type { Composition, Document } from './compose.ts';
import { isJsonEntry } from './json-value.ts';
import type { PlanPart } from './plan.ts';
import { includeAsk } from './request.ts';

/** A target that could not be had. */
export interface Miss {
  readonly error: InlayError;
  /** A copy that may stand in. */
  readonly stale: Entry | undefined;
  readonly source: Source | undefined;
  /** It stands inside itself. */
  readonly cycle?: true;
}

/** A target that was had. */
export interface Found {
  readonly entry: Entry;
  readonly source: Source;
}

export type Attempt = Found | Miss;

/** The miss of an include that got no further than its own markup. */
export function missed(error: InlayError): Miss {
  return { error, stale: undefined, source: undefined };
}

/** Asks the cache for a target, and accepts only an answer that may stand in a page. */
export function attemptTarget(
  include: Include,
  target: Addressed,
  part: PlanPart,
  document: Document,
  composition: Composition,
): Attempt | Promise<Attempt> {
  const found = findSource(target, document, composition.space);
  const source = found instanceof InlayError ? found : ownSource(found, composition.terms.visitor);
  if (source instanceof InlayError) {
    // That there is nothing for this visitor is no answer for others.
    if (!(found instanceof InlayError)) part.personal = true;
    return missed(source);
  }
  const ask = includeAsk(include, source, document, composition);
  part.key = ask.key;
  part.service = source.service.name;
  if (document.ancestors.includes(ask.key)) {
    return {
      error: new InlayError('limit-depth', 'the fragment includes itself', { path: source.path }),
      stale: undefined,
      source,
      cycle: true,
    };
  }
  const before = part.personal; // what was decided by asking for `src` remains part of the page
  part.personal = before || isPersonal(ask, source, undefined);
  let interest: Interest | undefined;
  const answer = resolve(ask, composition.runtime, (reason) => {
    part.reason = reason;
    interest = ask.interest.child();
    return interest;
  });
  const judge = (answered: Answer): Attempt => {
    part.personal = before || isPersonal(ask, source, answered);
    if (ask.via !== undefined && answered.how === 'miss') part.outcome = 'batched';
    return accept(answered, include, source, part, composition);
  };
  if (!(answer instanceof Promise)) return judge(answer);
  const timeout = Math.min(
    include.maxwait ?? Number.POSITIVE_INFINITY, // a matter of this page: the fetch itself may serve others
    ask.totalTimeout ?? Number.POSITIVE_INFINITY,
    composition.deadline - composition.runtime.now(),
  );
  return inTime(answer, timeout, composition, async (): Promise<Answer> => {
    interest?.end(); // the page goes on without it: it need not be fetched, unless others wait for it
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
  return !answer.stored || !isForAnybody(entry);
}

/** The promise's value, or after `ms` what `late` makes instead. */
function inTime<Value>(
  promise: Promise<Value>,
  ms: number,
  { runtime }: Composition,
  late: () => Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = runtime.after(Math.max(0, ms), () => resolve(late()));
    promise.then((value) => {
      cancel();
      resolve(value);
    }, reject);
  });
}

/** Judges an answer by its status and, for JSON, by its body: nothing of a bad one reaches the page. */
function accept(answer: Answer, include: Include, source: Source, part: PlanPart, { runtime }: Composition): Attempt {
  if (part.outcome !== 'batched') part.outcome = answer.how;
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
export function objection(entry: Entry, include: Include, source: Source): InlayError | undefined {
  const { status } = entry;
  if (status === 304 || status < 200 || status >= 300) {
    const { defined, service } = source;
    // What is left out of the answer to a batch was never a 404 on the wire.
    const batched = status === 404 && defined?.fragment.batch !== undefined;
    const told = batched ? `knows no such ${defined.fragment.name} (404)` : `answered ${status}`;
    return new InlayError('upstream-status', `${service.name} ${told}`, { path: source.path });
  }
  const coding = fieldValue(entry.fields, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (coding !== '' && coding !== 'identity') {
    return new InlayError('upstream-encoding', `the fragment is coded: ${coding}`, { path: source.path });
  }
  if ((include.syntax === 'json' || include.as === 'json') && !isJsonEntry(entry)) {
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
