import { asks, entity, feature, LASTING, listOf, range, ref } from './record.ts';

/** Directives inside of entities: one request for each type and level. */

const always = { esi: 'always' as const };

const COUNTRIES = range(1, 100);
/** Forty currencies for the first ninety countries, five others for the last ten. */
const currencyOf = (country: string) =>
  Number(country) <= 90 ? `c${Number(country) % 40}` : `d${Number(country) % 5}`;
const country = (id: string, currency: string) => `{"id":"${id}","currency":${currency}}`;
const currency = (id: string) => `{"id":"${id}","rate":1.0}`;
const ATLAS = {
  country: {
    definition: always,
    has: Object.fromEntries(COUNTRIES.map((id) => [id, country(id, entity('currency', currencyOf(id)))])),
  },
  currency: {
    has: Object.fromEntries(
      [...range(0, 39).map((n) => `c${n}`), ...range(0, 4).map((n) => `d${n}`)].map((id) => [id, currency(id)]),
    ),
  },
};
const atlas = (ids: readonly string[]) => listOf(...ids.map((id) => country(id, currency(currencyOf(id)))));
const currenciesOf = (ids: readonly string[]) => [...new Set(ids.map(currencyOf))];
const FIRST = COUNTRIES.slice(0, 90);
const LAST = COUNTRIES.slice(90);

export const NESTING = feature('nesting', [
  {
    id: 'nested-opt-in',
    says: 'an entity that does not opt in keeps its directives as data',
    page: entity('outer', '1'),
    kinds: { outer: { has: { 1: `{"id":1,"in":${entity('leaf', 'x')}}` } }, leaf: { has: { x: '{"id":"x"}' } } },
    expect: { body: `{"id":1,"in":${entity('leaf', 'x')}}`, upstream: [asks('outer', 1)] },
  },
  {
    id: 'nested-opt-in-header',
    says: 'an answer that opts in does so for all of its items',
    page: entity('outer', ['1', '2']),
    kinds: {
      outer: {
        has: { 1: `{"id":1,"in":${entity('leaf', 'x')}}`, 2: `{"id":2,"in":${entity('leaf', 'y')}}` },
        answer: { headers: { 'surrogate-control': 'content="ESI/1.0"' } },
      },
      leaf: { has: { x: '{"id":"x"}', y: '{"id":"y"}' } },
    },
    expect: {
      body: '[{"id":1,"in":{"id":"x"}},{"id":2,"in":{"id":"y"}}]',
      upstream: [asks('outer', 1, 2), asks('leaf', 'x', 'y')],
    },
  },
  {
    id: 'nested-levels',
    says: 'a hundred countries and their currencies, none of them stored, are two requests',
    page: entity('country', COUNTRIES),
    kinds: ATLAS,
    expect: {
      body: atlas(COUNTRIES),
      upstream: [asks('country', ...COUNTRIES), asks('currency', ...currenciesOf(COUNTRIES))],
      headers: LASTING,
    },
    again: [
      { expect: { body: atlas(COUNTRIES), upstream: [] } },
      {
        purge: { keys: ['["entity","currency","c7"]'] },
        expect: { body: atlas(COUNTRIES), upstream: [asks('currency', 'c7')], headers: LASTING },
      },
      {
        purge: { keys: ['["entity","country","12"]'] },
        expect: { body: atlas(COUNTRIES), upstream: [asks('country', 12)], headers: LASTING },
      },
    ],
  },
  {
    id: 'nested-levels-partly',
    says: 'with ninety countries stored and ten not, there is one request for the ten, and one for the currencies that are new',
    page: entity('country', FIRST),
    kinds: ATLAS,
    expect: { body: atlas(FIRST), upstream: [asks('country', ...FIRST), asks('currency', ...currenciesOf(FIRST))] },
    again: [
      {
        page: entity('country', COUNTRIES),
        expect: {
          body: atlas(COUNTRIES),
          upstream: [asks('country', ...LAST), asks('currency', ...currenciesOf(LAST))],
        },
      },
    ],
  },
  {
    id: 'nested-three-levels',
    says: 'every level of a list of lists is one request',
    page: entity('shelf', ['1', '2']),
    kinds: {
      shelf: {
        definition: always,
        has: {
          1: `{"id":1,"books":${entity('book', ['a', 'b'])}}`,
          2: `{"id":2,"books":${entity('book', ['b', 'c'])}}`,
        },
      },
      book: {
        definition: always,
        has: {
          a: `{"id":"a","by":${entity('author', 'x')}}`,
          b: `{"id":"b","by":${entity('author', 'y')}}`,
          c: `{"id":"c","by":${entity('author', 'x')}}`,
        },
      },
      author: { has: { x: '{"id":"x"}', y: '{"id":"y"}' } },
    },
    expect: {
      body: '[{"id":1,"books":[{"id":"a","by":{"id":"x"}},{"id":"b","by":{"id":"y"}}]},{"id":2,"books":[{"id":"b","by":{"id":"y"}},{"id":"c","by":{"id":"x"}}]}]',
      upstream: [asks('shelf', 1, 2), asks('book', 'a', 'b', 'c'), asks('author', 'x', 'y')],
    },
  },
  {
    id: 'nested-absent',
    says: 'an absent entity inside is an error of the page, and its surroundings stand',
    page: entity('outer', '1'),
    kinds: { outer: { definition: always, has: { 1: `{"id":1,"in":${entity('leaf', 'x')}}` } }, leaf: {} },
    expect: { body: `{"id":1,"in":${ref('leaf', 'x')}}`, errors: 1, upstream: [asks('outer', 1), asks('leaf', 'x')] },
  },
]);
