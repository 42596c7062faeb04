import { asInlayError } from '../errors.ts';
import { type CacheStatus, printCacheStatus } from '../http/cache-status.ts';
import { codedTag, notModified, tagOfBody } from '../http/conditional.ts';
import { preferredCoding } from '../http/content-coding.ts';
import { type Fields, fieldValue } from '../http/fields.ts';
import type { Runtime } from '../runtime.ts';
import type { PageAnswer, PageRequest } from './exchange.ts';
import { printCounts } from './head.ts';
import { isInsider } from './identity.ts';
import { isMemo, type Memo } from './memo.ts';
import type { Setup } from './page.ts';
import { createTrace, requestIdOf } from './trace.ts';

/**
 * Answers a request with a page that is kept assembled: one look-up, and one write of what is ready. `undefined` if there
 * is none that answers it.
 */
export function answerHot(request: PageRequest, setup: Setup): PageAnswer | undefined {
  try {
    return answer(request, setup);
  } catch (thrown) {
    setup.runtime.observe({ type: 'internal', error: asInlayError(thrown) });
    return undefined; // it is composed, as if it were not kept
  }
}

function answer(request: PageRequest, setup: Setup): PageAnswer | undefined {
  const { runtime, memos, gateway } = setup;
  const startedAt = runtime.now();
  const memo = memos.find(request, startedAt);
  if (memo === undefined) return undefined;
  const { fields, method } = request;
  const requestId = requestIdOf(fields);
  const head = headOf(memo, startedAt, isInsider(request, gateway.trustedPeers));
  const own = [...head, 'x-request-id', requestId];
  const coding = memo.head.compressible ? codingFor(fieldValue(fields, 'accept-encoding'), memo, runtime) : 'identity';
  const body = coding === 'identity' ? memo.body : memo.coded.get(coding)!;
  const had = validatorHad(memo, fields, method, runtime);
  const { etag } = memo.head;
  if (etag !== undefined) own.push('etag', had ?? codedTag(etag, coding));
  if (had !== undefined) {
    const done = recorder(memo, 304, { request, setup, startedAt, requestId });
    return { status: 304, fields: own, body: NONE, done };
  }
  if (coding !== 'identity') own.push('content-encoding', coding);
  own.push('content-length', String(body.length));
  const done = recorder(memo, 200, { request, setup, startedAt, requestId });
  return { status: 200, fields: own, body: method === 'HEAD' ? NONE : { kind: 'whole', chunks: [body] }, done };
}

const NONE = { kind: 'none' } as const;

/** The tag or date by which the client has this very page already, as it is to be printed; `undefined` if it has not. */
function validatorHad({ head }: Memo, fields: Fields, method: string, { codings }: Runtime): string | undefined {
  const asked = fieldValue(fields, 'if-none-match');
  if (asked === undefined && !fields.includes('if-modified-since')) return undefined;
  if (asked !== undefined && head.etag !== undefined && head.compressible)
    return tagOfBody(asked, head.etag, codings.encodes);
  return notModified(head, fields, method) ? (head.etag ?? '') : undefined;
}

/** Bytes below which a body is not worth compressing. */
const WORTH_CODING = 1_024;

/** The coding that the body is sent in now. One that is wanted and not there yet is made for those who come later. */
function codingFor(accepted: string | undefined, memo: Memo, runtime: Runtime): string {
  if (accepted === undefined || memo.body.length < WORTH_CODING) return 'identity';
  const wanted = preferredCoding(accepted, runtime.codings.encodes);
  if (wanted === 'identity' || memo.coded.has(wanted)) return wanted;
  if (!memo.tried.has(wanted)) runtime.background(compress(memo, wanted, runtime));
  return memo.coded.size === 0 ? 'identity' : preferredCoding(accepted, [...memo.coded.keys()]);
}

async function compress(memo: Memo, coding: string, { codings, store, observe }: Runtime): Promise<void> {
  memo.tried.add(coding); // once, even if it fails
  try {
    const bytes = await codings.encode(coding, memo.body);
    const now = await store.get(memo.place);
    if (bytes.length >= memo.body.length || !isMemo(now) || now.body !== memo.body) return;
    // Another object, since it weighs more now, and stores weigh what they are given once.
    const grown: Memo = { ...now, coded: new Map([...now.coded, [coding, bytes]]), size: now.size + bytes.length };
    if (grown.size <= store.maxEntrySize) await store.set(memo.place, grown);
  } catch (thrown) {
    observe({ type: 'internal', error: asInlayError(thrown) });
  }
}

/** The fields that are the same for all who ask in the same second. */
function headOf(memo: Memo, now: number, insider: boolean): Fields {
  const known = memo.printed[insider ? 1 : 0];
  if (known !== undefined && now >= known.from && now < known.until) return known.fields;
  const age = Math.max(0, now - memo.bornAt);
  const left = memo.templateUntil - now;
  const status: CacheStatus = {
    hit: true,
    ttl: left,
    key: insider ? memo.key : undefined,
    detail: printCounts(memo.outcomes).join(' ') || undefined,
  };
  const fields = [
    ...memo.head.fields,
    ...['age', String(Math.floor(age / 1_000))],
    ...['cache-status', printCacheStatus(status)],
    ...['server-timing', 'inlay;desc="hit"'],
  ];
  // Both numbers are floored, one grows and one falls: good until either changes.
  const until = now + Math.min(1_000 - (age % 1_000), left % 1_000 || 1_000);
  memo.printed[insider ? 1 : 0] = { from: now, until, fields };
  return fields;
}

interface Hit {
  readonly request: PageRequest;
  readonly setup: Setup;
  readonly startedAt: number;
  readonly requestId: string;
}

const UNRECORDED = () => {};

/** Records a hit as any other request is, if anybody wants to know. */
function recorder(memo: Memo, status: number, { request, setup, startedAt, requestId }: Hit): PageAnswer['done'] {
  const { runtime } = setup;
  if (!runtime.recording) return UNRECORDED;
  return (bytes, broken) => {
    const error = broken === undefined ? undefined : asInlayError(broken);
    runtime.observe({
      type: 'request',
      record: {
        requestId,
        traceId: createTrace(request.fields).traceId,
        method: request.method,
        host: request.host,
        path: request.target,
        route: memo.route,
        status,
        bytes,
        duration: Math.round((runtime.now() - startedAt) * 100) / 100,
        cache: 'hit',
        parts: memo.outcomes,
        warnings: memo.warnings,
        reason: 'hit, kept assembled',
        reasons: [],
        errors: [],
        ...(error === undefined ? {} : { error: `${error.code}: ${error.message}` }),
      },
    });
  };
}
