import { asks, CUP, entity, feature, itemOf, listOf, POT, plain, range, TEA } from './record.ts';

/** Pages that ask at the same time, and purges that come in between. */

const FRESH_TEA = '{"id":"42","name":"Green tea"}';
const SIX = { product: { has: plain(range(1, 6)) } };

export const BATCH_JOINING = feature('batches of several pages', [
  {
    id: 'join-two-pages',
    says: 'pages that ask in the same moment share one request',
    page: entity('product', ['1', '2']),
    kinds: SIX,
    atOnce: [{ page: entity('product', ['3', '4']), expect: { body: listOf(itemOf('3'), itemOf('4')) } }],
    expect: { body: listOf(itemOf('1'), itemOf('2')), upstream: [asks('product', 1, 2, 3, 4)] },
  },
  {
    id: 'join-two-pages-overlapping',
    says: 'an id that both of them want is asked for once',
    page: entity('product', ['1', '2', '3']),
    kinds: SIX,
    atOnce: [{ page: entity('product', ['3', '2', '4']), expect: { body: listOf(...['3', '2', '4'].map(itemOf)) } }],
    expect: { body: listOf(...['1', '2', '3'].map(itemOf)), upstream: [asks('product', 1, 2, 3, 4)] },
  },
  {
    id: 'join-languages',
    says: 'pages whose requests would carry another language do not share one',
    page: entity('product', ['1']),
    kinds: SIX,
    request: { headers: { 'accept-language': 'de' } },
    atOnce: [
      {
        page: entity('product', ['2']),
        request: { headers: { 'accept-language': 'fr' } },
        expect: { body: listOf(itemOf('2')) },
      },
    ],
    expect: { body: listOf(itemOf('1')), upstream: [asks('product', 1), asks('product', 2)] },
  },
  {
    id: 'join-user-agents',
    says: 'pages of different browsers share a request',
    page: entity('product', ['1']),
    kinds: SIX,
    request: { headers: { 'user-agent': 'a' } },
    atOnce: [
      {
        page: entity('product', ['2']),
        request: { headers: { 'user-agent': 'b' } },
        expect: { body: listOf(itemOf('2')) },
      },
    ],
    expect: { body: listOf(itemOf('1')), upstream: [asks('product', 1, 2)] },
  },
  {
    id: 'flight-same',
    says: 'ids in flight are not asked for again',
    page: entity('product', ['42', '7']),
    meanwhile: { others: [{ page: entity('product', ['7', '42']), expect: { body: listOf(CUP, TEA) } }] },
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'flight-partly',
    says: 'a page that wants some that are in flight and one more asks for that one alone',
    page: entity('product', ['42', '7']),
    meanwhile: { others: [{ page: entity('product', ['7', '9', '42']), expect: { body: listOf(CUP, POT, TEA) } }] },
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7), asks('product', 9)] },
  },
  {
    id: 'flight-fails',
    says: 'who waited for an entity that is absent has its stand-in',
    page: entity('product', ['42', '404'], '"onerror":"null"'),
    meanwhile: {
      others: [{ page: entity('product', '404'), expect: { body: '{"type":"product","id":"404"}', errors: 1 } }],
    },
    expect: { body: listOf(TEA, 'null'), errors: 1, upstream: [asks('product', 42, 404)] },
  },
  {
    id: 'purge-one',
    says: 'after one of three was purged, exactly that one is asked for',
    page: entity('product', ['42', 7, '9']),
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
    again: [
      {
        purge: { keys: ['["entity","product","42"]'] },
        kinds: { product: { has: { 42: FRESH_TEA } } },
        expect: { body: listOf(FRESH_TEA, CUP, POT), upstream: [asks('product', 42)] },
      },
      { expect: { body: listOf(FRESH_TEA, CUP, POT), upstream: [] } },
    ],
  },
  {
    id: 'purge-in-flight',
    says: 'of ids that are in flight, the purged one is asked for again, alone',
    page: entity('product', ['42', 7, '9']),
    meanwhile: { purge: { keys: ['["entity","product","7"]'] } },
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9), asks('product', 7)] },
    again: [{ page: entity('product', [7, '42', '9']), expect: { body: listOf(CUP, TEA, POT), upstream: [] } }],
  },
  {
    id: 'purge-in-flight-tag',
    says: 'a tag that is known from the definition is purged in flight, too',
    page: entity('product', ['42', 7]),
    kinds: { product: { definition: { tags: ['p:{id}'] }, has: { 42: TEA, 7: CUP } } },
    meanwhile: { purge: { tags: ['p:42'] } },
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7), asks('product', 42)] },
  },
  {
    id: 'purge-in-flight-pointer',
    says: 'a tag that only the item tells is purged in flight, too',
    page: entity('product', ['1', '2']),
    kinds: {
      product: {
        definition: { tags: ['brand:{/brand}'] },
        has: { 1: '{"id":1,"brand":"a"}', 2: '{"id":2,"brand":"b"}' },
      },
    },
    meanwhile: { purge: { tags: ['brand:b'] } },
    expect: {
      body: '[{"id":1,"brand":"a"},{"id":2,"brand":"b"}]',
      upstream: [asks('product', 1, 2), asks('product', 2)],
    },
  },
]);
