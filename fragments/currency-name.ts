import { defineFragment } from '../src/index.ts';

/**
 * The name of a currency in the facts of a country. Values as in `country-name.ts`; it changes when the currency does,
 * hence its tag and its subject. Without it the facts still stand.
 */
export default defineFragment({
  name: 'currency-name',
  path: '/fragments/currency-name/{code}',
  service: 'catalogue',
  batch: { path: '/fragments/currency-names?codes={ids}', max: 100, items: '/items', id: '/code', body: '/html' },
  query: [],
  scope: 'public',
  tags: ['currency:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.currency.{code}.changed': 'currency:{code}' },
  fallback: 'a currency',
});
