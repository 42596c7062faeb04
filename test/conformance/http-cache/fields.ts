import { at, type CacheRecord, fetches, reuses } from './record.ts';

/** RFC 9111 section 3.1: which fields are stored; and what else makes a URL and a response what they are. */

const ANCHOR = 'RFC 9111 3.1';
const FRESH = { 'cache-control': 'max-age=3600' };

const STORED: Readonly<Record<string, string>> = {
  'Test-Header': 'value-b',
  'X-Test-Header': 'value-b',
  'Content-Foo': 'value-b',
  'X-Content-Foo': 'value-b',
  'Cache-Control': 'max-age=3600',
  'CDN-Cache-Control': 'max-age=3600',
  'Clear-Site-Data': 'cookies',
  'Content-Disposition': 'attachment; filename=example.txt',
  'Content-Encoding': 'value-b',
  'Content-Language': 'de',
  'Content-Location': '/bar',
  'Content-MD5': 'N7UdGUp1E+RbVvZSTy1R8g==',
  'Content-Range': 'value-b',
  'Content-Security-Policy': "default-src 'self' cdn.example.com",
  'Content-Type': 'text/plain;charset=utf-8',
  ETag: '"ghijkl"',
  Expires: 'Mon, 11 Jan 2038 11:11:11 GMT',
  'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT',
  Link: '</style.css>; rel=preload',
  Location: '/elsewhere',
  'Public-Key-Pins': 'value-b',
  Server: 'service/1.0',
  'Set-Cookie2': 'a=c',
  'Strict-Transport-Security': 'max-age=31536000',
  'WWW-Authenticate': 'Basic realm="a"',
  'X-Frame-Options': 'sameorigin',
  'X-XSS-Protection': '1; mode=block',
};

const stored = Object.entries(STORED).map(([name, value]) =>
  reuses({
    id: `field-${name.toLowerCase()}`,
    says: `${name} is stored as it came`,
    kind: 'required',
    anchor: ANCHOR,
    headers: { ...FRESH, [name.toLowerCase()]: value },
    expect: { headers: { [name.toLowerCase()]: value } },
  }),
);

const HOP = ['Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade'];
const OF_PROXIES = ['Proxy-Authenticate', 'Proxy-Authentication-Info', 'Proxy-Authorization'];

const notStored = [...HOP, ...OF_PROXIES].map((name) =>
  reuses({
    id: `field-${name.toLowerCase()}`,
    says: `${name} is not stored, and does not keep the response from being`,
    kind: 'required',
    anchor: ANCHOR,
    headers: { ...FRESH, [name.toLowerCase()]: 'value-b' },
    expect: { headers: { [name.toLowerCase()]: null } },
  }),
);

const connection: CacheRecord[] = [
  reuses({
    id: 'field-connection',
    says: 'Connection itself is not stored',
    kind: 'required',
    anchor: ANCHOR,
    headers: { ...FRESH, connection: 'value-b' },
    expect: { headers: { connection: /^(close|keep-alive)$/ } },
  }),
  {
    id: 'field-connection-listed',
    says: 'fields that Connection names are neither relayed nor stored',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      {
        answer: { headers: { ...FRESH, connection: 'A, b', a: '1', b: '2', c: '3' } },
        expect: { from: 'service', headers: { a: null, b: null, c: '3' } },
      },
      { turn: 3, expect: { from: 'cache', headers: { a: null, b: null, c: '3' } } },
    ],
  },
  reuses({
    id: 'field-connection-cache-control',
    says: 'Connection cannot name away what is said about the end of the chain',
    kind: 'required',
    anchor: 'RFC 9110 7.6.1',
    headers: { 'cache-control': 'max-age=3600', connection: 'date', age: '30' },
    expect: { headers: { age: '33' } },
  }),
  reuses({
    id: 'field-lines',
    says: 'a field keeps its lines',
    kind: 'required',
    anchor: ANCHOR,
    headers: { ...FRESH, a: ['1', '2, 3'] },
    expect: { headers: { a: '1, 2, 3' } },
  }),
];

