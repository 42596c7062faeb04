/** Finds codes by words. The index keeps folded terms and ids; what a country looks like it does not know. */
import type { WorldRecord } from './world.ts';

interface Term {
  readonly text: string;
  readonly code: string;
}

/** Answers the codes that a query matches, best first, each once. */
export type Find = (query: string) => string[];

/** Indexes names and capitals. A term matches whole, then by its beginning, then by the beginning of a later word. */
export function createSearchIndex(records: readonly WorldRecord[]): Find {
  const terms: Term[] = records
    .flatMap(({ cca3, name, capital, altSpellings }) =>
      [cca3, name.common, name.official, ...altSpellings, ...capital].map((term) => ({ text: fold(term), code: cca3 })),
    )
    .sort((a, b) => (a.text < b.text ? -1 : 1));

  return (query) => {
    const wanted = fold(query);
    if (wanted === '') return [];
    const whole = terms.filter(({ text }) => text === wanted);
    const beginning = terms.filter(({ text }) => text.startsWith(wanted));
    const laterWord = terms.filter(({ text }) => text.includes(` ${wanted}`));
    return [...new Set([...whole, ...beginning, ...laterWord].map(({ code }) => code))];
  };
}

/** Lower case, without accents and punctuation: "Côte d'Ivoire" is found by "cote d ivoire". */
function fold(text: string): string {
  const plain = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
