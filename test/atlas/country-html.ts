/** The catalogue's HTML: how a country looks, decided in this one service and nowhere else. */
import { html } from 'hono/html';
import type { Country } from './country.ts';
import type { Html } from './html.ts';

/** The name alone, safe as text and inside a quoted attribute: for titles. */
export function countryName(country: Country): Html {
  return html`${country.name}`;
}

/** A card that links to the country's page. */
export function countryCard(country: Country): Html {
  return html`<article class="card">
  <img class="flag" src="${country.flag}" alt="Flag of ${country.name}" width="96" height="64" loading="lazy">
  <h3><a href="/country/${country.code}">${country.name}</a></h3>
  ${country.capital && html`<p>${country.capital}</p>`}
  <p>${country.region}</p>
</article>`;
}

/** A list of facts; what is not known is left out. */
export function countryFacts(country: Country): Html {
  const rows = Object.entries(facts(country)).filter(([, value]) => value !== '');
  return html`<dl class="facts">${rows.map(
    ([term, value]) => html`
  <div><dt>${term}</dt><dd>${value}</dd></div>`,
  )}
</dl>`;
}

function facts(country: Country): Record<string, string> {
  return {
    'Official name': country.official,
    Capital: country.capital,
    Region: [country.region, country.subregion].filter((part) => part !== '').join(' · '),
    Languages: country.languages.join(', '),
    Currencies: country.currencies.map(({ code, name }) => `${name} (${code})`).join(', '),
    Area: country.area === null ? '' : `${number.format(country.area)} km²`,
    Population: country.population === undefined ? '' : number.format(country.population),
    'Land borders': String(country.borders.length),
    'Calling code': country.callingCodes.join(', '),
    'Internet domain': country.tld.join(', '),
    Code: country.code,
  };
}

const number = new Intl.NumberFormat('en-GB');
