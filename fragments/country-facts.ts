import { defineFragment } from '../src/index.ts';

/**
 * The facts on a country's page. Values as in `country.ts`, for the same reasons: they change when the country does, and
 * not when a currency or a language does, for these are includes in it. They are what the page is about, so the fallback
 * says that they are missing. No `batch`: a page has one, and the catalogue has no list of them.
 */
export default defineFragment({
  name: 'country-facts',
  path: '/fragments/country-facts/{code}',
  service: 'catalogue',
  query: [],
  scope: 'public',
  tags: ['country:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.country.{code}.changed': 'country:{code}' },
  fallback: '<p class="notice">The facts are not available right now.</p>',
});
