import { parseHttpDate } from './date.ts';
import { type Fields, fieldLines, fieldValue } from './fields.ts';

/** Bytes of a representation, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** `bytes=0-499`, `bytes=500-`, `bytes=-500`: one range, and nothing else. */
const SINGLE = /^bytes[ \t]*=[ \t,]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t,]*$/i;

/** Whether a Range asks for one range of bytes; whatever else there is may be ignored (RFC 9110 section 14.2). */
export function isSingleRange(value: string | undefined): value is string {
  if (value === undefined) return false;
  const [, first, last] = SINGLE.exec(value) ?? [undefined, '', ''];
  return SINGLE.test(value) && !(first && last && Number(last) < Number(first));
}

/**
 * The bytes that a Range asks for of a body of this length; `undefined` if it is to be ignored.
 *
 * @param length bytes
 * @see RFC 9110 sections 14.1.2 and 14.2
 */
export function selectRange(value: string, length: number): ByteRange | 'unsatisfiable' | undefined {
  if (!isSingleRange(value)) return undefined;
  const [, from = '', to = '', suffix = ''] = SINGLE.exec(value)!;
  if (suffix !== '') {
    return Number(suffix) === 0 || length === 0
      ? 'unsatisfiable'
      : { first: Math.max(0, length - Number(suffix)), last: length - 1 };
  }
  if (Number(from) >= length) return 'unsatisfiable';
  return { first: Number(from), last: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
}

/**
 * The bytes that an answer of 206 says it has; `undefined` if it does not say so of one range, or wrongly.
 *
 * @see RFC 9110 section 14.4
 */
export function contentRange(fields: Fields): ByteRange | undefined {
  const lines = fieldLines(fields, 'content-range');
  const [, first, last, complete] =
    /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(lines[0]?.trim() ?? '') ?? [];
  if (lines.length !== 1 || first === undefined || last === undefined) return undefined;
  if (Number(last) < Number(first) || (complete !== '*' && Number(complete) <= Number(last))) return undefined;
  return { first: Number(first), last: Number(last) };
}

/**
 * Whether an `If-Range` lets the range of its request be served: its validator is the strong one of what we have.
 * A date is strong if the representation was changed at least a second before it was sent (RFC 9110 section 8.8.2.2).
 *
 * @param fields of the stored response
 * @see RFC 9110 section 13.1.5
 */
export function ifRangeHolds(requestFields: Fields, fields: Fields): boolean {
  const lines = fieldLines(requestFields, 'if-range');
  if (lines.length === 0) return true;
  const wanted = lines.length === 1 ? lines[0]!.trim() : '';
  if (wanted.startsWith('"')) return fieldValue(fields, 'etag')?.trim() === wanted;
  const modified = fieldValue(fields, 'last-modified')?.trim();
  if (modified === undefined || modified !== wanted) return false;
  const at = parseHttpDate(modified);
  const sent = parseHttpDate(fieldValue(fields, 'date')?.trim() ?? '');
  return at !== undefined && sent !== undefined && sent - at >= 1_000;
}
