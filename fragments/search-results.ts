import { defineFragment } from '../src/index.ts';

/**
 * A result list: directives with codes and no country, so only a new index makes it old (tag `search`). The answer
 * depends on `q` and on nothing else: other parameters, such as those of campaigns, do not split the cache. Queries are
 * many and rarely repeated, hence the short times; somebody waits for the answer, hence the longer timeout.
 */
export default defineFragment({
  name: 'search-results',
  path: '/fragments/search-results',
  service: 'search',
  query: ['q'],
  scope: 'public',
  tags: ['search'],
  ttl: '30s',
  staleWhileRevalidate: '30s',
  staleIfError: '10m',
  timeout: '2s',
  fallback: '<p class="notice">Search is not available right now. Please try again in a minute.</p>',
});
