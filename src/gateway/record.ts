import { countOutcomes, type PlanPart, partsOf } from '../compose/plan.ts';
import { asInlayError, type InlayError } from '../errors.ts';
import type { RequestRecord } from '../runtime.ts';
import type { Composed } from './assemble.ts';
import type { PageRequest } from './exchange.ts';
import type { Setup, Visit } from './page.ts';
import type { Trace } from './trace.ts';

/** What is known of a request when its answer begins to leave. */
interface Draft {
  readonly request: PageRequest;
  readonly trace: Trace;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly setup: Setup;
  /** Absent if the request got no further than its own head. */
  readonly visit: Visit | undefined;
  readonly error?: InlayError;
}

/** What clients see of a failure: a status and a request id, and the code for whoever operates the gateway. Never a message or a stack. */
export function errorAnswer(error: InlayError, request: PageRequest, { requestId }: Trace): Composed {
  const text = `${error.status} ${error.code}\nrequest ${requestId}\n`;
  const bytes = new TextEncoder().encode(text);
  const fields = [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(bytes.length),
    'cache-control',
    'no-store',
    'inlay-error',
    error.code,
    'x-request-id',
    requestId,
    'cache-status',
    `inlay; detail=${error.code}`,
    ...(error.status === 503 ? ['retry-after', '1'] : []), // what is too busy or not asked for now may be back in a second
  ];
  return {
    status: error.status,
    fields,
    body: request.method === 'HEAD' ? { kind: 'none' } : { kind: 'whole', chunks: [bytes] },
  };
}

const UNRECORDED = () => {};

/** Makes the function that records a request once its last byte has left, or what cut it short. */
export function finisher(status: number, draft: Draft): (bytes: number, error?: unknown) => void {
  if (!draft.setup.runtime.recording) return UNRECORDED;
  let finished = false;
  return (bytes, broken) => {
    if (finished) return;
    finished = true;
    const cut = broken === undefined ? undefined : asInlayError(broken);
    draft.setup.runtime.observe({ type: 'request', record: recordOf(status, bytes, draft, draft.error ?? cut) });
  };
}

/** Warnings named in a record; a template may have dozens, and each has them again on every request. */
const MAX_WARNINGS = 8;

function recordOf(
  status: number,
  bytes: number,
  { request, trace, startedAt, setup, visit }: Draft,
  error: InlayError | undefined,
): RequestRecord {
  const page = visit?.part;
  const failed = page === undefined ? [] : partsOf(page).filter((part) => part.error !== undefined);
  return {
    requestId: trace.requestId,
    traceId: trace.traceId,
    method: request.method,
    host: request.host,
    path: request.target,
    route: visit === undefined ? '' : `${visit.route.facade}${visit.route.pattern}`,
    status,
    bytes,
    duration: Math.round((setup.runtime.now() - startedAt) * 100) / 100,
    cache: page?.outcome ?? '',
    parts: page === undefined ? {} : countOutcomes(page),
    warnings: page === undefined ? [] : warningsOf(page),
    reason: page === undefined ? '' : reasonOf(page),
    reasons:
      page === undefined
        ? []
        : listed(
            partsOf(page)
              .filter((part) => part.outcome !== 'hit')
              .map((part) => `${part.asked}: ${reasonOf(part)}`),
          ),
    errors: listed(failed.map((part) => `${part.asked}: ${part.error!.code}: ${part.error!.message}`)),
    ...(error === undefined ? {} : { error: `${error.code}: ${error.message}` }),
  };
}

/** Why a part came about as it did: why it was fetched, and why what came was not kept. */
function reasonOf({ outcome, reason, unstored }: PlanPart): string {
  const words = [outcome, reason === outcome ? '' : reason, unstored === undefined ? '' : `not stored: ${unstored}`];
  return words.filter((word) => word !== '').join(', ');
}

/** The first few of a list, each once, with how often it occurs. */
function listed(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return firstOf([...counts].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`)));
}

/** What the markup of a page should be told: `/page@120: unknown-tag: …`. */
export function warningsOf(part: PlanPart): string[] {
  const all = [part, ...partsOf(part)];
  return firstOf(
    all.flatMap(({ asked, warnings, notes }) => [
      ...warnings.map((warning) => `${asked}@${warning.offset}: ${warning.code}: ${warning.message}`),
      ...notes.map((note) => `${asked}: ${note}`),
    ]),
  );
}

/** The first few of a list, and how many there are beyond. */
function firstOf(texts: string[]): string[] {
  return texts.length <= MAX_WARNINGS
    ? texts
    : [...texts.slice(0, MAX_WARNINGS), `… and ${texts.length - MAX_WARNINGS} more`];
}
