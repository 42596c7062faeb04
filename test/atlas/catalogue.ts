/** The catalogue owns the countries: their data, how they look, their flags, and the news that one changed. */
import { readFile } from 'node:fs/promises';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Announcer, createAnnouncer } from './announce.ts';
import { type Country, countryOf, parseChange } from './country.ts';
import { countryCard, countryFacts, countryName } from './country-html.ts';
import type { Html } from './html.ts';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { flagFile, world } from './world.ts';

export interface CatalogueOptions {
  /** Told after every change. */
  readonly announcer: Announcer;
  readonly log?: Log;
}

/** The catalogue with a memory of its own: changes live as long as the returned app. */
export function createCatalogue({ announcer, log = console.log }: CatalogueOptions): Hono {
  const countries = new Map(world.map((record) => [record.cca3, countryOf(record)]));
  const app = new Hono();
  app.use(logRequests('catalogue', log));
  app.use(validators);

  app.get('/fragments/country-card/:code', (c) => view(c, countryCard));
  app.get('/fragments/country-facts/:code', (c) => view(c, countryFacts));
  app.get('/fragments/country-name/:code', (c) => view(c, countryName));

  app.get('/entities/country/:code', (c) => {
    const country = countries.get(c.req.param('code'));
    if (country === undefined) return c.json({ error: 'unknown country' }, 404);
    return c.json(country, 200, cacheable(country));
  });

  app.get('/flags/:file{[a-z]{3}\\.svg}', async (c) => {
    const code = c.req.param('file').slice(0, 3).toUpperCase();
    if (!countries.has(code)) return c.text('unknown country', 404);
    return c.body(await readFile(flagFile(code), 'utf8'), 200, flagHeaders);
  });

  app.put('/countries/:code', bodyLimit({ maxSize: 16 * 1024 }), async (c) => {
    const country = countries.get(c.req.param('code'));
    if (country === undefined) return c.json({ error: 'unknown country' }, 404);
    const parsed = parseChange(await c.req.text());
    if (!parsed.ok) return c.json({ error: 'invalid change', problems: parsed.problems }, 400);

    const changed = { ...country, ...parsed.change };
    countries.set(changed.code, changed);
    const announcement = await announcer.announce(changed.code);
    if (!announcement.announced) log(`catalogue changed ${changed.code} but told nobody: ${announcement.reason}`);
    // The change stands either way. 502 says that caches may still show the old one; putting again announces again.
    return c.json({ country: changed, ...announcement }, announcement.announced ? 200 : 502);
  });

  function view(c: Context, draw: (country: Country) => Html) {
    const country = countries.get(c.req.param('code') ?? '');
    if (country === undefined) return c.text('unknown country', 404);
    return c.html(draw(country), 200, cacheable(country));
  }

  return app;
}

/** One key for every view of a country: one purge drops the card, the facts, the name and the entity. */
function cacheable(country: Country): Record<string, string> {
  return { 'Cache-Control': 'public, max-age=60', 'Surrogate-Key': `country:${country.code}` };
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
