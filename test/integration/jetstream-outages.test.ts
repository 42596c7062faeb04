import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, type Instance, SOON, SUBJECT, untilLive, untilSuspect } from '../support/jetstream.ts';
import { natsServerAvailable } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-outages.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

/** Ms after which a silent server must be noticed: 2.5 s without a sign of life, and time to look. */
const NOTICED = 3_500;

async function world(subjects: readonly string[] = ['inlay.purge.*']) {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create({ subjects: [...subjects] });
  return { server, operator };
}

const purge = (...tags: string[]) => printPurge(createPurge({ tags }));
const once = (instance: Instance) => expect(Math.max(0, ...instance.applied().values())).toBeLessThanOrEqual(1);

describe.skipIf(!available)('an outage, where a stream keeps the purges', () => {
  test('by a crash of the server leaves valid what nobody purged, and nothing else', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const link = await bench.link(server);
    const two = await bench.instance(link.url);
    const [old, kept] = [two.fetch(['a']), two.fetch(['b'])];
    const { generation } = two.index;
    await server.kill();
    link.cut();
    await untilSuspect(one, two);
    expect([two.bus.state, two.bus.connected]).toEqual(['suspect', false]);
    const meanwhile = [two.fetch(['a']), two.fetch(['b'])];
    link.hold();
    await server.restart();
    await operator.publish(SUBJECT, purge('a'));
    expect([two.state(old), two.isLive()]).toEqual(['valid', false]);
    link.release();
    await untilLive(one, two);
    expect([old, kept, ...meanwhile].map(two.state)).toEqual(['hard', 'valid', 'hard', 'valid']);
    expect([one.index.seq, two.index.seq]).toEqual([1, 1]);
    expect([one, two].map((each) => each.floors())).toEqual([[], []]);
    expect(two.index.generation).toBeGreaterThan(generation);
    for (const each of [one, two]) once(each);
  });

  test('by a cut connection is over as soon as there is another, and each purge is applied once', async () => {
    const { server, operator } = await world();
    const link = await bench.link(server);
    const one = await bench.instance(link.url);
    const kept = one.fetch(['kept']);
    for (let round = 1; round <= 5; round++) {
      const entry = one.fetch([`t${round}`]);
      link.cut();
      await operator.publish(SUBJECT, purge(`t${round}`), purge(`other${round}`));
      await vi.waitFor(() => expect(one.index.seq).toBe(2 * round), SOON);
      await untilLive(one);
      expect([one.state(entry), one.state(kept)]).toEqual(['hard', 'valid']);
    }
    expect([one.applied().size, one.floors()]).toEqual([10, []]);
    once(one);
  });

  test('by a half-open connection is noticed within three seconds', async () => {
    const { server, operator } = await world();
    const link = await bench.link(server);
    const one = await bench.instance(link.url);
    const [touched, kept] = [one.fetch(['a']), one.fetch(['b'])];
    link.hold();
    const began = performance.now();
    await operator.publish(SUBJECT, purge('a'));
    await untilSuspect(one);
    expect(performance.now() - began).toBeLessThan(NOTICED);
    expect(one.bus.state).toBe('suspect');
    await vi.waitFor(() => expect(one.bus.connected).toBe(false), SOON);
    link.release();
    await untilLive(one);
    expect([one.state(touched), one.state(kept), one.floors()]).toEqual(['hard', 'valid', []]);
    once(one);
  });

  test('by a server that hangs is noticed within three seconds, and leaves no trace', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const kept = one.fetch(['b']);
    await server.hang();
    const began = performance.now();
    await untilSuspect(one);
    expect(performance.now() - began).toBeLessThan(NOTICED);
    server.resume();
    await untilLive(one);
    await operator.publish(SUBJECT, purge('a'));
    await vi.waitFor(() => expect(one.index.seq).toBe(1), SOON);
    expect([one.state(kept), one.floors()]).toEqual(['valid', []]);
  });

  test('that ends before the connection is given up leaves no trace either', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const kept = one.fetch(['b']);
    for (let round = 0; round < 2; round++) {
      await server.hang();
      await untilSuspect(one);
      // Suspected after 2.5 s, given up after 3.
      server.resume();
      await untilLive(one);
      expect([one.state(kept), one.floors()]).toEqual(['valid', []]);
    }
  });

  test('does not touch entries of before the first purge of all', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const kept = one.fetch(['kept']);
    await operator.publish(SUBJECT, purge('a'));
    await vi.waitFor(() => expect(one.index.seq).toBe(1), SOON);
    await server.kill();
    await server.restart();
    await untilSuspect(one);
    await untilLive(one);
    expect([one.state(kept), one.floors()]).toEqual(['valid', []]);
  });

  test('ends with everything replayed before the instance calls itself live', async () => {
    const { server, operator } = await world();
    const link = await bench.link(server);
    const one = await bench.instance(link.url);
    const kept = one.fetch(['kept']);
    const entries = Array.from({ length: 2_000 }, (_, at) => one.fetch([`t${at}`]));
    link.hold();
    link.cut();
    await untilSuspect(one);
    const filler = Array.from({ length: 500 }, (_, at) => `a tag of some length ${at}`);
    await operator.publish(SUBJECT, ...entries.map((_, at) => purge(`t${at}`, ...filler)));
    const told = one.events.length;
    link.release();
    await untilLive(one);
    expect(one.index.seq).toBe(entries.length);
    expect(entries.filter((entry) => one.state(entry) !== 'hard')).toEqual([]);
    expect([one.state(kept), one.bus.lag]).toEqual(['valid', 0]);
    const story = one.events.slice(told).filter(({ type }) => type === 'purge' || type === 'bus');
    expect(story).toHaveLength(entries.length + 1);
    expect(story.at(-1)).toMatchObject({ type: 'bus', state: 'connected' });
    once(one);
  });

  test.each([
    ['the next one', 1],
    ['a sign of life', 0],
  ])('of one message is noticed by %s, and the message is read again', async (_what, more) => {
    const { server, operator } = await world();
    let isArmed = true;
    const drops = (bytes: Buffer) => {
      if (!isArmed || !bytes.includes('"lost"')) return false;
      isArmed = false;
      return true;
    };
    const link = await bench.link(server, { drops });
    const one = await bench.instance(link.url);
    const [lost, next, kept] = [one.fetch(['lost']), one.fetch(['next']), one.fetch(['kept'])];
    await operator.publish(SUBJECT, purge('lost'));
    await vi.waitFor(() => expect(isArmed).toBe(false), SOON);
    if (more > 0) await operator.publish(SUBJECT, purge('next'));
    await vi.waitFor(() => expect(one.index.seq).toBe(1 + more), SOON);
    await untilLive(one);
    expect([one.state(lost), one.state(next)]).toEqual(['hard', more > 0 ? 'hard' : 'valid']);
    expect([one.state(kept), one.floors()]).toEqual(['valid', []]);
    once(one);
  });

  test('does not outlive the reader that the server has forgotten', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const [touched, kept] = [one.fetch(['a']), one.fetch(['b'])];
    await operator.dropConsumers();
    await operator.publish(SUBJECT, purge('a'));
    await vi.waitFor(() => expect(one.state(touched)).toBe('hard'), SOON);
    await untilLive(one);
    expect([one.state(kept), one.floors(), one.index.seq]).toEqual(['valid', [], 1]);
  });

  test('loses none of the events that the stream keeps', async () => {
    const { server, operator } = await world(['inlay.purge.*', 'country.changed.*']);
    const events = [{ subject: 'country.changed.*', tags: (subject: string) => [subject] }];
    const link = await bench.link(server);
    const one = await bench.instance(link.url, { events });
    const [france, germany] = [one.fetch(['country.changed.FRA']), one.fetch(['country.changed.DEU'])];
    link.hold();
    link.cut();
    await untilSuspect(one);
    await operator.publish('country.changed.FRA', '');
    link.release();
    await untilLive(one);
    expect([one.state(france), one.state(germany), one.floors()]).toEqual(['hard', 'valid', []]);
    once(one);
  });

  test('makes everything stale once where events are not kept: some may have been missed', async () => {
    const { server } = await world();
    const link = await bench.link(server);
    const events = [{ subject: 'country.changed.*', tags: () => ['a'] }];
    const one = await bench.instance(link.url, { events });
    const entry = one.fetch(['b']);
    link.cut();
    await untilSuspect(one);
    await untilLive(one);
    expect([one.state(entry), one.floors().map(({ mode }) => mode)]).toEqual(['soft', ['soft']]);
    expect(one.state(one.fetch(['b']))).toBe('valid');
  });
});

