/**
 * The pages, made of directives wherever a country is concerned: no name and no fact of a country is written here.
 * Directives are in the places where such pages really have them: in the title, in an attribute, in lists.
 */
import { html } from 'hono/html';
import type { Html } from './html.ts';

const featured = ['FRA', 'JPN', 'BRA', 'KEN', 'CAN', 'IND', 'NZL', 'EGY', 'DEU', 'MEX', 'ZAF', 'VNM'];

interface Page {
  readonly title: Html | string;
  /** Path and query, for the link to the composed page. */
  readonly path: string;
  readonly body: Html;
  /** Pages that greet the visitor are personal once they are composed; pages without stay shared. */
  readonly greets?: boolean;
}

/** Draws whole pages around their content. @param composedAt where the composed pages are: scheme, host and port. */
export function createLayout(composedAt: string): (page: Page) => Html {
  return ({ title, path, body, greets }) => html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title}</title>
  <link rel="stylesheet" href="/assets/atlas.css">
  <link rel="icon" href="/assets/atlas.svg" type="image/svg+xml">
</head>
<body>
<header class="top">
  <a class="brand" href="/">Atlas</a>${
    greets &&
    html`
  <esi:include src="/fragments/greeting" onerror="continue"/>`
  }
</header>
<main>
${body}
</main>
<footer>
  <!--esi <p>Composed by Inlay from five services that do not know each other.</p>-->
  <esi:remove><p>This is the page service on its own, with its directives unanswered. <a href="${composedAt}${path}">See the composed page</a></p></esi:remove>
  <p>Data: <a href="https://github.com/mledoze/countries">mledoze/countries</a>, ODbL 1.0.</p>
</footer>
</body>
</html>
`;
}

export function homePage(regions: Iterable<string>): Page {
  return {
    title: 'Atlas: the countries of the world',
    path: '/',
    greets: true,
    body: html`<section class="hero">
  <h1>The countries of the world</h1>
  <p>Capitals, neighbours, languages and flags.</p>
  ${searchForm('')}
</section>
<nav class="regions" aria-label="Regions">
  <ul>${[...regions].map(
    (region) => html`
    <li><a href="/region/${region}">${region}</a></li>`,
  )}
  </ul>
</nav>
<section>
  <h2>A dozen to begin with</h2>
  <esi:comment text="The page service chooses which; what a card looks like is the catalogue's business."/>
  ${cards(featured)}
</section>`,
  };
}

export function regionPage(region: string, codes: readonly string[]): Page {
  return {
    title: `${region} · Atlas`,
    path: `/region/${region}`,
    body: html`<h1>${region}</h1>
<section>
  <h2>${codes.length} countries and territories</h2>
  ${cards(codes)}
</section>`,
  };
}

export function countryPage(code: string): Page {
  const name = html`<esi:include src='/fragments/country-name/${code}' onerror='continue'/>`;
  return {
    title: html`${name} · Atlas`,
    path: `/country/${code}`,
    greets: true,
    body: html`<article class="country">
  <h1>${name}</h1>
  <div class="profile">
    <img class="flag" src="/flags/${code.toLowerCase()}.svg" alt="Flag of ${name}">
    <esi:include src="/fragments/country-facts/${code}" onerror="continue"/>
  </div>
</article>
<section>
  <esi:include src="/fragments/neighbours/${code}" onerror="continue"/>
</section>
<details class="data">
  <summary>The same as data</summary>
  <script type="application/json" id="country-data"><esi:include src="/entities/country/${code}" as="json" onerror="continue"/></script>
</details>`,
  };
}

export function searchPage(query: string): Page {
  return {
    title: query === '' ? 'Search · Atlas' : `${query} · Atlas`,
    path: `/search?q=${encodeURIComponent(query)}`,
    body: html`<section class="hero">
  <h1>Search</h1>
  ${searchForm(query)}
</section>
<section>
  <esi:include src="/fragments/search-results?q=${encodeURIComponent(query)}" onerror="continue"/>
</section>`,
  };
}

export function notFoundPage(): Page {
  return {
    title: 'Not found · Atlas',
    path: '/',
    body: html`<h1>Not found</h1>
<p>There is no such page. <a href="/">Back to the first one</a></p>`,
  };
}

function cards(codes: readonly string[]): Html {
  return html`<ul class="cards">${codes.map(
    (code) => html`
    <li><esi:include src="/fragments/country-card/${code}" onerror="continue"/></li>`,
  )}
  </ul>`;
}

function searchForm(query: string): Html {
  return html`<form class="search" role="search" action="/search">
    <label for="q">Country or capital</label>
    <input id="q" name="q" type="search" value="${query}" maxlength="100" autocomplete="off">
    <button>Search</button>
  </form>`;
}
