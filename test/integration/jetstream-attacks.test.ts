import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import type { Stamped } from '../../src/purge/purge-index.ts';
import { Bench, type Instance, SOON, SUBJECT, untilLive } from '../support/jetstream.ts';
import { natsServerAvailable, publishRaw, publishWithHeaders, startNatsServer } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-attacks.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

const TIME = 40_000;
const purgeOf = (...tags: string[]) => printPurge(createPurge({ tags }));

async function world() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create();
  return { server, operator };
}

/** Looks at an instance every 10 ms: how often it was live, and how often, from one look on, it was and an entry was valid. */
async function watch(one: Instance, entry: Stamped, { looks, from = -1 }: { looks: number; from?: number }) {
  let [live, stale] = [0, 0];
  for (let at = 0; at < looks; at++) {
    await sleep(10);
    if (!one.isLive()) continue;
    live += 1;
    if (at > from && one.state(entry) === 'valid') stale += 1;
  }
  return { live, stale };
}

describe.skipIf(!available)('a message of the stream that looks like a sign of life', () => {
  test.each(['Nats-Last-Consumer: 0\r\n', ''])(
    'does not stop the reader (%j)',
    async (line) => {
      const { server, operator } = await world();
      const one = await bench.instance(server.url);
      const entry = one.fetch(['a']);
      await publishWithHeaders(server.port, SUBJECT, [`NATS/1.0 100 Idle Heartbeat\r\n${line}\r\n`, purgeOf('poison')]);
      await operator.publish(SUBJECT, purgeOf('a'));
      expect((await operator.counts()).last).toBe(2);
      const { live, stale } = await watch(one, entry, { looks: 500 });
      const consumers = await operator.use(async (connection) => {
        const info = await (await connection.jetstreamManager()).streams.info('INLAY_PURGE');
        return info.state.consumer_count;
      });
      expect({ seq: one.index.seq, state: one.state(entry), live, stale, consumers }).toMatchObject({
        seq: 2,
        state: 'hard',
        stale: 0,
      });
    },
    TIME,
  );
});

/** An instance that the server lets acknowledge nothing. */
async function mute() {
  const { path } = await bench.configuration(`authorization { users = [
    { user: inlay, password: secret, permissions: { publish: { deny: "$JS.ACK.>" }, subscribe: ">" } },
    { user: operator, password: other } ] }`);
  const server = await startNatsServer({ jetstream: true, config: path });
  bench.defer(() => server.stop());
  const operator = bench.operator(server, { user: 'operator', pass: 'other' });
  await operator.create();
  const one = await bench.instance(server.url, { auth: { user: 'inlay', password: 'secret' } });
  return { operator, one };
}

describe.skipIf(!available)('a reader that may not acknowledge', () => {
  test(
    'is not live before it has read all that the stream keeps',
    async () => {
      const { operator, one } = await mute();
      const entry = one.fetch(['last']);
      await operator.publish(SUBJECT, ...Array.from({ length: 999 }, () => purgeOf('b')), purgeOf('last'));
      const { stale } = await watch(one, entry, { looks: 500, from: 100 });
      expect({ seq: one.index.seq, lag: one.bus.lag, stale }).toEqual({ seq: 1_000, lag: 0, stale: 0 });
    },
    TIME,
  );
});

describe.skipIf(!available)('a stream that drops what was not read, while the connection stands', () => {
  test(
    'makes everything older go before the reader is live',
    async () => {
      const { server, operator } = await world();
      const link = await bench.link(server);
      const one = await bench.instance(link.url);
      const entry = one.fetch(['last']);
      link.hold();
      await operator.publish(SUBJECT, ...Array.from({ length: 599 }, () => purgeOf('b')), purgeOf('last'));
      await operator.dropBefore(601);
      link.release();
      const { stale } = await watch(one, entry, { looks: 800, from: 100 });
      expect({ stale, state: one.state(entry) }).toEqual({ stale: 0, state: 'hard' });
    },
    TIME,
  );
});

