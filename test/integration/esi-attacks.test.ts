import { afterEach, describe, expect, test } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { cleanups, ESI, ESI_JSON, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

/** Attacks on the language, by the rows of the threat list that they belong to; each was somebody's advisory. */

const stack = cleanups();
afterEach(stack.run);

const HTML = { 'content-type': 'text/html' };

/** A page at `/page` with this body, before a service, another service, and a victim that nobody configured. */
async function setup(body: string, config: Partial<GatewayConfig> = {}) {
  const [origin, other, victim] = [await startOrigin(), await startOrigin(), await startOrigin()];
  for (const server of [origin, other, victim]) stack.add(server);
  const gateway = stack.add(
    await startGateway({
      services: { web: origin.url, other: other.url },
      facades: { all: { routes: { '/*': { service: 'web' } } } },
      ...config,
    }),
  );
  const page = (text: string, headers: object = ESI) => origin.script('/page', { headers: { ...headers }, body: text });
  page(body);
  origin.script('/f', { headers: HTML, body: 'F' });
  victim.script('*', { headers: HTML, body: 'SECRET' });
  return { origin, other, victim, gateway, page };
}

const notes = ({ gateway }: Awaited<ReturnType<typeof setup>>) => gateway.records().at(-1)?.warnings.join('\n') ?? '';

describe('1: a request that the server makes for the attacker', () => {
  test('cannot be told by src, alt, a variable or a stylesheet where to go', async () => {
    const { gateway, victim, page } = await setup('');
    const { host } = new URL(victim.url);
    const [, port] = host.split(':');
    const urls = [
      victim.url,
      `//${host}/`,
      `\\\\${host}\\x`,
      `http://user@${host}/`,
      `http:${host}`,
      `http://2130706433:${port}/`,
      `http://0x7f.1:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://localhost.:${port}/`,
      `https://${host}/`,
      'file:///etc/passwd',
      'gopher://127.0.0.1/',
      'data:text/html,SECRET',
      'javascript:1',
      'http://169.254.169.254/latest/meta-data/',
    ];
    for (const url of urls) {
      for (const include of [
        `<esi:include src="${url}" onerror="continue"/>`,
        `<esi:include src="/none" alt="${url}" onerror="continue"/>`,
        '<esi:include src="$(QUERY_STRING{u})" onerror="continue"/>',
        '<esi:include src="/f?$(QUERY_STRING{u})" dca="xslt" stylesheet="$(QUERY_STRING{u})" onerror="continue"/>',
        '<esi:eval src="$(QUERY_STRING{u})" onerror="continue"/>',
        `<esi:inline name="x">a</esi:inline><esi:include src="$(HTTP_X_URL)" onerror="continue"/>`,
      ]) {
        page(`[${include}]`);
        const { text } = await gateway.get(`/page?u=${encodeURIComponent(url)}`, {
          headers: url.includes('\\') ? {} : { 'x-url': url },
        });
        expect(text).not.toContain('SECRET');
      }
    }
    expect(victim.requests).toEqual([]);
  });

  test('a variable inside src cannot leave its component', async () => {
    const { gateway, origin, victim } = await setup(
      '[<esi:include src="/f/$(QUERY_STRING{u})/x?a=$(QUERY_STRING{u})" onerror="continue"/>]' +
        '<esi:include src="http:$(QUERY_STRING{u})" onerror="continue"/><esi:include src="/$(QUERY_STRING{u})" onerror="continue"/>',
    );
    for (const u of ['../../admin', '..', '/', `//${new URL(victim.url).host}`, '?x=1', '#', 'a&b=c', '\\', '%2e%2e']) {
      await gateway.get(`/page?u=${encodeURIComponent(u)}`);
    }
    expect(victim.requests).toEqual([]);
    const targets = origin.requests.map(({ target }) => target).filter((target) => target.startsWith('/f/'));
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets) expect(target).toMatch(/^\/f\/[^/?#]*\/x\?a=[^&?#/]*$/);
    expect(origin.received('/admin')).toEqual([]);
  });

  test('does not follow a redirect anywhere that is not configured', async () => {
    const { gateway, origin, victim } = await setup('[<esi:include src="/r" onerror="continue"/>]');
    origin.script('/r', { status: 302, headers: { ...HTML, location: `${victim.url}/` }, body: '' });
    expect((await gateway.get('/page')).text).toBe('[]');
    expect(victim.requests).toEqual([]);
  });

  test('may name a configured service, and nothing beside it', async () => {
    const { gateway, other, page } = await setup('');
    other.script('/o', { headers: HTML, body: 'O' });
    page(`<esi:include src="${other.url}/o"/>`);
    expect((await gateway.get('/page')).text).toBe('O');
  });
});

describe('2: theft of cookies and credentials', () => {
  const STOLEN = { cookie: 'sid=secret; theme=dark', authorization: 'Bearer token', 'proxy-authorization': 'Basic x' };

  test('only the cookies that the configuration names can be read', async () => {
    const context = await setup(
      '<esi:vars>[$(HTTP_COOKIE{theme})$(HTTP_COOKIE{sid})|$(HTTP_COOKIE)|$(HTTP_HEADER{Cookie})|$(HTTP_HEADER{cookie})]</esi:vars>',
      { esi: { cookies: ['theme'] } },
    );
    expect((await context.gateway.get('/page', { headers: STOLEN })).text).toBe('[dark|theme=dark||]');
  });

  test('Authorization can be read in no spelling', async () => {
    const spellings = [
      'HTTP_AUTHORIZATION',
      'HTTP_Authorization',
      'HTTP_PROXY_AUTHORIZATION',
      'HTTP_HEADER{Authorization}',
      'HTTP_HEADER{AUTHORIZATION}',
      "HTTP_HEADER{' authorization '}",
      "HTTP_HEADER{'proxy_authorization'}",
      'HTTP_HEADER',
      'AUTHORIZATION',
    ];
    const { gateway } = await setup(`<esi:vars>${spellings.map((name) => `[$(${name})]`).join('')}</esi:vars>`);
    const { text } = await gateway.get('/page', { headers: STOLEN });
    expect(text).toBe('[]'.repeat(spellings.length));
  });

  test('no credential reaches another service, nor one that was narrowed away by src', async () => {
    const context = await setup('', { esi: { cookies: [] } });
    const { gateway, other, page } = context;
    other.script('*', { headers: HTML, body: 'O' });
    page(`<esi:include src="${other.url}/o?c=$(HTTP_COOKIE{sid})&amp;a=$(HTTP_AUTHORIZATION)"/>`);
    expect((await gateway.get('/page', { headers: STOLEN })).text).toBe('O');
    const [request] = other.requests;
    expect(request!.target).toBe('/o?c=&a=');
    expect([request!.field('cookie'), request!.field('authorization')]).toEqual([undefined, undefined]);
  });
});

describe('3: script by way of variables', () => {
  const XSS = `"><script>alert('1')</script>&<esi:include src="/f"/>$(HTTP_HOST)`;

  test('is escaped in text and attributes, and is no markup of ESI', async () => {
    const { gateway, origin } = await setup(
      '<esi:vars><a title="$(QUERY_STRING{q})">$(HTTP_X_Q)$(HTTP_COOKIE{q})</a></esi:vars><esi:foreach collection="[$(QUERY_STRING{q})]">$(item)</esi:foreach>',
    );
    const { text } = await gateway.get(`/page?q=${encodeURIComponent(XSS)}`, {
      headers: { 'x-q': XSS, cookie: `q=${XSS}` },
    });
    const escaped =
      '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&lt;esi:include src=&quot;/f&quot;/&gt;$(HTTP_HOST)';
    expect(text).toBe(`<a title="${escaped}">${escaped}${escaped}</a>${escaped}`);
    expect(origin.received('/f')).toEqual([]);
  });

  test('a function does not lose the escaping', async () => {
    const { gateway } = await setup(
      '<esi:function name="f">$(ARGS{0})</esi:function><esi:vars>$f($(QUERY_STRING{q}))</esi:vars>',
    );
    expect((await gateway.get('/page?q=%3Cb%3E')).text).toBe('&lt;b&gt;');
  });

  test('is no JSON but a string where $json_encode puts it', async () => {
    const { gateway } = await setup(
      '<esi:vars><script>var q = "</esi:vars><esi:vars>$json_encode($(QUERY_STRING{q}))</esi:vars>',
    );
    const { text } = await gateway.get(`/page?q=${encodeURIComponent('</script>"')}`);
    expect(text).not.toContain('</script>');
  });

  test('second order: what a fragment printed is not read again', async () => {
    const { gateway, origin } = await setup('<esi:include src="/echo?q=$(QUERY_STRING{q})"/>');
    origin.script('/echo', ({ target }) => ({ headers: HTML, body: decodeURIComponent(target.slice(8)) }));
    const { text } = await gateway.get(`/page?q=${encodeURIComponent('<esi:include src="/f"/>')}`);
    expect(text).toBe('<esi:include src="/f"/>');
    expect(origin.received('/f')).toEqual([]);
  });
});

describe('4: header injection', () => {
  test('line ends cannot be put into a request by src', async () => {
    const { gateway, origin, page } = await setup('');
    for (const src of [
      '/f&#13;&#10;X-Injected: 1',
      '/f&#10;X: 1',
      '/f&#0;',
      '/f HTTP/1.1&#13;&#10;Host: evil',
      '$(QUERY_STRING{u})',
      '/f?$(QUERY_STRING{u})',
    ]) {
      page(`[<esi:include src="${src}" onerror="continue"/>]`);
      const { status } = await gateway.get('/page?u=%2Ff%0d%0aX-Injected:%201');
      expect(status).toBe(200);
    }
    for (const request of origin.requests) {
      expect(request.field('x-injected')).toBeUndefined();
      expect(request.field('x')).toBeUndefined();
    }
  });

  test('nor by header attributes of privileged pages, which cannot touch framing either', async () => {
    const { gateway, origin } = await setup(
      [
        '<esi:include src="/f?1" setheader="X-A: a&#13;&#10;X-Injected: 1"/>',
        '<esi:include src="/f?2" setheader="X-B: $(QUERY_STRING{u})"/>',
        ...[
          'Host: evil',
          'Transfer-Encoding: chunked',
          'Content-Length: 5',
          'Connection: x-c',
          'X Y: 1',
          'X-C&#13;&#10;X-Injected: 1',
        ].map((field, i) => `<esi:include src="/f?${i + 3}" setheader="${field}" appendheader="${field}"/>`),
      ].join(''),
      { esi: { privileged: true } },
    );
    expect((await gateway.get('/page?u=a%0d%0aX-Injected:%201')).text).toBe('F'.repeat(8));
    for (const request of origin.received('/f')) {
      expect(request.field('x-injected')).toBeUndefined();
      expect(request.lines('host')).toEqual([new URL(origin.url).host]);
      expect([request.field('transfer-encoding'), request.field('content-length')]).toEqual([undefined, undefined]);
    }
  });

  test('nor into the response by functions of privileged pages', async () => {
    const { gateway } = await setup(
      "<esi:vars>$add_header('X-A', $(QUERY_STRING{u}))$add_header('X-B', 'b')$add_header('Content-Length', '1')$add_header('Transfer-Encoding', 'x')$add_header('Set-Cookie', 'sid=1')ok</esi:vars>",
      { esi: { privileged: true } },
    );
    const { headers, text } = await gateway.get('/page?u=a%0d%0aX-Injected:%201');
    expect(text).toBe('ok');
    expect([headers['x-injected'], headers['x-a'], headers['set-cookie']]).toEqual([undefined, undefined, undefined]);
    expect([headers['x-b'], headers['content-length'], headers['transfer-encoding']]).toEqual(['b', '2', undefined]);
  });
});

describe('5: stylesheets and entities', () => {
  test('dca="xslt" is not implemented, and no DTD is read', async () => {
    const context = await setup('');
    const { gateway, origin, page } = context;
    page(
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><esi:include src="/f" dca="xslt" stylesheet="/evil.xsl"/>&e;',
      { ...ESI, 'content-type': 'text/xml' },
    );
    expect((await gateway.get('/page')).text).toBe('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>F&e;');
    expect(origin.received('/evil.xsl')).toEqual([]);
    expect(notes(context)).toContain('dca="xslt"');
  });
});

describe('6: what reaches outside of the page', () => {
  test('needs esi.privileged: without it, attributes and functions do nothing but warn', async () => {
    const context = await setup(
      `<esi:include src="/f" method="POST" entity="x" setheader="X-A: 1" appendheader="X-A: 2" removeheader="accept"/>` +
        `<esi:vars>$add_header('X-B', '1')$set_response_code(500)$set_redirect('http://evil.test/')</esi:vars>`,
    );
    const { status, headers, text } = await context.gateway.get('/page');
    expect([status, text, headers['x-b'], headers.location]).toEqual([200, 'F', undefined, undefined]);
    const [request] = context.origin.received('/f');
    expect([request!.method, request!.body, request!.field('x-a'), request!.field('accept') === undefined]).toEqual([
      'GET',
      '',
      undefined,
      false,
    ]);
    expect(context.gateway.records()).toHaveLength(1);
  });

  test('inline is gone with its page, and is not what a client asks for', async () => {
    const { gateway, origin, page } = await setup(
      '<esi:inline name="/f" fetchable="yes">INLINE</esi:inline><esi:include src="/f"/>',
    );
    expect((await gateway.get('/page')).text).toBe('INLINE');
    expect((await gateway.get('/f')).text).toBe('F');
    page('<esi:include src="/f"/>');
    expect((await gateway.get('/page?2')).text).toBe('F');
    expect(origin.received('/f').length).toBeGreaterThan(0);
  });
});

describe('7: tags in what others wrote', () => {
  const TAG = '<esi:include src="/f"/><!--esi x-->';

  test('are text in answers that did not opt in, errors too, whatever the client says', async () => {
    const { gateway, origin } = await setup('');
    const says = { 'surrogate-control': 'content="ESI/1.0"', 'surrogate-capability': 'x="ESI/1.0"' };
    for (const [status, type] of [
      [200, 'text/html'],
      [404, 'text/html'],
      [500, 'text/html'],
      [200, 'application/json'],
    ] as const) {
      origin.script('/user', { status, headers: { 'content-type': type }, body: TAG });
      expect((await gateway.get(`/user?${status}${type}`, { headers: says })).text).toBe(TAG);
    }
    origin.script('/user', { headers: { ...ESI, 'content-type': 'image/svg+xml' }, body: TAG });
    expect((await gateway.get('/user?image', { headers: says })).text).toBe(TAG);
    expect(origin.received('/f')).toEqual([]);
  });

  test('are text in fragments that did not opt in, and the opt-in does not leave the gateway', async () => {
    const { gateway, origin } = await setup('[<esi:include src="/user"/>]');
    origin.script('/user', { headers: HTML, body: TAG });
    const { text, headers } = await gateway.get('/page');
    expect([text, headers['surrogate-control']]).toEqual([`[${TAG}]`, undefined]);
    expect(origin.received('/f')).toEqual([]);
  });

  test('dca="none" keeps even those that opted in from running', async () => {
    const { gateway, origin } = await setup('[<esi:include src="/user" dca="none"/>]');
    origin.script('/user', { headers: ESI, body: TAG });
    expect((await gateway.get('/page')).text).toBe(`[${TAG}]`);
  });
});

describe('8: fragments asked for from outside', () => {
  test('a client cannot make the gateway believe that it is one', async () => {
    const { gateway, origin } = await setup('<esi:include src="/f"/>');
    await gateway.get('/page', {
      headers: { 'x-esi-depth': '-100', 'inlay-depth': '-100', 'x-forwarded-for': '127.0.0.1' },
    });
    for (const request of origin.requests) {
      expect(request.field('x-forwarded-for')).not.toBe('127.0.0.1, 127.0.0.1');
      expect(request.lines('cdn-loop')).toHaveLength(1);
    }
  });
});

describe('9: bombs of includes', () => {
  const ENOUGH = { timeout: 20_000 };

  test('broad ones end at the number of includes', ENOUGH, async () => {
    const { gateway, origin } = await setup('<esi:include src="/f" onerror="continue"/>'.repeat(1_000));
    origin.script('/f', { headers: { ...HTML, 'cache-control': 'no-store' }, body: 'F' });
    expect((await gateway.get('/page')).text).toBe('F'.repeat(256));
    expect(origin.received('/f').length).toBeLessThanOrEqual(256);
  });

  test('deep and broad ones end at both limits, however the loop is closed', ENOUGH, async () => {
    const { gateway, origin } = await setup('<esi:include src="/deep?0" onerror="continue"/>');
    let asked = 0;
    origin.script('/deep', () => ({
      headers: { ...ESI, 'cache-control': 'no-store' },
      body: Array.from({ length: 20 }, () => `<esi:include src="/deep?${asked++}" onerror="continue"/>`).join('.'),
    }));
    const { status, complete } = await gateway.get('/page');
    expect([status, complete]).toEqual([200, true]);
    expect(origin.received('/deep').length).toBeLessThanOrEqual(256);
  });

  test('a document that includes or evaluates itself ends', ENOUGH, async () => {
    const { gateway, origin, page } = await setup('');
    for (const tag of ['include', 'eval']) {
      page(`a<esi:${tag} src="/page?${tag}" onerror="continue"/>b`);
      expect((await gateway.get(`/page?${tag}`)).complete).toBe(true);
    }
    expect(origin.received('/page').length).toBeLessThan(20);
  });

  test('loops over includes end there too', ENOUGH, async () => {
    const { gateway, origin } = await setup(
      '<esi:foreach collection="[1..10000]"><esi:include src="/f?$(item)" onerror="continue"/></esi:foreach>',
    );
    expect((await gateway.get('/page')).text).toBe('F'.repeat(256));
    expect(origin.received('/f').length).toBe(256);
  });
});

describe('10: bombs of markup', () => {
  const QUICK = { timeout: 15_000 };

  test('deep nesting, long attributes and many directives take their time and no more', QUICK, async () => {
    const { gateway, page } = await setup('');
    const bombs = [
      '<esi:vars>'.repeat(100_000),
      '<esi:choose><esi:when test="1">'.repeat(20_000),
      '<!--esi '.repeat(100_000),
      `<esi:include src="/f?${'x'.repeat(1_048_576)}"/>`,
      `<esi:include src="/f" x="${'$('.repeat(30_000)}"/>`,
      `<esi:vars>${'$(A|'.repeat(200_000)}</esi:vars>`,
      `<esi:choose><esi:when test="${'('.repeat(60_000)}">x</esi:when></esi:choose>`,
      '<esi:comment text="c"/>'.repeat(10_000),
      '<esi:vars>$(x)</esi:vars>'.repeat(10_000),
      '<esi:foreach collection="[1..10000]"><esi:foreach collection="[1..10000]">xxxxxxxxxxxxxxxx</esi:foreach></esi:foreach>',
      '<esi:function name="f">$f()$f()</esi:function><esi:vars>$f()</esi:vars>',
      `${'<esi:try/>'.repeat(100_000)}<esi:include src="/f"/>`,
    ];
    for (const bomb of bombs) {
      page(`[${bomb}`);
      const startedAt = performance.now();
      const { status, complete } = await gateway.get(`/page?${bombs.indexOf(bomb)}`);
      expect([status, complete]).toEqual([200, true]);
      expect(performance.now() - startedAt).toBeLessThan(4_000);
    }
  });

  test('a loop may come to as many pieces as its steps allow', QUICK, async () => {
    const { gateway } = await setup(
      '<esi:foreach collection="[1..10000]"><esi:foreach collection="[1..10000]">a<esi:choose><esi:otherwise>x<esi:try/>y</esi:otherwise></esi:choose>b</esi:foreach></esi:foreach>',
    );
    expect((await gateway.get('/page')).status).toBe(200);
  });

  test('an element that never ends in a page that never ends is ended by limits.pageSize', QUICK, async () => {
    for (const open of [
      '<esi:vars>$(',
      '<esi:choose>',
      '<esi:remove>',
      '<esi:text>',
      '<esi:foreach collection="[1]">',
      '<esi:vars>',
    ]) {
      const { gateway, origin } = await setup('', { limits: { pageSize: '256kb' } });
      origin.script('/page', {
        headers: ESI,
        body: (function* () {
          yield open;
          for (;;) yield 'x'.repeat(16_384);
        })(),
      });
      const { status, complete } = await gateway.get('/page');
      expect(status === 502 || !complete).toBe(true);
      await expect.poll(() => origin.received('/page')[0]?.left).toBe(true);
      await stack.run();
    }
  });
});

describe('11: patterns that never end', () => {
  test('a pattern takes linear time, whoever wrote it', async () => {
    const context = await setup(
      `<esi:choose><esi:when test="$(QUERY_STRING{t}) matches '^(a+)+$'">yes</esi:when><esi:otherwise>no</esi:otherwise></esi:choose>` +
        `<esi:choose><esi:when test="$(QUERY_STRING{t}) matches $(QUERY_STRING{p})">yes</esi:when><esi:otherwise>no</esi:otherwise></esi:choose>`,
    );
    for (const p of [
      '(a|aa)+$',
      '(a*)*b',
      '(.*)*(.*)*(.*)*x',
      `${'(a?){20}'.repeat(10)}`,
      '(?=a)',
      '(a)\\1',
      '[',
      'a{1000}{1000}',
    ]) {
      const startedAt = performance.now();
      const { text } = await context.gateway.get(`/page?t=${'a'.repeat(4_000)}!&p=${encodeURIComponent(p)}`);
      expect(text).toMatch(/^no(yes|no)$/);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });
});

describe('12: names of the language underneath', () => {
  test('are names like any other', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
    const { gateway } = await setup(
      names
        .map(
          (name) =>
            `<esi:vars>[$(${name})$(QUERY_STRING{${name}})$(HTTP_COOKIE{${name}})$(HTTP_HEADER{${name}})$(GEO{${name}})$${name}()]</esi:vars>` +
            `<esi:assign name="${name}" value="{'${name}': 1}"/><esi:vars>$(${name}{${name}})</esi:vars>`,
        )
        .concat('<esi:vars>$(x{y})</esi:vars>')
        .join(''),
    );
    expect((await gateway.get('/page')).text).toBe('[]1'.repeat(names.length));
    expect((await gateway.get(`/page?__proto__=a&constructor=b`)).text).toContain('[a]1[b]1');
    expect(({} as Record<string, unknown>).y).toBeUndefined();
  });

  test('in JSON stay what they are, and deep JSON is refused or passed, never a crash', async () => {
    const { gateway, page, origin } = await setup('');
    const odd =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"esi:include":{"src":"/j"}}}';
    origin.script('/j', { headers: { 'content-type': 'application/json' }, body: '{"__proto__":2}' });
    page(odd, ESI_JSON);
    expect((await gateway.get('/page?odd')).text).toBe(odd.replace('{"esi:include":{"src":"/j"}}', '{"__proto__":2}'));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    page('['.repeat(200_000), ESI_JSON);
    expect([200, 502]).toContain((await gateway.get('/page?deep')).status);
    expect((await gateway.get('/f')).text).toBe('F');
  });
});

