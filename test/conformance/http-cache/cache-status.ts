import { type CacheRecord, type Expected, fetches, reuses, type Step } from './record.ts';

/** RFC 9211: what we say of our own part in an answer. */

const FRESH = { 'cache-control': 'max-age=3600', etag: '"a"' };
const status = (pattern: RegExp): Pick<Expected, 'headers'> => ({ headers: { 'cache-status': pattern } });
const stored = (cacheControl = 'max-age=2', more: Readonly<Record<string, string>> = { etag: '"a"' }): Step => ({
  answer: { headers: { 'cache-control': cacheControl, ...more } },
});
const told = (id: string, says: string, anchor: string, steps: readonly Step[]): CacheRecord => ({
  id: `cache-status-${id}`,
  says,
  kind: 'optimal',
  anchor: `RFC 9211 ${anchor}`,
  steps,
});

export const CACHE_STATUS: readonly CacheRecord[] = [
  reuses({
    id: 'cache-status-hit',
    says: 'a hit has the time that it is still fresh',
    anchor: 'RFC 9211 2.1',
    headers: FRESH,
    expect: status(/^inlay; hit; ttl=3597(;|$)/),
  }),
  told('miss', 'a miss was forwarded, and is stored', '2.2', [
    { answer: { headers: FRESH }, expect: status(/^inlay; fwd=uri-miss; fwd-status=200; stored(;|$)/) },
  ]),
  told('unstored', 'what is not stored says so by saying nothing', '2.5', [
    {
      answer: { status: 404, headers: { 'cache-control': 'no-store' } },
      expect: { status: 404, ...status(/^inlay; fwd=uri-miss; fwd-status=404(?!; stored)/) },
    },
  ]),
  told('set-cookie', 'a response that is not stored for its Set-Cookie says why', '2.8', [
    {
      answer: { headers: { ...FRESH, 'set-cookie': 'a=b' } },
      expect: status(/^inlay; fwd=uri-miss; fwd-status=200(?!; stored).*; detail=.*set-cookie/),
    },
  ]),
  told('stale', 'a stale response was forwarded for', '2.2', [
    stored('max-age=2', {}),
    { turn: 3, expect: status(/^inlay; fwd=stale; fwd-status=200(?!; stored)/) },
  ]),
  told('validated', 'a validation has the status that the service answered with', '2.3', [
    stored(),
    {
      turn: 3,
      answer: { status: 304, headers: FRESH },
      expect: { from: 'validated', ...status(/^inlay; fwd=stale; fwd-status=304/) },
    },
  ]),
  told('vary-miss', 'no variant that matches is another miss than no response', '2.2', [
    { request: { headers: { foo: '1' } }, answer: { headers: { ...FRESH, vary: 'Foo' } } },
    { request: { headers: { foo: '2' } }, expect: status(/^inlay; fwd=vary-miss; fwd-status=200/) },
  ]),
  fetches({
    id: 'cache-status-request',
    says: 'what the request asked for was forwarded for its sake',
    kind: 'optimal',
    anchor: 'RFC 9211 2.2',
    headers: { 'cache-control': 'max-age=3600' },
    second: { headers: { 'cache-control': 'no-cache' } },
    expect: status(/^inlay; fwd=request; fwd-status=200/),
  }),
  told('method', 'a POST was forwarded for its method', '2.2', [
    { request: { method: 'POST', body: 'abc' }, expect: status(/^inlay; fwd=method; fwd-status=200/) },
  ]),
  told('while-revalidate', 'an answer while another revalidates is a hit, and stale', '2.4', [
    stored('max-age=2, stale-while-revalidate=60'),
    { turn: 5, answer: { headers: FRESH }, expect: { requests: 1, ...status(/^inlay; hit; ttl=-3(;|$)/) } },
  ]),
  told('if-error', 'an answer instead of an error is no hit: it was forwarded', '2.1', [
    stored('max-age=2, stale-if-error=60'),
    {
      turn: 5,
      answer: { status: 503 },
      expect: { requests: 1, body: '#1', ...status(/^inlay; fwd=stale; fwd-status=503/) },
    },
  ]),
  told('not-modified', 'a 304 from the cache is a hit', '2.1', [
    stored('max-age=3600'),
    {
      turn: 3,
      request: { headers: { 'if-none-match': '"a"' } },
      expect: { from: 'cache', status: 304, ...status(/^inlay; hit; ttl=3597/) },
    },
  ]),
  told('collapsed', 'who waited for the fetch of another says so', '2.6', [
    {
      answer: { headers: FRESH },
      meanwhile: [{ expect: status(/^inlay; fwd=uri-miss;.*; collapsed/) }],
      expect: { requests: 1, ...status(/^inlay; fwd=uri-miss; fwd-status=200; stored(?!; collapsed)/) },
    },
  ]),
  told('list', 'what caches before us said stays before what we say', '2', [
    {
      answer: { headers: { ...FRESH, 'cache-status': 'origin; hit; ttl=30' } },
      expect: status(/^origin; hit; ttl=30, inlay; fwd=uri-miss/),
    },
    { turn: 3, expect: { from: 'cache', ...status(/^origin; hit; ttl=30, inlay; hit/) } },
  ]),
];
