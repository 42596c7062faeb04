import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive } from '../support/jetstream.ts';
import { natsServerAvailable, publishRaw } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

/** A server with the stream, and its operator. */
async function world(config: Parameters<ReturnType<Bench['operator']>['create']>[0] = {}) {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create(config);
  return { server, operator };
}

describe.skipIf(!available)('purges that a stream keeps', () => {
  test('are acknowledged with their number in the stream, and applied here before the promise resolves', async () => {
    const { server, operator } = await world();
    const [one, two] = [await bench.instance(server.url), await bench.instance(server.url)];
    expect([one.bus.state, one.bus.durable, one.isLive()]).toEqual(['live', true, true]);
    const entries = [one.fetch(['a']), two.fetch(['a'])];
    const message = createPurge({ tags: ['a'] });
    const published = await one.bus.publish(message);
    expect(one.state(entries[0]!)).toBe('hard');
    expect(published).toMatchObject({ id: message.id, seq: 1 });
    await vi.waitFor(() => expect(two.state(entries[1]!)).toBe('hard'), SOON);
    expect([one.index.seq, two.index.seq]).toEqual([1, 1]);
    expect([one.state(one.fetch(['a'])), two.state(two.fetch(['a']))]).toEqual(['valid', 'valid']);
    expect(two.events).toContainEqual(
      expect.objectContaining({ type: 'purge', seq: 1, mode: 'hard', id: message.id, first: ['a'] }),
    );
    expect(await operator.counts()).toEqual({ last: 1, held: 1 });
  });

  test('are applied here when they are acknowledged, though the stream does not come', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const [touched, kept] = [one.fetch(['a']), one.fetch(['b'])];
    await operator.dropConsumers();
    expect(await one.bus.publish(createPurge({ tags: ['a'] }))).toMatchObject({ seq: 1 });
    expect([one.index.seq, one.state(touched), one.state(kept)]).toEqual([0, 'hard', 'valid']);
    const since = one.fetch(['a']);
    await vi.waitFor(() => expect(one.index.seq).toBe(1), SOON); // it noticed that nothing comes, and read it after all
    expect([one.state(touched), one.state(since), one.state(kept)]).toEqual(['hard', 'hard', 'valid']);
  });

  test('are answered with the instances of the space, and which of them have applied them', async () => {
    const { server } = await world();
    const [one] = [await bench.instance(server.url), await bench.instance(server.url)];
    await bench.instance(server.url, { space: 'shop' });
    const { seq, instances = [] } = await one.bus.publish(createPurge({ tags: ['a'] }), 5_000);
    expect(instances).toHaveLength(2);
    expect(new Set(instances.map(({ instance }) => instance)).size).toBe(2);
    expect(instances.map(({ applied, seq: at }) => [applied, at])).toEqual([
      [true, seq],
      [true, seq],
    ]);
  });

  test('leave an instance that does not answer, and one that only publishes, out of the count', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const link = await bench.link(server);
    const two = await bench.instance(link.url);
    const tool = await bench.instance(server.url, { publisher: true });
    link.hold();
    const { instances = [] } = await tool.bus.publish(createPurge({ tags: ['a'] }), 300);
    expect(instances.map(({ seq }) => seq)).toEqual([1]);
    await vi.waitFor(() => expect([one.index.seq, tool.index.seq]).toEqual([1, 0]), SOON);
    link.release();
    await vi.waitFor(() => expect(two.index.seq).toBe(1), SOON);
  });

  test('of other spaces move the number and purge nothing; those for all spaces purge', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const entry = one.fetch(['a']);
    await operator.publish('inlay.purge.shop', printPurge(createPurge({ all: true })), 'rubbish');
    await vi.waitFor(() => expect(one.index.seq).toBe(2), SOON);
    expect([one.state(entry), one.bus.rejected]).toEqual(['valid', 0]);
    await operator.publish('inlay.purge._all', printPurge(createPurge({ mode: 'soft', tags: ['a'] })));
    await vi.waitFor(() => expect(one.state(entry)).toBe('soft'), SOON);
    expect([...one.applied().values()]).toEqual([1]);
  });

  test('that cannot be read purge the space softly, at most every 100 ms, and are counted', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const bodies = [
      '',
      '{',
      '[]',
      '{"v":2,"id":"x","all":true}',
      '{"v":1,"id":"x","tags":["a\\r\\n"]}',
      'x'.repeat(100_000),
    ];
    for (const [at, body] of bodies.entries()) {
      const entry = one.fetch(['a']);
      await operator.publish(SUBJECT, body);
      await vi.waitFor(() => expect(one.index.seq).toBe(at + 1), SOON);
      await vi.waitFor(() => expect(one.state(entry)).toBe('soft'), SOON);
    }
    expect(one.state(one.fetch(['a']))).toBe('valid');
    expect(one.bus.rejected).toBe(bodies.length);
  });

  test('may be published many at a time, and each has its own number', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const purges = Array.from({ length: 300 }, (_, at) => one.bus.publish(createPurge({ tags: [`t${at}`] })));
    const numbers = (await Promise.all(purges)).map(({ seq }) => seq).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
    expect(one.index.seq).toBe(300);
  });

  test('are refused when their id was used before: the server would drop them', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    await one.bus.publish(createPurge({ id: 'same', tags: ['a'] }));
    const entry = one.fetch(['b']);
    await expect(one.bus.publish(createPurge({ id: 'same', tags: ['b'] }))).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('published before'),
    });
    expect([one.state(entry), (await operator.counts()).last]).toEqual(['valid', 1]);
  });

  test('that others publish without an acknowledgement are kept and applied all the same', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const entry = one.fetch(['a']);
    await publishRaw(server.port, SUBJECT, printPurge(createPurge({ tags: ['a'] })));
    await vi.waitFor(() => expect(one.state(entry)).toBe('hard'), SOON);
    expect(one.index.seq).toBe(1);
  });

  test('of before the start are not read again: nothing is stored that they could mean', async () => {
    const { server, operator } = await world();
    await operator.publish(SUBJECT, ...Array.from({ length: 100 }, () => printPurge(createPurge({ tags: ['a'] }))));
    const one = await bench.instance(server.url);
    await untilLive(one);
    expect([one.index.seq, one.applied().size]).toEqual([100, 0]);
    const entry = one.fetch(['a']);
    expect(one.state(entry)).toBe('valid');
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect(one.state(entry)).toBe('hard');
  });
});

