import { Interest } from '../cache/interest.ts';
import { InlayError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { UpstreamRequest, UpstreamResponse } from '../runtime.ts';
import type { Batch } from './match.ts';
import type { Service } from './service.ts';

/** One entity that is asked for together with others of its kind. */
export interface BatchCall {
  readonly name: string;
  readonly service: Service;
  readonly batch: Batch;
  readonly id: string;
  /** Path at the service up to the ids, and from there on; with POST all of it is the first. */
  readonly path: readonly [before: string, after: string];
  /** What the request carries beyond that; entities that it differs for are not asked for together. */
  readonly fields: Fields;
  /** Bytes that one entity may have. */
  readonly maxSize: number;
  /** Waits for a place among the concurrent fetches of the page that asks. */
  readonly place: (interest: Interest) => Promise<() => void>;
  /** Ends when nobody needs it any more. */
  readonly interest: Interest;
}

/** Whoever waits for an entity. */
export interface Waiter {
  readonly call: BatchCall;
  readonly request: UpstreamRequest;
  readonly resolve: (response: UpstreamResponse) => void;
  readonly reject: (error: InlayError) => void;
  over: boolean;
}

/** Characters of the path of a batch: beyond, services answer 414. */
const MAX_PATH = 8_000;

export type Place = BatchCall['place'];

/** Whether anybody still waits; who does not is told. */
export function isWanted(waiter: Waiter): boolean {
  if (!waiter.call.interest.isOver) return true;
  settle(waiter, left(waiter.request));
  return false;
}

/** The ids of one request, and who waits for each. */
export type Chunk = Map<string, Waiter[]>;

export function chunksOf(waiters: readonly Waiter[]): Chunk[] {
  const byId = new Map<string, Waiter[]>();
  for (const waiter of waiters) {
    const known = byId.get(waiter.call.id);
    if (known === undefined) byId.set(waiter.call.id, [waiter]);
    else known.push(waiter);
  }
  const chunks: Chunk[] = [];
  let chunk: Chunk = new Map();
  let length = 0;
  for (const [id, waiting] of byId) {
    const { batch, path } = waiting[0]!.call;
    const own = batch.method === 'GET' ? encodeURIComponent(id).length + 1 : 0;
    if (chunk.size === 0 || chunk.size >= batch.max || length + own > MAX_PATH) {
      chunk = new Map();
      chunks.push(chunk);
      length = path[0].length + path[1].length;
    }
    chunk.set(id, waiting);
    length += own;
  }
  return chunks;
}

/** The ids of a chunk by the pages that asked for them. */
export function byPage(chunk: Chunk): Chunk[] {
  const pages = new Map<Place, Chunk>();
  for (const [id, waiters] of chunk) {
    for (const waiter of waiters) {
      let page = pages.get(waiter.call.place);
      if (page === undefined) {
        page = new Map();
        pages.set(waiter.call.place, page);
      }
      const known = page.get(id);
      if (known === undefined) page.set(id, [waiter]);
      else known.push(waiter);
    }
  }
  return [...pages.values()];
}

/** While a place was waited for, some may have left: what nobody wants any more is not asked for. */
export function forgetLeft(chunk: Chunk): void {
  for (const [id, waiters] of chunk) if (waiters.every(({ over }) => over)) chunk.delete(id);
}

/** The interest of all who wait: it ends when the last of them is gone. Each who goes is told at once. */
export function whileWanted(waiters: readonly Waiter[]): Interest {
  const interest = new Interest();
  let wanted = waiters.length;
  for (const waiter of waiters) {
    waiter.call.interest.onEnd(() => {
      settle(waiter, left(waiter.request));
      if (--wanted === 0) interest.end();
    });
  }
  return interest;
}

/**
 * A place of the first page that has one, or one of those that all batches share: no page must wait because another is
 * busy, be it one that waits for what the other asked for first.
 */
export async function placeOf(waiters: readonly Waiter[], shared: Place, interest: Interest): Promise<() => void> {
  const places = [shared, ...new Set(waiters.map(({ call }) => call.place))];
  const asking = interest.child();
  let taken = false;
  const asked = places.map(async (place) => {
    const leave = await place(asking);
    if (taken) leave();
    else taken = true;
    return leave;
  });
  try {
    return await Promise.any(asked);
  } catch {
    throw left(waiters[0]!.request);
  } finally {
    asking.end();
  }
}

export function settle(waiter: Waiter, outcome: UpstreamResponse | InlayError): void {
  if (waiter.over) return;
  waiter.over = true;
  if (outcome instanceof InlayError) waiter.reject(outcome);
  else waiter.resolve(outcome);
}

export function left({ path }: UpstreamRequest): InlayError {
  return new InlayError('client-closed', 'nobody waits for the answer any more', { path });
}
