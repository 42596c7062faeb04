import { at, type CacheRecord, fetches, reuses, type Step } from './record.ts';

/** RFC 9110 section 9.3.2 and RFC 9111 section 4.3.5: HEAD is answered by what a GET stored, and updates it. */

const ANCHOR = 'RFC 9110 9.3.2';
const UPDATES = 'RFC 9111 4.3.5';
const HEAD = { method: 'HEAD' };
const GET = { body: '#1' };
/** The service's answer has the length of `#1`, unless it says otherwise. */
const FRESH = { 'cache-control': 'max-age=1000' };

const stored = (cacheControl: string, extra: Readonly<Record<string, string>> = {}): Step => ({
  answer: { headers: { 'cache-control': cacheControl, 'template-a': '1', ...extra } },
  expect: { from: 'service', body: '#1' },
});

const answered: CacheRecord[] = [
  reuses({
    id: 'head-fresh',
    says: 'a fresh GET answers HEAD, with its fields and without its body',
    anchor: ANCHOR,
    headers: { 'cache-control': 'max-age=3600', etag: '"a"', a: '1' },
    second: HEAD,
    expect: { headers: { a: '1', etag: '"a"', 'content-length': '2', age: '3' } },
  }),
  reuses({
    id: 'head-fresh-conditional',
    says: 'a fresh GET answers a conditional HEAD with 304',
    anchor: 'RFC 9110 13.1.2',
    headers: { 'cache-control': 'max-age=3600', etag: '"a"' },
    second: { ...HEAD, headers: { 'if-none-match': '"a"' } },
    expect: { status: 304 },
  }),
  reuses({
    id: 'head-fresh-range',
    says: 'HEAD knows no ranges',
    kind: 'required',
    anchor: 'RFC 9110 14.2',
    headers: { 'cache-control': 'max-age=3600' },
    second: { ...HEAD, headers: { range: 'bytes=0-0' } },
    expect: { status: 200, headers: { 'content-range': null, 'content-length': '2' } },
  }),
  fetches({
    id: 'head-is-no-get',
    says: 'a HEAD does not answer a GET',
    anchor: 'RFC 9111 4',
    headers: FRESH,
    first: HEAD,
  }),
  {
    id: 'head-miss',
    says: 'a HEAD that nothing answers reaches the service as HEAD',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      {
        request: HEAD,
        answer: { headers: { a: '1' } },
        expect: { from: 'service', body: '', headers: { a: '1' }, received: { method: 'HEAD' } },
      },
    ],
  },
  {
    id: 'head-stale',
    says: 'a HEAD that meets a stale response reaches the service as HEAD',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [
      stored('max-age=2'),
      { turn: 3, request: HEAD, expect: { requests: 1, body: '', received: { method: 'HEAD' } } },
    ],
  },
];

const updates: CacheRecord[] = [
  {
    id: 'head-updates-freshness',
    says: 'a 200 to HEAD makes the stored response fresh again',
    kind: 'optimal',
    anchor: UPDATES,
    steps: [
      stored('max-age=2', { etag: '"a"' }),
      { turn: 3, request: HEAD, answer: { headers: { ...FRESH, etag: '"a"' } }, expect: { requests: 1 } },
      { expect: { from: 'cache', ...GET } },
    ],
  },
  {
    id: 'head-updates-fields',
    says: 'a 200 to HEAD updates the fields of the stored response, and keeps the others',
    kind: 'optimal',
    anchor: UPDATES,
    steps: [
      stored('max-age=2', { b: '1', etag: '"a"' }),
      {
        turn: 3,
        request: HEAD,
        answer: { headers: { ...FRESH, 'template-a': '2', etag: '"a"' } },
        expect: { requests: 1 },
      },
      { turn: 3, expect: { from: 'cache', ...GET, headers: { 'template-a': '2', b: '1', age: '3', date: at(3) } } },
    ],
  },
  {
    id: 'head-other-etag',
    says: 'a 200 to HEAD with another ETag ends the reuse of the stored response',
    kind: 'required',
    anchor: UPDATES,
    steps: [
      stored('max-age=3600', { etag: '"a"' }),
      {
        request: { ...HEAD, headers: { 'cache-control': 'no-cache' } },
        answer: { headers: { ...FRESH, etag: '"b"' } },
        expect: { requests: 1 },
      },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
  {
    id: 'head-other-last-modified',
    says: 'a 200 to HEAD with another Last-Modified ends the reuse of the stored response',
    kind: 'required',
    anchor: UPDATES,
    steps: [
      { answer: { headers: { ...FRESH, 'last-modified': at(-3_000) } }, expect: { from: 'service' } },
      {
        request: { ...HEAD, headers: { 'cache-control': 'no-cache' } },
        answer: { headers: { ...FRESH, 'last-modified': at(-10) } },
        expect: { requests: 1 },
      },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
  {
    id: 'head-other-length',
    says: 'a 200 to HEAD with another Content-Length ends the reuse of the stored response',
    kind: 'required',
    anchor: UPDATES,
    steps: [
      stored('max-age=3600'),
      {
        request: { ...HEAD, headers: { 'cache-control': 'no-cache' } },
        answer: { headers: { ...FRESH, 'content-length': '200' } },
        expect: { requests: 1 },
      },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
  {
    id: 'head-410',
    says: 'a 410 to HEAD does not make the stored response fresh',
    kind: 'required',
    anchor: UPDATES,
    steps: [
      stored('max-age=2'),
      {
        turn: 3,
        request: HEAD,
        answer: { status: 410, headers: { ...FRESH, 'template-a': '2' } },
        expect: { requests: 1, status: 410, body: '' },
      },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
  {
    id: 'head-no-store',
    says: 'a 200 to HEAD that forbids storing is not what makes the stored response fresh',
    kind: 'required',
    anchor: UPDATES,
    steps: [
      stored('max-age=2'),
      { turn: 3, request: HEAD, answer: { headers: { 'cache-control': 'no-store' } }, expect: { requests: 1 } },
      { expect: { requests: 1, body: '#3' } },
    ],
  },
];

export const HEADS = [...answered, ...updates];
