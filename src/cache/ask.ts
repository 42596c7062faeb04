import type { Fields } from '../http/fields.ts';
import type { Interim, Runtime, UpstreamRequest, UpstreamResponse } from '../runtime.ts';
import type { EsiMode } from '../template/compile.ts';
import type { Arrival } from './arrival.ts';
import type { Interest } from './interest.ts';
import type { StoragePolicy } from './storability.ts';

/** Everything the cache must know to answer one request: from the store, from a fetch under way, or from the service. */
export interface Ask {
  /** Primary key: a JSON array of parts, never a join, so that no two requests can share one by accident. */
  readonly key: string;
  readonly method: string;
  readonly origin: string;
  /** Path and query as sent upstream. */
  readonly path: string;
  /** Request fields as sent upstream; `Vary` selects by these. A `range` is sent only if nothing whole is stored. */
  readonly fields: Fields;
  /** Fields of one fetch that never select a representation: its own place in the trace. */
  readonly trace: () => Fields;
  readonly policy: StoragePolicy;
  /** When the answer is compiled as a template. */
  readonly esi: EsiMode;
  /** Where ids stand in a JSON answer that does not say so itself (`Inlay-Hydrate`). */
  readonly hydrate?: string | undefined;
  /** Whether there are entities of that type: an answer may say that it holds ids of others. */
  readonly isType?: (name: string) => boolean;
  /** Tags of the answer, from its fields and its body (parsed as JSON on demand). */
  readonly tags: (fields: Fields, json: () => unknown) => string[];
  /** The largest body in bytes that is stored, and for a buffered answer the largest that is accepted. */
  readonly maxSize: number;
  /** Ms of freshness, whatever a storable answer says itself. */
  readonly ttl?: number;
  /** Needs the body itself, not as it was coded for the way: it becomes a part of something. */
  readonly decoded?: boolean;
  /** Is told of the head of an answer to an unsafe request before its body is read, and may forget what it made wrong. */
  readonly arrived?: (arrival: Arrival) => Promise<void>;
  /** Whether a URL reference in an answer is the URL that was asked for. */
  readonly isOwn?: (reference: string) => boolean;
  /** Neither taken from the store nor put there, nor shared with others who ask. */
  readonly bypass?: boolean;
  /** Ms. */
  readonly headTimeout: number;
  readonly totalTimeout?: number;
  /** Ends when nobody needs the answer any more. */
  readonly interest: Interest;
  /** Waits for a place among the page's concurrent fetches; the returned function gives it back. Rejects when the interest ends. */
  readonly place: (interest: Interest) => Promise<() => void>;
  readonly body?: AsyncIterable<Uint8Array>;
  /** Sends the request together with others, where that is how such things are asked for. */
  readonly via?:
    | ((request: UpstreamRequest, interest: Interest, runtime: Runtime) => Promise<UpstreamResponse>)
    | undefined;
  /** Is told of interim responses, if this ask itself is fetched: neither those who share its answer nor a store hear of them. */
  readonly interim?: Interim | undefined;
}
