import { asks, CUP, entity, feature, type HydrationRecord, LASTING, listOf, marked, POT, ref, TEA } from './record.ts';

/** `Inlay-Hydrate`: places of ids, named by a response field or by the route. */

const HITS = '{"total":2,"hits":[{"productId":"42","score":1.0},{"productId":7,"score":0.5}]}';
const WITH = '{"total":2,"hits":[{"productId":"42","product":@,"score":1.0},{"productId":7,"product":#,"score":0.5}]}';
const fill = (text: string, tea: string, cup: string) => text.replace('@', () => tea).replace('#', () => cup);
const AS = '"/hits/*/productId";type=product;as=product';
const BOTH = [asks('product', 42, 7)];
const VARIES = { vary: /\binlay-hydrate\b/i, 'inlay-hydrate': null } as const;
const VARIES_AND_LASTS = { ...LASTING, ...VARIES };

/** What stands there when nothing came, without and with `as`. */
const rules: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['none', '', ref('product', '404')],
    ['ref', ';onerror=ref', ref('product', '404')],
    ['null', ';onerror=null', 'null'],
    ['drop', ';onerror=drop', undefined],
  ] as const
).flatMap(([name, parameter, standIn]) => [
  {
    id: `hydrate-${name}`,
    says: `${parameter === '' ? 'without onerror' : parameter.slice(1)}, an id that fails is ${standIn ?? 'left as it is'}`,
    page: marked(`"/ids/*";type=product${parameter}`, '{"ids":["42","404"]}'),
    expect: { body: `{"ids":[${TEA},${standIn ?? '"404"'}]}`, errors: 1, upstream: [asks('product', 42, 404)] },
  },
  {
    id: `hydrate-as-${name}`,
    says: `${parameter === '' ? 'without onerror' : parameter.slice(1)}, the member of an id that fails is ${standIn ?? 'not added'}`,
    page: marked(`"/h/*/id";type=product;as=it${parameter}`, '{"h":[{"id":"42","x":1},{"id":"404","x":2}]}'),
    expect: {
      body: `{"h":[{"id":"42","it":${TEA},"x":1},{"id":"404",${standIn === undefined ? '' : `"it":${standIn},`}"x":2}]}`,
      errors: 1,
      upstream: [asks('product', 42, 404)],
    },
  },
]);