const cookies: CacheRecord[] = [
  fetches({
    id: 'set-cookie',
    says: 'a response with Set-Cookie is not stored',
    anchor: 'RFC 9111 7.3',
    headers: { ...FRESH, 'set-cookie': 'a=b' },
    expect: { headers: { 'set-cookie': null } },
  }),
  {
    id: 'set-cookie-relayed',
    says: 'Set-Cookie reaches the client who asked',
    kind: 'required',
    anchor: 'RFC 9111 7.3',
    steps: [
      {
        answer: { headers: { ...FRESH, 'set-cookie': ['a=b', 'c=d'] } },
        expect: { headers: { 'set-cookie': 'a=b, c=d' } },
      },
    ],
  },
  {
    id: 'set-cookie-304',
    says: 'Set-Cookie of a 304 reaches one client',
    kind: 'required',
    anchor: 'RFC 9111 7.3',
    steps: [
      { answer: { headers: { 'cache-control': 'max-age=2', etag: '"a"' } } },
      {
        turn: 3,
        answer: { status: 304, headers: { 'cache-control': 'max-age=60', etag: '"a"', 'set-cookie': 'a=b' } },
        expect: { from: 'validated', body: '#1', headers: { 'set-cookie': 'a=b' } },
      },
      { expect: { headers: { 'set-cookie': null } } },
    ],
  },
  reuses({
    id: 'cookie-hit',
    says: 'a request with Cookie is answered from the cache',
    anchor: 'RFC 9111 4',
    headers: { expires: at(100_000), 'last-modified': at(0) },
    second: { headers: { cookie: 'a=b' } },
  }),
  reuses({
    id: 'cookie-explicit',
    says: 'explicit freshness counts for a request with Cookie',
    anchor: 'RFC 9111 3',
    headers: FRESH,
    first: { headers: { cookie: 'a=b' } },
  }),
];

const FOO = { authorization: 'FOO' };
type Auth = readonly [id: string, says: string, headers: Readonly<Record<string, string>>, reused: boolean];

const authorized: readonly Auth[] = [
  ['max-age', 'max-age alone does not allow it', FRESH, false],
  ['public', 'public allows it', { 'cache-control': 'max-age=3600, public' }, true],
  ['must-revalidate', 'must-revalidate allows it', { 'cache-control': 'max-age=3600, must-revalidate' }, true],
  ['s-maxage', 's-maxage allows it', { 'cache-control': 's-maxage=3600' }, true],
  ['proxy-revalidate', 'proxy-revalidate does not', { 'cache-control': 'max-age=3600, proxy-revalidate' }, false],
  ['private-public', 'private forbids it beside public', { 'cache-control': 'max-age=3600, public, private' }, false],
  ['s-maxage-malformed', 'a malformed s-maxage does not', { 'cache-control': 'max-age=3600, s-maxage=x' }, false],
  [
    'targeted',
    'public beside CDN-Cache-Control does not',
    { 'cache-control': 'public', 'cdn-cache-control': 'max-age=3600' },
    false,
  ],
  [
    'targeted-itself',
    'CDN-Cache-Control allows it itself',
    { 'cdn-cache-control': 'max-age=3600, must-revalidate' },
    true,
  ],
];

const authorization: CacheRecord[] = [
  ...authorized.map(([id, what, headers, reused]) => {
    const says = `a response to a request with Authorization is not stored unless it says so: ${what}`;
    const pair = { id: `authorization-${id}`, says, anchor: 'RFC 9111 3.5', headers, first: { headers: FOO } };
    return reused ? reuses(pair) : fetches(pair);
  }),
  fetches({
    id: 'authorization-expires',
    says: 'Expires does not allow to store a response to a request with Authorization',
    anchor: 'RFC 9111 3.5',
    headers: { expires: at(100_000), 'last-modified': at(0) },
    first: { headers: FOO },
  }),
  {
    id: 'authorization-forwarded',
    says: 'Authorization reaches the service',
    kind: 'required',
    anchor: 'RFC 9110 11.6.2',
    steps: [{ request: { headers: FOO }, expect: { from: 'service', received: { headers: FOO } } }],
  },
  reuses({
    id: 'authorization-hit',
    says: 'a request with Authorization is answered by what was stored for anybody',
    anchor: 'RFC 9111 3.5',
    headers: { 'cache-control': 'max-age=3600, public' },
    second: { headers: FOO },
  }),
];

const urls: CacheRecord[] = [
  fetches({
    id: 'url-other-query',
    says: 'another query is another URL',
    anchor: 'RFC 9111 2',
    headers: FRESH,
    first: { path: '?test=1' },
    second: { path: '?test=2' },
  }),
  reuses({
    id: 'url-same-query',
    says: 'a query does not keep a response from being reused',
    anchor: 'RFC 9111 2',
    headers: FRESH,
    first: { path: '?test=1' },
    second: { path: '?test=1' },
  }),
  fetches({
    id: 'url-case',
    says: 'a path in another case is another URL',
    anchor: 'RFC 9110 4.2.3',
    headers: FRESH,
    first: { path: '/Path' },
    second: { path: '/path' },
  }),
  fetches({
    id: 'url-host',
    says: 'the same path of another host is another URL',
    anchor: 'RFC 9111 2',
    headers: FRESH,
    first: { headers: { host: 'one.test' } },
    second: { headers: { host: 'two.test' } },
  }),
];

export const FIELDS = [...stored, ...notStored, ...connection];
export const CREDENTIALS = [...cookies, ...authorization];
export const URLS = urls;
