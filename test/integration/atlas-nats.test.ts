import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort, type NatsServer, natsServerAvailable, publishRaw, startNatsServer } from '../support/nats-server.ts';
import {
  type Atlas,
  atlasEnv,
  get,
  type LogLine,
  putCountry,
  type RunningProxy,
  runCli,
  startAtlas,
  startProxy,
} from '../support/proxy.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/atlas-nats.test.ts: nats-server is not installed');

/** Ms in which anything here must happen; a hanging server is noticed after three pings of a second. */
const SOON = { timeout: 10_000, interval: 10 };

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const purges = (proxy: RunningProxy) => proxy.log.filter((line) => line.type === 'purge');
const last = (lines: readonly LogLine[]) => lines.at(-1);

async function ready(proxy: RunningProxy): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status, body } = await get(`${proxy.adminUrl}/_inlay/ready`);
  return { status, body: JSON.parse(body) as Record<string, unknown> };
}

const untilReady = (proxy: RunningProxy, status: number) =>
  vi.waitFor(async () => expect((await ready(proxy)).status).toBe(status), SOON);

describe.skipIf(!available)('Atlas with NATS', () => {
  let nats: NatsServer;
  let atlas: Atlas;
  beforeAll(async () => {
    nats = await startNatsServer();
    atlas = await startAtlas({ nats: nats.url, count: 2 });
    await Promise.all(atlas.proxies.map((proxy) => untilReady(proxy, 200)));
  });
  afterAll(async () => {
    await atlas?.stop();
    await nats?.kill();
  });

  test('a change shows on the next page within a second of the answer to it, and only that country is fetched again', async () => {
    const { proxy } = atlas;
    const page = `${proxy.url}/country/FRA`;
    const took: number[] = [];
    for (let round = 1; round <= 20; round++) {
      await get(page);
      await atlas.requestsAt('catalogue');
      const capital = `Capital ${round}`;
      await putCountry(atlas, 'FRA', { capital });
      const answered = performance.now();
      await vi.waitFor(async () => expect((await get(page)).body).toContain(`<dd>${capital}</dd>`), {
        timeout: 1_000,
        interval: 1,
      });
      took.push(performance.now() - answered);
      expect(await atlas.requestsAt('catalogue')).toEqual([
        'GET /entities/countries?codes=FRA 1 code',
        'GET /fragments/country-facts/FRA',
        'GET /fragments/country-names?codes=FRA 1 code',
        'PUT /countries/FRA',
      ]);
    }
    took.sort((a, b) => a - b);
    const [median = 0, slowest = 0] = [took[took.length / 2], took.at(-1)];
    console.log(`PUT answered -> next page shows it: median ${median.toFixed(1)} ms, slowest ${slowest.toFixed(1)} ms`);
    expect(median).toBeLessThan(1_000);
    expect(last(purges(proxy))).toMatchObject({ mode: 'hard', from: expect.stringContaining('atlas.country.') });
  });

  test('a change reaches every proxy, once', async () => {
    for (const proxy of atlas.proxies) await get(`${proxy.url}/country/JPN`);
    const before = atlas.proxies.map((proxy) => purges(proxy).length);
    await putCountry(atlas, 'JPN', { capital: 'Kyoto' });
    for (const proxy of atlas.proxies) {
      await vi.waitFor(async () => {
        expect((await get(`${proxy.url}/country/JPN`)).body).toContain('<dd>Kyoto</dd>');
      }, SOON);
    }
    expect(atlas.proxies.map((proxy) => purges(proxy).length)).toEqual(before.map((count) => count + 1));
  });

  test('inlay purge --nats drops what has the tag, in every proxy, and says what it did', async () => {
    for (const proxy of atlas.proxies) {
      await get(`${proxy.url}/country/DEU`);
      await get(`${proxy.url}/country/AUT`);
    }
    await atlas.requestsAt('catalogue');
    const done = await runCli(['purge', '--tag', 'country:DEU', '--nats', nats.url]);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(
      new RegExp(`^purged tag country:DEU in space atlas: published on ${nats.url} as \\S+; no stream keeps it: `),
    );
    for (const proxy of atlas.proxies) {
      await vi.waitFor(() => expect(last(purges(proxy))).toMatchObject({ from: 'nats inlay.purge.atlas' }), SOON);
      await get(`${proxy.url}/country/DEU`);
      expect(await atlas.requestsAt('catalogue')).toEqual([
        'GET /entities/countries?codes=DEU 1 code',
        'GET /fragments/country-facts/DEU',
        'GET /fragments/country-names?codes=DEU 1 code',
      ]);
      await get(`${proxy.url}/country/AUT`); // Germany is among its neighbours
      expect(await atlas.requestsAt('catalogue')).toEqual(['GET /fragments/country-cards?codes=DEU 1 code']);
    }
  });

  test('a purge by the admin listener of one proxy reaches the other', async () => {
    const [one, two] = atlas.proxies as [RunningProxy, RunningProxy];
    await get(`${two.url}/country/PER`);
    await atlas.requestsAt('catalogue');
    const done = await runCli(['purge', '--tag', 'country:PER', '--admin', one.adminUrl]);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(
      /^purged tag country:PER in space atlas: number \d+, reaches every instance of the space that is connected now$/,
    );
    await vi.waitFor(async () => {
      await get(`${two.url}/country/PER`);
      expect(await atlas.requestsAt('catalogue')).toContain('GET /fragments/country-facts/PER');
    }, SOON);
  });

  test('an event of another kind of subject purges nothing', async () => {
    const { proxy } = atlas;
    await get(`${proxy.url}/country/EST`);
    const before = purges(proxy).length;
    await publishRaw(nats.port, 'atlas.country.EST.seen', '{}');
    await publishRaw(nats.port, 'atlas.country.LVA.changed', 'not even JSON');
    await vi.waitFor(() => expect(purges(proxy)).toHaveLength(before + 1), SOON);
    await atlas.requestsAt('catalogue');
    await get(`${proxy.url}/country/EST`);
    expect(await atlas.requestsAt('catalogue')).not.toContain('GET /fragments/country-facts/EST');
  });

  // The last: what cannot be read makes everything stale, and once more a moment later.
  test('messages that are no purges are logged and make everything suspect, and nothing crashes', async () => {
    const { proxy } = atlas;
    await get(`${proxy.url}/country/FIN`);
    const logged = proxy.log.length;
    const malformed = ['', '{', 'null', '[]', '{"v":2}', '{"v":1,"id":"x","tags":[7]}', '\u0000\u001b[31m', '{"v":1}'];
    await publishRaw(nats.port, 'inlay.purge.atlas', ...malformed, 'x'.repeat(70_000));
    const rejected = await vi.waitFor(() => {
      const lines = proxy.log.slice(logged).filter((line) => line.type === 'purge-rejected');
      expect(lines.length).toBeGreaterThan(0);
      return lines;
    }, SOON);
    for (const line of rejected) {
      expect(line).toMatchObject({ level: 'error', code: 'purge-invalid', from: 'nats inlay.purge.atlas' });
    }
    const page = await get(`${proxy.url}/country/FIN`);
    expect(page.status).toBe(200);
    expect(page.body).toContain('<h1>Finland</h1>');
    expect((await ready(proxy)).status).toBe(200);
    await putCountry(atlas, 'FIN', { capital: 'Turku' });
    await vi.waitFor(async () => {
      expect((await get(`${proxy.url}/country/FIN`)).body).toContain('<dd>Turku</dd>');
    }, SOON);
  });
});

