import { type Directives, deltaSeconds, MAX_DELTA, parseCacheControl } from '../http/cache-control.ts';
import { parseHttpDate } from '../http/date.ts';
import { type Fields, fieldLines, fieldValue, withoutFields } from '../http/fields.ts';
import { contentRange } from '../http/range.ts';
import { type FreshnessSource, freshnessDirectives } from '../http/surrogate.ts';
import { varyNames } from '../http/vary.ts';

/** What the configuration adds to the response's own words; definition and service default are merged already. */
export interface StoragePolicy {
  /** Ms; the lifetime of a response that says nothing about its freshness. */
  readonly ttl?: number | undefined;
  /** Ms after staleness; applies when the response names no window of its own and forbids none. */
  readonly staleWhileRevalidate?: number | undefined;
  /** As {@link staleWhileRevalidate}. */
  readonly staleIfError?: number | undefined;
  /** The fragment's scope is `public`: what was sent upstream carried no credentials, whatever the client sent. */
  readonly public?: boolean | undefined;
  /** The definition names the identity values that split the key: its `ttl` may then apply despite credentials. */
  readonly scoped?: boolean | undefined;
  /** What becomes of an answer that sets a cookie: not stored (the default), stored without it, or stored with it. */
  readonly setCookie?: 'refuse' | 'strip' | 'store' | undefined;
  /** False ignores `Cache-Control: no-store` of requests. Default true. */
  readonly requestDirectives?: boolean | undefined;
}

/** A response that may be stored, and what an {@link Entry} must know of its times, in ms. */
export interface Storable {
  readonly store: true;
  readonly lifetime: number;
  /** `Cache-Control: s-maxage`, `Expires`, `heuristic`, `policy ttl`, … */
  readonly lifetimeFrom: string;
  /** Corrected age on arrival (RFC 9111 section 4.2.3). */
  readonly initialAge: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  /** Beyond its windows it may not answer stale, not even when the service cannot be reached. */
  readonly mustRevalidate: boolean;
  /** Lower-case names of the request fields that select it. */
  readonly vary: readonly string[];
}

/** Why a response is not stored: words for plans and `Cache-Status`. */
export interface Unstorable {
  readonly store: false;
  readonly reason: UnstorableReason;
}

/** The closed set of reasons. */
export type UnstorableReason =
  | 'method'
  | 'status'
  | 'partial'
  | 'range'
  | 'request-no-store'
  | 'must-understand'
  | 'no-store'
  | 'private'
  | 'set-cookie'
  | 'vary-star'
  | 'authorization'
  | 'credentials'
  | 'no-freshness'
  | 'no-validator';

/** Epoch ms. */
export interface ExchangeTimes {
  readonly requestedAt: number;
  readonly respondedAt: number;
}

interface Exchange {
  readonly method: string;
  readonly requestFields: Fields;
  readonly status: number;
  readonly fields: Fields;
  readonly policy: StoragePolicy;
  readonly times: ExchangeTimes;
  readonly directives: Directives;
  readonly from: FreshnessSource;
  /** Something in the request says who is asking, and nothing in the policy says that it does not matter. */
  readonly credentialed: boolean;
}

/**
 * Whether a shared cache may store this response, and for how long it is good. Precedence: response header, then
 * definition, then service default. Ask it again with the merged fields after a 304, and as `GET` for the head of a HEAD.
 *
 * @param request as it was sent upstream
 * @see RFC 9111 section 3
 */
export function storability(
  request: { readonly method: string; readonly fields: Fields },
  response: { readonly status: number; readonly fields: Fields },
  policy: StoragePolicy,
  times: ExchangeTimes,
): Storable | Unstorable {
  const { directives, from } = freshnessDirectives(response.fields);
  const { fields, status } = response;
  const credentialed = !policy.public && carriesCredentials(request.fields);
  const { method, fields: requestFields } = request;
  const exchange = { method, requestFields, status, fields, policy, times, directives, from, credentialed };
  for (const rule of RULES) {
    const reason = rule(exchange);
    if (reason !== undefined) return { store: false, reason };
  }
  return timed(exchange);
}

