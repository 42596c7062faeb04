import { expect, test } from 'vitest';
import { createBreaker } from '../../../src/cache/breaker.ts';
import { type ErrorCode, InlayError } from '../../../src/errors.ts';
import type { InlayEvent, UpstreamRequest, UpstreamResponse } from '../../../src/runtime.ts';

const ORIGIN = 'http://a.example';
const request: UpstreamRequest = { method: 'GET', origin: ORIGIN, path: '/x', fields: [], headTimeout: 5_000 };
const response = (status: number): UpstreamResponse => ({ status, fields: [], body: (async function* () {})() });

/** A breaker on a clock that the test turns, before a fetch whose ends it decides. */
function setup(services = [{ origin: ORIGIN, breaker: true }]) {
  const clock = { now: Date.UTC(2026, 0, 1) };
  const events: InlayEvent[] = [];
  const pending: PromiseWithResolvers<UpstreamResponse>[] = [];
  const guard = createBreaker({ now: () => clock.now, observe: (event) => void events.push(event) }, services);
  const fetch = guard(() => {
    const asked = Promise.withResolvers<UpstreamResponse>();
    pending.push(asked);
    return asked.promise;
  });
  /** Asks; its end is a status or a code. */
  const ask = (more: Partial<UpstreamRequest> = {}) =>
    fetch({ ...request, ...more }).then(
      ({ status }) => status,
      (error: InlayError) => error.code,
    );
  /** Ends the oldest request that was let through. */
  const end = (how: number | ErrorCode) => {
    const asked = pending.shift()!;
    if (typeof how === 'number') asked.resolve(response(how));
    else asked.reject(new InlayError(how, 'no'));
  };
  const run = (how: number | ErrorCode) => {
    const ended = ask();
    if (pending.length > 0) end(how);
    return ended;
  };
  const fail = async (times: number, how: ErrorCode = 'upstream-unreachable') => {
    for (let i = 0; i < times; i++) await run(how);
  };
  return { clock, events, pending, guard, fetch, ask, end, run, fail };
}

test.each<ErrorCode>(['upstream-unreachable', 'upstream-reset', 'upstream-timeout'])(
  'five times %s in a row, and an origin is not asked any more',
  async (code) => {
    const { run, fail, ask, pending } = setup();
    await fail(4, code);
    expect(await run(code)).toBe(code);
    expect(await ask()).toBe('upstream-open');
    expect(pending).toEqual([]);
  },
);

test.each<[string, number | ErrorCode]>([
  ['a client that left', 'client-closed'],
  ['an answer that cannot be read', 'upstream-protocol'],
  ['a line that is full', 'overloaded'],
  ['a request body that is too large', 'body-too-large'],
])('%s is no failure of an origin', async (_name, how) => {
  const { run, fail } = setup();
  for (let i = 0; i < 20; i++) expect(await run(how)).toBe(how);
  await fail(4);
  expect(await run(how)).toBe(how);
});

test('any answer in between, were it a 500, starts the count anew', async () => {
  const { run, fail } = setup();
  await fail(4);
  expect(await run(500)).toBe(500);
  await fail(4);
  expect(await run(200)).toBe(200);
});

test('requests that fail say nothing of an origin that has answered another since they were sent', async () => {
  const { ask, end, run, pending } = setup();
  const slow = Array.from({ length: 6 }, () => ask());
  const quick = ask();
  pending.pop()!.resolve(response(200));
  expect(await quick).toBe(200);
  for (let i = 0; i < 6; i++) end('upstream-timeout');
  expect(await Promise.all(slow)).toEqual(Array.from({ length: 6 }, () => 'upstream-timeout'));
  expect(await run(200)).toBe(200);
});

test('one request a second probes, and only one at a time, however long it takes', async () => {
  const { clock, fail, ask, end, run, pending } = setup();
  await fail(5);
  clock.now += 999;
  expect(await ask()).toBe('upstream-open');
  clock.now += 1;
  const probe = ask();
  expect(await ask()).toBe('upstream-open');
  clock.now += 3_000;
  expect(await ask()).toBe('upstream-open');
  expect(pending).toHaveLength(1);
  end('upstream-timeout');
  expect(await probe).toBe('upstream-timeout');
  expect(await run('upstream-unreachable')).toBe('upstream-unreachable');
  expect(await ask()).toBe('upstream-open');
});

test('a probe whose client left is followed by another a second after it', async () => {
  const { clock, fail, ask, run } = setup();
  await fail(5);
  clock.now += 1_000;
  expect(await run('client-closed')).toBe('client-closed');
  expect(await ask()).toBe('upstream-open');
  clock.now += 1_000;
  expect(await run(200)).toBe(200);
});

test('a probe that is never heard of again does not keep the circuit open', async () => {
  const { clock, fail, ask, end } = setup();
  await fail(5);
  clock.now += 1_000;
  void ask();
  clock.now += request.headTimeout + 1_000;
  const next = ask();
  end('client-closed');
  end(200);
  expect(await next).toBe(200);
});

test('the first answer closes the circuit, also that of a request from before it opened', async () => {
  const { fail, ask, end, run, pending } = setup();
  const early = ask();
  const [first] = pending.splice(0);
  await fail(5);
  expect(await ask()).toBe('upstream-open');
  first!.resolve(response(503));
  expect(await early).toBe(503);
  expect(await run(200)).toBe(200);
  const [a, b] = [ask(), ask()];
  end(200);
  end(200);
  expect([await a, await b]).toEqual([200, 200]);
});

test('what is refused says since when and why, and what happened is told once', async () => {
  const { clock, events, fail, fetch, run } = setup();
  await fail(5);
  clock.now += 500;
  await expect(fetch(request)).rejects.toMatchObject({
    code: 'upstream-open',
    status: 503,
    path: 'http://a.example/x',
    message:
      'http://a.example has not been asked since 2026-01-01T00:00:00.000Z: 5 failures in a row, the last of them upstream-unreachable: no',
  });
  clock.now += 500;
  await run('upstream-reset');
  clock.now += 1_000;
  await run(200);
  expect(events).toEqual([
    {
      type: 'breaker',
      origin: ORIGIN,
      state: 'open',
      detail: '5 failures in a row, the last of them upstream-unreachable: no',
    },
    { type: 'breaker', origin: ORIGIN, state: 'closed', detail: 'answered again after 2000 ms' },
  ]);
});

test('origins do not stand for each other; one that is not to be guarded, or not configured, is always asked', async () => {
  const { fail, ask, end } = setup([
    { origin: ORIGIN, breaker: true },
    { origin: 'http://b.example', breaker: true },
    { origin: 'http://c.example', breaker: true },
    { origin: 'http://c.example', breaker: false },
  ]);
  await fail(5);
  expect(await ask()).toBe('upstream-open');
  for (const origin of ['http://c.example', 'http://d.example'])
    for (let i = 0; i < 7; i++) {
      const asked = ask({ origin });
      end('upstream-unreachable');
      expect(await asked).toBe('upstream-unreachable');
    }
  const other = ask({ origin: 'http://b.example' });
  end(200);
  expect(await other).toBe(200);
});

test('requests that share a circuit may each have a fetch of their own, as at the edge', async () => {
  const { guard, fail } = setup();
  await fail(5);
  const own = guard(async () => response(200));
  await expect(own(request)).rejects.toMatchObject({ code: 'upstream-open' });
});
