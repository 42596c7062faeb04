import { type AnswerFields, at, type CacheRecord, fetches, type Pair, reuses } from './record.ts';

/** RFC 9111 sections 3 and 4.2.2: which statuses are stored, with explicit freshness and with what is guessed. */

const EXPLICIT = [
  ...[200, 203, 204, 299, 301, 302, 303, 307, 308],
  ...[400, 403, 404, 405, 410, 451, 499, 500, 501, 502, 503, 504, 599],
];

const explicit = EXPLICIT.flatMap((status): CacheRecord[] => [
  reuses({
    id: `status-${status}-fresh`,
    says: `a ${status} with explicit freshness is reused while fresh`,
    anchor: 'RFC 9111 3',
    headers: { expires: at(100_000), 'last-modified': at(0) },
    answer: { status },
  }),
  fetches({
    id: `status-${status}-stale`,
    says: `a ${status} that came stale is not reused`,
    anchor: 'RFC 9111 4.2',
    headers: { expires: at(-5_000), 'last-modified': at(-100_000) },
    answer: { status },
  }),
]);

const relayed: CacheRecord[] = [226, 299, 418, 499, 599, 799, 999].map((status) => ({
  id: `status-${status}-relayed`,
  says: `a ${status} reaches the client as it is`,
  kind: 'required',
  anchor: 'RFC 9110 15',
  steps: [{ answer: { status }, expect: { from: 'service', status, body: '#1' } }],
}));

const HEURISTIC = 'RFC 9111 4.2.2';
const DAY = 86_400;
const DAY_OLD = { 'last-modified': at(-DAY) };

const guessed = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map((status) =>
  reuses({
    id: `heuristic-${status}`,
    says: `a ${status} with Last-Modified is fresh for a while`,
    anchor: 'RFC 9110 15.1',
    headers: DAY_OLD,
    answer: { status },
  }),
);

const notGuessed = [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599].map((status) =>
  fetches({
    id: `heuristic-${status}`,
    says: `a ${status} without explicit freshness is not reused`,
    anchor: 'RFC 9110 15.1',
    headers: DAY_OLD,
    answer: { status },
  }),
);

type Row = readonly [
  id: string,
  says: string,
  headers: AnswerFields,
  turn: number,
  reused: boolean,
  pair?: Partial<Pair>,
];

const CREDENTIALED = 'no freshness is guessed for a request that carries';

const lifetimes: readonly Row[] = [
  ['tenth', 'what was modified an hour ago is fresh for minutes', { 'last-modified': at(-3_600) }, 350, true],
  ['tenth-over', 'and not for longer', { 'last-modified': at(-3_600) }, 370, false],
  ['recent', 'what was modified ten seconds ago is stale in a few', { 'last-modified': at(-10) }, 3, false],
  ['minute', 'what was modified a minute ago is fresh for some seconds', { 'last-modified': at(-60) }, 3, true],
  [
    'from-date',
    'the difference to Date counts, not to now',
    { 'last-modified': at(-3_600), date: at(-3_590) },
    3,
    false,
  ],
  ['cap', 'what was modified years ago is fresh for hours', { 'last-modified': at(-1_000 * DAY) }, 23 * 3_600, true],
  ['cap-over', 'and no more than a day', { 'last-modified': at(-1_000 * DAY) }, 25 * 3_600, false],
  ['future', 'what is modified in the future is stale', { 'last-modified': at(3_600) }, 0, false],
  ['invalid', 'a Last-Modified that is no date is none', { 'last-modified': 'yesterday' }, 0, false],
  ['age', 'Age counts', { ...DAY_OLD, age: '9000' }, 0, false],
  ['etag-alone', 'an ETag is no reason to guess', { etag: '"a"' }, 0, false],
  ['max-age-0', 'explicit freshness is not outdone by a guess', { ...DAY_OLD, 'cache-control': 'max-age=0' }, 0, false],
  ['invalid-max-age', 'nor is one that is malformed', { ...DAY_OLD, 'cache-control': 'max-age=x' }, 0, false],
  ['invalid-expires', 'nor is an Expires that is no date', { ...DAY_OLD, expires: '0' }, 0, false],
  [
    'public-599',
    'public lets any status be guessed',
    { ...DAY_OLD, 'cache-control': 'public' },
    3,
    true,
    { answer: { status: 599 } },
  ],
  [
    'attachment',
    'Content-Disposition makes no difference',
    { ...DAY_OLD, 'content-disposition': 'attachment; filename=a.txt' },
    3,
    true,
  ],
  ['cookie', `${CREDENTIALED} Cookie`, DAY_OLD, 3, false, { first: { headers: { cookie: 'a=b' } } }],
  [
    'authorization',
    `${CREDENTIALED} Authorization`,
    { ...DAY_OLD, 'cache-control': 'public' },
    3,
    false,
    { first: { headers: { authorization: 'FOO' } } },
  ],
];

const guesses = lifetimes.map(([id, says, headers, turn, reused, more]) => {
  const pair = { id: `heuristic-${id}`, says, anchor: HEURISTIC, headers, turn, ...more };
  return reused ? reuses(pair) : fetches(pair);
});

export const STATUS = [...explicit, ...relayed];
export const HEURISTICS = [...guessed, ...notGuessed, ...guesses];
