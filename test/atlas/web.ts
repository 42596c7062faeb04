/** The page service: decides which pages there are and what stands where on them. Of countries it knows the codes. */
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { countryPage, createLayout, homePage, notFoundPage, regionPage, searchPage } from './web-pages.ts';
import { codesByRegion } from './world.ts';

export interface WebOptions {
  /** Where the composed pages are; default `http://localhost:8080`. */
  readonly composedAt?: string;
  readonly log?: Log;
}

const stylesheet = readFileSync(new URL('./style.css', import.meta.url), 'utf8');
const icon = readFileSync(new URL('./icon.svg', import.meta.url), 'utf8');

/** Directives in the page are to be answered; nothing on it needs scripts or another host: a block of data is none. */
function pageHeaders(seconds: number): Record<string, string> {
  return {
    'Cache-Control': `public, max-age=${seconds}`,
    'Surrogate-Control': `max-age=${seconds}, content="ESI/1.0"`,
    'Content-Security-Policy':
      "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'",
  };
}

function assetHeaders(type: string): Record<string, string> {
  return { 'Content-Type': type, 'Cache-Control': 'public, max-age=3600' };
}

/** The page service. */
export function createWeb({ composedAt = 'http://localhost:8080', log }: WebOptions = {}): Hono {
  const regions = codesByRegion();
  const codes = new Set([...regions.values()].flat());
  const layout = createLayout(composedAt);
  const app = new Hono();
  app.use(logRequests('web', log));
  app.use(validators);

  app.get('/', (c) => c.html(layout(homePage(regions.keys())), 200, pageHeaders(60)));

  app.get('/region/:name', (c) => {
    const members = regions.get(c.req.param('name'));
    if (members === undefined) return c.notFound();
    return c.html(layout(regionPage(c.req.param('name'), members)), 200, pageHeaders(60));
  });

  app.get('/country/:code', (c) => {
    const code = c.req.param('code');
    return codes.has(code) ? c.html(layout(countryPage(code)), 200, pageHeaders(60)) : c.notFound();
  });

  app.get('/search', (c) => {
    const query = (c.req.query('q') ?? '').trim().slice(0, 100).toWellFormed(); // the cut may halve a character
    return c.html(layout(searchPage(query)), 200, pageHeaders(60));
  });

  app.get('/assets/atlas.css', (c) => c.body(stylesheet, 200, assetHeaders('text/css; charset=utf-8')));
  app.get('/assets/atlas.svg', (c) => c.body(icon, 200, assetHeaders('image/svg+xml')));

  app.notFound((c) => c.html(layout(notFoundPage()), 404, pageHeaders(10)));
  return app;
}

if (import.meta.main) {
  const { ATLAS_URL } = process.env;
  runService('web', 9000, createWeb(ATLAS_URL ? { composedAt: ATLAS_URL } : {}));
}