describe.skipIf(!available)('a purge that is published in an outage', () => {
  test('is in the stream once when the server only was slow', async () => {
    const { server, operator } = await world();
    let tries = 0;
    const holdsAt = (bytes: Buffer) => {
      tries += bytes.includes(`HPUB ${SUBJECT} `) ? 1 : 0;
      return false;
    };
    const link = await bench.link(server, { holdsAt });
    const one = await bench.instance(link.url);
    const entry = one.fetch(['a']);
    await server.hang();
    const pending = one.bus.publish(createPurge({ tags: ['a'] }));
    await vi.waitFor(() => expect(tries).toBeGreaterThan(1), SOON);
    server.resume();
    expect(await pending).toMatchObject({ seq: 1 });
    expect([one.state(entry), await operator.counts()]).toEqual(['hard', { last: 1, held: 1 }]);
  });

  test('is in the stream once when the connection broke before the acknowledgement came', async () => {
    const { server, operator } = await world();
    let isArmed = false;
    const holdsAt = (bytes: Buffer) => {
      if (!isArmed || !bytes.includes(`HPUB ${SUBJECT} `)) return false;
      isArmed = false;
      setImmediate(() => link.cut());
      return false;
    };
    const link = await bench.link(server, { holdsAt });
    const one = await bench.instance(link.url);
    for (let seq = 1; seq <= 5; seq++) {
      isArmed = true;
      const entry = one.fetch([`t${seq}`]);
      expect(await one.bus.publish(createPurge({ tags: [`t${seq}`] }))).toMatchObject({ seq });
      expect(one.state(entry)).toBe('hard');
    }
    expect(await operator.counts()).toEqual({ last: 5, held: 5 });
    once(one);
  });

  test('waits for the next connection, if there is one in time', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    await server.kill();
    await untilSuspect(one);
    const pending = one.bus.publish(createPurge({ tags: ['a'] }));
    await server.restart();
    expect(await pending).toMatchObject({ seq: 1 });
  });

  test('is refused after two seconds, and never hangs', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    await server.hang();
    const began = performance.now();
    await expect(one.bus.publish(createPurge({ tags: ['a'] }))).rejects.toMatchObject({ code: 'not-ready' });
    expect(performance.now() - began).toBeLessThan(6_000);
    await server.kill();
    await untilSuspect(one);
    await expect(one.bus.publish(createPurge({ tags: ['a'] }))).rejects.toMatchObject({ code: 'not-ready' });
  });
});

