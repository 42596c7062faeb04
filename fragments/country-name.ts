import { defineFragment } from '../src/index.ts';

/**
 * The name alone, for titles, headings and attributes; so the fallback is text without markup. Other values as in
 * `country.ts`, for the same reasons: it changes when the country does.
 */
export default defineFragment({
  name: 'country-name',
  path: '/fragments/country-name/{code}',
  service: 'catalogue',
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
