import { asInlayError, InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import type { Ask } from './ask.ts';
import { type Answer, answer, type How, joinUntilAborted, serve, takePart, type Verdict, verdict } from './cache.ts';
import type { Flight } from './coalesce.ts';
import { createFeed } from './feed.ts';
import { fetchEntry } from './fetch.ts';
import type { Arrival } from './fill.ts';
import type { RequestDirectives } from './freshness.ts';
import { invalidate, lookup, standIn } from './lookup.ts';

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

/** As {@link resolve}, for a page: what must be fetched is handed on while it arrives. Never rejects. */
export async function open(ask: Ask, runtime: Runtime, request: RequestDirectives): Promise<Opened> {
  const judged = verdict(await lookup(ask, runtime), runtime.now(), request);
  if (judged.act === 'serve') return serve(ask, runtime, judged);
  if (request.onlyIfCached) {
    const error = new InlayError(
      'not-cached',
      'the request wants a stored answer, and there is none that it may have',
      { path: ask.path },
    );
    return { kind: 'failed', error, how: 'miss', reason: judged.reason, stale: undefined };
  }
  // RFC 9111 section 5.2.1.4: who wants no stored answer does not wait for one either.
  const part =
    request.noCache || request.noStore ? ({ role: 'alone' } as const) : await takePart(ask, runtime, judged.reason);
  if (part.role === 'shared') return answer(part.end, judged, 'coalesced');
  return stream(ask, runtime, judged, part.role === 'lead' ? part.flight : undefined);
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Forwards a request that no cache may answer, such as a POST. Never rejects. */
export async function forward(ask: Ask, runtime: Runtime): Promise<Opened> {
  const opened = await stream(ask, runtime, { act: 'fetch', fallback: undefined, reason: 'method' }, undefined);
  const done = opened.kind === 'stream' && opened.arrival.status >= 200 && opened.arrival.status < 400;
  if (done && !SAFE.has(ask.method)) await invalidate(ask, runtime);
  return opened;
}

async function stream(
  ask: Ask,
  runtime: Runtime,
  judged: Extract<Verdict, { act: 'fetch' }>,
  flight: Flight | undefined,
): Promise<Opened> {
  const how = flight === undefined ? 'pass' : 'miss';
  const feed = createFeed();
  const leave = flight === undefined ? () => {} : joinUntilAborted(flight, ask.signal);
  const fetched = fetchEntry(ask, runtime, flight?.signal ?? ask.signal, flight, feed);
  runtime.background(
    fetched.then((end) => {
      leave();
      if ('error' in end) feed.fail(end.error);
    }),
  );
  let arrival: Arrival;
  try {
    arrival = await feed.arrival;
  } catch (error) {
    return answer({ error: asInlayError(error) }, judged, how);
  }
  const stale = arrival.status >= 500 ? standIn(judged.fallback, false) : undefined;
  return { kind: 'stream', arrival, segments: feed, how, reason: judged.reason, stale };
}
