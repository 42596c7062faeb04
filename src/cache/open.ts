import { asInlayError, InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Segment } from '../template/template.ts';
import type { Ask } from './ask.ts';
import { type Answer, answer, type How, type Part, serve, takePart, type Verdict, verdict } from './cache.ts';
import { createFeed } from './feed.ts';
import { fetchEntry } from './fetch.ts';
import type { Arrival } from './fill.ts';
import type { RequestDirectives } from './freshness.ts';
import { lookup, standIn } from './lookup.ts';

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
  if (part.role === 'shared') return answer(part.end, judged, 'coalesced', runtime);
  return stream(ask, runtime, judged, part.role === 'lead' ? part : undefined);
}

/** Forwards a request that no cache may answer, such as a POST. Never rejects. */
export function forward(ask: Ask, runtime: Runtime): Promise<Opened> {
  return stream(ask, runtime, { act: 'fetch', fallback: undefined, reason: 'method' }, undefined);
}

async function stream(
  ask: Ask,
  runtime: Runtime,
  judged: Extract<Verdict, { act: 'fetch' }>,
  part: Extract<Part, { role: 'lead' }> | undefined,
): Promise<Opened> {
  const how = part === undefined ? 'pass' : 'miss';
  const feed = createFeed();
  const fetched = fetchEntry(ask, runtime, part?.flight.signal ?? ask.signal, part?.flight, feed);
  runtime.background(
    fetched.then((end) => {
      part?.leave();
      if ('error' in end) feed.fail(end.error);
    }),
  );
  let arrival: Arrival;
  try {
    arrival = await feed.arrival;
  } catch (error) {
    return answer({ error: asInlayError(error) }, judged, how, runtime);
  }
  const stale = arrival.status >= 500 ? standIn(judged.fallback, false, runtime) : undefined;
  return { kind: 'stream', arrival, segments: feed, how, reason: judged.reason, stale };
}
