import { asks, CUP, entity, feature, itemOf, type Kind, listOf, POT, plain, ref, source, TEA } from './record.ts';

/** What a batch's request looks like, and which ids may stand in one. */

/** Entities whose ids need encoding. */
const odd = (...ids: string[]): Record<string, Kind> => ({
  product: { has: plain(ids, (id) => JSON.stringify({ id })) },
});
const bodyOf = (...ids: string[]) => listOf(...ids.map((id) => JSON.stringify({ id })));

const encodings = (
  [
    ['slash', 'a/b', 'a%2Fb'],
    ['question', 'a?b', 'a%3Fb'],
    ['hash', 'a#b', 'a%23b'],
    ['ampersand', 'a&ids=b', 'a%26ids%3Db'],
    ['space', 'a b', 'a%20b'],
    ['plus', 'a+b', 'a%2Bb'],
    ['percent', '100%', '100%25'],
    ['encoded', 'a%2Fb', 'a%252Fb'],
    ['quote', 'a"b', 'a%22b'],
    ['unicode', 'größe', 'gr%C3%B6%C3%9Fe'],
    ['astral', '🍵', '%F0%9F%8D%B5'],
    ['braces', '{ids}', '%7Bids%7D'],
    ['dollar', '$&', '%24%26'],
  ] as const
).map(([name, id, written]) => ({
  id: `encode-${name}`,
  says: `the id ${id} is sent as ${written}`,
  page: entity('product', [id, 'z']),
  kinds: odd(id, 'z'),
  expect: { body: bodyOf(id, 'z'), upstream: [`GET /product?ids=${written},z`] },
}));

const POST = (ids: string) => `POST /product/many {"ids":[${ids}]}`;
const posted = (ids: string[]): Record<string, Kind> => ({
  product: { definition: { batch: { method: 'POST' } }, has: plain(ids, (id) => JSON.stringify({ id })) },
});
const long = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(1_000, 'x'));

