/** Inlay in front of Atlas, the demonstration system in test/atlas. */
import country from './fragments/country.ts';
import countryCard from './fragments/country-card.ts';
import countryFacts from './fragments/country-facts.ts';
import countryName from './fragments/country-name.ts';
import currency from './fragments/currency.ts';
import currencyName from './fragments/currency-name.ts';
import greeting from './fragments/greeting.ts';
import language from './fragments/language.ts';
import languageName from './fragments/language-name.ts';
import neighbours from './fragments/neighbours.ts';
import searchResults from './fragments/search-results.ts';
import { defineGateway, env } from './src/index.ts';

export default defineGateway({
  services: {
    web: env('ATLAS_WEB_URL', 'http://127.0.0.1:9000'),
    catalogue: env('ATLAS_CATALOGUE_URL', 'http://127.0.0.1:9001'),
    search: env('ATLAS_SEARCH_URL', 'http://127.0.0.1:9002'),
    recommender: env('ATLAS_RECOMMENDER_URL', 'http://127.0.0.1:9003'),
    // The only service that may see who is looking.
    visitor: { url: env('ATLAS_VISITOR_URL', 'http://127.0.0.1:9004'), forward: ['cookie'] },
  },
  facades: {
    // No hosts: the facade for whatever host is asked for. The most specific route wins.
    atlas: {
      routes: {
        // Search answers codes and has never heard of directives: where its countries go is said here.
        '/api/search': { service: 'search', hydrate: '"/hits/*/code";type=country;as="country"' },
        '/api/neighbours/*': { service: 'recommender', esi: 'auto' },
        '/flags/*': { service: 'catalogue' },
        '/visitor': { service: 'visitor' },
        '/visitor/*': { service: 'visitor' },
        '/*': { service: 'web', esi: 'auto' },
      },
    },
  },
  fragments: [
    country,
    countryCard,
    countryFacts,
    countryName,
    currency,
    currencyName,
    language,
    languageName,
    neighbours,
    searchResults,
    greeting,
  ],
  purge: { space: 'atlas', nats: env('NATS_URL') },
  admin: { port: 9901 },
  cache: { maxSize: '256mb' },
});