/**
 * Whether the answer to a POST may be stored for later GETs of its URL: its Content-Location says that it is the
 * representation of that URL, and it says itself for how long.
 *
 * @param isOwn whether a URL reference is the URL that was asked for
 * @see RFC 9110 section 9.3.3
 */
export function postStorability(
  request: { readonly fields: Fields },
  response: { readonly status: number; readonly fields: Fields },
  isOwn: (reference: string) => boolean,
  times: ExchangeTimes,
): Storable | Unstorable {
  const location = fieldLines(response.fields, 'content-location');
  const fits = response.status === 200 && location.length === 1 && isOwn(location[0]!);
  const judged = storability({ method: 'GET', fields: request.fields }, response, {}, times);
  return fits && judged.store && judged.lifetime > 0 && judged.lifetimeFrom !== HEURISTIC ? judged : POSTED;
}

const POSTED: Unstorable = { store: false, reason: 'method' };

/** What forbids storing, whatever the freshness; the first that finds a reason decides. */
const RULES: readonly ((exchange: Exchange) => UnstorableReason | undefined)[] = [
  methodForbids,
  statusForbids,
  requestForbids,
  noStoreForbids,
  privateForbids,
  setCookieForbids,
  varyForbids,
  authorizationForbids,
];

/** Only GET; {@link postStorability} admits what a POST says of its own URL. */
function methodForbids({ method }: Exchange): UnstorableReason | undefined {
  return method === 'GET' ? undefined : 'method';
}

/**
 * Final answers that are about the resource. 304, 412 and 416 are about one request's Range or preconditions; a 206 is
 * stored for its very Range, if it says which bytes it has.
 */
function statusForbids({ status, fields, requestFields }: Exchange): UnstorableReason | undefined {
  if (status === 206) {
    return fieldValue(requestFields, 'range') === undefined || contentRange(fields) === undefined
      ? 'partial'
      : undefined;
  }
  if (status === 416) return 'range';
  return status < 200 || status > 999 || status === 304 || status === 412 ? 'status' : undefined;
}

/** RFC 9111 section 5.2.1.5: not "any part of either this request or any response to it". */
function requestForbids({ policy, requestFields }: Exchange): UnstorableReason | undefined {
  if (policy.requestDirectives === false) return undefined;
  const directives = parseCacheControl(fieldValue(requestFields, 'cache-control'));
  return directives.has('no-store') ? 'request-no-store' : undefined;
}

/** RFC 9111 section 5.2.2.3: must-understand lifts no-store for a status that we understand, and forbids the others. */
function noStoreForbids({ directives, status }: Exchange): UnstorableReason | undefined {
  if (directives.has('must-understand')) {
    if (!UNDERSTOOD.has(status)) return 'must-understand';
    if (directives.get('must-understand') === true) return undefined;
  }
  return directives.has('no-store') ? 'no-store' : undefined;
}

/** RFC 9111 section 5.2.2.7. `private="x"` allows storing the rest; we do not take responses apart. */
function privateForbids({ directives }: Exchange): UnstorableReason | undefined {
  return directives.has('private') ? 'private' : undefined;
}

/** A cookie for one visitor must not be handed to the next (stricter than RFC 9111 section 7.3). */
function setCookieForbids({ fields, policy }: Exchange): UnstorableReason | undefined {
  if (policy.setCookie === 'strip' || policy.setCookie === 'store') return undefined;
  return fieldLines(fields, 'set-cookie').length > 0 ? 'set-cookie' : undefined;
}

/** RFC 9111 section 4.1: it would match no request. */
function varyForbids({ fields }: Exchange): UnstorableReason | undefined {
  return varyNames(fields) === '*' ? 'vary-star' : undefined;
}

/** RFC 9111 section 3.5. The deciding field must say it itself: Cache-Control's `public` is no word of CDN-Cache-Control. */
function authorizationForbids({ policy, requestFields, directives }: Exchange): UnstorableReason | undefined {
  if (policy.public || fieldValue(requestFields, 'authorization') === undefined) return undefined;
  if (directives.get('public') === true || directives.get('must-revalidate') === true) return undefined;
  return /^\d+$/.test(String(directives.get('s-maxage'))) ? undefined : 'authorization';
}