describe.skipIf(!available)('when NATS is lost', () => {
  let nats: NatsServer;
  let atlas: Atlas;
  beforeAll(async () => {
    nats = await startNatsServer();
    atlas = await startAtlas({ nats: nats.url });
    await untilReady(atlas.proxy, 200);
  });
  afterAll(async () => {
    await atlas?.stop();
    await nats?.kill();
  });

  test('pages are served and say unsynced, readiness is red, and after it is back nothing older counts as fresh', async () => {
    const { proxy } = atlas;
    const page = `${proxy.url}/region/Antarctic`;
    await get(page);
    expect((await get(page)).headers.get('cache-status')).not.toContain('unsynced');

    await nats.kill();
    await untilReady(proxy, 503);
    expect((await ready(proxy)).body).toMatchObject({
      ready: false,
      reasons: [expect.stringContaining('NATS')],
      purges: { connected: false, synced: false },
    });
    const alone = await get(page);
    expect(alone.status).toBe(200);
    expect(alone.body).toContain('>Antarctica</a>');
    expect(alone.headers.get('cache-status')).toContain('unsynced');
    const ttl = /; ttl=(-?\d+)/.exec(alone.headers.get('cache-status') ?? '')?.[1];
    if (ttl !== undefined) expect(Number(ttl)).toBeLessThanOrEqual(30); // it is not fresh for longer
    expect((await get(`${proxy.adminUrl}/_inlay/health`)).status).toBe(200);

    // A change that nobody hears of: the catalogue says so, and repeats nothing.
    const unheard = await fetch(`${atlas.services.urls.catalogue}/countries/ATA`, {
      method: 'PUT',
      body: JSON.stringify({ official: 'Antarctic Treaty Area', name: 'Antarctis' }),
    });
    expect(unheard.status).toBe(502);
    expect(await unheard.json()).toMatchObject({ announced: false, reason: expect.stringContaining('NATS') });

    await nats.restart();
    await untilReady(proxy, 200);
    const after = await get(page);
    expect(after.body, 'what may have been purged meanwhile is asked for again').toContain('>Antarctis</a>');
    const again = await get(page);
    expect(again.headers.get('cache-status')).toMatch(/inlay; hit;/);
    expect(again.headers.get('cache-status')).not.toContain('unsynced');

    await putCountry(atlas, 'ATA', { name: 'Antarctica' });
    await vi.waitFor(async () => expect((await get(page)).body).toContain('>Antarctica</a>'), SOON);
    expect(proxy.log.filter((line) => line.type === 'bus').map((line) => line.state)).toEqual(
      expect.arrayContaining(['connected', 'disconnected']),
    );
  });

  test('purges by the admin listener are refused rather than lost', async () => {
    const { proxy } = atlas;
    await nats.kill();
    await untilReady(proxy, 503);
    const done = await runCli(['purge', '--all', '--admin', proxy.adminUrl]);
    expect(done.code).toBe(1);
    expect(done.stderr).toMatch(/^inlay: \S+ answered 503: .*not connected to NATS/);
    await nats.restart();
    await untilReady(proxy, 200);
  });

  test('a proxy started without it waits less than 2 s for it, serves, and is ready once it is there', async () => {
    const port = await freePort();
    const earlier = performance.now();
    await (await startProxy(['--config', 'inlay.config.ts'], { env: atlasEnv(atlas.services) })).stop('SIGINT');
    const began = performance.now();
    const usual = began - earlier; // what a busy machine takes to start Node
    const proxy = await startProxy(['--config', 'inlay.config.ts', '--nats', `nats://127.0.0.1:${port}`], {
      env: atlasEnv(atlas.services),
    });
    const took = performance.now() - began;
    let late: NatsServer | undefined;
    try {
      console.log(`listening without NATS after ${took.toFixed(0)} ms, process start included`);
      expect(took - usual).toBeLessThan(2_000);
      expect(proxy.said.join('\n')).toContain('not connected yet');
      const page = await get(`${proxy.url}/country/FRA`);
      expect(page.status).toBe(200);
      expect(page.body).toContain('<h1>France</h1>');
      expect(page.headers.get('cache-status')).toContain('unsynced');
      expect((await ready(proxy)).status).toBe(503);
      late = await startNatsServer({ port });
      await untilReady(proxy, 200);
    } finally {
      await proxy.stop('SIGINT');
      await late?.kill();
    }
  });
});
