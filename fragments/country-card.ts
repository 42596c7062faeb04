import { defineFragment } from '../src/index.ts';

/**
 * A country as a card, in lists of all kinds. Values as in `country.ts`, for the same reasons: it changes when the
 * country does. A region's page has fifty, hence the batch; `body` says where in an item the HTML is. The fallback keeps
 * the grid in shape where a card is missing.
 */
export default defineFragment({
  name: 'country-card',
  path: '/fragments/country-card/{code}',
  service: 'catalogue',
  batch: { path: '/fragments/country-cards?codes={ids}', max: 100, items: '/items', id: '/code', body: '/html' },
  query: [],
  scope: 'public',
  tags: ['country:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.country.{code}.changed': 'country:{code}' },
  fallback: '<article class="card card--missing"><p>This country is not available right now.</p></article>',
});