describe('13: bytes that change on their way', () => {
  const ALL = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i))
    .filter((c) => c !== '<' && c !== '$')
    .join('');

  test('survive whatever they encode, in the page, in elements and in fragments', async () => {
    const { gateway, origin } = await setup('');
    const places = ['', 'vars', 'text', 'unknown'].map((tag) => (tag === '' ? ALL : `<esi:${tag}>${ALL}</esi:${tag}>`));
    const branches = `<esi:choose><esi:when test="1">${ALL}</esi:when></esi:choose><esi:foreach collection="[1,2]">${ALL}</esi:foreach>`;
    origin.script('/page', {
      headers: { ...ESI, 'content-type': 'text/html; charset=latin1' },
      latin1: true,
      body: `${places.join('')}${branches}<esi:include src="/bytes"/>`,
    });
    origin.script('/bytes', { headers: HTML, latin1: true, body: `${ALL}\xc3(\xff\xfe` });
    expect((await gateway.get('/page')).latin1).toBe(`${ALL.repeat(7)}${ALL}\xc3(\xff\xfe`);
  });

  test('are the same however the service cuts them', async () => {
    const { gateway, origin } = await setup('');
    const text = `\u00e9<esi:vars>\u{1f370}$(QUERY_STRING{q}|'\u00fc')</esi:vars><esi:include src="/f"/><!--esi \u{1f370} -->`;
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 3, 1_000]) {
      origin.script('/page', {
        headers: ESI,
        body: Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size)),
        pause: size < 3 ? 1 : 0,
      });
      expect((await gateway.get(`/page?${size}`)).text).toBe('\u00e9\u{1f370}\u00fcF \u{1f370} ');
    }
  });
});

