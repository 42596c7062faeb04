import { asks, CUP, entity, feature, type Kind, LASTING, listOf, POT, ref, TEA } from './record.ts';

/** How long what a batch brought is kept, and under what names it is purged. */

const NEW_TEA = '{"id":"42","name":"Green tea"}';
const NEW_CUP = '{"id":7,"name":"Mug"}';
const HAS = { 42: TEA, 7: CUP, 9: POT };
const product = (kind: Kind): Record<string, Kind> => ({ product: { has: HAS, ...kind } });
const CHANGED = { product: { has: { 42: NEW_TEA, 7: NEW_CUP } } };
const page = entity('product', ['42', '7']);
const ALL = [asks('product', 42, 7)];
const OLD = { body: listOf(TEA, CUP), upstream: ALL };
const fields = (headers: Readonly<Record<string, string | null>>) => ({ answer: { headers } });
/** Pages that never go stale in these records. */
const lasting = (body: string) => ({ headers: { 'cache-control': 'max-age=86400' }, body });

const BRANDED = {
  product: {
    definition: { tags: ['product:{id}', 'brand:{/brand}'] },
    has: { 1: '{"id":1,"brand":"a"}', 2: '{"id":2,"brand":["b","c"]}', 3: '{"id":3,"brand":"c"}' },
  },
} as const;
const BRANDS = Object.values(BRANDED.product.has);

