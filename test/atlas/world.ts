/**
 * The data set `world-countries`, read once a process. In a real company each service would have a data base of its own;
 * here each service takes from this file what it owns, and nothing else.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One record of the data set: the members that Atlas reads. @see node_modules/world-countries/README.md */
export interface WorldRecord {
  /** ISO 3166-1 alpha-3, such as `FRA`: the id of a country in every service. */
  readonly cca3: string;
  readonly name: { readonly common: string; readonly official: string };
  readonly capital: readonly string[];
  readonly altSpellings: readonly string[];
  readonly region: string;
  readonly subregion: string;
  readonly languages: Readonly<Record<string, string>>;
  readonly currencies: Readonly<Record<string, { readonly name: string; readonly symbol: string }>>;
  readonly idd: { readonly root: string; readonly suffixes: readonly string[] };
  readonly tld: readonly string[];
  /** Codes of the countries with a common land border. */
  readonly borders: readonly string[];
  /** Square kilometres; -1 where the data set does not know it. */
  readonly area: number;
}

const dataFile = createRequire(import.meta.url).resolve('world-countries/countries.json');

/** All 250 records, in the data set's order. */
export const world = JSON.parse(readFileSync(dataFile, 'utf8')) as readonly WorldRecord[];

/** The name of each language by its ISO 639-3 code. Where records differ, the larger country has its way. */
export function languageNames(): ReadonlyMap<string, string> {
  const bySize = world.toSorted((a, b) => a.area - b.area);
  return new Map(bySize.flatMap(({ languages }) => Object.entries(languages)));
}

/** Name and symbol of each currency by its ISO 4217 code. Where records differ, the first one counts. */
export function currencyNames(): ReadonlyMap<string, { readonly name: string; readonly symbol: string }> {
  return new Map(world.toReversed().flatMap(({ currencies }) => Object.entries(currencies)));
}

/** Region (`Europe`) to the codes of its countries: all that the page service knows about countries. */
export function codesByRegion(): ReadonlyMap<string, readonly string[]> {
  const regions = Map.groupBy(world, (record) => record.region);
  return new Map([...regions].sort().map(([region, records]) => [region, records.map((record) => record.cca3)]));
}

/** Code to the codes of its neighbours: all that the recommender knows about countries. */
export function neighbourCodes(): ReadonlyMap<string, readonly string[]> {
  return new Map(world.map((record) => [record.cca3, record.borders]));
}

/** Path of a country's flag, an SVG file of the data set; `code` must be a known one. */
export function flagFile(code: string): string {
  return join(dirname(dataFile), 'data', `${code.toLowerCase()}.svg`);
}