export const HEADER_MODE = feature('Inlay-Hydrate', [
  ...rules,
  {
    id: 'hydrate-as',
    says: 'hits of a search have their products, and keep their bytes',
    page: marked(AS, HITS),
    expect: { body: fill(WITH, TEA, CUP), upstream: BOTH, headers: VARIES_AND_LASTS, detail: /batched=2\b/ },
    again: [{ expect: { body: fill(WITH, TEA, CUP), upstream: [], headers: VARIES_AND_LASTS } }],
  },
  {
    id: 'hydrate-with-white-space',
    says: 'what stands between the ids keeps its white space',
    page: marked('"/ids/*";type=product', '{ "ids" : [ "42" ,\n 7 ] , "n": 1.0 }\n'),
    expect: { body: `{ "ids" : [ ${TEA} ,\n ${CUP} ] , "n": 1.0 }\n`, upstream: BOTH },
  },
  {
    id: 'hydrate-fail',
    says: 'onerror=fail fails the page',
    page: marked('"/ids/*";type=product;onerror=fail', '{"ids":["42","404"]}'),
    expect: { status: 502, upstream: [asks('product', 42, 404)] },
  },
  {
    id: 'hydrate-required',
    says: 'required fails the page',
    page: marked('"/ids/*";type=product;required;onerror=drop', '{"ids":["42","404"]}'),
    expect: { status: 502, upstream: [asks('product', 42, 404)] },
  },
  {
    id: 'hydrate-not-required',
    says: 'required may be false',
    page: marked('"/ids/*";type=product;required=?0;onerror=null', '{"ids":["404"]}'),
    expect: { body: '{"ids":[null]}', errors: 1, upstream: [asks('product', 404)] },
  },
  {
    id: 'hydrate-drop-existing',
    says: 'with drop, a member that was there already stays as it was',
    page: marked('"/h/*/id";type=product;as=it;onerror=drop', '{"h":[{"id":"404","it":{"old":1}},{"id":"42","it":0}]}'),
    expect: {
      body: `{"h":[{"id":"404","it":{"old":1}},{"id":"42","it":${TEA}}]}`,
      errors: 1,
      upstream: [asks('product', 404, 42)],
    },
  },
  {
    id: 'hydrate-fields',
    says: 'fields are names separated by spaces',
    page: marked('"/ids/*";type=product;fields="id name"', '{"ids":["42",7]}'),
    expect: { body: '{"ids":[{"id":"42","name":"Tea"},{"id":7,"name":"Cup"}]}', upstream: BOTH },
  },
  {
    id: 'hydrate-timeout',
    says: 'timeout is in ms',
    page: marked('"/ids/*";type=product;timeout=60;onerror=null', '{"ids":["42"]}'),
    kinds: { product: { answer: { hang: true } } },
    expect: { body: '{"ids":[null]}', errors: 1, upstream: [asks('product', 42)] },
  },
  {
    id: 'hydrate-depth',
    says: 'depth says how many levels of directives run inside the entities',
    page: marked('"/a";type=outer;depth=0, "/b";type=outer;depth=1, "/c";type=outer', '{"a":"1","b":"1","c":"1"}'),
    kinds: {
      outer: { definition: { esi: 'always' }, has: { 1: `{"id":1,"in":${entity('leaf', 'x')}}` } },
      leaf: { has: { x: '{"id":"x"}' } },
    },
    expect: {
      body: `{"a":{"id":1,"in":${ref('leaf', 'x')}},"b":{"id":1,"in":{"id":"x"}},"c":{"id":1,"in":{"id":"x"}}}`,
      upstream: [asks('outer', 1), asks('leaf', 'x')],
      headers: VARIES_AND_LASTS,
    },
  },
  {
    id: 'hydrate-batched-with-types',
    says: 'rules of one type are one request, those of another type another',
    page: marked('"/a/*";type=product, "/b";type=brand, "/c";type=product', '{"a":["42","7"],"b":"x","c":"9"}'),
    kinds: { product: { has: { 42: TEA, 7: CUP, 9: POT } }, brand: { has: { x: '{"id":"x"}' } } },
    expect: {
      body: `{"a":[${TEA},${CUP}],"b":{"id":"x"},"c":${POT}}`,
      upstream: [asks('product', 42, 7, 9), asks('brand', 'x')],
    },
  },
  {
    id: 'hydrate-ref-number',
    says: 'a ref has the id as the document writes it',
    page: marked('"/ids/*";type=product', '{"ids":[404]}'),
    expect: { body: `{"ids":[${ref('product', 404)}]}`, errors: 1, upstream: [asks('product', 404)] },
  },
  {
    id: 'hydrate-some-rules-ignored',
    says: 'a rule with an unknown type is ignored, and the others are not',
    page: marked('"/a";type=nothing, "/b";type=product', '{"a":"42","b":"42"}'),
    expect: { body: `{"a":"42","b":${TEA}}`, upstream: [asks('product', 42)], warns: true },
  },
  {
    id: 'hydrate-nowhere',
    says: 'a path that leads nowhere changes nothing',
    page: marked('"/none/*/id";type=product', HITS),
    expect: { body: HITS, upstream: [] },
  },
  {
    id: 'hydrate-no-directives',
    says: 'directives in a document that is hydrated do not run unless it opts in as well',
    page: marked('"/id";type=product', `{"id":"42","d":${entity('product', '7')}}`),
    expect: { body: `{"id":${TEA},"d":${entity('product', '7')}}`, upstream: [asks('product', 42)] },
  },
  {
    id: 'hydrate-and-directives',
    says: 'a document that opts in has both, batched together',
    page: { headers: { 'inlay-hydrate': '"/id";type=product' }, body: `{"id":"42","d":${entity('product', '7')}}` },
    expect: { body: `{"id":${TEA},"d":${CUP}}`, upstream: BOTH, headers: VARIES },
  },
  {
    id: 'hydrate-refused',
    says: 'a client that refuses it has the document as the service sent it',
    page: marked(AS, HITS),
    request: { headers: { 'inlay-hydrate': '?0' } },
    expect: { body: HITS, upstream: [], headers: VARIES },
    again: [
      { expect: { body: fill(WITH, TEA, CUP), upstream: BOTH, headers: VARIES } },
      { request: { headers: { 'inlay-hydrate': '?0' } }, expect: { body: HITS, upstream: [], headers: VARIES } },
      { expect: { body: fill(WITH, TEA, CUP), upstream: [], headers: VARIES } },
    ],
  },
  {
    id: 'hydrate-accepted',
    says: 'a client that asks for it has it',
    page: marked(AS, HITS),
    request: { headers: { 'inlay-hydrate': '?1' } },
    expect: { body: fill(WITH, TEA, CUP), upstream: BOTH, headers: VARIES },
  },
  {
    id: 'hydrate-refused-directives',
    says: 'directives run for a client that refuses it, too',
    page: { headers: { 'inlay-hydrate': '"/id";type=product' }, body: `{"id":"42","d":${entity('product', '7')}}` },
    request: { headers: { 'inlay-hydrate': '?0' } },
    expect: { body: `{"id":"42","d":${CUP}}`, upstream: [asks('product', 7)], headers: VARIES },
  },
  {
    id: 'hydrate-off',
    says: 'a route that is switched off hydrates nothing, and does not relay the field',
    route: { esi: 'off' },
    page: marked(AS, HITS),
    expect: { body: HITS, upstream: [], headers: { 'inlay-hydrate': null } },
  },
  {
    id: 'hydrate-not-json',
    says: 'what is no JSON is not hydrated, and the field is not relayed',
    page: { headers: { 'content-type': 'text/html', 'surrogate-control': null, 'inlay-hydrate': AS }, body: HITS },
    expect: { body: HITS, upstream: [], headers: { 'inlay-hydrate': null } },
  },
  {
    id: 'hydrate-plus-json',
    says: 'any +json is hydrated',
    page: {
      headers: { 'content-type': 'application/hal+json', 'surrogate-control': null, 'inlay-hydrate': AS },
      body: HITS,
    },
    expect: { body: fill(WITH, TEA, CUP), upstream: BOTH },
  },
  {
    id: 'hydrate-broken-document',
    says: 'a document that is no JSON stays as it is',
    page: marked(AS, HITS.slice(0, -1)),
    expect: { body: HITS.slice(0, -1), upstream: [] },
  },
  {
    id: 'hydrate-purge',
    says: 'after a purge of one entity, exactly that one is asked for',
    page: marked(AS, HITS),
    expect: { body: fill(WITH, TEA, CUP), upstream: BOTH },
    again: [
      {
        purge: { keys: ['["entity","product","7"]'] },
        kinds: { product: { has: { 7: '{"id":7,"name":"Mug"}' } } },
        expect: { body: fill(WITH, TEA, '{"id":7,"name":"Mug"}'), upstream: [asks('product', 7)] },
      },
    ],
  },
  {
    id: 'hydrate-two-lines',
    says: 'two field lines are one list',
    page: marked('"/a";type=product,"/b";type=product', '{"a":"42","b":"7"}'),
    expect: { body: `{"a":${TEA},"b":${CUP}}`, upstream: BOTH },
  },
  {
    id: 'route-hydrates',
    says: 'a route may say it for a service that does not know of it',
    route: { hydrate: AS },
    page: marked(null, HITS),
    expect: { body: fill(WITH, TEA, CUP), upstream: BOTH, headers: VARIES_AND_LASTS },
  },
  {
    id: 'route-refused',
    says: 'a client may refuse that, too',
    route: { hydrate: AS },
    page: marked(null, HITS),
    request: { headers: { 'inlay-hydrate': '?0' } },
    expect: { body: HITS, upstream: [], headers: VARIES },
  },
  {
    id: 'route-or-field',
    says: 'the field of an answer goes before what the route says',
    route: { hydrate: AS },
    page: marked('"/best";type=product', '{"best":"9","hits":[{"productId":"42"}]}'),
    expect: { body: `{"best":${POT},"hits":[{"productId":"42"}]}`, upstream: [asks('product', 9)] },
  },
  {
    id: 'route-no-directives',
    says: 'a route that hydrates does not run directives',
    route: { hydrate: '"/id";type=product' },
    page: marked(null, `{"id":"42","d":${entity('product', '7')}}`),
    expect: { body: `{"id":${TEA},"d":${entity('product', '7')}}`, upstream: [asks('product', 42)] },
  },
  {
    id: 'route-and-directives',
    says: 'a route may hydrate and run directives',
    route: { hydrate: '"/id";type=product', esi: 'always' },
    page: marked(null, `{"id":"42","d":${entity('product', ['7', '9'])}}`),
    expect: { body: `{"id":${TEA},"d":${listOf(CUP, POT)}}`, upstream: [asks('product', 42, 7, 9)] },
  },
]);