export const BATCH_CACHE = feature('what batches store', [
  {
    id: 'keep-max-age',
    says: 'every entity is fresh for as long as the answer says',
    page: lasting(page),
    expect: { ...OLD, headers: LASTING },
    again: [
      { turn: 59, expect: { body: listOf(TEA, CUP), upstream: [] } },
      { turn: 2, kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } },
    ],
  },
  {
    id: 'keep-age',
    says: 'the age of the answer is that of every entity',
    page: lasting(page),
    kinds: product(fields({ age: '50' })),
    expect: { ...OLD },
    again: [{ turn: 11, kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } }],
  },
  {
    id: 'keep-surrogate-control',
    says: 'Surrogate-Control of the answer goes before its Cache-Control',
    page: lasting(page),
    kinds: product(fields({ 'cache-control': 'max-age=10', 'surrogate-control': 'max-age=600' })),
    expect: { ...OLD },
    again: [{ turn: 300, expect: { body: listOf(TEA, CUP), upstream: [] } }],
  },
  {
    id: 'keep-definition',
    says: 'the definition says how long, where the answer does not',
    page: lasting(page),
    kinds: product({ ...fields({ 'cache-control': null }), definition: { ttl: '5m' } }),
    expect: { ...OLD },
    again: [
      { turn: 299, expect: { body: listOf(TEA, CUP), upstream: [] } },
      { turn: 2, kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } },
    ],
  },
  {
    id: 'keep-no-store',
    says: 'what the answer forbids to store is asked for every time',
    page: lasting(page),
    kinds: product(fields({ 'cache-control': 'no-store' })),
    expect: { ...OLD, headers: { 'cache-control': /no-store/, etag: null } },
    again: [{ kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } }],
  },
  {
    id: 'keep-no-store-duplicates',
    says: 'what may not be stored is still asked for once a page, however often it occurs',
    page: entity('product', ['42', '7', '42']),
    kinds: product(fields({ 'cache-control': 'no-store' })),
    expect: { body: listOf(TEA, CUP, TEA), upstream: ALL },
  },
  {
    id: 'keep-vary',
    says: 'Vary of the answer is that of every entity',
    page: lasting(page),
    kinds: product(fields({ vary: 'Accept-Language' })),
    request: { headers: { 'accept-language': 'de' } },
    expect: { ...OLD, headers: { vary: /accept-language/i } },
    again: [
      {
        kinds: CHANGED,
        request: { headers: { 'accept-language': 'fr' } },
        expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL },
      },
      { request: { headers: { 'accept-language': 'de' } }, expect: { body: listOf(TEA, CUP), upstream: [] } },
    ],
  },
  {
    id: 'keep-validators',
    says: 'validators of the answer are about the whole: entities are asked for again without conditions',
    page: lasting(page),
    kinds: product(fields({ etag: '"batch"', 'last-modified': 'Sun, 01 Mar 2026 00:00:00 GMT' })),
    expect: { ...OLD },
    again: [
      {
        turn: 61,
        kinds: CHANGED,
        expect: {
          body: listOf(NEW_TEA, NEW_CUP),
          upstream: ALL,
          received: { 'if-none-match': null, 'if-modified-since': null },
        },
      },
    ],
  },
  {
    id: 'keep-etag-changes',
    says: 'the ETag of a page changes with one entity, and is the same when nothing changed',
    page: lasting(page),
    expect: { ...OLD, headers: { etag: /./ } },
    again: [
      {
        purge: { keys: ['["entity","product","7"]'] },
        expect: { body: listOf(TEA, CUP), upstream: [asks('product', 7)], etag: 'same' },
      },
      {
        purge: { keys: ['["entity","product","7"]'] },
        kinds: { product: { has: { 7: NEW_CUP } } },
        expect: { body: listOf(TEA, NEW_CUP), upstream: [asks('product', 7)], headers: { etag: /./ }, etag: 'other' },
      },
    ],
  },
  {
    id: 'absent-kept',
    says: 'that an id is absent is remembered for ten seconds, not for as long as the answer is fresh',
    page: lasting(entity('product', ['42', 'x'])),
    expect: { body: listOf(TEA, ref('product', 'x')), errors: 1, upstream: [asks('product', 42, 'x')] },
    again: [
      { turn: 9, expect: { body: listOf(TEA, ref('product', 'x')), errors: 1, upstream: [] } },
      {
        turn: 2,
        kinds: { product: { has: { x: '{"id":"x"}' } } },
        expect: { body: listOf(TEA, '{"id":"x"}'), upstream: [asks('product', 'x')] },
      },
    ],
  },
  {
    id: 'absent-no-store',
    says: 'it is not remembered if the answer may not be stored',
    page: lasting(entity('product', 'x')),
    kinds: product(fields({ 'cache-control': 'no-store' })),
    expect: { body: ref('product', 'x'), errors: 1, upstream: [asks('product', 'x')] },
    again: [{ expect: { body: ref('product', 'x'), errors: 1, upstream: [asks('product', 'x')] } }],
  },
  {
    id: 'absent-private',
    says: 'it is not remembered if the answer is private',
    page: lasting(entity('product', 'x')),
    kinds: product(fields({ 'cache-control': 'private, max-age=60' })),
    expect: { body: ref('product', 'x'), errors: 1, upstream: [asks('product', 'x')] },
    again: [{ expect: { body: ref('product', 'x'), errors: 1, upstream: [asks('product', 'x')] } }],
  },
  {
    id: 'absent-purged',
    says: 'an absent id that is purged is asked for again',
    page: lasting(entity('product', ['42', 'x'])),
    expect: { body: listOf(TEA, ref('product', 'x')), errors: 1, upstream: [asks('product', 42, 'x')] },
    again: [
      {
        purge: { keys: ['["entity","product","x"]'] },
        kinds: { product: { has: { x: '{"id":"x"}' } } },
        expect: { body: listOf(TEA, '{"id":"x"}'), upstream: [asks('product', 'x')] },
      },
    ],
  },
  {
    id: 'refused-not-kept',
    says: 'a 4xx for several ids is nothing that is said of each: it is not stored',
    page: lasting(page),
    kinds: product({ answer: { status: 404, headers: { 'cache-control': 'max-age=60' } } }),
    expect: { body: listOf(ref('product', '42'), ref('product', '7')), errors: 2, upstream: ALL },
    again: [{ kinds: { product: { answer: {} } }, expect: { body: listOf(TEA, CUP), upstream: ALL } }],
  },
  {
    id: 'purge-tag-of-id',
    says: 'a tag made of the id is that of one entity',
    page: lasting(entity('product', ['1', '2', '3'])),
    kinds: BRANDED,
    expect: { body: listOf(...BRANDS), upstream: [asks('product', 1, 2, 3)] },
    again: [{ purge: { tags: ['product:2'] }, expect: { body: listOf(...BRANDS), upstream: [asks('product', 2)] } }],
  },
  {
    id: 'purge-tag-by-pointer',
    says: 'a tag by JSON pointer reads the item',
    page: lasting(entity('product', ['1', '2', '3'])),
    kinds: BRANDED,
    expect: { body: listOf(...BRANDS), upstream: [asks('product', 1, 2, 3)] },
    again: [
      { purge: { tags: ['brand:a'] }, expect: { body: listOf(...BRANDS), upstream: [asks('product', 1)] } },
      { purge: { tags: ['brand:c'] }, expect: { body: listOf(...BRANDS), upstream: [asks('product', 2, 3)] } },
      { purge: { tags: ['brand:d'] }, expect: { body: listOf(...BRANDS), upstream: [] } },
    ],
  },
  {
    id: 'purge-surrogate-key',
    says: 'a Surrogate-Key of the answer is that of every item',
    page: lasting(page),
    kinds: product(fields({ 'surrogate-key': 'all shop' })),
    expect: { ...OLD },
    again: [{ purge: { tags: ['shop'] }, kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } }],
  },
  {
    id: 'purge-cache-tag',
    says: 'a Cache-Tag of the answer is that of every item',
    page: lasting(page),
    kinds: product(fields({ 'cache-tag': 'all,shop' })),
    expect: { ...OLD },
    again: [{ purge: { tags: ['shop'] }, kinds: CHANGED, expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: ALL } }],
  },
  {
    id: 'purge-several',
    says: 'what several purges hit is one request',
    page: lasting(entity('product', ['42', '7', '9'])),
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
    again: [
      {
        purge: { keys: ['["entity","product","9"]', '["entity","product","42"]'] },
        expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 9)] },
      },
    ],
  },
  {
    id: 'stale-if-error',
    says: 'stale copies stand in for a chunk that fails with a 5xx',
    page: lasting(page),
    kinds: product(fields({ 'cache-control': 'max-age=10, stale-if-error=600' })),
    expect: { ...OLD },
    again: [
      {
        turn: 20,
        kinds: { product: { answer: { status: 503 } } },
        expect: { body: listOf(TEA, CUP), errors: 2, upstream: ALL },
      },
    ],
  },
  {
    id: 'stale-if-error-definition',
    says: 'the definition may allow it',
    page: lasting(entity('product', ['42', '7'], '"default":0')),
    kinds: product({ ...fields({ 'cache-control': 'max-age=10' }), definition: { staleIfError: '1h' } }),
    expect: { ...OLD },
    again: [
      {
        turn: 20,
        kinds: { product: { answer: { status: 500 } } },
        expect: { body: listOf(TEA, CUP), errors: 2, upstream: ALL },
      },
    ],
  },
  {
    id: 'stale-if-error-some',
    says: 'of a chunk that fails, those that have a copy use it, and the others their stand-ins',
    page: lasting(page),
    kinds: product(fields({ 'cache-control': 'max-age=10, stale-if-error=600' })),
    expect: { ...OLD },
    again: [
      {
        turn: 20,
        page: entity('product', ['42', '9', '7'], '"onerror":"null"'),
        kinds: { product: { answer: { status: 503 } } },
        expect: { body: listOf(TEA, 'null', CUP), errors: 3, upstream: [asks('product', 42, 9, 7)] },
      },
    ],
  },
  {
    id: 'stale-not-for-4xx',
    says: 'a 4xx lets no stale copy stand in',
    page: lasting(page),
    kinds: product(fields({ 'cache-control': 'max-age=10, stale-if-error=600' })),
    expect: { ...OLD },
    again: [
      {
        turn: 20,
        kinds: { product: { answer: { status: 400 } } },
        expect: { body: listOf(ref('product', '42'), ref('product', '7')), errors: 2, upstream: ALL },
      },
    ],
  },
  {
    id: 'stale-while-revalidate',
    says: 'what is stale is delivered at once, and refreshed behind it in one request',
    page: lasting(entity('product', ['42', '7', '9'])),
    kinds: product(fields({ 'cache-control': 'max-age=10, stale-while-revalidate=600' })),
    expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] },
    again: [
      { turn: 20, kinds: CHANGED, expect: { body: listOf(TEA, CUP, POT), upstream: [asks('product', 42, 7, 9)] } },
      { expect: { body: listOf(NEW_TEA, NEW_CUP, POT), upstream: [] } },
    ],
  },
  {
    id: 'stale-while-revalidate-definition',
    says: 'the definition may allow to deliver what is stale',
    page: lasting(page),
    kinds: product({ ...fields({ 'cache-control': null }), definition: { ttl: '10s', staleWhileRevalidate: '1h' } }),
    expect: { ...OLD },
    again: [
      { turn: 20, kinds: CHANGED, expect: { body: listOf(TEA, CUP), upstream: ALL } },
      { expect: { body: listOf(NEW_TEA, NEW_CUP), upstream: [] } },
    ],
  },
]);
