import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../atlas/catalogue.ts';
import { createRecommender } from '../atlas/recommender.ts';
import { createSearch } from '../atlas/search.ts';

const silent = { log: () => {} };

/** A catalogue, what it logged, and what it announced. */
function catalogue() {
  const [lines, announced]: [string[], string[]] = [[], []];
  const app = createCatalogue({
    announcer: {
      async announce(type, code) {
        announced.push(`${type} ${code}`);
        return { announced: true, via: 'http', to: 'nobody' };
      },
      async close() {},
    },
    log: (line) => void lines.push(line.replace(/\d+ms$/, 'Nms')),
  });
  const json = async (path: string) => (await app.request(path)).json();
  const put = (path: string, change: object) => app.request(path, { method: 'PUT', body: JSON.stringify(change) });
  return { app, lines, announced, json, put };
}

describe('the catalogue', () => {
  test.each(['/entities/countries', '/fragments/country-cards', '/fragments/country-names'])(
    'answers many of %s in the order asked for, each once, and leaves out what it does not know',
    async (path) => {
      const { items } = (await catalogue().json(`${path}?codes=FRA,XXX,DEU,FRA`)) as { items: { code: string }[] };
      expect(items.map(({ code }) => code)).toEqual(['FRA', 'DEU']);
    },
  );

  test('answers many currencies and languages as an object by their codes', async () => {
    const { json } = catalogue();
    expect(await json('/entities/currencies?codes=EUR,XXX,JPY')).toEqual({
      EUR: { code: 'EUR', name: 'Euro', symbol: '€' },
      JPY: { code: 'JPY', name: 'Japanese yen', symbol: '¥' },
    });
    expect(await json('/entities/languages?codes=ron,constructor')).toEqual({ ron: { code: 'ron', name: 'Romanian' } });
  });

  test('answers one of many exactly as it answers one', async () => {
    const { app, json } = catalogue();
    const { items } = (await json('/entities/countries?codes=CHE')) as { items: object[] };
    expect(items).toEqual([await json('/entities/country/CHE')]);
    const cards = (await json('/fragments/country-cards?codes=CHE')) as { items: object[] };
    const card = await (await app.request('/fragments/country-card/CHE')).text();
    expect(cards.items).toEqual([{ code: 'CHE', html: card }]);
    expect(await json('/entities/currencies?codes=CHF')).toEqual({ CHF: await json('/entities/currency/CHF') });
  });

  test('answers a country with directives for what is no part of it, and says that it has some', async () => {
    const answer = await catalogue().app.request('/entities/country/LIE');
    expect(answer.headers.get('surrogate-control')).toContain('content="ESI/1.0"');
    expect(answer.headers.get('surrogate-key')).toBe('country:LIE');
    expect(await answer.json()).toMatchObject({
      code: 'LIE',
      name: 'Liechtenstein',
      borders: { 'esi:include': { type: 'country', ids: ['AUT', 'CHE'], depth: 0 } },
      currencies: { 'esi:include': { type: 'currency', ids: ['CHF'] } },
      languages: { 'esi:include': { type: 'language', ids: ['deu'] } },
    });
  });

  test('gives a batch no key: it would count for every item', async () => {
    const answer = await catalogue().app.request('/entities/countries?codes=FRA,DEU');
    expect(answer.headers.get('surrogate-key')).toBeNull();
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60');
  });

  test('refuses a batch of nothing and one of more than a hundred', async () => {
    const { app } = catalogue();
    expect((await app.request('/entities/countries')).status).toBe(400);
    expect((await app.request('/entities/countries?codes=,')).status).toBe(400);
    const codes = (count: number) => Array.from({ length: count }, (_, i) => `C${i}`).join();
    expect((await app.request(`/entities/countries?codes=${codes(100)}`)).status).toBe(200);
    expect((await app.request(`/entities/countries?codes=${codes(101)}`)).status).toBe(400);
  });

  test('logs one line a request with the number of codes, however many they are', async () => {
    const { app, lines } = catalogue();
    await app.request('/entities/country/FRA');
    await app.request('/entities/currencies?codes=EUR');
    await app.request('/fragments/country-cards?codes=FRA,DEU');
    await app.request(`/entities/countries?codes=${Array.from({ length: 100 }, (_, i) => `C${i}`).join()}`);
    expect(lines.slice(0, 3)).toEqual([
      'catalogue GET /entities/country/FRA 200 Nms',
      'catalogue GET /entities/currencies?codes=EUR 1 code 200 Nms',
      'catalogue GET /fragments/country-cards?codes=FRA,DEU 2 codes 200 Nms',
    ]);
    expect(lines[3]).toMatch(/^catalogue GET \/entities\/countries\?codes=C0,C1,.{1,150}… 100 codes 200 Nms$/);
  });

  test('changes a currency and a language, and announces each as what it is', async () => {
    const { announced, json, put } = catalogue();
    expect((await put('/currencies/EUR', { name: 'Euro of today' })).status).toBe(200);
    expect(await json('/entities/currency/EUR')).toEqual({ code: 'EUR', name: 'Euro of today', symbol: '€' });
    expect((await put('/languages/fra', { name: 'Français' })).status).toBe(200);
    expect((await put('/countries/FRA', { capital: 'Lyon' })).status).toBe(200);
    expect(announced).toEqual(['currency EUR', 'language fra', 'country FRA']);
    expect((await put('/currencies/XXX', { name: 'None' })).status).toBe(404);
    const refused = await put('/currencies/EUR', { code: 'USD' });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      error: 'invalid change',
      problems: ['code: is not a member that can be changed'],
    });
    expect(announced).toHaveLength(3);
  });

  test('draws facts with includes for currencies and languages', async () => {
    const facts = await (await catalogue().app.request('/fragments/country-facts/CHE')).text();
    expect(facts).toContain('<dd><esi:include src="/fragments/currency-name/CHF" onerror="continue"/></dd>');
    expect(facts.match(/\/fragments\/language-name\/[a-z]{3}"/g)).toHaveLength(4);
    const bare = await (await catalogue().app.request('/fragments/country-facts/ATA')).text();
    expect(bare).not.toMatch(/Currencies|Languages/);
  });
});

describe('services that know codes alone', () => {
  test('search answers codes with their scores, best first, and nothing of directives', async () => {
    const answer = await createSearch(silent).request('/api/search?q=guinea&limit=3');
    expect(answer.headers.get('surrogate-control')).toBeNull();
    expect(await answer.json()).toEqual({
      query: 'guinea',
      total: 4,
      hits: [
        { code: 'GIN', score: 1 },
        { code: 'GNB', score: 0.7 },
        { code: 'GNQ', score: 0.4 },
      ],
    });
  });

  test('the recommender answers one directive for all neighbours', async () => {
    const answer = await createRecommender(silent).request('/api/neighbours/LIE');
    expect(answer.headers.get('surrogate-control')).toContain('content="ESI/1.0"');
    expect(await answer.json()).toEqual({
      code: 'LIE',
      neighbours: {
        'esi:include': {
          type: 'country',
          ids: ['AUT', 'CHE'],
          fields: ['code', 'name', 'official', 'capital', 'flag'],
        },
      },
    });
  });
});
