import { deltaSeconds, parseCacheControl } from '../http/cache-control.ts';
import { isCredential } from '../http/credentials.ts';
import { type Fields, fieldValue } from '../http/fields.ts';
import type { Entry } from './entry.ts';

/** What the age of an entry depends on. */
export type Aged = Pick<Entry, 'storedAt' | 'initialAge'>;

/** What the freshness of an entry depends on. */
export type Timed = Aged & Pick<Entry, 'lifetime' | 'staleWhileRevalidate' | 'staleIfError' | 'mustRevalidate'>;

/** Whether an entry may answer now, and if not, what it is still good for; all times in ms. */
export type Freshness =
  | { readonly state: 'fresh'; readonly ttl: number }
  | {
      readonly state: 'stale';
      readonly staleFor: number;
      /** It may answer at once while one request refreshes it (RFC 5861 section 3). */
      readonly whileRevalidate: boolean;
      /** It may answer instead of a 5xx, or of no answer (RFC 5861 section 4). */
      readonly ifError: boolean;
      /** It may answer if the service cannot be reached at all: connect, reset, timeout (RFC 9111 section 4.2.4). */
      readonly whenDisconnected: boolean;
    };

/** Circumstances beyond the entry itself. */
export interface FreshnessOptions {
  /** Ms in this cache after which an entry is stale whatever its lifetime, because purges of it may have been missed. */
  readonly cap?: number | undefined;
  /** A soft purge hit it: stale from now on, but still good for the stale windows. */
  readonly soft?: boolean | undefined;
}

/**
 * The current age in ms: that on arrival plus the time in this cache. `Age` is this, divided by 1000 and floored.
 *
 * @param now epoch ms
 * @see RFC 9111 section 4.2.3
 */
export function currentAge(entry: Aged, now: number): number {
  return entry.initialAge + residentTime(entry, now);
}

/**
 * Whether the entry is fresh, and for how long (ms); or stale, since when, and who may still get it.
 * The stale windows are taken as they are: {@link storability} made them 0 where the response forbids stale answers.
 *
 * @param now epoch ms
 * @see RFC 9111 section 4.2, RFC 5861
 */
export function freshness(entry: Timed, now: number, options: FreshnessOptions = {}): Freshness {
  const cap = options.cap ?? Number.POSITIVE_INFINITY;
  const overCap = residentTime(entry, now) - cap;
  const staleFor = Math.max(currentAge(entry, now) - entry.lifetime, overCap);
  if (staleFor < 0 && !options.soft) return { state: 'fresh', ttl: -staleFor };
  const since = Math.max(staleFor, 0);
  return {
    state: 'stale',
    staleFor: since,
    // Under the cap we do not know whether it was purged: then only failure excuses it.
    whileRevalidate: overCap < 0 && since < entry.staleWhileRevalidate,
    ifError: since < entry.staleIfError,
    whenDisconnected: since < entry.staleIfError || !entry.mustRevalidate,
  };
}

/** The statuses that a stale answer may excuse (RFC 5861 section 4). */
export function isError(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504);
}

/**
 * Whether an entry was said to be fit for others than who asked for it: fresh on arrival, and not selected by who asks.
 * What is kept only to be asked about again was not.
 */
export function isForAnybody({ lifetime, initialAge, vary }: Pick<Entry, 'lifetime' | 'initialAge' | 'vary'>): boolean {
  return lifetime > initialAge && !vary.some(([name]) => isCredential(name));
}

/** What a request demands of a stored response; times in ms. */
export interface RequestDirectives {
  readonly noCache: boolean;
  readonly noStore: boolean;
  /** 504 rather than a fetch. */
  readonly onlyIfCached: boolean;
  readonly maxAge: number | undefined;
  readonly minFresh: number | undefined;
  /** `Infinity` for a bare `max-stale`. */
  readonly maxStale: number | undefined;
}

/**
 * The cache directives of a request; `Pragma: no-cache` counts when there is no Cache-Control.
 * A malformed time is 0: for max-age that is "fetch", for the other two "nothing special".
 *
 * @see RFC 9111 sections 5.2.1 and 5.4
 */
export function requestDirectives(fields: Fields): RequestDirectives {
  const value = fieldValue(fields, 'cache-control');
  const directives = parseCacheControl(value ?? fieldValue(fields, 'pragma'));
  const pragma = value === undefined;
  const ms = (name: string): number | undefined => {
    const seconds = pragma ? undefined : deltaSeconds(directives.get(name));
    return seconds === undefined ? undefined : seconds * 1000;
  };
  return {
    noCache: directives.has('no-cache'),
    noStore: !pragma && directives.has('no-store'),
    onlyIfCached: !pragma && directives.get('only-if-cached') === true,
    maxAge: ms('max-age'),
    minFresh: ms('min-fresh'),
    maxStale: directives.get('max-stale') === true && !pragma ? Number.POSITIVE_INFINITY : ms('max-stale'),
  };
}

/**
 * Whether the entry may answer this request without the service being asked.
 *
 * @param now epoch ms
 * @see RFC 9111 section 5.2.1
 */
export function satisfies(
  entry: Timed,
  now: number,
  request: RequestDirectives,
  options: FreshnessOptions = {},
): boolean {
  if (request.noCache) return false;
  if (request.maxAge !== undefined && currentAge(entry, now) >= request.maxAge) return false;
  const found = freshness(entry, now, options);
  if (found.state === 'fresh') return found.ttl >= (request.minFresh ?? 0);
  if (request.minFresh !== undefined || request.maxStale === undefined || entry.mustRevalidate) return false;
  const overCap = residentTime(entry, now) >= (options.cap ?? Number.POSITIVE_INFINITY);
  return !overCap && found.staleFor <= request.maxStale;
}

/** Never negative: a clock that was set back must not make an entry younger than it arrived. */
function residentTime(entry: Aged, now: number): number {
  return Math.max(0, now - entry.storedAt);
}
