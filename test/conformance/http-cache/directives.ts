import { type AnswerFields, at, type CacheRecord, fetches, reuses } from './record.ts';

/** RFC 9111 section 5.2.2: what Cache-Control of a response says about storing and reusing it. */

type Row = readonly [
  id: string,
  says: string,
  section: number,
  cacheControl: string | readonly string[],
  reused: boolean,
  more?: AnswerFields,
];

const DATED = { expires: at(10_000) };

const rows: readonly Row[] = [
  ['private', 'private forbids storing', 7, 'private, max-age=3600', false],
  ['private-case', 'Private does too', 7, 'Private, max-age=3600', false],
  ['private-after', 'private counts wherever it stands', 7, 'max-age=3600, private', false],
  ['private-line', 'private counts on a line of its own', 7, ['max-age=3600', 'private'], false],
  ['private-s-maxage', 's-maxage does not lift private', 7, 'private, s-maxage=3600', false],
  ['private-public', 'public does not lift private', 7, 'public, private, max-age=3600', false],
  ['private-fields', 'private of some fields is taken for all', 7, 'private="x", max-age=3600', false, { x: '1' }],
  ['private-malformed', 'private with a value that is no list is taken for all', 7, 'private=x, max-age=3600', false],
  ['no-store', 'no-store forbids storing', 5, 'no-store', false],
  ['no-store-case', 'No-StOrE does too', 5, 'No-StOrE', false],
  ['no-store-fresh', 'max-age and Expires do not lift no-store', 5, 'max-age=10000, no-store', false, DATED],
  ['no-store-malformed', 'no-store with a value forbids storing', 5, 'max-age=10000, no-store="x"', false],
  ['no-store-quoted', 'no-store in a quoted string is none', 5, 'x="no-store", max-age=3600', true],
  ['no-cache', 'no-cache forbids reuse, even with max-age and Expires', 4, 'max-age=10000, no-cache', false, DATED],
  ['no-cache-case', 'No-CaChE does too', 4, 'max-age=10000, No-CaChE', false, DATED],
  ['no-cache-s-maxage', 's-maxage does not lift no-cache', 4, 's-maxage=10000, no-cache', false],
  ['must-revalidate', 'must-revalidate allows reuse while fresh', 2, 'max-age=10000, must-revalidate', true],
  ['proxy-revalidate', 'proxy-revalidate allows reuse while fresh', 8, 'max-age=10000, proxy-revalidate', true],
  ['must-revalidate-stale', 'must-revalidate forbids reuse when stale', 2, 'max-age=2, must-revalidate', false],
  ['public-alone', 'public is no freshness', 9, 'public', false],
  ['no-transform', 'no-transform does not forbid storing', 6, 'max-age=3600, no-transform', true],
  [
    'must-understand',
    'must-understand lifts no-store for a status that is understood',
    3,
    'max-age=3600, no-store, must-understand',
    true,
  ],
];

const listed = rows.map(([id, says, section, cacheControl, reused, more]) => {
  const headers = { 'cache-control': cacheControl, ...more };
  const pair = { id: `response-${id}`, says, anchor: `RFC 9111 5.2.2.${section}`, headers };
  return reused ? reuses(pair) : fetches(pair);
});

const others: CacheRecord[] = [
  ...['max-age=3600, no-store, must-understand', 'max-age=3600, must-understand'].map((cacheControl, i) =>
    fetches({
      id: `response-must-understand-599-${i + 1}`,
      says: 'must-understand forbids storing a status that is not understood',
      anchor: 'RFC 9111 5.2.2.3',
      headers: { 'cache-control': cacheControl },
      answer: { status: 599 },
    }),
  ),
  fetches({
    id: 'response-immutable-stale',
    says: 'immutable does not lengthen a lifetime',
    anchor: 'RFC 8246 2',
    headers: { 'cache-control': 'max-age=2, immutable' },
  }),
  {
    id: 'response-no-cache-fields',
    says: 'a field that no-cache names is not sent from the cache without validation',
    kind: 'required',
    anchor: 'RFC 9111 5.2.2.4',
    steps: [
      { answer: { headers: { 'cache-control': ['no-cache="a, b"', 'max-age=3600'], a: '1', b: '2', c: '3' } } },
      { turn: 3, expect: { headers: { a: null, b: null } } },
    ],
  },
  {
    id: 'response-no-store-replaces',
    says: 'a newer answer that may not be stored does not bring an old one back',
    kind: 'required',
    anchor: 'RFC 9111 4',
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=2', a: '1' } } },
      { turn: 3, answer: { headers: { 'cache-control': 'no-store', a: '2' } }, expect: { requests: 1, body: '#2' } },
      { turn: 3, expect: { requests: 1, body: '#3' } },
    ],
  },
];

export const DIRECTIVES = [...listed, ...others];
