import { asks, entity, feature, type HydrationRecord, type Kind, ref, TEA } from './record.ts';

/** What stands in for an entity that failed: every rule in every place and situation. */

const SOME = { product: { has: { 42: TEA, 500: { status: 500 } } } };

/** What the directive says, and what stands there then: nothing is `drop`. */
const RULES = [
  ['none', '', ref('product', '404')],
  ['ref', '"onerror":"ref"', ref('product', '404')],
  ['null', '"onerror":"null"', 'null'],
  ['drop', '"onerror":"drop"', undefined],
  ['default', '"default":{"x":[1.0]}', '{"x":[1.0]}'],
  ['default-null', '"default":{"x":[1.0]},"onerror":"null"', '{"x":[1.0]}'],
  ['default-drop', '"default":false,"onerror":"drop"', 'false'],
  ['default-fail', '"default":0,"onerror":"fail"', '0'],
] as const;

type Place = readonly [name: string, page: (directive: string) => string, without: string];
const IN_PLACES: readonly Place[] = [
  ['top', (it) => it, 'null'],
  ['first-element', (it) => `[${it},1]`, '[1]'],
  ['last-element', (it) => `[0,${it}]`, '[0]'],
  ['only-element', (it) => `[${it}]`, '[]'],
  ['first-member', (it) => `{"a":${it},"b":1}`, '{"b":1}'],
  ['last-member', (it) => `{"a":0,"b":${it}}`, '{"a":0}'],
  ['middle-member', (it) => `{"a":0,"b":${it},"c":2}`, '{"a":0,"c":2}'],
  ['only-member', (it) => `{"x":{"a":${it}}}`, '{"x":{}}'],
];

const everyRuleInEveryPlace: Omit<HydrationRecord, 'feature'>[] = RULES.flatMap(([rule, members, standIn]) =>
  IN_PLACES.map(([place, page, without]) => ({
    id: `rule-${rule}-${place}`,
    says: `${members === '' ? 'without a rule' : members} as ${place.replace('-', ' ')}`,
    page: page(entity('product', '404', members)),
    expect: { body: standIn === undefined ? without : page(standIn), errors: 1, upstream: [asks('product', 404)] },
  })),
);

/** Why an entity may fail, and what the catalogue was asked for then. */
const SITUATIONS: readonly (readonly [
  name: string,
  says: string,
  type: string,
  id: string,
  upstream: readonly string[],
])[] = [
  ['absent', 'it is absent', 'product', '404', [asks('product', 404)]],
  ['500', 'its chunk is refused', 'product', '500', [asks('product', 500)]],
  ['alone', 'its own path says 404', 'alone', '404', ['GET /alone/404']],
  ['markup', 'it is markup', 'card', '1', [asks('card', 1)]],
  ['unknown', 'its type is not defined', 'nothing', '1', []],
  ['dots', 'its id cannot stand in a path', 'alone', '..', []],
];
const OF_SITUATIONS: Record<string, Kind> = {
  ...SOME,
  alone: { definition: { batch: null } },
  card: { definition: { batch: { body: '/html' } }, has: { 1: '{"id":1,"html":"<p>"}' } },
};

const everyRuleInEverySituation: Omit<HydrationRecord, 'feature'>[] = SITUATIONS.flatMap(
  ([name, says, type, id, upstream]) =>
    (
      [
        ['none', '', ref(type, id)],
        ['null', '"onerror":"null"', 'null'],
        ['drop', '"onerror":"drop"', undefined],
        ['default', '"default":"?"', '"?"'],
        ['fail', '"onerror":"fail"', 502],
        ['required', '"required":true,"default":1,"onerror":"drop"', 502],
      ] as const
    ).map(([rule, members, standIn]) => ({
      id: `when-${name}-${rule}`,
      says: `${says}: ${members === '' ? 'without a rule' : members}`,
      page: `[0,${entity(type, id, members)}]`,
      kinds: OF_SITUATIONS,
      expect:
        standIn === 502
          ? { status: 502, upstream }
          : { body: standIn === undefined ? '[0]' : `[0,${standIn}]`, errors: 1, upstream },
    })),
);

const defaults = (
  [
    ['object', '{ "a" : 1e2 , "a":2}'],
    ['array', '[1, 2.50 ,[]]'],
    ['string', '"\\u00e9\\n<b>"'],
    ['number', '-0.10e+5'],
    ['big-number', '123456789012345678901234567890'],
    ['true', 'true'],
    ['null', 'null'],
    ['empty-string', '""'],
  ] as const
).map(([name, value]) => ({
  id: `default-${name}`,
  says: `default may be any JSON value, and is written as it is: ${value}`,
  page: `{"x":${entity('product', '404', `"default":${value}`)}}`,
  expect: { body: `{"x":${value}}`, errors: 1, upstream: [asks('product', 404)] },
}));

export const RULES_OF_ERRORS = feature('error rules', [
  ...everyRuleInEveryPlace,
  ...everyRuleInEverySituation,
  ...defaults,
]);