describe.skipIf(!available)('a stream whose subjects are not ours', () => {
  test(
    'from the start: purges that it does not keep are heard, or the instance is not live',
    async () => {
      const server = await bench.server();
      const operator = bench.operator(server);
      await operator.create({ subjects: ['inlay.purge.shop'] });
      const one = await bench.instance(server.url);
      const entry = one.fetch(['a']);
      await publishRaw(server.port, SUBJECT, purgeOf('a'));
      await sleep(500);
      expect([one.isLive(), one.state(entry)]).not.toEqual([true, 'valid']);
    },
    TIME,
  );

  test(
    'since an operator took the subject of an event away: it is listened to again',
    async () => {
      const server = await bench.server();
      const operator = bench.operator(server);
      await operator.create({ subjects: ['inlay.purge.*', 'orders.*'] });
      const events = [{ subject: 'orders.*', tags: () => ['order'] }];
      const one = await bench.instance(server.url, { events });
      await operator.use(async (connection) => {
        await (await connection.jetstreamManager()).streams.update('INLAY_PURGE', { subjects: ['inlay.purge.*'] });
      });
      await sleep(8_000);
      const entry = one.fetch(['order']);
      await publishRaw(server.port, 'orders.1', '');
      await sleep(500);
      expect([one.isLive(), one.state(entry)]).not.toEqual([true, 'valid']);
    },
    TIME,
  );
});

describe.skipIf(!available)('questions that nobody waits for any more', () => {
  test(
    'do not keep an instance from telling when it has applied a purge',
    async () => {
      const { server, operator } = await world();
      const one = await bench.instance(server.url);
      const late = JSON.stringify({ op: 'applied', seq: 1_000_000, wait: 1 });
      await publishRaw(server.port, 'inlay.ctl.web _INBOX.anybody', ...Array.from({ length: 1_100 }, () => late));
      await sleep(500);
      const answers = await operator.use(async (connection) => {
        const told: unknown[] = [];
        connection.subscribe('_INBOX.answers', {
          callback: (_, { data }) => void told.push(JSON.parse(String(Buffer.from(data)))),
        });
        connection.publish('inlay.ctl.web', JSON.stringify({ op: 'applied', seq: 1, wait: 5_000 }), {
          reply: '_INBOX.answers',
        });
        await connection.flush();
        await one.bus.publish(createPurge({ tags: ['a'] }));
        await sleep(300);
        return told;
      });
      expect(answers).toMatchObject([{ applied: false }, { applied: true }]);
    },
    TIME,
  );
});

describe.skipIf(!available)('a forged message to the inbox of a reader', () => {
  test.each(['9007199254740991', 'x', '100000'])(
    'with the number %s neither deafens nor crashes it',
    async (seq) => {
      const { server, operator } = await world();
      const crashes: unknown[] = [];
      const crashed = (thrown: unknown) => void crashes.push(String(thrown));
      process.on('uncaughtException', crashed).on('unhandledRejection', crashed);
      bench.defer(() => process.off('uncaughtException', crashed).off('unhandledRejection', crashed));
      const one = await operator.use(async (connection) => {
        let inbox = '';
        connection.subscribe('$JS.API.CONSUMER.CREATE.>', {
          callback: (_, message) => {
            inbox = message.json<{ config: { deliver_subject: string } }>().config.deliver_subject;
          },
        });
        await connection.flush();
        const made = await bench.instance(server.url);
        await vi.waitFor(() => expect(inbox).not.toBe(''), SOON);
        connection.publish(inbox, purgeOf('forged'), { reply: `$JS.ACK.INLAY_PURGE.c.1.${seq}.1.0.0` });
        await connection.flush();
        return made;
      });
      const entry = one.fetch(['a']);
      await sleep(300);
      const before = one.isLive();
      await operator.publish(SUBJECT, purgeOf('a'));
      await sleep(200);
      const soon = { live: one.isLive(), state: one.state(entry) };
      await sleep(6_000);
      expect({ crashes, before, soon, live: one.isLive(), state: one.state(entry) }).toMatchObject({
        crashes: [],
        soon: { state: 'hard' },
        live: true,
        state: 'hard',
      });
    },
    TIME,
  );
});

describe.skipIf(!available)('a message of the stream with headers that the client library refuses', () => {
  test.each(['X Y: 1\r\n', 'Bad\u0001: 1\r\n', 'X: a\nb\r\n'])(
    'is read all the same, and so is what follows (%j)',
    async (line) => {
      const { server, operator } = await world();
      const crashes: unknown[] = [];
      const crashed = (thrown: unknown) => void crashes.push(String(thrown));
      process.on('uncaughtException', crashed).on('unhandledRejection', crashed);
      bench.defer(() => process.off('uncaughtException', crashed).off('unhandledRejection', crashed));
      const one = await bench.instance(server.url);
      const entry = one.fetch(['a']);
      await publishWithHeaders(server.port, SUBJECT, [`NATS/1.0\r\n${line}\r\n`, purgeOf('poison')]);
      await operator.publish(SUBJECT, purgeOf('a'));
      await sleep(9_000);
      expect({
        crashes,
        live: one.isLive(),
        seq: one.index.seq,
        state: one.state(entry),
        bus: one.events.filter(({ type }) => type === 'bus').length,
      }).toMatchObject({ crashes: [], live: true, seq: 2, state: 'hard' });
    },
    TIME,
  );
});

