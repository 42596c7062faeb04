import { type AnswerFields, at, type CacheRecord, type ExpectedFields } from './record.ts';

/** RFC 9111 section 3.2: what the fields of a 304 do to those that are stored. */

const ANCHOR = 'RFC 9111 3.2';
const MODIFIED = 'Wed, 01 Jan 2020 00:00:00 GMT';

/** A name, its value in the stored response, in the 304, and that of the answers after it (by default the latter). */
type Row = readonly [name: string, before: string, after: string, expected?: string];

const rows: readonly Row[] = [
  ['Test-Header', 'value-a', 'value-b'],
  ['X-Test-Header', 'value-a', 'value-b'],
  ['Content-Foo', 'value-a', 'value-b'],
  ['X-Content-Foo', 'value-a', 'value-b'],
  ['Cache-Control', 'max-age=1', 'max-age=3600'],
  ['Content-Location', '/foo', '/bar'],
  ['Content-MD5', 'rL0Y20zC+Fzt72VPzMSk2A==', 'N7UdGUp1E+RbVvZSTy1R8g=='],
  ['Content-Security-Policy', "default-src 'self'", "default-src 'self' cdn.example.com"],
  ['Content-Type', 'text/plain', 'text/plain;charset=utf-8'],
  ['Clear-Site-Data', 'cache', 'cookies'],
  ['Expires', 'Fri, 01 Jan 2038 01:01:01 GMT', 'Mon, 11 Jan 2038 11:11:11 GMT'],
  ['Last-Modified', MODIFIED, 'Thu, 02 Jan 2020 00:00:00 GMT'],
  ['Public-Key-Pins', 'value-a', 'value-b'],
  ['Set-Cookie2', 'a=b', 'a=c'],
  ['Strict-Transport-Security', 'max-age=1', 'max-age=2'],
  ['X-Frame-Options', 'deny', 'sameorigin'],
  ['X-XSS-Protection', '1', '1; mode=block'],
  ['Content-Length', '2', '10', '2'],
  ['Content-Encoding', 'value-a', 'value-b', 'value-a'],
  ['Content-Range', 'value-a', 'value-b', 'value-a'],
];

/** Each is stored, becomes stale, is validated by its ETag, and is asked for once more. */
const byEtag = rows.map(([name, before, after, expected = after]): CacheRecord => {
  const field = name.toLowerCase();
  const common = { 'cache-control': 'max-age=2', etag: '"a"' };
  const seen: ExpectedFields = { [field]: expected };
  return {
    id: `update-${field}`,
    says: expected === after ? `a 304 updates ${name}` : `a 304 does not update ${name}, which is about the body`,
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { answer: { headers: { ...common, [field]: before } }, expect: { from: 'service', body: '#1' } },
      {
        turn: 3,
        answer: { status: 304, headers: { ...common, 'content-type': null, [field]: after } },
        expect: { from: 'validated', body: '#1', headers: seen },
      },
      { turn: 1, expect: { from: 'cache', body: '#1', headers: seen } },
    ],
  };
});

const validated = (
  id: string,
  says: string,
  first: AnswerFields,
  second: AnswerFields,
  headers: ExpectedFields,
): CacheRecord => ({
  id,
  says,
  kind: 'required',
  anchor: ANCHOR,
  steps: [
    { answer: { headers: first }, expect: { from: 'service' } },
    {
      turn: 3,
      answer: { status: 304, headers: { 'content-type': null, ...second } },
      expect: { from: 'validated', body: '#1', headers },
    },
  ],
});

const STALE = { 'cache-control': 'max-age=2', 'last-modified': MODIFIED };

const more: CacheRecord[] = [
  validated(
    'update-keeps',
    'what a 304 does not mention stays',
    { ...STALE, 'test-header': 'a' },
    { 'last-modified': MODIFIED },
    { 'test-header': 'a', 'content-type': 'text/plain', 'cache-control': 'max-age=2' },
  ),
  validated(
    'update-adds',
    'a field that is new in a 304 is added',
    STALE,
    { ...STALE, 'test-header': 'b' },
    { 'test-header': 'b' },
  ),
  validated(
    'update-lines',
    'a 304 replaces all lines of a field',
    { ...STALE, 'test-header': ['a', 'b', 'c'] },
    { ...STALE, 'test-header': ['d', 'e'] },
    { 'test-header': 'd, e' },
  ),
  validated(
    'update-connection',
    'what Connection of a 304 names is not stored',
    { ...STALE, a: '1' },
    { ...STALE, connection: 'a', a: '2' },
    { a: '1' },
  ),
  validated('update-date', 'Date becomes that of the 304', STALE, STALE, { date: at(3), age: '0' }),
  {
    id: 'update-age',
    says: 'an Age of the 304 is where the new age begins, and that of the old response is gone',
    kind: 'required',
    anchor: 'RFC 9111 4.2.3',
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=60', etag: '"a"', age: '50' } }, expect: { from: 'service' } },
      {
        turn: 20,
        answer: { status: 304, headers: { 'cache-control': 'max-age=60', etag: '"a"', age: '5' } },
        expect: { from: 'validated' },
      },
      { turn: 10, expect: { from: 'cache', body: '#1', headers: { age: '15' } } },
    ],
  },
  {
    id: 'update-age-absent',
    says: 'the Age of the old response does not outlive a 304 without one',
    kind: 'required',
    anchor: 'RFC 9111 4.2.3',
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=60', etag: '"a"', age: '50' } }, expect: { from: 'service' } },
      { turn: 20, answer: { status: 304, headers: { etag: '"a"' } }, expect: { from: 'validated' } },
      { turn: 50, expect: { from: 'cache', body: '#1', headers: { age: '50' } } },
    ],
  },
  {
    id: 'update-every-time',
    says: 'updates add up over several validations',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { answer: { headers: { ...STALE, a: '1', b: '1' } }, expect: { from: 'service' } },
      {
        turn: 3,
        answer: { status: 304, headers: { ...STALE, a: '2' } },
        expect: { from: 'validated', headers: { a: '2', b: '1' } },
      },
      {
        turn: 3,
        answer: { status: 304, headers: { ...STALE, b: '2' } },
        expect: { from: 'validated', headers: { a: '2', b: '2' } },
      },
    ],
  },
];

export const UPDATE = [...byEtag, ...more];
