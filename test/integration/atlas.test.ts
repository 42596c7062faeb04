import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Atlas, get, type LogLine, putCountry, startAtlas } from '../support/proxy.ts';

/** Ms in which anything here must happen. */
const SOON = { timeout: 10_000, interval: 20 };

const franceNeighbours = ['AND', 'BEL', 'CHE', 'DEU', 'ESP', 'ITA', 'LUX', 'MCO'];

let atlas: Atlas;
beforeAll(async () => {
  atlas = await startAtlas();
});
afterAll(() => atlas.stop());
beforeEach(() => atlas.requestsAt('catalogue'));

/** What `/api/search` answers: by itself without `country`. */
interface SearchAnswer {
  readonly query: string;
  readonly total: number;
  readonly hits: readonly { readonly code: string; readonly score: number; readonly country: LogLine }[];
}

const visit = (path: string, headers?: Record<string, string>) => get(atlas.proxy.url + path, headers);

/** The record of the last request for a path. */
const recordOf = (path: string) =>
  vi.waitFor(() => {
    const record = atlas.proxy.log.findLast((line) => line.path === path);
    expect(record).toBeDefined();
    return record as LogLine & { readonly parts: Record<string, number>; readonly errors: readonly string[] };
  }, SOON);

async function purge(body: object): Promise<void> {
  const answer = await fetch(`${atlas.proxy.adminUrl}/_inlay/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

describe('pages of Atlas', () => {
  test.each([
    ['/', ['<title>Atlas: the countries of the world</title>', '>France</a>', 'Flag of Japan', 'name="name"']],
    ['/country/FRA', ['<title>France · Atlas</title>', '<h1>France</h1>', '<dd>French Republic</dd>', '>Monaco</a>']],
    ['/country/CHE', ['<dd>Swiss franc (Fr.)</dd>', '<dd>French, Swiss German, Italian, Romansh</dd>']],
    ['/country/ISL', ['<h1>Iceland</h1>', 'No land border with anybody.']],
    ['/region/Oceania', ['<h1>Oceania</h1>', '>New Zealand</a>', '>Palau</a>']],
    ['/search?q=fr', ['for “fr”', '>France</a>', '>Sierra Leone</a>']],
    ['/search?q=', ['Type the beginning of a country']],
  ])('%s is assembled, and nothing of a directive is left', async (path, expected) => {
    const page = await visit(path);
    expect(page.status).toBe(200);
    for (const text of expected) expect(page.body).toContain(text);
    expect(page.body).not.toMatch(/<\/?esi:|<!--esi/);
    expect(page.body).toContain('Composed by Inlay from five services');
    expect(page.body).not.toContain('directives unanswered');
    expect(page.body.trimEnd().endsWith('</html>')).toBe(true);
    expect(page.headers.has('surrogate-control')).toBe(false);
    expect(page.headers.has('surrogate-key')).toBe(false);
  });

  test('the same country in a title, a heading and an attribute is fetched once', async () => {
    const { body } = await visit('/country/KEN');
    expect(body.match(/Kenya/g)?.length).toBeGreaterThanOrEqual(3);
    const requests = await atlas.requestsAt('catalogue');
    expect(requests.filter((request) => request.startsWith('GET /fragments/country-name'))).toEqual([
      'GET /fragments/country-names?codes=KEN 1 code',
    ]);
  });

  test.each(['/', '/country/CAN', '/region/Asia', '/search?q=a', '/api/search?q=be', '/api/neighbours/CAN'])(
    'the second request of %s asks the catalogue nothing',
    async (path) => {
      const first = await visit(path);
      await atlas.requestsAt('catalogue');
      const second = await visit(path);
      expect(second.body).toBe(first.body);
      expect(await atlas.requestsAt('catalogue')).toEqual([]);
    },
  );

  test('an unknown country is a composed page with status 404', async () => {
    const page = await visit('/country/XXX');
    expect(page.status).toBe(404);
    expect(page.body).toContain('<h1>Not found</h1>');
    expect(page.body).toContain('Composed by Inlay');
    expect(page.body).not.toContain('<esi:');
  });

  test('a search for markup is answered with text', async () => {
    const page = await visit(`/search?q=${encodeURIComponent('<esi:include src="/fragments/country-card/FRA"/>')}`);
    expect(page.status).toBe(200);
    expect(page.body).not.toContain('>France</a>');
    expect(page.body).not.toContain('<esi:');
    expect(page.body).toContain('&lt;esi:include');
  });
});

describe('JSON of Atlas', () => {
  test('a search that answers codes is hydrated where its route says, in the order of its hits', async () => {
    const answer = await visit('/api/search?q=fr&limit=3');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    const hydrated = JSON.parse(answer.body) as SearchAnswer;
    const bare = JSON.parse((await get(`${atlas.services.urls.search}/api/search?q=fr&limit=3`)).body) as SearchAnswer;
    expect({ ...hydrated, hits: hydrated.hits.map(({ code, score }) => ({ code, score })) }).toEqual(bare);
    expect(hydrated.hits.map(({ country }) => country.code)).toEqual(bare.hits.map(({ code }) => code));
    expect(hydrated.hits[0]!.country).toMatchObject({ code: 'FRA', name: 'France', capital: 'Paris', area: 551695 });
    expect(answer.body, 'the country stands behind its code').toContain('{"code":"FRA","country":{"code":"FRA",');
    expect(answer.body).not.toContain('esi:include');
  });

  test('a country brings its neighbours one level deep, its currencies and its languages', async () => {
    const { hits } = JSON.parse((await visit('/api/search?q=liechtenstein')).body) as SearchAnswer;
    expect(hits[0]!.country).toMatchObject({
      code: 'LIE',
      borders: [
        { code: 'AUT', name: 'Austria', capital: 'Vienna', flag: '/flags/aut.svg' },
        { code: 'CHE', name: 'Switzerland', capital: 'Bern', flag: '/flags/che.svg' },
      ],
      currencies: [{ code: 'CHF', name: 'Swiss franc', symbol: 'Fr.' }],
      languages: [{ code: 'deu', name: 'German' }],
    });
    expect(Object.keys((hits[0]!.country.borders as object[])[0]!)).toEqual(['code', 'name', 'capital', 'flag']);
  });

  test('a client that wants the codes alone gets what search answered', async () => {
    const bare = await get(`${atlas.services.urls.search}/api/search?q=fr`);
    const refused = await visit('/api/search?q=fr', { 'inlay-hydrate': '?0' });
    expect(refused.body).toBe(bare.body);
    expect(refused.headers.get('vary')).toMatch(/inlay-hydrate/i);
    expect((await visit('/api/search?q=fr')).body).toContain('"name":"France"');
  });

  test('neighbours are hydrated as a list of one directive, with the fields that it names', async () => {
    const answer = await visit('/api/neighbours/FRA');
    const { code, neighbours } = JSON.parse(answer.body) as { code: string; neighbours: LogLine[] };
    expect(code).toBe('FRA');
    expect(neighbours.map((country) => country.code).sort()).toEqual(franceNeighbours);
    for (const neighbour of neighbours) {
      expect(Object.keys(neighbour)).toEqual(['code', 'name', 'official', 'capital', 'flag']);
    }
  });

  test('the page of a country has the country as a block of JSON', async () => {
    const { body } = await visit('/country/FRA');
    const [, block = ''] = /<script type="application\/json" id="country-data">(.*?)<\/script>/.exec(body) ?? [];
    expect(JSON.parse(block)).toMatchObject({ code: 'FRA', currencies: [{ code: 'EUR', name: 'Euro' }] });
  });
});

describe('a change at the catalogue', () => {
  test('is on the next page, and only the fragments of that country are fetched again', async () => {
    await visit('/country/FRA');
    await visit('/');
    await atlas.requestsAt('catalogue');
    await putCountry(atlas, 'FRA', { capital: 'Lyon' });
    const page = await visit('/country/FRA');
    expect(page.body).toContain('<dd>Lyon</dd>');
    expect(page.body).not.toContain('<dd>Paris</dd>');
    expect(await atlas.requestsAt('catalogue')).toEqual([
      'GET /entities/countries?codes=FRA 1 code',
      'GET /fragments/country-facts/FRA',
      'GET /fragments/country-names?codes=FRA 1 code',
      'PUT /countries/FRA',
    ]);
    expect((await visit('/')).body).toContain('<p>Lyon</p>');
    expect(await atlas.requestsAt('catalogue')).toEqual(['GET /fragments/country-cards?codes=FRA 1 code']);
  });

  test('is in the next JSON answer', async () => {
    const path = '/api/search?q=brazil';
    await visit(path);
    await atlas.requestsAt('catalogue');
    await putCountry(atlas, 'BRA', { population: 203_080_756 });
    expect(JSON.parse((await visit(path)).body)).toMatchObject({ hits: [{ country: { population: 203_080_756 } }] });
    expect(await atlas.requestsAt('catalogue')).toEqual([
      'GET /entities/countries?codes=BRA 1 code',
      'PUT /countries/BRA',
    ]);
  });

  test('is never undone by fetches that were under way', async () => {
    for (let round = 1; round <= 10; round++) {
      const capital = `Town ${round}`;
      const before = [visit('/country/PRT'), visit('/country/PRT'), visit('/region/Europe')];
      await putCountry(atlas, 'PRT', { capital });
      const pages = await Promise.all([visit('/country/PRT'), visit('/country/PRT')]);
      await Promise.all(before);
      for (const { body } of [...pages, await visit('/country/PRT')]) expect(body).toContain(`<dd>${capital}</dd>`);
      expect((await visit('/region/Europe')).body).toContain(`<p>${capital}</p>`);
    }
  });

  test('changes the ETag of the pages that show the country, and of no other', async () => {
    const europe = await tagged('/region/Europe');
    const africa = await tagged('/region/Africa');
    await putCountry(atlas, 'ITA', { capital: 'Turin' });
    const changed = await visit('/region/Europe', { 'if-none-match': europe });
    expect(changed.status).toBe(200);
    expect(changed.body).toContain('Turin');
    expect(await tagged('/region/Europe')).not.toBe(europe);
    expect((await visit('/region/Africa', { 'if-none-match': africa })).status).toBe(304);
  });

  test('that changes nothing leaves the ETag as it was', async () => {
    const before = await tagged('/region/Americas');
    await putCountry(atlas, 'CHL', { capital: 'Santiago' });
    await visit('/region/Americas');
    expect(await tagged('/region/Americas')).toBe(before);
  });
});

/** The ETag of a page whose parts are all known. */
async function tagged(path: string): Promise<string> {
  await visit(path);
  const etag = (await visit(path)).headers.get('etag');
  expect(etag).toMatch(/^"[^"]+"$/);
  return etag ?? '';
}

describe('validators', () => {
  test('a client that has the region page gets 304 without a body, and no service is asked', async () => {
    const etag = await tagged('/region/Antarctic');
    await atlas.requestsAt('catalogue');
    await atlas.requestsAt('web');
    const unchanged = await visit('/region/Antarctic', { 'if-none-match': etag });
    expect(unchanged.status).toBe(304);
    expect(unchanged.body).toBe('');
    expect(unchanged.headers.get('etag')).toBe(etag);
    expect(unchanged.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    expect(await atlas.requestsAt('catalogue')).toEqual([]);
    expect(await atlas.requestsAt('web')).toEqual([]);
  });
});

describe('two visitors', () => {
  test('never see each other, however their requests interleave', async () => {
    const names = ['Ada', 'Grace', undefined];
    const visits = Array.from({ length: 60 }, async (_, i) => {
      const name = names[i % names.length];
      const path = i % 2 === 0 ? '/' : '/country/NZL';
      return { name, page: await visit(path, name === undefined ? {} : { cookie: `visitor=${name}` }) };
    });
    for (const { name, page } of await Promise.all(visits)) {
      const greeted = [...page.body.matchAll(/Welcome back, ([^<]*)</g)].map((match) => match[1]);
      expect(greeted).toEqual(name === undefined ? [] : [name]);
      expect(page.body.includes('Your name')).toBe(name === undefined);
      expect(page.headers.get('cache-control')).toMatch(/^private\b/);
      expect(page.headers.get('etag')).toBeNull();
    }
  });

  test('a page without a greeting is shared, whoever asks, and its services see no cookie of anybody', async () => {
    await visit('/region/Oceania');
    const page = await visit('/region/Oceania', { cookie: 'visitor=Ada' });
    expect(page.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    expect(page.headers.get('vary') ?? '').not.toMatch(/cookie/i);
    expect(page.headers.get('set-cookie')).toBeNull();
  });

  test('signing in by the form sets the cookie and leads home', async () => {
    const answer = await fetch(`${atlas.proxy.url}/visitor`, {
      method: 'POST',
      body: new URLSearchParams({ name: 'Zoë <b>' }),
      redirect: 'manual',
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/');
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await visit('/', { cookie })).body).toContain('Welcome back, Zoë &lt;b&gt;');
  });
});

describe('without its catalogue', () => {
  test('pages live on what is kept and on fallbacks, say so, and recover', async () => {
    const [kept, softly, missing] = ['/country/VNM', '/api/search?q=egypt', '/country/MDG'];
    await visit(kept);
    await visit(softly);
    await atlas.services.stop('catalogue');
    try {
      const page = await visit(kept);
      expect(page.status).toBe(200);
      expect(page.body).toContain('<dd>Hanoi</dd>');

      await purge({ tags: ['country:EGY'], mode: 'soft' });
      const stale = await visit(softly);
      expect(JSON.parse(stale.body)).toMatchObject({ hits: [{ country: { code: 'EGY', capital: 'Cairo' } }] });
      expect(stale.headers.get('cache-status')).toMatch(/detail="[^"]*stale=1/);

      await purge({ tags: ['country:EGY'] });
      const reference = await visit(softly);
      expect(reference.status).toBe(200);
      expect(JSON.parse(reference.body)).toMatchObject({
        hits: [{ code: 'EGY', country: { type: 'country', id: 'EGY' } }],
      });
      expect(reference.headers.get('inlay-errors')).toBe('1');
      expect(reference.headers.get('cache-status')).toMatch(/detail="[^"]*failed=1/);
      expect(reference.headers.get('cache-control')).toMatch(/max-age=[01]\b/);
      expect(reference.headers.get('etag')).toBeNull();

      const holes = await visit(missing);
      expect(holes.status).toBe(200);
      expect(holes.body).toContain('<h1>A country</h1>');
      expect(holes.body).toContain('The facts are not available right now.');
      expect(holes.body).toContain('id="country-data">null</script>');
      expect(holes.body).not.toMatch(/<esi:|ECONNREFUSED|127\.0\.0\.1/);
      const record = await recordOf(missing);
      expect(record).toMatchObject({ level: 'warn', status: 200 });
      expect(record.parts.failed).toBeGreaterThanOrEqual(2);
      expect(record.errors.join('\n')).toContain('/fragments/country-facts/MDG: upstream-unreachable');
    } finally {
      await atlas.services.start('catalogue');
    }
    await vi.waitFor(async () => {
      expect((await visit(missing)).body).toContain('<h1>Madagascar</h1>');
      expect(JSON.parse((await visit(softly)).body)).toMatchObject({ hits: [{ country: { capital: 'Cairo' } }] });
    }, SOON);
    expect((await visit(softly)).headers.get('inlay-errors')).toBeNull();
  });

  test('a page that left before its parts failed is kept by nobody, and its record says what failed', async () => {
    await visit('/region/Antarctic');
    await atlas.services.stop('catalogue');
    try {
      await purge({ tags: ['country:ATA'] });
      const page = await visit('/region/Antarctic');
      expect(page.body).toContain('This country is not available right now.');
      expect(page.headers.get('cache-control')).toBe('private, max-age=0');
      expect(page.headers.get('etag')).toBeNull();
      await vi.waitFor(async () => {
        expect(await recordOf('/region/Antarctic')).toMatchObject({ level: 'warn', parts: { failed: 1 } });
      }, SOON);
    } finally {
      await atlas.services.start('catalogue');
    }
  });

  test.each(['visitor', 'recommender', 'search'] as const)('without %s the rest of a page stands', async (service) => {
    await purge({ all: true });
    await atlas.services.stop(service);
    try {
      const page = await visit(service === 'search' ? '/search?q=chad' : '/country/TCD');
      expect(page.status).toBe(200);
      expect(page.body).toContain('Composed by Inlay');
      expect(page.body.includes('Your name')).toBe(service === 'recommender');
      expect(page.body.includes('neighbours are not available')).toBe(service === 'recommender');
      expect(page.body.includes('Search is not available')).toBe(service === 'search');
    } finally {
      await atlas.services.start(service);
    }
  });

  test('without the page service the answer is a 502 with a request id and nothing else', async () => {
    await atlas.services.stop('web');
    try {
      const answer = await visit('/region/Nowhere', { 'x-request-id': 'request-of-this-test' });
      expect(answer.status).toBe(502);
      expect(answer.body).toBe('502 upstream-unreachable\nrequest request-of-this-test\n');
    } finally {
      await atlas.services.start('web');
    }
  });
});
