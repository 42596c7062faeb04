/** Finds codes by words. The index keeps folded terms and ids; what a country looks like it does not know. */
import type { WorldRecord } from './world.ts';

interface Term {
  readonly text: string;
  readonly code: string;
}

/** A country that a query matches, by its code. */
export interface Hit {
  readonly code: string;
  /** How well it matches: 1 is the whole term. */
  readonly score: number;
}

/** Answers what a query matches, best first, each country once. */
export type Find = (query: string) => readonly Hit[];

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
    const scores = new Map<string, number>();
    const add = (score: number, matches: (text: string) => boolean) => {
      for (const { text, code } of terms) if (!scores.has(code) && matches(text)) scores.set(code, score);
    };
    add(1, (text) => text === wanted);
    add(0.7, (text) => text.startsWith(wanted));
    add(0.4, (text) => text.includes(` ${wanted}`));
    return [...scores].map(([code, score]) => ({ code, score }));
  };
}

/** Lower case, without accents and punctuation: "Côte d'Ivoire" is found by "cote d ivoire". */
function fold(text: string): string {
  const plain = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
