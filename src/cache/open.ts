import { asInlayError, InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import { type Arrival, renew } from './arrival.ts';
import type { Ask } from './ask.ts';
import { type Answer, answer, type Fetch, type How, kept, serve, verdict } from './cache.ts';
import type { Entry } from './entry.ts';
import { createFeed } from './feed.ts';
import { fetchEntry } from './fetch.ts';
import { isError, type RequestDirectives } from './freshness.ts';
import { type Part, takePart } from './join.ts';
import { drop, lookup, put, standIn } from './lookup.ts';
import { compareHead } from './update.ts';

/** A page on its way: complete, or as its head and a body that is still arriving. */
export type Opened = Answer | Stream;

/** A page whose head has arrived. */
export interface Stream {
  readonly kind: 'stream';
  readonly arrival: Arrival;
  /** Batches of segments as the body completes them; throws an InlayError if the body breaks off. */
  readonly segments: AsyncIterable<readonly Segment[]>;
  readonly how: How;
  readonly reason: string;
  readonly stale: ReturnType<typeof standIn>;
}

/** As `resolve`, for a page: what must be fetched is handed on while it arrives. Never rejects. */
export async function open(ask: Ask, runtime: Runtime, request: RequestDirectives): Promise<Opened> {
  const judged = verdict(await lookup(ask, runtime), runtime.now(), request);
  if (judged.act === 'serve') return serve(ask, runtime, judged);
  if (request.onlyIfCached) return notCached(ask, judged);
  // RFC 9111 section 5.2.1.4: who wants no stored answer does not wait for one either.
  const part =
    request.noCache || request.noStore
      ? ({ role: 'alone' } as const)
      : await takePart(ask, runtime, judged.reason, judged.names ?? rangeOf(ask));
  if (part.role === 'shared') return answer(part.end, judged, 'coalesced', runtime);
  return stream(ask, runtime, judged, part.role === 'lead' ? part : undefined);
}

/** Those who want different parts of a body that nobody has yet do not wait for each other. */
function rangeOf({ fields }: Ask): readonly string[] {
  return fields.includes('range') ? ['range'] : [];
}

/**
 * Answers a HEAD: from what a GET stored, or by asking the service for the head, which then updates or outdates what is
 * stored (RFC 9111 section 4.3.5). Only the head of a page that is composed takes its body to know. Never rejects.
 *
 * @param ask as of a GET
 */
export async function openHead(ask: Ask, runtime: Runtime, request: RequestDirectives): Promise<Opened> {
  const judged = verdict(await lookup(ask, runtime), runtime.now(), request);
  if (judged.act === 'serve') return serve(ask, runtime, judged);
  if (request.onlyIfCached) return notCached(ask, judged);
  if (ask.esi === 'always') return open(ask, runtime, request);
  const opened = await stream({ ...ask, method: 'HEAD' }, runtime, { ...judged, names: [] }, undefined);
  if (opened.kind !== 'stream') return opened;
  const { arrival } = opened;
  if (arrival.syntax !== 'none') {
    await opened.segments[Symbol.asyncIterator]().return?.();
    return open(ask, runtime, request);
  }
  const held = judged.fallback?.entry;
  const updated = held && (await updateByHead(ask, runtime, held, arrival));
  if (updated === undefined) return opened;
  await opened.segments[Symbol.asyncIterator]().return?.();
  return {
    kind: 'entry',
    entry: updated,
    stored: true,
    forwarded: 200,
    how: 'miss',
    reason: judged.reason,
    stale: undefined,
  };
}

/** What is stored, with what the head of a HEAD said of it; `undefined` if it was about something else. */
async function updateByHead(ask: Ask, runtime: Runtime, held: Entry, arrival: Arrival): Promise<Entry | undefined> {
  const { status, fields, stamp, epoch } = arrival;
  const compared = status === 200 && held.status === 200 ? compareHead(fields, held, bodyLength(held)) : 'unknown';
  // A purge asks for the body to be looked at, and a date may be too coarse to tell that it changed.
  const purged = runtime.purges.validity(held).state !== 'valid';
  if (compared === 'same' && !purged) {
    const renewed = renew(ask, held, fields, { times: arrival, stamp, epoch });
    if (renewed?.storability.store && runtime.purges.validity(renewed.unchanged).state !== 'hard') {
      await put(ask, runtime, renewed.unchanged);
      return renewed.unchanged;
    }
  }
  if (compared === 'other' || status === 404 || status === 410) await drop(ask, runtime, held);
  return undefined;
}

/** Bytes of a stored body that is no template. */
export function bodyLength({ template }: Entry): number {
  let length = 0;
  for (const segment of template.segments) if (segment instanceof Uint8Array) length += segment.length;
  return length;
}

function notCached(ask: Ask, { reason }: Fetch): Opened {
  const error = new InlayError('not-cached', 'the request wants a stored answer, and there is none that it may have', {
    path: ask.path,
  });
  return { kind: 'failed', error, how: 'miss', reason, stale: undefined };
}

/** Forwards a request that no cache may answer, such as a POST. Never rejects. */
export function forward(ask: Ask, runtime: Runtime): Promise<Opened> {
  return stream(ask, runtime, { act: 'fetch', fallback: undefined, reason: 'method' }, undefined);
}

async function stream(
  ask: Ask,
  runtime: Runtime,
  judged: Fetch,
  part: Extract<Part, { role: 'lead' }> | undefined,
): Promise<Opened> {
  const how = part === undefined ? 'pass' : 'miss';
  const feed = createFeed();
  // A HEAD asks for the head as it is now: a 304 would say less.
  const held = ask.method === 'GET' ? judged.fallback?.entry : undefined;
  const interest = part?.flight.interest ?? ask.interest;
  const fetched = fetchEntry(ask, runtime, { interest, flight: part?.flight, sink: feed, held });
  runtime.background(
    fetched.then((end) => {
      part?.leave();
      if ('error' in end) feed.fail(end.error);
      else feed.skip();
    }),
  );
  let arrival: Arrival | undefined;
  try {
    arrival = await feed.arrival;
  } catch (error) {
    return answer({ error: asInlayError(error) }, judged, how, runtime);
  }
  if (arrival === undefined) return answer(kept(await fetched, ask), judged, how, runtime);
  const stale = isError(arrival.status) ? standIn(judged.fallback, false, runtime) : undefined;
  return { kind: 'stream', arrival, segments: feed, how, reason: judged.reason, stale };
}
