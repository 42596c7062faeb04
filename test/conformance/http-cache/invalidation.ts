import { type Asked, at, type CacheRecord, type Step } from './record.ts';

/** RFC 9111 section 4.4: what an unsafe request does to what is stored; and POST, which may be stored. */

const ANCHOR = 'RFC 9111 4.4';
const POSTED = 'RFC 9110 9.3.3';
const UNSAFE = ['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH'];
const DONE = [200, 201, 204, 303];
const FAILED = [400, 404, 500, 503];

const FRESH = { expires: at(100_000), 'last-modified': at(0) };
const asks = (method: string, path = ''): Asked => ({ method, path, body: 'abc' });
const stored = (path = ''): Step => ({
  request: { path },
  answer: { headers: FRESH },
  expect: { from: 'service', body: '#1' },
});
/** It was dropped, or it was not. */
const dropped = (path = ''): Step => ({ turn: 1, request: { path }, expect: { from: 'service', body: '#3' } });
const kept = (path = ''): Step => ({ turn: 1, request: { path }, expect: { from: 'cache', body: '#1' } });

const methods = UNSAFE.flatMap((method): CacheRecord[] => {
  const id = `invalidation-${method.toLowerCase()}`;
  const target = '/target';
  const named = (field: string): CacheRecord => ({
    id: `${id}-${field}`,
    says: `${method} that succeeds drops what its ${field} names`,
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      stored(target),
      {
        turn: 1,
        request: asks(method),
        answer: { headers: { [field]: `/${id}-${field}${target}` } },
        expect: { from: 'service' },
      },
      dropped(target),
    ],
  });
  return [
    {
      id,
      says: `${method} that succeeds drops what is stored under its URL`,
      kind: 'required',
      anchor: ANCHOR,
      steps: [
        stored(),
        { turn: 1, request: asks(method), expect: { from: 'service', body: '#2', received: { method, body: 'abc' } } },
        dropped(),
      ],
    },
    {
      id: `${id}-failed`,
      says: `${method} that fails drops nothing`,
      kind: 'optimal',
      anchor: ANCHOR,
      steps: [
        stored(),
        { turn: 1, request: asks(method), answer: { status: 500 }, expect: { from: 'service', status: 500 } },
        kept(),
      ],
    },
    named('location'),
    named('content-location'),
  ];
});

const statuses = [
  ...DONE.map((status): [number, Step] => [status, dropped()]),
  ...FAILED.map((status): [number, Step] => [status, kept()]),
].map(
  ([status, then]): CacheRecord => ({
    id: `invalidation-status-${status}`,
    says: `a ${status} to PUT ${status < 400 ? 'drops what is stored' : 'drops nothing'}`,
    kind: status < 400 ? 'required' : 'optimal',
    anchor: ANCHOR,
    steps: [stored(), { turn: 1, request: asks('PUT'), answer: { status }, expect: { from: 'service', status } }, then],
  }),
);

const locations: CacheRecord[] = [
  ...(['location', 'content-location'] as const).map(
    (field): CacheRecord => ({
      id: `invalidation-other-host-${field}`,
      says: `a ${field} of another host drops nothing`,
      kind: 'required',
      anchor: ANCHOR,
      steps: [
        stored('/target'),
        {
          turn: 1,
          request: asks('POST'),
          answer: { headers: { [field]: `http://other.test/invalidation-other-host-${field}/target` } },
          expect: { from: 'service' },
        },
        kept('/target'),
      ],
    }),
  ),
  {
    id: 'invalidation-relative-location',
    says: 'a relative Location is resolved against the URL of the request',
    kind: 'required',
    anchor: 'RFC 9110 10.2.2',
    steps: [
      stored('/a/target'),
      {
        turn: 1,
        request: asks('POST', '/a/here'),
        answer: { status: 201, headers: { location: 'target' } },
        expect: { status: 201 },
      },
      dropped('/a/target'),
    ],
  },
  {
    id: 'invalidation-failed-location',
    says: 'a Location of an answer that failed drops nothing',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [
      stored('/target'),
      {
        turn: 1,
        request: asks('POST'),
        answer: { status: 500, headers: { location: '/invalidation-failed-location/target' } },
        expect: { status: 500 },
      },
      kept('/target'),
    ],
  },
];

