import { describe, expect, test } from 'vitest';
import type { Counts, Spoil } from './interleavings/process.ts';
import { SPOILS } from './interleavings/spoils.ts';
import { World } from './interleavings/world.ts';

/** `INLAY_FUZZ=10` looks ten times as long. */
const FUZZ = Number(process.env.INLAY_FUZZ ?? 1);
const STEPS = 1_000;
const TIMEOUT = 60_000 * FUZZ;

/** A world of so many steps for each seed, and what happened in all of them. */
async function run(from: number, worlds: number, spoil: Spoil = {}): Promise<Counts & { unchanged: number }> {
  const total = { reads: 0, hits: 0, hitsAcross: 0, stale: 0, standIns: 0, unchanged: 0 };
  for (let seed = from; seed < from + worlds; seed++) {
    const world = new World(seed, spoil);
    await world.run(STEPS).catch((thrown: Error) => {
      throw new Error(`seed ${seed}, ${thrown.message}`);
    });
    total.unchanged += world.services.unchanged;
    for (const name of Object.keys(world.counts) as (keyof Counts)[]) total[name] += world.counts[name];
  }
  return total;
}

describe('whatever the order of fetches, purges, replays, restarts and disconnections', () => {
  test('nothing is shown that a purge forbids, and what no purge hit is served again', {
    timeout: TIMEOUT,
  }, async () => {
    const total = await run(1, 10 * FUZZ);
    console.info(JSON.stringify({ steps: 10 * FUZZ * STEPS, ...total }));
    const { reads, hits, hitsAcross, stale, standIns, unchanged } = total;
    // A cache that forgot everything each time would show nothing wrong, too.
    expect(hits / reads).toBeGreaterThan(0.3);
    expect(hitsAcross / FUZZ).toBeGreaterThan(10);
    expect(stale / FUZZ).toBeGreaterThan(100);
    expect(standIns / FUZZ).toBeGreaterThan(20);
    expect(unchanged / FUZZ).toBeGreaterThan(10);
  });

  test.each([0, 3, 6])(
    'nothing is shown that a purge forbids where %i targets are remembered',
    {
      timeout: TIMEOUT,
    },
    async (maxTargets) => {
      const { reads, hits } = await run(1_000_001, 2 * FUZZ, { maxTargets });
      expect(hits / reads).toBeGreaterThan(0.05);
    },
  );
});

describe('that fails within a thousand steps for a process that', () => {
  test.each(Object.keys(SPOILS))('%s', async (name) => {
    await expect(run(70, 1, SPOILS[name])).rejects.toThrow(/^seed 70, step \d+: \d (?:is|was) /);
  });
});
