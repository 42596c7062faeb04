import { at, type CacheRecord, fetches, type Pair, reuses } from './record.ts';

/** RFC 9111 section 4.2.3: how old a response is; and the fields about time that a cache leaves alone. */

const LIFETIME = 'RFC 9111 4.2.1';
const AGE = 'RFC 9111 4.2.3';
const DAY = 86_400;

/** The second answer's Age, if it is reused. */
const aged = (age: string, pair: Pair) => reuses({ ...pair, kind: 'required', expect: { headers: { age } } });

const ages: CacheRecord[] = [
  aged('3', {
    id: 'age-generated',
    says: 'a reused response carries its age',
    anchor: 'RFC 9111 4',
    headers: { expires: at(100_000), 'last-modified': at(0) },
  }),
  aged('33', {
    id: 'age-added-max-age',
    says: 'time in the cache adds to the Age that a response came with',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=600', age: '30' },
  }),
  aged('33', {
    id: 'age-added-expires',
    says: 'time in the cache adds to the Age that a response with Expires came with',
    anchor: AGE,
    headers: { expires: at(30 * DAY), age: '30' },
  }),
  aged('8', {
    id: 'age-delay',
    says: 'the time that a response took counts as its age',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=3600' },
    answer: { takes: 5 },
  }),
  aged('103', {
    id: 'age-apparent',
    says: 'a Date in the past counts as age where no Age says more',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=3600', date: at(-100) },
  }),
  aged('203', {
    id: 'age-larger',
    says: 'of apparent age and Age the larger counts',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=3600', date: at(-100), age: '200' },
  }),
  aged('3', {
    id: 'age-future-date',
    says: 'a Date in the future makes no negative age',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=3600', date: at(500) },
  }),
  aged('0', {
    id: 'clock-set-back',
    says: 'a clock that is set back makes no negative age',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=3600' },
    turn: -600,
  }),
  {
    id: 'clock-set-back-and-forward',
    says: 'a clock that was set back and forward again ends a lifetime when it should',
    kind: 'required',
    anchor: AGE,
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=60' } } },
      { turn: -600, expect: { status: 200 } },
      { turn: 700, expect: { from: 'service' } },
    ],
  },
  fetches({
    id: 'age-over-max-age',
    says: 'an Age beyond max-age makes a response stale on arrival',
    anchor: LIFETIME,
    headers: { 'cache-control': 'max-age=3600', age: '7200' },
    turn: 0,
  }),
  fetches({
    id: 'age-and-resident-time',
    says: 'Age and the time in the cache together end a lifetime',
    anchor: AGE,
    headers: { 'cache-control': 'max-age=60', age: '30' },
    turn: 31,
  }),
  fetches({
    id: 'age-over-expires-slow-date',
    says: 'an Age beyond Expires minus Date makes a response stale, if Date is slow',
    anchor: LIFETIME,
    headers: { date: at(-10), expires: at(10), age: '25' },
    turn: 0,
  }),
  fetches({
    id: 'age-over-expires-fast-date',
    says: 'an Age beyond Expires minus Date makes a response stale, if Date is fast',
    anchor: LIFETIME,
    headers: { date: at(10), expires: at(20), age: '15' },
    turn: 0,
  }),
  fetches({
    id: 'apparent-age-over-max-age',
    says: 'a Date further in the past than max-age makes a response stale on arrival',
    anchor: AGE,
    headers: { date: at(-7_200), 'cache-control': 'max-age=3600' },
  }),
];

/** Fields about time are the service's: Age is what a cache changes. */
const kept: CacheRecord[] = [
  reuses({
    id: 'date-kept',
    says: 'Date stays what the service said',
    kind: 'required',
    anchor: 'RFC 9110 6.6.1',
    headers: { 'cache-control': 'max-age=3600' },
    expect: { headers: { date: at(0) } },
  }),
  reuses({
    id: 'date-kept-expires',
    says: 'Date stays what the service said beside an Expires',
    kind: 'required',
    anchor: 'RFC 9110 6.6.1',
    headers: { expires: at(30 * DAY) },
    expect: { headers: { date: at(0), expires: at(30 * DAY) } },
  }),
  reuses({
    id: 'date-added',
    says: 'a response without Date gets that of its arrival',
    kind: 'required',
    anchor: 'RFC 9110 6.6.1',
    headers: { date: null, 'cache-control': 'max-age=3600' },
    expect: { headers: { date: at(0), age: '3' } },
  }),
  {
    // Node adds that of the machine, which no record turns.
    id: 'date-added-at-once',
    says: 'a response that is not stored gets a Date too if it has none',
    kind: 'required',
    anchor: 'RFC 9110 6.6.1',
    steps: [{ answer: { headers: { date: null } }, expect: { from: 'service', headers: { date: / GMT$/ } } }],
  },
];

export const AGES = [...ages, ...kept];
