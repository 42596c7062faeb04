import { afterEach, describe, expect, test, vi } from 'vitest';
import { cleanups, ESI, ESI_JSON, gate, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };
const SOON = { timeout: 5_000, interval: 5 };

/** A page service and a fragment service that can be stopped, and a gateway with definitions for the latter. */
async function setup(limits: object = {}) {
  const web = stack.add(await startOrigin());
  let parts = await startOrigin();
  stack.add({ stop: () => parts.stop() });
  const gateway = stack.add(
    await startGateway({
      services: { web: web.url, parts: { url: parts.url, timeout: '1s' } },
      facades: { all: { routes: { '/p/*': 'parts', '/*': 'web' } } },
      fragments: [
        {
          name: 'card',
          path: '/card/{id}',
          service: 'parts',
          scope: 'public',
          ttl: 0,
          staleIfError: '1d',
          timeout: '400ms',
        },
        {
          name: 'fact',
          path: '/fact/{id}',
          service: 'parts',
          scope: 'public',
          ttl: '1m',
          timeout: '400ms',
          fallback: '<p>later</p>',
        },
        { name: 'slow', path: '/slow/{id}', service: 'parts', scope: 'public', timeout: '150ms', fallback: '-' },
      ],
      limits,
    }),
  );
  return {
    web,
    gateway,
    get parts() {
      return parts;
    },
    kill: () => parts.stop(),
    revive: async () => {
      parts = await startOrigin(parts.port);
      return parts;
    },
  };
}

describe('a dead service', () => {
  test('leaves pages that answer 200 with stale and fallback parts, and says so everywhere', async () => {
    const { web, gateway, parts, kill, revive } = await setup();
    web.script('/', {
      headers: { ...ESI, 'cache-control': 'max-age=60' },
      body: '<h1>x</h1><esi:include src="/card/1"/>|<esi:include src="/fact/1"/>',
    });
    parts.script('/card/1', { headers: { ...HTML, etag: '"1"' }, body: 'CARD' });
    parts.script('/fact/1', { status: 503, body: 'SECRET' });
    expect((await gateway.get('/')).text).toBe('<h1>x</h1>CARD|<p>later</p>');
    await kill();
    const down = await gateway.get('/');
    expect({ status: down.status, text: down.text }).toEqual({ status: 200, text: '<h1>x</h1>CARD|<p>later</p>' });
    await vi.waitFor(() => expect(gateway.records()).toHaveLength(2), SOON);
    const record = gateway.records().at(-1)!;
    expect(record.parts).toEqual({ stale: 1, failed: 1 });
    expect(record.errors).toHaveLength(2);
    for (const error of record.errors) expect(error).toContain('upstream-unreachable');

    const back = await revive();
    back.script('/card/1', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'BACK' });
    back.script('/fact/1', { headers: HTML, body: 'FACT' });
    expect((await gateway.get('/')).text).toBe('<h1>x</h1>BACK|FACT');
  });

  test('is told in the head of a page that is held until its parts are known', async () => {
    const { web, gateway, parts, kill } = await setup();
    web.script('/', {
      headers: { ...ESI_JSON, 'cache-control': 'max-age=60' },
      body: '[{"esi:include":{"type":"card","id":1}},{"esi:include":{"src":"/p/x"}}]',
    });
    parts.script('/card/1', { headers: { ...HTML, etag: '"1"' }, body: '{"a":1}' });
    await gateway.get('/');
    await kill();
    const { status, text, headers } = await gateway.get('/');
    expect({ status, text }).toEqual({ status: 200, text: '[{"a":1},null]' });
    expect(headers['inlay-errors']).toBe('2');
    expect(headers['cache-status']).toMatch(/detail="stale=1 failed=1"/);
    expect(headers['cache-control']).toMatch(/^max-age=[01]$/);
    expect(headers.etag).toBeUndefined();
  });

  test('answers 502 for its own pages, and never with a message or a stack', async () => {
    const { gateway, kill } = await setup();
    await kill();
    const { status, text, headers } = await gateway.get('/p/x');
    expect(status).toBe(502);
    expect(text).toBe(`502 upstream-unreachable\nrequest ${headers['x-request-id']}\n`);
    expect(JSON.stringify(headers)).not.toMatch(/ECONNREFUSED|127\.0\.0\.1|\.ts/);
    await vi.waitFor(() => expect(gateway.records().at(-1)).toMatchObject({ status: 502 }), SOON);
    expect(gateway.records().at(-1)?.error).toContain('ECONNREFUSED');
  });

  test('leaves its own page to a stale copy within stale-if-error', async () => {
    const { gateway, parts, kill } = await setup();
    parts.script('/p/x', {
      headers: { ...HTML, 'cache-control': 'max-age=0, stale-if-error=60', etag: '"1"' },
      body: 'old',
    });
    await gateway.get('/p/x');
    parts.script('/p/x', { status: 503, body: 'broken' });
    expect(await gateway.get('/p/x')).toMatchObject({ status: 200, text: 'old' });
    await kill();
    expect(await gateway.get('/p/x')).toMatchObject({ status: 200, text: 'old' });
  });

  test('leaves no stale copy where must-revalidate forbids it', async () => {
    const { gateway, parts, kill } = await setup();
    parts.script('/p/x', {
      headers: { ...HTML, 'cache-control': 'max-age=0, must-revalidate', etag: '"1"' },
      body: 'old',
    });
    await gateway.get('/p/x');
    await kill();
    expect((await gateway.get('/p/x')).status).toBe(502);
  });
});

