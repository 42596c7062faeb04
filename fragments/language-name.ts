import { defineFragment } from '../src/index.ts';

/** The name of a language in the facts of a country. Values as in `currency-name.ts`, for the same reasons. */
export default defineFragment({
  name: 'language-name',
  path: '/fragments/language-name/{code}',
  service: 'catalogue',
  batch: { path: '/fragments/language-names?codes={ids}', max: 100, items: '/items', id: '/code', body: '/html' },
  query: [],
  scope: 'public',
  tags: ['language:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.language.{code}.changed': 'language:{code}' },
  fallback: 'a language',
});
