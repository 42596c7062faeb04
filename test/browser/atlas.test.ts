import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chromiumAvailable, startBrowser } from '../support/browser.ts';
import { type Atlas, putAtCatalogue, putCountry, startAtlas } from '../support/proxy.ts';

const available = chromiumAvailable();
if (!available) console.warn('SKIPPED test/browser/atlas.test.ts: chromium is not installed');

/** Ms in which anything here must happen. */
const SOON = { timeout: 15_000, interval: 50 };

describe.skipIf(!available)('Atlas in a browser', () => {
  let atlas: Atlas;
  let browser: Browser;
  let folder: string;
  let context: BrowserContext;
  let page: Page;
  /** What the browser complained about. */
  let complaints: string[];

  beforeAll(async () => {
    [atlas, browser, folder] = await Promise.all([
      startAtlas(),
      startBrowser(),
      mkdtemp(join(tmpdir(), 'inlay-browser-')),
    ]);
    console.log(`screenshots are in ${folder}`);
  });
  afterAll(async () => {
    await browser?.close();
    await atlas?.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    page = await context.newPage();
    complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => {
      // Going on to the next page gives up what the last one was still loading.
      const error = request.failure()?.errorText;
      if (error !== 'net::ERR_ABORTED') complaints.push(`${request.url()} ${error}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.url()} ${response.status()}`);
    });
  });
  afterEach(() => context.close());

  const visit = (path: string) => page.goto(atlas.proxy.url + path, { waitUntil: 'load' });

  async function screenshot(name: string): Promise<void> {
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  /** Scrolls every picture into view, since most load lazily, and waits until it has a width of its own. */
  async function expectPictures(atLeast: number): Promise<void> {
    const pictures = await page.locator('img').all();
    expect(pictures.length).toBeGreaterThanOrEqual(atLeast);
    for (const picture of pictures) await picture.scrollIntoViewIfNeeded();
    const empty = '[...document.images].filter((img) => !img.complete || img.naturalWidth === 0).map((img) => img.src)';
    await expect.poll(() => page.evaluate<string[]>(empty), SOON).toEqual([]);
    await page.evaluate('scrollTo(0, 0)');
  }

  test('the home page shows a dozen countries with their flags', async () => {
    await visit('/');
    expect(await page.title()).toBe('Atlas: the countries of the world');
    await expectPictures(12);
    expect(await page.locator('.card').count()).toBe(12);
    expect(await page.locator('.card').first().innerText()).toContain('Paris');
    expect(await page.getByText('Composed by Inlay').count()).toBe(1);
    await screenshot('home');
    expect(complaints).toEqual([]);
  });

  test('a country page shows its name, flag, facts and neighbours, and leads to them', async () => {
    await visit('/country/FRA');
    expect(await page.title()).toBe('France · Atlas');
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('France');
    await expectPictures(9);
    expect(await page.getByRole('img', { name: 'Flag of France' }).count()).toBe(1);
    expect(await page.locator('.facts').innerText()).toMatch(/Capital\s+Paris/);
    expect(await page.locator('.facts').innerText()).toMatch(/Languages\s+French\s+Currencies\s+Euro \(€\)/);
    expect(await page.locator('.card').count()).toBe(8);
    await screenshot('country');
    await page.getByRole('link', { name: 'Switzerland' }).click();
    await page.waitForURL('**/country/CHE');
    expect(await page.title()).toBe('Switzerland · Atlas');
    expect(complaints).toEqual([]);
  });

  test('a country page carries its country as data, which nothing runs and everybody may read', async () => {
    await visit('/country/CHE');
    const data = page.locator('#country-data');
    expect(JSON.parse((await data.textContent()) ?? '')).toMatchObject({
      name: 'Switzerland',
      currencies: [{ code: 'CHF', name: 'Swiss franc' }],
      borders: [
        { name: 'Austria' },
        { name: 'France' },
        { name: 'Italy' },
        { name: 'Liechtenstein' },
        { name: 'Germany' },
      ],
    });
    expect(await data.isVisible()).toBe(false);
    await page.getByText('The same as data').click();
    expect(await data.isVisible()).toBe(true);
    await screenshot('country-data');
    expect(complaints, 'the policy of the page allows no script, and this is none').toEqual([]);
  });

  test('a name with markup in it stays text in the block of data, too', async () => {
    await putCountry(atlas, 'AND', { name: '</script><b>Andorra</b><!--' });
    await visit('/country/AND');
    const data = (await page.locator('#country-data').textContent()) ?? '';
    expect(JSON.parse(data)).toMatchObject({ name: '</script><b>Andorra</b><!--', capital: 'Andorra la Vella' });
    expect(complaints).toEqual([]);
  });

  test('a currency with another name shows on the pages of all countries that have it', async () => {
    for (const code of ['CHE', 'LIE']) await visit(`/country/${code}`);
    await putAtCatalogue(atlas, '/currencies/CHF', { name: 'Franc & <i>Rappen</i>' });
    for (const code of ['CHE', 'LIE']) {
      await visit(`/country/${code}`);
      expect(await page.locator('.facts').innerText()).toContain('Franc & <i>Rappen</i> (Fr.)');
    }
    expect(complaints).toEqual([]);
  });

  test('a change shows when the page is loaded again', async () => {
    await visit('/country/NOR');
    expect(await page.locator('.facts').innerText()).toContain('Oslo');
    await putCountry(atlas, 'NOR', { capital: 'Bergen', name: 'Norge & <b>more</b>' });
    await page.reload();
    expect(await page.locator('.facts').innerText()).toContain('Bergen');
    expect(await page.title()).toBe('Norge & <b>more</b> · Atlas');
    expect(await page.getByRole('img', { name: 'Flag of Norge & <b>more</b>' }).count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('whoever signs in by the form is greeted until signing out, and nobody else is', async () => {
    await visit('/');
    await page.getByLabel('Your name').fill('Ada <i>');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Welcome back, Ada <i>').waitFor();
    expect(new URL(page.url()).pathname).toBe('/');
    await screenshot('signed-in');

    const elsewhere = await browser.newContext();
    const other = await elsewhere.newPage();
    for (const path of ['/', '/country/FRA']) {
      await other.goto(atlas.proxy.url + path);
      expect(await other.getByText('Welcome back').count()).toBe(0);
      expect(await other.getByLabel('Your name').count()).toBe(1);
      await visit(path);
      expect(await page.getByText('Welcome back, Ada').count()).toBe(1);
    }
    await elsewhere.close();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Your name').waitFor();
    await page.goBack();
    await page.reload();
    expect(await page.getByText('Welcome back').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('the search form finds countries by the beginning of a name', async () => {
    await visit('/');
    await page.getByLabel('Country or capital').fill('new z');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: 'New Zealand' }).waitFor();
    expect(await page.getByRole('heading', { level: 2 }).innerText()).toBe('1 country for “new z”');
    expect(await page.getByLabel('Country or capital').inputValue()).toBe('new z');
    await screenshot('search');
    await page.getByRole('link', { name: 'New Zealand' }).click();
    await page.waitForURL('**/country/NZL');
    expect(complaints).toEqual([]);
  });

  test.each(['/', '/country/SHN', '/region/Antarctic', '/search?q=united', '/nowhere'])(
    '%s fits a narrow screen without scrolling sideways',
    async (path) => {
      await page.setViewportSize({ width: 320, height: 640 });
      await visit(path);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
      await screenshot(`narrow${path.replace(/\W+/g, '-')}`);
      expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    },
  );

  test('without the catalogue a page that nobody has seen yet still stands', async () => {
    await atlas.services.stop('catalogue');
    try {
      await visit('/country/CUB');
      expect(await page.title()).toBe('A country · Atlas');
      expect(await page.getByText('The facts are not available right now.').count()).toBe(1);
      await screenshot('without-catalogue');
    } finally {
      await atlas.services.start('catalogue');
    }
    // Five failures, the picture's among them, are enough for nobody to ask it for a second.
    const title = () => visit('/country/CUB').then(() => page.title());
    await expect.poll(title, SOON).toBe('Cuba · Atlas');
  });
});
