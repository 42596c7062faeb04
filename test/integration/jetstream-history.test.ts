import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive, untilSuspect, whileAway } from '../support/jetstream.ts';
import { natsServerAvailable } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-history.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

const purge = (...tags: string[]) => printPurge(createPurge({ tags }));
const others = (count: number) => Array.from({ length: count }, (_, at) => purge(`t${at}`));

/** An instance that has read five messages of a stream, and a copy of what the server had on its disk after three. */
async function world() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create();
  const link = await bench.link(server);
  const one = await bench.instance(link.url);
  await operator.publish(SUBJECT, ...others(3));
  await vi.waitFor(() => expect(one.index.seq).toBe(3), SOON);
  await server.kill();
  const backup = await server.backup();
  await server.restart();
  await untilSuspect(one);
  await untilLive(one);
  await operator.publish(SUBJECT, ...others(2));
  await vi.waitFor(() => expect(one.index.seq).toBe(5), SOON);
  await untilLive(one);
  const away = (act: () => Promise<unknown>) => whileAway(link, one, act);
  /** The machine loses its power, or somebody puts the copy back, and purges go on. */
  const takenBack = (...texts: readonly string[]) =>
    away(async () => {
      await server.kill();
      await backup.restore();
      await server.restart();
      expect(await operator.counts()).toEqual({ last: 3, held: 3 });
      await operator.publish(SUBJECT, ...texts);
    });
  return { server, operator, link, one, away, takenBack };
}

describe.skipIf(!available)('a stream that lost messages that were read', () => {
  test.each([
    ['and grew past them', [purge('a'), ...others(3)], 7],
    ['and grew to where it had been', [purge('a'), purge('x')], 5],
    ['and grew by the very same bodies', others(4), 7],
    ['and grew by less', [purge('a')], 4],
  ])('%s makes everything older invalid once', async (_how, texts, last) => {
    const { one, operator, away, takenBack } = await world();
    const entry = one.fetch(['a']);
    await takenBack(...texts);
    expect([one.state(entry), one.index.seq]).toEqual(['hard', last]);
    expect(one.floors()).toMatchObject([{ mode: 'hard', reason: expect.stringMatching(/lost its end$/) }]);
    const [kept, touched] = [one.fetch(['kept']), one.fetch(['b'])];
    await away(() => operator.publish(SUBJECT, purge('b')));
    expect([kept, touched].map(one.state)).toEqual(['valid', 'hard']);
    expect([one.index.seq, one.floors().length]).toEqual([last + 1, 1]);
  });

  test('and grew past them tells of the purges from there on, each once', async () => {
    const { one, takenBack } = await world();
    const texts = Array.from({ length: 4 }, (_, at) => createPurge({ tags: [`new${at}`] }));
    await takenBack(...texts.map(printPurge));
    // What stands at number 5 was not read, though a message 5 was.
    expect(texts.map(({ id }) => one.applied().get(id))).toEqual([undefined, 1, 1, 1]);
  });
});

describe.skipIf(!available)('a stream whose last message that was read', () => {
  test('was deleted alone makes everything older invalid: nothing tells what came after it', async () => {
    const { one, operator, away } = await world();
    const entry = one.fetch(['kept']);
    await away(async () => {
      await operator.publish(SUBJECT, purge('b'));
      await operator.dropOne(5);
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 6]);
    expect(one.floors()).toMatchObject([{ reason: expect.stringContaining('message 5 of the stream was deleted') }]);
  });

  test('was deleted alone, and nothing came after it, does so too, and once', async () => {
    const { one, operator, away } = await world();
    const entry = one.fetch(['kept']);
    await away(() => operator.dropOne(5));
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 5]);
    const after = one.fetch(['kept']);
    await away(async () => undefined);
    await away(() => operator.publish(SUBJECT, purge('b')));
    expect([one.state(after), one.floors().length]).toEqual(['valid', 1]);
  });

  test('is followed by one that was deleted before it was read makes everything older invalid', async () => {
    const { one, operator, away } = await world();
    const entry = one.fetch(['a']);
    await away(async () => {
      await operator.publish(SUBJECT, purge('a'));
      await operator.dropOne(6);
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 6]);
    expect(await one.bus.publish(createPurge({ tags: ['b'] }))).toMatchObject({ seq: 7 });
  });

  test('was dropped with all before it leaves valid what was fetched after it', async () => {
    const { one, operator, away } = await world();
    const entry = one.fetch(['kept']);
    await away(() => operator.dropBefore(6));
    await away(() => operator.publish(SUBJECT, purge('b')));
    expect([one.state(entry), one.floors(), one.index.seq]).toEqual(['valid', [], 6]);
  });

  test('was unreadable is not read once more, however often the connection breaks', async () => {
    const { one, operator, away } = await world();
    await operator.publish(SUBJECT, 'rubbish');
    await vi.waitFor(() => expect([one.index.seq, one.bus.rejected]).toEqual([6, 1]), SOON);
    const entry = one.fetch(['t1']);
    for (let time = 0; time < 3; time++) await away(async () => undefined);
    expect([one.state(entry), one.bus.rejected, one.floors()]).toEqual(['valid', 1, []]);
    expect(Math.max(...one.applied().values())).toBe(1);
  });
});