/** The storable response with its times, or why nothing could ever be done with it. */
function timed(exchange: Exchange): Storable | Unstorable {
  const { directives, status, fields, credentialed } = exchange;
  const found = lifetimeOf(exchange);
  const explicit = found !== undefined && found.from !== HEURISTIC;
  // RFC 9111 section 3, last item: without freshness of its own, only statuses whose definition allows it, or `public`.
  if (!explicit && !heuristicallyCacheable(status, directives)) return { store: false, reason: 'no-freshness' };
  // Kept for revalidation, it could still reach another visitor as a stale answer; no-cache rules that out.
  if (found === undefined && credentialed && !isNoCache(exchange)) return { store: false, reason: 'credentials' };
  const lifetime = isNoCache(exchange) ? 0 : (found?.ms ?? 0);
  const windows = staleWindows(exchange, lifetime);
  const initialAge = ageOnArrival(fields, exchange.times);
  const useful = lifetime + Math.max(windows.staleWhileRevalidate, windows.staleIfError) > initialAge;
  if (!useful && !hasValidator(fields)) {
    return { store: false, reason: found === undefined ? 'no-freshness' : 'no-validator' };
  }
  // What is stale at once may be somebody's own, and many of those have one date: only a tag tells them apart.
  const dated = !useful && fieldValue(fields, 'etag') === undefined;
  if (credentialed && dated && !exchange.policy.scoped) return { store: false, reason: 'credentials' };
  const lifetimeFrom = isNoCache(exchange) ? 'no-cache' : (found?.from ?? 'none');
  return { store: true, lifetime, lifetimeFrom, initialAge, ...windows, vary: varyNames(fields) as readonly string[] };
}

const HEURISTIC = 'heuristic';

/** RFC 9111 sections 4.2.1 and 4.2.2: the first source that says something, in ms. */
function lifetimeOf(exchange: Exchange): { readonly ms: number; readonly from: string } | undefined {
  const { directives, from, fields, policy, status, credentialed } = exchange;
  for (const name of ['s-maxage', 'max-age']) {
    const seconds = deltaSeconds(directives.get(name));
    if (seconds !== undefined) return { ms: seconds * 1000, from: `${from}: ${name}` };
  }
  const date = singleDate(fields, 'date', exchange.times) ?? exchange.times.respondedAt;
  const targeted = from === 'Surrogate-Control' || from === 'CDN-Cache-Control';
  if (!targeted && fieldLines(fields, 'expires').length > 0) {
    const expires = singleDate(fields, 'expires', exchange.times) ?? 0;
    return { ms: Math.min(Math.max(0, expires - date), MAX_DELTA * 1000), from: 'Expires' };
  }
  if (isNoCache(exchange)) return undefined;
  if (policy.ttl !== undefined && TTL_STATUSES.has(status) && (policy.scoped || !credentialed)) {
    return { ms: policy.ttl, from: 'policy ttl' };
  }
  const modified = singleDate(fields, 'last-modified', exchange.times);
  if (modified === undefined || credentialed || !heuristicallyCacheable(status, directives)) return undefined;
  return { ms: Math.min(Math.max(0, (date - modified) / 10), HEURISTIC_CAP), from: HEURISTIC };
}

const HEURISTIC_CAP = 24 * 60 * 60 * 1000;

/** RFC 5861 and RFC 9111 section 4.2.4, in ms. */
function staleWindows(
  exchange: Exchange,
  lifetime: number,
): Pick<Storable, 'staleWhileRevalidate' | 'staleIfError' | 'mustRevalidate'> {
  const { directives, policy, credentialed } = exchange;
  const revalidate = directives.has('must-revalidate') || directives.has('proxy-revalidate') || isNoCache(exchange);
  if (revalidate) return { staleWhileRevalidate: 0, staleIfError: 0, mustRevalidate: true };
  // Stale on arrival and asked for with credentials: nobody said that it was fit for a second visitor.
  const kept = lifetime === 0 && credentialed && !policy.scoped;
  const window = (name: string, fallback: number | undefined): number => {
    const seconds = deltaSeconds(directives.get(name));
    return seconds === undefined ? (kept ? 0 : (fallback ?? 0)) : seconds * 1000;
  };
  return {
    staleWhileRevalidate: window('stale-while-revalidate', policy.staleWhileRevalidate),
    staleIfError: window('stale-if-error', policy.staleIfError),
    // s-maxage implies proxy-revalidate (RFC 9111 section 5.2.2.10), but who names a window beside it means the window.
    mustRevalidate: kept || directives.has('s-maxage'),
  };
}

