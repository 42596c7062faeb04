import { asks, CUP, entity, feature, type HydrationRecord, listOf, source, TEA } from './record.ts';

/** What of a document stays as it is, and which documents there are. */

const ALL = [asks('product', 42)];
const IT = entity('product', '42');

/** Directives that are none. */
const invalid: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['empty', '{}'],
    ['array', '[]'],
    ['string', '"product"'],
    ['null', 'null'],
    ['number', '42'],
    ['no-target', '{"onerror":"null"}'],
    ['id-alone', '{"id":"42"}'],
    ['ids-alone', '{"ids":["42"]}'],
    ['src-and-type', '{"src":"/x","type":"product","id":"42"}'],
    ['src-and-id', '{"src":"/x","id":"42"}'],
    ['src-and-ids', '{"src":"/x","ids":["42"]}'],
    ['id-and-ids', '{"type":"product","id":"42","ids":["7"]}'],
    ['src-number', '{"src":1}'],
    ['src-empty', '{"src":""}'],
    ['type-number', '{"type":1,"id":"42"}'],
    ['type-empty', '{"type":"","id":"42"}'],
    ['id-null', '{"type":"product","id":null}'],
    ['id-fraction', '{"type":"product","id":1.5}'],
    ['id-exponent', '{"type":"product","id":1e3}'],
    ['id-true', '{"type":"product","id":true}'],
    ['id-empty', '{"type":"product","id":""}'],
    ['id-array', '{"type":"product","id":["42"]}'],
    ['ids-string', '{"type":"product","ids":"42"}'],
    ['ids-object', '{"type":"product","ids":{"0":"42"}}'],
    ['fields-string', '{"type":"product","id":"42","fields":"name"}'],
    ['fields-numbers', '{"type":"product","id":"42","fields":["name",1]}'],
    ['fields-object', '{"type":"product","id":"42","fields":{}}'],
    ['onerror-unknown', '{"type":"product","id":"42","onerror":"ignore"}'],
    ['onerror-number', '{"type":"product","id":"42","onerror":0}'],
    ['alt-number', '{"type":"product","id":"42","alt":1}'],
    ['alt-empty', '{"type":"product","id":"42","alt":{}}'],
  ] as const
).map(([name, value]) => ({
  id: `invalid-${name}`,
  says: `${value} is no directive: the object stays as it is, with a warning, and others run`,
  page: `[{ "esi:include" : ${value} ,"x":1},${IT}]`,
  expect: { body: `[{ "esi:include" : ${value} ,"x":1},${TEA}]`, upstream: ALL, warns: true as const },
}));

/** Media types of documents with directives. */
const mediaTypes: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['json', 'application/json', true],
    ['json-parameter', 'application/json; charset=utf-8', true],
    ['json-case', 'Application/JSON', true],
    ['problem', 'application/problem+json', true],
    ['hal', 'application/hal+json; profile="x"', true],
    ['ld', 'application/ld+json', true],
    ['vendor', 'application/vnd.api+json', true],
    ['octets', 'application/octet-stream', false],
    ['jsonx', 'application/jsonx', false],
  ] as const
).map(([name, type, runs]) => ({
  id: `media-${name}`,
  says: `directives ${runs ? 'run' : 'do not run'} in ${type}`,
  page: { headers: { 'content-type': type }, body: IT },
  expect: { body: runs ? TEA : IT, upstream: runs ? ALL : [], headers: { 'content-type': type } },
}));

/** Documents a line. */
const lines: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['x-ndjson', 'application/x-ndjson'],
    ['ndjson', 'application/ndjson'],
    ['jsonl', 'application/jsonl'],
  ] as const
).map(([name, type]) => ({
  id: `lines-${name}`,
  says: `each line of ${type} is a document`,
  page: { headers: { 'content-type': type }, body: `${IT}\n{"a":1}\n{"b":${entity('product', ['7', '42'])}}\n` },
  expect: {
    body: `${TEA}\n{"a":1}\n{"b":${listOf(CUP, TEA)}}\n`,
    upstream: [asks('product', 42, 7)],
    headers: { 'content-type': type },
  },
}));

/** A page without directives, or with one, whose every other byte stays. */
const untouched: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['numbers', '{"a":12345678901234567890,"b":1.0,"c":-0,"d":1E400,"e":1e-7,"x":@}'],
    ['order', '{"z":1,"a":2,"10":3,"9":4,"x":@}'],
    ['duplicates', '{"a":1,"a":2,"x":@,"a":3}'],
    ['white-space', ' {\t"a" :\r\n [ 1 , 2 ]\n, "x" : @ } \n'],
    ['escapes', '{"\\u0061\\/":"\\ud83c\\udf75 \\u00e9 é","x":@}'],
    ['proto', '{"__proto__":{"a":1},"constructor":null,"x":@}'],
    ['like-markup', '{"a":"<esi:include src=\\"/x\\"/>$(HTTP_HOST)","x":@}'],
    ['like-directive', '{"a":"esi:include","b":["esi:include"],"c":"{\\"esi:include\\":{}}","x":@}'],
    ['like-key', '{"esi:includes":1,"ESI:include":{"src":"/x"},"include":{"src":"/x"},"x":@}'],
    ['deep', `${'['.repeat(60)}{"x":@}${']'.repeat(60)}`],
  ] as const
).map(([name, page]) => ({
  id: `untouched-${name}`,
  says: `everything but the directive keeps its bytes: ${name.replace('-', ' ')}`,
  page: page.replace('@', IT),
  expect: { body: page.replace('@', TEA), upstream: ALL },
}));

