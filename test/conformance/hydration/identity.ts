import { entity, feature, html, itemOf, listOf, plain, TEA } from './record.ts';

/** Gaps in the path of a definition that the visitor fills, not the document. */

const CARTS = {
  cart: {
    definition: { path: '/cart/{cookie:cart}' as const, scope: ['cookie:cart'] as const, batch: null },
    has: { a1: '{"items":1}', b2: '{"items":2}', 'a/b': '{"items":3}', 'ä;': '{"items":4}' },
  },
};
const SHOPS = {
  greeting: {
    definition: { path: '/greeting/{header:x-tenant}' as const, scope: ['header:x-tenant'] as const, batch: null },
    has: { acme: '{"hello":"acme"}' },
  },
};
const TENANTS = {
  product: {
    definition: {
      path: '/{header:x-tenant}/product/{id}' as const,
      scope: ['header:x-tenant'] as const,
      batch: { path: '/{header:x-tenant}/product?ids={ids}' as const },
    },
    has: plain(['1', '2']),
  },
};
const MINE = '{"esi:include":{"type":"cart"}}';
const cart = (value: string) => ({ headers: { cookie: `sid=1; cart=${value}` } });

export const IDENTITY = feature('identity in ids', [
  {
    id: 'identity-cookie',
    says: 'a cookie of the visitor is the id; nobody sees that of another',
    page: `{"cart":${MINE}}`,
    kinds: CARTS,
    request: cart('a1'),
    expect: {
      body: '{"cart":{"items":1}}',
      upstream: ['GET /cart/a1'],
      headers: { 'cache-control': /private/ },
      received: { cookie: 'cart=a1' },
    },
    again: [
      { request: cart('b2'), expect: { body: '{"cart":{"items":2}}', upstream: ['GET /cart/b2'] } },
      { request: cart('a1'), expect: { body: '{"cart":{"items":1}}', upstream: [] } },
    ],
  },
  {
    id: 'identity-header',
    says: 'a field of the request is the id',
    page: '{"esi:include":{"type":"greeting"}}',
    kinds: SHOPS,
    request: { headers: { 'x-tenant': 'acme' } },
    expect: { body: '{"hello":"acme"}', upstream: ['GET /greeting/acme'], received: { 'x-tenant': 'acme' } },
  },
  {
    id: 'identity-encoded',
    says: 'what the visitor says is one path segment, percent-encoded',
    page: MINE,
    kinds: CARTS,
    request: cart('a/b'),
    expect: { body: '{"items":3}', upstream: ['GET /cart/a%2Fb'] },
  },
  {
    id: 'identity-dots',
    says: 'what the visitor says may not be a dot segment',
    page: '{"esi:include":{"type":"cart","onerror":"null"}}',
    kinds: CARTS,
    request: cart('..'),
    expect: { body: 'null', errors: 1, upstream: [] },
  },
  {
    id: 'identity-missing',
    says: 'without such a value in the request, the include fails, and nothing is asked for',
    page: `{"cart":{"esi:include":{"type":"cart","default":{"items":0}}}}`,
    kinds: CARTS,
    request: { headers: { cookie: 'sid=1' } },
    expect: { body: '{"cart":{"items":0}}', errors: 1, upstream: [] },
  },
  {
    id: 'identity-empty',
    says: 'an empty value is none',
    page: '{"esi:include":{"type":"cart","onerror":"null"}}',
    kinds: CARTS,
    request: cart(''),
    expect: { body: 'null', errors: 1, upstream: [] },
  },
  {
    id: 'identity-given',
    says: 'a document may not say the id itself',
    page: `[${entity('cart', 'b2', '"onerror":"null"')}]`,
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: '[null]', errors: 1, upstream: [] },
  },
  {
    id: 'identity-given-list',
    says: 'nor a list of them',
    page: entity('cart', ['b2'], '"onerror":"null"'),
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: '[null]', errors: 1, upstream: [] },
  },
  {
    id: 'identity-given-own',
    says: 'not even its own',
    page: entity('cart', 'a1', '"onerror":"null"'),
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: 'null', errors: 1, upstream: [] },
  },
  {
    id: 'identity-src',
    says: 'nor a URL that leads there',
    page: '{"esi:include":{"src":"/cart/b2"}}',
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: 'null', errors: 1, upstream: [] },
  },
  {
    id: 'identity-html',
    says: 'markup names the value by its name',
    page: html('<b><esi:include src="/cart/{cookie:cart}"/></b>'),
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: '<b>{"items":1}</b>', upstream: ['GET /cart/a1'], headers: { 'cache-control': /private/ } },
    again: [{ request: cart('b2'), expect: { body: '<b>{"items":2}</b>', upstream: ['GET /cart/b2'] } }],
  },
  {
    id: 'identity-html-given',
    says: 'any other value in its place is refused',
    page: html(
      '<b><esi:include src="/cart/b2" onerror="continue"/><esi:include src="/cart/a1" onerror="continue"/></b>',
    ),
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: '<b></b>', errors: 2, upstream: [] },
  },
  {
    id: 'identity-html-other-name',
    says: 'the name of another value is refused',
    page: html('<b><esi:include src="/cart/{cookie:sid}" onerror="continue"/></b>'),
    kinds: CARTS,
    request: cart('a1'),
    expect: { body: '<b></b>', errors: 1, upstream: [] },
  },
  {
    id: 'identity-html-missing',
    says: 'without the value, the include fails',
    page: html('<b><esi:include src="/cart/{cookie:cart}" onerror="continue"/></b>'),
    kinds: CARTS,
    expect: { body: '<b></b>', errors: 1, upstream: [] },
  },
  {
    id: 'identity-batch',
    says: 'the path of a batch may have the value, too; ids of other visitors are other entities',
    page: entity('product', ['1', '2']),
    kinds: TENANTS,
    request: { headers: { 'x-tenant': 'acme' } },
    expect: { body: listOf(itemOf('1'), itemOf('2')), upstream: ['GET /acme/product?ids=1,2'] },
    again: [
      {
        request: { headers: { 'x-tenant': 'b&c' } },
        expect: { body: listOf(itemOf('1'), itemOf('2')), upstream: ['GET /b%26c/product?ids=1,2'] },
      },
      {
        page: entity('product', '2'),
        request: { headers: { 'x-tenant': 'acme' } },
        expect: { body: itemOf('2'), upstream: [] },
      },
    ],
  },
  {
    id: 'identity-beside-public',
    says: "what is the visitor's own does not make the rest of a page theirs",
    page: `[${MINE},${entity('product', '42')}]`,
    kinds: { ...CARTS, product: { has: { 42: TEA } } },
    request: cart('a1'),
    expect: { body: `[{"items":1},${TEA}]`, upstream: ['GET /cart/a1', 'GET /product?ids=42'] },
    again: [{ request: cart('b2'), expect: { body: `[{"items":2},${TEA}]`, upstream: ['GET /cart/b2'] } }],
  },
]);