/** RFC 9111 section 4.2.3, in ms; Age is the first list member, ignored unless it is a number. */
function ageOnArrival(fields: Fields, times: ExchangeTimes): number {
  const text = fieldValue(fields, 'age')?.split(',')[0]?.trim() ?? '';
  const age = /^\d+$/.test(text) ? Math.min(Number(text), MAX_DELTA) * 1000 : 0;
  const corrected = age + Math.max(0, times.respondedAt - times.requestedAt);
  const date = singleDate(fields, 'date', times) ?? times.respondedAt;
  // Date has whole seconds: what is below one is its rounding, not age.
  const apparent = Math.floor(Math.max(0, times.respondedAt - date) / 1000) * 1000;
  return Math.max(apparent, corrected);
}

/** A date field that must be there once; several lines are as invalid as an unreadable one. */
function singleDate(fields: Fields, name: string, times: ExchangeTimes): number | undefined {
  const lines = fieldLines(fields, name);
  return lines.length === 1 ? parseHttpDate(lines[0]!.trim(), times.respondedAt) : undefined;
}

/**
 * RFC 9111 section 5.2.2.4; without any Cache-Control an old `Pragma: no-cache` is taken at its word. The qualified form
 * is about single fields, which are not stored.
 */
function isNoCache({ directives, from, fields }: Exchange): boolean {
  if (directives.has('no-cache')) return unrepeatable(directives) === undefined;
  return from === 'none' && parseCacheControl(fieldValue(fields, 'pragma')).has('no-cache');
}

const FIELD_NAMES = /^[ \t,]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t,]+[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*[ \t,]*$/;

/** Lower-case names of the fields that a qualified `no-cache="…"` keeps from being stored; `undefined` for the plain directive. */
function unrepeatable(directives: Directives): readonly string[] | undefined {
  const value = directives.get('no-cache');
  if (typeof value !== 'string' || !FIELD_NAMES.test(value)) return undefined;
  return value
    .toLowerCase()
    .split(/[ \t,]+/)
    .filter((name) => name !== '');
}

/** The fields of a response as they are stored: a cookie that is to be stripped and what `no-cache` names are left out. */
export function storedFields(fields: Fields, policy: StoragePolicy): Fields {
  const named = unrepeatable(freshnessDirectives(fields).directives) ?? [];
  const cookies = policy.setCookie === 'strip' ? ['set-cookie'] : [];
  return named.length + cookies.length === 0 ? fields : withoutFields(fields, new Set([...named, ...cookies]));
}

function hasValidator(fields: Fields): boolean {
  return fieldValue(fields, 'etag') !== undefined || fieldValue(fields, 'last-modified') !== undefined;
}

function heuristicallyCacheable(status: number, directives: Directives): boolean {
  return HEURISTIC_STATUSES.has(status) || directives.get('public') === true;
}

/** Whether any field of a request may say who is asking; it costs only freshness that nobody promised, so it is broad. */
export function carriesCredentials(requestFields: Fields): boolean {
  for (let i = 0; i < requestFields.length; i += 2) if (CREDENTIAL.test(requestFields[i]!)) return true;
  return false;
}

const CREDENTIAL =
  /cookie|auth|token|(?:api|access|subscription|functions)-?key|secret|session|credential|passw|jwt|dpop|signature|identity|client-cert|(?:^|-)(?:user|email)(?:-?(?:id|name|login|email))?$/;

/** RFC 9110 section 15.1. */
const HEURISTIC_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** A configured `ttl` is for answers; an error that a request's own oddity provoked must not outlive it. */
const TTL_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 410]);

/** Statuses whose caching rules we implement (RFC 9110 section 15), less those never stored. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 417, 421, 422, 426],
  ...[500, 501, 502, 503, 504, 505],
]);