export const BATCH_REQUESTS = feature('requests of batches', [
  ...encodings,
  {
    id: 'request-integer',
    says: 'an integer is sent with all the digits that are written',
    page: '{"esi:include":{"type":"product","ids":[9007199254740993,12345678901234567890,-1]}}',
    kinds: {
      product: {
        has: {
          '9007199254740993': '{"id":9007199254740993}',
          '12345678901234567890': '{"id":12345678901234567890}',
          '-1': '{"id":-1}',
        },
      },
    },
    expect: {
      body: '[{"id":9007199254740993},{"id":12345678901234567890},{"id":-1}]',
      upstream: ['GET /product?ids=9007199254740993,12345678901234567890,-1'],
    },
  },
  {
    id: 'request-half-character',
    says: 'an id that no URL can hold fails alone, and is not asked for',
    page: '{"esi:include":{"type":"product","ids":["42","\\ud800",7]}}',
    expect: {
      body: listOf(TEA, '{"type":"product","id":"\\ud800"}', CUP),
      errors: 1,
      upstream: [asks('product', 42, 7)],
    },
  },
  {
    id: 'request-names-of-objects',
    says: 'an id may be any name, also one that objects have by themselves',
    page: entity('product', ['__proto__', 'constructor', 'toString', 'hasOwnProperty']),
    kinds: {
      product: {
        keyed: true,
        has: Object.fromEntries([
          ['__proto__', '{"a":1}'],
          ['constructor', '2'],
        ]),
      },
    },
    expect: {
      body: listOf('{"a":1}', '2', ref('product', 'toString'), ref('product', 'hasOwnProperty')),
      errors: 2,
      upstream: [asks('product', '__proto__', 'constructor', 'toString', 'hasOwnProperty')],
    },
  },
  {
    id: 'request-escape',
    says: 'an id is the string that the JSON says, not its escapes',
    page: '{"esi:include":{"type":"product","ids":["\\u0034\\u0032","a\\/b"]}}',
    kinds: { product: { has: { 42: TEA, 'a/b': '{"id":"a\\/b"}' } } },
    expect: { body: listOf(TEA, '{"id":"a\\/b"}'), upstream: ['GET /product?ids=42,a%2Fb'] },
  },
  {
    id: 'request-comma',
    says: 'an id with a comma goes alone to its own path, the others together',
    page: entity('product', ['a,b', '1', '2']),
    kinds: odd('a,b', '1', '2'),
    expect: { body: bodyOf('a,b', '1', '2'), upstream: ['GET /product/a%2Cb', asks('product', 1, 2)] },
    again: [{ page: entity('product', 'a,b'), expect: { body: bodyOf('a,b').slice(1, -1), upstream: [] } }],
  },
  {
    id: 'request-two-commas',
    says: 'two ids with commas are two requests',
    page: entity('product', ['a,b', 'c,d']),
    kinds: odd('a,b', 'c,d'),
    expect: { body: bodyOf('a,b', 'c,d'), upstream: ['GET /product/a%2Cb', 'GET /product/c%2Cd'] },
  },
  {
    id: 'request-fields',
    says: 'a public batch carries the language and no user agent, cookie or credentials',
    page: entity('product', '42'),
    request: {
      headers: { 'accept-language': 'de', 'user-agent': 'a browser', cookie: 'sid=1', authorization: 'Bearer x' },
    },
    expect: {
      body: TEA,
      upstream: [asks('product', 42)],
      received: { 'accept-language': 'de', 'user-agent': null, cookie: null, authorization: null },
    },
  },
  {
    id: 'request-accept',
    says: 'a batch asks for JSON, uncoded',
    page: entity('product', ['42', '7']),
    expect: {
      body: listOf(TEA, CUP),
      upstream: [asks('product', 42, 7)],
      received: { accept: 'application/json', 'accept-encoding': 'identity', 'content-type': null },
    },
  },
  {
    id: 'request-path-with-query',
    says: 'the path of a batch keeps what it says beside the ids',
    page: entity('product', ['42', '7']),
    kinds: {
      product: { definition: { batch: { path: '/v2/product?fmt=full&ids={ids}&x=1' } }, has: { 42: TEA, 7: CUP } },
    },
    expect: { body: listOf(TEA, CUP), upstream: ['GET /v2/product?fmt=full&ids=42,7&x=1'] },
  },
  {
    id: 'request-ids-in-path',
    says: 'ids may stand in the path itself',
    page: entity('product', ['42', '7']),
    kinds: { product: { definition: { batch: { path: '/many/{ids}/products' } }, has: { 42: TEA, 7: CUP } } },
    expect: { body: listOf(TEA, CUP), upstream: ['GET /many/42,7/products'] },
  },
  {
    id: 'request-query-that-matters',
    says: 'ids with another query that matters are another request',
    page: listOf(source('/product/42?size=s'), source('/product/7?size=s'), source('/product/9?size=m&utm=1')),
    kinds: { product: { definition: { query: ['size'] }, has: { 42: TEA, 7: CUP, 9: POT } } },
    expect: { body: listOf(TEA, CUP, POT), upstream: ['GET /product?ids=42,7&size=s', 'GET /product?ids=9&size=m'] },
    again: [
      {
        page: listOf(source('/product/42?size=s&utm=2'), source('/product/42?size=m')),
        expect: { body: listOf(TEA, TEA), upstream: ['GET /product?ids=42&size=m'] },
      },
    ],
  },
  {
    id: 'post-batch',
    says: 'a batch by POST has its ids in a JSON body, as strings',
    page: entity('product', ['7', 42, '7']),
    kinds: posted(['7', '42']),
    expect: {
      body: bodyOf('7', '42', '7'),
      upstream: [POST('"7","42"')],
      received: { 'content-type': 'application/json', accept: 'application/json' },
    },
    again: [{ page: entity('product', ['42', '7']), expect: { body: bodyOf('42', '7'), upstream: [] } }],
  },
  {
    id: 'post-comma',
    says: 'by POST, an id with a comma is one like the others',
    page: entity('product', ['a,b', '1']),
    kinds: posted(['a,b', '1']),
    expect: { body: bodyOf('a,b', '1'), upstream: [POST('"a,b","1"')] },
  },
  {
    id: 'post-odd-ids',
    says: 'by POST, ids are JSON strings in UTF-8 whatever is in them',
    page: entity('product', ['a"b', 'c\\d', 'ö/🍵']),
    kinds: posted(['a"b', 'c\\d', 'ö/🍵']),
    expect: { body: bodyOf('a"b', 'c\\d', 'ö/🍵'), upstream: [POST('"a\\"b","c\\\\d","ö/🍵"')] },
  },
  {
    id: 'post-long',
    says: 'by POST, the length of a path does not count',
    page: entity('product', long),
    kinds: posted(long),
    expect: { body: bodyOf(...long), upstream: [POST(long.map((id) => `"${id}"`).join(','))] },
  },
  {
    id: 'post-chunks',
    says: 'max counts for POST, too',
    page: entity('product', ['1', '2', '3']),
    kinds: { product: { definition: { batch: { method: 'POST', max: 2 } }, has: plain(['1', '2', '3']) } },
    expect: { body: listOf(...['1', '2', '3'].map(itemOf)), upstream: [POST('"1","2"'), POST('"3"')] },
  },
  {
    id: 'scope-cookie',
    says: 'a batch for one value of a scope is not for another',
    page: entity('product', ['42', '7']),
    kinds: { product: { definition: { scope: ['cookie:tier'] }, has: { 42: TEA, 7: CUP } } },
    request: { headers: { cookie: 'tier=gold; sid=1' } },
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)], received: { cookie: 'tier=gold' } },
    again: [
      {
        request: { headers: { cookie: 'tier=silver' } },
        expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)], received: { cookie: 'tier=silver' } },
      },
      {
        request: { headers: { cookie: 'sid=2; tier=gold' } },
        expect: { body: listOf(TEA, CUP), upstream: [], headers: { 'cache-control': /private/ } },
      },
    ],
  },
  {
    id: 'scope-header',
    says: 'a scope of a field sends exactly that field',
    page: entity('product', '42'),
    kinds: { product: { definition: { scope: ['header:x-tenant'] }, has: { 42: TEA } } },
    request: { headers: { 'x-tenant': 'a', 'accept-language': 'de', cookie: 'sid=1' } },
    expect: {
      body: TEA,
      upstream: [asks('product', 42)],
      received: { 'x-tenant': 'a', 'accept-language': null, cookie: null },
    },
  },
  {
    id: 'scope-none-private',
    says: 'without a scope, what is private is asked for anew for every visitor',
    page: entity('product', ['42', '7']),
    kinds: {
      product: {
        definition: { service: 'web', scope: null },
        has: { 42: TEA, 7: CUP },
        answer: { headers: { 'cache-control': 'private, max-age=60' } },
      },
    },
    request: { headers: { cookie: 'sid=1' } },
    atOnce: [
      {
        page: entity('product', ['42', '7']),
        request: { headers: { cookie: 'sid=2' } },
        expect: { body: listOf(TEA, CUP), headers: { 'cache-control': /private/ } },
      },
    ],
    expect: {
      body: listOf(TEA, CUP),
      upstream: [asks('product', 42, 7), asks('product', 42, 7)],
      headers: { 'cache-control': /private/ },
    },
    again: [
      {
        request: { headers: { cookie: 'sid=3' } },
        expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)], received: { cookie: 'sid=3' } },
      },
    ],
  },
  {
    id: 'scope-at-once',
    says: 'visitors with other values of a scope at once have requests of their own',
    page: entity('product', ['42', '7']),
    kinds: { product: { definition: { scope: ['cookie:tier'] }, has: { 42: TEA, 7: CUP } } },
    request: { headers: { cookie: 'tier=gold' } },
    atOnce: [
      {
        page: entity('product', ['42', '7']),
        request: { headers: { cookie: 'tier=silver' } },
        expect: { body: listOf(TEA, CUP) },
      },
    ],
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7), asks('product', 42, 7)] },
  },
]);
