import { asks, CUP, entity, feature, listOf, ref, TEA } from './record.ts';

/** `fields`: which members of an entity are kept. */

const FULL =
  '{"id":"1","name":"Tea","price":12345678901234567890.0,"brand":{"id":"b1","name":"Nori","url":{"de":"/n"}},"variants":[{"sku":"a","stock":1},{"sku":"b","stock":{"de":2}}],"a/b":1,"m~n":2}';
const ONE = { product: { has: { 1: FULL, 42: TEA, 7: CUP } } };
const ASKED = [asks('product', 1)];

/** Which fields of {@link FULL}, and what is left of it. */
const projections = (
  [
    ['one', ['name'], '{"name":"Tea"}'],
    ['order', ['price', 'id'], '{"id":"1","price":12345678901234567890.0}'],
    ['object', ['brand'], '{"brand":{"id":"b1","name":"Nori","url":{"de":"/n"}}}'],
    ['unknown', ['none', 'id'], '{"id":"1"}'],
    ['all-unknown', ['none'], '{}'],
    ['twice', ['id', 'id'], '{"id":"1"}'],
    ['pointer', ['/brand/name'], '{"brand":{"name":"Nori"}}'],
    ['pointer-top', ['/name'], '{"name":"Tea"}'],
    ['pointer-deep', ['/brand/url/de'], '{"brand":{"url":{"de":"/n"}}}'],
    ['pointers-of-one', ['/brand/name', '/brand/id'], '{"brand":{"id":"b1","name":"Nori"}}'],
    ['pointer-and-name', ['/brand/name', 'id'], '{"id":"1","brand":{"name":"Nori"}}'],
    ['pointer-within', ['brand', '/brand/name'], '{"brand":{"id":"b1","name":"Nori","url":{"de":"/n"}}}'],
    ['array', ['/variants/sku'], '{"variants":[{"sku":"a"},{"sku":"b"}]}'],
    ['array-whole', ['variants'], '{"variants":[{"sku":"a","stock":1},{"sku":"b","stock":{"de":2}}]}'],
    ['escaped-slash', ['/a~1b'], '{"a/b":1}'],
    ['escaped-tilde', ['/m~0n'], '{"m~n":2}'],
    ['name-with-slash', ['a/b'], '{"a/b":1}'],
    ['name-with-tilde', ['m~n'], '{"m~n":2}'],
  ] as const
).map(([name, fields, body]) => ({
  id: `fields-${name}`,
  says: `${JSON.stringify(fields)} keeps ${body}`,
  page: entity('product', '1', `"fields":${JSON.stringify(fields)}`),
  kinds: ONE,
  expect: { body, upstream: ASKED, headers: { etag: /./ } },
}));

/** A country that has its currency and its neighbours by directive. */
const NESTED = {
  country: {
    definition: { esi: 'always' as const },
    has: {
      FRA: `{"id":"FRA","name":"France","currency":${entity('currency', 'EUR')},"cities":${entity('city', ['PAR', 'LYS'])}}`,
    },
  },
  currency: { has: { EUR: '{"id":"EUR","symbol":"€","rate":1.10}' } },
  city: { has: { PAR: '{"id":"PAR","name":"Paris"}', LYS: '{"id":"LYS","name":"Lyon"}' } },
};

