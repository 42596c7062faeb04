import type { Fields } from '../http/fields.ts';
import type { Stamped } from '../purge/purge-index.ts';
import type { Template } from '../template/template.ts';

/** What the cache stores: one representation, compiled, with all that is needed to judge and deliver it. Plain data. */
export interface Entry extends Stamped {
  readonly kind: 'entry';
  readonly status: number;
  /** End-to-end fields of the stored response, surrogate fields included. */
  readonly fields: Fields;
  readonly template: Template;
  /** Request fields named by `Vary` and the values this representation was selected by (RFC 9111 section 4.1). */
  readonly vary: readonly (readonly [name: string, value: string])[];
  /** Hash of the body: a part of the ETag of every page that this is composed into. */
  readonly validator: string;
  /** Epoch ms when the response arrived. */
  readonly storedAt: number;
  /** Corrected age on arrival, in ms (RFC 9111 section 4.2.3). */
  readonly initialAge: number;
  /** Freshness lifetime in ms; 0 is stale at once (RFC 9111 section 4.2.1). */
  readonly lifetime: number;
  /** How the lifetime was decided, for plans. */
  readonly lifetimeFrom: string;
  /** Window in ms after staleness in which it may be served while it is refreshed (RFC 5861 section 3). */
  readonly staleWhileRevalidate: number;
  /** Window in ms after staleness in which it may be served when the service fails (RFC 5861 section 4). */
  readonly staleIfError: number;
  /** Beyond its windows it may not be served stale, not even when the service cannot be reached (RFC 9111 section 5.2.2.2). */
  readonly mustRevalidate: boolean;
  /** Its body is known to be one JSON value; otherwise that is found out when it matters. */
  readonly json?: true;
  /** Bytes this entry counts for in the store's bound: body, fields, strings and bookkeeping. */
  readonly size: number;
  /** Made for those who keep something that was assembled from it. */
  pulse?: Pulse;
}

/**
 * What is left of an entry for who was assembled from it: enough to ask whether it is still valid, and nothing of its
 * body, which the store may forget.
 */
export interface Pulse extends Stamped {
  /** Where the entry stands in the store. */
  readonly place: string;
  /** The store has it no longer: replaced, deleted or pushed out. */
  gone: boolean;
}

/** Something assembled from entries. Only its size concerns the cache: it shares the store's bound. */
export interface Assembled {
  readonly kind: 'assembled';
  /** Bytes. */
  readonly size: number;
}

/** Stands at the primary key of a URL whose responses vary, by `Vary` or by Range: where to look for the representations. */
export interface VaryMarker {
  readonly kind: 'vary';
  /** What they vary by: each list lower-case request field names, sorted; the list of the newest first. */
  readonly names: readonly (readonly string[])[];
  /** Keys of the representations, the newest first. */
  readonly variants: readonly string[];
  readonly size: number;
}

/** Stands at a key whose latest answer was not storable: nobody waits in line for such a key. */
export interface UnstorableMarker {
  readonly kind: 'unstorable';
  /** Epoch ms after which it is forgotten. */
  readonly until: number;
  readonly size: number;
}

/** Anything a store holds. */
export type Stored = Entry | VaryMarker | UnstorableMarker | Assembled;
