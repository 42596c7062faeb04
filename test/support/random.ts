/** Random choices that are the same in every run of one seed. */
export interface Random {
  /** A whole number from 0 up to but not including `bound`. */
  below(bound: number): number;
  /** True in `share` of all cases: 0.1 is one in ten. */
  chance(share: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}

/** Makes a {@link Random}: Marsaglia's xorshift of 32 bits, which is random enough to mix requests. */
export function createRandom(seed: number): Random {
  let state = seed | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next(); // small seeds begin with small numbers
  const below = (bound: number) => Math.floor(next() * bound);
  return { below, chance: (share) => next() < share, pick: (items) => items[below(items.length)]! };
}
