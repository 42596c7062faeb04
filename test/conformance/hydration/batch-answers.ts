import { asks, CUP, entity, feature, html, type Kind, LASTING, listOf, POT, ref, source, TEA } from './record.ts';

/** What answers to batches look like, and what of them is absent or bad. */

const HAS = { 42: TEA, 7: CUP, 9: POT };
const product = (kind: Kind): Record<string, Kind> => ({ product: { has: HAS, ...kind } });
const BOTH = { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)] };
const page = entity('product', ['42', '7']);
const CARDS = product({
  definition: { batch: { body: '/html' } },
  has: { 42: '{"id":"42","html":"<b>Tea</b>"}', 7: '{"id":"7","html":"<b>Cup</b>"}', 8: '{"id":"8","html":""}' },
});
const include = (id: string) => `<esi:include src="/product/${id}" onerror="continue"/>`;

export const BATCH_ANSWERS = feature('answers to batches', [
  {
    id: 'answer-array',
    says: 'without items, the answer itself is the array',
    page,
    kinds: product({ definition: { batch: { items: '' } } }),
    expect: BOTH,
  },
  {
    id: 'answer-keyed',
    says: 'items may be an object keyed by id',
    page,
    kinds: product({ keyed: true }),
    expect: BOTH,
  },
  {
    id: 'answer-keyed-whole',
    says: 'the answer itself may be an object keyed by id, whose items need not name theirs',
    page,
    kinds: product({ definition: { batch: { items: '' } }, keyed: true, has: { 42: '{"name":"Tea"}', 7: '"a cup"' } }),
    expect: { body: '[{"name":"Tea"},"a cup"]', upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'answer-deep-items',
    says: 'items is a JSON pointer into the answer',
    page,
    kinds: product({ definition: { batch: { items: '/data/all' } } }),
    expect: BOTH,
  },
  {
    id: 'answer-escaped-items',
    says: 'items unescapes ~1 and ~0',
    page,
    kinds: product({
      definition: { batch: { items: '/a~1b/m~0n' } },
      answer: { body: `{"a/b":{"m~n":[${TEA},${CUP}]}}` },
    }),
    expect: BOTH,
  },
  {
    id: 'answer-deep-id',
    says: 'id is a JSON pointer into the item',
    page,
    kinds: product({
      definition: { batch: { id: '/meta/key' } },
      has: { 42: '{"id":1,"meta":{"key":"42"}}', 7: '{"id":2,"meta":{"key":7}}' },
    }),
    expect: { body: '[{"id":1,"meta":{"key":"42"}},{"id":2,"meta":{"key":7}}]', upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'answer-bytes',
    says: 'an item keeps its bytes: digits, escapes, order, duplicates and white space',
    page: entity('product', ['42', '7']),
    kinds: product({
      has: {
        42: '{ "b" : 12345678901234567890.10, "id":"42","a":"\\u00e9\\/" , "a": null }',
        7: '{"id":7.0e0,"id":7,"x":[ ],"y":{\n}}',
      },
    }),
    expect: {
      body: '[{ "b" : 12345678901234567890.10, "id":"42","a":"\\u00e9\\/" , "a": null },{"id":7.0e0,"id":7,"x":[ ],"y":{\n}}]',
      upstream: [asks('product', 42, 7)],
    },
  },
  {
    id: 'answer-more',
    says: 'items that nobody asked for are not used',
    page: entity('product', '42'),
    kinds: product({ answer: { body: `{"items":[${POT},${TEA},${CUP}]}` } }),
    expect: { body: TEA, upstream: [asks('product', 42)] },
  },
  {
    id: 'answer-body-json',
    says: 'body may lead to a JSON value, which is the entity',
    page,
    kinds: product({
      definition: { batch: { body: '/data' } },
      has: { 42: '{"id":"42","data":{"x":1.0}}', 7: '{"id":"7","data":[true]}' },
    }),
    expect: { body: '[{"x":1.0},[true]]', upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'answer-body-null',
    says: 'body may lead to null, which is the entity',
    page,
    kinds: product({
      definition: { batch: { body: '/data' } },
      has: { 42: '{"id":"42","data":null}', 7: '{"id":"7","data":0}' },
    }),
    expect: { body: '[null,0]', upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'answer-body-html',
    says: 'body may lead to a string, which is markup, unescaped',
    page: html(`<ul>${include('42')}${include('7')}${include('8')}</ul>`),
    kinds: CARDS,
    expect: {
      body: '<ul><b>Tea</b><b>Cup</b></ul>',
      upstream: [asks('product', 42, 7, 8)],
    },
    again: [{ expect: { body: '<ul><b>Tea</b><b>Cup</b></ul>', upstream: [], headers: LASTING } }],
  },
  {
    id: 'answer-body-html-escapes',
    says: 'escapes of that string are undone',
    page: html(include('1')),
    kinds: {
      product: { ...CARDS.product, has: { 1: '{"id":1,"html":"<i title=\\"\\u00e9\\">a\\n\\ud83c\\udf75<\\/i>"}' } },
    },
    expect: { body: '<i title="é">a\n🍵</i>', upstream: [asks('product', 1)] },
  },
  {
    id: 'answer-body-html-in-json',
    says: 'markup is no JSON value: a JSON directive has its stand-in',
    page: entity('product', '42'),
    kinds: CARDS,
    expect: { body: ref('product', '42'), errors: 1, upstream: [asks('product', 42)] },
  },
  {
    id: 'answer-body-html-esi',
    says: 'markup of a definition that opts in may have includes of its own, batched level by level',
    page: html(include('1') + include('2')),
    kinds: {
      product: {
        ...CARDS.product,
        definition: { esi: 'always', batch: { body: '/html' } },
        has: {
          1: '{"id":1,"html":"<p><esi:include src=\'/brand/a\'/></p>"}',
          2: '{"id":2,"html":"<p><esi:include src=\'/brand/b\'/></p>"}',
        },
      },
      brand: { definition: { batch: { body: '/h' } }, has: { a: '{"id":"a","h":"A"}', b: '{"id":"b","h":"B"}' } },
    },
    expect: { body: '<p>A</p><p>B</p>', upstream: [asks('product', 1, 2), asks('brand', 'a', 'b')] },
  },
  {
    id: 'answer-json-in-html',
    says: 'includes of markup that lead to JSON entities are batched likewise',
    page: html(`[${include('42')},${include('7')}]`),
    expect: { body: `[${TEA},${CUP}]`, upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'answer-html-and-json',
    says: 'includes of markup and JSON directives of pages at once are one request',
    page: html(include('42')),
    atOnce: [{ page: entity('product', '7'), expect: { body: CUP } }],
    expect: { body: TEA, upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'absent-left-out',
    says: 'an id that the answer does not have is absent, and fails alone',
    page: entity('product', ['42', 'x', 7]),
    expect: { body: listOf(TEA, ref('product', 'x'), CUP), errors: 1, upstream: [asks('product', 42, 'x', 7)] },
  },
  {
    id: 'absent-null-keyed',
    says: 'null in an object keyed by id means absent',
    page: entity('product', ['42', '7']),
    kinds: product({ keyed: true, has: { 42: TEA, 7: 'null' } }),
    expect: { body: listOf(TEA, ref('product', '7')), errors: 1, upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'absent-null-array',
    says: 'null in an array is skipped',
    page: entity('product', ['42', '1', '7']),
    kinds: product({ has: { 42: TEA, 1: 'null', 7: CUP } }),
    expect: { body: listOf(TEA, ref('product', '1'), CUP), errors: 1, upstream: [asks('product', 42, 1, 7)] },
  },
  {
    id: 'absent-all',
    says: 'an answer without items is no failure of the chunk: all its ids are absent',
    page: entity('product', ['1', '2'], '"onerror":"drop"'),
    expect: { body: '[]', errors: 2, upstream: [asks('product', 1, 2)] },
    again: [{ expect: { body: '[]', errors: 2, upstream: [] } }],
  },
  {
    id: 'absent-in-html',
    says: 'in markup, an absent id is a failed include',
    page: html(`a${include('404')}b`),
    kinds: CARDS,
    expect: { body: 'ab', errors: 'unsaid', upstream: [asks('product', 404)] },
  },
  {
    id: 'bad-item-body',
    says: 'an item in which body leads nowhere fails alone',
    page: html(include('42') + include('1') + include('7')),
    kinds: product({
      definition: { batch: { body: '/html' } },
      has: { 42: '{"id":"42","html":"T"}', 1: '{"id":"1"}', 7: '{"id":"7","html":"C"}' },
    }),
    expect: { body: 'TC', errors: 'unsaid', upstream: [asks('product', 42, 1, 7)] },
  },
  {
    id: 'bad-item-id',
    says: 'where an item has no usable id, ids that are missing fail, and the others do not',
    page: entity('product', ['42', '7']),
    kinds: product({ answer: { body: `{"items":[${TEA},{"name":"Cup"}]}` } }),
    expect: { body: listOf(TEA, ref('product', '7')), errors: 1, upstream: [asks('product', 42, 7)] },
    again: [
      {
        kinds: product({ answer: {} }),
        page: entity('product', ['42', '7']),
        expect: { body: listOf(TEA, CUP), upstream: [asks('product', 7)] },
      },
    ],
  },
  ...(
    [
      ['true', '{"id":true}'],
      ['fraction', '{"id":1.5}'],
      ['exponent', '{"id":7e0}'],
      ['object', '{"id":{"id":7}}'],
      ['empty', '{}'],
      ['number', '7'],
      ['string', '"7"'],
    ] as const
  ).map(([name, item]) => ({
    id: `bad-item-id-${name}`,
    says: `${item} has no usable id: what is missing fails and is not kept`,
    page: entity('product', ['42', '7']),
    kinds: product({ answer: { body: `{"items":[${item},${TEA}]}` } }),
    expect: { body: listOf(TEA, ref('product', '7')), errors: 1, upstream: [asks('product', 42, 7)] },
    again: [{ expect: { body: listOf(TEA, ref('product', '7')), errors: 1, upstream: [asks('product', 7)] } }],
  })),
  {
    id: 'src-src-same-entity',
    says: 'a src and a type that mean one entity are one id',
    page: listOf(source('/product/42'), entity('product', '42')),
    expect: { body: listOf(TEA, TEA), upstream: [asks('product', 42)] },
  },
]);
