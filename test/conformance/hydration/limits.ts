import { asks, CUP, entity, feature, itemOf, listOf, marked, plain, range, ref, source, TEA } from './record.ts';

/** How much one page may ask for, and what is said of a page that lacks something. */

const MANY = { product: { definition: { batch: { max: 1_000 } }, has: plain(range(1, 1_100)) } };

export const LIMITS = feature('limits and errors', [
  {
    id: 'limit-ids-list',
    says: 'ids beyond the limit are not asked for; the error rule answers them',
    page: entity('product', range(1, 5)),
    kinds: MANY,
    limits: { ids: 3 },
    expect: {
      body: listOf(...['1', '2', '3'].map(itemOf), ref('product', '4'), ref('product', '5')),
      errors: 'some',
      upstream: [asks('product', 1, 2, 3)],
    },
  },
  {
    id: 'limit-ids-exact',
    says: 'as many ids as the limit are no error',
    page: entity('product', range(1, 3)),
    kinds: MANY,
    limits: { ids: 3 },
    expect: { body: listOf(...range(1, 3).map(itemOf)), upstream: [asks('product', 1, 2, 3)] },
  },
  {
    id: 'limit-ids-singles',
    says: 'directives with one id count one each',
    page: listOf(...range(1, 4).map((id) => entity('product', id, '"onerror":"null"'))),
    kinds: MANY,
    limits: { ids: 3 },
    expect: { body: listOf(...range(1, 3).map(itemOf), 'null'), errors: 'some', upstream: [asks('product', 1, 2, 3)] },
  },
  {
    id: 'limit-ids-duplicates',
    says: 'each id counts, also one that was there before',
    page: entity('product', ['1', '1', '1', '2'], '"onerror":"drop"'),
    kinds: MANY,
    limits: { ids: 3 },
    expect: { body: listOf(itemOf('1'), itemOf('1'), itemOf('1')), errors: 'some', upstream: [asks('product', 1)] },
  },
  {
    id: 'limit-ids-fail',
    says: 'with fail, the limit fails the page',
    page: entity('product', ['1', '2'], '"onerror":"fail"'),
    kinds: MANY,
    limits: { ids: 1 },
    expect: { status: 502, upstream: [asks('product', 1)] },
  },
  {
    id: 'limit-ids-nested',
    says: 'ids inside of entities count, too',
    page: entity('outer', '1'),
    kinds: {
      ...MANY,
      outer: { definition: { esi: 'always' }, has: { 1: `{"id":1,"in":${entity('product', ['1', '2', '3'])}}` } },
    },
    limits: { ids: 3 },
    expect: {
      body: `{"id":1,"in":${listOf(itemOf('1'), itemOf('2'), ref('product', '3'))}}`,
      errors: 'some',
      upstream: [asks('outer', 1), asks('product', 1, 2)],
    },
  },
  {
    id: 'limit-ids-default',
    says: 'by default a page may ask for a thousand ids',
    page: entity('product', range(1, 1_000)),
    kinds: MANY,
    expect: { body: listOf(...range(1, 1_000).map(itemOf)), upstream: [asks('product', ...range(1, 1_000))] },
  },
  {
    id: 'limit-ids-default-passed',
    says: 'the thousand and first is too many',
    page: entity('product', range(1, 1_001), '"onerror":"drop"'),
    kinds: MANY,
    expect: {
      body: listOf(...range(1, 1_000).map(itemOf)),
      errors: 'some',
      upstream: [asks('product', ...range(1, 1_000))],
    },
  },
  {
    id: 'limit-includes-not-of-entities',
    says: 'entities do not count as includes, URLs do',
    page: listOf(entity('product', ['42', '7', '42']), entity('product', '42'), source('/a'), source('/b')),
    limits: { includes: 1 },
    files: { '/a': '1', '/b': '2' },
    expect: {
      body: listOf(listOf(TEA, CUP, TEA), TEA, '1', 'null'),
      errors: 'some',
      upstream: [asks('product', 42, 7), 'GET /a'],
    },
  },
  {
    id: 'errors-counted',
    says: 'Inlay-Errors counts the parts that are less than they should be',
    page: listOf(
      entity('product', ['404', '42', '405']),
      source('/none'),
      entity('product', '7'),
      entity('nothing', '1'),
    ),
    expect: {
      body: listOf(listOf(ref('product', '404'), TEA, ref('product', '405')), 'null', CUP, ref('nothing', '1')),
      errors: 4,
      upstream: [asks('product', 404, 42, 405, 7), 'GET /none'],
      headers: { 'cache-control': /max-age=[01]\b/, etag: null },
    },
  },
  {
    id: 'errors-header-mode',
    says: 'it does so for places that a field names, too',
    page: marked('"/ids/*";type=product;onerror=drop', '{"ids":["42","404","405"]}'),
    expect: {
      body: `{"ids":[${TEA},"404","405"]}`,
      errors: 2,
      upstream: [asks('product', 42, 404, 405)],
      headers: { 'cache-control': /max-age=[01]\b/, etag: null },
    },
  },
  {
    id: 'errors-not-kept',
    says: 'a page with errors is composed anew, and whole as soon as it can be',
    page: entity('product', ['42', '500']),
    kinds: { product: { definition: { batch: { max: 1 } }, has: { 42: TEA, 500: { status: 500 } } } },
    expect: {
      body: listOf(TEA, ref('product', '500')),
      errors: 1,
      upstream: [asks('product', 42), asks('product', 500)],
    },
    again: [
      {
        kinds: { product: { has: { 500: '{"id":500}' } } },
        expect: { body: listOf(TEA, '{"id":500}'), upstream: [asks('product', 500)], headers: { etag: /./ } },
      },
    ],
  },
]);
