/** The catalogue's HTML: how what it owns looks, decided in this one service and nowhere else. */
import { html } from 'hono/html';
import type { Country } from './country.ts';
import type { Currency, Language } from './currency.ts';
import type { Html } from './html.ts';

/** The name of a currency with its symbol, if it has one that is more than its code. */
export function currencyName({ code, name, symbol }: Currency): Html {
  return symbol === '' || symbol === code ? html`${name}` : html`${name} (${symbol})`;
}

/** The name of a language. */
export function languageName(language: Language): Html {
  return html`${language.name}`;
}

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

/** A list of facts; what is not known is left out. Currencies and languages are included by code: they change by themselves. */
export function countryFacts(country: Country): Html {
  const rows = Object.entries(facts(country)).filter(([, value]) => value.length > 0);
  return html`<dl class="facts">${rows.map(
    ([term, value]) => html`
  <div><dt>${term}</dt><dd>${value}</dd></div>`,
  )}
</dl>`;
}

function facts(country: Country): Record<string, string | Html[]> {
  return {
    'Official name': country.official,
    Capital: country.capital,
    Region: [country.region, country.subregion].filter((part) => part !== '').join(' · '),
    Languages: included('language-name', country.languages),
    Currencies: included('currency-name', country.currencies),
    Area: country.area === null ? '' : `${number.format(country.area)} km²`,
    Population: country.population === undefined ? '' : number.format(country.population),
    'Land borders': String(country.borders.length),
    'Calling code': country.callingCodes.join(', '),
    'Internet domain': country.tld.join(', '),
    Code: country.code,
  };
}

function included(fragment: string, codes: readonly string[]): Html[] {
  return codes.map(
    (code, index) => html`${index > 0 && ', '}<esi:include src="/fragments/${fragment}/${code}" onerror="continue"/>`,
  );
}

const number = new Intl.NumberFormat('en-GB');
