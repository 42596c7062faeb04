import { type AnswerFields, at, type CacheRecord, fetches, type RequestFields, reuses } from './record.ts';

/** RFC 9111 section 5.2.1: what a client asks of caches. They need not listen; we do. */

type Row = readonly [
  id: string,
  says: string,
  section: number,
  headers: AnswerFields,
  request: RequestFields,
  turn: number,
  reused: boolean,
];

const asking = (cacheControl: string): RequestFields => ({ 'cache-control': cacheControl });
const kept = (cacheControl: string, age?: string): AnswerFields => ({
  'cache-control': cacheControl,
  ...(age === undefined ? {} : { age }),
});

const rows: readonly Row[] = [
  ['max-age-0', 'max-age=0 wants none from a cache', 1, kept('max-age=3600'), asking('max-age=0'), 3, false],
  ['max-age-younger', 'max-age wants a younger one', 1, kept('max-age=3600'), asking('max-age=1'), 3, false],
  ['max-age-aged', 'Age counts for max-age', 1, kept('max-age=3600', '1800'), asking('max-age=600'), 0, false],
  ['max-age-met', 'max-age that is met', 1, kept('max-age=3600'), asking('max-age=10'), 3, true],
  ['max-stale', 'max-stale takes a stale one', 2, kept('max-age=1'), asking('max-stale=1000'), 3, true],
  [
    'max-stale-aged',
    'max-stale takes one that came stale',
    2,
    { ...kept('max-age=1500', '2000'), etag: '"a"' },
    asking('max-stale=1000'),
    0,
    true,
  ],
  ['max-stale-any', 'max-stale without a time takes any', 2, kept('max-age=1'), asking('max-stale'), 3_600, true],
  [
    'max-stale-over',
    'max-stale does not take one that is staler',
    2,
    kept('max-age=1'),
    asking('max-stale=5'),
    30,
    false,
  ],
  [
    'max-stale-forbidden',
    'must-revalidate forbids max-stale',
    2,
    kept('max-age=1, must-revalidate'),
    asking('max-stale=1000'),
    3,
    false,
  ],
  ['max-stale-s-maxage', 's-maxage forbids max-stale', 2, kept('s-maxage=1'), asking('max-stale=1000'), 3, false],
  ['min-fresh', 'min-fresh wants one that stays fresh', 3, kept('max-age=1500'), asking('min-fresh=2000'), 0, false],
  ['min-fresh-aged', 'Age counts for min-fresh', 3, kept('max-age=1500', '1000'), asking('min-fresh=1000'), 0, false],
  ['min-fresh-met', 'min-fresh that is met', 3, kept('max-age=1500'), asking('min-fresh=1000'), 3, true],
  ['no-cache', 'no-cache wants the service to be asked', 4, kept('max-age=3600'), asking('no-cache'), 3, false],
  [
    'unknown',
    'what is unknown changes nothing',
    4,
    kept('max-age=3600'),
    { ...asking('nothing-to-see-here'), pragma: 'foo' },
    3,
    true,
  ],
  ['only-if-cached', 'only-if-cached takes a fresh one', 7, kept('max-age=3600'), asking('only-if-cached'), 3, true],
];

const listed = rows.map(([id, says, section, headers, request, turn, reused]): CacheRecord => {
  const anchor = `RFC 9111 5.2.1.${section}`;
  const pair = {
    id: `request-${id}`,
    says,
    anchor,
    headers,
    second: { headers: request },
    turn,
    kind: 'optimal' as const,
  };
  return reused ? reuses(pair) : fetches(pair);
});

const validating = (id: string, validator: AnswerFields, condition: string): CacheRecord => ({
  id: `request-no-cache-${id}`,
  says: `no-cache validates a fresh response by its ${id}`,
  kind: 'optimal',
  anchor: 'RFC 9111 5.2.1.4',
  steps: [
    { answer: { headers: { 'cache-control': 'max-age=3600', ...validator } } },
    {
      turn: 3,
      request: { headers: asking('no-cache') },
      answer: { status: 304, headers: { 'cache-control': 'max-age=3600', ...validator } },
      expect: { from: 'validated', body: '#1', received: { headers: { [condition]: /./ } } },
    },
    { turn: 3, expect: { from: 'cache', body: '#1', headers: { age: '3' } } },
  ],
});

const others: CacheRecord[] = [
  validating('etag', { etag: '"abc"' }, 'if-none-match'),
  validating('last-modified', { 'last-modified': at(-10_000) }, 'if-modified-since'),
  fetches({
    id: 'request-no-store',
    says: 'the answer to a request with no-store is not stored',
    anchor: 'RFC 9111 5.2.1.5',
    headers: { 'cache-control': 'max-age=3600' },
    first: { headers: asking('no-store') },
  }),
  {
    id: 'request-no-cache-stored',
    says: 'the answer to a request with no-cache replaces what is stored',
    kind: 'optimal',
    anchor: 'RFC 9111 5.2.1.4',
    steps: [
      { answer: { headers: kept('max-age=3600') } },
      {
        turn: 3,
        request: { headers: asking('no-cache') },
        answer: { headers: kept('max-age=3600') },
        expect: { from: 'service', body: '#2' },
      },
      { turn: 3, expect: { from: 'cache', body: '#2' } },
    ],
  },
  ...(
    [
      ['miss', []],
      ['stale', [{ answer: { headers: kept('max-age=2') } }]],
    ] as const
  ).map(
    ([id, before]): CacheRecord => ({
      id: `request-only-if-cached-${id}`,
      says: `only-if-cached gets a 504 where there is ${id === 'miss' ? 'nothing' : 'nothing fresh'}`,
      kind: 'optimal',
      anchor: 'RFC 9111 5.2.1.7',
      steps: [
        ...before,
        { turn: 3, request: { headers: asking('only-if-cached') }, expect: { requests: 0, status: 504 } },
      ],
    }),
  ),
];

const PRAGMA = 'RFC 9111 5.4';

const pragma: CacheRecord[] = [
  fetches({
    id: 'pragma-request-no-cache',
    says: 'Pragma: no-cache of a request is its Cache-Control where there is none',
    kind: 'optimal',
    anchor: PRAGMA,
    headers: kept('max-age=3600'),
    second: { headers: { pragma: 'no-cache' } },
  }),
  reuses({
    id: 'pragma-request-cache-control',
    says: 'Pragma of a request is ignored beside Cache-Control',
    anchor: PRAGMA,
    headers: kept('max-age=3600'),
    second: { headers: { pragma: 'no-cache', 'cache-control': 'max-age=60' } },
  }),
  reuses({
    id: 'pragma-request-other',
    says: 'another Pragma of a request is ignored',
    anchor: PRAGMA,
    headers: kept('max-age=3600'),
    second: { headers: { pragma: 'unrecognised-extension' } },
  }),
  reuses({
    id: 'pragma-response-no-cache',
    says: 'Pragma of a response is ignored beside Cache-Control',
    anchor: PRAGMA,
    headers: { ...kept('max-age=3600'), pragma: 'no-cache' },
  }),
  reuses({
    id: 'pragma-response-other',
    says: 'another Pragma of a response is ignored',
    anchor: PRAGMA,
    headers: { ...kept('max-age=3600'), pragma: 'unrecognised-extension' },
  }),
];

export const REQUEST = [...listed, ...others, ...pragma];
