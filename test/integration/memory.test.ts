import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { FILLINGS } from '../support/fillings.ts';
import { cleanups, startGateway } from '../support/gateway.ts';
import type { Measured } from '../support/memory-process.ts';
import { startOrigin } from '../support/origin.ts';

const MB = 1024 ** 2;
const BOUND = 24 * MB;
/**
 * What a process takes beside what it keeps, once it is busy: measured were up to 140 MB, with bounds of 32 and of
 * 128 MB. It is the
 * heap's young generation (up to 64 MB, and as much in pages that V8 holds back for it) and what malloc does not give back.
 */
const BASE = 192 * MB;
const PROGRAM = fileURLToPath(new URL('../support/memory-process.ts', import.meta.url));

async function measure(filling: string): Promise<Measured> {
  const child = spawn(process.execPath, ['--expose-gc', PROGRAM, filling, String(BOUND)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return JSON.parse(printed) as Measured;
}

describe('a cache that was written through several times', () => {
  test.concurrent.each(Object.keys(FILLINGS))('holds no more than its bound: %s', async (filling) => {
    const { counted, live, resident } = await measure(filling);
    expect(counted).toBeGreaterThan(0.8 * BOUND);
    expect(counted).toBeLessThanOrEqual(BOUND);
    expect(live).toBeLessThanOrEqual(1.15 * BOUND);
    expect(resident).toBeLessThanOrEqual(1.3 * BOUND + BASE);
  });
});

describe('an answer in flight', () => {
  const stack = cleanups();
  afterEach(stack.run);

  test('reaches its client whole though what it is made of was pushed out of the cache', async () => {
    const origin = stack.add(await startOrigin());
    const config = { services: { web: origin.url }, cache: { maxSize: 64 * MB }, limits: { pageSize: 8 * MB } };
    const gateway = stack.add(await startGateway(config));
    const bodyOf = (page: number) => Buffer.alloc(7 * MB, `${page} is a page of its own; `);
    for (let page = 0; page < 12; page++)
      origin.script(`/${page}`, { headers: { 'cache-control': 'max-age=600' }, body: bodyOf(page) });
    await gateway.get('/0');
    const { store } = gateway.node.runtime;
    const client = connect({ host: '127.0.0.1', port: gateway.port }).pause();
    client.write(`GET /0 HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\nconnection: close\r\n\r\n`);
    await once(client, 'readable');
    for (let page = 1; page < 12; page++) await gateway.get(`/${page}`);
    expect(store.size).toBeLessThanOrEqual(64 * MB);
    const chunks: Buffer[] = [];
    for await (const chunk of client) chunks.push(chunk as Buffer);
    expect(
      Buffer.concat(chunks)
        .subarray(-7 * MB)
        .equals(bodyOf(0)),
    ).toBe(true);
    await gateway.get('/0');
    expect(origin.received('/0')).toHaveLength(2); // it had been pushed out indeed
  });
});
