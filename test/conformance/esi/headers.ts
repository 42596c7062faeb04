import { feature } from './record.ts';

/** ESI.md section 8: fields of requests and of the composed page. */

const PAGE = 'a<esi:include src="/f"/>b';
/** The value, its lifetime a second less if that has passed meanwhile: Date knows no fractions. */
const within = (cacheControl: string) =>
  new RegExp(`${cacheControl.replace(/\d+/g, (seconds) => `(?:${seconds}|${Math.max(0, Number(seconds) - 1)})`)}$`);

const kept = (seconds: number) => ({ 'cache-control': `max-age=${seconds}` });
const F = { '/f': { headers: kept(60), body: 'F' } };
const RESPONSE = 'ESI.md 8 response';
const REQUEST = 'ESI.md 8 fragment request';
const CACHE = 'ESI.md 8 Cache-Control';

/** HEAD: everything is known when the head goes out. */
const combined = (id: string, says: string, page: string, fragment: string, cacheControl: string) => ({
  id,
  says,
  anchor: CACHE,
  page: { headers: { 'cache-control': page }, body: PAGE },
  fragments: { '/f': { headers: { 'cache-control': fragment }, body: 'F' } },
  request: { method: 'HEAD' },
  expect: { headers: { 'cache-control': within(cacheControl) } },
});

const readsVariable = (name: string, cacheControl: string, headers: Record<string, string> = {}) => ({
  id: `private-${name
    .replace(/[^A-Za-z]+/g, '-')
    .replace(/-$/, '')
    .toLowerCase()}`,
  says: `a page that reads ${name} is ${cacheControl}`,
  anchor: CACHE,
  page: { headers: { 'cache-control': 'max-age=60' }, body: `<esi:vars>$(${name})</esi:vars>` },
  request: { headers },
  expect: { headers: { 'cache-control': within(cacheControl) } },
});

