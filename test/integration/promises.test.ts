import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { cleanups, ESI, gate, sendRaw, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startWireOrigin } from '../support/wire-origin.ts';

// What visitors notice when something fails, in figures small enough for every run. In other files:
// a page with dead parts (failures), purges that overtake fetches (races), SIGTERM (drain), memory (bounds), a hundred
// clients that leave (streaming), time limits as they ship (attacks-limits).

const stack = cleanups();
afterEach(async () => {
  vi.useRealTimers();
  await stack.run();
});

const HTML = { 'content-type': 'text/html' };
const MINUTE = { ...HTML, 'cache-control': 'max-age=60' };
const SOON = { timeout: 5_000, interval: 5 };
const OK = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok';

async function setup(config: Partial<GatewayConfig> = {}, now?: () => number) {
  const origin = stack.add(await startOrigin());
  const gateway = stack.add(await startGateway({ services: { web: origin.url }, ...config }, now));
  return { origin, gateway };
}

const times = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a service that is down', () => {
  test('fails no page that is cached, or may be served stale, and is asked again when it is back', async () => {
    let origin = await startOrigin();
    stack.add({ stop: () => origin.stop() });
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    const script = (version: string) => {
      origin.script('/fresh', {
        headers: { ...ESI, 'cache-control': 'max-age=600' },
        body: `${version}<esi:include src="/stale"/>`,
      });
      origin.script('/stale', {
        headers: { ...HTML, 'cache-control': 'max-age=0, stale-if-error=600', etag: `"${version}"` },
        body: version,
      });
    };
    script('1');
    for (const path of ['/fresh', '/stale']) await gateway.get(path);
    await origin.stop();
    const answers = await Promise.all(times(200).map((i) => gateway.get(i % 2 === 0 ? '/fresh' : '/stale')));
    for (const [i, { status, text }] of answers.entries())
      expect([status, text]).toEqual([200, i % 2 === 0 ? '11' : '1']);
    const started = performance.now();
    expect((await gateway.get('/other')).status).toBeGreaterThanOrEqual(500);
    expect(performance.now() - started).toBeLessThan(4_000);
    origin = await startOrigin(origin.port);
    script('2');
    await vi.waitFor(async () => expect((await gateway.get('/stale')).text).toBe('2'), {
      timeout: 3_000,
      interval: 100,
    });
  });
});

describe('a service that is slow', () => {
  test('holds up the pages that wait for it and no others', async () => {
    const { origin, gateway } = await setup();
    const slow = gate();
    origin.script('/slow', async () => {
      await slow.passed;
      return { headers: HTML, body: 'slow' };
    });
    origin.script('/with', { headers: ESI, body: '<esi:include src="/slow"/>' });
    origin.script('/without', { headers: ESI, body: 'a<esi:include src="/quick"/>' });
    origin.script('/quick', { headers: HTML, body: 'quick' });
    let answered = 0;
    const waiting = times(20).map(() => gateway.get('/with').finally(() => answered++));
    await vi.waitFor(() => expect(origin.received('/slow').length).toBeGreaterThan(0), SOON);
    for (const other of await Promise.all(times(50).map(() => gateway.get('/without'))))
      expect(other.text).toBe('aquick');
    expect(answered).toBe(0);
    slow.open();
    for (const { text } of await Promise.all(waiting)) expect(text).toBe('slow');
  });
});