describe('a page that takes too many steps', () => {
  test('goes on with what needs none, prints nothing, and says so', async () => {
    const context = await setup(
      'a<esi:foreach collection="[1..10000]"><esi:foreach collection="[1..10000]"><esi:vars name="$(item)"/></esi:foreach></esi:foreach>b<esi:vars>[$(HTTP_HOST)]</esi:vars><esi:include src="/f"/>c',
    );
    const { text, status } = await context.gateway.get('/page');
    expect(status).toBe(200);
    expect(text.startsWith('a')).toBe(true);
    expect(text.endsWith('b[]Fc')).toBe(true);
    expect(notes(context)).toContain('too-many-steps');
  });
});

describe('variables of a page that streams', () => {
  test('what comes later in the page does not change what an include before it falls back to', async () => {
    const { gateway, origin } = await setup(
      'a<esi:foreach collection="[1,2]"><esi:include src="/bad" alt="/alt?$(item)"/></esi:foreach><esi:assign name="v" value="1"/><esi:include src="/bad" alt="/alt?v$(v)"/><esi:assign name="v" value="2"/>',
    );
    origin.script('/bad', { status: 500, headers: HTML, body: 'no', delay: 30 });
    origin.script('/alt', ({ target }) => ({ headers: HTML, body: target.slice(4) }));
    expect((await gateway.get('/page')).text).toBe('a?1?2?v1');
  });

  test('an except runs in the variables of its place', async () => {
    const { gateway, origin } = await setup(
      '<esi:foreach collection="[1,2]"><esi:try><esi:attempt><esi:include src="/bad"/></esi:attempt><esi:except>[$(item)]</esi:except></esi:try></esi:foreach>',
    );
    origin.script('/bad', { status: 500, headers: HTML, body: 'no', delay: 30 });
    expect((await gateway.get('/page')).text).toBe('[1][2]');
  });

  test('an eval is awaited by what follows it, in later chunks too', async () => {
    const { gateway, origin } = await setup('');
    origin.script('/page', {
      headers: ESI,
      body: ['a<esi:eval src="/set"/>', '<esi:vars>[$(v)]</esi:vars>'],
      pause: 20,
    });
    origin.script('/set', { headers: ESI, body: '<esi:assign name="v" value="1"/>', delay: 100 });
    expect((await gateway.get('/page')).text).toBe('a[1]');
  });
});

