import type { Asked, CacheRecord, RequestFields, Scripted, Step } from './record.ts';

/** RFC 9111 section 4: several clients ask for the same thing while nobody has it yet. */

const ANCHOR = 'RFC 9111 4';
const FRESH = { 'cache-control': 'max-age=3600' };

/** Clients who ask at once, the first of whom is asked for; each gets the body at its place. */
type Row = readonly [
  id: string,
  says: string,
  kind: CacheRecord['kind'],
  answer: Scripted,
  clients: readonly Asked[],
  bodies: readonly (string | undefined)[],
  requests: number,
];

const ask = (headers: RequestFields = {}): Asked => ({ headers });
const SAME = [ask(), ask(), ask()];

const rows: readonly Row[] = [
  ['same', 'the same request is one fetch', 'optimal', { headers: FRESH }, SAME, ['#1', '#1', '#1'], 1],
  [
    'heuristic',
    'a guessed freshness is enough',
    'optimal',
    { headers: { 'last-modified': 'Wed, 01 Jan 2020 00:00:00 GMT' } },
    SAME,
    ['#1', '#1', '#1'],
    1,
  ],
  [
    'error',
    'a 404 that may be stored is shared',
    'optimal',
    { status: 404, headers: FRESH },
    SAME,
    ['#1', '#1', '#1'],
    1,
  ],
  [
    'no-store',
    'what may not be stored is fetched by each',
    'required',
    { headers: { 'cache-control': 'no-store' } },
    SAME,
    ['#1', undefined, undefined],
    3,
  ],
  [
    'private',
    'what is private is fetched by each',
    'required',
    { headers: { 'cache-control': 'private, max-age=60' } },
    SAME,
    ['#1', undefined, undefined],
    3,
  ],
  [
    'set-cookie',
    'what sets a cookie is fetched by each',
    'required',
    { headers: { ...FRESH, 'set-cookie': 'a=b' } },
    SAME,
    ['#1', undefined, undefined],
    3,
  ],
  [
    'vary',
    'who varies fetches, who does not waits',
    'required',
    { headers: { ...FRESH, vary: 'Foo' } },
    [ask({ foo: '1' }), ask({ foo: '2' }), ask({ foo: '1' })],
    ['#1', '#2', '#1'],
    2,
  ],
  [
    'vary-star',
    'nobody waits for a response that matches no request',
    'required',
    { headers: { ...FRESH, vary: '*' } },
    SAME,
    ['#1', undefined, undefined],
    3,
  ],
  [
    'authorization',
    'nobody gets what was for the credentials of another',
    'required',
    { headers: FRESH },
    [ask({ authorization: 'A' }), ask({ authorization: 'B' })],
    ['#1', '#2'],
    2,
  ],
  [
    'authorization-public',
    'what is for anybody is shared whatever the credentials',
    'optimal',
    { headers: { 'cache-control': 'public, max-age=60' } },
    [ask({ authorization: 'A' }), ask({ authorization: 'B' })],
    ['#1', '#1'],
    1,
  ],
  [
    'query',
    'another URL is another fetch',
    'required',
    { headers: FRESH },
    [{ path: '?1' }, { path: '?2' }],
    [undefined, undefined],
    2,
  ],
  [
    'no-cache',
    'who asks with no-cache waits for nobody',
    'required',
    { headers: FRESH },
    [ask(), ask({ 'cache-control': 'no-cache' })],
    ['#1', '#2'],
    2,
  ],
  [
    'no-store-request',
    'who asks with no-store waits for nobody',
    'required',
    { headers: FRESH },
    [ask(), ask({ 'cache-control': 'no-store' })],
    ['#1', '#2'],
    2,
  ],
  [
    'post',
    'a POST waits for no other',
    'required',
    { headers: FRESH },
    [
      { method: 'POST', body: 'a' },
      { method: 'POST', body: 'b' },
    ],
    ['#1', '#2'],
    2,
  ],
];

const step = (answer: Scripted, clients: readonly Asked[], bodies: Row[5], requests: number): Step => {
  const status = { status: answer.status ?? 200 };
  const expected = bodies.map((body) => (body === undefined ? status : { ...status, body }));
  const [first = {}, ...others] = clients;
  return {
    request: first,
    answer,
    expect: { ...expected[0], requests },
    meanwhile: others.map((request, i) => ({ request, expect: expected[i + 1] ?? {} })),
  };
};

const together = rows.map(
  ([id, says, kind, answer, clients, bodies, requests]): CacheRecord => ({
    id: `collapsed-${id}`,
    says,
    kind,
    anchor: ANCHOR,
    steps: [step(answer, clients, bodies, requests)],
  }),
);

const UNSTORABLE: Scripted = { headers: { 'cache-control': 'no-store' } };

const others: CacheRecord[] = [
  {
    id: 'collapsed-not-queued',
    says: 'once a response could not be stored nobody waits for the next',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [
      { answer: UNSTORABLE },
      {
        answer: UNSTORABLE,
        meanwhile: [{}, {}],
        expect: { requests: 3, together: 3 },
      },
    ],
  },
  {
    id: 'collapsed-queued-again',
    says: 'once it can be stored again they wait again',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [
      { answer: UNSTORABLE },
      { turn: 120, answer: { headers: { 'cache-control': 'max-age=2' } } },
      {
        turn: 3,
        answer: { headers: FRESH },
        meanwhile: [{ expect: { body: '#3' } }],
        expect: { requests: 1, body: '#3' },
      },
    ],
  },
  {
    id: 'collapsed-validation',
    says: 'who meets the same stale response waits for one validation',
    kind: 'optimal',
    anchor: 'RFC 9111 4.3',
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=2', etag: '"a"' } } },
      {
        turn: 3,
        answer: { status: 304, headers: { ...FRESH, etag: '"a"' } },
        meanwhile: [{ expect: { body: '#1' } }, { expect: { body: '#1' } }],
        expect: { from: 'validated', body: '#1' },
      },
    ],
  },
  {
    id: 'collapsed-conditions',
    says: 'who waits gets the answer to its own conditions',
    kind: 'required',
    anchor: 'RFC 9111 4.3.2',
    steps: [
      {
        answer: { headers: { ...FRESH, etag: '"a"' } },
        meanwhile: [
          { request: ask({ 'if-none-match': '"a"' }), expect: { status: 304, body: '' } },
          { request: ask({ 'if-none-match': '"b"' }), expect: { status: 200, body: '#1' } },
        ],
        expect: { requests: 1, body: '#1' },
      },
    ],
  },
  {
    id: 'collapsed-head',
    says: 'who waits is answered by its own method',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      {
        answer: { headers: FRESH },
        meanwhile: [{ request: { method: 'HEAD' }, expect: { body: '' } }],
        expect: { body: '#1' },
      },
    ],
  },
  {
    id: 'collapsed-fails',
    says: 'a fetch that fails fails for all who waited',
    kind: 'required',
    anchor: ANCHOR,
    steps: [{ answer: { raw: '' }, meanwhile: [{ expect: { status: [502, 504] } }], expect: { status: [502, 504] } }],
  },
];

export const COLLAPSED = [...together, ...others];
