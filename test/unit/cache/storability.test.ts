import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { carriesCredentials, type StoragePolicy, storability } from '../../../src/cache/storability.ts';
import { printHttpDate } from '../../../src/http/date.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const at = (seconds: number): string => printHttpDate(NOW + seconds * 1000);
const S = 1000;
const DAY = 86_400;

/** One exchange and what must come of it; the response has a Date of now unless `date` says otherwise. */
interface Case {
  readonly name: string;
  readonly spec: string;
  readonly method?: string;
  readonly request?: readonly string[];
  readonly status?: number;
  readonly date?: string | null;
  readonly response?: readonly string[];
  readonly policy?: StoragePolicy;
  /** Ms that the exchange took. */
  readonly delay?: number;
  readonly expect: object;
}

function judge(c: Omit<Case, 'name' | 'spec' | 'expect'>): ReturnType<typeof storability> {
  const date = c.date === null ? [] : ['date', c.date ?? at(0)];
  return storability(
    { method: c.method ?? 'GET', fields: c.request ?? [] },
    { status: c.status ?? 200, fields: [...date, ...(c.response ?? [])] },
    c.policy ?? {},
    { requestedAt: NOW - (c.delay ?? 0), respondedAt: NOW },
  );
}

const cc = (value: string): string[] => ['cache-control', value];
const no = (reason: string): object => ({ store: false, reason });
const life = (seconds: number, from?: string): object => ({
  store: true,
  lifetime: seconds * S,
  ...(from === undefined ? {} : { lifetimeFrom: from }),
});
const windows = (whileRevalidate: number, ifError: number, mustRevalidate = false): object => ({
  store: true,
  staleWhileRevalidate: whileRevalidate * S,
  staleIfError: ifError * S,
  mustRevalidate,
});
const ETAG = ['etag', '"a"'];
const MODIFIED = ['last-modified', at(-1000)];
const AUTH = ['authorization', 'Bearer x'];
const COOKIE = ['cookie', 'sid=1'];

// biome-ignore format: one record a line
const explicit: Case[] = [
  { name: 'max-age', spec: '9111#4.2.1', response: cc('max-age=60'), expect: life(60, 'Cache-Control: max-age') },
  { name: 's-maxage beats max-age', spec: '9111#5.2.2.10', response: cc('max-age=1, s-maxage=60'), expect: life(60, 'Cache-Control: s-maxage') },
  { name: 'a shorter s-maxage too', spec: '9111#5.2.2.10', response: cc('s-maxage=1, max-age=60'), expect: life(1) },
  { name: 'lines are one list', spec: '9110#5.3', response: [...cc('max-age=60'), ...cc('s-maxage=1')], expect: life(1) },
  { name: 'max-age beats Expires', spec: '9111#5.3', response: [...cc('max-age=60'), 'expires', at(-10)], expect: life(60) },
  { name: 'max-age beats an invalid Expires', spec: '9111#5.3', response: [...cc('max-age=60'), 'expires', '0'], expect: life(60) },
  { name: 'max-age=0 beats a future Expires', spec: '9111#5.3', response: [...cc('max-age=0'), 'expires', at(60)], expect: no('no-validator') },
  { name: 'Expires counts from Date', spec: '9111#4.2.1', date: at(-100), response: ['expires', at(60)], expect: life(160, 'Expires') },
  { name: 'Expires counts from receipt without a Date', spec: '9111#4.2.1', date: null, response: ['expires', at(60)], expect: life(60) },
  { name: 'Expires counts from receipt with an invalid Date', spec: '9111#4.2.1', date: 'foo', response: ['expires', at(60)], expect: life(60) },
  { name: 'Expires before Date', spec: '9111#5.3', date: at(400), response: ['expires', at(300)], expect: no('no-validator') },
  { name: 'an invalid Expires is expired', spec: '9111#5.3', response: ['expires', '0', ...ETAG], expect: life(0, 'Expires') },
  { name: 'several Expires are expired', spec: '9111#4.2.1', response: ['expires', at(60), 'expires', at(60), ...ETAG], expect: life(0) },
  { name: 'an invalid Expires keeps heuristics out', spec: '9111#4.2.2', response: ['expires', '-1', ...MODIFIED], expect: life(0) },
  { name: 'a far Expires is clamped', spec: '9111#1.2.2', response: ['expires', 'Thu, 01 Jan 9999 00:00:00 GMT'], expect: life(2 ** 31) },
  { name: 'a malformed max-age is stale', spec: '9111#4.2.1', response: cc('max-age=a100'), expect: no('no-validator') },
  { name: 'a malformed s-maxage is stale, whatever max-age says', spec: '9111#4.2.1', response: [...cc('s-maxage=x, max-age=60'), ...ETAG], expect: life(0) },
  { name: 'a huge max-age is clamped', spec: '9111#1.2.2', response: cc('max-age=99999999999'), expect: life(2 ** 31) },
  { name: 'the first of two max-age', spec: '9111#4.2.1', response: cc('max-age=1800, max-age=1'), expect: life(1800) },
  { name: 'max-age in a quoted string is none', spec: '9111#5.2', response: cc('x="max-age=60", max-age=1'), expect: life(1) },
  { name: 'max-age=0 with a validator is kept', spec: '9111#3', response: [...cc('max-age=0'), ...ETAG], expect: life(0) },
  { name: 'max-age=0 without one is of no use', spec: '9111#3', response: cc('max-age=0'), expect: no('no-validator') },
  { name: 'max-age=0 with a stale window is of use', spec: '5861#3', response: cc('max-age=0, stale-while-revalidate=5'), expect: windows(5, 0) },
  { name: 'older than its lifetime on arrival', spec: '9111#4.2', response: [...cc('max-age=60'), 'age', '60'], expect: no('no-validator') },
  { name: 'older than its lifetime, but with a validator', spec: '9111#4.2', response: [...cc('max-age=60'), 'age', '60', ...ETAG], expect: { ...life(60), initialAge: 60 * S } },
];

