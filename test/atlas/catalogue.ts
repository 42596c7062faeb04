/**
 * The catalogue owns the countries, their currencies and languages: the data, how they look, the flags, and the news
 * that something changed. Whoever needs many of a type asks for them at once.
 */
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Announcer, createAnnouncer } from './announce.ts';
import { countryCard, countryFacts, countryName, currencyName, languageName } from './catalogue-html.ts';
import { countryChange, countryEntity, countryOf } from './country.ts';
import { allCurrencies, allLanguages, currencyChange, languageChange } from './currency.ts';
import type { Html } from './html.ts';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { type Coded, change, many, one, type Shelf, shelfOf } from './shelf.ts';
import { flagFile, world } from './world.ts';

export interface CatalogueOptions {
  /** Told after every change. */
  readonly announcer: Announcer;
  readonly log?: Log;
}

const plain = { 'Cache-Control': 'public, max-age=60' };
const withDirectives = { ...plain, 'Surrogate-Control': 'max-age=60, content="ESI/1.0"' };

/** The catalogue with a memory of its own: changes live as long as the returned app. */
export function createCatalogue({ announcer, log = console.log }: CatalogueOptions): Hono {
  const countries = shelfOf('country', world.map(countryOf));
  const currencies = shelfOf('currency', allCurrencies());
  const languages = shelfOf('language', allLanguages());
  const app = new Hono();
  app.use(logRequests('catalogue', log));
  app.use(validators);

  app.get(
    '/entities/country/:code',
    one(countries, (c, country) => c.json(countryEntity(country), 200, withDirectives)),
  );
  app.get(
    '/entities/countries',
    many(countries, (c, known) => c.json({ items: known.map(countryEntity) }, 200, withDirectives)),
  );
  serveEntities(app, '/entities/currency', '/entities/currencies', currencies);
  serveEntities(app, '/entities/language', '/entities/languages', languages);
  serveHtml(app, '/fragments/country-card', '/fragments/country-cards', countries, countryCard);
  serveHtml(app, '/fragments/country-name', '/fragments/country-names', countries, countryName);
  serveHtml(app, '/fragments/currency-name', '/fragments/currency-names', currencies, currencyName);
  serveHtml(app, '/fragments/language-name', '/fragments/language-names', languages, languageName);
  // Facts stand on one page: nobody wants those of many.
  app.get(
    '/fragments/country-facts/:code',
    one(countries, (c, country) => c.html(countryFacts(country), 200, withDirectives)),
  );

  app.get('/flags/:file{[a-z]{3}\\.svg}', async (c) => {
    const code = c.req.param('file').slice(0, 3).toUpperCase();
    if (!countries.things.has(code)) return c.text('unknown country', 404);
    return c.body(await readFile(flagFile(code), 'utf8'), 200, flagHeaders);
  });

  app.use(bodyLimit({ maxSize: 16 * 1024 }));
  app.put('/countries/:code', change(countries, countryChange, announcer, log));
  app.put('/currencies/:code', change(currencies, currencyChange, announcer, log));
  app.put('/languages/:code', change(languages, languageChange, announcer, log));
  return app;
}

/** One as it is; many keyed by their codes, which is as good as a list: `{"EUR":{"code":"EUR","name":"Euro",…}}`. */
function serveEntities<Thing extends Coded>(app: Hono, onePath: string, manyPath: string, shelf: Shelf<Thing>): void {
  app.get(
    `${onePath}/:code`,
    one(shelf, (c, thing) => c.json(thing, 200, plain)),
  );
  app.get(
    manyPath,
    many(shelf, (c, known) => c.json(byCode(known), 200, plain)),
  );
}

/** One as HTML; many as HTML in JSON: `{"items":[{"code":"FRA","html":"<article…"}]}`. */
function serveHtml<Thing extends Coded>(
  app: Hono,
  onePath: string,
  manyPath: string,
  shelf: Shelf<Thing>,
  draw: (thing: Thing) => Html,
): void {
  const item = async (thing: Thing) => ({ code: thing.code, html: String(await draw(thing)) });
  app.get(
    `${onePath}/:code`,
    one(shelf, (c, thing) => c.html(draw(thing), 200, plain)),
  );
  app.get(
    manyPath,
    many(shelf, async (c, known) => c.json({ items: await Promise.all(known.map(item)) }, 200, plain)),
  );
}

function byCode<Thing extends Coded>(things: readonly Thing[]): Record<string, Thing> {
  return Object.fromEntries(things.map((thing) => [thing.code, thing]));
}

/** Flags never change here. The policy keeps an SVG that is opened on its own from running anything. */
const flagHeaders = {
  'Content-Type': 'image/svg+xml',
  'Cache-Control': 'public, max-age=86400',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
  'X-Content-Type-Options': 'nosniff',
};

if (import.meta.main) {
  const announcer = createAnnouncer(process.env);
  runService('catalogue', 9001, createCatalogue({ announcer }), () => announcer.close());
}