describe('a service that accepts and says nothing', () => {
  test('is a 504 at the limit for each who waits, and none of its connections is left', async () => {
    const origin = stack.add(await startWireOrigin(() => undefined));
    const gateway = stack.add(await startGateway({ services: { web: origin.url }, limits: { headTimeout: '300ms' } }));
    const answers = await Promise.all(times(30).map((i) => gateway.get(`/${i}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]));
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
  });
});

describe('a service that drips', () => {
  test.each([
    ['its head', 'HTTP/1.1 200 OK\r\nx: '],
    ['the body of a fragment', 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 10000\r\n\r\n'],
  ])('%s, byte by byte, has as long as a silent one', async (_, head) => {
    const origin = stack.add(
      await startWireOrigin(({ write, socket }) => {
        write(head);
        const timer = setInterval(() => write('x'), 20);
        socket.once('close', () => clearInterval(timer));
      }),
    );
    const web = stack.add(await startOrigin());
    web.script('/page', { headers: ESI, body: 'a<esi:include src="/drip" onerror="continue"/>b' });
    const gateway = stack.add(
      await startGateway({
        services: { web: web.url, parts: origin.url },
        facades: { all: { routes: { '/page': 'web', '/*': 'parts' } } },
        limits: { headTimeout: '300ms', fragmentTimeout: '300ms', pageTimeout: '8s' },
      }),
    );
    const started = performance.now();
    expect(await gateway.get('/page')).toMatchObject({ status: 200, complete: true, text: 'ab' });
    expect(performance.now() - started).toBeLessThan(4_000);
    await vi.waitFor(() => expect(origin.open).toBe(0), SOON);
  });
});

describe('a service that resets in the middle of a body', () => {
  test('is never a whole answer and never kept, a hundred times, as a page and as a fragment', async () => {
    const { origin, gateway } = await setup();
    const framings = [{ 'content-length': '10' }, {}];
    for (const [n, framing] of framings.entries())
      origin.script(`/cut/${n}`, { headers: { ...MINUTE, ...framing }, body: ['half', ''], reset: true });
    origin.script('/with', {
      headers: { ...ESI, 'cache-control': 'max-age=60' },
      body: 'a<esi:include src="/cut/1"/>b',
    });
    const paths = ['/cut/0', '/cut/1', '/with'];
    const answers = await Promise.all(times(100).map((i) => gateway.get(paths[i % 3]!)));
    expect(answers.filter(({ status, complete }) => status === 200 && complete)).toEqual([]);
    for (const n of [0, 1]) origin.script(`/cut/${n}`, { headers: MINUTE, body: 'whole' });
    expect((await Promise.all(paths.map((path) => gateway.get(path)))).map(({ text }) => text)).toEqual([
      'whole',
      'whole',
      'awholeb',
    ]);
  });
});

describe('a kept connection that closes as it is used again', () => {
  /** Answers the first request of each connection, and resets it when a second one comes. */
  const hasty = () => {
    const seen = new Set<number>();
    return startWireOrigin(({ connection, socket, write }) => {
      if (seen.has(connection)) socket.resetAndDestroy();
      else write(OK);
      seen.add(connection);
    });
  };

  test('fails no GET, one after the other', async () => {
    const origin = stack.add(await hasty());
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    for (const i of times(100)) expect((await gateway.get(`/${i}`)).status).toBe(200);
  });

  test('fails no GET when many of them are kept: what is repeated is sent on a fresh one', async () => {
    const origin = stack.add(await hasty());
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    const round = async () =>
      (await Promise.all(times(20).map((i) => gateway.get(`/${i}`)))).map(({ status }) => status);
    await round();
    for (let i = 0; i < 5; i++) expect((await gateway.get(`/single/${i}`)).status).toBe(200);
    expect(new Set(await round())).toEqual(new Set([200]));
  });

  test('repeats no POST', async () => {
    const origin = stack.add(await hasty());
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    const statuses = new Map<number, number>();
    for (const i of times(100)) {
      const { status } = await gateway.get(`/${i}`, { method: 'POST', body: 'x' });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const targets = origin.exchanges.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 502)).toEqual([]);
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('repeats no %s that a service may have acted on', async (method) => {
    const origin = stack.add(await hasty());
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    for (const i of times(20)) await gateway.get(`/${i}`, { method, body: 'x' });
    const targets = origin.exchanges.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
  });
});

describe('a stampede', () => {
  test.each([
    ['on a page that is not stored yet', MINUTE],
    ['on a page that is asked about each time', { ...HTML, 'cache-control': 'max-age=60', etag: '"1"' }],
  ])('of 500 %s is one or two requests to its service', async (_, headers) => {
    const { origin, gateway } = await setup();
    const held = gate();
    origin.script('/hot', async () => {
      await held.passed;
      return { headers, body: 'hot' };
    });
    const waiting = times(500).map(() => gateway.get('/hot'));
    await vi.waitFor(() => expect(origin.received('/hot').length).toBeGreaterThan(0), SOON);
    for (let i = 0; i < 5; i++) await gateway.get('/nothing');
    held.open();
    for (const { status, text } of await Promise.all(waiting)) expect([status, text]).toEqual([200, 'hot']);
    expect(origin.received('/hot').length).toBeLessThanOrEqual(2);
  });

  test('on a stale fragment of 200 different pages is one or two', async () => {
    let now = 1_000_000;
    const { origin, gateway } = await setup({}, () => now);
    origin.script('/part', { headers: { ...HTML, 'cache-control': 'max-age=10', etag: '"1"' }, body: 'part' });
    origin.script('*', { headers: { ...ESI, 'cache-control': 'max-age=600' }, body: '<esi:include src="/part"/>' });
    const pages = () => Promise.all(times(200).map((i) => gateway.get(`/page/${i}`)));
    await pages();
    now += 11_000;
    const before = origin.received('/part').length;
    for (const { text } of await pages()) expect(text).toBe('part');
    expect(origin.received('/part').length - before).toBeLessThanOrEqual(2);
  });
});

describe('a cache that is full', () => {
  const HOURS = { ...HTML, 'cache-control': 'max-age=36000' };
  /** A cache of 1 MiB, and seconds that pass between rounds: what is in use is marked as used once a second. */
  const full = async () => {
    let now = 1_000_000;
    const second = () => {
      now += 1_100;
    };
    return { ...(await setup({ cache: { maxSize: '1mb' } }, () => now)), second };
  };

  test('keeps what is asked for often while new URLs pass through, and its bound', async () => {
    const { origin, gateway, second } = await full();
    origin.script('*', { headers: HOURS, body: Buffer.alloc(8_000, 'x') });
    const hot = times(20).map((i) => `/hot/${i}`);
    for (const path of hot) await gateway.get(path);
    let asked = 0;
    for (let round = 0; round < 20; round++) {
      second();
      await Promise.all(times(50).map((i) => gateway.get(`/new?${round * 50 + i}`)));
      await Promise.all(hot.map((path) => gateway.get(path)));
      asked += hot.length;
      expect(gateway.node.runtime.store.size).toBeLessThanOrEqual(1024 ** 2);
    }
    const missed = origin.requests.filter(({ target }) => target.startsWith('/hot/')).length - hot.length;
    expect(1 - missed / asked).toBeGreaterThanOrEqual(0.9);
  });

  test.each(['large entries', 'long keys', 'many variants'])('is not emptied by %s', async (what) => {
    const { origin, gateway, second } = await full();
    const long = 'y'.repeat(7_000);
    origin.script('*', { headers: HOURS, body: 'x'.repeat(1_000) });
    origin.script('/varied', { headers: { ...HOURS, vary: 'x-variant' }, body: 'x' });
    origin.script('/large', { headers: HOURS, body: Buffer.alloc(900_000, 'x') });
    const attack = (n: number) => {
      if (what === 'large entries') return gateway.get(`/large?${n}`);
      if (what === 'long keys') return gateway.get(`/x?${n}${long}`);
      return gateway.get('/varied', { headers: { 'x-variant': `${n} ${long}` } });
    };
    const hot = times(20).map((i) => `/hot/${i}`);
    const askHot = () => Promise.all(hot.map((path) => gateway.get(path)));
    await askHot();
    for (let round = 0; round < 6; round++) {
      second();
      await Promise.all(times(20).map((i) => attack(round * 20 + i)));
      await askHot();
      expect(gateway.node.runtime.store.size).toBeLessThanOrEqual(1024 ** 2);
    }
    const missed = origin.requests.filter(({ target }) => target.startsWith('/hot/')).length - hot.length;
    expect(missed).toBeLessThanOrEqual(hot.length * 6 * 0.1);
  });
});

describe('clients that leave', () => {
  test('at every moment of a request leave no connection and nothing that waits', async () => {
    const origin = stack.add(
      await startWireOrigin(({ target, write }) => {
        if (target.startsWith('/head')) write('HTTP/1.1 200 OK\r\nx: ');
        if (target.startsWith('/body'))
          write(
            'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncache-control: max-age=60\r\ncontent-length: 99\r\n\r\nx',
          );
      }),
    );
    const gateway = stack.add(await startGateway({ services: { web: origin.url } }));
    for (const moment of ['/silent', '/head', '/body'])
      for (const shared of [true, false]) {
        const before = origin.exchanges.length;
        const clients = times(20).map(
          (i) => sendRaw(gateway.port, `GET ${moment}${shared ? '' : `?${i}`} HTTP/1.1\r\nhost: a\r\n\r\n`).socket,
        );
        await vi.waitFor(
          () => expect(origin.exchanges.length).toBeGreaterThanOrEqual(before + (shared ? 1 : 20)),
          SOON,
        );
        for (const socket of clients) socket.destroy();
        await vi.waitFor(() => expect([moment, shared, origin.open]).toEqual([moment, shared, 0]), SOON);
      }
    await gateway.node.idle(1_000);
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(6 * 20), SOON);
    expect(gateway.events.filter(({ type }) => type === 'internal')).toEqual([]);
  });
});

describe('a clock that jumps', () => {
  test.each([+1, -1])(
    'by %i h, as clocks of machines are set, expires nothing and keeps nothing alive',
    async (hours) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      const { origin, gateway } = await setup();
      let version = 0;
      origin.script('/kept', () => ({ headers: { ...MINUTE, date: new Date().toUTCString() }, body: `v${++version}` }));
      origin.script('/short', () => ({
        headers: { ...HTML, 'cache-control': 'max-age=1', date: new Date().toUTCString() },
        body: `v${++version}`,
      }));
      await gateway.get('/kept');
      await gateway.get('/short');
      vi.setSystemTime(Date.now() + hours * 3_600_000);
      const kept = await gateway.get('/kept');
      expect(kept.text).toBe('v1');
      expect(Number(kept.headers.age)).toBeLessThan(60);
      await vi.waitFor(async () => expect((await gateway.get('/short')).text).not.toBe('v2'), {
        timeout: 4_000,
        interval: 50,
      });
    },
  );

  test('is believed where it is the one of the gateway: what is over is over', async () => {
    let now = 1_000_000;
    const { origin, gateway } = await setup({}, () => now);
    origin.script('/kept', { headers: MINUTE, body: 'x' });
    for (const [at, asked] of [
      [0, 1],
      [59_000, 1],
      [61_000, 2],
      [3_600_000, 3],
    ] as const) {
      now = 1_000_000 + at;
      await gateway.get('/kept');
      expect([at, origin.received('/kept').length]).toEqual([at, asked]);
    }
  });
});