describe.skipIf(!available)('the end', () => {
  test('comes in the middle of catching up, and nothing happens after it', async () => {
    const { server, operator } = await world();
    const link = await bench.link(server);
    const one = await bench.instance(link.url);
    link.hold();
    link.cut();
    await untilSuspect(one);
    const body = printPurge(createPurge({ tags: Array.from({ length: 200 }, (_, at) => `tag-${at}`) }));
    await operator.publish(SUBJECT, ...Array.from({ length: 2_000 }, () => body));
    link.release();
    await vi.waitFor(() => expect(one.index.seq).toBeGreaterThan(0), { ...SOON, interval: 0 });
    const began = performance.now();
    await one.bus.close();
    expect(performance.now() - began).toBeLessThan(4_500);
    const { length } = one.events;
    await operator.publish(SUBJECT, purge('a'));
    await vi.waitFor(() => expect(link.connections).toBe(0), SOON);
    expect([one.events.length, one.index.synced, one.bus.connected]).toEqual([length, false, false]);
    expect(one.events.at(-1)).toMatchObject({ type: 'bus', state: 'closed' });
  });

  test('is not undone by an answer that the server owed', async () => {
    const { server } = await world();
    let isArmed = true;
    const link = await bench.link(server, { holdsAt: (bytes) => isArmed && bytes.includes('STREAM.INFO') });
    const one = await bench.instance(link.url);
    const ended = one.bus.close();
    isArmed = false;
    link.release();
    await ended;
    await vi.waitFor(() => expect(link.connections).toBe(0), SOON);
    expect([one.isLive(), one.events.at(-1)]).toMatchObject([false, { type: 'bus', state: 'closed' }]);
  });

  test.each(['STREAM.INFO', 'CONSUMER.CREATE'])('comes while the server owes an answer to %s', async (asked) => {
    const { server } = await world();
    let isArmed = true;
    const link = await bench.link(server, { holdsAt: (bytes) => isArmed && bytes.includes(asked) });
    const one = await bench.instance(link.url);
    expect(one.isLive()).toBe(false);
    const began = performance.now();
    await one.bus.close();
    expect(performance.now() - began).toBeLessThan(4_500);
    isArmed = false;
    link.release();
    await vi.waitFor(() => expect(link.connections).toBe(0), SOON);
    expect(one.isLive()).toBe(false);
  });
});
