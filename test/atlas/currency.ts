/** Currencies and languages as the catalogue knows them: small entities that many countries share. */
import { changeOf, line } from './change.ts';
import { currencyNames, languageNames } from './world.ts';

/** The entity `currency`, by its ISO 4217 code. */
export interface Currency {
  readonly code: string;
  readonly name: string;
  readonly symbol: string;
}

/** The entity `language`, by its ISO 639-3 code. */
export interface Language {
  readonly code: string;
  readonly name: string;
}

/** All currencies of the data set. */
export function allCurrencies(): Currency[] {
  return [...currencyNames()].map(([code, { name, symbol }]) => ({ code, name, symbol }));
}

/** All languages of the data set. */
export function allLanguages(): Language[] {
  return [...languageNames()].map(([code, name]) => ({ code, name }));
}

/** Members of a currency that may change. */
export const currencyChange = changeOf({ name: line(100), symbol: line(20) });

/** Members of a language that may change. */
export const languageChange = changeOf({ name: line(100) });
