import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, type Instance, SOON, SUBJECT, untilLive, untilSuspect } from '../support/jetstream.ts';
import { natsServerAvailable } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-states.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

const changes = ({ events }: Instance) => events.filter((event) => event.type === 'purge-state');
const states = (instance: Instance) => changes(instance).map(({ state }) => state);
const purges = (count: number) => Array.from({ length: count }, () => printPurge(createPurge({ tags: ['a'] })));

describe.skipIf(!available)('every change of state is told', () => {
  test('from the start to the end, with what has been read and what is missing', async () => {
    const server = await bench.server();
    const operator = bench.operator(server);
    await operator.create();
    const link = await bench.link(server);
    const instance = await bench.instance(link.url);
    expect(states(instance)).toEqual(['catching-up', 'live']);
    await operator.publish(SUBJECT, ...purges(2));
    await vi.waitFor(() => expect(instance.index.seq).toBe(2), SOON);

    link.hold();
    await operator.publish(SUBJECT, ...purges(1));
    await untilSuspect(instance);
    link.release();
    await untilLive(instance);
    const story = changes(instance).slice(2);
    expect(story[0]).toMatchObject({ state: 'suspect', seq: 2 });
    expect(story.at(-1)).toEqual({ type: 'purge-state', state: 'live', seq: 3, lag: 0 });

    await instance.bus.close();
    expect(changes(instance).slice(2)).toEqual(story); // an end that was asked for is no alarm
    expect(instance.bus.state).toBe('suspect');
    expect(instance.events.at(-1)).toMatchObject({ type: 'bus', state: 'closed' });
  });

  test('and what an outage will cost where the stream does not keep what services tell, before and after', async () => {
    const server = await bench.server();
    await bench.operator(server).create({ subjects: ['inlay.purge.*', 'kept.*'] });
    const events = ['kept.*', 'stock.*'].map((subject) => ({ subject, tags: () => [] }));
    const instance = await bench.instance(server.url, { events });
    const details = () => instance.events.flatMap((event) => (event.type === 'bus' ? [event.detail] : []));
    const advice =
      'the stream INLAY_PURGE does not keep stock.*: an outage will make everything stale (inlay nats init --subject adds it)';
    expect(details().filter((detail) => detail.includes('does not keep'))).toEqual([advice]);
    expect(instance.floors()).toEqual([]);
    await server.kill();
    await untilSuspect(instance);
    await server.restart();
    await untilLive(instance);
    const reason = 'events that the stream does not keep (stock.*) may have been missed';
    expect(instance.floors()).toEqual([{ mode: 'soft', reason }]);
  });

  test('once, however long it lasts', async () => {
    const server = await bench.server();
    const instance = await bench.instance(server.url);
    expect(states(instance)).toEqual(['catching-up', 'live']); // without a stream as well
    await server.kill();
    await untilSuspect(instance);
    const refused = () => instance.events.filter(({ type }) => type === 'bus').length;
    await vi.waitFor(() => expect(refused()).toBeGreaterThan(1), SOON); // it was tried again meanwhile
    await server.restart();
    await untilLive(instance);
    expect(states(instance)).toEqual(['catching-up', 'live', 'suspect', 'catching-up', 'live']);
  });
});