describe.skipIf(!available)('events of services', () => {
  const tags = (subject: string) => [`country:${subject.split('.')[2]}`];
  const events = [{ subject: 'country.changed.*', tags }];

  test('that the stream keeps are applied once, with its number', async () => {
    const { server, operator } = await world({ subjects: ['inlay.purge.*', 'country.changed.*'] });
    const one = await bench.instance(server.url, { events });
    const [france, germany] = [one.fetch(['country:FRA']), one.fetch(['country:DEU'])];
    await operator.publish('country.changed.FRA', 'whatever the service says');
    await vi.waitFor(() => expect(one.index.seq).toBe(1), SOON);
    expect([one.state(france), one.state(germany)]).toEqual(['hard', 'valid']);
    // Heard by core NATS too it would have been recorded a second time.
    await one.bus.publish(createPurge({ tags: ['last'] }));
    expect([...one.applied().values()]).toEqual([1, 1]);
  });

  test('that no stream keeps are heard directly', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url, { events });
    const france = one.fetch(['country:FRA']);
    await publishRaw(server.port, 'country.changed.FRA', '');
    await vi.waitFor(() => expect(one.state(france)).toBe('hard'), SOON);
    expect(one.index.seq).toBe(0);
  });

  test('whose definition is mistaken purge the space softly, and end nothing', async () => {
    const { server, operator } = await world({ subjects: ['inlay.purge.*', 'country.>'] });
    const broken = () => {
      throw new TypeError('a mistake in a definition');
    };
    const one = await bench.instance(server.url, { events: [{ subject: 'country.changed.*', tags: broken }] });
    const entry = one.fetch(['a']);
    await operator.publish('country.changed.FRA', '');
    await vi.waitFor(() => expect(one.state(entry)).toBe('soft'), SOON);
    expect(one.bus.rejected).toBe(1);
    const [after, other] = [one.fetch(['a']), one.fetch(['b'])];
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect([one.state(after), one.state(other), one.index.seq]).toEqual(['hard', 'valid', 2]);
  });

  test('may be all subjects there are, without a purge being read twice', async () => {
    const { server } = await world();
    const seen: string[] = [];
    const all = (subject: string) => {
      seen.push(subject);
      return [];
    };
    const one = await bench.instance(server.url, { events: [{ subject: '>', tags: all }] });
    await one.bus.publish(createPurge({ tags: ['a'] }), 1_000);
    expect(seen.filter((subject) => subject.startsWith('inlay.'))).toEqual([]);
    expect(one.applied().size).toBe(1);
    expect(one.index.seq).toBe(1);
  });
});
