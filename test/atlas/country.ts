/** A country as the catalogue knows it: from the data set, and after a change; and the entity that it sends. */
import * as v from 'valibot';
import { changeOf, line } from './change.ts';
import type { WorldRecord } from './world.ts';

/** A country. What is an entity of its own – neighbours, currencies, languages – it knows by code alone. */
export interface Country {
  readonly code: string;
  readonly name: string;
  readonly official: string;
  /** Several capitals are joined by commas; empty where there is none. */
  readonly capital: string;
  readonly region: string;
  readonly subregion: string;
  readonly callingCodes: readonly string[];
  readonly tld: readonly string[];
  /** Square kilometres; null where nobody knows. */
  readonly area: number | null;
  /** The data set has no populations: known only after somebody has put one. */
  readonly population?: number;
  /** Path of the flag, an SVG image. */
  readonly flag: string;
  readonly borders: readonly string[];
  readonly currencies: readonly string[];
  readonly languages: readonly string[];
}

/** Makes the country of a record of the data set. */
export function countryOf(record: WorldRecord): Country {
  return {
    code: record.cca3,
    name: record.name.common,
    official: record.name.official,
    capital: record.capital.join(', '),
    region: record.region,
    subregion: record.subregion,
    callingCodes: callingCodes(record.idd),
    tld: record.tld,
    area: record.area < 0 ? null : record.area,
    flag: `/flags/${record.cca3.toLowerCase()}.svg`,
    borders: record.borders,
    currencies: Object.keys(record.currencies),
    languages: Object.keys(record.languages),
  };
}

/** `+1` and `+7` are shared by several countries and their suffixes are area codes: there the root alone is the code. */
function callingCodes({ root, suffixes }: WorldRecord['idd']): string[] {
  if (suffixes.length > 1 && (root === '+1' || root === '+7')) return [root];
  return suffixes.map((suffix) => root + suffix);
}

/** What a country shows of its neighbours; not their neighbours, currencies and languages, which are then never fetched. */
const neighbourFields = ['code', 'name', 'capital', 'flag'];

/**
 * The entity `country`, as the catalogue sends it: directives in place of other entities. So a changed currency leaves
 * every country as it is, wherever it is kept.
 */
export function countryEntity({ borders, currencies, languages, ...own }: Country): object {
  return {
    ...own,
    borders: { 'esi:include': { type: 'country', ids: borders, depth: 0, fields: neighbourFields } },
    currencies: { 'esi:include': { type: 'currency', ids: currencies } },
    languages: { 'esi:include': { type: 'language', ids: languages } },
  };
}

/** Members of a country that may change. */
export const countryChange = changeOf({
  name: line(100),
  official: line(200),
  capital: line(100),
  population: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
