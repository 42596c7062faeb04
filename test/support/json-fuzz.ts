import { expect, it } from 'vitest';
import { type Tally, tryCase } from './json-case.ts';

/** `INLAY_FUZZ=10` looks ten times as long. */
const CASES = 50_000 * Number(process.env.INLAY_FUZZ ?? 1);
const SEED = 20_261_123;

/** Sends random JSON pages through a whole gateway: one half of all of them, for two files, since files run side by side. */
export function fuzzJson(half: 0 | 1): void {
  const title = `of ${CASES} random pages, all answers parse, keep what is not replaced, and fetch what they need, once`;
  it(title, { timeout: 60_000 + 10 * CASES }, async () => {
    const tally: Tally = { cases: 0, directives: 0, asked: 0, batches: 0, failed: 0, unsure: 0 };
    const wrong: string[] = [];
    for (let i = 0; i < CASES && wrong.length < 3; i++) {
      const found = await tryCase(SEED + 2 * i + half, tally);
      if (found !== undefined) wrong.push(found);
    }
    expect(wrong.join('\n\n')).toBe('');
    // Or the pages have become such that nothing is tried.
    expect(tally.directives).toBeGreaterThan(3 * CASES);
    expect(tally.asked).toBeGreaterThan(2 * CASES);
    expect(tally.batches).toBeGreaterThan(CASES);
    expect(tally.failed).toBeLessThan(CASES / 4);
    expect(tally.unsure).toBeLessThan(CASES / 10);
  });
}