const more: CacheRecord[] = [
  {
    id: 'invalidation-query',
    says: 'what is stored under another query stays',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [stored('?a=1'), { turn: 1, request: asks('POST', '?a=2') }, kept('?a=1')],
  },
  {
    id: 'invalidation-variants',
    says: 'all variants are dropped',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      ...['1', '2'].map((foo) => ({ request: { headers: { foo } }, answer: { headers: { ...FRESH, vary: 'Foo' } } })),
      { turn: 1, request: asks('POST') },
      ...['1', '2'].map((foo): Step => ({ request: { headers: { foo } }, expect: { from: 'service' } })),
    ],
  },
  ...['OPTIONS', 'HEAD'].map(
    (method): CacheRecord => ({
      id: `invalidation-${method.toLowerCase()}`,
      says: `${method} is safe and drops nothing`,
      kind: 'optimal',
      anchor: 'RFC 9110 9.2.1',
      steps: [stored(), { turn: 1, request: { method } }, kept()],
    }),
  ),
  {
    id: 'invalidation-overtakes',
    says: 'a response whose request began before a PUT is not stored after it',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { answer: { headers: FRESH }, meanwhile: [{ request: asks('PUT') }], expect: { requests: 2 } },
      { turn: 1, expect: { from: 'service' } },
    ],
  },
  {
    id: 'invalidation-closed',
    says: 'a PUT is not sent again when the service closes the connection',
    kind: 'required',
    anchor: 'RFC 9110 9.2.2',
    steps: [
      stored(),
      { turn: 1, request: asks('POST'), answer: { raw: '' }, expect: { requests: 1, status: [502, 504] } },
    ],
  },
];

const posted = (id: string, says: string, headers: Readonly<Record<string, string>>, reused: boolean): CacheRecord => ({
  id,
  says,
  kind: reused ? 'optimal' : 'required',
  anchor: POSTED,
  steps: [
    {
      request: asks('POST'),
      answer: { headers },
      expect: { from: 'service', body: '#1', received: { method: 'POST', body: 'abc' } },
    },
    { turn: 3, expect: reused ? { from: 'cache', body: '#1' } : { from: 'service', body: '#2' } },
  ],
});
const LONG = { 'cache-control': 'max-age=3600' };

const posts: CacheRecord[] = [
  posted(
    'post-own',
    'a POST that says it is its own URL answers later GETs',
    { ...LONG, 'content-location': '/post-own' },
    true,
  ),
  posted('post-other', 'a POST that says it is another URL does not', { ...LONG, 'content-location': '/other' }, false),
  posted('post-plain', 'a POST that does not say what it is does not', LONG, false),
  posted(
    'post-own-no-freshness',
    'a POST without explicit freshness does not',
    { 'content-location': '/post-own-no-freshness' },
    false,
  ),
  {
    id: 'post-own-expires',
    says: 'an Expires is freshness enough for a POST',
    kind: 'optimal',
    anchor: POSTED,
    steps: [
      {
        request: { ...asks('POST'), headers: { 'content-type': 'text/plain' } },
        answer: { headers: { expires: at(86_400), 'content-location': '/post-own-expires' } },
        expect: { from: 'service' },
      },
      { turn: 3, expect: { from: 'cache', body: '#1' } },
    ],
  },
  {
    id: 'post-always-forwarded',
    says: 'a POST is never answered from the cache',
    kind: 'required',
    anchor: POSTED,
    steps: [1, 2].map((number) => ({
      request: asks('POST'),
      answer: { headers: { ...LONG, 'content-location': '/post-always-forwarded' } },
      expect: { from: 'service', body: `#${number}` },
    })),
  },
];

export const INVALIDATION = [...methods, ...statuses, ...locations, ...more, ...posts];