describe.skipIf(!available)('an instance that was busy for a moment while it caught up', () => {
  test(
    'is not live before it has read all',
    async () => {
      const { server, operator } = await world();
      const link = await bench.link(server);
      const one = await bench.instance(link.url);
      const entry = one.fetch(['last']);
      link.hold();
      link.cut();
      await operator.publish(SUBJECT, ...Array.from({ length: 4_999 }, () => purgeOf('b')), purgeOf('last'));
      await vi.waitFor(() => expect(one.index.synced).toBe(false), SOON);
      link.release();
      const lies: number[] = [];
      let isBlocked = false;
      for (const until = Date.now() + 15_000; Date.now() < until && one.index.seq < 5_000; ) {
        await new Promise((resolve) => setImmediate(resolve));
        if (one.isLive() && one.state(entry) === 'valid') lies.push(one.index.seq);
        if (isBlocked || one.index.seq < 256) continue;
        isBlocked = true;
        await sleep(1);
        for (const end = Date.now() + 1_500; Date.now() < end; );
      }
      expect({ isBlocked, first: lies[0], last: lies.at(-1), lies: lies.length }).toEqual({ isBlocked: true, lies: 0 });
    },
    TIME,
  );
});

describe.skipIf(!available)('an instance that answers after 120 ms', () => {
  test(
    'is waited for by those that wait for seconds',
    async () => {
      const { server, operator } = await world();
      const one = await bench.instance(server.url);
      const published = await operator.use(async (connection) => {
        connection.subscribe('inlay.ctl.web', {
          callback: (_, message) => {
            const state = { instance: 'slow', name: 'slow', seq: 0, applied: false };
            setTimeout(() => message.respond(JSON.stringify(state)), 120);
          },
        });
        await connection.flush();
        return one.bus.publish(createPurge({ tags: ['a'] }), 5_000);
      });
      expect(published.instances?.map(({ applied }) => applied).sort()).toEqual([false, true]);
    },
    TIME,
  );
});

describe.skipIf(!available)('who may only ask how far instances are', () => {
  test(
    'cannot have them publish purges by the reply subject',
    async () => {
      const { path } = await bench.configuration(`authorization { users = [
        { user: inlay, password: secret, permissions: { publish: ["$JS.API.STREAM.INFO.INLAY_PURGE",
          "$JS.API.CONSUMER.CREATE.INLAY_PURGE", "$JS.FC.INLAY_PURGE.>", "$JS.ACK.INLAY_PURGE.>", "inlay.purge.web", "inlay.ctl.web"],
          subscribe: ["_INBOX.>", "inlay.ctl.web"], allow_responses: { max: 2, expires: "1m" } } },
        { user: asker, password: third, permissions: { publish: ["inlay.ctl.web"], subscribe: ["_INBOX.>"] } },
        { user: operator, password: other } ] }`);
      const server = await startNatsServer({ jetstream: true, config: path });
      bench.defer(() => server.stop());
      await bench.operator(server, { user: 'operator', pass: 'other' }).create();
      const operator = bench.operator(server, { user: 'operator', pass: 'other' });
      const one = await bench.instance(server.url, { auth: { user: 'inlay', password: 'secret' } });
      await untilLive(one);
      const entry = one.fetch(['a']);
      await bench.operator(server, { user: 'asker', pass: 'third' }).use(async (connection) => {
        const question = JSON.stringify({ op: 'applied', seq: 0, wait: 0 });
        connection.publish('inlay.ctl.web', question, { reply: 'inlay.purge._all' });
        await connection.flush();
      });
      await sleep(500);
      expect([one.state(entry), one.bus.rejected, (await operator.counts()).last]).toEqual(['valid', 0, 0]);
    },
    TIME,
  );
});

describe.skipIf(!available)('a promise that a purge was applied here', () => {
  test(
    'is not kept by waiting long enough',
    async () => {
      const { operator, one } = await mute();
      await operator.publish(SUBJECT, ...Array.from({ length: 300 }, () => purgeOf('b')));
      const entry = one.fetch(['a']);
      const outcome = await one.bus.publish(createPurge({ tags: ['a'] })).catch(() => 'rejected');
      expect([outcome === 'rejected', one.state(entry)]).not.toEqual([false, 'valid']);
    },
    TIME,
  );
});
