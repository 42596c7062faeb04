import type { Fields } from '../http/fields.ts';
import { fieldValue } from '../http/fields.ts';
import type { EsiMode } from '../template/compile.ts';
import type { Fragment } from './match.ts';
import type { Captures } from './pattern.ts';

/**
 * Keys are JSON arrays of their parts, never joined text, so that no choice of identifiers, queries or header values
 * can make two different requests share one. A definition's key begins with `entity` and its name, all others with `GET`.
 */

/**
 * The key of an entity: type, identifiers, and the query that matters.
 *
 * @param site scheme and authority of the client's request, where the service is told it
 */
export function entityKey(fragment: Fragment, captures: Captures, query: string, site: string | undefined): string {
  const parts: unknown[] = ['entity', fragment.name];
  for (const name of fragment.path.names) parts.push(captures[name]);
  if (query !== '') parts.push(query);
  if (site !== undefined) parts.push({ site });
  return JSON.stringify(parts);
}

/** The key of an entity for the identity values that split it. */
export function scopedKey(key: string, values: readonly ScopedValue[]): string {
  const parts = values.map(({ from, name, value }) => [`${from}:${name}`, value]);
  return JSON.stringify([...(JSON.parse(key) as unknown[]), ...parts]);
}

/**
 * The key of a page or of a fragment without a definition: the exact bytes that are sent upstream, and the site it was
 * asked for, since the service is told that (`X-Forwarded-Host`) and may answer accordingly.
 *
 * @param site scheme and authority of the client's request
 * @param hydrate what its route says of ids in it: the same bytes are another template then
 */
export function urlKey(origin: string, path: string, site: string, esi: EsiMode, hydrate?: string): string {
  const parts: unknown[] = ['GET', origin, path, site];
  if (esi !== 'auto') parts.push(`esi=${esi}`);
  if (hydrate !== undefined) parts.push({ hydrate });
  return JSON.stringify(parts);
}

/** An identity value that splits a key, as the request has it; `undefined` if it has none. */
export interface ScopedValue {
  readonly from: 'claim' | 'cookie' | 'header';
  readonly name: string;
  readonly value: string | undefined;
}

/** What the application in front has verified of a visitor: `sub`, `tier`, … */
export type Claims = ReadonlyMap<string, string>;

/** Reads the identity values of a scope from the client's request. */
export function scopedValues(
  scope: Exclude<Fragment['scope'], string>,
  client: Fields,
  claims?: Claims,
): ScopedValue[] {
  return scope.map(({ from, name }) => ({ from, name, value: identityValue(from, name, client, claims) }));
}

function identityValue(
  from: ScopedValue['from'],
  name: string,
  client: Fields,
  claims: Claims | undefined,
): string | undefined {
  if (from === 'claim') return claims?.get(name);
  return from === 'header' ? fieldValue(client, name) : cookieValue(fieldValue(client, 'cookie'), name);
}

/** The first value of a cookie, raw (RFC 6265 section 5.4); names are case-sensitive. */
export function cookieValue(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** Keeps the query parameters that matter, sorted by name, their bytes as they came; `''` or text that begins with `?`. */
export function selectQuery(query: string, names: readonly string[] | undefined): string {
  if (names === undefined || query === '') return query;
  const kept = query
    .slice(1)
    .split('&')
    .map((pair) => ({ pair, name: decodeName(pair.split('=', 1)[0]!) }))
    .filter(({ name }) => names.includes(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return kept.length === 0 ? '' : `?${kept.map(({ pair }) => pair).join('&')}`;
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text; // malformed percent-encoding: the bytes themselves are the name
  }
}
