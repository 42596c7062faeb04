import { parseHttpDate } from './date.ts';
import { type Fields, fieldLines, fieldValue } from './fields.ts';

/** What is known of the selected representation: field values as received. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Stands in for an absent Last-Modified (RFC 9111 section 4.3.2). */
  readonly date?: string | undefined;
}

/**
 * The entity tags of an `If-None-Match`, `If-Match` or `ETag` value, as written, or `'*'`.
 * Tags without quotes are against the grammar but sent; they are kept as they are, and so equal only each other.
 *
 * @see RFC 9110 sections 8.8.3 and 13.1.2
 */
export function parseEtags(value: string): readonly string[] | '*' {
  if (value.trim() === '*') return '*';
  return value.match(/(?:W\/)?"[^"]*"|[^\s,]+/g) ?? [];
}

/** Weak comparison: the opaque tags agree, whether weak or not (RFC 9110 section 8.8.3.2). */
export function weakMatch(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '');
}

/** Strong comparison: the tags agree and neither is weak (RFC 9110 section 8.8.3.2). */
export function strongMatch(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/');
}

/** A coded form of a body has the tag of the body with the coding's name at its end (RFC 9110 section 8.8.3.3). */
export function codedTag(etag: string, coding: string): string {
  return coding === 'identity' ? etag : `${etag.slice(0, -1)}-${coding}"`;
}

/**
 * The tag in an `If-None-Match` that means this body, in whatever coding its client has it; `undefined` if none does.
 *
 * @param etag a strong one, of the body as it is
 * @param codings that the body may be sent in
 */
export function tagOfBody(value: string, etag: string, codings: readonly string[]): string | undefined {
  const tags = parseEtags(value);
  if (tags === '*') return etag;
  const ours = [etag, ...codings.map((coding) => codedTag(etag, coding))];
  return ours.find((tag) => tags.some((given) => weakMatch(given, tag)));
}

/**
 * Whether the client's preconditions make a 304 of a representation that would otherwise be a 200.
 * `If-None-Match`, if present, alone decides; dates are compared in whole seconds, and an invalid one is as if absent.
 *
 * @param method anything but GET and HEAD is never answered by 304
 * @see RFC 9110 sections 13.1.2, 13.1.3 and 13.2.2
 */
export function notModified(validators: Validators, requestFields: Fields, method = 'GET'): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const ifNoneMatch = fieldValue(requestFields, 'if-none-match');
  if (ifNoneMatch !== undefined) {
    const tags = parseEtags(ifNoneMatch);
    if (tags === '*') return true;
    const etag = validators.etag?.trim();
    return etag !== undefined && tags.some((tag) => weakMatch(tag, etag));
  }
  const lines = fieldLines(requestFields, 'if-modified-since');
  const modified = validators.lastModified ?? validators.date;
  if (lines.length !== 1 || modified === undefined) return false;
  const since = parseHttpDate(lines[0]!.trim());
  const at = parseHttpDate(modified.trim());
  return since !== undefined && at !== undefined && at <= since;
}
