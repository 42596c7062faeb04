import { defineFragment } from '../src/index.ts';

/**
 * The entity itself, JSON: what `{"esi:include": {"type": "country", "id": "FRA"}}` stands for.
 *
 * The same for everybody, hence `public`: it is fetched without cookies, so it cannot be personal. The catalogue sends
 * max-age=60, which comes before `ttl`; five minutes count only if it should stop doing so, and are harmless because a
 * change purges at once. A stale country beats a missing one: shown while a fresh one is fetched, and for a day while
 * the catalogue is down. It answers within a few ms; at 800 ms it is in trouble, and the page goes on without it.
 */
export default defineFragment({
  name: 'country',
  path: '/entities/country/{code}',
  service: 'catalogue',
  query: [],
  scope: 'public',
  tags: ['country:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.country.{code}.changed': 'country:{code}' },
});