describe('a fragment that breaks off', () => {
  const breakages = {
    'with a short Content-Length': { body: 'HALF', truncate: true },
    'by a reset in the middle of a chunked body': { body: ['HA', 'LF'], pause: 5, reset: true },
    'with a malformed chunk': {
      raw: 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n4\r\nHALF\r\nZZ\r\n',
    },
    'in the middle of its head': { raw: 'HTTP/1.1 200 OK\r\ncontent-type: text/ht' },
    'with two different lengths': { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nHALF!' },
    'with a length and chunks': {
      raw: 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nHALF\r\n0\r\n\r\n',
    },
    'with something that is no HTTP': { raw: 'SSH-2.0-OpenSSH_9.2\r\n' },
  };
  for (const [how, answer] of Object.entries(breakages)) {
    test(`${how} is neither spliced nor cached`, async () => {
      const { web, gateway, parts } = await setup();
      web.script('/', { headers: ESI, body: 'a<esi:include src="/p/f" onerror="continue"/>b' });
      parts.script('/p/f', { headers: { ...HTML, 'cache-control': 'max-age=60' }, ...answer });
      for (let i = 0; i < 2; i++) expect(await gateway.get('/')).toMatchObject({ status: 200, text: 'ab' });
      parts.script('/p/f', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'WHOLE' });
      expect((await gateway.get('/')).text).toBe('aWHOLEb');
    });
  }

  test('breaks off visibly where it is a page of its own, and is not cached', async () => {
    const { gateway, parts } = await setup();
    parts.script('/p/page', {
      headers: { ...HTML, 'cache-control': 'max-age=60' },
      body: ['HA', 'LF'],
      pause: 5,
      reset: true,
    });
    const cut = await gateway.get('/p/page');
    expect(cut.complete).toBe(false);
    parts.script('/p/page', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'WHOLE' });
    expect(await gateway.get('/p/page')).toMatchObject({ complete: true, text: 'WHOLE' });
  });
});

describe('a slow fragment', () => {
  test('is given up after the time of its definition, while others go on', async () => {
    const { web, gateway, parts } = await setup();
    web.script('/', {
      headers: ESI,
      body: '<esi:include src="/slow/1"/><esi:include src="/fact/1"/><esi:include src="/slow/2"/>',
    });
    parts.script('/slow/1', { hang: true });
    parts.script('/slow/2', { headers: HTML, body: ['drip'], hang: 'body' });
    parts.script('/fact/1', { headers: HTML, body: 'FACT' });
    const startedAt = performance.now();
    expect((await gateway.get('/')).text).toBe('-FACT-');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await vi.waitFor(() => expect(gateway.records()[0]?.errors.join()).toContain('within 150 ms'), SOON);
    await vi.waitFor(() => expect(parts.received('/slow/1')[0]?.left).toBe(true), SOON);
  });

  test('does not keep fetches waiting in line for a page that was answered without them', async () => {
    const { web, gateway, parts } = await setup({ concurrency: 1 });
    web.script('/', {
      headers: ESI_JSON,
      body: '[{"esi:include":{"type":"slow","id":1}},{"esi:include":{"type":"slow","id":2}},{"esi:include":{"type":"slow","id":3}}]',
    });
    parts.script('*', { hang: true });
    expect((await gateway.get('/')).status).toBe(200);
    await gateway.node.idle(2_000);
    expect(parts.requests.map(({ target }) => target)).toEqual(['/slow/1']);
  });

  test('that drips past the time of the whole page leaves it at its deadline', async () => {
    const { web, gateway, parts } = await setup({ pageTimeout: '300ms' });
    web.script('/', { headers: ESI, body: 'a<esi:include src="/p/drip" onerror="continue"/>b' });
    parts.script('/p/drip', { headers: HTML, body: Array.from({ length: 50 }, () => 'x'), pause: 50 });
    expect(await gateway.get('/')).toMatchObject({ complete: true, text: 'ab' });
  });

  test('answers 504 where it is the page itself', async () => {
    const { gateway, parts } = await setup({ headTimeout: '150ms' });
    parts.script('/p/page', { hang: true });
    expect(await gateway.get('/p/page')).toMatchObject({ status: 504 });
  });

  test('answers 504 with the limits as they ship, rather than closing the connection', {
    timeout: 20_000,
  }, async () => {
    const { gateway, web } = await setup();
    web.script('/page', { hang: true });
    expect(await gateway.get('/page')).toMatchObject({ status: 504 });
  });
});

