import { type At, at, type CacheRecord, type RequestFields, reuses } from './record.ts';

/** RFC 9111 section 4.3.2: a stored response answers a client's own conditions. */

const MATCH = 'RFC 9110 13.1.2';
const SINCE = 'RFC 9110 13.1.3';

type Row = readonly [
  id: string,
  says: string,
  kind: CacheRecord['kind'],
  etag: string,
  ifNoneMatch: string | readonly string[],
  status: 200 | 304,
];

const tags: readonly Row[] = [
  ['strong', 'an equal tag', 'optimal', '"abcdef"', '"abcdef"', 304],
  ['weak', 'an equal weak tag', 'optimal', 'W/"abcdef"', 'W/"abcdef"', 304],
  ['weak-of-strong', 'a weak tag of a strong one: the comparison is weak', 'optimal', '"abcdef"', 'W/"abcdef"', 304],
  ['strong-of-weak', 'a strong tag of a weak one', 'optimal', 'W/"abcdef"', '"abcdef"', 304],
  ['first', 'the first of several tags', 'optimal', '"abcdef"', '"abcdef", "1234", "5678"', 304],
  ['middle', 'the second of several tags', 'optimal', '"abcdef"', '"1234", "abcdef", "5678"', 304],
  ['last', 'the last of several tags', 'optimal', '"abcdef"', '"1234", "5678", "abcdef"', 304],
  ['lines', 'a tag on the second line', 'optimal', '"abcdef"', ['"1234"', '"abcdef"'], 304],
  ['comma', 'a tag with a comma in it', 'optimal', '"a,b"', '"x", "a,b"', 304],
  ['star', 'the star', 'optimal', '"abcdef"', '*', 304],
  ['other', 'another tag', 'required', '"abcdef"', '"abcdeg"', 200],
  ['part', 'a part of the tag', 'required', '"abcdef"', '"abc"', 200],
  ['inside', 'a tag whose text has ours in it', 'required', '"b"', '"a"b"', 200],
  ['case', 'a tag in another case', 'required', '"abcdef"', '"ABCDEF"', 200],
  ['unquoted', 'a tag without its quotes', 'required', '"abcdef"', 'abcdef', 200],
];

const matched = tags.map(([id, what, kind, etag, value, status]) =>
  reuses({
    id: `if-none-match-${id}`,
    says: `${what} in If-None-Match is answered ${status} from the cache`,
    kind,
    anchor: MATCH,
    headers: { 'cache-control': 'max-age=3600', etag },
    second: { headers: { 'if-none-match': value } },
    expect: { status, body: status === 304 ? '' : '#1', headers: { etag } },
  }),
);

type DateRow = readonly [
  id: string,
  says: string,
  kind: CacheRecord['kind'],
  lastModified: At | null,
  headers: RequestFields,
  status: 200 | 304,
];

const MODIFIED = at(-3_000);

const dates: readonly DateRow[] = [
  ['equal', 'an equal date', 'optimal', MODIFIED, { 'if-modified-since': at(-3_000) }, 304],
  ['later', 'a later date', 'optimal', MODIFIED, { 'if-modified-since': at(-2_000) }, 304],
  ['earlier', 'an earlier date', 'required', MODIFIED, { 'if-modified-since': at(-4_000) }, 200],
  [
    'rfc850',
    'an equal date in the format of RFC 850',
    'optimal',
    MODIFIED,
    { 'if-modified-since': at(-3_000, 'rfc850') },
    304,
  ],
  [
    'asctime',
    'an equal date in the format of asctime()',
    'optimal',
    MODIFIED,
    { 'if-modified-since': at(-3_000, 'asctime') },
    304,
  ],
  ['no-date', 'what is no date', 'required', MODIFIED, { 'if-modified-since': 'yesterday' }, 200],
  [
    'of-date',
    'a date after Date, where there is no Last-Modified,',
    'optimal',
    null,
    { 'if-modified-since': at(1) },
    304,
  ],
  [
    'before-date',
    'a date before Date, where there is no Last-Modified,',
    'required',
    null,
    { 'if-modified-since': at(-1_000) },
    200,
  ],
];

const since = dates.map(([id, what, kind, lastModified, headers, status]) =>
  reuses({
    id: `if-modified-since-${id}`,
    says: `${what} in If-Modified-Since is answered ${status} from the cache`,
    kind,
    anchor: lastModified === null ? 'RFC 9111 4.3.2' : SINCE,
    headers: { 'cache-control': 'max-age=3600', 'last-modified': lastModified },
    second: { headers },
    expect: { status, body: status === 304 ? '' : '#1' },
  }),
);

const FRESH = { 'cache-control': 'max-age=3600', etag: '"abcdef"', 'last-modified': at(-5_000) };

const precedence: CacheRecord[] = [
  reuses({
    id: 'if-none-match-precedence-match',
    says: 'If-None-Match that matches wins over an If-Modified-Since that does not hold',
    kind: 'required',
    anchor: 'RFC 9110 13.2.2',
    headers: FRESH,
    second: { headers: { 'if-none-match': '"abcdef"', 'if-modified-since': at(-9_000) } },
    expect: { status: 304, body: '' },
  }),
  reuses({
    id: 'if-none-match-precedence-no-match',
    says: 'If-None-Match that does not match wins over an If-Modified-Since that holds',
    kind: 'required',
    anchor: 'RFC 9110 13.2.2',
    headers: FRESH,
    second: { headers: { 'if-none-match': '"other"', 'if-modified-since': at(-1) } },
    expect: { status: 200, body: '#1' },
  }),
  reuses({
    id: 'not-modified-fields',
    says: 'a 304 has the fields that a 200 would have had to tell caches by, and no content',
    kind: 'required',
    anchor: 'RFC 9110 15.4.5',
    headers: { ...FRESH, vary: 'Foo', expires: at(3_600), 'content-location': '/elsewhere' },
    second: { headers: { 'if-none-match': '"abcdef"' } },
    expect: {
      status: 304,
      body: '',
      headers: {
        etag: '"abcdef"',
        'cache-control': 'max-age=3600',
        vary: 'Foo',
        date: at(0),
        expires: at(3_600),
        'content-location': '/elsewhere',
        age: '3',
      },
    },
  }),
  reuses({
    id: 'not-modified-only-200',
    says: 'conditions are not evaluated on a stored 404',
    kind: 'required',
    anchor: 'RFC 9110 13.2.1',
    headers: FRESH,
    answer: { status: 404 },
    second: { headers: { 'if-none-match': '"abcdef"' } },
    expect: { status: 404, body: '#1' },
  }),
  reuses({
    id: 'if-match-fresh',
    says: 'a fresh response answers If-Match that matches',
    anchor: 'RFC 9110 13.1.1',
    headers: FRESH,
    second: { headers: { 'if-match': '"abcdef"' } },
    expect: { status: 200, body: '#1' },
  }),
];

export const CONDITIONAL = [...matched, ...since, ...precedence];
