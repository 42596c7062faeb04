import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Got, get, type RunningProxy, startProxy } from '../support/proxy.ts';

/** Ms in which anything here must happen. */
const SOON = { timeout: 8_000, interval: 10 };
const REQUESTS = 20;

/** Answers `/quick`, and `/page` at once with an include of `/slow?…`, and those when it is told to. */
const held: ServerResponse[] = [];
const origin = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  if (request.url?.startsWith('/slow')) return void held.push(response);
  if (request.url === '/quick') return void response.end('<p>quick</p>');
  response.setHeader('surrogate-control', 'content="ESI/1.0"');
  response.end(`<p>head</p><esi:include src="/slow${request.url?.slice(5)}"/><p>tail</p>`);
});

function release(): void {
  for (const response of held.splice(0)) response.end('<p>slow</p>');
}

describe('a proxy with requests under way', () => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    await new Promise<void>((done) => origin.listen(0, '127.0.0.1', done));
  });
  afterAll(() => {
    origin.closeAllConnections();
    origin.close();
  });
  beforeEach(async () => {
    proxy = await startProxy(['--origin', `http://127.0.0.1:${(origin.address() as AddressInfo).port}`]);
  });
  afterEach(async () => {
    release();
    await proxy.stop('SIGKILL');
  });

  /** Half of them are plain slow answers, half are pages whose head has left already. */
  async function underWay(): Promise<{ readonly ends: Promise<PromiseSettledResult<Got>[]> }> {
    const ends = Promise.allSettled(
      Array.from({ length: REQUESTS }, (_, n) => get(`${proxy.url}${n % 2 === 0 ? `/slow?n=${n}` : `/page?n=${n}`}`)),
    );
    await vi.waitFor(() => expect(held).toHaveLength(REQUESTS), SOON);
    return { ends };
  }

  function expectFinished(ends: readonly PromiseSettledResult<Got>[]): void {
    for (const [n, end] of ends.entries()) {
      const body = n % 2 === 0 ? '<p>slow</p>' : '<p>head</p><p>slow</p><p>tail</p>';
      expect(end).toMatchObject({ status: 'fulfilled', value: { status: 200, body } });
    }
  }

  const refusesConnections = () =>
    vi.waitFor(async () => {
      const outcome = await get(`${proxy.url}/quick`).then(
        () => 'accepted',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(outcome).toBe('ECONNREFUSED');
    }, SOON);

  test('that gets SIGTERM is not ready at once, finishes all of them, refuses new ones after its grace, and ends with 0', async () => {
    const { ends } = await underWay();
    const slow = held.splice(0);
    process.kill(proxy.pid, 'SIGTERM');
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay stops \(SIGTERM\)/), SOON);
    const ready = await get(`${proxy.adminUrl}/_inlay/ready`);
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.body)).toMatchObject({ ready: false, reasons: ['draining'] });

    const during = get(`${proxy.url}/slow?n=during`);
    await vi.waitFor(() => expect(held).toHaveLength(1), SOON);
    release();
    expect((await during).body, 'load balancers that have not noticed yet are still served').toBe('<p>slow</p>');

    await refusesConnections();
    for (const response of slow) response.end('<p>slow</p>');
    expectFinished(await ends);
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
    expect(proxy.log.filter((line) => line.level === 'error')).toEqual([]);
    expect(proxy.log.filter((line) => line.msg === 'request' && line.status === 200).length).toBeGreaterThanOrEqual(
      REQUESTS + 1,
    );
  });

  test('that gets SIGINT refuses new ones without a grace, and finishes all of them', async () => {
    const { ends } = await underWay();
    const slow = held.splice(0);
    process.kill(proxy.pid, 'SIGINT');
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay stops \(SIGINT\)/), SOON);
    await refusesConnections();
    for (const response of slow) response.end('<p>slow</p>');
    expectFinished(await ends);
    expect(await proxy.exit).toEqual({ code: 0, signal: null });
  });

  test('ends with the last of them, and does not wait for connections that their clients keep', async () => {
    const { ends } = await underWay();
    process.kill(proxy.pid, 'SIGINT');
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay stops/), SOON);
    release();
    expectFinished(await ends);
    const answered = performance.now();
    await proxy.exit;
    expect(performance.now() - answered).toBeLessThan(2_000);
  });

  test('that is told twice ends at once, with 1', async () => {
    const { ends } = await underWay();
    process.kill(proxy.pid, 'SIGTERM');
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay stops/), SOON);
    process.kill(proxy.pid, 'SIGINT');
    expect(await proxy.exit).toEqual({ code: 1, signal: null });
    expect((await ends).every((end) => end.status === 'rejected')).toBe(true);
  });

  test('that has none ends soon after its grace, kept-alive connections notwithstanding', async () => {
    const answer = get(`${proxy.url}/slow?n=1`);
    await vi.waitFor(() => expect(held).toHaveLength(1), SOON);
    release();
    await answer;
    const began = performance.now();
    expect(await proxy.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