describe('a failed include without onerror', () => {
  test('fails the page with 502 while its head has not left', async () => {
    const { web, gateway } = await setup();
    web.script('/', { headers: ESI, body: '<esi:include src="/p/gone"/>text' });
    const { status, text } = await gateway.get('/');
    expect(status).toBe(502);
    expect(text).not.toContain('text\n');
  });

  test('breaks the connection visibly once the head has left', async () => {
    const { web, gateway, parts } = await setup();
    const failing = gate();
    web.script('/', { headers: ESI, body: 'head<esi:include src="/p/late"/>tail' });
    parts.script('/p/late', async () => {
      await failing.passed;
      return { status: 500, body: 'SECRET' };
    });
    const answered = await gateway.get('/', { onText: (text) => text === 'head' && failing.open() });
    expect(answered).toMatchObject({ status: 200, complete: false, text: 'head' });
    await vi.waitFor(() => expect(gateway.records()[0]?.error).toContain('fragment-failed'), SOON);
  });

  test('leaves a hole where the route says so', async () => {
    const { web, parts } = await setup();
    const gateway = stack.add(
      await startGateway({
        services: { web: web.url, parts: parts.url },
        facades: { all: { routes: { '/p/*': 'parts', '/*': { service: 'web', onerror: 'continue' } } } },
      }),
    );
    web.script('/', { headers: ESI, body: '<esi:include src="/p/gone"/>text' });
    expect(await gateway.get('/')).toMatchObject({ status: 200, text: 'text' });
  });
});

describe('JSON under failing fragments', () => {
  test('always parses, whatever a fragment does', async () => {
    const { web, gateway, parts } = await setup({ fragmentTimeout: '300ms', fragmentSize: '1kb' });
    const answers = {
      down: { status: 500, body: '{"a":' },
      cut: { headers: { 'content-type': 'application/json' }, body: '{"a":1}', truncate: true },
      reset: { headers: { 'content-type': 'application/json' }, body: ['{"a"', ':1'], reset: true },
      html: { headers: HTML, body: '<p>' },
      big: { headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(2_000)}"` },
      slow: { hang: true },
      empty: { status: 204 },
      good: { headers: { 'content-type': 'application/json' }, body: '{"a":1}' },
    };
    for (const [name, answer] of Object.entries(answers)) parts.script(`/p/${name}`, answer);
    const members = Object.keys(answers).map((name) => `"${name}": {"esi:include": {"src": "/p/${name}"}}`);
    web.script('/', { headers: ESI_JSON, body: `{${members.join(', ')}, "n": 1.0}` });
    const { status, text, headers } = await gateway.get('/');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      ...Object.fromEntries(Object.keys(answers).map((name) => [name, null])),
      good: { a: 1 },
      n: 1,
    });
    expect(headers['inlay-errors']).toBe('7');
  });

  test('leaves nothing of a document that must fail', async () => {
    const { web, gateway } = await setup();
    web.script('/', { headers: ESI_JSON, body: '{"a": {"esi:include": {"src": "/p/gone", "onerror": "fail"}}}' });
    const { status, text } = await gateway.get('/');
    expect({ status, leaked: text.includes('{') }).toEqual({ status: 502, leaked: false });
  });
});