/** Keys with the prefix more than once. */
const escapes: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['once', '{"esi:esi:include":{"type":"product","id":"42"}}', '{"esi:include":{"type":"product","id":"42"}}'],
    ['twice', '{"esi:esi:esi:include":1}', '{"esi:esi:include":1}'],
    ['beside', `{"esi:esi:include":1,"x":${IT}}`, `{"esi:include":1,"x":${TEA}}`],
    ['inside', `{"esi:esi:include":${IT}}`, `{"esi:include":${TEA}}`],
  ] as const
).map(([name, page, body]) => ({
  id: `escape-${name}`,
  says: `${page} writes ${body}`,
  page,
  expect: { body, upstream: page.includes(IT) ? ALL : [] },
}));

export const DOCUMENTS = feature('documents', [
  ...mediaTypes,
  ...lines,
  {
    id: 'lines-no-end',
    says: 'the last line need not end with a line feed',
    page: { headers: { 'content-type': 'application/x-ndjson' }, body: `{"a":1}\n${IT}` },
    expect: { body: `{"a":1}\n${TEA}`, upstream: ALL },
  },
  {
    id: 'lines-drop',
    says: 'a line that is dropped is null, for it is the top of a document',
    page: {
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${IT}\n${entity('product', '404', '"onerror":"drop"')}\n[${entity('product', '404', '"onerror":"drop"')}]\n`,
    },
    expect: { body: `${TEA}\nnull\n[]\n`, errors: 'unsaid', upstream: [asks('product', 42, 404)] },
  },
  {
    id: 'lines-broken',
    says: 'a line that is no JSON stays as it is, and the others are hydrated',
    page: {
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${IT}\n{"a":${IT}\n${entity('product', '7')}\n`,
    },
    expect: { body: `${TEA}\n{"a":${IT}\n${CUP}\n`, upstream: [asks('product', 42, 7)] },
  },
  ...untouched,
  ...escapes,
  ...invalid,
  {
    id: 'unknown-member',
    says: 'a member that is not known is ignored, with a warning',
    page: entity('product', '42', '"colour":"red","Fields":["id"]'),
    expect: { body: TEA, upstream: ALL, warns: true },
  },
  {
    id: 'no-opt-in',
    says: 'a document that does not opt in keeps its directives',
    page: { headers: { 'surrogate-control': null }, body: IT },
    expect: { body: IT, upstream: [] },
  },
  {
    id: 'opt-in-route',
    says: 'a route may opt in for its documents',
    route: { esi: 'always' },
    page: { headers: { 'surrogate-control': null }, body: IT },
    expect: { body: TEA, upstream: ALL },
  },
  {
    id: 'opt-out-route',
    says: 'a route may opt out for its documents',
    route: { esi: 'off' },
    page: IT,
    expect: { body: IT, upstream: [] },
  },
  {
    id: 'broken-document',
    says: 'a document that is no JSON stays as it is, and nothing is asked for',
    page: `{"a":${IT}`,
    expect: { body: `{"a":${IT}`, upstream: [] },
  },
  {
    id: 'entity-any-value',
    says: 'an entity may be any JSON value',
    page: entity('product', ['1', '2', '3', '4', '5'], '"onerror":"fail"'),
    kinds: { product: { keyed: true, has: { 1: '"text"', 2: '-1.50', 3: 'false', 4: '[ ]', 5: '[1, {"a":[]}]' } } },
    expect: { body: '["text",-1.50,false,[ ],[1, {"a":[]}]]', upstream: [asks('product', 1, 2, 3, 4, 5)] },
  },
  {
    id: 'entity-white-space',
    says: 'white space around an item is not part of it',
    page: `{"a":${IT}}`,
    kinds: { product: { answer: { body: `{"items" : [\n  ${TEA}\n ,\t${CUP} ] }` } } },
    expect: { body: `{"a":${TEA}}`, upstream: ALL },
  },
  {
    id: 'src-query',
    says: 'a src without a definition is asked for as it is written',
    page: listOf(source('/users/7/badge?b=2&a=1'), source('/users/7/badge')),
    files: { '/users/7/badge': '{"badge":"gold"}' },
    expect: {
      body: '[{"badge":"gold"},{"badge":"gold"}]',
      upstream: ['GET /users/7/badge?b=2&a=1', 'GET /users/7/badge'],
    },
  },
]);
