import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { get, type RunningProxy, startProxy } from '../support/proxy.ts';

/** An origin as anybody may have one: plain node:http, and no word of Inlay. */
interface Origin {
  readonly url: string;
  /** Requests received since the last test, as they came. */
  readonly received: IncomingMessage[];
  close(): Promise<void>;
}

type Answers = Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>>;

const ESI = { 'surrogate-control': 'content="ESI/1.0"' };

const html =
  (body: string, headers: Record<string, string> = {}, status = 200) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(body);
  };

let counter = 0;
const answers: Answers = {
  '/page': html('<h1>One</h1><esi:include src="/part"/><p>end</p>', ESI),
  '/part': html('<p>part</p>'),
  '/relative/page': html('<esi:include src="part?x=1&amp;y=2"/>', ESI),
  '/relative/part?x=1&y=2': html('<p>relative</p>'),
  '/twice': html('<esi:include src="/nested"/>', ESI),
  '/nested': html('[<esi:include src="/inner"/>]', ESI),
  '/inner': html('{<esi:include src="/part"/>}', ESI),
  '/alt': html('<esi:include src="/missing" alt="/part"/>', ESI),
  '/continue': html('a<esi:include src="/missing" onerror="continue"/>b', ESI),
  '/fail': html('<esi:include src="/broken"/><p>never</p>', ESI),
  '/broken': html('<p>a stack of the origin</p>', {}, 500),
  '/remove': html('<esi:remove>gone</esi:remove><!--esi <b>kept</b>--><esi:comment text="x"/>.', ESI),
  '/without-header': html('<esi:include src="/part"/>'),
  '/elsewhere': html('<esi:include src="http://169.254.169.254/latest" onerror="continue"/>.', ESI),
  '/loop': html('<esi:include src="/loop" onerror="continue"/>.', ESI),
  '/cached': (response) => html(String(++counter), { 'cache-control': 'max-age=60' })(response),
  '/cached-page': html('<esi:include src="/cached"/>/<esi:include src="/never"/>', {
    ...ESI,
    'cache-control': 'max-age=60',
  }),
  '/never': (response) => html(String(++counter), { 'cache-control': 'no-store' })(response),
  '/private': (response, request) =>
    html(`${request.headers.cookie ?? 'nobody'} ${++counter}`, { 'cache-control': 'private, max-age=60' })(response),
  '/private-page': html('<esi:include src="/private"/>', { ...ESI, 'cache-control': 'max-age=60' }),
  '/echo': (response, request) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.writeHead(201, { 'x-method': String(request.method) }).end(Buffer.concat(chunks)));
  },
  '/moved': (response) => response.writeHead(302, { location: '/page', 'set-cookie': ['a=1', 'b=2'] }).end(),
  '/large': html('x'.repeat(20_000), { 'cache-control': 'max-age=60' }),
  '/huge': html('x'.repeat(60_000), { 'cache-control': 'max-age=60' }),
};

