import { asks, CUP, entity, feature, itemOf, listOf, POT, plain, range, TEA } from './record.ts';

/** Which requests are made for a page's entities, and which are not. */

const HUNDRED = range(1, 100);
const MANY = { product: { has: plain(range(1, 250)) } };

/** A page that asks for entities one by one. */
const eachOf = (...ids: (string | number)[]) => listOf(...ids.map((id) => entity('product', id)));

/** An id of so many characters. */
const long = (first: string, length: number) => first + 'x'.repeat(length - 1);

const [A, B, C] = [long('a', 3_000), long('b', 3_000), long('c', 3_000)];
/** Percent-encoded, each is three times as long. */
const [D, E, F] = ['d', 'e', 'f'].map((first) => first + '/'.repeat(1_000)) as [string, string, string];

export const BATCHING = feature('batching', [
  {
    id: 'batch-one',
    says: 'a single miss goes through the path of the batch',
    page: entity('product', '42'),
    expect: { body: TEA, upstream: [asks('product', '42')], headers: { etag: /./ }, detail: /batched=1\b/ },
  },
  {
    id: 'batch-directives',
    says: 'directives of one type anywhere in a page are one request, ids in the order of the document',
    page: `{"a":${entity('product', '42')},"b":[{"c":${entity('product', 7)}}],"d":${entity('product', '9')}}`,
    expect: {
      body: `{"a":${TEA},"b":[{"c":${CUP}}],"d":${POT}}`,
      upstream: [asks('product', 42, 7, 9)],
      detail: /batched=3\b/,
    },
  },
  {
    id: 'batch-list',
    says: 'a list is one request',
    page: entity('product', ['42', 7, '9']),
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
  },
  {
    id: 'batch-lists-and-singles',
    says: 'a list and a single entity of its type are one request together',
    page: `{"list":${entity('product', ['42', 7])},"one":${entity('product', '9')}}`,
    expect: { body: `{"list":${listOf(TEA, CUP)},"one":${POT}}`, upstream: [asks('product', 42, 7, 9)] },
  },
  {
    id: 'batch-duplicates',
    says: 'an id that occurs several times is asked for once, and delivered in every place',
    page: eachOf('42', '7', '42', '9', '7', '42'),
    expect: { body: listOf(TEA, CUP, TEA, POT, CUP, TEA), upstream: [asks('product', 42, 7, 9)] },
  },
  {
    id: 'batch-duplicates-in-list',
    says: 'a list keeps its order and its duplicates',
    page: entity('product', ['9', '42', '9', '7', '9']),
    expect: { body: listOf(POT, TEA, POT, CUP, POT), upstream: [asks('product', 9, 42, 7)] },
  },
  {
    id: 'batch-number-and-string',
    says: 'the number 7 and the string "7" are one id',
    page: eachOf(7, '7'),
    expect: { body: listOf(CUP, CUP), upstream: [asks('product', 7)] },
  },
  {
    id: 'batch-answer-order',
    says: 'items are told apart by their id, not by their place in the answer',
    page: entity('product', ['42', 7, '9']),
    kinds: { product: { answer: { body: `{"items":[${POT},${TEA},${CUP}]}` } } },
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
  },
  {
    id: 'batch-two-types',
    says: 'each type has a request of its own',
    page: `[${entity('product', '1')},${entity('brand', '1')},${entity('product', '2')},${entity('brand', '2')}]`,
    kinds: { product: { has: plain(['1', '2']) }, brand: { has: plain(['1', '2'], (id) => `{"id":"${id}","b":1}`) } },
    expect: {
      body: '[{"id":"1","n":"item 1"},{"id":"1","b":1},{"id":"2","n":"item 2"},{"id":"2","b":1}]',
      upstream: [asks('product', 1, 2), asks('brand', 1, 2)],
    },
  },
  {
    id: 'batch-hundred',
    says: 'a hundred ids are one request',
    page: entity('product', HUNDRED),
    kinds: MANY,
    expect: { body: listOf(...HUNDRED.map(itemOf)), upstream: [asks('product', ...HUNDRED)], detail: /batched=100\b/ },
  },
  {
    id: 'batch-hundred-and-one',
    says: 'by default a request has a hundred ids at most',
    page: entity('product', range(1, 101)),
    kinds: MANY,
    expect: {
      body: listOf(...range(1, 101).map(itemOf)),
      upstream: [asks('product', ...HUNDRED), asks('product', 101)],
    },
  },
  {
    id: 'batch-chunks',
    says: 'more ids than max are as many requests as it takes',
    page: entity('product', range(1, 7)),
    kinds: { product: { definition: { batch: { max: 3 } }, has: plain(range(1, 7)) } },
    expect: {
      body: listOf(...range(1, 7).map(itemOf)),
      upstream: [asks('product', 1, 2, 3), asks('product', 4, 5, 6), asks('product', 7)],
      detail: /batched=7\b/,
    },
  },
  {
    id: 'batch-chunk-exact',
    says: 'as many ids as max are one request',
    page: entity('product', ['1', '2', '3']),
    kinds: { product: { definition: { batch: { max: 3 } }, has: plain(range(1, 3)) } },
    expect: { body: listOf(...range(1, 3).map(itemOf)), upstream: [asks('product', 1, 2, 3)] },
  },
  {
    id: 'batch-max-one',
    says: 'max 1 asks for every id alone, through the path of the batch',
    page: entity('product', ['1', '2']),
    kinds: { product: { definition: { batch: { max: 1 } }, has: plain(['1', '2']) } },
    expect: { body: listOf(itemOf('1'), itemOf('2')), upstream: [asks('product', 1), asks('product', 2)] },
  },
  {
    id: 'batch-concurrency',
    says: 'chunks wait for their turn if a page may not fetch so many at once',
    page: entity('product', range(1, 40)),
    kinds: { product: { definition: { batch: { max: 2 } }, has: plain(range(1, 40)) } },
    limits: { concurrency: 3 },
    expect: {
      body: listOf(...range(1, 40).map(itemOf)),
      upstream: range(1, 20).map((n) => asks('product', 2 * Number(n) - 1, 2 * Number(n))),
    },
  },
  {
    id: 'batch-max-250',
    says: 'a definition may ask for more than a hundred at once',
    page: entity('product', range(1, 250)),
    kinds: { product: { definition: { batch: { max: 250 } }, has: plain(range(1, 250)) } },
    expect: { body: listOf(...range(1, 250).map(itemOf)), upstream: [asks('product', ...range(1, 250))] },
  },
  {
    id: 'batch-path-length',
    says: 'a request whose path would pass 8,000 bytes has fewer ids',
    page: entity('product', [A, B, C]),
    kinds: { product: { has: plain([A, B, C], (id) => `{"id":"${id}"}`) } },
    expect: {
      body: listOf(...[A, B, C].map((id) => `{"id":"${id}"}`)),
      upstream: [asks('product', A, B), asks('product', C)],
    },
  },
  {
    id: 'batch-path-length-encoded',
    says: 'the length of a path counts ids as they are sent, percent-encoded',
    page: entity('product', [D, E, F]),
    kinds: { product: { has: plain([D, E, F], (id) => `{"id":"${id}"}`) } },
    expect: {
      body: listOf(...[D, E, F].map((id) => `{"id":"${id}"}`)),
      upstream: [asks('product', D, E), asks('product', F)],
    },
  },
  {
    id: 'batch-misses-only',
    says: 'of a hundred ids with ninety in the cache, exactly the ten others are asked for, in one request',
    page: entity('product', range(1, 90)),
    kinds: MANY,
    expect: { body: listOf(...range(1, 90).map(itemOf)), upstream: [asks('product', ...range(1, 90))] },
    again: [
      {
        page: entity('product', HUNDRED),
        expect: {
          body: listOf(...HUNDRED.map(itemOf)),
          upstream: [asks('product', ...range(91, 100))],
          headers: { 'cache-status': /hit=90\b.*batched=10\b|batched=10\b.*hit=90\b/ },
        },
      },
      { page: entity('product', HUNDRED), expect: { body: listOf(...HUNDRED.map(itemOf)), upstream: [] } },
    ],
  },
  {
    id: 'batch-misses-between-hits',
    says: 'misses between hits stay in their places',
    page: entity('product', ['2', '4']),
    kinds: MANY,
    expect: { upstream: [asks('product', 2, 4)] },
    again: [
      {
        page: entity('product', range(1, 5)),
        expect: { body: listOf(...range(1, 5).map(itemOf)), upstream: [asks('product', 1, 3, 5)] },
      },
    ],
  },
  {
    id: 'batch-other-page',
    says: 'entities that one page fetched are there for another',
    page: eachOf('42', '7'),
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)] },
    again: [
      { page: `{"x":${entity('product', 7)}}`, expect: { body: `{"x":${CUP}}`, upstream: [], detail: /hit=1\b/ } },
    ],
  },
  {
    id: 'batch-empty-list',
    says: 'a list without ids asks for nothing',
    page: `{"hits":${entity('product', [])},"total":0}`,
    expect: { body: '{"hits":[],"total":0}', upstream: [] },
  },
  {
    id: 'batch-without',
    says: 'a definition without batch asks for each of a list at its own path',
    page: entity('product', ['42', '7', '42']),
    kinds: { product: { definition: { batch: null }, has: { 42: TEA, 7: CUP } } },
    expect: { body: listOf(TEA, CUP, TEA), upstream: ['GET /product/42', 'GET /product/7'] },
  },
  {
    id: 'batch-src-of-json',
    says: 'a src that leads to a batched definition is batched with directives that name the type',
    page: `[{"esi:include":{"src":"/product/42"}},${entity('product', 7)},{"esi:include":{"src":"/product/9"}}]`,
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
  },
  {
    id: 'batch-head',
    says: 'HEAD tells what GET would',
    page: entity('product', ['42', 7]),
    request: { method: 'HEAD' },
    expect: {
      body: '',
      upstream: [asks('product', 42, 7)],
      headers: { 'content-length': `${TEA.length + CUP.length + 3}` },
    },
  },
]);
