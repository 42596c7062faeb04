import { at, type CacheRecord, fetches, reuses } from './record.ts';

/** RFC 9111 section 4.2.1: how long a response is fresh, by max-age, s-maxage and Expires. */

const LIFETIME = 'RFC 9111 4.2.1';
const MAX_AGE = 'RFC 9111 5.2.2.1';
const S_MAXAGE = 'RFC 9111 5.2.2.10';
const EXPIRES = 'RFC 9111 5.3';
const DAY = 86_400;

const maxAge: CacheRecord[] = [
  fetches({ id: 'freshness-none', says: 'without freshness and validator nothing is reused', anchor: LIFETIME }),
  reuses({
    id: 'max-age',
    says: 'a response is reused within its max-age',
    anchor: MAX_AGE,
    headers: { 'cache-control': 'max-age=3600' },
  }),
  reuses({
    id: 'max-age-last-second',
    says: 'a response is fresh until its lifetime is over',
    anchor: MAX_AGE,
    headers: { 'cache-control': 'max-age=3600' },
    turn: 3_598,
  }),
  fetches({
    id: 'max-age-over',
    says: 'a response is stale when its age has reached its lifetime',
    anchor: 'RFC 9111 4.2',
    headers: { 'cache-control': 'max-age=3600' },
    turn: 3_600,
  }),
  fetches({
    id: 'max-age-stale',
    says: 'a response is not reused after its max-age',
    anchor: MAX_AGE,
    headers: { 'cache-control': 'max-age=2', 'template-a': '1' },
  }),
  fetches({
    id: 'max-age-0',
    says: 'a response with max-age=0 is not reused',
    anchor: MAX_AGE,
    headers: { 'cache-control': 'max-age=0' },
    turn: 0,
  }),
  ...[2_147_483_647, 2_147_483_648, 2_147_483_649, 99_999_999_999].map((seconds) =>
    reuses({
      id: `max-age-${seconds}`,
      says: `a max-age of ${seconds} seconds is a long time, not an overflow`,
      anchor: 'RFC 9111 1.2.2',
      headers: { 'cache-control': `max-age=${seconds}` },
    }),
  ),
  reuses({
    id: 'max-age-past-expires',
    says: 'max-age overrides an Expires in the past',
    anchor: EXPIRES,
    headers: { 'cache-control': 'max-age=3600', expires: at(-7_200) },
  }),
  reuses({
    id: 'max-age-invalid-expires',
    says: 'max-age overrides an Expires that is no date',
    anchor: EXPIRES,
    headers: { 'cache-control': 'max-age=3600', expires: '0' },
  }),
  fetches({
    id: 'max-age-0-future-expires',
    says: 'max-age=0 overrides an Expires in the future',
    anchor: EXPIRES,
    headers: { 'cache-control': 'max-age=0', expires: at(3_600) },
  }),
];

const sMaxage: CacheRecord[] = [
  reuses({
    id: 's-maxage',
    says: 's-maxage alone makes a response fresh',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 's-maxage=3600' },
  }),
  fetches({
    id: 's-maxage-shorter',
    says: 'a short s-maxage overrides a long max-age',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 'max-age=3600, s-maxage=1' },
  }),
  fetches({
    id: 's-maxage-shorter-first',
    says: 'a short s-maxage overrides a long max-age after it',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 's-maxage=1, max-age=3600' },
  }),
  fetches({
    id: 's-maxage-shorter-lines',
    says: 'a short s-maxage overrides a long max-age on another line',
    anchor: S_MAXAGE,
    headers: { 'cache-control': ['max-age=3600', 's-maxage=1'] },
  }),
  reuses({
    id: 's-maxage-longer',
    says: 'a long s-maxage overrides a short max-age',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 'max-age=1, s-maxage=3600' },
  }),
  reuses({
    id: 's-maxage-longer-expires',
    says: 's-maxage overrides max-age=0 and a past Expires',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 'max-age=0, s-maxage=3600', expires: at(-10) },
  }),
  fetches({
    id: 's-maxage-0',
    says: 's-maxage=0 overrides a long max-age',
    anchor: S_MAXAGE,
    headers: { 'cache-control': 'max-age=3600, s-maxage=0' },
  }),
];

const expires: CacheRecord[] = [
  reuses({
    id: 'expires-future',
    says: 'a response is reused before its Expires',
    anchor: EXPIRES,
    headers: { expires: at(30 * DAY) },
  }),
  fetches({
    id: 'expires-past',
    says: 'a response is not reused after its Expires',
    anchor: EXPIRES,
    headers: { expires: at(-30 * DAY) },
  }),
  fetches({
    id: 'expires-now',
    says: 'an Expires that equals Date is stale at once',
    anchor: LIFETIME,
    headers: { expires: at(0) },
    turn: 0,
  }),
  fetches({
    id: 'expires-became-past',
    says: 'a response becomes stale at its Expires',
    anchor: LIFETIME,
    headers: { expires: at(60) },
    turn: 61,
  }),
  fetches({
    id: 'expires-before-date',
    says: 'Expires counts from Date: if it is earlier, both in the future, the response is stale',
    anchor: LIFETIME,
    headers: { expires: at(300), date: at(400) },
  }),
  fetches({
    id: 'expires-counts-from-date',
    says: 'a service whose clock is fast gets no more lifetime than the difference of its dates',
    anchor: LIFETIME,
    headers: { expires: at(460), date: at(400) },
    turn: 100,
  }),
  reuses({
    id: 'expires-slow-date',
    says: 'a service whose clock is slow has its lifetime less what the dates say has passed',
    anchor: LIFETIME,
    headers: { expires: at(50), date: at(-50) },
  }),
  reuses({
    id: 'expires-invalid-date',
    says: 'Expires counts from the arrival if Date is no date',
    anchor: LIFETIME,
    headers: { date: 'foo', expires: at(10) },
    turn: 0,
  }),
  reuses({
    id: 'expires-no-date',
    says: 'Expires counts from the arrival if there is no Date',
    anchor: LIFETIME,
    headers: { date: null, expires: at(10) },
    turn: 0,
  }),
];

export const FRESHNESS = [...maxAge, ...sMaxage, ...expires];
