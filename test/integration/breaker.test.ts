import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sendRaw, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

const SOON = { timeout: 4_000, interval: 10 };
let origin: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    services: { web: origin.url },
    facades: { all: { routes: { '/*': 'web' } } },
    limits: { headTimeout: 150 },
  });
});

afterEach(async () => {
  await gateway.stop();
  await origin.stop();
});

test('clients that stall their own uploads do not make a healthy service count as down', async () => {
  origin.script('/ok', { body: 'ok', headers: { 'cache-control': 'no-store' } });
  origin.script('/form', { body: 'thanks' });
  const stalled = Array.from({ length: 5 }, () =>
    sendRaw(gateway.port, 'POST /form HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nabc'),
  );
  await vi.waitFor(() => {
    for (const { text } of stalled) expect(text()).not.toBe('');
  }, SOON);
  const { status, headers } = await gateway.get('/ok');
  for (const { socket } of stalled) socket.destroy();
  expect({ status, error: headers['inlay-error'] }).toEqual({ status: 200, error: undefined });
});

test('a stalled upload is no probe that keeps a healthy service shut', async () => {
  origin.script('/ok', { body: 'ok', headers: { 'cache-control': 'no-store' } });
  origin.script('/form', { body: 'thanks' });
  const stall = () => sendRaw(gateway.port, 'POST /form HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nabc');
  const open = Array.from({ length: 5 }, stall);
  await vi.waitFor(() => {
    for (const { text } of open) expect(text()).not.toBe('');
  }, SOON);
  // One attacker who asks more often than others ask gets each probe.
  const until = Date.now() + 4_000;
  const attack = setInterval(() => open.push(stall()), 20);
  const seen: number[] = [];
  while (Date.now() < until) {
    seen.push((await gateway.get('/ok')).status);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  clearInterval(attack);
  for (const { socket } of open) socket.destroy();
  expect(seen.filter((status) => status !== 200)).toEqual([]);
}, 10_000);
