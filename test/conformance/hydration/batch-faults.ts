import { asks, CUP, entity, feature, itemOf, type Kind, listOf, POT, plain, ref, TEA } from './record.ts';

/** Batches of which a whole chunk fails. */

const product = (kind: Kind): Record<string, Kind> => ({ product: { has: { 42: TEA, 7: CUP, 9: POT }, ...kind } });
const page = entity('product', ['42', '7']);
const NEITHER = {
  body: listOf(ref('product', '42'), ref('product', '7')),
  errors: 2,
  upstream: [asks('product', 42, 7)],
};

/** The whole chunk fails, whatever the answer has of its items. */
const faults = (
  [
    ['500', 'a 500', { status: 500 }],
    ['503', 'a 503', { status: 503 }],
    ['400', 'a 400', { status: 400 }],
    ['404', 'a 404', { status: 404 }],
    ['302', 'a redirect', { status: 302, headers: { location: '/product' } }],
    ['no-json', 'text that is no JSON', { body: `{"items":[${TEA},${CUP}]` }],
    ['trailing', 'something behind the JSON', { body: `{"items":[${TEA},${CUP}]} x` }],
    ['empty', 'an empty body', { body: '' }],
    ['html', 'markup', { headers: { 'content-type': 'text/html' }, body: '<p>Sorry</p>' }],
    ['nowhere', 'JSON in which items leads nowhere', { body: `{"products":[${TEA},${CUP}]}` }],
    ['string', 'JSON in which items leads to a string', { body: '{"items":"none"}' }],
    ['number', 'JSON in which items leads to a number', { body: '{"items":2}' }],
    ['cut', 'an answer that is cut', { body: `{"items":[${TEA},${CUP}]}`, truncate: true }],
    ['reset', 'a connection that is reset', { body: `{"items":[${TEA},`, reset: true }],
    [
      'large',
      'an answer of more than 10 MiB',
      { body: `{"items":[${TEA},${CUP}],"x":"${'x'.repeat(10 * 1024 * 1024)}"}` },
    ],
  ] as const
).map(([name, what, answer]) => ({
  id: `fault-${name}`,
  says: `${what} fails all of its ids`,
  page,
  kinds: product({ answer }),
  expect: NEITHER,
}));

export const BATCH_FAULTS = feature('batches that fail', [
  ...faults,
  {
    id: 'fault-other-chunk',
    says: 'a chunk that fails does not fail another',
    page: entity('product', ['1', '2', '3', '4', '5'], '"onerror":"null"'),
    kinds: {
      product: {
        definition: { batch: { max: 2 } },
        has: { ...plain(['1', '2', '4', '5']), 3: { status: 500 } },
      },
    },
    expect: {
      body: listOf(itemOf('1'), itemOf('2'), 'null', 'null', itemOf('5')),
      errors: 2,
      upstream: [asks('product', 1, 2), asks('product', 3, 4), asks('product', 5)],
    },
    again: [
      {
        kinds: { product: { has: { 3: itemOf('3') } } },
        page: entity('product', ['1', '2', '3', '4', '5']),
        expect: { body: listOf(...['1', '2', '3', '4', '5'].map(itemOf)), upstream: [asks('product', 3, 4)] },
      },
    ],
  },
  {
    id: 'fault-timeout',
    says: 'a chunk that takes longer than the definition allows fails',
    page,
    kinds: product({ definition: { timeout: '80ms' }, answer: { hang: true } }),
    expect: NEITHER,
  },
  {
    id: 'fault-timeout-body',
    says: 'the time counts for the whole answer',
    page,
    kinds: product({ definition: { timeout: '80ms' }, answer: { body: '{"items":[', hang: 'body' } }),
    expect: NEITHER,
  },
  {
    id: 'fault-type',
    says: 'one type that fails does not fail another',
    page: `[${entity('product', '42')},${entity('brand', 'a')}]`,
    kinds: { ...product({}), brand: { has: { a: { status: 500 } } } },
    expect: { body: listOf(TEA, ref('brand', 'a')), errors: 1, upstream: [asks('product', 42), asks('brand', 'a')] },
  },
]);
