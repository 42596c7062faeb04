import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Atlas, get, putAtCatalogue, startAtlas } from '../support/proxy.ts';

/** Ms in which anything here must happen. */
const SOON = { timeout: 10_000, interval: 20 };

const francs = '/api/search?q=switzerland';

let atlas: Atlas;
beforeAll(async () => {
  atlas = await startAtlas();
});
afterAll(() => atlas.stop());
beforeEach(async () => {
  await purgeAll();
  await atlas.requestsAt('catalogue');
});

const visit = (path: string, headers?: Record<string, string>) => get(atlas.proxy.url + path, headers);

async function purgeAll(): Promise<void> {
  const answer = await fetch(`${atlas.proxy.adminUrl}/_inlay/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"all":true}',
  });
  expect(answer.status, await answer.text()).toBe(200);
}

/** What the catalogue was asked for since the last time, the codes of each batch sorted: which came first is no promise. */
async function asked(): Promise<string[]> {
  const sortCodes = (codes: string) => codes.split(',').sort().join();
  const requests = await atlas.requestsAt('catalogue');
  return requests.map((request) => request.replace(/(?<=codes=)[^ ]+/, sortCodes)).sort();
}

describe('the services’ logs show batches', () => {
  test('a search costs one request a type and level, and the second time none', async () => {
    const cold = await visit('/api/search?q=fr&limit=3'); // France, Sierra Leone, French Guiana
    expect(await asked()).toEqual([
      'GET /entities/countries?codes=AND,BEL,BRA,CHE,DEU,ESP,GIN,ITA,LBR,LUX,MCO,SUR 12 codes',
      'GET /entities/countries?codes=FRA,GUF,SLE 3 codes',
      'GET /entities/currencies?codes=EUR,SLL 2 codes',
      'GET /entities/languages?codes=eng,fra 2 codes',
    ]);
    expect(cold.headers.get('cache-status')).toMatch(/detail="[^"]*\bbatched=\d+/);
    const warm = await visit('/api/search?q=fr&limit=3');
    expect(warm.body).toBe(cold.body);
    expect(await asked()).toEqual([]);
  });

  test('neighbours of which some members are wanted cost one request, for what is in the others is not fetched', async () => {
    await visit('/api/neighbours/CHE');
    expect(await asked()).toEqual(['GET /entities/countries?codes=AUT,DEU,FRA,ITA,LIE 5 codes']);
    await visit('/api/neighbours/CHE');
    expect(await asked()).toEqual([]);
  });

  test('only what is missing is asked for', async () => {
    await visit('/api/neighbours/CHE'); // Austria, France, Italy, Liechtenstein, Germany
    await atlas.requestsAt('catalogue');
    await visit('/api/neighbours/BEL'); // France, Germany, Luxembourg, Netherlands
    expect(await asked()).toEqual(['GET /entities/countries?codes=LUX,NLD 2 codes']);
  });

  test('the cards of a page cost one request, wherever they stand in it', async () => {
    const region = await visit('/region/Africa');
    expect(region.body.match(/<article class="card">/g)).toHaveLength(59);
    expect(await atlas.requestsAt('catalogue')).toEqual([
      expect.stringMatching(/^GET \/fragments\/country-cards.* 59 codes$/),
    ]);
    await visit('/search?q=fr'); // Sierra Leone, Central African Republic and South Africa have been seen
    expect(await asked()).toEqual([expect.stringMatching(/^GET \/fragments\/country-cards\?codes=.* \d codes$/)]);
  });
});

describe('a currency that changes', () => {
  test('is fetched again, and no country is', async () => {
    for (const path of [francs, '/country/CHE', '/country/LIE']) await visit(path);
    await atlas.requestsAt('catalogue');
    await putAtCatalogue(atlas, '/currencies/CHF', { name: 'Franc of today' });
    const answer = await visit(francs);
    expect(JSON.parse(answer.body)).toMatchObject({
      hits: [{ country: { currencies: [{ name: 'Franc of today' }] } }],
    });
    expect(await asked()).toEqual(['GET /entities/currencies?codes=CHF 1 code', 'PUT /currencies/CHF']);
    for (const path of ['/country/CHE', '/country/LIE']) {
      const { body } = await visit(path);
      expect(body).toContain('<dd>Franc of today (Fr.)</dd>');
      expect(body).toContain('"name":"Franc of today"');
    }
    expect(await asked()).toEqual(['GET /fragments/currency-names?codes=CHF 1 code']);
  });

  test('leaves answers as they were that do not have it', async () => {
    const before = await visit('/api/search?q=japan');
    await putAtCatalogue(atlas, '/currencies/CHF', { symbol: 'CHf' });
    await atlas.requestsAt('catalogue');
    expect((await visit('/api/search?q=japan')).body).toBe(before.body);
    expect(await asked()).toEqual([]);
  });

  test('so does a language', async () => {
    await visit('/country/BRA');
    await atlas.requestsAt('catalogue');
    await putAtCatalogue(atlas, '/languages/por', { name: 'Português' });
    expect((await visit('/country/BRA')).body).toContain('<dd>Português</dd>');
    expect(await asked()).toEqual([
      'GET /entities/languages?codes=por 1 code',
      'GET /fragments/language-names?codes=por 1 code',
      'PUT /languages/por',
    ]);
  });
});

describe('without the catalogue', () => {
  test('a search answers 200 with references in place of countries, says how many, and recovers', async () => {
    await atlas.services.stop('catalogue');
    try {
      const answer = await visit('/api/search?q=fr&limit=2');
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toEqual({
        query: 'fr',
        total: 8,
        hits: [
          { code: 'FRA', country: { type: 'country', id: 'FRA' }, score: 1 },
          { code: 'SLE', country: { type: 'country', id: 'SLE' }, score: 0.7 },
        ],
      });
      expect(answer.headers.get('inlay-errors')).toBe('2');
      expect(answer.headers.get('cache-control')).toMatch(/max-age=[01]\b/);
      expect(answer.headers.get('etag')).toBeNull();
    } finally {
      await atlas.services.start('catalogue');
    }
    await vi.waitFor(async () => {
      const answer = await visit('/api/search?q=fr&limit=2');
      expect(JSON.parse(answer.body)).toMatchObject({ hits: [{ country: { name: 'France' } }, { score: 0.7 }] });
      expect(answer.headers.get('inlay-errors')).toBeNull();
    }, SOON);
  });

  test('what is kept is answered, and what is missing is a reference beside it', async () => {
    await visit('/api/neighbours/CHE');
    await atlas.services.stop('catalogue');
    try {
      const answer = await visit('/api/neighbours/BEL');
      const { neighbours } = JSON.parse(answer.body) as { neighbours: { code?: string; type?: string; id?: string }[] };
      expect(neighbours.map(({ code, type, id }) => code ?? `${type} ${id}`).sort()).toEqual([
        'DEU',
        'FRA',
        'country LUX',
        'country NLD',
      ]);
      expect(answer.headers.get('inlay-errors')).toBe('2');
    } finally {
      await atlas.services.start('catalogue');
    }
  });
});
