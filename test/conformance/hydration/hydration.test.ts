import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanups, startGateway } from '../../support/gateway.ts';
import { startOrigin } from '../../support/origin.ts';
import { FEATURES, REFUSED } from './index.ts';
import { run, type Stage } from './run.ts';

/** Hydration as records, through the real proxy on real sockets: see {@link HydrationRecord}. */

const stack = cleanups();
const passed = new Map<string, number>();
let stage: Stage;

beforeAll(async () => {
  stage = { web: stack.add(await startOrigin()), catalogue: stack.add(await startOrigin()) };
});

afterAll(async () => {
  await stack.run();
  const totals = Map.groupBy(FEATURES, ({ feature }) => feature);
  const rows = [...totals].map(([name, records]) => `${name}: ${passed.get(name) ?? 0}/${records.length}`);
  const sum = [...passed.values()].reduce((all, count) => all + count, 0);
  console.log(`${rows.join('\n')}\nHydration: ${sum}/${FEATURES.length}`);
});

describe.each(Object.entries(Object.groupBy(FEATURES, ({ feature }) => feature)))('%s', (feature, records = []) => {
  test.each(records.map((record) => [record.id, record.says, record] as const))(
    '%s: %s',
    async (_id, _says, record) => {
      await run(record, stage);
      passed.set(feature, (passed.get(feature) ?? 0) + 1);
    },
  );
});

describe('configurations that do not start', () => {
  test.each(REFUSED.map((refused) => [refused.says, refused] as const))('%s', async (_says, { config, at }) => {
    const starting = startGateway(config).then(async (gateway) => {
      await gateway.stop();
      return 'it started';
    });
    const reason = await starting.catch((error: Error) => error.message);
    expect(reason).toContain(at);
    expect(reason).not.toBe('it started');
  });
});

test('every record has an id of its own', () => {
  const ids = FEATURES.map(({ id }) => id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect(ids.filter((id) => !/^[a-z0-9-]{1,60}$/.test(id))).toEqual([]);
});
