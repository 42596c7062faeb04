import { asks, entity, feature, listOf, ref, source, TEA } from './record.ts';

/** In which order what may stand in for an entity is asked, and what failing takes with it. */

const ABSENT = [asks('product', 404)];

export const ORDER_OF_ERRORS = feature('order of error rules', [
  {
    id: 'order-fallback',
    says: 'the fallback of the definition goes before the rule that a directive does not have',
    page: `{"x":${entity('product', '404')}}`,
    kinds: { product: { definition: { fallback: '{"name":"?"}' } } },
    expect: { body: '{"x":{"name":"?"}}', errors: 1, upstream: ABSENT },
  },
  {
    id: 'order-fallback-no-json',
    says: 'a fallback that is no JSON is none',
    page: entity('product', '404'),
    kinds: { product: { definition: { fallback: '<p>?</p>' } } },
    expect: { body: ref('product', '404'), errors: 1, upstream: ABSENT },
  },
  {
    id: 'order-onerror-before-fallback',
    says: 'onerror goes before the fallback',
    page: listOf(entity('product', '404', '"onerror":"null"'), entity('product', '404', '"onerror":"ref"')),
    kinds: { product: { definition: { fallback: '{}' } } },
    expect: { body: listOf('null', ref('product', '404')), errors: 2, upstream: ABSENT },
  },
  {
    id: 'order-default-before-fallback',
    says: 'default goes before the fallback',
    page: entity('product', '404', '"default":1'),
    kinds: { product: { definition: { fallback: '{}' } } },
    expect: { body: '1', errors: 1, upstream: ABSENT },
  },
  {
    id: 'order-alt-src',
    says: 'alt may be a URL, asked when the entity failed; after a 404 it is the answer',
    page: `[${entity('product', '404', '"alt":{"src":"/spare"},"default":0')}]`,
    files: { '/spare': '{"spare":true}' },
    expect: { body: '[{"spare":true}]', upstream: [asks('product', 404), 'GET /spare'] },
  },
  {
    id: 'order-alt-entity',
    says: 'alt may be an entity of its own',
    page: entity('product', '404', '"alt":{"type":"legacy","id":"1"}'),
    kinds: { product: {}, legacy: { has: { 1: '{"old":1,"id":1}' } } },
    expect: { body: '{"old":1,"id":1}', upstream: [asks('product', 404), asks('legacy', 1)] },
  },
  {
    id: 'order-alt-type',
    says: 'alt may be another type alone: the same ids there, in one request',
    page: entity('product', ['42', '1', '2'], '"alt":{"type":"legacy"}'),
    kinds: { product: { has: { 42: TEA } }, legacy: { has: { 1: '{"id":"1"}', 2: '{"id":"2"}' } } },
    expect: {
      body: listOf(TEA, '{"id":"1"}', '{"id":"2"}'),
      upstream: [asks('product', 42, 1, 2), asks('legacy', 1, 2)],
    },
  },
  {
    id: 'order-alt-not-needed',
    says: 'alt is not asked for if there is no need',
    page: entity('product', '42', '"alt":{"src":"/spare"}'),
    files: { '/spare': '1' },
    expect: { body: TEA, upstream: [asks('product', 42)] },
  },
  {
    id: 'order-alt-fails',
    says: 'where alt fails, too, the other rules follow',
    page: `[${entity('product', '404', '"alt":{"src":"/spare"},"onerror":"drop"')}]`,
    expect: { body: '[]', errors: 1, upstream: [asks('product', 404), 'GET /spare'] },
  },
  {
    id: 'order-alt-after-500',
    says: 'after a failure of the service, what alt has is less than it should be',
    page: entity('product', '500', '"alt":{"src":"/spare"}'),
    files: { '/spare': '1' },
    expect: { body: '1', errors: 1, upstream: [asks('product', 500), 'GET /spare'] },
  },
  {
    id: 'order-alt-before-stale',
    says: 'alt goes before a stale copy',
    page: { headers: { 'cache-control': 'max-age=86400' }, body: entity('product', '42', '"alt":{"src":"/spare"}') },
    kinds: {
      product: { has: { 42: TEA }, answer: { headers: { 'cache-control': 'max-age=10, stale-if-error=600' } } },
    },
    files: { '/spare': '"spare"' },
    expect: { body: TEA, upstream: [asks('product', 42)] },
    again: [
      {
        turn: 20,
        kinds: { product: { answer: { status: 503 } } },
        expect: { body: '"spare"', errors: 1, upstream: [asks('product', 42), 'GET /spare'] },
      },
    ],
  },
  {
    id: 'order-stale-before-required',
    says: 'a stale copy goes before what required and onerror say',
    page: {
      headers: { 'cache-control': 'max-age=86400' },
      body: entity('product', '42', '"required":true,"onerror":"fail"'),
    },
    kinds: {
      product: { has: { 42: TEA }, answer: { headers: { 'cache-control': 'max-age=10, stale-if-error=600' } } },
    },
    expect: { body: TEA, upstream: [asks('product', 42)] },
    again: [
      {
        turn: 20,
        kinds: { product: { answer: { status: 503 } } },
        expect: { body: TEA, errors: 1, upstream: [asks('product', 42)] },
      },
    ],
  },
  {
    id: 'order-alt-before-required',
    says: 'alt goes before required',
    page: entity('product', '404', '"required":true,"alt":{"src":"/spare"}'),
    files: { '/spare': '1' },
    expect: { body: '1', upstream: [asks('product', 404), 'GET /spare'] },
  },
  {
    id: 'order-alt-unknown-member',
    says: 'a member that alt does not know is warned about',
    page: entity('product', '404', '"alt":{"src":"/spare","onerror":"null"}'),
    files: { '/spare': '1' },
    expect: { body: '1', upstream: [asks('product', 404), 'GET /spare'], warns: true },
  },
  {
    id: 'fail-inside',
    says: 'onerror fail fails the document that it stands in, whose own rule decides',
    page: `[${source('/part', '"onerror":"drop"')},${source('/part', '"default":1')},2]`,
    files: { '/part': `{"p":${entity('product', '404', '"onerror":"fail"')}}` },
    expect: { body: '[1,2]', errors: 'some', upstream: ['GET /part', asks('product', 404)] },
  },
  {
    id: 'fail-inside-entity',
    says: 'an entity in which a directive fails is itself replaced by its ref',
    page: entity('outer', '1'),
    kinds: {
      outer: {
        definition: { esi: 'always' },
        has: { 1: `{"id":1,"p":${entity('product', '404', '"onerror":"fail"')}}` },
      },
      product: {},
    },
    expect: { body: ref('outer', '1'), errors: 'some', upstream: [asks('outer', 1), asks('product', 404)] },
  },
  {
    id: 'required-inside',
    says: 'required fails the whole page, whatever stands around it',
    page: `[${source('/part', '"onerror":"drop","default":1')},2]`,
    files: { '/part': `{"p":${entity('product', '404', '"required":true,"onerror":"null"')}}` },
    expect: { status: 502, upstream: ['GET /part', asks('product', 404)] },
  },
  {
    id: 'required-met',
    says: 'required changes nothing where nothing fails',
    page: entity('product', ['42', '7'], '"required":true'),
    kinds: { product: { has: { 42: '{"id":42}', 7: '{"id":7}' } } },
    expect: { body: '[{"id":42},{"id":7}]', upstream: [asks('product', 42, 7)], headers: { etag: /./ } },
  },
  {
    id: 'required-false',
    says: 'required may be false',
    page: entity('product', '404', '"required":false'),
    expect: { body: ref('product', '404'), errors: 1, upstream: ABSENT },
  },
  {
    id: 'src-null',
    says: 'a URL that fails is null without a rule, and with ref',
    page: listOf(source('/none'), source('/none', '"onerror":"ref"'), source('/none', '"onerror":"null"')),
    expect: { body: '[null,null,null]', errors: 3, upstream: ['GET /none'] },
  },
  {
    id: 'src-drop',
    says: 'a URL that fails may be dropped',
    page: `{"a":${source('/none', '"onerror":"drop"')},"b":1}`,
    expect: { body: '{"b":1}', errors: 1, upstream: ['GET /none'] },
  },
  {
    id: 'src-of-entity-null',
    says: 'a URL that leads to a batched definition and fails is null',
    page: source('/product/404'),
    expect: { body: 'null', errors: 1, upstream: ABSENT },
  },
  {
    id: 'ref-as-written',
    says: 'a ref has its id as it was written',
    page: `[${entity('product', 404)},{"esi:include":{"type":"product","id":"\\u0034\\u0030\\u0034"}},${entity('product', [404, '404'])}]`,
    expect: {
      body: `[${ref('product', 404)},{"type":"product","id":"\\u0034\\u0030\\u0034"},[${ref('product', 404)},${ref('product', '404')}]]`,
      errors: 'some',
      upstream: ABSENT,
    },
  },
  {
    id: 'drop-in-list',
    says: 'drop takes an item out of a list',
    page: entity('product', ['404', '42', '405', '406'], '"onerror":"drop"'),
    expect: { body: listOf(TEA), errors: 3, upstream: [asks('product', 404, 42, 405, 406)] },
  },
  {
    id: 'drop-all-of-list',
    says: 'a list whose items all disappear is empty',
    page: `{"a":${entity('product', ['404', '405'], '"onerror":"drop"')},"b":1}`,
    expect: { body: '{"a":[],"b":1}', errors: 2, upstream: [asks('product', 404, 405)] },
  },
  {
    id: 'drop-several-members',
    says: 'members and elements may disappear side by side, on every level',
    page: `{"a":${entity('product', '404', '"onerror":"drop"')},"b":[${entity('product', '404', '"onerror":"drop"')},{"c":${entity('product', '404', '"onerror":"drop"')}},${entity('product', '42', '"onerror":"drop"')}]}`,
    expect: { body: `{"b":[{},${TEA}]}`, errors: 3, upstream: [asks('product', 404, 42)] },
  },
  {
    id: 'drop-nothing',
    says: 'drop changes nothing where nothing fails: the document keeps its bytes',
    page: `{ "a" : ${entity('product', '42', '"onerror":"drop"')} ,\n "b" : [ 1 , ${entity('product', '42', '"onerror":"drop"')} ] }`,
    expect: { body: `{ "a" : ${TEA} ,\n "b" : [ 1 , ${TEA} ] }`, upstream: [asks('product', 42)] },
  },
  {
    id: 'drop-top-of-fragment',
    says: 'at the top of a document that is a part of another, drop is null',
    page: `[${source('/part')},1]`,
    files: { '/part': entity('product', '404', '"onerror":"drop"') },
    expect: { body: '[null,1]', errors: 1, upstream: ['GET /part', asks('product', 404)] },
  },
  {
    id: 'timeout-directive',
    says: 'a directive that waits no longer than its timeout has its stand-in; the batch goes on for others',
    page: listOf(entity('product', '42', '"timeout":60,"onerror":"null"'), entity('product', '7')),
    kinds: {
      product: { has: { 42: TEA, 7: '{"id":7}' }, answer: { delay: 400, body: `{"items":[${TEA},{"id":7}]}` } },
    },
    expect: { body: '[null,{"id":7}]', errors: 1, upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'timeout-directive-src',
    says: 'timeout counts for a URL, too',
    page: source('/slow', '"timeout":60,"default":"late"'),
    files: { '/slow': { hang: true } },
    expect: { body: '"late"', errors: 1, upstream: ['GET /slow'] },
  },
]);