// biome-ignore format: one record a line
const statuses: Case[] = [
  ...[200, 201, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599, 999].map((status) => ({ name: `${status} with explicit freshness`, spec: '9111#3', status, response: cc('max-age=60'), expect: life(60) })),
  ...[200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map((status) => ({ name: `${status} by heuristic`, spec: '9110#15.1', status, response: MODIFIED, expect: life(100, 'heuristic') })),
  ...[201, 202, 302, 303, 307, 403, 500, 502, 503, 504, 599].map((status) => ({ name: `${status} not by heuristic`, spec: '9110#15.1', status, response: [...MODIFIED, ...ETAG], expect: no('no-freshness') })),
  ...[100, 101, 103, 304, 412, 1000].map((status) => ({ name: `${status} never`, spec: '9111#3', status, response: cc('max-age=60'), expect: no('status') })),
  { name: '206 never', spec: '9111#3.3', status: 206, response: cc('max-age=60'), expect: no('partial') },
  { name: '416 never', spec: '9110#15.5.17', status: 416, response: cc('max-age=60'), expect: no('range') },
  { name: '599 with public, by heuristic', spec: '9111#4.2.2', status: 599, response: [...cc('public'), ...MODIFIED], expect: life(100) },
  { name: '599 with public and nothing to go by', spec: '9111#3', status: 599, response: cc('public'), expect: no('no-freshness') },
];

// biome-ignore format: one record a line
const heuristics: Case[] = [
  { name: 'a tenth of the age of the document', spec: '9111#4.2.2', date: at(-10), response: MODIFIED, expect: life(99, 'heuristic') },
  { name: 'a day at most', spec: '9111#4.2.2', response: ['last-modified', at(-1000 * DAY)], expect: life(DAY) },
  { name: 'none from the future', spec: '9111#4.2.2', response: ['last-modified', at(60)], expect: life(0) },
  { name: 'none from an invalid date', spec: '9111#4.2.2', response: ['last-modified', 'x'], expect: life(0, 'none') },
  { name: 'none for a cookie', spec: 'SECURITY#33', request: COOKIE, response: MODIFIED, expect: no('credentials') },
  { name: 'none for an API key', spec: 'SECURITY#33', request: ['x-api-key', '1'], response: MODIFIED, expect: no('credentials') },
  { name: 'none for Proxy-Authorization', spec: 'SECURITY#33', request: ['proxy-authorization', '1'], response: MODIFIED, expect: no('credentials') },
  { name: 'for a cookie that the public scope kept back', spec: 'DESIGN#6', request: COOKIE, policy: { public: true }, response: MODIFIED, expect: life(100) },
  { name: 'none beside Pragma: no-cache', spec: '9111#5.4', response: ['pragma', 'no-cache', ...MODIFIED], expect: { ...life(0, 'no-cache'), mustRevalidate: true } },
  { name: 'no freshness, no validator', spec: '9111#3', expect: no('no-freshness') },
  { name: 'no freshness, a validator', spec: '9111#3', response: ETAG, expect: life(0, 'none') },
  { name: 'no freshness, a validator and a cookie', spec: 'SECURITY#33', request: COOKIE, response: ETAG, expect: no('credentials') },
];

// biome-ignore format: one record a line
const directives: Case[] = [
  { name: 'no-store', spec: '9111#5.2.2.5', response: [...cc('max-age=60, no-store'), ...ETAG], expect: no('no-store') },
  { name: 'no-store in any case', spec: '9111#5.2', response: cc('max-age=60, No-StOrE'), expect: no('no-store') },
  { name: 'no-store with an argument', spec: 'fail closed', response: cc('max-age=60, no-store=0'), expect: no('no-store') },
  { name: 'no-store amid junk', spec: 'fail closed', response: cc('max-age=60; no-store'), expect: no('no-store') },
  { name: 'private', spec: '9111#5.2.2.7', response: cc('private, max-age=60'), expect: no('private') },
  { name: 'Private in capitals', spec: '9111#5.2', response: cc('Private, max-age=60'), expect: no('private') },
  { name: 'private for some fields', spec: '9111#5.2.2.7', response: cc('private="x", max-age=60'), expect: no('private') },
  { name: 'private, malformed', spec: 'fail closed', response: cc('max-age=60, private="x'), expect: no('private') },
  { name: 'the word private in a quoted string', spec: '9111#5.2', response: cc('x="private", max-age=60'), expect: life(60) },
  { name: 'no-cache with a validator', spec: '9111#5.2.2.4', response: [...cc('no-cache'), ...ETAG], expect: { ...life(0, 'no-cache'), mustRevalidate: true } },
  { name: 'no-cache beats max-age', spec: '9111#5.2.2.4', response: [...cc('max-age=60, no-cache'), ...ETAG], expect: { ...life(0, 'no-cache'), mustRevalidate: true } },
  { name: 'no-cache for some fields does not outdate the rest', spec: '9111#5.2.2.4', response: [...cc('max-age=60, no-cache="x"'), ...ETAG], expect: life(60) },
  { name: 'no-cache with what names no field', spec: '9111#5.2.2.4', response: [...cc('max-age=60, no-cache=""'), ...ETAG], expect: life(0) },
  { name: 'no-cache without a validator', spec: '9111#5.2.2.4', response: cc('max-age=60, no-cache'), expect: no('no-validator') },
  { name: 'no-cache to a visitor with a cookie', spec: '9111#5.2.2.4', request: COOKIE, response: [...cc('no-cache'), ...ETAG], expect: { ...life(0), mustRevalidate: true } },
  { name: 'Pragma: no-cache beside Cache-Control', spec: '9111#5.4', response: [...cc('max-age=60'), 'pragma', 'no-cache'], expect: life(60) },
  { name: 'must-understand lifts no-store for a known status', spec: '9111#5.2.2.3', response: cc('must-understand, no-store, max-age=60'), expect: life(60) },
  { name: 'must-understand forbids an unknown status', spec: '9111#5.2.2.3', status: 499, response: cc('must-understand, max-age=60'), expect: no('must-understand') },
  { name: 'a malformed must-understand lifts nothing', spec: 'fail closed', response: cc('must-understand=x, no-store, max-age=60'), expect: no('no-store') },
  { name: 'Set-Cookie', spec: 'SECURITY#32', response: [...cc('public, max-age=60'), 'set-cookie', 'a=b'], expect: no('set-cookie') },
  { name: 'Set-Cookie in the public scope', spec: 'SECURITY#32', policy: { public: true }, response: [...cc('max-age=60'), 'set-cookie', 'a=b'], expect: no('set-cookie') },
  { name: 'a request with a cookie and explicit freshness', spec: '9111#3', request: COOKIE, response: cc('max-age=60'), expect: life(60) },
  { name: 'Vary names', spec: '9111#4.1', response: [...cc('max-age=60'), 'vary', 'B, a'], expect: { store: true, vary: ['a', 'b'] } },
  { name: 'Vary *', spec: '9111#4.1', response: [...cc('max-age=60'), 'vary', 'a', 'vary', ', *'], expect: no('vary-star') },
  { name: 'a request with no-store', spec: '9111#5.2.1.5', request: cc('no-store'), response: cc('max-age=60'), expect: no('request-no-store') },
  { name: 'a request with no-store, ignored', spec: 'option', request: cc('no-store'), policy: { requestDirectives: false }, response: cc('max-age=60'), expect: life(60) },
  ...['POST', 'PUT', 'HEAD', 'OPTIONS', 'get', 'QUERY'].map((method) => ({ name: method, spec: '9111#3', method, response: cc('max-age=60'), expect: no('method') })),
];

// biome-ignore format: one record a line
const authorization: Case[] = [
  { name: 'max-age alone', spec: '9111#3.5', request: AUTH, response: cc('max-age=60'), expect: no('authorization') },
  { name: 'Expires alone', spec: '9111#3.5', request: AUTH, response: ['expires', at(60)], expect: no('authorization') },
  { name: 'public', spec: '9111#3.5', request: AUTH, response: cc('public, max-age=60'), expect: life(60) },
  { name: 'must-revalidate', spec: '9111#3.5', request: AUTH, response: cc('must-revalidate, max-age=60'), expect: life(60) },
  { name: 's-maxage', spec: '9111#3.5', request: AUTH, response: cc('s-maxage=60'), expect: life(60) },
  { name: 'a malformed s-maxage', spec: 'fail closed', request: AUTH, response: [...cc('s-maxage=x'), ...ETAG], expect: no('authorization') },
  { name: 'a malformed public', spec: 'fail closed', request: AUTH, response: cc('public=1, max-age=60'), expect: no('authorization') },
  { name: 'proxy-revalidate is not enough', spec: '9111#3.5', request: AUTH, response: cc('proxy-revalidate, max-age=60'), expect: no('authorization') },
  { name: 'a targeted field without public', spec: '9213#2.2', request: AUTH, response: ['cdn-cache-control', 'max-age=60', ...cc('public')], expect: no('authorization') },
  { name: 'a targeted field with public', spec: '9213#2.2', request: AUTH, response: ['cdn-cache-control', 'max-age=60, public'], expect: life(60) },
  { name: 'a configured ttl is not enough', spec: '9111#3.5', request: AUTH, policy: { ttl: 60 * S, scoped: true }, expect: no('authorization') },
  { name: 'the public scope sent none', spec: 'DESIGN#6', request: AUTH, policy: { public: true }, response: cc('max-age=60'), expect: life(60) },
];

// biome-ignore format: one record a line
const targeted: Case[] = [
  { name: 'CDN-Cache-Control', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=60', ...cc('max-age=1')], expect: life(60, 'CDN-Cache-Control: max-age') },
  { name: 'it overrides no-store', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=60', ...cc('no-store')], expect: life(60) },
  { name: 'it overrides Expires', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=60', 'expires', '0'], expect: life(60) },
  { name: 'it overrides Expires even without a lifetime of its own', spec: '9213#2.2', response: ['cdn-cache-control', 'foo', 'expires', at(60)], expect: no('no-freshness') },
  { name: 'it overrides Pragma', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=60', 'pragma', 'no-cache'], expect: life(60) },
  { name: 'its max-age=0', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=0', 'expires', at(60)], expect: no('no-validator') },
  { name: 'its no-store', spec: '9213#2.2', response: ['cdn-cache-control', 'no-store', ...cc('max-age=60')], expect: no('no-store') },
  { name: 'its private', spec: '9213#2.2', response: ['cdn-cache-control', 'private', ...cc('max-age=60')], expect: no('private') },
  { name: 'its no-cache', spec: '9213#2.2', response: ['cdn-cache-control', 'no-cache', ...cc('max-age=60')], expect: no('no-freshness') },
  { name: 'its syntax error ignores it', spec: '9213#2.1', response: ['cdn-cache-control', 'max-age=60, &&&&&', ...cc('no-store')], expect: no('no-store') },
  { name: 'its string for a number is ignored', spec: '9213#2.1', response: ['cdn-cache-control', 'max-age="60"', ...cc('no-store')], expect: no('no-store') },
  { name: 'Age counts against it', spec: '9213#2.2', response: ['cdn-cache-control', 'max-age=60', 'age', '120'], expect: no('no-validator') },
  { name: 'Surrogate-Control goes before it', spec: 'edge-arch', response: ['surrogate-control', 'max-age=60', 'cdn-cache-control', 'max-age=1'], expect: life(60, 'Surrogate-Control: max-age') },
  { name: 'Surrogate-Control: content leaves the word to others', spec: 'edge-arch', response: ['surrogate-control', 'content="ESI/1.0"', ...cc('max-age=60')], expect: life(60, 'Cache-Control: max-age') },
  { name: 'Surrogate-Control: max-age=60+30', spec: 'edge-arch', response: ['surrogate-control', 'max-age=60+30'], expect: { ...life(60), ...windows(30, 30) } },
  { name: 'Surrogate-Control: no-store-remote', spec: 'edge-arch', response: ['surrogate-control', 'no-store-remote', ...cc('max-age=60')], expect: no('no-store') },
];

// biome-ignore format: one record a line
const policies: Case[] = [
  { name: 'ttl where the response says nothing', spec: 'DESIGN#6', policy: { ttl: 60 * S }, expect: life(60, 'policy ttl') },
  { name: 'ttl goes before the heuristic', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: MODIFIED, expect: life(60) },
  { name: 'ttl beside directives that are not about freshness', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: cc('public, must-revalidate'), expect: life(60) },
  { name: 'max-age goes before ttl', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: cc('max-age=5'), expect: life(5) },
  { name: 'an expired Expires goes before ttl', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: ['expires', '0'], expect: no('no-validator') },
  { name: 'no-cache goes before ttl', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: cc('no-cache'), expect: no('no-freshness') },
  { name: 'Pragma: no-cache goes before ttl', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: ['pragma', 'no-cache'], expect: no('no-freshness') },
  { name: 'private goes before ttl', spec: 'DESIGN#6', policy: { ttl: 60 * S }, response: cc('private'), expect: no('private') },
  { name: 'no ttl for a visitor with a cookie', spec: 'SECURITY#33', policy: { ttl: 60 * S }, request: COOKIE, expect: no('credentials') },
  { name: 'ttl for a cookie that the scope accounts for', spec: 'DESIGN#6', policy: { ttl: 60 * S, scoped: true }, request: COOKIE, expect: life(60) },
  { name: 'ttl for a cookie that the public scope kept back', spec: 'DESIGN#6', policy: { ttl: 60 * S, public: true }, request: COOKIE, expect: life(60) },
  { name: 'ttl for 404', spec: 'DESIGN#6', status: 404, policy: { ttl: 60 * S }, expect: life(60) },
  ...[400, 403, 405, 414, 500, 501, 502, 503].map((status) => ({ name: `no ttl for ${status}`, spec: 'SECURITY#36', status, policy: { ttl: 60 * S }, expect: no('no-freshness') })),
];

const GRACE: StoragePolicy = { staleWhileRevalidate: 10 * S, staleIfError: 20 * S };
// biome-ignore format: one record a line
const stale: Case[] = [
  { name: 'none by default', spec: '5861', response: cc('max-age=60'), expect: windows(0, 0) },
  { name: 'the response names both', spec: '5861', response: cc('max-age=60, stale-while-revalidate=1, stale-if-error=2'), policy: GRACE, expect: windows(1, 2) },
  { name: 'the response names one', spec: '5861', response: cc('max-age=60, stale-while-revalidate=1'), policy: GRACE, expect: windows(1, 20) },
  { name: 'the response names zero', spec: '5861', response: cc('max-age=60, stale-if-error=0'), policy: GRACE, expect: windows(10, 0) },
  { name: 'the response names none', spec: 'DESIGN#6', response: cc('max-age=60'), policy: GRACE, expect: windows(10, 20) },
  { name: 'a malformed window is none', spec: '9111#4.2.1', response: cc('max-age=60, stale-if-error=x'), policy: GRACE, expect: windows(10, 0) },
  { name: 'must-revalidate forbids all', spec: '9111#5.2.2.2', response: cc('max-age=60, must-revalidate, stale-if-error=9'), policy: GRACE, expect: windows(0, 0, true) },
  { name: 'proxy-revalidate forbids all', spec: '9111#5.2.2.8', response: cc('max-age=60, proxy-revalidate'), policy: GRACE, expect: windows(0, 0, true) },
  { name: 'no-cache forbids all', spec: '9111#5.2.2.4', response: [...cc('no-cache, stale-if-error=9'), ...ETAG], policy: GRACE, expect: windows(0, 0, true) },
  { name: 's-maxage forbids what nobody named', spec: '9111#5.2.2.10', response: cc('s-maxage=60'), expect: windows(0, 0, true) },
  { name: 's-maxage with windows means the windows', spec: 'HTTP-CACHE', response: cc('s-maxage=60, stale-while-revalidate=5, stale-if-error=6'), expect: windows(5, 6, true) },
  { name: 's-maxage leaves the configured windows', spec: 'HTTP-CACHE', response: cc('s-maxage=60'), policy: GRACE, expect: windows(10, 20, true) },
  { name: 'a window makes a response without freshness worth keeping', spec: 'DESIGN#6', policy: GRACE, expect: { ...life(0, 'none'), ...windows(10, 20) } },
  { name: 'but not for a visitor with a cookie', spec: 'SECURITY#33', policy: GRACE, request: COOKIE, expect: no('credentials') },
  { name: 'max-age=0 to a visitor with a cookie is kept for revalidation only', spec: 'SECURITY#33', policy: GRACE, request: COOKIE, response: [...cc('max-age=0'), ...ETAG], expect: windows(0, 0, true) },
  { name: 'unless it names a window', spec: '5861', policy: GRACE, request: COOKIE, response: cc('max-age=0, stale-if-error=9'), expect: windows(0, 9, true) },
  { name: 'max-age=0 to anybody has the configured windows', spec: 'DESIGN#6', policy: GRACE, response: cc('max-age=0'), expect: windows(10, 20) },
];

// biome-ignore format: one record a line
const ages: Case[] = [
  { name: 'none', spec: '9111#4.2.3', response: cc('max-age=60'), expect: { initialAge: 0 } },
  { name: 'Age', spec: '9111#4.2.3', response: [...cc('max-age=60'), 'age', '30'], expect: { initialAge: 30 * S } },
  { name: 'Age and the delay', spec: '9111#4.2.3', delay: 1500, response: [...cc('max-age=60'), 'age', '30'], expect: { initialAge: 31_500 } },
  { name: 'the delay alone', spec: '9111#4.2.3', delay: 1500, response: cc('max-age=60'), expect: { initialAge: 1500 } },
  { name: 'an old Date', spec: '9111#4.2.3', date: at(-20), response: cc('max-age=60'), expect: { initialAge: 20 * S } },
  { name: 'a Date in the future', spec: '9111#4.2.3', date: at(20), response: cc('max-age=60'), expect: { initialAge: 0 } },
  { name: 'the larger of Date and Age', spec: '9111#4.2.3', date: at(-20), response: [...cc('max-age=60'), 'age', '10'], expect: { initialAge: 20 * S } },
  { name: 'no Date', spec: '9111#4.2.3', date: null, response: cc('max-age=60'), expect: { initialAge: 0 } },
  { name: 'the first Age of a list', spec: '9111#5.1', response: [...cc('max-age=60'), 'age', '7, 50'], expect: { initialAge: 7 * S } },
  { name: 'the first Age of several lines', spec: '9111#5.1', response: [...cc('max-age=60'), 'age', '7', 'age', '50'], expect: { initialAge: 7 * S } },
  ...['abc', '-7200', '7200.0', '', '+1', '1e9'].map((age) => ({ name: `Age ${JSON.stringify(age)} is ignored`, spec: '9111#5.1', response: [...cc('max-age=60'), 'age', age], expect: { initialAge: 0 } })),
];

describe.each([
  ['explicit freshness', explicit],
  ['status', statuses],
  ['heuristic freshness', heuristics],
  ['directives', directives],
  ['requests with Authorization', authorization],
  ['targeted fields', targeted],
  ['configured lifetime', policies],
  ['stale windows', stale],
  ['age on arrival', ages],
] as const)('%s', (_, cases) => {
  test.each<Case>([...cases])('$name ($spec)', (c) => {
    expect(judge(c)).toMatchObject(c.expect);
  });
});

it('takes the fraction of a second that Date cannot say for rounding, not for age', () => {
  const times = { requestedAt: NOW + 900, respondedAt: NOW + 950 };
  const fields = ['date', at(0), 'cache-control', 'max-age=60'];
  expect(storability({ method: 'GET', fields: [] }, { status: 200, fields }, {}, times)).toMatchObject({
    initialAge: 50,
  });
});

describe('credentials', () => {
  test.each([
    'cookie',
    'authorization',
    'proxy-authorization',
    'x-api-key',
    'apikey',
    'x-auth-token',
    'x-access-token',
    'x-csrf-token',
    'x-amz-security-token',
    'ocp-apim-subscription-key',
    'x-session-id',
    'x-client-cert',
    'x-user',
    'x-user-id',
    'remote-user',
    'x-forwarded-email',
    'dpop',
    'signature',
    'x-jwt-assertion',
    'x-consumer-username',
  ])('%s is one', (name) => {
    expect(carriesCredentials(['accept', '*/*', name, '1'])).toBe(true);
  });

  test.each([
    'user-agent',
    'accept',
    'accept-language',
    'host',
    'referer',
    'x-request-id',
    'sec-ch-ua',
    'cache-control',
  ])('%s is none', (name) => {
    expect(carriesCredentials([name, 'cookie'])).toBe(false);
  });
});

describe('whatever else a response says', () => {
  const member = fc.constantFrom(
    'max-age=60',
    's-maxage=5',
    'public',
    'must-revalidate',
    'x="y"',
    'no-cache',
    'a b',
    ';',
    '"',
    'must-understand=1',
  );
  const lines = fc.array(
    fc.array(member, { minLength: 1 }).map((members) => members.join(', ')),
    { maxLength: 3 },
  );
  const policy = fc.constantFrom<StoragePolicy>({}, { public: true }, { ttl: 5000, scoped: true }, GRACE);

  test.each([['no-store'], ['private']])('%s on a line of its own keeps it out', (word) => {
    fc.assert(
      fc.property(lines, lines, policy, (before, after, given) => {
        const response = [...before, word, ...after].flatMap(cc);
        // An unterminated quote may swallow a comma only up to its closing quote, which is a quoted string then.
        fc.pre(!before.some((line) => line.includes(' "') || line.startsWith('"')));
        expect(judge({ response, policy: given })).toMatchObject({ store: false });
      }),
      { seed: 1 },
    );
  });

  it('times are whole, finite and not negative', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('max-age=9', 's-maxage=1', 'stale-if-error=3', 'max-age=1e9', at(5)),
    );
    const name = fc.constantFrom(
      'cache-control',
      'cdn-cache-control',
      'surrogate-control',
      'expires',
      'age',
      'date',
      'last-modified',
      'etag',
      'vary',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), policy, fc.integer({ min: 0, max: 1e6 }), (fields, given, delay) => {
        const found = judge({ response: fields.flat(), date: null, policy: given, delay });
        if (!found.store) return;
        for (const ms of [found.lifetime, found.initialAge, found.staleIfError, found.staleWhileRevalidate]) {
          expect(Number.isSafeInteger(ms) && ms >= 0).toBe(true);
        }
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});