export const HEADERS = feature('headers', [
  {
    id: 'capability',
    says: 'services hear what Inlay can do',
    anchor: 'ESI.md 8 Surrogate-Capability',
    page: PAGE,
    fragments: F,
    expect: {
      received: {
        '/page': { headers: { 'surrogate-capability': 'inlay="Surrogate/1.0 ESI/1.0"' } },
        '/f': { headers: { 'surrogate-capability': 'inlay="Surrogate/1.0 ESI/1.0"' } },
      },
    },
  },
  {
    id: 'capability-appended',
    says: "it is appended to the client's",
    anchor: 'ESI.md 8 Surrogate-Capability',
    page: PAGE,
    fragments: F,
    request: { headers: { 'surrogate-capability': 'cdn="Surrogate/1.0"' } },
    expect: {
      body: 'aFb',
      received: {
        '/page': { headers: { 'surrogate-capability': 'cdn="Surrogate/1.0", inlay="Surrogate/1.0 ESI/1.0"' } },
      },
    },
  },
  {
    id: 'control-removed',
    says: 'Surrogate-Control is removed',
    anchor: 'ESI.md 8 Surrogate-Control',
    page: PAGE,
    fragments: F,
    expect: { headers: { 'surrogate-control': null } },
  },
  {
    id: 'control-removed-plain',
    says: 'Surrogate-Control is removed from pages without ESI and from other types too',
    anchor: 'ESI.md 8 Surrogate-Control',
    page: { headers: { 'content-type': 'text/css', 'surrogate-control': 'max-age=60' }, body: 'x' },
    expect: { body: 'x', headers: { 'surrogate-control': null } },
  },
  {
    id: 'control-max-age',
    says: "max-age of Surrogate-Control governs Inlay's cache, not the client's",
    anchor: 'ESI.md 8 Surrogate-Control',
    page: {
      headers: { 'surrogate-control': 'max-age=600, content="ESI/1.0"', 'cache-control': 'max-age=5' },
      body: 'x',
    },
    expect: { headers: { 'cache-control': within('max-age=5') } },
    again: [{ page: 'changed', expect: { body: 'x' } }],
  },
  {
    id: 'fragment-request-fields',
    says: "a fragment's request carries no Range, conditions, content fields, Expect or hop-by-hop fields",
    anchor: REQUEST,
    page: PAGE,
    fragments: F,
    request: {
      headers: {
        range: 'bytes=0-1',
        'if-none-match': '"x"',
        'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT',
        'if-match': '*',
        te: 'trailers',
        'x-hop': '1',
        connection: 'close, x-hop',
      },
    },
    expect: {
      received: {
        '/f': {
          method: 'GET',
          body: '',
          headers: {
            range: null,
            'if-none-match': null,
            'if-modified-since': null,
            'if-match': null,
            'content-type': null,
            'content-length': null,
            expect: null,
            te: null,
            'x-hop': null,
          },
        },
      },
    },
  },
  {
    id: 'fragment-request-preferences',
    says: 'it carries Accept-Language, User-Agent and X-Forwarded fields, and an encoding of its own',
    anchor: REQUEST,
    page: PAGE,
    fragments: F,
    request: { headers: { 'accept-language': 'de', 'user-agent': 'U', 'accept-encoding': 'br' } },
    expect: {
      received: {
        '/f': {
          headers: {
            'accept-language': 'de',
            'user-agent': 'U',
            'accept-encoding': 'identity',
            'x-forwarded-host': 'fragment-request-preferences.test',
            'x-forwarded-proto': 'http',
          },
        },
      },
    },
  },
  {
    id: 'etag-template-removed',
    says: "the template's ETag and Last-Modified are not those of the page",
    anchor: RESPONSE,
    page: { headers: { etag: '"template"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }, body: PAGE },
    fragments: F,
    request: { method: 'HEAD' },
    expect: { headers: { etag: /"(?!template)/, 'last-modified': null } },
  },
  {
    id: 'etag-plain-kept',
    says: 'a page that is no template keeps its validators',
    anchor: RESPONSE,
    page: { esi: false, headers: { etag: '"own"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }, body: 'x' },
    expect: { headers: { etag: '"own"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' } },
  },
  {
    id: 'etag-304',
    says: 'a composed page that has not changed is a 304',
    anchor: 'ESI.md 8',
    page: { headers: kept(60), body: PAGE },
    fragments: F,
    request: { method: 'HEAD' },
    expect: { headers: { etag: /"/ } },
    again: [
      { request: { headers: { 'if-none-match': '$etag' } }, expect: { status: 304, body: '', headers: { etag: /"/ } } },
    ],
  },
  {
    id: 'etag-fragment-changes',
    says: 'a changed fragment changes the ETag',
    anchor: 'ESI.md 8',
    page: { headers: kept(60), body: PAGE },
    fragments: { '/f': 'F' },
    request: { method: 'HEAD' },
    expect: { headers: { etag: /"/ } },
    again: [
      {
        fragments: { '/f': 'G' },
        request: { method: 'HEAD', headers: { 'if-none-match': '$etag' } },
        expect: { status: 200 },
      },
    ],
  },
  {
    id: 'etag-template-condition',
    says: "the template's own ETag never answers a condition",
    anchor: 'ESI.md 8 conditions',
    page: { headers: { etag: '"t"', ...kept(60) }, body: PAGE },
    fragments: F,
    request: { headers: { 'if-none-match': '"t"' } },
    expect: { status: 200, body: 'aFb', received: { '/page': { headers: { 'if-none-match': null } } } },
  },
  {
    id: 'etag-date-condition',
    says: "the template's own date never answers a condition",
    anchor: 'ESI.md 8 conditions',
    page: { headers: { 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT', ...kept(60) }, body: PAGE },
    fragments: F,
    request: { headers: { 'if-modified-since': 'Mon, 01 Jan 2024 00:00:00 GMT' } },
    expect: { status: 200, body: 'aFb' },
  },
  {
    id: 'etag-variables',
    says: 'pages that print different values have different ETags',
    anchor: 'ESI.md 8',
    page: { headers: kept(60), body: '<esi:vars>$(QUERY_STRING{q}|x)$(HTTP_X_A)</esi:vars>' },
    request: { headers: { 'x-a': '1' } },
    expect: { headers: { etag: /"/ } },
    again: [
      { request: { headers: { 'x-a': '2', 'if-none-match': '$etag' } }, expect: { status: 200, body: 'x2' } },
      { request: { headers: { 'x-a': '2', 'if-none-match': '$etag' } }, expect: { status: 304 } },
    ],
  },
  {
    id: 'length-known',
    says: 'Content-Length is that of the composed page',
    anchor: RESPONSE,
    page: { headers: kept(60), body: PAGE },
    fragments: { '/f': { headers: kept(60), body: 'FÄ' } },
    expect: { body: 'aFÄb' },
    again: [{ expect: { body: 'aFÄb', headers: { 'content-length': '5' } } }],
  },
  {
    id: 'encoding-asked',
    says: 'templates and fragments are asked for without an encoding, whatever the client accepts',
    anchor: 'ESI.md 7 compressed',
    page: PAGE,
    fragments: F,
    request: { headers: { 'accept-encoding': 'gzip, br' } },
    expect: {
      body: 'aFb',
      headers: { 'content-encoding': null },
      received: {
        '/page': { headers: { 'accept-encoding': 'identity' } },
        '/f': { headers: { 'accept-encoding': 'identity' } },
      },
    },
  },
  {
    id: 'encoding-template',
    says: 'a template that is encoded all the same cannot be read, and fails',
    anchor: 'ESI.md 7 compressed',
    page: { headers: { 'content-encoding': 'gzip' }, body: PAGE },
    expect: { status: 502, requested: [] },
  },
  {
    id: 'length-streamed',
    says: 'a page that streams has none',
    anchor: RESPONSE,
    page: PAGE,
    fragments: { '/f': { body: 'F', whenClientHas: 'a' } },
    expect: { body: 'aFb', headers: { 'content-length': null, 'transfer-encoding': 'chunked' } },
  },
  {
    id: 'length-head',
    says: "HEAD has the composed page's, not the template's",
    anchor: RESPONSE,
    page: PAGE,
    fragments: { '/f': 'FFFF' },
    request: { method: 'HEAD' },
    expect: { headers: { 'content-length': '6' } },
  },
  combined('cache-least', 'the least lifetime wins', 'max-age=600', 'max-age=30', 'max-age=30'),
  combined('cache-template-least', "the template's own counts too", 'max-age=30', 'max-age=600', 'max-age=30'),
  combined('cache-private', 'private of a fragment wins', 'max-age=600', 'private, max-age=30', 'private, max-age=30'),
  combined('cache-no-store', 'no-store of a fragment wins', 'max-age=600', 'no-store', 'no-store'),
  combined('cache-no-cache', 'no-cache of a fragment wins', 'max-age=600', 'no-cache', 'no-cache'),
  combined(
    'cache-must-revalidate',
    'must-revalidate of a fragment wins',
    'max-age=60',
    'max-age=60, must-revalidate',
    'max-age=60, must-revalidate',
  ),
  combined('cache-public', 'public needs all parts', 'public, max-age=60', 'max-age=60', 'max-age=60'),
  combined(
    'cache-all-public',
    'public of all parts is public',
    'public, max-age=60',
    'public, max-age=60',
    'public, max-age=60',
  ),
  combined('cache-s-maxage', 's-maxage needs all parts', 's-maxage=60, max-age=5', 'max-age=5', 'max-age=5'),
  {
    id: 'cache-unknown-parts',
    says: 'a page whose fragments are not known yet is private and stale at once',
    anchor: CACHE,
    page: { headers: kept(600), body: PAGE },
    fragments: { '/f': { headers: kept(600), body: 'F', whenClientHas: 'a' } },
    expect: { body: 'aFb', headers: { 'cache-control': 'private, max-age=0', expires: null, age: null } },
  },
  {
    id: 'cache-expires',
    says: "Expires of the template is not the page's",
    anchor: CACHE,
    page: { headers: { expires: 'Fri, 01 Jan 2100 00:00:00 GMT' }, body: PAGE },
    fragments: F,
    request: { method: 'HEAD' },
    expect: { headers: { expires: null, age: '0' } },
  },
  readsVariable('HTTP_COOKIE{a}', 'private, max-age=60', { cookie: 'a=1' }),
  readsVariable('HTTP_ACCEPT_LANGUAGE{de}', 'private, max-age=60', { 'accept-language': 'de' }),
  readsVariable('HTTP_USER_AGENT{browser}', 'private, max-age=60'),
  readsVariable('HTTP_X_ANY', 'private, max-age=60'),
  readsVariable('HTTP_HEADER{X-A}', 'private, max-age=60'),
  readsVariable('QUERY_STRING{a}', 'max-age=60'),
  readsVariable('REQUEST_PATH', 'max-age=60'),
  {
    id: 'private-fragment-variable',
    says: 'a fragment that reads a cookie makes the page private',
    anchor: CACHE,
    page: { headers: kept(60), body: PAGE },
    fragments: { '/f': { esi: true, headers: kept(60), body: '<esi:vars>$(HTTP_COOKIE{a})</esi:vars>' } },
    request: { method: 'HEAD' },
    expect: { headers: { 'cache-control': within('private, max-age=60') } },
  },
  {
    id: 'private-test',
    says: 'a test of a cookie makes the page private, whatever it comes to',
    anchor: CACHE,
    page: {
      headers: kept(60),
      body: `<esi:choose><esi:when test="$(HTTP_COOKIE{a})=='1'">x</esi:when></esi:choose>y`,
    },
    expect: { body: 'y', headers: { 'cache-control': within('private, max-age=60') } },
  },
  {
    id: 'private-src',
    says: 'a cookie in a src makes the page private',
    anchor: CACHE,
    page: { headers: kept(60), body: '<esi:include src="/f?l=$(HTTP_COOKIE{l}|en)"/>' },
    fragments: F,
    request: { method: 'HEAD' },
    expect: { headers: { 'cache-control': within('private, max-age=60') } },
  },
  {
    id: 'variables-not-shared',
    says: "a stored template is composed for each client's own values",
    anchor: 'ESI.md 9',
    page: { headers: kept(60), body: '<esi:vars>$(HTTP_X_A)</esi:vars>' },
    request: { headers: { 'x-a': '1' } },
    expect: { body: '1' },
    again: [{ request: { headers: { 'x-a': '2' } }, expect: { body: '2' } }],
  },
  {
    id: 'set-cookie-template',
    says: "the template's Set-Cookie passes",
    anchor: RESPONSE,
    page: { headers: { 'set-cookie': ['a=1', 'b=2'] }, body: PAGE },
    fragments: F,
    expect: { headers: { 'set-cookie': 'a=1, b=2' } },
  },
  {
    id: 'set-cookie-fragment',
    says: "a fragment's Set-Cookie and any other of its fields are ignored",
    anchor: RESPONSE,
    page: PAGE,
    fragments: {
      '/f': { headers: { 'set-cookie': 'a=1', server: 'x', 'x-fragment': '1', location: '/x' }, body: 'F' },
    },
    request: { method: 'HEAD' },
    expect: { headers: { 'set-cookie': null, 'x-fragment': null, location: null, server: null } },
  },
  {
    id: 'fields-template',
    says: "the template's other fields pass",
    anchor: RESPONSE,
    page: {
      headers: { server: 'web', 'x-page': '1', link: '</a>; rel=preload', 'content-language': 'de' },
      body: PAGE,
    },
    fragments: F,
    expect: { headers: { server: 'web', 'x-page': '1', link: '</a>; rel=preload', 'content-language': 'de' } },
  },
  {
    id: 'vary-template',
    says: "the template's Vary stays",
    anchor: RESPONSE,
    page: { headers: { vary: 'X-A' }, body: PAGE },
    fragments: F,
    expect: { headers: { vary: /X-A/ } },
  },
  {
    id: 'vary-fragment-cache',
    says: "a fragment's Vary keeps its variants apart",
    anchor: RESPONSE,
    page: { headers: kept(60), body: '<esi:include src="/f"/>' },
    fragments: { '/f': { headers: { ...kept(60), vary: 'Accept-Language' }, body: 'F' } },
    request: { headers: { 'accept-language': 'de' } },
    expect: { requested: ['/f'] },
    again: [
      { request: { headers: { 'accept-language': 'en' } }, expect: { requested: ['/f'] } },
      { request: { headers: { 'accept-language': 'de' } }, expect: { requested: [] } },
    ],
  },
  {
    id: 'content-type',
    says: "Content-Type is the template's, with its parameters",
    anchor: RESPONSE,
    page: { headers: { 'content-type': 'text/html; charset=ISO-8859-1' }, body: PAGE },
    fragments: { '/f': { headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'F' } },
    expect: { headers: { 'content-type': 'text/html; charset=ISO-8859-1' } },
  },
  {
    id: 'range-whole',
    says: 'a Range of a composed page gets the whole page',
    anchor: 'ESI.md 8 Range',
    page: 'abcdef<esi:include src="/f"/>',
    fragments: F,
    request: { headers: { range: 'bytes=0-1' } },
    expect: { status: 200, body: 'abcdefF', headers: { 'content-range': null } },
  },
  {
    id: 'range-accept',
    says: 'a composed page says that it accepts none',
    anchor: 'ESI.md 8 Range',
    page: { headers: { 'accept-ranges': 'bytes' }, body: PAGE },
    fragments: F,
    expect: { headers: { 'accept-ranges': 'none' } },
  },
  {
    id: 'length-without-esi',
    says: 'a template without ESI keeps its length',
    anchor: RESPONSE,
    page: 'plain text',
    expect: { headers: { 'content-length': '10' } },
  },
]);
