import { defineFragment } from '../src/index.ts';

/**
 * The cards of a country's neighbours. What is stored holds directives with codes and no country, so a changed country
 * needs no purge here: its cards are fetched anew, the list stays. Borders move rarely, hence the long times; the tag is
 * for purges by hand. A recommendation is worth waiting for half a second, and the page is good without it.
 */
export default defineFragment({
  name: 'neighbours',
  path: '/fragments/neighbours/{code}',
  service: 'recommender',
  query: [],
  scope: 'public',
  tags: ['neighbours:{code}'],
  ttl: '1h',
  staleWhileRevalidate: '1h',
  staleIfError: '1d',
  timeout: '500ms',
  fallback: '<p class="notice">The neighbours are not available right now.</p>',
});
