import {
  type AnswerFields,
  at,
  type CacheRecord,
  type ExpectedFields,
  fetches,
  type Scripted,
  type Step,
} from './record.ts';

/** RFC 9111 section 4.3: a stale response is validated with its own validators, and what the answer does to it. */

const SENT = 'RFC 9111 4.3.1';
const ANSWERED = 'RFC 9111 4.3.3';
const UPDATED = 'RFC 9111 3.2';
const MODIFIED = 'Wed, 01 Jan 2020 00:00:00 GMT';

const stored = (headers: AnswerFields): Step => ({ answer: { headers }, expect: { from: 'service', body: '#1' } });
const unchanged = (headers: AnswerFields): Scripted => ({ status: 304, headers });

/** Stored with these validators, then stale, then unchanged at the service. */
type Sent = readonly [
  id: string,
  says: string,
  cacheControl: string,
  validators: AnswerFields,
  conditions: ExpectedFields,
  turn?: number,
];

const requests: readonly Sent[] = [
  ['etag', 'an ETag', 'max-age=2', { etag: '"abcdef"' }, { 'if-none-match': '"abcdef"' }],
  ['etag-weak', 'a weak ETag', 'max-age=2', { etag: 'W/"abcdef"' }, { 'if-none-match': 'W/"abcdef"' }],
  ['last-modified', 'a Last-Modified', 'max-age=2', { 'last-modified': MODIFIED }, { 'if-modified-since': MODIFIED }],
  [
    'both',
    'both',
    'max-age=2',
    { etag: '"a"', 'last-modified': MODIFIED },
    { 'if-none-match': '"a"', 'if-modified-since': MODIFIED },
  ],
  ['must-revalidate', 'must-revalidate', 'max-age=2, must-revalidate', { etag: '"a"' }, { 'if-none-match': '"a"' }],
  ['no-cache', 'no-cache', 'no-cache', { etag: '"a"' }, { 'if-none-match': '"a"' }, 0],
  [
    'no-cache-fresh',
    'no-cache within max-age',
    'max-age=3600, no-cache',
    { etag: '"a"' },
    { 'if-none-match': '"a"' },
    0,
  ],
  ['max-age-0', 'max-age=0', 'max-age=0', { etag: '"a"' }, { 'if-none-match': '"a"' }, 0],
];

const sent = requests.map(
  ([id, what, cacheControl, validators, conditions, turn = 3]): CacheRecord => ({
    id: `validates-${id}`,
    says: `a stored response with ${what} is validated, and its body is not sent again`,
    kind: id === 'must-revalidate' ? 'required' : 'optimal',
    anchor: SENT,
    steps: [
      stored({ 'cache-control': cacheControl, ...validators }),
      {
        turn,
        answer: unchanged({ 'cache-control': cacheControl, ...validators }),
        expect: { from: 'validated', body: '#1', received: { method: 'GET', headers: conditions } },
      },
    ],
  }),
);

const outcomes: CacheRecord[] = [
  {
    id: 'validation-freshens',
    says: 'a 304 makes the response fresh again, with the age of the 304',
    kind: 'optimal',
    anchor: 'RFC 9111 4.3.4',
    steps: [
      stored({ 'cache-control': 'max-age=60', etag: '"a"' }),
      {
        turn: 61,
        answer: unchanged({ etag: '"a"', 'cache-control': 'max-age=60' }),
        expect: { from: 'validated', body: '#1' },
      },
      { turn: 59, expect: { from: 'cache', body: '#1', headers: { age: '59', date: at(61) } } },
      { turn: 2, expect: { requests: 1 } },
    ],
  },
  {
    id: 'validation-fresh-is-not',
    says: 'a response that must be revalidated when stale is reused without while it is fresh',
    kind: 'optimal',
    anchor: 'RFC 9111 5.2.2.2',
    steps: [
      stored({ 'cache-control': 'max-age=10000, must-revalidate', etag: '"abcd"' }),
      { turn: 3, expect: { from: 'cache', body: '#1' } },
    ],
  },
  {
    id: 'validation-must-revalidate-hit-then-stale',
    says: 'a response with must-revalidate is reused while fresh and validated when stale',
    kind: 'required',
    anchor: 'RFC 9111 5.2.2.2',
    steps: [
      stored({ 'cache-control': 'max-age=2, must-revalidate', etag: '"abcd"' }),
      { expect: { from: 'cache', body: '#1' } },
      {
        turn: 3,
        answer: unchanged({ 'cache-control': 'max-age=2, must-revalidate', etag: '"abcd"' }),
        expect: { from: 'validated', body: '#1', received: { headers: { 'if-none-match': '"abcd"' } } },
      },
    ],
  },
  {
    id: 'validation-changed',
    says: 'a 200 to a validation replaces the response',
    kind: 'required',
    anchor: ANSWERED,
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"', a: '1' }),
      {
        turn: 3,
        answer: { headers: { 'cache-control': 'max-age=60', etag: '"b"' } },
        expect: { requests: 1, body: '#2', headers: { a: null } },
      },
      { expect: { from: 'cache', body: '#2', headers: { etag: '"b"', a: null } } },
    ],
  },
  {
    id: 'validation-error',
    says: 'a 500 to a validation reaches the client, and the next request validates again',
    kind: 'required',
    anchor: ANSWERED,
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"' }),
      { turn: 3, answer: { status: 500 }, expect: { requests: 1, status: 500, body: '#2' } },
    ],
  },
  {
    id: 'validation-gone',
    says: 'a 404 to a validation replaces the response',
    kind: 'required',
    anchor: ANSWERED,
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"' }),
      {
        turn: 3,
        answer: { status: 404, headers: { 'cache-control': 'max-age=60' } },
        expect: { requests: 1, status: 404, body: '#2' },
      },
      { expect: { from: 'cache', status: 404, body: '#2' } },
    ],
  },
  {
    id: 'validation-etag-mismatch',
    says: 'a 304 with another strong ETag is about another response: the body is fetched',
    kind: 'required',
    anchor: 'RFC 9111 4.3.4',
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"' }),
      {
        turn: 3,
        answer: (request) =>
          request.field('if-none-match') === undefined
            ? { headers: { 'cache-control': 'max-age=60', etag: '"b"' }, body: 'new' }
            : unchanged({ etag: '"b"', 'cache-control': 'max-age=60' }),
        expect: {
          requests: 2,
          body: 'new',
          headers: { etag: '"b"' },
          received: { headers: { 'if-none-match': null } },
        },
      },
    ],
  },
  {
    id: 'validation-no-store',
    says: 'a 304 that forbids storing answers once, and ends the reuse of what was stored',
    kind: 'required',
    anchor: UPDATED,
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"' }),
      {
        turn: 3,
        answer: unchanged({ etag: '"a"', 'cache-control': 'no-store' }),
        expect: { from: 'validated', body: '#1' },
      },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
  fetches({
    id: 'validation-none-without-validator',
    says: 'without validators there is nothing to validate by: the request carries no condition',
    anchor: SENT,
    headers: { 'cache-control': 'max-age=2' },
    expect: { received: { headers: { 'if-none-match': null, 'if-modified-since': null } } },
  }),
];

