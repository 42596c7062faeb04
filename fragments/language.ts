import { defineFragment } from '../src/index.ts';

/** A language as data: its code and name. Values as in `currency.ts`, for the same reasons. */
export default defineFragment({
  name: 'language',
  path: '/entities/language/{code}',
  service: 'catalogue',
  batch: { path: '/entities/languages?codes={ids}', max: 100 },
  query: [],
  scope: 'public',
  tags: ['language:{code}'],
  ttl: '5m',
  staleWhileRevalidate: '1m',
  staleIfError: '1d',
  timeout: '800ms',
  purge: { 'atlas.language.{code}.changed': 'language:{code}' },
});
