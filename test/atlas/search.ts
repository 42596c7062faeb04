/**
 * Search answers codes in place of countries. Its JSON says nothing of directives: the route in `inlay.config.ts` knows
 * where the codes are. Its HTML marks the places of cards, as HTML has to.
 */
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Html } from './html.ts';
import { createSearchIndex, type Hit } from './search-index.ts';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { world } from './world.ts';

const longestQuery = 100; // characters
const mostHits = 50;
const cardsOnPage = 24;

const headers = { 'Cache-Control': 'public, max-age=30' };
const headersWithDirectives = { ...headers, 'Surrogate-Control': 'max-age=30, content="ESI/1.0"' };

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
    const hits = find(query);
    return c.json({ query, total: hits.length, hits: hits.slice(0, limit) }, 200, headers);
  });

  app.get('/fragments/search-results', (c) => {
    const query = c.req.query('q') ?? '';
    if (query.length > longestQuery) return c.text('query too long', 400);
    return c.html(searchResults(query.trim(), find(query)), 200, headersWithDirectives);
  });

  return app;
}

function searchResults(query: string, hits: readonly Hit[]): Html {
  if (query === '') return html`<p class="notice">Type the beginning of a country or of a capital.</p>`;
  if (hits.length === 0) return html`<p class="notice">Nothing begins with “${query}”.</p>`;
  const shown = hits.slice(0, cardsOnPage);
  const count = hits.length === 1 ? '1 country' : `${hits.length} countries`;
  const more = hits.length > shown.length ? `, the first ${shown.length} of them` : '';
  return html`<h2>${count} for “${query}”${more}</h2>
<ul class="cards">${shown.map(
    ({ code }) => html`
  <li><esi:include src="/fragments/country-card/${code}" onerror="continue"/></li>`,
  )}
</ul>`;
}

if (import.meta.main) runService('search', 9002, createSearch());
