import { weakMatch } from '../http/conditional.ts';
import { type Fields, fieldValue, withoutFields } from '../http/fields.ts';
import type { Entry } from './entry.ts';

/** What a stored body is and how long it is stays true, whatever a later answer without a body says (RFC 9111 section 3.2). */
const OF_THE_BODY: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-range']);

/**
 * The fields of a stored response, updated by those of an answer that says it is unchanged: every field that the answer
 * has replaces all lines of that name, the others stay.
 *
 * @param answered end-to-end fields of a 304, or of a 200 to a HEAD
 * @see RFC 9111 sections 3.2, 4.3.4 and 4.3.5
 */
export function updatedFields(stored: Fields, answered: Fields): string[] {
  const news = withoutFields(answered, OF_THE_BODY);
  const tag = news.indexOf('etag') + 1;
  const ours = fieldValue(stored, 'etag');
  // Of a body that was decoded the service's tag says no more than a weak one, whatever it was asked about.
  if (tag > 0 && ours?.startsWith('W/') && weakMatch(news[tag]!, ours)) news[tag] = ours;
  const named = new Set<string>();
  for (let i = 0; i < news.length; i += 2) named.add(news[i]!);
  // The Age of the stored response was about its own journey.
  return [...withoutFields(stored, named.add('age')), ...news];
}

/**
 * The preconditions that ask a service whether this is still what it has: with its own validators, never a client's.
 * Empty if it sent none.
 *
 * @see RFC 9111 section 4.3.1
 */
export function conditionsOf({ fields, status }: Entry): string[] {
  if (status < 200 || status > 299) return [];
  const etag = fieldValue(fields, 'etag');
  const modified = fieldValue(fields, 'last-modified');
  return [
    ...(etag === undefined ? [] : ['if-none-match', etag]),
    ...(modified === undefined ? [] : ['if-modified-since', modified]),
  ];
}

/** Whether a 304 is about the representation that we have: a strong validator of another says that it is not (RFC 9111 section 4.3.4). */
export function isAbout(answered: Fields, { fields }: Entry): boolean {
  const said = fieldValue(answered, 'etag')?.trim();
  const ours = fieldValue(fields, 'etag')?.trim();
  if (said === undefined || !said.startsWith('"')) return true;
  return ours === undefined || weakMatch(said, ours);
}

/**
 * Whether the head of a 200 to a HEAD is about the representation that we have, about another, or does not say: without a
 * validator that both have, it tells nothing of the body (RFC 9111 section 4.3.5).
 *
 * @param length bytes of the body that we have
 */
export function compareHead(answered: Fields, { fields }: Entry, length: number): 'same' | 'other' | 'unknown' {
  let validated = false;
  for (const name of ['etag', 'last-modified', 'content-encoding']) {
    const said = fieldValue(answered, name)?.trim();
    if (said === undefined) continue;
    if (said !== fieldValue(fields, name)?.trim()) return 'other';
    validated ||= name !== 'content-encoding';
  }
  const said = fieldValue(answered, 'content-length');
  if (said !== undefined && Number(said) !== length) return 'other';
  return validated ? 'same' : 'unknown';
}
