/** What the cache did for one request, in the words of RFC 9211 section 2. */
export interface CacheStatus {
  /** Answered from the cache without contacting the service. */
  readonly hit?: boolean | undefined;
  /** Why the request went forward. */
  readonly fwd?: ForwardReason | undefined;
  /** The status of the service's answer. */
  readonly fwdStatus?: number | undefined;
  readonly stored?: boolean | undefined;
  /** It waited for another request's fetch. */
  readonly collapsed?: boolean | undefined;
  /** Ms of freshness left; negative when stale. */
  readonly ttl?: number | undefined;
  readonly key?: string | undefined;
  readonly detail?: string | undefined;
}

/** RFC 9211 section 2.2. */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/**
 * Prints our member of the `Cache-Status` list: `inlay; fwd=stale; fwd-status=200; stored; ttl=-3`.
 * `hit` and `fwd` exclude each other; `hit` wins. A hit has no forwarded status, was not stored now and not collapsed.
 *
 * @see RFC 9211 section 2
 */
export function printCacheStatus(status: CacheStatus): string {
  let member = 'inlay';
  if (status.hit) {
    member += '; hit';
  } else {
    if (status.fwd !== undefined) member += `; fwd=${status.fwd}`;
    if (status.fwdStatus !== undefined) member += `; fwd-status=${status.fwdStatus}`;
    if (status.stored) member += '; stored';
    if (status.collapsed) member += '; collapsed';
  }
  if (status.ttl !== undefined) member += `; ttl=${wholeSeconds(status.ttl)}`;
  if (status.key !== undefined) member += `; key=${printString(status.key)}`;
  if (status.detail !== undefined) member += `; detail=${printString(status.detail)}`;
  return member;
}

/** A structured-field integer has at most 15 digits (RFC 9651 section 3.3.1); `+ 0` turns -0 into 0. */
function wholeSeconds(ms: number): number {
  const limit = 999_999_999_999_999;
  return Math.max(-limit, Math.min(limit, Math.floor(ms / 1000))) + 0;
}

/** A structured-field string: printable ASCII, `"` and `\` escaped; the rest is removed (RFC 9651 section 3.3.3). */
function printString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
