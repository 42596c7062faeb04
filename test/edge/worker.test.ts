import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { exports } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { serve, type Worker } from '../../src/edge/serve.ts';
import { defineGateway, env } from '../../src/gateway/config.ts';
import type { InlayEvent } from '../../src/runtime.ts';
import { ATLAS, COMPOSITION } from './hosts.ts';
import { originUrl, received, script } from './origin.ts';

const ESI = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
const HTML = { 'content-type': 'text/html', 'cache-control': 'max-age=60' };
const TOKEN = 'open sesame';

/** One service, whose address is a binding. */
const config = defineGateway({
  services: { web: { url: env('WEB_URL') } },
  purge: { space: 'edge', nats: env('NATS_URL') },
});

/** A Worker in an isolate of its own, and everything that it observed. */
function start(bindings: Readonly<Record<string, string>> = {}) {
  const events: InlayEvent[] = [];
  const worker: Worker = serve(config, (event) => void events.push(event));
  const ask = async (path: string, init?: RequestInit): Promise<Response> => {
    const context = createExecutionContext();
    const bound = { WEB_URL: originUrl, ...bindings };
    const response = await worker.fetch(new Request(`http://edge.test${path}`, init), bound, context);
    const bytes = await response.arrayBuffer();
    await waitOnExecutionContext(context);
    return new Response(bytes.byteLength === 0 ? null : bytes, response);
  };
  const purge = (body: object, authorization?: string) =>
    ask('/_inlay/purge', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify(body),
    });
  return { ask, purge, events };
}

describe('the Worker that is deployed', () => {
  test('answers by inlay.config.ts with the services of its bindings, and logs a JSON line', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await script('/worker/page', { headers: ESI, body: 'a<esi:include src="/worker/part"/>b' });
    await script('/worker/part', { headers: HTML, body: 'part' });
    const response = await exports.default.fetch(`${ATLAS}/worker/page`, { headers: { 'x-request-id': 'edge-0001' } });
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 200, text: 'apartb' });
    await vi.waitFor(() => expect(log).toHaveBeenCalled());
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)));
    log.mockRestore();
    expect(lines).toMatchObject([{ type: 'request', requestId: 'edge-0001', route: 'atlas/*', status: 200, bytes: 6 }]);
  });

  test('answers every one of many requests that want the same cold page at once, each by fetches of its own', async () => {
    await script('/web/cold/page', { headers: ESI, delay: 200, body: '[<esi:include src="/cold/part"/>]' });
    await script('/web/cold/part', { headers: HTML, body: 'part' });
    const answers = Array.from({ length: 12 }, async () => {
      const response = await exports.default.fetch(`${COMPOSITION}/cold/page`);
      return `${response.status} ${await response.text()}`;
    });
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 12 }, () => '200 [part]'));
    // Nobody waited for a promise of another request: on Cloudflare's machines it might never come.
    expect(await received('/web/cold/page')).toHaveLength(12);
    await (await exports.default.fetch(`${COMPOSITION}/cold/page`)).text();
    expect(await received('/web/cold/page')).toHaveLength(12);
  });

  test('has no more than six fetches under way for one request, and makes the others after them', async () => {
    const parts = Array.from({ length: 10 }, (_, i) => `/crowd/part${i}`);
    for (const path of parts) await script(`/web${path}`, { headers: HTML, delay: 400, body: '.' });
    await script('/web/crowd/page', {
      headers: ESI,
      body: parts.map((path) => `<esi:include src="${path}"/>`).join(''),
    });
    const asked = async () => (await Promise.all(parts.map((path) => received(`/web${path}`)))).flat().length;
    const answer = exports.default.fetch(`${COMPOSITION}/crowd/page`).then((response) => response.text());
    await vi.waitFor(async () => expect(await asked()).toBe(6), { timeout: 350, interval: 20 });
    expect(await asked()).toBe(6);
    expect(await answer).toBe('..........');
    expect(await asked()).toBe(10);
  });

  test('refreshes a stale page after it has answered', async () => {
    const { ask } = start();
    const headers = { ...HTML, 'cache-control': 'max-age=0, stale-while-revalidate=60' };
    await script('/stale', { headers, body: 'old' });
    expect(await (await ask('/stale')).text()).toBe('old');
    await script('/stale', { headers, body: 'new' });
    expect(await (await ask('/stale')).text()).toBe('old'); // and waits for what the answer left behind
    expect(await (await ask('/stale')).text()).toBe('new');
  });
});

