/** The recommender says which countries go with one: here its neighbours. It knows ids only. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Html } from './html.ts';
import { type Log, logRequests, runService, validators } from './serve.ts';
import { neighbourCodes } from './world.ts';

/** What a list of neighbours shows. Who wants to know more of one asks for it. */
const fields = ['code', 'name', 'official', 'capital', 'flag'];

const headers = { 'Cache-Control': 'public, max-age=300', 'Surrogate-Control': 'max-age=300, content="ESI/1.0"' };

/** The recommender over the borders of the data set. */
export function createRecommender(options: { log?: Log } = {}): Hono {
  const neighbours = neighbourCodes();
  const app = new Hono();
  app.use(logRequests('recommender', options.log));
  app.use(validators);

  app.get('/fragments/neighbours/:code', (c) => {
    const codes = neighbours.get(c.req.param('code'));
    if (codes === undefined) return c.text('unknown country', 404);
    return c.html(neighbourCards(codes), 200, headers);
  });

  app.get('/api/neighbours/:code', (c) => {
    const code = c.req.param('code');
    const codes = neighbours.get(code);
    if (codes === undefined) return c.json({ error: 'unknown country' }, 404);
    return c.json({ code, neighbours: { 'esi:include': { type: 'country', ids: codes, fields } } }, 200, headers);
  });

  return app;
}

function neighbourCards(codes: readonly string[]): Html {
  if (codes.length === 0) return html`<h2>Neighbours</h2>\n<p class="notice">No land border with anybody.</p>`;
  return html`<h2>Neighbours</h2>
<ul class="cards">${codes.map(
    (code) => html`
  <li><esi:include src="/fragments/country-card/${code}" onerror="continue"/></li>`,
  )}
</ul>`;
}

if (import.meta.main) runService('recommender', 9003, createRecommender());
