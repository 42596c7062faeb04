import { defineFragment } from '../src/index.ts';

/**
 * The entity itself, JSON: what `{"esi:include": {"type": "country", "id": "FRA"}}` stands for, and what the route of
 * the search puts where a code is.
 *
 * The same for everybody, hence `public`: it is fetched without cookies, so it cannot be personal. The catalogue sends
 * max-age=60, which comes before `ttl`; five minutes count only if it should stop doing so, and are harmless because a
 * change purges at once. A stale country beats a missing one: shown while a fresh one is fetched, and for a day while
 * the catalogue is down. It answers within a few ms; at 800 ms it is in trouble, and the page goes on without it.
 *
 * Lists ask for many, so the catalogue is asked for many: one request for all that are missing. It takes a hundred codes
 * at a time. Each is kept by itself, and `tags` and `purge` are about one, however many came with it. In it are directives
 * for its neighbours, currencies and languages: those of all countries of an answer make one batch a type.
 */
export default defineFragment({
  name: 'country',
  path: '/entities/country/{code}',
  service: 'catalogue',
  batch: { path: '/entities/countries?codes={ids}', max: 100, items: '/items', id: '/code' },
  query: [],
  scope: 'public',
  tags: ['country:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.country.{code}.changed': 'country:{code}' },
});
