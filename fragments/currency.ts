import { defineFragment } from '../src/index.ts';

/**
 * A currency as data: its code, name and symbol. An entity of its own, though it stands in countries: 37 of them have
 * the euro, and a new name purges and fetches one currency and none of these. Other values as in `country.ts`.
 *
 * The catalogue answers many as an object, `{"EUR":{…},"USD":{…}}`: the whole answer is the items, each name in it is an
 * id. That is what `items` says when it is absent.
 */
export default defineFragment({
  name: 'currency',
  path: '/entities/currency/{code}',
  service: 'catalogue',
  batch: { path: '/entities/currencies?codes={ids}', max: 100 },
  query: [],
  scope: 'public',
  tags: ['currency:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.currency.{code}.changed': 'currency:{code}' },
});
