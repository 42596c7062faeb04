import { defineFragment } from '../src/index.ts';

/**
 * The name alone, for titles, headings and attributes; so the fallback is text without markup. Other values as in
 * `country-card.ts`, for the same reasons: it changes when the country does. A page has one or two names, yet all pages
 * that are composed at the same moment share a batch.
 */
export default defineFragment({
  name: 'country-name',
  path: '/fragments/country-name/{code}',
  service: 'catalogue',
  batch: { path: '/fragments/country-names?codes={ids}', max: 100, items: '/items', id: '/code', body: '/html' },
  query: [],
  scope: 'public',
  tags: ['country:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.country.{code}.changed': 'country:{code}' },
  fallback: 'A country',
});
