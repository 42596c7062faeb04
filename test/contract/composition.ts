import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineGateway, type GatewayConfig } from '../../src/gateway/config.ts';
import type { PurgeMessage } from '../../src/purge/message.ts';

/**
 * What every runtime's gateway must do with pages and fragments, whatever it runs on. Imports nothing of Node: the suite
 * runs inside workerd too, and reaches the origin through {@link CompositionSubject} alone.
 */

/** What an origin answers to every request of a path; plain JSON. */
export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Chunks are sent one by one, `pause` ms apart. */
  readonly body?: string | readonly string[];
  /** Each character of the body is one byte; otherwise it is UTF-8. */
  readonly latin1?: boolean;
  /** Ms before the head. */
  readonly delay?: number;
  readonly pause?: number;
  /** Never answers, or (`body`) never ends its body. */
  readonly hang?: boolean | 'body';
  /** Promises a larger Content-Length than it sends, and closes. */
  readonly truncate?: boolean;
}

/** What an origin received. */
export interface ScriptedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** A gateway configured by {@link compositionConfig}, and the origin behind it. */
export interface CompositionSubject {
  /** Sends a request to the gateway; `path` begins with `/`. Redirects are not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Says what the origin answers on a path (without query) from now on; all others answer 404. */
  script(path: string, answer: ScriptedAnswer): Promise<void> | void;
  /** What the origin received on a path, whatever the query. */
  received(path: string): Promise<readonly ScriptedRequest[]> | readonly ScriptedRequest[];
  /** Publishes a purge and resolves when the gateway has applied it. */
  purge(targets: Partial<PurgeMessage>): Promise<void>;
  stop(): Promise<void>;
}

/** The gateway that the suite needs: three services, which are three folders of one origin. */
export function compositionConfig(origin: string): GatewayConfig {
  return defineGateway({
    services: {
      web: `${origin}/web`,
      catalog: `${origin}/catalog`,
      visitor: { url: `${origin}/visitor`, forward: ['cookie'] },
    },
    facades: {
      main: { routes: { '/shop/*': 'catalog', '/me/*': 'visitor', '/*': 'web' } },
    },
    fragments: [
      {
        name: 'product',
        path: '/product/{id}',
        service: 'catalog',
        query: ['size'],
        scope: 'public',
        tags: ['product:{id}'],
        ttl: '1h',
      },
      {
        name: 'item',
        path: '/item/{id}',
        service: 'catalog',
        scope: 'public',
        ttl: '1h',
        batch: { path: '/items?ids={ids}' },
      },
      {
        name: 'panel',
        path: '/panel/{id}',
        service: 'catalog',
        scope: 'public',
        ttl: '1h',
        fallback: '<p>no panel</p>',
      },
      { name: 'tier', path: '/tier/{id}', service: 'visitor', scope: ['cookie:tier'], ttl: '1h' },
    ],
    limits: { depth: 3, includes: 12, fragmentTimeout: '2s' },
  });
}

const ESI = { 'content-type': 'text/html; charset=utf-8', 'surrogate-control': 'content="ESI/1.0"' };
const ESI_JSON = { 'content-type': 'application/json', 'surrogate-control': 'content="ESI/1.0"' };
const HTML = { 'content-type': 'text/html' };
const JSON_TYPE = { 'content-type': 'application/json' };
const KEPT = { 'cache-control': 'max-age=60' };

