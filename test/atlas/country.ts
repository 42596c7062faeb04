/** A country as the catalogue knows it: from the data set, and after a change. */
import * as v from 'valibot';
import type { WorldRecord } from './world.ts';

/** The entity `country`: what `GET /entities/country/{code}` answers, and what the HTML views are made of. */
export interface Country {
  readonly code: string;
  readonly name: string;
  readonly official: string;
  /** Several capitals are joined by commas; empty where there is none. */
  readonly capital: string;
  readonly region: string;
  readonly subregion: string;
  readonly languages: readonly string[];
  readonly currencies: readonly { readonly code: string; readonly name: string; readonly symbol: string }[];
  readonly callingCodes: readonly string[];
  readonly tld: readonly string[];
  /** Square kilometres; null where nobody knows. */
  readonly area: number | null;
  /** The data set has no populations: known only after somebody has put one. */
  readonly population?: number;
  readonly borders: readonly string[];
  /** Path of the flag, an SVG image. */
  readonly flag: string;
}

/** Makes the entity of a record of the data set. */
export function countryOf(record: WorldRecord): Country {
  return {
    code: record.cca3,
    name: record.name.common,
    official: record.name.official,
    capital: record.capital.join(', '),
    region: record.region,
    subregion: record.subregion,
    languages: Object.values(record.languages),
    currencies: Object.entries(record.currencies).map(([code, { name, symbol }]) => ({ code, name, symbol })),
    callingCodes: callingCodes(record.idd),
    tld: record.tld,
    area: record.area < 0 ? null : record.area,
    borders: record.borders,
    flag: `/flags/${record.cca3.toLowerCase()}.svg`,
  };
}

/** `+1` and `+7` are shared by several countries and their suffixes are area codes: there the root alone is the code. */
function callingCodes({ root, suffixes }: WorldRecord['idd']): string[] {
  if (suffixes.length > 1 && (root === '+1' || root === '+7')) return [root];
  return suffixes.map((suffix) => root + suffix);
}

const line = (max: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(max));

const countryChange = v.pipe(
  v.strictObject(
    {
      name: v.exactOptional(line(100)),
      official: v.exactOptional(line(200)),
      capital: v.exactOptional(line(100)),
      population: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
    },
    ({ expected }) => (expected === 'never' ? 'is not a member that can be changed' : 'has to be an object'),
  ),
  v.check((change) => Object.keys(change).length > 0, 'name at least one of: name, official, capital, population'),
);

/** Members of a country that may change, at least one. */
export type CountryChange = v.InferOutput<typeof countryChange>;

/** A change that was understood, or all problems of it in words for the sender. */
export type ParsedChange =
  | { readonly ok: true; readonly change: CountryChange }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Parses the JSON text of a partial change. Never throws. */
export function parseChange(text: string): ParsedChange {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${(error as SyntaxError).message}`] };
  }
  const result = v.safeParse(countryChange, input);
  if (result.success) return { ok: true, change: result.output };
  return { ok: false, problems: result.issues.map((issue) => `${v.getDotPath(issue) ?? 'body'}: ${issue.message}`) };
}
