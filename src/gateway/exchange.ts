import type { InlayError } from '../errors.ts';
import type { Claims } from '../fragment/key.ts';
import type { Fields } from '../http/fields.ts';
import type { Interim } from '../runtime.ts';

/** A client's request, as a rim received it. */
export interface PageRequest {
  readonly method: string;
  /** Path and query exactly as received; begins with `/`. Routes and upstream requests are made from this string alone. */
  readonly target: string;
  /** The authority the client asked for: host and optional port. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
  /** As received, names lower-cased. */
  readonly fields: Fields;
  /** Address of the peer, if the rim knows it. */
  readonly peer: string | undefined;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** What an application in front of the gateway has verified of who is asking. */
  claims?: Claims | undefined;
  /** Why the request cannot be answered, if the rim found that its head could mean two things. */
  readonly problem?: InlayError | undefined;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Sends an interim response ahead of the answer, unless that has begun; absent if the client or the rim knows none. */
  readonly interim?: Interim | undefined;
}

/** What the rim sends to the client. */
export interface PageAnswer {
  readonly status: number;
  /** Ready to be written; framing fields (`content-length`) included. */
  readonly fields: Fields;
  readonly body: AnswerBody;
  /** To be called once when the last byte was handed to the transport, or with what cut it short. */
  readonly done: (bytes: number, error?: unknown) => void;
}

/** A body that is all there, or one that is still being composed; a stream that throws must visibly break the connection. */
export type AnswerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: 'stream'; readonly batches: AsyncIterable<readonly Uint8Array[]> };