describe('attributes of an include, seen by others', () => {
  const ME = (cacheControl: string) => (request: { field(name: string): string | undefined }) => ({
    headers: { ...HTML, 'cache-control': cacheControl, etag: '"v"' },
    body: `hello ${request.field('cookie') ?? 'nobody'}`,
  });

  test.each(['max-age=0', 'no-cache', 'private', 'max-age=60, must-revalidate, private'])(
    'ttl does not make an answer of one visitor that says %s fit for others',
    async (cacheControl) => {
      const { gateway, origin } = await setup('<esi:include src="/me" ttl="1h"/>');
      origin.script('/me', ME(cacheControl));
      for (const cookie of ['u=alice', 'u=bob', 'u=carol']) {
        const { text, headers } = await gateway.get('/page', { headers: { cookie } });
        expect(text).toBe(`hello ${cookie}`);
        expect(headers['cache-control']).toContain('private');
      }
    },
  );

  test('maxwait is a matter of its own page: others get the fragment that they wait for', async () => {
    const { gateway, origin } = await setup('A<esi:include src="/slow" maxwait="40" onerror="continue"/>');
    origin.script('/b', { headers: ESI, body: 'B<esi:include src="/slow"/>' });
    origin.script('/slow', { headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'slow', delay: 300 });
    const impatient = gateway.get('/page');
    const patient = gateway.get('/b');
    expect((await impatient).text).toBe('A');
    expect((await patient).text).toBe('Bslow');
    expect(origin.received('/slow').length).toBeLessThanOrEqual(2);
  });

  test('an inline is seen by its own document alone, and only under a name that markup writes out', async () => {
    const { gateway, origin } = await setup(
      '<esi:include src="/frag"/><esi:include src="/login"/><esi:inline name="/own">mine</esi:inline><esi:include src="/own"/><esi:include src="$(QUERY_STRING{u})"/>',
    );
    origin.script('/frag', { headers: ESI, body: '<esi:inline name="/login">EVIL</esi:inline>' });
    origin.script('/login', { headers: HTML, body: 'REAL' });
    origin.script('/own', { headers: HTML, body: 'theirs' });
    for (let i = 0; i < 2; i++) expect((await gateway.get('/page?u=/own')).text).toBe('REALminetheirs');
  });

  test('an eval inside an inline is awaited by what follows it', async () => {
    const { gateway, origin } = await setup(
      '<esi:inline name="i"><esi:eval src="/e"/></esi:inline><esi:include src="i"/><esi:vars>x=[$(x)]</esi:vars>',
    );
    origin.script('/e', {
      headers: { ...HTML, 'cache-control': 'max-age=60' },
      body: '<esi:assign name="x" value="1"/>',
      delay: 30,
    });
    for (let i = 0; i < 2; i++) expect((await gateway.get('/page')).text).toBe('x=[1]');
  });

  test('nested elements are work, too: a loop over a tree of them ends at the budget', async () => {
    const tree = (depth: number): string =>
      depth === 0 ? 'x' : `<esi:try><esi:attempt>${tree(depth - 1).repeat(3)}</esi:attempt></esi:try>`;
    const context = await setup(`<esi:foreach collection="[1..9000]">${tree(7)}</esi:foreach>`);
    expect((await context.gateway.get('/page')).status).toBe(200);
    expect(notes(context)).toContain('too-many-steps');
  });
});
