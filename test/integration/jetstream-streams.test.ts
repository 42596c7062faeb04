import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive, whileAway } from '../support/jetstream.ts';
import { natsServerAvailable, publishRaw, startNatsServer } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-streams.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

const purge = (...tags: string[]) => printPurge(createPurge({ tags }));
const purges = (count: number) => Array.from({ length: count }, (_, at) => purge(`t${at}`));

const GONE = [{ mode: 'hard', reason: 'the stream INLAY_PURGE is gone: nothing tells what it kept last' }];

/** A server, its operator, and an instance behind a link of its own that has applied some purges of other things. */
async function world(applied: number, config: Parameters<ReturnType<Bench['operator']>['create']>[0] = {}) {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create(config);
  const link = await bench.link(server);
  const one = await bench.instance(link.url);
  if (applied > 0) await operator.publish(SUBJECT, ...purges(applied));
  await vi.waitFor(() => expect(one.index.seq).toBe(applied), SOON);
  await untilLive(one);
  const away = (act: () => Promise<unknown>) => whileAway(link, one, act);
  return { server, operator, link, one, away };
}

describe.skipIf(!available)('a stream', () => {
  test('that dropped purges before they were read makes everything older invalid', async () => {
    const { operator, one, away } = await world(3);
    const entry = one.fetch(['a']);
    await away(async () => {
      await operator.publish(SUBJECT, ...purges(5));
      await operator.dropBefore(7);
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 8]);
    expect(one.floors()).toMatchObject([{ mode: 'hard' }]);
    expect(one.state(one.fetch(['a']))).toBe('valid');
  });

  test('that dropped all of them does so too', async () => {
    const { operator, one, away } = await world(3);
    const entry = one.fetch(['a']);
    await away(async () => {
      await operator.publish(SUBJECT, purge('a'));
      await operator.dropBefore(5);
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 4]);
    await one.bus.publish(createPurge({ tags: ['b'] }));
    expect(one.index.seq).toBe(5);
  });

  test('that dropped one in the middle does so too', async () => {
    const { operator, one, away } = await world(3);
    const entry = one.fetch(['a']);
    await away(async () => {
      await operator.publish(SUBJECT, purge('b'), purge('a'), purge('c'));
      await operator.dropOne(5);
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 6]);
  });

  test('that keeps only a few does so for who was away for more of them', async () => {
    const { operator, one, away } = await world(3, { max_msgs: 4 });
    const entry = one.fetch(['kept']);
    await away(() => operator.publish(SUBJECT, ...purges(4)));
    expect([one.state(entry), one.floors()]).toEqual(['valid', []]);
    await away(() => operator.publish(SUBJECT, ...purges(5)));
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 12]);
  });

  test('that dropped what had been read makes nothing invalid', async () => {
    const { operator, one, away } = await world(0);
    const ancient = one.fetch(['kept']);
    await operator.publish(SUBJECT, ...purges(5));
    await vi.waitFor(() => expect(one.index.seq).toBe(5), SOON);
    const entry = one.fetch(['kept']);
    await away(() => operator.dropBefore(6));
    await away(() => operator.publish(SUBJECT, purge('a')));
    expect([one.state(ancient), one.state(entry), one.index.seq]).toEqual(['valid', 'valid', 6]);
    expect(one.floors()).toEqual([]);
  });

  test('that nobody answers for at a reconnect is not gone yet', async () => {
    const { server, one, link } = await world(3);
    const entry = one.fetch(['kept']);
    await server.kill();
    const muted = await startNatsServer({ port: server.port });
    link.cut();
    const refusals = () =>
      one.events.filter((event) => event.type === 'bus' && /503|responders/i.test(event.detail)).length;
    await vi.waitFor(() => expect(refusals()).toBeGreaterThan(0), SOON);
    expect([one.floors(), one.isLive()]).toEqual([[], false]);
    await muted.stop();
    await server.restart();
    link.cut();
    await untilLive(one);
    expect([one.state(entry), one.floors(), one.bus.durable]).toEqual(['valid', [], true]);
  });

  test('that nobody answers for in the end is gone', async () => {
    const { server, one } = await world(3);
    const entry = one.fetch(['kept']);
    await server.kill();
    const muted = await startNatsServer({ port: server.port });
    bench.defer(() => muted.stop());
    await untilLive(one);
    expect([one.state(entry), one.floors().slice(0, 1), one.bus.durable]).toEqual(['hard', GONE, false]);
  });

  test('that runs over with what was read makes nothing invalid, signed or not', async () => {
    const { server, one, away } = await world(0, { max_msgs: 100 });
    const entry = one.fetch(['kept']);
    for (const last of [80, 160]) {
      await publishRaw(server.port, SUBJECT, ...purges(80));
      await vi.waitFor(() => expect(one.index.seq).toBe(last), SOON);
    }
    await away(async () => undefined); // it looks at the stream again
    expect([one.state(entry), one.floors()]).toEqual(['valid', []]);
  });

  test('whose messages reach their age has what they purged forgotten, and what is older go', async () => {
    const { operator, one } = await world(0, { max_age: 1e9, duplicate_window: 1e9 });
    const ancient = one.fetch(['kept']);
    await operator.publish(SUBJECT, ...purges(3));
    await vi.waitFor(() => expect([one.index.seq, one.index.targets > 0]).toEqual([3, true]), SOON);
    const entry = one.fetch(['kept']);
    await vi.waitFor(() => expect([one.index.targets, one.state(ancient)]).toEqual([0, 'hard']), {
      ...SOON,
      timeout: 20_000,
    });
    expect([one.state(entry), one.isLive()]).toEqual(['valid', true]);
  });

  test('that was made anew during an outage makes everything older invalid, whatever its numbers', async () => {
    const { operator, one, away } = await world(3);
    for (const count of [0, 3, 10]) {
      const entry = one.fetch(['a']);
      await away(async () => {
        await operator.remove();
        await operator.create();
        if (count > 0) await operator.publish(SUBJECT, ...purges(count));
      });
      expect([one.state(entry), one.index.seq]).toEqual(['hard', count]);
      const after = one.fetch(['a']);
      expect(one.state(after)).toBe('valid');
      expect(await one.bus.publish(createPurge({ tags: ['a'] }))).toMatchObject({ seq: count + 1 });
      expect(one.state(after)).toBe('hard');
    }
  });

  test('that was made anew during an outage takes a purge that waited for the end of it, once', async () => {
    const { operator, one, away } = await world(5);
    const message = createPurge({ tags: ['a'] });
    let published: Promise<unknown> | undefined;
    await away(async () => {
      await operator.remove();
      await operator.create();
      published = one.bus.publish(message);
    });
    expect(await published).toMatchObject({ seq: 1 });
    expect([one.isLive(), one.index.seq, one.applied().get(message.id)]).toEqual([true, 1, 1]);
  });

  test('that was made anew while connected is noticed, and its purges are not lost', async () => {
    const { operator, one } = await world(3);
    const entry = one.fetch(['a']);
    const told = one.events.length;
    await operator.remove();
    await operator.create();
    await operator.publish(SUBJECT, ...purges(5));
    await vi.waitFor(() => expect([one.state(entry), one.index.seq]).toEqual(['hard', 5]), SOON);
    await untilLive(one);
    // Not for a moment did it take the one for the other.
    const states = one.events.slice(told).flatMap((event) => (event.type === 'bus' ? [event.state] : []));
    expect([states.indexOf('disconnected'), states.indexOf('connected')]).toEqual([0, states.length - 1]);
    const after = one.fetch(['b']);
    await one.bus.publish(createPurge({ tags: ['b'] }));
    expect([one.state(after), one.index.seq]).toEqual(['hard', 6]);
  });

  test('that was made anew a moment ago has a purge applied by the gateway that publishes it', async () => {
    const { operator, one } = await world(5);
    await operator.remove();
    await operator.create();
    const entry = one.fetch(['a']);
    const published = await one.bus.publish(createPurge({ tags: ['a'] }), 5_000);
    expect(one.state(entry)).toBe('hard');
    // It looked at once what it follows, and what it says of itself is true of the new one.
    expect(published).toMatchObject({ seq: 1, instances: [{ seq: 1, applied: true }] });
    await untilLive(one);
    expect(one.index.seq).toBe(1);
    expect(one.floors()).toEqual([{ mode: 'hard', reason: 'another stream of purges' }]);
  });

  test('that was made anew a moment ago is looked at by the gateway that publishes to it, asked or not', async () => {
    const { operator, one } = await world(5);
    await operator.remove();
    await operator.create();
    const entries = [one.fetch(['a']), one.fetch(['b'])];
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect(entries.map(one.state)).toEqual(['hard', 'valid']);
    expect(one.isLive()).toBe(false);
    await untilLive(one);
    expect([one.index.seq, ...entries.map(one.state)]).toEqual([1, 'hard', 'hard']);
  });

  test('that was made anew a moment ago has nobody say that a purge was applied which was not', async () => {
    const { server, operator, one } = await world(5);
    const before = await bench.instance(server.url, { publisher: true });
    await operator.remove();
    await operator.create();
    const since = await bench.instance(server.url, { publisher: true });
    // Whether the publisher has seen the new stream, or takes it for the old one.
    for (const publisher of [before, since]) {
      const entry = one.fetch(['a']);
      const { instances } = await publisher.bus.publish(createPurge({ tags: ['a'] }), 200);
      expect([instances?.map(({ applied }) => applied), one.state(entry)]).not.toEqual([[true], 'valid']);
    }
    await vi.waitFor(() => expect(one.index.seq).toBe(2), SOON);
    await untilLive(one);
    const entry = one.fetch(['a']);
    const { instances } = await before.bus.publish(createPurge({ tags: ['a'] }), 5_000);
    expect([one.state(entry), instances]).toMatchObject(['hard', [{ seq: 3, applied: true }]]);
  });

  test('that is of an older backup makes everything older invalid', async () => {
    const { server, operator, one, away } = await world(3);
    const backup = await server.backup();
    await operator.publish(SUBJECT, purge('x'), purge('y'));
    await vi.waitFor(() => expect(one.index.seq).toBe(5), SOON);
    const entry = one.fetch(['a']);
    await away(async () => {
      await server.kill();
      await backup.restore();
      await server.restart();
      expect(await operator.counts()).toMatchObject({ last: 3 });
    });
    expect([one.state(entry), one.index.seq]).toEqual(['hard', 3]);
    expect(one.state(one.fetch(['a']))).toBe('valid');
  });

  test('that is removed makes everything older invalid, and purges reach who is connected', async () => {
    const { operator, one } = await world(3);
    const entry = one.fetch(['a']);
    await operator.remove();
    await vi.waitFor(() => expect([one.bus.durable, one.isLive()]).toEqual([false, true]), SOON);
    expect([one.state(entry), one.floors()]).toEqual(['hard', GONE]);
    const after = one.fetch(['a']);
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect([one.state(after), one.index.seq]).toEqual(['hard', 3]);
  });

  test('that is removed during an outage takes with it no hard purge that it had acknowledged, and costs so once', async () => {
    const { operator, one, away } = await world(3);
    const entry = one.fetch(['a']);
    await away(async () => {
      await operator.publish(SUBJECT, purge('a'));
      await operator.remove();
    });
    expect([one.bus.durable, one.state(entry), one.floors()]).toEqual([false, 'hard', GONE]);
    const after = one.fetch(['a']);
    await away(async () => undefined);
    expect(one.state(after)).toBe('soft'); // as after every outage without a stream
    await away(async () => void (await operator.create()));
    expect([one.bus.durable, one.state(after)]).toEqual([true, 'hard']);
    await away(() => operator.remove());
    expect(one.floors().filter(({ reason }) => reason === GONE[0]?.reason)).toHaveLength(2);
  });

  test('that is made while an instance is connected is followed from then on', async () => {
    const server = await bench.server();
    const one = await bench.instance(server.url);
    expect([one.bus.durable, one.isLive()]).toEqual([false, true]);
    const operator = bench.operator(server);
    await operator.create();
    await vi.waitFor(() => expect([one.bus.durable, one.isLive()]).toEqual([true, true]), SOON);
    expect(await one.bus.publish(createPurge({ tags: ['a'] }))).toMatchObject({ seq: 1 });
    expect(one.index.seq).toBe(1);
  });
});
