import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { type CacheStatus, printCacheStatus } from '../../../src/http/cache-status.ts';

test.each<[CacheStatus, string]>([
  [{}, 'inlay'],
  [{ hit: true, ttl: 376_999 }, 'inlay; hit; ttl=376'],
  [{ hit: true, ttl: -412_001 }, 'inlay; hit; ttl=-413'],
  [{ hit: true, ttl: 0 }, 'inlay; hit; ttl=0'],
  [{ hit: true, ttl: -0 }, 'inlay; hit; ttl=0'],
  [{ hit: true, ttl: Number.POSITIVE_INFINITY }, 'inlay; hit; ttl=999999999999999'],
  [{ hit: false, fwd: 'uri-miss', stored: true }, 'inlay; fwd=uri-miss; stored'],
  [{ fwd: 'stale', fwdStatus: 304, collapsed: true, stored: false }, 'inlay; fwd=stale; fwd-status=304; collapsed'],
  [{ hit: true, fwd: 'stale', fwdStatus: 200, stored: true }, 'inlay; hit'],
  [
    { fwd: 'bypass', key: '["GET"]', detail: 'set-cookie' },
    'inlay; fwd=bypass; key="[\\"GET\\"]"; detail="set-cookie"',
  ],
  [{ detail: 'a\\b\r\nX: y\u00e9' }, 'inlay; detail="a\\\\bX: y"'],
])('%j prints as %s', (status, expected) => {
  expect(printCacheStatus(status)).toBe(expected);
});

it('is one line of printable ASCII with balanced quotes, whatever the key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (key) => {
      expect(printCacheStatus({ key })).toMatch(/^inlay; key="(?:[ !#-[\]-~]|\\["\\])*"$/);
    }),
    { seed: 1 },
  );
});