describe('bindings', () => {
  test('a setting without a value is named in the log, and clients see a status and a code', async () => {
    const { ask, events } = start({ WEB_URL: '' });
    const response = await ask('/');
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 500,
      text: '500 config-invalid\n',
    });
    expect(events).toMatchObject([{ type: 'internal', error: { code: 'config-invalid' } }]);
    expect(String(events[0]?.type === 'internal' && events[0].error.message)).toContain('WEB_URL');
  });

  test('NATS_URL, which is not spoken here, caps freshness and turns readiness red', async () => {
    const { ask, events } = start({ NATS_URL: 'nats://127.0.0.1:4222', INLAY_ADMIN_TOKEN: TOKEN });
    await script('/unsynced', { headers: HTML, body: 'x' });
    expect((await ask('/unsynced')).headers.get('cache-status')).toContain('unsynced');
    expect((await ask('/_inlay/ready')).status).toBe(503);
    expect(events[0]).toMatchObject({ type: 'bus', state: 'disconnected' });
  });

  test('the cache takes no more than an isolate has', async () => {
    const { ask } = start({ INLAY_ADMIN_TOKEN: TOKEN });
    expect(await (await ask('/_inlay/health')).json()).toMatchObject({ status: 'ok', cache: { maxSize: 67_108_864 } });
  });
});

describe('purges', () => {
  test('are for whoever knows the token, and say that they reach one isolate', async () => {
    const { ask, purge } = start({ INLAY_ADMIN_TOKEN: TOKEN });
    await script('/purged', { headers: HTML, body: 'old' });
    await ask('/purged');
    await script('/purged', { headers: HTML, body: 'new' });
    const all = { mode: 'hard', all: true };
    expect((await purge(all)).status).toBe(401);
    expect((await purge(all, 'Bearer wrong')).status).toBe(401);
    expect(await (await ask('/purged')).text()).toBe('old');
    const accepted = await purge(all, `Bearer ${TOKEN}`);
    expect(accepted.status).toBe(200);
    expect(await accepted.json()).toMatchObject({
      seq: 1,
      space: 'edge',
      reach: expect.stringMatching(/^this isolate only/),
    });
    expect(await (await ask('/purged')).text()).toBe('new');
  });

  test('are not offered without a token: the path is one like any other', async () => {
    const { ask, purge } = start();
    await script('/_inlay/health', { headers: HTML, body: "the service's own" });
    expect(await (await ask('/_inlay/health')).text()).toBe("the service's own");
    expect((await purge({ all: true }, 'Bearer ')).status).toBe(404);
    expect(await received('/_inlay/purge')).toHaveLength(1);
  });

  test('readiness is green without NATS: what reaches this isolate is all that there is', async () => {
    const { ask } = start({ INLAY_ADMIN_TOKEN: TOKEN });
    expect(await (await ask('/_inlay/ready')).json()).toMatchObject({ ready: true, purges: { bus: 'local' } });
  });
});

describe('what passes through', () => {
  test('keeps Set-Cookie lines apart, and follows no redirect', async () => {
    const { ask } = start();
    await script('/login', {
      status: 302,
      headers: { location: 'http://elsewhere.example/', 'set-cookie': 'a=1; Expires=Mon, 23 Nov 2026 12:00:00 GMT' },
    });
    const response = await ask('/login', { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, 'http://elsewhere.example/']);
    expect(response.headers.getSetCookie()).toEqual(['a=1; Expires=Mon, 23 Nov 2026 12:00:00 GMT']);
  });

  test('passes on a body in gzip as the service sent it', async () => {
    const zipped = new Blob(['plain text']).stream().pipeThrough(new CompressionStream('gzip'));
    const bytes = new Uint8Array(await new Response(zipped).arrayBuffer());
    const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip', 'cache-control': 'max-age=60' };
    await script('/web/gzip', { headers, latin1: true, body: String.fromCharCode(...bytes) });
    for (const from of ['the service', 'the cache']) {
      const response = await exports.default.fetch(`${COMPOSITION}/gzip`); // decodes, as a browser does
      expect([from, await response.text()]).toEqual([from, 'plain text']);
    }
    expect(await received('/web/gzip')).toHaveLength(1);
  });

  test('sends the path as the client did, as far as workerd tells', async () => {
    const { ask } = start();
    for (const target of ['/p//q/;v=1/%7Ea%2Fb/caf%C3%A9', '/p/[x]|y', '/p/+%20+?a=1&&b=%20+&a=1', '/p/%5C']) {
      await ask(target);
      expect((await received(target.split('?', 1)[0]!)).at(-1)?.target).toBe(target);
    }
  });

  test('sends a short request body with its length, and a long one as it comes', async () => {
    const { ask } = start();
    await script('/form', { headers: HTML, body: 'ok' });
    for (const length of [8, 200_000]) await ask('/form', { method: 'POST', body: 'x'.repeat(length) });
    const [short, long] = await received('/form');
    expect([short?.body.length, long?.body.length]).toEqual([8, 200_000]);
    expect(short?.rawHeaders.map((text) => text.toLowerCase())).toContain('content-length');
  });
});
