import type { Coalesce } from './cache/coalesce.ts';
import type { Store } from './cache/store.ts';
import type { InlayError } from './errors.ts';
import type { Batches } from './fragment/batch.ts';
import type { Codings } from './http/content-coding.ts';
import type { Fields } from './http/fields.ts';
import type { BusState } from './purge/bus.ts';
import type { PurgeIndex } from './purge/purge-index.ts';

/** A request to a service. `origin` comes from the configuration alone; `path` is sent as these bytes. */
export interface UpstreamRequest {
  readonly method: string;
  /** Scheme, host and port: `http://127.0.0.1:9001`. */
  readonly origin: string;
  /** Path and query, starting with `/`. */
  readonly path: string;
  readonly fields: Fields;
  readonly body?: AsyncIterable<Uint8Array>;
  /** Ms until the head of the response must have arrived, and ms until the last byte of its body. */
  readonly headTimeout: number;
  readonly totalTimeout?: number;
  readonly signal?: AbortSignal;
  /** Is told of each interim response but 100 and 101, its fields as received, before the head (RFC 9110 section 15.2). */
  readonly interim?: Interim | undefined;
}

/** Takes an interim response. Never throws. */
export type Interim = (status: number, fields: Fields) => void;

/** A response of a service. The body must be consumed or its iterator returned, or the connection is not freed. */
export interface UpstreamResponse {
  readonly status: number;
  /** As received, names lower-cased. */
  readonly fields: Fields;
  /** Ends normally only if the body is complete; throws an {@link InlayError} (`upstream-…`) otherwise. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Parses the item of a batch that the body is taken from, where that is more than the body. */
  readonly item?: () => unknown;
  /** The body is known to be one JSON value. */
  readonly json?: boolean;
}

/** Something that happened, for logs and metrics. */
export type InlayEvent =
  | {
      readonly type: 'purge';
      readonly seq: number;
      readonly mode: string;
      readonly targets: number;
      readonly from: string;
      /** The publisher's id, and the first few of the targets. */
      readonly id: string;
      readonly first: readonly string[];
    }
  | { readonly type: 'purge-rejected'; readonly from: string; readonly seq?: number; readonly error: InlayError }
  | { readonly type: 'purge-floor'; readonly seq: number; readonly mode: string; readonly reason: string }
  | {
      /** How well purges arrive has changed; `seq` and `lag` as health reports them. */
      readonly type: 'purge-state';
      readonly state: BusState;
      readonly seq: number;
      readonly lag: number;
    }
  | {
      /** `refused`: connected, but the server does not permit something. */
      readonly type: 'bus';
      readonly state: 'connected' | 'refused' | 'disconnected' | 'closed';
      readonly detail: string;
    }
  | { readonly type: 'breaker'; readonly origin: string; readonly state: 'open' | 'closed'; readonly detail: string }
  | { readonly type: 'internal'; readonly error: InlayError }
  | { readonly type: 'background-failed'; readonly error: InlayError; readonly key: string }
  | { readonly type: 'request'; readonly record: RequestRecord };

/** One line of the access log: what was asked, what was answered, and how it was composed. */
export interface RequestRecord {
  readonly requestId: string;
  readonly traceId: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly route: string;
  readonly status: number;
  /** Bytes of body handed to the transport. */
  readonly bytes: number;
  /** Ms from the request's arrival to its last byte. */
  readonly duration: number;
  readonly cache: string;
  /** Why: `miss, purged by tag country:FRA`. */
  readonly reason: string;
  /** The same of its parts, as far as they were no simple hits. */
  readonly reasons: readonly string[];
  /** How often each outcome occurred among the page's parts. */
  readonly parts: Readonly<Record<string, number>>;
  /** What its markup should be told: `/page@120: unknown-tag: …`. */
  readonly warnings: readonly string[];
  /** Includes that failed, and why. */
  readonly errors: readonly string[];
  readonly error?: string;
}

/** Every effect that the core may have; a rim provides one. */
export interface Runtime {
  /** Sends a request to a service. Rejects with an {@link InlayError} (`upstream-…`, `client-closed`). */
  fetch(request: UpstreamRequest): Promise<UpstreamResponse>;
  /** Epoch ms; never goes backwards. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
  /** Keeps a task alive beyond the response (`waitUntil` at the edge, awaited by the drain on Node). It must not reject. */
  background(task: Promise<unknown>): void;
  /** Takes note of an event. Never throws. */
  observe(event: InlayEvent): void;
  /** Whether anybody wants to know of single requests; their records are not made otherwise. */
  readonly recording: boolean;
  readonly codings: Codings;
  readonly store: Store;
  readonly purges: PurgeIndex;
  /** Ms that an entry may count as fresh while purges may be missed. */
  readonly maxUnsynced: number;
  readonly coalesce: Coalesce;
  readonly batches: Batches;
}
