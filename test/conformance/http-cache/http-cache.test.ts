import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanups, startGateway } from '../../support/gateway.ts';
import { startOrigin } from '../../support/origin.ts';
import { createClock } from './clock.ts';
import { AREAS } from './index.ts';
import type { CacheRecord } from './record.ts';
import { run, type Stage } from './run.ts';

/** HTTP caching as records, through the real proxy on real sockets, in its default configuration: see {@link CacheRecord}. */

const stack = cleanups();
const passed = { required: 0, optimal: 0 };
const RECORDS = Object.values(AREAS).flat();
let stage: Stage;

beforeAll(async () => {
  const clock = createClock();
  const origin = stack.add(await startOrigin());
  const config = { services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } };
  stage = { origin, clock, gateway: stack.add(await startGateway(config, clock.now)) };
});

afterAll(async () => {
  await stack.run();
  const of = (kind: CacheRecord['kind']) =>
    `${passed[kind]}/${RECORDS.filter((record) => record.kind === kind).length}`;
  console.log(`HTTP caching: required ${of('required')}, optimal ${of('optimal')}`);
});

describe.each(Object.entries(AREAS))('%s', (_area, records) => {
  test.each(records.map((record) => [record.id, record.says, record] as const))(
    '%s: %s',
    async (_id, _says, record) => {
      await run(record, stage);
      passed[record.kind]++;
    },
  );
});

test('every record has an id of its own', () => {
  const ids = RECORDS.map(({ id }) => id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect(ids.filter((id) => !/^[a-z0-9-]{1,60}$/.test(id))).toEqual([]);
});

test('every record says where it is written', () => {
  const known = /^(RFC (9110|9111|9112|9211|9213|5861|8246|8297)|W3C edge-arch) \d/;
  expect(RECORDS.filter(({ anchor }) => !known.test(anchor)).map(({ id }) => id)).toEqual([]);
});
