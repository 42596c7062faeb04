import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createPurge } from '../../src/purge/message.ts';
import type { RequestRecord } from '../../src/runtime.ts';
import { type Grounds, type Outcome, sendCrowd, VISITORS } from '../support/crowd.ts';
import { cleanups, startGateway, type TestGateway } from '../support/gateway.ts';
import { DATED_MANNERS, MANNERS, type Manner } from '../support/manners.ts';
import { MUTANTS, type Mutant, memoOfPaths } from '../support/mutants.ts';
import { startOrigin } from '../support/origin.ts';
import { type PersonalSite, personalConfig, servePersonalSite } from '../support/personal-site.ts';

/** `INLAY_FUZZ=10` looks at ten sites and crowds. */
const FUZZ = Number(process.env.INLAY_FUZZ ?? 1);
const SEED = 20261123;
const SEEDS = Array.from({ length: FUZZ }, (_, i) => SEED + i);
const LIMIT = 60_000;

const stack = cleanups();
afterEach(stack.run);

/** What is not as in the other tests. */
interface Terms {
  readonly mutant?: Mutant | undefined;
  readonly manners?: readonly Manner[];
  readonly started?: ReturnType<typeof cleanups>;
}

async function setup(seed: number, { mutant, manners, started = stack }: Terms = {}) {
  let turned = 0;
  const now = () => performance.timeOrigin + performance.now() + turned;
  const origin = started.add(await startOrigin());
  const site = servePersonalSite(origin, seed, now, manners);
  const gateway = started.add(await startGateway(personalConfig(origin.url), now, mutant));
  const grounds: Grounds = {
    port: gateway.port,
    site,
    purge: (targets) => gateway.node.bus.publish(createPurge(targets)),
    pass: (ms) => {
      turned += ms;
    },
  };
  return { site, gateway, grounds };
}

/** How many pages and parts of pages came about in this way. */
function came(how: string, records: readonly RequestRecord[]): number {
  return records.reduce((sum, { cache, parts }) => sum + (cache === how ? 1 : 0) + (parts[how] ?? 0), 0);
}

/** A page that needed nobody but the cache: such a one may be kept ready. */
function isWhollyStored({ cache, parts }: RequestRecord): boolean {
  return cache === 'hit' && Object.keys(parts).every((outcome) => outcome === 'hit');
}

/** A run in which nothing could have gone wrong proves nothing: what there must have been at least, of 3,000 requests. */
function expectEventful({ counts, visitors }: Outcome, gateway: TestGateway, { tally }: PersonalSite): void {
  const records = gateway.records();
  const seen = {
    visitors: visitors.size,
    hits: came('hit', records),
    wholly: records.filter(isWhollyStored).length,
    coalesced: came('coalesced', records),
    stale: came('stale', records),
    faults: tally.faults,
    ...counts,
  };
  const floors = {
    visitors: VISITORS,
    hits: 1_500,
    wholly: 400,
    coalesced: 40,
    stale: 40,
    faults: 200,
    own: 800,
    unchanged: 40,
    failed: 40,
    left: 40,
    purges: 40,
  };
  for (const [name, floor] of Object.entries(floors))
    expect(seen[name as keyof typeof floors], name).toBeGreaterThanOrEqual(floor);
  // What a gateway may do and need not: where it does, it must have done it often enough.
  if (tally.conditional > 0) expect(tally.unchanged).toBeGreaterThan(20);
  if (counts.coded > 0) expect(counts.coded).toBeGreaterThan(100);
  if (counts.partial > 0) expect(counts.partial).toBeGreaterThan(5);
}

describe.each(SEEDS)('a thousand visitors, fifty at once, drawn from seed %i,', (seed) => {
  let run: Awaited<ReturnType<typeof setup>> & { readonly outcome: Outcome };
  const own = cleanups();
  beforeAll(async () => {
    const started = await setup(seed, { started: own });
    run = { ...started, outcome: await sendCrowd(started.grounds, seed, 3_000) };
  }, LIMIT);
  afterAll(own.run);

  test('never get what is another’s, whatever services say, break and are told', () => {
    expect(run.outcome.wrong, `seed ${seed}`).toEqual([]);
    expectEventful(run.outcome, run.gateway, run.site);
  });

  test('get what tells who they are as private, so that caches downstream keep it from others', () => {
    expect(run.outcome.open, `seed ${seed}`).toEqual([]);
  });
});

test.each(SEEDS)(
  'an answer with a name in it is not renewed for the next visitor by its date alone, in a crowd drawn from seed %i',
  async (seed) => {
    const { grounds, site } = await setup(seed, { manners: [...MANNERS, ...DATED_MANNERS] });
    expect((await sendCrowd(grounds, seed, 1_500)).wrong, `seed ${seed}`).toEqual([]);
    expect(site.tally.faults).toBeGreaterThan(50);
  },
  LIMIT,
);

describe('a visitor’s token in another’s answer is noticed of a gateway', () => {
  test.each(Object.keys(MUTANTS))(
    '%s',
    async (name) => {
      const { grounds } = await setup(SEED, { mutant: MUTANTS[name] });
      const { wrong } = await sendCrowd(grounds, SEED, 3_000, 1);
      expect(wrong.join('\n')).toMatch(/ names visitors /);
    },
    LIMIT,
  );

  test(
    'that keeps whole pages whatever variables they read',
    async () => {
      const { grounds } = await setup(SEED);
      const { wrong } = await sendCrowd({ ...grounds, send: memoOfPaths() }, SEED, 3_000, 1);
      expect(wrong.join('\n')).toMatch(/ names visitors /);
    },
    LIMIT,
  );
});
