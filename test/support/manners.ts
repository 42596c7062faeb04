import type { Received } from './origin.ts';

type Said = Readonly<Record<string, string>>;

/**
 * A way in which services speak of what they answer. `personal` ones tell who asks, and say in some way, a wrong one
 * perhaps, that it is for nobody else: none promises the answer of one to all.
 */
export interface Manner {
  readonly name: string;
  readonly personal: boolean;
  /** What the service knows of who asks, as it prints it. */
  sees(request: Received): string;
  /** Fields of the answer. */
  says(who: string, version: string): Said;
  /** Whether it answers 304. */
  isUnchanged(request: Received, said: Said): boolean;
  /** Further fields of a 304. */
  adds(request: Received): Said;
}

const NOBODY = 'nobody';

const cookie = (request: Received): string => /user=(\w+)/.exec(request.field('cookie') ?? '')?.[1] ?? NOBODY;
const bearer = (request: Received): string => /Bearer (\w+)/.exec(request.field('authorization') ?? '')?.[1] ?? NOBODY;
const both = (request: Received): string => `${cookie(request)}+${bearer(request)}`;

/** `If-None-Match` alone decides where there is one (RFC 9110 section 13.2.2). */
function isUnchanged(request: Received, said: Said): boolean {
  const tags = request.field('if-none-match');
  if (tags !== undefined) return said.etag !== undefined && tags.split(/,\s*/).includes(said.etag);
  const since = request.field('if-modified-since');
  return since !== undefined && since === said['last-modified'];
}

/** A day that is long gone: heuristic freshness would be hours. */
const MODIFIED = 'Mon, 02 Mar 2026 08:00:00 GMT';

function everybodys(name: string, says: (version: string) => Said, adds: Manner['adds'] = () => ({})): Manner {
  return { name, personal: false, sees: () => NOBODY, says: (_, version) => says(version), isUnchanged, adds };
}

function personal(name: string, says: (etag: string) => Said, sees: Manner['sees'] = cookie): Manner {
  // The entity tag names its owner, so that one that reaches another visitor is seen.
  const tagged: Manner['says'] = (who, version) => says(`"${version.replace(/\W/g, '_')}_${who.replace('+', '_')}"`);
  return { name, personal: true, sees, says: tagged, isUnchanged, adds: () => ({}) };
}

/** What all services of the personal site speak like. */
export const MANNERS: readonly Manner[] = [
  everybodys('fresh', (version) => ({ 'cache-control': 'max-age=30', etag: `"${version}"` })),
  everybodys('brief', (version) => ({
    'cache-control': 'max-age=2, stale-while-revalidate=10, stale-if-error=300',
    etag: `"${version}"`,
  })),
  everybodys('brief, with a date', () => ({
    'cache-control': 'max-age=2, stale-if-error=60',
    'last-modified': MODIFIED,
  })),
  everybodys('fresh for surrogates', (version) => ({
    'surrogate-control': 'max-age=4+20',
    'cache-control': 'no-cache',
    etag: `W/"${version}"`,
  })),
  // A session that rolls on with every answer, those without a body too.
  everybodys(
    'unchanged, with a cookie',
    (version) => ({ 'cache-control': 'max-age=2', etag: `"${version}"` }),
    (request) => ({ 'set-cookie': `user=${cookie(request)}; Path=/` }),
  ),
  everybodys('silent to all', () => ({})),
  personal('private', () => ({ 'cache-control': 'private, max-age=60' }), both),
  personal('no-store', () => ({ 'cache-control': 'no-store' })),
  personal('varying', (etag) => ({ 'cache-control': 'max-age=20', vary: 'Cookie', etag })),
  personal(
    'varying by all that tells',
    (etag) => ({ 'cache-control': 'public, max-age=20', vary: 'Authorization, Cookie', etag }),
    both,
  ),
  personal('varying by anything', () => ({ 'cache-control': 'max-age=20', vary: '*' }), both),
  personal('no-cache with a tag', (etag) => ({ 'cache-control': 'no-cache', etag })),
  personal('no-cache with a tag and a date', (etag) => ({
    'cache-control': 'no-cache',
    etag,
    'last-modified': MODIFIED,
  })),
  personal('private and validated', (etag) => ({ 'cache-control': 'private, no-cache', etag }), both),
  personal('authorized', () => ({ 'cache-control': 'max-age=20' }), bearer),
  personal('silent', () => ({})),
  // Wrong, in the ways that services are.
  personal('setting a cookie', (etag) => ({
    'cache-control': 'max-age=60',
    'set-cookie': `seen=${etag.slice(1, -1)}; Path=/`,
  })),
  personal('varying by what does not matter', () => ({
    'cache-control': 'private, max-age=60',
    vary: 'Accept-Language',
  })),
  personal('stale on arrival', (etag) => ({ 'cache-control': 'max-age=0', etag })),
  personal(
    'stale on arrival, with a date',
    (etag) => ({ 'cache-control': 'max-age=0', etag, 'last-modified': MODIFIED }),
    both,
  ),
  personal('dated', () => ({ 'last-modified': MODIFIED })),
  personal('dated and tagged', (etag) => ({ 'last-modified': MODIFIED, etag })),
  personal('expired', (etag) => ({ expires: '0', etag, 'last-modified': MODIFIED })),
  personal('for shared caches, but private', () => ({ 'cache-control': 's-maxage=60, private' })),
];

/**
 * Services that have no other validator than a date, which is that of the page and not of the name in it: they answer 304
 * to whoever names it, and what one visitor got must not be renewed for the next by that alone.
 */
export const DATED_MANNERS: readonly Manner[] = [
  personal('dated, no-cache', () => ({ 'cache-control': 'no-cache', 'last-modified': MODIFIED })),
  personal('dated, stale on arrival', () => ({ 'cache-control': 'max-age=0', 'last-modified': MODIFIED })),
  personal('dated, expired', () => ({ expires: '0', 'last-modified': MODIFIED })),
];
