import { createServer } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ConfiguredServer, JETSTREAM, startConfigured } from '../support/nats-config.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { type Answer, type Origin, startOrigin } from '../support/origin.ts';
import { get, type RunningProxy, runCli, startProxy } from '../support/proxy.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/workers.test.ts: nats-server is not installed');

const SOON = { timeout: 10_000, interval: 50 };
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
});

async function stream(): Promise<ConfiguredServer> {
  const server = await startConfigured(JETSTREAM);
  cleanups.push(() => server.dispose());
  expect(await runCli(['nats', 'init', '--nats', server.url])).toMatchObject({ code: 0 });
  return server;
}

async function service(answer: () => Answer | Promise<Answer>): Promise<Origin> {
  const origin = await startOrigin();
  cleanups.push(() => origin.stop());
  origin.script('*', answer);
  return origin;
}

async function serveWorkers(nats: string, origin: string, count = 2): Promise<RunningProxy> {
  const proxy = await startProxy(['--origin', origin, '--nats', nats, '--workers', String(count)]);
  cleanups.push(() => proxy.stop());
  return proxy;
}

const pidsOf = (proxy: RunningProxy) => /(\d+) workers \(([\d, ]+)\)/.exec(proxy.said[0]!)![2]!.split(', ').map(Number);

/** Asks on a new connection each time, until both workers have answered from their stores; the bodies that came last. */
async function untilKept(proxy: RunningProxy, path: string, from = proxy.log.length): Promise<Set<string>> {
  const bodies = new Set<string>();
  await vi.waitFor(async () => {
    const { body } = await get(`${proxy.url}${path}`, { connection: 'close' });
    bodies.add(body);
    const hits = proxy.log.slice(from).filter(({ path: asked, cache }) => asked === path && /hit/.test(String(cache)));
    expect(new Set(hits.map(({ worker }) => worker)).size).toBe(2);
  }, SOON);
  return bodies;
}

describe.skipIf(!available)('inlay serve --workers', () => {
  test('shares its ports among processes, of which each hears every purge', async () => {
    const nats = await stream();
    let version = 1;
    const origin = await service(() => ({
      headers: { 'cache-control': 'max-age=600', 'surrogate-key': 'a' },
      body: `version ${version}`,
    }));
    const proxy = await serveWorkers(nats.url, origin.url);
    expect(pidsOf(proxy)).toHaveLength(2);
    expect(await untilKept(proxy, '/page')).toEqual(new Set(['version 1']));
    expect(origin.requests).toHaveLength(2);
    version = 2;
    const done = await runCli(['purge', '--tag', 'a', '--nats', nats.url, '--space', 'default', '--wait']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/number 1, applied by 2 of 2: /);
    for (const pid of pidsOf(proxy)) expect(done.stdout).toContain(`:${pid}`);
    expect(await untilKept(proxy, '/page')).toEqual(new Set(['version 2']));
    expect(origin.requests).toHaveLength(4);
    const health = JSON.parse((await get(`${proxy.adminUrl}/_inlay/ready`)).body) as object;
    expect(health).toMatchObject({ ready: true, purges: { state: 'live', durable: true, seq: 1, lag: 0 } });
  });

  test('answers while a worker that was killed is replaced', async () => {
    const nats = await stream();
    const origin = await service(() => ({ body: 'there' }));
    const proxy = await serveWorkers(nats.url, origin.url);
    const [first] = pidsOf(proxy) as [number];
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(proxy.said).toContain(`inlay: worker 1 (${first}) ended: SIGKILL`), SOON);
    for (let i = 0; i < 10; i++) expect((await get(proxy.url, { connection: 'close' })).status).toBe(200);
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay: worker 1 \(\d+\) listens$/), SOON);
    const { length } = proxy.log;
    await vi.waitFor(async () => {
      expect((await get(proxy.url, { connection: 'close' })).status).toBe(200);
      expect(new Set(proxy.log.slice(length).map(({ worker }) => worker))).toContain(1);
    }, SOON);
    const again = Number(/\((\d+)\) listens$/.exec(proxy.said.at(-1)!)?.[1]);
    process.kill(again, 'SIGKILL');
    await vi.waitFor(() => expect(proxy.said.at(-1)).toMatch(/^inlay: worker 1 \(\d+\) listens$/), SOON);
    await vi.waitFor(() => expect(proxy.said.at(-1)).not.toContain(`(${again})`), SOON);
    expect(proxy.said.filter((line) => line.endsWith('listens'))).toHaveLength(2); // each says it once
  });

  test('gives up when workers die again and again', async () => {
    const nats = await stream();
    const proxy = await serveWorkers(nats.url, 'http://127.0.0.1:1');
    const killed = new Set<number>();
    const kill = (pid: number) => {
      if (killed.has(pid)) return;
      killed.add(pid);
      process.kill(pid, 'SIGKILL');
    };
    for (const pid of pidsOf(proxy)) kill(pid);
    let code: number | null | undefined;
    void proxy.exit.then((exit) => {
      code = exit.code;
    });
    await vi.waitFor(
      () => {
        for (const line of proxy.said) {
          const [, pid] = /^inlay: worker \d+ \((\d+)\) listens$/.exec(line) ?? [];
          if (pid !== undefined) kill(Number(pid));
        }
        expect(code).toBe(1);
      },
      { timeout: 20_000, interval: 20 },
    );
    expect(proxy.said.at(-1)).toBe('inlay: 5 workers ended within 10 s: giving up');
    for (const pid of killed) expect(() => process.kill(pid, 0)).toThrow();
  });

  test('finishes what is under way in all workers, also if all are signalled at once', async () => {
    const nats = await stream();
    const answer = Promise.withResolvers<void>();
    const origin = await service(async () => {
      await answer.promise;
      return { body: 'finished' };
    });
    const proxy = await serveWorkers(nats.url, origin.url);
    const pids = pidsOf(proxy);
    const answers = Array.from({ length: 4 }, (_, i) => get(`${proxy.url}/${i}`, { connection: 'close' }));
    await vi.waitFor(() => expect(origin.requests).toHaveLength(4), SOON);
    for (const pid of pids) process.kill(pid, 'SIGINT');
    const exit = proxy.stop('SIGTERM');
    await vi.waitFor(async () => {
      const refused = await get(`${proxy.adminUrl}/_inlay/health`, { connection: 'close' }).then(
        () => false,
        () => true,
      );
      expect(refused).toBe(true);
    }, SOON);
    answer.resolve();
    for (const { body } of await Promise.all(answers)) expect(body).toBe('finished');
    expect(await exit).toEqual({ code: 0, signal: null });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  });

  test('says once what keeps all of them from starting', async () => {
    const nats = await stream();
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => holder.once('listening', done));
    const { port } = holder.address() as { port: number };
    try {
      const args = ['serve', '--origin', 'http://127.0.0.1:1', '--nats', nats.url, '--workers', '3'];
      const done = await runCli([...args, '--port', String(port), '--admin-port', '0']);
      expect(done.code).toBe(2);
      expect(done.stderr).toBe(
        `inlay: --port ${port} on 127.0.0.1 is in use: stop what listens there, or choose another`,
      );
    } finally {
      holder.close();
    }
  });

  test('leaves no worker behind when it is killed itself', async () => {
    const nats = await stream();
    const proxy = await serveWorkers(nats.url, 'http://127.0.0.1:1');
    process.kill(proxy.pid, 'SIGKILL');
    await vi.waitFor(() => {
      for (const pid of pidsOf(proxy)) expect(() => process.kill(pid, 0)).toThrow();
    }, SOON);
  });
});
