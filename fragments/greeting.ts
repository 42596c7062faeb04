import { defineFragment } from '../src/index.ts';

/**
 * Who is looking, by cookie. No `scope`: it is personal and follows HTTP, and the service says `private, no-store`, so
 * nothing of it is ever kept; therefore also no `ttl`, no stale times and no tags. `inlay.config.ts` lets the cookie
 * through to this service alone. The page must not wait long for it, and without it nobody is greeted.
 */
export default defineFragment({
  name: 'greeting',
  path: '/fragments/greeting',
  service: 'visitor',
  query: [],
  timeout: '500ms',
  fallback: '',
});