async function startOrigin(): Promise<Origin> {
  const received: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    received.push(request);
    const known = answers[request.url ?? ''] ?? answers[request.url?.split('#')[0]?.replace(/\?n=\d+$/, '') ?? ''];
    if (known === undefined) response.writeHead(404).end('not here');
    else known(response, request);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

describe('--origin alone is a complete ESI surrogate before one unmodified origin', () => {
  let origin: Origin;
  let proxy: RunningProxy;
  beforeAll(async () => {
    origin = await startOrigin();
    proxy = await startProxy(['--origin', origin.url]);
  });
  afterEach(() => void origin.received.splice(0));
  afterAll(async () => {
    await proxy?.stop('SIGINT');
    await origin?.close();
  });

  const visit = (path: string, headers?: Record<string, string>) => get(proxy.url + path, headers);
  const paths = () => origin.received.map((request) => request.url);

  test.each([
    ['an include', '/page', '<h1>One</h1><p>part</p><p>end</p>'],
    ['an include relative to the page, with a query', '/relative/page', '<p>relative</p>'],
    ['includes inside includes', '/twice', '[{<p>part</p>}]'],
    ['alt where src fails', '/alt', '<p>part</p>'],
    ['nothing where an include fails and says continue', '/continue', 'ab'],
    ['what is meant for surrogates, without what is not', '/remove', ' <b>kept</b>.'],
    ['nothing from a host that is not the origin', '/elsewhere', '.'],
  ])('answers with %s', async (_name, path, body) => {
    const page = await visit(path);
    expect({ status: page.status, body: page.body }).toEqual({ status: 200, body });
    expect(page.headers.get('surrogate-control')).toBeNull();
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  test('tells the origin what it can do', async () => {
    await visit('/page');
    expect(origin.received[0]?.headers['surrogate-capability']).toMatch(/="(Surrogate\/1\.0 )?ESI\/1\.0"/);
  });

  test('a page that includes itself ends, and asks for itself a few times at most', async () => {
    const page = await visit('/loop');
    expect(page.status).toBe(200);
    expect(page.body).toMatch(/^\.+$/);
    expect(origin.received.length).toBeLessThanOrEqual(6);
  });

  test('a failed include without onerror fails the page, with a request id and without its body', async () => {
    const page = await visit('/fail', { 'x-request-id': 'request-1234' });
    expect(page.status).toBe(502);
    expect(page.body).toBe('502 fragment-failed\nrequest request-1234\n');
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  test('leaves directives alone in answers that do not ask for them to be processed', async () => {
    expect((await visit('/without-header')).body).toBe('<esi:include src="/part"/>');
    expect(paths()).toEqual(['/without-header']);
  });

  test('keeps each part for as long as its own Cache-Control says', async () => {
    const first = await visit('/cached-page');
    const second = await visit('/cached-page');
    const [kept, fresh] = second.body.split('/');
    expect(kept).toBe(first.body.split('/')[0]);
    expect(fresh).not.toBe(first.body.split('/')[1]);
    expect(paths().filter((path) => path === '/cached-page')).toHaveLength(1);
    expect(paths().filter((path) => path === '/cached')).toHaveLength(1);
    expect(paths().filter((path) => path === '/never')).toHaveLength(2);
    expect(second.headers.get('cache-control')).toContain('no-store');
    expect(second.headers.get('cache-status')).toMatch(/^inlay; hit; ttl=\d+;/);
  });

  test('an answer with Cache-Control is a hit with an Age the second time', async () => {
    const first = await visit('/cached?n=1');
    const second = await visit('/cached?n=1');
    expect(second.body).toBe(first.body);
    expect(Number(second.headers.get('age'))).toBeGreaterThanOrEqual(0);
    expect(origin.received).toHaveLength(1);
  });

  test('a private part is each visitor’s own, and makes the page private', async () => {
    const ada = await visit('/private-page', { cookie: 'who=ada' });
    const bob = await visit('/private-page', { cookie: 'who=bob' });
    const ada2 = await visit('/private-page', { cookie: 'who=ada' });
    expect([ada, bob, ada2].map((page) => page.body.split(' ')[0])).toEqual(['who=ada', 'who=bob', 'who=ada']);
    for (const page of [ada, bob, ada2]) expect(page.headers.get('cache-control')).toMatch(/^private/);
  });

  test('passes on what is no page: methods, bodies, redirects and each Set-Cookie', async () => {
    const posted = await fetch(`${proxy.url}/echo`, { method: 'POST', body: 'payload' });
    expect({ status: posted.status, method: posted.headers.get('x-method'), body: await posted.text() }).toEqual({
      status: 201,
      method: 'POST',
      body: 'payload',
    });
    const moved = await visit('/moved');
    expect(moved.status).toBe(302);
    expect(moved.headers.get('location')).toBe('/page');
    expect(moved.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect((await visit('/nowhere')).status).toBe(404);
  });

  test('HEAD answers as GET does, without a body', async () => {
    const answer = await fetch(`${proxy.url}/page`, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('');
  });
});

describe('its options', () => {
  let origin: Origin;
  beforeAll(async () => {
    origin = await startOrigin();
  });
  afterAll(() => origin?.close());

  async function withProxy(options: readonly string[], use: (proxy: RunningProxy) => Promise<void>): Promise<void> {
    const proxy = await startProxy(['--origin', origin.url, ...options]);
    try {
      await use(proxy);
    } finally {
      await proxy.stop('SIGINT');
    }
  }

  test('--esi always answers directives without any header of the origin', async () => {
    await withProxy(['--esi', 'always'], async (proxy) => {
      expect((await get(`${proxy.url}/without-header`)).body).toBe('<p>part</p>');
    });
  });

  test('--esi off answers none, and does not promise to', async () => {
    await withProxy(['--esi', 'off'], async (proxy) => {
      origin.received.length = 0;
      expect((await get(`${proxy.url}/page`)).body).toBe('<h1>One</h1><esi:include src="/part"/><p>end</p>');
      expect(origin.received.map((request) => request.url)).toEqual(['/page']);
      expect(origin.received[0]?.headers['surrogate-capability'] ?? '').not.toContain('ESI/1.0');
    });
  });

  test('--cache-size bounds what is kept', async () => {
    await withProxy(['--cache-size', '256kb'], async (proxy) => {
      for (let n = 1; n <= 20; n++) await get(`${proxy.url}/large?n=${n}`);
      const health = JSON.parse((await get(`${proxy.adminUrl}/_inlay/health`)).body) as {
        cache: { size: number; maxSize: number };
      };
      expect(health.cache.maxSize).toBe(256 * 1024);
      expect(health.cache.size).toBeGreaterThan(200_000);
      expect(health.cache.size).toBeLessThanOrEqual(256 * 1024);
      origin.received.length = 0;
      await get(`${proxy.url}/large?n=20`);
      expect(origin.received).toHaveLength(0);
      await get(`${proxy.url}/large?n=1`);
      expect(origin.received).toHaveLength(1);
    });
  });

  test('an answer larger than an eighth of the cache is passed on, and nobody claims that it was stored', async () => {
    await withProxy(['--cache-size', '256kb'], async (proxy) => {
      const answer = await get(`${proxy.url}/huge`);
      expect(answer.body).toHaveLength(60_000);
      expect((await get(`${proxy.url}/huge`)).headers.get('cache-status')).not.toMatch(/hit/);
      expect(answer.headers.get('cache-status')).not.toMatch(/; stored/);
    });
  });

  test('an origin with a path is asked below it', async () => {
    const proxy = await startProxy(['--origin', `${origin.url}/relative`]);
    try {
      expect((await get(`${proxy.url}/page`)).body).toBe('<p>relative</p>');
    } finally {
      await proxy.stop('SIGINT');
    }
  });
});

describe('an origin that fails', () => {
  test('and cannot be reached: 502 with a request id, and the log has the cause', async () => {
    const proxy = await startProxy(['--origin', 'http://127.0.0.1:1']);
    try {
      const answer = await get(`${proxy.url}/page?secret=1`);
      const id = answer.headers.get('x-request-id');
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.status).toBe(502);
      expect(answer.body).toBe(`502 upstream-unreachable\nrequest ${id}\n`);
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect([...answer.headers.values()].join('\n')).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|node:/);
      await vi.waitFor(() => {
        expect(proxy.log).toContainEqual(
          expect.objectContaining({ requestId: id, error: expect.stringContaining('ECONNREFUSED') }),
        );
      });
    } finally {
      await proxy.stop('SIGINT');
    }
  });

  test('after it was reached: what it said may be kept is served, and what may not is a 502', async () => {
    const origin = await startOrigin();
    const proxy = await startProxy(['--origin', origin.url]);
    try {
      const kept = await get(`${proxy.url}/cached`);
      await get(`${proxy.url}/never`);
      await origin.close();
      expect((await get(`${proxy.url}/cached`)).body).toBe(kept.body);
      expect((await get(`${proxy.url}/never`)).status).toBe(502);
    } finally {
      await proxy.stop('SIGINT');
    }
  });
});