/** A stale response, and a client with conditions of its own. */
type Client = readonly [id: string, says: string, headers: { readonly [name: string]: string }, status: 200 | 304];

const clients: readonly Client[] = [
  ['etag-match', 'a client that has it gets a 304', { 'if-none-match': '"a"' }, 304],
  ['etag-other', 'a client that has another gets a 200, though the service said 304', { 'if-none-match': '"z"' }, 200],
  ['date-match', 'a client with its date gets a 304', { 'if-modified-since': MODIFIED }, 304],
  [
    'date-earlier',
    'a client with an earlier date gets a 200',
    { 'if-modified-since': 'Tue, 01 Jan 2019 00:00:00 GMT' },
    200,
  ],
  ['none', 'a client without conditions gets a 200', {}, 200],
];

const ofClients = clients.map(
  ([id, says, headers, status]): CacheRecord => ({
    id: `validation-client-${id}`,
    says: `after a validation with our own validators ${says}`,
    kind: id.endsWith('match') ? 'optimal' : 'required',
    anchor: 'RFC 9111 4.3.3',
    steps: [
      stored({ 'cache-control': 'max-age=2', etag: '"a"', 'last-modified': MODIFIED }),
      {
        turn: 3,
        request: { headers },
        answer: (request) =>
          (request.field('if-none-match') ?? '').includes('"a"')
            ? unchanged({ etag: '"a"', 'cache-control': 'max-age=60' })
            : { status: 500, body: 'asked without our ETag' },
        expect: { from: 'validated', status, body: status === 304 ? '' : '#1', headers: { etag: '"a"' } },
      },
      { expect: { from: 'cache', body: '#1' } },
    ],
  }),
);

const others: CacheRecord[] = [
  {
    id: 'validation-client-last-modified-only',
    says: 'a client with the date of a response without ETag gets a 304 after the validation',
    kind: 'optimal',
    anchor: 'RFC 9111 4.3.2',
    steps: [
      stored({ 'cache-control': 'max-age=2', 'last-modified': at(-3_000) }),
      {
        turn: 3,
        request: { headers: { 'if-modified-since': at(-3_000) } },
        answer: unchanged({ 'cache-control': 'max-age=2', 'last-modified': at(-3_000) }),
        expect: { from: 'validated', status: 304, received: { headers: { 'if-modified-since': at(-3_000) } } },
      },
    ],
  },
  {
    id: 'validation-miss-conditional',
    says: "a miss is fetched whole, whatever the client's conditions, which are then evaluated on the result",
    kind: 'optimal',
    anchor: 'RFC 9111 4.3.2',
    steps: [
      {
        request: { headers: { 'if-none-match': '"a"' } },
        answer: { headers: { 'cache-control': 'max-age=60', etag: '"a"' } },
        expect: { from: 'service', status: 304, received: { headers: { 'if-none-match': null } } },
      },
      { expect: { from: 'cache', body: '#1' } },
    ],
  },
  {
    id: 'validation-vary-fields',
    says: 'a validation carries the request fields that Vary names',
    kind: 'required',
    anchor: SENT,
    steps: [
      {
        request: { headers: { abc: '123' } },
        answer: { headers: { expires: at(1), etag: '"abcdef"', vary: 'Abc' } },
        expect: { from: 'service' },
      },
      {
        turn: 3,
        request: { headers: { abc: '123' } },
        answer: unchanged({ expires: at(60), etag: '"abcdef"', vary: 'Abc' }),
        expect: { from: 'validated', body: '#1', received: { headers: { abc: '123', 'if-none-match': '"abcdef"' } } },
      },
    ],
  },
];

export const VALIDATION = [...sent, ...outcomes, ...ofClients, ...others];
