import { type Directives, deltaSeconds, parseCacheControl, printCacheControl } from './cache-control.ts';
import { parseHttpDate } from './date.ts';
import { type Fields, fieldLines, fieldValue } from './fields.ts';

/** One response that a page is composed of, the template's own included. */
export interface CombinedPart {
  readonly fields: Fields;
  /** Its current age in ms. */
  readonly age: number;
  /** It depends on who asked, whatever its fields say. */
  readonly personal: boolean;
}

/** What a composed page may say about itself to browsers and caches downstream. */
export interface Combined {
  /** The value of the page's `Cache-Control`. */
  readonly cacheControl: string;
  /** Ms; the page's `Age`: how much of the lifetimes in `cacheControl` is used up. */
  readonly age: number;
  /** Seconds of freshness left downstream: 0 where `cacheControl` says no-store or no-cache. */
  readonly maxAge: number;
  readonly private: boolean;
  readonly noStore: boolean;
}

/**
 * The `Cache-Control` and `Age` of a composed page: the most restrictive part wins, directive by directive.
 *
 * - `no-store`, `no-cache`, `private`, `must-revalidate`, `proxy-revalidate`, `no-transform`: if any part says so. A
 *   personal part makes the page private; the qualified forms (`private="x"`) count as unqualified ones.
 * - `max-age` less `Age`: the least that any part has left, from its own max-age or Expires. Its s-maxage and targeted
 *   fields were meant for us. A part without any has 0 left: a browser cannot be purged, and the page's ETag makes
 *   asking cheap.
 * - `s-maxage` less `Age`: the least left, if every part has one and none is private. Neither is more than the least
 *   that any part was given.
 * - `public`, `immutable`: only if every part says so (and none is private).
 * - stale windows and extensions are dropped: they were promises about a part, not about the page.
 *
 * @param limit ms; a bound on both lifetimes, for pages that are degraded
 * @see RFC 9111 section 5.2.2
 */
export function combineCacheControl(parts: readonly CombinedPart[], limit = Number.POSITIVE_INFINITY): Combined {
  const all = parts.map((part) => ({ part, directives: directivesOf(part.fields) }));
  const any = (name: string): boolean => all.some(({ directives }) => directives.has(name));
  const every = (name: string): boolean => all.every(({ directives }) => directives.get(name) === true);
  const isPrivate = any('private') || parts.some((part) => part.personal);
  const result: [string, string | true][] = [];
  if (isPrivate) result.push(['private', true]);
  const oldest = Math.max(0, ...parts.map(({ age }) => age));
  if (any('no-store')) {
    result.push(['no-store', true]);
    return { cacheControl: printCacheControl(result), age: oldest, maxAge: 0, private: isPrivate, noStore: true };
  }
  const isPublic = !isPrivate && all.length > 0 && every('public');
  if (isPublic) result.push(['public', true]);
  const noCache = any('no-cache');
  const own = leastOf(all, ({ fields }, directives) => downstreamLifetime(fields, directives), limit);
  const forAll = !noCache && !isPrivate && all.length > 0 && all.every(({ directives }) => directives.has('s-maxage'));
  const shared = leastOf(all, (_, directives) => deltaSeconds(directives.get('s-maxage')), limit);
  // Both count from one Age: the least that is used up of either, so that neither outgrows what a part was given.
  const lifetimes = [own, ...(forAll ? [shared] : [])].filter(({ given }) => given > 0);
  const over = noCache || lifetimes.every(({ left }) => left === 0);
  const age = over ? oldest : Math.min(...lifetimes.map(({ given, left }) => given - left));
  if (noCache) result.push(['no-cache', true]);
  else result.push(['max-age', printed(own, age)]);
  if (forAll) result.push(['s-maxage', printed(shared, age)]);
  for (const name of ['must-revalidate', 'proxy-revalidate', 'no-transform']) if (any(name)) result.push([name, true]);
  if (!noCache && all.length > 0 && every('immutable')) result.push(['immutable', true]);
  const maxAge = noCache ? 0 : Math.floor(own.left / 1000);
  return { cacheControl: printCacheControl(result), age, maxAge, private: isPrivate, noStore: false };
}

interface Told {
  readonly part: CombinedPart;
  readonly directives: Directives;
}

/** A lifetime of the page in ms: the least that any part was given, and the least that any has left. */
interface Lifetime {
  readonly given: number;
  readonly left: number;
}

function leastOf(
  all: readonly Told[],
  seconds: (part: CombinedPart, directives: Directives) => number | undefined,
  limit: number,
): Lifetime {
  let given = all.length === 0 ? 0 : limit;
  let left = given;
  for (const { part, directives } of all) {
    const lifetime = (seconds(part, directives) ?? 0) * 1000;
    given = Math.min(given, lifetime);
    left = Math.min(left, Math.max(0, lifetime - part.age));
  }
  return { given, left };
}

/** A lifetime as a client must be told it that takes this age from it. */
function printed({ given, left }: Lifetime, age: number): string {
  return String(Math.floor(Math.min(given, left + age) / 1000));
}

/** Fields of entries are parsed once, not for every page that the entry is a part of. */
const parsed = new WeakMap<Fields, Directives>();

function directivesOf(fields: Fields): Directives {
  const known = parsed.get(fields);
  if (known !== undefined) return known;
  const directives = parseCacheControl(fieldValue(fields, 'cache-control'));
  parsed.set(fields, directives);
  return directives;
}

/** Seconds of freshness that a private cache reads from a response; `undefined` if it says nothing. */
function downstreamLifetime(fields: Fields, directives: Directives): number | undefined {
  const maxAge = deltaSeconds(directives.get('max-age'));
  if (maxAge !== undefined) return maxAge;
  const expires = fieldLines(fields, 'expires');
  if (expires.length === 0) return undefined;
  const at = parseHttpDate(expires.length === 1 ? expires[0]!.trim() : '');
  const date = parseHttpDate(fieldValue(fields, 'date')?.trim() ?? '');
  // Without a Date there is nothing to measure an Expires from, as the age does not tell when we received it.
  return at === undefined || date === undefined ? 0 : Math.max(0, (at - date) / 1000);
}