/** Runs the suite against what `start` starts, once for all its tests. */
export function compositionContract(name: string, start: () => Promise<CompositionSubject>): void {
  describe(`composition on ${name}`, () => {
    let subject: CompositionSubject;
    let number = 0;
    beforeAll(async () => {
      subject = await start();
    });
    afterAll(() => subject?.stop());

    /** A folder of its own for each test: gateway and origin are shared. */
    function folder() {
      const at = `/t${++number}`;
      return {
        at,
        id: `${number}`,
        /** Scripts paths of the service `web`. */
        web: async (answers: Readonly<Record<string, ScriptedAnswer>>) => {
          for (const [path, answer] of Object.entries(answers)) await subject.script(`/web${at}${path}`, answer);
        },
        get: async (path = '/page', init?: RequestInit) => {
          const response = await subject.fetch(at + path, init);
          return { response, status: response.status, headers: response.headers, text: await response.text() };
        },
        received: (path: string) => subject.received(`/web${at}${path}`),
      };
    }

    const page = (body: string): ScriptedAnswer => ({ headers: ESI, body });
    const keptPage = (body: string): ScriptedAnswer => ({ headers: { ...ESI, ...KEPT }, body });
    const json = (body: string): ScriptedAnswer => ({ headers: ESI_JSON, body });
    const include = (value: object) => JSON.stringify({ 'esi:include': value });

    describe('HTML', () => {
      test('puts a fragment where its include stands', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(`<p>before<esi:include src="${at}/f"/>after`),
          '/f': { headers: HTML, body: '<b>F</b>' },
        });
        expect(await get()).toMatchObject({ status: 200, text: '<p>before<b>F</b>after' });
      });

      test('composes fragments inside fragments that ask for it, and no others', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(`[<esi:include src="${at}/marked"/>|<esi:include src="${at}/plain"/>]`),
          '/marked': page(`m<esi:include src="${at}/leaf"/>m`),
          '/plain': { headers: HTML, body: `p<esi:include src="${at}/leaf"/>p` },
          '/leaf': { headers: HTML, body: 'leaf' },
        });
        expect((await get()).text).toBe(`[mleafm|p<esi:include src="${at}/leaf"/>p]`);
      });

      test('asks alt when src fails, and only then', async () => {
        const { at, web, get, received } = folder();
        await web({
          '/page': page(
            `<esi:include src="${at}/bad" alt="${at}/good"/><esi:include src="${at}/good2" alt="${at}/never"/>`,
          ),
          '/bad': { status: 500, headers: HTML, body: 'bad' },
          '/good': { headers: HTML, body: 'good' },
          '/good2': { headers: HTML, body: 'good2' },
        });
        expect((await get()).text).toBe('goodgood2');
        expect(await received('/never')).toHaveLength(0);
      });

      test('leaves nothing where onerror="continue" fails', async () => {
        const { at, web, get } = folder();
        await web({ '/page': page(`a<esi:include src="${at}/gone" onerror="continue"/>b`) });
        const { status, text, headers } = await get();
        expect({ status, text }).toEqual({ status: 200, text: 'ab' });
        expect(headers.get('cache-status')).toContain('inlay');
      });

      test('fails a page that begins with a failing include with 502, and tells no more than a code', async () => {
        const { at, web, get } = folder();
        await web({ '/page': page(`<esi:include src="${at}/gone"/>rest`) });
        const { status, text, headers } = await get();
        expect(status).toBe(502);
        expect(text).toBe(`502 fragment-failed\nrequest ${headers.get('x-request-id')}\n`);
        expect(headers.get('inlay-error')).toBe('fragment-failed');
        expect(headers.get('cache-control')).toBe('no-store');
      });

      test('splices the body of no failed fragment, whatever its status', async () => {
        const { at, web, get } = folder();
        const statuses = [301, 304, 400, 401, 403, 404, 410, 500, 503];
        await web({
          '/page': page(statuses.map((s) => `<esi:include src="${at}/s${s}" onerror="continue"/>`).join('.')),
        });
        for (const status of statuses) {
          const body = status === 304 ? '' : 'SECRET';
          await web({ [`/s${status}`]: { status, headers: { ...HTML, location: '/x' }, body } });
        }
        expect(await get()).toMatchObject({ status: 200, text: '.'.repeat(statuses.length - 1) });
      });

      test('puts the fallback of its definition where a fragment fails', async () => {
        const { web, get, id } = folder();
        await web({ '/page': page(`a<esi:include src="/panel/${id}"/>b`) });
        expect(await get()).toMatchObject({ status: 200, text: 'a<p>no panel</p>b' });
      });

      test('puts nothing of a truncated fragment into the page, and keeps nothing of it', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(`a<esi:include src="${at}/cut" onerror="continue"/>b`),
          '/cut': { headers: { ...HTML, ...KEPT }, body: 'HALF', truncate: true },
        });
        expect(await get()).toMatchObject({ status: 200, text: 'ab' });
        await web({ '/cut': { headers: { ...HTML, ...KEPT }, body: 'WHOLE' } });
        expect((await get()).text).toBe('aWHOLEb');
      });

      test('gives up a fragment that does not answer in time', async () => {
        const { at, web, get } = folder();
        await web({ '/page': page(`a<esi:include src="${at}/slow" onerror="continue"/>b`), '/slow': { hang: true } });
        expect(await get()).toMatchObject({ status: 200, text: 'ab' });
      });

      test('resolves a relative src against the document that it stands in', async () => {
        const { at, web, get } = folder();
        await web({
          '/a/page': page('[<esi:include src="f"/>|<esi:include src="../g?x=1"/>|<esi:include src="b/doc"/>]'),
          '/a/f': { headers: HTML, body: 'f' },
          '/g': { headers: HTML, body: 'g' },
          '/a/b/doc': page('doc:<esi:include src="leaf"/>'),
          '/a/b/leaf': { headers: HTML, body: 'leaf' },
        });
        expect((await get('/a/page')).text).toBe('[f|g|doc:leaf]');
        expect((await subject.received(`/web${at}/g`)).map(({ target }) => target)).toEqual([`/web${at}/g?x=1`]);
      });

      test('drops remove and comment, and unwraps <!--esi -->', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(
            `a<esi:remove>gone<esi:include src="${at}/never"/></esi:remove>b<esi:comment text="x"/>c<!--esi <i><esi:include src="${at}/f"/></i>-->d`,
          ),
          '/f': { headers: HTML, body: 'F' },
        });
        expect((await get()).text).toBe('abc <i>F</i>d');
      });

      test('leaves every byte outside directives as it was', async () => {
        const { at, web } = folder();
        let seed = 7;
        const noise = Array.from({ length: 4_000 }, () => {
          seed = (seed * 48_271) % 2_147_483_647;
          return String.fromCharCode(seed & 0xff);
        }).join('');
        const [head, tail] = [noise.slice(0, 2_000), noise.slice(2_000)];
        const bytes = (text: string) => Array.from(text, (character) => character.charCodeAt(0));
        await web({
          '/page': { headers: ESI, latin1: true, body: `${head}<esi:include src="${at}/f"/>${tail}` },
          '/f': { headers: HTML, latin1: true, body: noise },
        });
        const response = await subject.fetch(`${at}/page`);
        expect([...new Uint8Array(await response.arrayBuffer())]).toEqual(bytes(head + noise + tail));
      });

      test('composes a page that arrives in pieces, wherever it is cut', async () => {
        const { at, web, get } = folder();
        const body = `before <esi:include src="${at}/f"/> after`;
        await web({
          '/page': { headers: ESI, body: body.match(/.{1,7}/gs)!, pause: 1 },
          '/f': { headers: HTML, body: 'F' },
        });
        expect((await get()).text).toBe('before F after');
      });

      test('passes on what did not ask to be processed, byte for byte', async () => {
        const { at, web, get } = folder();
        const body = `<esi:include src="${at}/f"/>`;
        await web({ '/page': { headers: { ...HTML, etag: '"own"' }, body } });
        const { text, headers } = await get();
        expect(text).toBe(body);
        expect(headers.get('etag')).toBe('"own"');
      });

      test('includes no deeper than the limit, and no cycles', async () => {
        const { at, web, get, received } = folder();
        const next = (path: string) => `<esi:include src="${at}${path}" onerror="continue"/>`;
        await web({
          '/page': page(`0${next('/1')}`),
          '/1': page(`1${next('/2')}`),
          '/2': page(`2${next('/3')}`),
          '/3': page(`3${next('/4')}`),
          '/4': page('4'),
          '/self': page(`s${next('/self')}`),
        });
        expect((await get()).text).toBe('0123');
        expect(await received('/4')).toHaveLength(0);
        expect((await get('/self')).text).toBe('s');
      });

      test('includes no more than the limit', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(Array.from({ length: 14 }, () => `<esi:include src="${at}/f" onerror="continue"/>`).join('')),
          '/f': { headers: { ...HTML, ...KEPT }, body: 'x' },
        });
        const { text } = await get();
        expect(text).toBe('x'.repeat(12));
      });

      test('asks no host that is not configured, however src spells it', async () => {
        const { web, get } = folder();
        const targets = [
          'http://169.254.169.254/latest',
          '//evil.example/x',
          '/\\\\evil.example/x',
          'http://user:secret@evil.example/',
          'ftp://evil.example/x',
          'file:///etc/passwd',
          'javascript:alert(1)',
        ];
        await web({
          '/page': page(targets.map((src) => `<esi:include src="${src}" onerror="continue"/>`).join('.')),
        });
        const { status, text, headers } = await get();
        expect({ status, text }).toEqual({ status: 200, text: '.'.repeat(targets.length - 1) });
        expect(headers.get('inlay-errors')).toBe(String(targets.length));
      });
    });

    describe('JSON', () => {
      test('puts a fragment in place of a directive, and changes nothing else', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': json(`{ "b": 12345678901234567890.10,\n "a": ${include({ src: `${at}/f` })}, "b" : [1e2] }`),
          '/f': { headers: JSON_TYPE, body: '{"x": 9007199254740993}' },
        });
        const { text, headers } = await get();
        expect(text).toBe('{ "b": 12345678901234567890.10,\n "a": {"x": 9007199254740993}, "b" : [1e2] }');
        expect(headers.get('content-type')).toBe('application/json');
      });

      test('asks for an entity by type and id', async () => {
        const { web, get, id } = folder();
        await web({ '/page': json(`[${include({ type: 'product', id: `${id} b/c` })}]`) });
        const path = `/catalog/product/${id}%20b%2Fc`;
        await subject.script(path, { headers: JSON_TYPE, body: '{"name":"x"}' });
        expect((await get()).text).toBe('[{"name":"x"}]');
        expect((await subject.received(path)).map(({ target }) => target)).toEqual([path]);
      });

      test('asks for all missing entities of a list at once, and for none that it has', async () => {
        const { web, get, id } = folder();
        const list = (...ids: string[]) => json(JSON.stringify({ 'esi:include': { type: 'item', ids } }));
        const items = Object.fromEntries(['1', '2', '3'].map((item) => [`${id}-${item}`, { item }]));
        await subject.script('/catalog/items', { headers: JSON_TYPE, body: JSON.stringify(items) });
        const asked = async () =>
          (await subject.received('/catalog/items'))
            .map(({ target }) => target)
            .filter((target) => target.includes(id));
        await web({ '/page': list(`${id}-2`, `${id}-1`, `${id}-2`) });
        expect(JSON.parse((await get()).text)).toEqual([{ item: '2' }, { item: '1' }, { item: '2' }]);
        await web({ '/page': list(`${id}-1`, `${id}-3`, `${id}-4`) });
        expect(JSON.parse((await get()).text)).toEqual([{ item: '1' }, { item: '3' }, { type: 'item', id: `${id}-4` }]);
        expect(await asked()).toEqual([`/catalog/items?ids=${id}-2,${id}-1`, `/catalog/items?ids=${id}-3,${id}-4`]);
      });

      test('leaves a reference, null or the default where a fragment fails', async () => {
        const { at, web, get } = folder();
        const values = [
          include({ type: 'product', id: 'none' }),
          include({ src: `${at}/none` }),
          include({ type: 'product', id: 'none', onerror: 'null' }),
          include({ src: `${at}/none`, default: { ok: false } }),
          include({ type: 'nothing', id: 1 }),
        ];
        await web({ '/page': json(`[${values.join(',')}]`) });
        const { status, text, headers } = await get();
        expect(status).toBe(200);
        expect(JSON.parse(text)).toEqual([
          { type: 'product', id: 'none' },
          null,
          null,
          { ok: false },
          { type: 'nothing', id: 1 },
        ]);
        expect(headers.get('inlay-errors')).toBe('5');
        expect(headers.get('cache-control')).toBe('max-age=0');
      });

      test('fails the document where onerror is "fail"', async () => {
        const { at, web, get } = folder();
        await web({ '/page': json(`{"a":${include({ src: `${at}/none`, onerror: 'fail' })}}`) });
        expect((await get()).status).toBe(502);
      });

      test('always parses: a fragment that is no JSON value is a failed one', async () => {
        const { at, web, get } = folder();
        const bodies = ['', '<p>', '{"a":1', '1 2', '{"a":1}}', 'undefined', '\u0000', '"\ud800', '[1,]', 'NaN'];
        await web({ '/page': json(`[${bodies.map((_, i) => include({ src: `${at}/${i}` })).join(',')}]`) });
        for (const [i, body] of bodies.entries()) await web({ [`/${i}`]: { headers: JSON_TYPE, body } });
        expect(JSON.parse((await get()).text)).toEqual(bodies.map(() => null));
      });

      test('always parses: so is a template that turns out to be no JSON after a directive', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': json(`[${include({ src: `${at}/half` })},${include({ src: `${at}/two` })}]`),
          '/half': json(`{"a":${include({ src: `${at}/f` })},`),
          '/two': json(`${include({ src: `${at}/f` })} ${include({ src: `${at}/f` })}`),
          '/f': { headers: JSON_TYPE, body: '1' },
        });
        expect(JSON.parse((await get()).text)).toEqual([null, null]);
      });

      test('answers for an identifier that no URL can hold as for one that fails', async () => {
        const { web, get } = folder();
        await web({
          '/page': json(
            `[{"esi:include":{"type":"product","id":"\\ud800"}},{"esi:include":{"type":"product","id":".."}}]`,
          ),
        });
        const { status, text } = await get();
        expect(status).toBe(200);
        expect(JSON.parse(text)).toHaveLength(2);
      });
    });

    describe('caching', () => {
      test('asks for a fragment once while it is fresh, on whatever pages it stands', async () => {
        const { at, web, get, received } = folder();
        await web({
          '/page': page(`1<esi:include src="${at}/f"/>`),
          '/other': page(`2<esi:include src="${at}/f"/><esi:include src="${at}/f"/>`),
          '/f': { headers: { ...HTML, ...KEPT }, body: 'F' },
        });
        expect([(await get()).text, (await get('/other')).text]).toEqual(['1F', '2FF']);
        expect(await received('/f')).toHaveLength(1);
        expect(await received('/page')).toHaveLength(1);
      });

      test('keeps fragments under keys of their own: query and identity count', async () => {
        const { at, web, get, received, id } = folder();
        await web({
          '/page': page(
            `<esi:include src="${at}/f?a=1"/><esi:include src="${at}/f?a=2"/><esi:include src="/product/${id}?size=s&utm=1"/><esi:include src="/product/${id}?utm=2&size=s"/><esi:include src="/tier/${id}"/>`,
          ),
          '/f': { headers: { ...HTML, ...KEPT }, body: 'F' },
        });
        await subject.script(`/catalog/product/${id}`, { headers: HTML, body: 'P' });
        await subject.script(`/visitor/tier/${id}`, { headers: HTML, body: 'T' });
        for (const tier of ['gold', 'gold', 'tin']) {
          expect((await get('/page', { headers: { cookie: `tier=${tier}; sid=1` } })).text).toBe('FFPPT');
        }
        expect((await received('/f')).map(({ target }) => target).sort()).toEqual([
          `/web${at}/f?a=1`,
          `/web${at}/f?a=2`,
        ]);
        const products = await subject.received(`/catalog/product/${id}`);
        expect(products.map(({ target }) => target)).toEqual([`/catalog/product/${id}?size=s`]);
        const tiers = await subject.received(`/visitor/tier/${id}`);
        expect(tiers.map((request) => line(request, 'cookie'))).toEqual(['tier=gold', 'tier=tin']);
      });

      test('fetches after a purge what it named, and nothing else', async () => {
        const { at, web, get, received, id } = folder();
        const other = `${id}-other`;
        await web({
          '/page': keptPage(`<esi:include src="/product/${id}"/>|<esi:include src="/product/${other}"/>`),
        });
        await subject.script(`/catalog/product/${id}`, { headers: HTML, body: 'old' });
        await subject.script(`/catalog/product/${other}`, { headers: HTML, body: 'other' });
        expect((await get()).text).toBe('old|other');
        await subject.script(`/catalog/product/${id}`, { headers: HTML, body: 'new' });
        expect((await get()).text).toBe('old|other');
        await subject.purge({ tags: [`product:${id}`] });
        expect((await get()).text).toBe('new|other');
        expect(await subject.received(`/catalog/product/${id}`)).toHaveLength(2);
        expect(await subject.received(`/catalog/product/${other}`)).toHaveLength(1);
        expect(await received('/page')).toHaveLength(1);
        await subject.purge({ urls: [`/web${at}/page`] });
        await get();
        expect(await received('/page')).toHaveLength(2);
      });

      test('changes the ETag when a part changes, and answers 304 when none did', async () => {
        const { web, get, id } = folder();
        await web({ '/page': keptPage(`<h1>x</h1><esi:include src="/product/${id}"/>`) });
        await subject.script(`/catalog/product/${id}`, { headers: { ...HTML, etag: '"p"' }, body: 'one' });
        await get();
        const first = await get();
        const etag = first.headers.get('etag') ?? '';
        expect(etag).toMatch(/^"[^"]+"$/);
        expect(first.headers.get('content-length')).toBe(String(first.text.length));
        const same = await get('/page', { headers: { 'if-none-match': etag } });
        expect({ status: same.status, text: same.text, etag: same.headers.get('etag') }).toEqual({
          status: 304,
          text: '',
          etag,
        });
        await subject.script(`/catalog/product/${id}`, { headers: { ...HTML, etag: '"p"' }, body: 'two' });
        await subject.purge({ tags: [`product:${id}`] });
        await get();
        const changed = await get('/page', { headers: { 'if-none-match': etag } });
        expect({ status: changed.status, text: changed.text }).toEqual({ status: 200, text: '<h1>x</h1>two' });
        expect(changed.headers.get('etag')).not.toBe(etag);
      });

      test('says of a page what its most restrictive part says', async () => {
        const { at, web, get } = folder();
        const parts: Record<string, string> = {
          '/long': 'max-age=300',
          '/short': 'max-age=100',
          '/own': 'private, max-age=200',
        };
        for (const [path, value] of Object.entries(parts)) {
          await web({ [path]: { headers: { ...HTML, 'cache-control': value }, body: 'x' } });
        }
        const kept = (body: string) => ({ headers: { ...ESI, 'cache-control': 'max-age=1000' }, body });
        await web({
          '/page': kept(`<esi:include src="${at}/long"/><esi:include src="${at}/short"/>`),
          '/mine': kept(`<esi:include src="${at}/own"/>`),
          '/degraded': kept(`<esi:include src="${at}/gone" onerror="continue"/>`),
        });
        await get();
        const seconds = Number(/^max-age=(\d+)$/.exec((await get()).headers.get('cache-control') ?? '')?.[1]);
        expect(seconds).toBeGreaterThan(80);
        expect(seconds).toBeLessThanOrEqual(100);
        expect((await get('/mine')).headers.get('cache-control')).toMatch(/^private, max-age=\d+$/);
        expect((await get('/degraded')).headers.get('cache-control')).toMatch(/max-age=[01]$/);
      });

      test('lets nobody downstream share a page whose part depends on who asked', async () => {
        const { web, get, id } = folder();
        await web({ '/page': keptPage(`<esi:include src="/me/${id}"/>`) });
        // A part that only varies by cookie is shareable for us, but the page does not say what it varies by.
        await subject.script(`/visitor/me/${id}`, { headers: { ...HTML, ...KEPT, vary: 'cookie' }, body: 'hello' });
        await get('/page', { headers: { cookie: 'sid=1' } });
        const { headers } = await get('/page', { headers: { cookie: 'sid=1' } });
        const shareable = !/private|no-store/.test(headers.get('cache-control') ?? '');
        const varied = (headers.get('vary') ?? '').toLowerCase().includes('cookie');
        expect({ shareable: shareable && !varied, cacheControl: headers.get('cache-control') }).toMatchObject({
          shareable: false,
        });
      });
    });

    describe('headers', () => {
      test('says what it can do, and keeps to itself what services tell it', async () => {
        const { at, web, get, received } = folder();
        await web({
          '/page': {
            headers: {
              ...ESI,
              'surrogate-key': 'a b',
              'cache-tag': 'c',
              'x-own': 'kept',
              etag: '"template"',
              'last-modified': 'Mon, 23 Nov 2026 12:00:00 GMT',
            },
            body: `<esi:include src="${at}/f"/>`,
          },
          '/f': { headers: { ...HTML, 'set-cookie': 'f=1', 'x-fragment': '1', 'surrogate-key': 'k' }, body: 'F' },
        });
        const { headers } = await get();
        for (const name of [
          'surrogate-control',
          'surrogate-key',
          'cache-tag',
          'set-cookie',
          'x-fragment',
          'last-modified',
        ]) {
          expect([name, headers.get(name)]).toEqual([name, null]);
        }
        expect(headers.get('etag')).not.toBe('"template"');
        expect(headers.get('x-own')).toBe('kept');
        for (const path of ['/page', '/f']) {
          const [request] = await received(path);
          expect(line(request, 'surrogate-capability')).toBe('inlay="Surrogate/1.0 ESI/1.0"');
        }
      });

      test('passes on nothing that only the gateway may say', async () => {
        const { at, web, get, received } = folder();
        await web({ '/page': page(`<esi:include src="${at}/f"/>`), '/f': { headers: HTML, body: 'F' } });
        const forged = {
          'inlay-user': 'admin',
          'x-inlay-tenant': '1',
          'x-forwarded-for': '6.6.6.6',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-scheme': 'http',
          'x-forwarded-user': 'admin',
          'x-original-url': '/admin',
          'x-http-method-override': 'DELETE',
          forwarded: 'for=6.6.6.6',
        };
        await get('/page', { headers: forged });
        for (const path of ['/page', '/f']) {
          const [request] = await received(path);
          const values = Object.keys(forged).map((name) => [name, line(request, name)]);
          const evil = values.filter(([name, value]) => value === forged[name as keyof typeof forged]);
          expect([path, evil]).toEqual([path, []]);
        }
      });

      test("gives cookies and credentials to the page's own service and to those that are to have them", async () => {
        const { at, web, get, received, id } = folder();
        await web({
          '/page': page(
            `<esi:include src="${at}/f"/><esi:include src="/shop/${id}"/><esi:include src="/me/${id}"/><esi:include src="/product/${id}"/>`,
          ),
          '/f': { headers: HTML, body: '1' },
        });
        await subject.script(`/catalog/shop/${id}`, { headers: HTML, body: '2' });
        await subject.script(`/visitor/me/${id}`, { headers: HTML, body: '3' });
        await subject.script(`/catalog/product/${id}`, { headers: HTML, body: '4' });
        const { text } = await get('/page', { headers: { cookie: 'sid=1', authorization: 'Bearer t' } });
        expect(text).toBe('1234');
        const got = async (requests: readonly ScriptedRequest[]) =>
          requests.map((request) => [line(request, 'cookie'), line(request, 'authorization')]);
        expect(await got(await received('/page'))).toEqual([['sid=1', 'Bearer t']]);
        expect(await got(await received('/f'))).toEqual([['sid=1', 'Bearer t']]);
        expect(await got(await subject.received(`/catalog/shop/${id}`))).toEqual([[undefined, undefined]]);
        expect(await got(await subject.received(`/visitor/me/${id}`))).toEqual([['sid=1', undefined]]);
        expect(await got(await subject.received(`/catalog/product/${id}`))).toEqual([[undefined, undefined]]);
      });

      test('gives every fragment the request id and the trace', async () => {
        const { at, web, get, received } = folder();
        await web({
          '/page': page(`<esi:include src="${at}/f"/><esi:include src="${at}/g"/>`),
          '/f': { headers: HTML, body: 'F' },
          '/g': { headers: HTML, body: 'G' },
        });
        const { headers } = await get();
        const requests = [...(await received('/page')), ...(await received('/f')), ...(await received('/g'))];
        const traces = requests.map((request) => (line(request, 'traceparent') ?? '').split('-'));
        expect(new Set(requests.map((request) => line(request, 'x-request-id')))).toEqual(
          new Set([headers.get('x-request-id')]),
        );
        expect(new Set(traces.map(([, trace]) => trace)).size).toBe(1);
        expect(new Set(traces.map(([, , span]) => span)).size).toBe(3);
      });
    });

    describe('methods', () => {
      test('answers HEAD as GET, without a body', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': keptPage(`abc<esi:include src="${at}/f"/>`),
          '/f': { headers: { ...HTML, ...KEPT }, body: 'F' },
          '/plain': { headers: { ...HTML, ...KEPT, etag: '"own"' }, body: 'plain' },
        });
        await get();
        const whole = await get();
        const head = await get('/page', { method: 'HEAD' });
        expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' });
        expect(head.headers.get('etag')).toBe(whole.headers.get('etag'));
        expect((await get('/plain', { method: 'HEAD' })).headers.get('etag')).toBe('"own"');
      });

      test('claims nothing about a page in answer to HEAD that GET would not say', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': page(`abc<esi:include src="${at}/f"/>`),
          '/f': { headers: { ...HTML, ...KEPT }, body: 'F' },
        });
        const head = await get('/page', { method: 'HEAD' });
        const whole = await get();
        expect(whole.text).toBe('abcF');
        expect(head.status).toBe(200);
        expect([null, '4']).toContain(head.headers.get('content-length'));
        expect([null, whole.headers.get('etag')]).toContain(head.headers.get('etag'));
      });

      test('passes a POST with its body, and composes the answer', async () => {
        const { at, web, get, received } = folder();
        await web({ '/form': page(`ok <esi:include src="${at}/f"/>`), '/f': { headers: HTML, body: 'F' } });
        const post = {
          method: 'POST',
          body: 'a=1&b=2',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        };
        expect((await get('/form', post)).text).toBe('ok F');
        expect((await get('/form', post)).text).toBe('ok F');
        const requests = await received('/form');
        expect(requests.map(({ method, body }) => [method, body])).toEqual([
          ['POST', 'a=1&b=2'],
          ['POST', 'a=1&b=2'],
        ]);
        expect((await received('/f')).every(({ method, body }) => method === 'GET' && body === '')).toBe(true);
      });

      test('passes on the status of a template, and composes whatever it is', async () => {
        const { at, web, get } = folder();
        await web({
          '/page': { status: 404, headers: ESI, body: `not found <esi:include src="${at}/f"/>` },
          '/f': { headers: HTML, body: 'F' },
          '/moved': { status: 302, headers: { location: '/elsewhere' }, body: '' },
        });
        expect(await get()).toMatchObject({ status: 404, text: 'not found F' });
        const moved = await get('/moved', { redirect: 'manual' });
        expect({ status: moved.status, location: moved.headers.get('location') }).toEqual({
          status: 302,
          location: '/elsewhere',
        });
      });

      test('asks services neither on conditions of clients nor for parts of fragments', async () => {
        const { at, web, get, received } = folder();
        await web({ '/page': page(`<esi:include src="${at}/f"/>`), '/f': { headers: HTML, body: 'F' } });
        const { status, text } = await get('/page', {
          headers: { range: 'bytes=0-0', 'if-none-match': '"x"', 'if-modified-since': 'Mon, 23 Nov 2026 12:00:00 GMT' },
        });
        expect({ status, text }).toEqual({ status: 200, text: 'F' });
        for (const path of ['/page', '/f']) {
          const [request] = await received(path);
          for (const name of ['if-none-match', 'if-modified-since']) expect(line(request, name)).toBeUndefined();
        }
        expect(line((await received('/f'))[0], 'range')).toBeUndefined();
      });
    });
  });
}

/** The value of a field of a received request; its lines joined, so that a doubled one cannot pass for one. */
function line(request: ScriptedRequest | undefined, name: string): string | undefined {
  const values = (request?.rawHeaders ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(' | ');
}
