/** Search answers ids in place of countries: directives that somebody in front of it turns into the catalogue's data. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Html } from './html.ts';
import { createSearchIndex } from './search-index.ts';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { world } from './world.ts';

const longestQuery = 100; // characters
const mostHits = 50;
const cardsOnPage = 24;

const headers = { 'Cache-Control': 'public, max-age=30', 'Surrogate-Control': 'max-age=30, content="ESI/1.0"' };

/** The search service over its own index. */
export function createSearch(options: { log?: Log } = {}): Hono {
  const find = createSearchIndex(world);
  const app = new Hono();
  app.use(logRequests('search', options.log));
  app.use(validators);

  app.get('/api/search', (c) => {
    const query = c.req.query('q') ?? '';
    const limit = Number(c.req.query('limit') || 10);
    if (query.length > longestQuery) return c.json({ error: `q has at most ${longestQuery} characters` }, 400);
    if (!Number.isInteger(limit) || limit < 1 || limit > mostHits) {
      return c.json({ error: `limit is a whole number from 1 to ${mostHits}` }, 400);
    }
    const codes = find(query);
    const hits = codes.slice(0, limit).map((id) => ({ 'esi:include': { type: 'country', id } }));
    return c.json({ query, total: codes.length, hits }, 200, headers);
  });

  app.get('/fragments/search-results', (c) => {
    const query = c.req.query('q') ?? '';
    if (query.length > longestQuery) return c.text('query too long', 400);
    return c.html(searchResults(query.trim(), find(query)), 200, headers);
  });

  return app;
}

function searchResults(query: string, codes: readonly string[]): Html {
  if (query === '') return html`<p class="notice">Type the beginning of a country or of a capital.</p>`;
  if (codes.length === 0) return html`<p class="notice">Nothing begins with “${query}”.</p>`;
  const shown = codes.slice(0, cardsOnPage);
  const count = codes.length === 1 ? '1 country' : `${codes.length} countries`;
  const more = codes.length > shown.length ? `, the first ${shown.length} of them` : '';
  return html`<h2>${count} for “${query}”${more}</h2>
<ul class="cards">${shown.map(
    (code) => html`
  <li><esi:include src="/fragments/country-card/${code}" onerror="continue"/></li>`,
  )}
</ul>`;
}

if (import.meta.main) runService('search', 9002, createSearch());