export const FIELDS = feature('fields', [
  ...projections,
  {
    id: 'fields-list',
    says: 'beside ids, fields are those of each entity',
    page: entity('product', ['42', '7'], '"fields":["name"]'),
    expect: { body: '[{"name":"Tea"},{"name":"Cup"}]', upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'fields-after-cache',
    says: 'what is stored is the whole entity: other fields of it need no request',
    page: entity('product', '1', '"fields":["id"]'),
    kinds: ONE,
    expect: { body: '{"id":"1"}', upstream: ASKED },
    again: [
      { page: entity('product', '1', '"fields":["name"]'), expect: { body: '{"name":"Tea"}', upstream: [] } },
      { page: entity('product', '1'), expect: { body: FULL, upstream: [] } },
    ],
  },
  {
    id: 'fields-twice-in-page',
    says: 'one entity with several choices of fields is asked for once',
    page: listOf(entity('product', '1', '"fields":["id"]'), entity('product', '1', '"fields":["name"]')),
    kinds: ONE,
    expect: { body: '[{"id":"1"},{"name":"Tea"}]', upstream: ASKED },
  },
  {
    id: 'fields-duplicates',
    says: 'every occurrence of a name is kept',
    page: entity('product', '1', '"fields":["a"]'),
    kinds: { product: { has: { 1: '{"a":1,"id":1,"a":2}' } } },
    expect: { body: '{"a":1,"a":2}', upstream: ASKED },
  },
  {
    id: 'fields-escaped-name',
    says: 'names are compared as what they say, and keep how they are written',
    page: entity('product', '1', '"fields":["a"]'),
    kinds: { product: { has: { 1: '{"id":1,"\\u0061":"\\u0062"}' } } },
    expect: { body: '{"\\u0061":"\\u0062"}', upstream: ASKED },
  },
  {
    id: 'fields-of-array',
    says: 'an entity that is an array is gone through',
    page: entity('product', '1', '"fields":["a"]'),
    kinds: { product: { keyed: true, has: { 1: '[{"a":1,"b":2},{"b":3,"a":4}]' } } },
    expect: { body: '[{"a":1},{"a":4}]', upstream: ASKED },
  },
  {
    id: 'fields-of-scalar',
    says: 'an entity that is no object or array stays whole',
    page: entity('product', ['1', '2', '3'], '"fields":["a"]'),
    kinds: { product: { keyed: true, has: { 1: '"text"', 2: '5.0', 3: 'true' } } },
    expect: { body: '["text",5.0,true]', upstream: [asks('product', 1, 2, 3)] },
  },
  {
    id: 'fields-before-overlay',
    says: 'the overlay comes after: a member that was left out is added at the end',
    page: '{"esi:include":{"type":"product","id":"42","fields":["id","price"]},"name":"x","price":1}',
    expect: { body: '{"id":"42","price":1,"name":"x"}', upstream: [asks('product', 42)] },
  },
  {
    id: 'fields-not-of-default',
    says: 'a default is not projected',
    page: entity('product', '404', '"fields":["a"],"default":{"a":1,"b":2}'),
    expect: { body: '{"a":1,"b":2}', errors: 1, upstream: [asks('product', 404)] },
  },
  {
    id: 'fields-not-of-ref',
    says: 'a ref is not projected',
    page: entity('product', '404', '"fields":["id"]'),
    expect: { body: ref('product', '404'), errors: 1, upstream: [asks('product', 404)] },
  },
  {
    id: 'fields-not-of-fallback',
    says: 'a fallback is not projected',
    page: entity('product', '404', '"fields":["a"]'),
    kinds: { product: { definition: { fallback: '{"a":1,"b":2}' } } },
    expect: { body: '{"a":1,"b":2}', errors: 1, upstream: [asks('product', 404)] },
  },
  {
    id: 'fields-src',
    says: 'what a URL brings is projected, too',
    page: '{"esi:include":{"src":"/badge","fields":["a"]}}',
    files: { '/badge': '{"a":1,"b":2}' },
    expect: { body: '{"a":1}', upstream: ['GET /badge'] },
  },
  {
    id: 'fields-nested-left-out',
    says: 'a directive in a member that is left out is never asked for',
    page: entity('country', 'FRA', '"fields":["name"]'),
    kinds: NESTED,
    expect: { body: '{"name":"France"}', upstream: [asks('country', 'FRA')] },
  },
  {
    id: 'fields-nested-kept',
    says: 'a directive in a member that is kept runs',
    page: entity('country', 'FRA', '"fields":["currency"]'),
    kinds: NESTED,
    expect: {
      body: '{"currency":{"id":"EUR","symbol":"€","rate":1.10}}',
      upstream: [asks('country', 'FRA'), asks('currency', 'EUR')],
    },
  },
  {
    id: 'fields-nested-dropped',
    says: 'what is dropped of a member that is kept takes the member with it',
    page: entity('country', 'FRA', '"fields":["name","currency"]'),
    kinds: {
      country: {
        definition: { esi: 'always' },
        has: { FRA: `{"id":"FRA","currency":${entity('currency', 'X', '"onerror":"drop"')},"name":"France"}` },
      },
      currency: {},
    },
    expect: { body: '{"name":"France"}', errors: 1, upstream: [asks('country', 'FRA'), asks('currency', 'X')] },
  },
  {
    id: 'fields-nested-pointer',
    says: 'a pointer into the result of a directive projects that result',
    page: entity('country', 'FRA', '"fields":["name","/currency/symbol"]'),
    kinds: NESTED,
    expect: {
      body: '{"name":"France","currency":{"symbol":"€"}}',
      upstream: [asks('country', 'FRA'), asks('currency', 'EUR')],
    },
  },
  {
    id: 'fields-nested-list',
    says: 'a pointer into a list projects each of its entities',
    page: entity('country', 'FRA', '"fields":["/cities/name"]'),
    kinds: NESTED,
    expect: {
      body: '{"cities":[{"name":"Paris"},{"name":"Lyon"}]}',
      upstream: [asks('country', 'FRA'), asks('city', 'PAR', 'LYS')],
    },
  },
]);
