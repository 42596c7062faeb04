import { asks, CUP, entity, feature, listOf, ref, source, TEA } from './record.ts';

/** Members that are put over an entity. */

const ALL = [asks('product', 42)];
const ABSENT = [asks('product', 404)];
/** A directive with members beside it. */
const beside = (directive: string, members: string) => `${directive.slice(0, -1)},${members}}`;

export const OVERLAYS = feature('overlays', [
  {
    id: 'overlay-adds',
    says: 'a member beside the directive is added at the end of the entity',
    page: beside(entity('product', '42'), '"score":0.90'),
    expect: { body: '{"id":"42","name":"Tea","price":3.50,"score":0.90}', upstream: ALL },
  },
  {
    id: 'overlay-before',
    says: 'it makes no difference whether it stands before the directive',
    page: '{"score":0.9,"esi:include":{"type":"product","id":"42"},"rank":1}',
    expect: { body: '{"id":"42","name":"Tea","price":3.50,"score":0.9,"rank":1}', upstream: ALL },
  },
  {
    id: 'overlay-replaces',
    says: 'a member of that name keeps its place and has the value of the overlay',
    page: beside(entity('product', '42'), '"name":"My tea"'),
    expect: { body: '{"id":"42","name":"My tea","price":3.50}', upstream: ALL },
  },
  {
    id: 'overlay-both',
    says: 'members that are replaced stay in their places, the others follow in their order',
    page: beside(entity('product', '42'), '"z":1,"price":null,"a":2'),
    expect: { body: '{"id":"42","name":"Tea","price":null,"z":1,"a":2}', upstream: ALL },
  },
  {
    id: 'overlay-duplicates',
    says: 'every occurrence of the name in the entity is replaced',
    page: beside(entity('product', '1'), '"a":9'),
    kinds: { product: { has: { 1: '{"a":1,"id":1,"a":2}' } } },
    expect: { body: '{"a":9,"id":1,"a":9}', upstream: [asks('product', 1)] },
  },
  {
    id: 'overlay-escaped-name',
    says: 'names are compared as what they say, and keep how they are written',
    page: beside(entity('product', '1'), '"\\u0061":9'),
    kinds: { product: { has: { 1: '{"id":1,"a":1}', 2: '{"id":2,"\\u0061":1}' } } },
    expect: { body: '{"id":1,"a":9}', upstream: [asks('product', 1)] },
  },
  {
    id: 'overlay-escaped-name-of-entity',
    says: 'also where the entity writes its name with escapes',
    page: beside(entity('product', '2'), '"a":9'),
    kinds: { product: { has: { 2: '{"id":2,"\\u0061":1}' } } },
    expect: { body: '{"id":2,"\\u0061":9}', upstream: [asks('product', 2)] },
  },
  {
    id: 'overlay-inner-name',
    says: 'only members of the entity itself are replaced, not those inside of them',
    page: beside(entity('product', '1'), '"name":"x"'),
    kinds: { product: { has: { 1: '{"id":1,"brand":{"name":"b"},"list":[{"name":"c"}]}' } } },
    expect: { body: '{"id":1,"brand":{"name":"b"},"list":[{"name":"c"}],"name":"x"}', upstream: [asks('product', 1)] },
  },
  {
    id: 'overlay-empty-entity',
    says: 'an empty entity has the overlay alone',
    page: beside(entity('product', '1'), '"a":1,"b":2'),
    kinds: { product: { keyed: true, has: { 1: '{}' } } },
    expect: { body: '{"a":1,"b":2}', upstream: [asks('product', 1)] },
  },
  {
    id: 'overlay-any-value',
    says: 'the value of an overlay may be any JSON value, and keeps its bytes',
    page: beside(entity('product', '42'), '"a":[1, {"b":1e9}],"name":{"de":"T\\u00e9"},"n":12345678901234567890'),
    expect: {
      body: '{"id":"42","name":{"de":"T\\u00e9"},"price":3.50,"a":[1, {"b":1e9}],"n":12345678901234567890}',
      upstream: ALL,
    },
  },
  {
    id: 'overlay-src',
    says: 'what a URL brings has the overlay, too',
    page: beside(source('/badge'), '"x":1'),
    files: { '/badge': '{"badge":"gold"}' },
    expect: { body: '{"badge":"gold","x":1}', upstream: ['GET /badge'] },
  },
  {
    id: 'overlay-list-sibling',
    says: 'beside ids, the overlay is put over each entity',
    page: beside(entity('product', ['42', 7]), '"from":"search"'),
    expect: {
      body: '[{"id":"42","name":"Tea","price":3.50,"from":"search"},{"id":7,"name":"Cup","price":1e1,"from":"search"}]',
      upstream: [asks('product', 42, 7)],
    },
  },
  {
    id: 'overlay-list-objects',
    says: 'an item that is an object says the id, and its other members are the overlay',
    page: '{"esi:include":{"type":"product","ids":[{"id":"42","score":0.90},{"score":1,"id":7,"name":"x"},"9"]}}',
    expect: {
      body: '[{"id":"42","name":"Tea","price":3.50,"score":0.90},{"id":7,"name":"x","price":1e1,"score":1},{"id":"9","name":"Pot","price":0}]',
      upstream: [asks('product', 42, 7, 9)],
    },
  },
  {
    id: 'overlay-list-duplicates',
    says: 'the same entity may stand there twice with other overlays, and is asked for once',
    page: '{"esi:include":{"type":"product","ids":[{"id":7,"n":1},{"id":7,"n":2}]}}',
    expect: {
      body: '[{"id":7,"name":"Cup","price":1e1,"n":1},{"id":7,"name":"Cup","price":1e1,"n":2}]',
      upstream: [asks('product', 7)],
    },
  },
  {
    id: 'overlay-list-objects-without',
    says: 'an item that has nothing but the id is like the id',
    page: '{"esi:include":{"type":"product","ids":[{"id":"42"},{"id":7}]}}',
    expect: { body: listOf(TEA, CUP), upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'overlay-list-id',
    says: 'the id of an item is no overlay: the entity keeps how it writes its own',
    page: '{"esi:include":{"type":"product","ids":[{"id":42,"a":1},{"id":"7"}]}}',
    expect: { body: listOf('{"id":"42","name":"Tea","price":3.50,"a":1}', CUP), upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'overlay-ref',
    says: 'a ref has the overlay',
    page: listOf(
      beside(entity('product', '404'), '"score":1'),
      '{"esi:include":{"type":"product","ids":[{"id":"404","score":2}]}}',
    ),
    expect: {
      body: '[{"type":"product","id":"404","score":1},[{"type":"product","id":"404","score":2}]]',
      errors: 2,
      upstream: ABSENT,
    },
  },
  {
    id: 'overlay-default',
    says: 'a default that is an object has the overlay',
    page: beside(entity('product', '404', '"default":{"name":"?","x":1}'), '"score":1,"name":"!"'),
    expect: { body: '{"name":"!","x":1,"score":1}', errors: 1, upstream: ABSENT },
  },
  {
    id: 'overlay-fallback',
    says: 'a fallback that is an object has the overlay',
    page: beside(entity('product', '404'), '"score":1'),
    kinds: { product: { definition: { fallback: '{"name":"?"}' } } },
    expect: { body: '{"name":"?","score":1}', errors: 1, upstream: ABSENT },
  },
  {
    id: 'overlay-alt',
    says: 'what alt brings has the overlay',
    page: beside(entity('product', '404', '"alt":{"src":"/spare"}'), '"score":1'),
    files: { '/spare': '{"spare":true}' },
    expect: { body: '{"spare":true,"score":1}', upstream: [...ABSENT, 'GET /spare'] },
  },
  {
    id: 'overlay-null',
    says: 'null has no members: the overlay is left out, and the log says so',
    page: beside(entity('product', '404', '"onerror":"null"'), '"score":1'),
    expect: { body: 'null', errors: 1, upstream: ABSENT, warns: true },
  },
  {
    id: 'overlay-drop',
    says: 'what is dropped has no overlay',
    page: `[1,${beside(entity('product', '404', '"onerror":"drop"'), '"score":1')}]`,
    expect: { body: '[1]', errors: 1, upstream: ABSENT },
  },
  {
    id: 'overlay-default-scalar',
    says: 'a default that is no object stays as it is',
    page: beside(entity('product', '404', '"default":[1]'), '"score":1'),
    expect: { body: '[1]', errors: 1, upstream: ABSENT, warns: true },
  },
  {
    id: 'overlay-array-entity',
    says: 'an entity that is no object stays as it is, and the log says so',
    page: listOf(beside(entity('product', '1'), '"a":1'), beside(entity('product', '2'), '"a":1')),
    kinds: { product: { keyed: true, has: { 1: '[{"b":1}]', 2: '"text"' } } },
    expect: { body: '[[{"b":1}],"text"]', upstream: [asks('product', 1, 2)], warns: true },
  },
  {
    id: 'overlay-directive',
    says: 'a directive inside an overlay runs',
    page: beside(
      entity('product', '42'),
      '"brand":{"esi:include":{"type":"brand","id":"a"}},"x":[{"esi:include":{"type":"brand","id":"b"}}]',
    ),
    kinds: { product: { has: { 42: TEA } }, brand: { has: { a: '{"id":"a"}', b: '{"id":"b"}' } } },
    expect: {
      body: '{"id":"42","name":"Tea","price":3.50,"brand":{"id":"a"},"x":[{"id":"b"}]}',
      upstream: [...ALL, asks('brand', 'a', 'b')],
    },
  },
  {
    id: 'overlay-directive-in-item',
    says: 'a directive inside an item of a list runs',
    page: '{"esi:include":{"type":"product","ids":[{"id":"42","seller":{"esi:include":{"type":"brand","id":"a"}}}]}}',
    kinds: { product: { has: { 42: TEA } }, brand: { has: { a: '{"id":"a"}' } } },
    expect: {
      body: '[{"id":"42","name":"Tea","price":3.50,"seller":{"id":"a"}}]',
      upstream: [...ALL, asks('brand', 'a')],
    },
  },
  {
    id: 'overlay-directive-dropped',
    says: 'a member of an overlay may be dropped',
    page: beside(
      entity('product', '42'),
      '"a":1,"brand":{"esi:include":{"type":"product","id":"404","onerror":"drop"}},"b":2',
    ),
    expect: {
      body: '{"id":"42","name":"Tea","price":3.50,"a":1,"b":2}',
      errors: 1,
      upstream: [asks('product', 404, 42)],
    },
  },
  {
    id: 'overlay-cached',
    says: 'what is stored is the entity without its overlay',
    page: beside(entity('product', '42'), '"name":"x"'),
    expect: { upstream: ALL },
    again: [{ page: entity('product', '42'), expect: { body: TEA, upstream: [] } }],
  },
  {
    id: 'overlay-on-page',
    says: 'a page of nothing but a ref with an overlay still parses',
    page: beside(entity('product', '500'), '"a":1'),
    expect: { body: '{"type":"product","id":"500","a":1}', errors: 1, upstream: [asks('product', 500)] },
  },
  {
    id: 'list-odd-items',
    says: 'an item of a list that is no id stays as it is written, with a warning',
    page: '{"esi:include":{"type":"product","ids":["42",1.5,null,true,"",[1],{"x":1},{"id":null},{"id":""},7]}}',
    expect: {
      body: `[${TEA},1.5,null,true,"",[1],{"x":1},{"id":null},{"id":""},${CUP}]`,
      upstream: [asks('product', 42, 7)],
      warns: true,
    },
  },
  {
    id: 'list-refs',
    says: 'each item of a list that fails has a ref of its own',
    page: entity('product', ['404', '42', 405]),
    expect: {
      body: listOf(ref('product', '404'), TEA, ref('product', 405)),
      errors: 2,
      upstream: [asks('product', 404, 42, 405)],
    },
  },
]);
