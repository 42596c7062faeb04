import { expect, test } from 'vitest';
import { createBreaker } from '../../src/cache/breaker.ts';
import { InlayError } from '../../src/errors.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../src/runtime.ts';

async function* nothing(): AsyncGenerator<Uint8Array> {}

test('uploads that stall do not take every probe of a service that is back', async () => {
  let now = 0;
  let isBack = false;
  const origin = 'http://o';
  const breaker = createBreaker({ now: () => now, observe: () => {} }, [{ origin, breaker: true }]);
  const fetch = breaker(async (request) => {
    if (request.body !== undefined) return new Promise<UpstreamResponse>(() => {}); // its client sends no more of it
    if (!isBack) throw new InlayError('upstream-unreachable', 'down');
    return { status: 200, fields: [], body: nothing() };
  });
  const get = { origin, path: '/', method: 'GET', fields: [], headTimeout: 100 } as unknown as UpstreamRequest;
  const post = { ...get, method: 'POST', body: nothing() } as unknown as UpstreamRequest;
  for (let i = 0; i < 5; i++) await fetch(get).catch(() => undefined);
  isBack = true;
  const seen = new Set<string>();
  for (let second = 0; second < 60; second++) {
    now += 1_000;
    for (let i = 0; i < 10; i++) void fetch(post).catch(() => undefined);
    seen.add(
      await fetch(get).then(
        () => 'asked',
        ({ code }: InlayError) => code,
      ),
    );
  }
  expect([...seen]).toContain('asked');
});
