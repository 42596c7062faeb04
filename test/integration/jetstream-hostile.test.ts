import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive } from '../support/jetstream.ts';
import { natsServerAvailable, publishRaw, startNatsServer } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-hostile.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

async function world() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create();
  return { server, operator };
}

/** The longest that this process was busy with something else, in ms, until it is asked. */
function watchStalls(): () => number {
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last);
    last = now;
  }, 5);
  bench.defer(() => clearInterval(timer));
  return () => worst;
}

describe.skipIf(!available)('who may publish to the stream', () => {
  test('cannot block an instance by thousands of messages, readable and not', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const entry = one.fetch(['kept']);
    const stalled = watchStalls();
    const body = printPurge(createPurge({ tags: ['a', 'b'] }));
    const flood = Array.from({ length: 10_000 }, (_, at) => (at % 2 === 0 ? body : 'rubbish'));
    await publishRaw(server.port, SUBJECT, ...flood);
    await vi.waitFor(() => expect(one.index.seq).toBe(flood.length), SOON);
    await untilLive(one);
    expect([one.bus.rejected, one.state(entry)]).toEqual([flood.length / 2, 'soft']);
    expect(one.events.filter(({ type }) => type === 'purge-rejected').length).toBeLessThan(20);
    expect(await one.bus.publish(createPurge({ tags: ['kept'] }))).toMatchObject({ seq: flood.length + 1 });
    expect(one.state(entry)).toBe('hard');
    expect(stalled()).toBeLessThan(2_000);
  });

  test('cannot make it miss or repeat one of a thousand messages a second', async () => {
    const { server } = await world();
    const [one, two] = [await bench.instance(server.url), await bench.instance(server.url)];
    const ids = Array.from({ length: 3_000 }, () => createPurge({ tags: ['a'] }));
    for (let at = 0; at < ids.length; at += 100) {
      await publishRaw(server.port, SUBJECT, ...ids.slice(at, at + 100).map(printPurge));
    }
    await vi.waitFor(() => expect([one.index.seq, two.index.seq]).toEqual([ids.length, ids.length]), SOON);
    for (const { applied } of [one, two]) {
      expect([...applied().keys()]).toEqual(ids.map(({ id }) => id));
      expect(new Set(applied().values())).toEqual(new Set([1]));
    }
  });

  test('cannot crash it by bodies of any size or form', async () => {
    const { path } = await bench.configuration('max_payload: 16777216\nmax_pending: 67108864\n');
    const server = await startNatsServer({ jetstream: true, config: path });
    bench.defer(() => server.stop());
    await bench.operator(server).create();
    const one = await bench.instance(server.url);
    const stalled = watchStalls();
    const wrong = [
      'x'.repeat(10_000_000),
      `{"v":1,"id":"x","tags":[${'"a",'.repeat(2_000_000)}"a"]}`,
      `${'['.repeat(60_000)}`,
      printPurge(createPurge({ tags: ['a'] })).replace('"v":1', '"v":2'),
      '{"v":1,"id":"x","all":true,"mode":"hardest"}',
      '{"v":1,"id":"x","tags":["a\r\nPUB inlay.purge.web 0\r\n"]}',
      '\r\nPUB inlay.purge.web 2\r\n{}\r\n',
      '{"__proto__":{"all":true}}',
      '\u0000'.repeat(100),
    ];
    const entry = one.fetch(['a']);
    await publishRaw(server.port, SUBJECT, ...wrong);
    await vi.waitFor(() => expect(one.index.seq).toBe(wrong.length), SOON);
    expect([one.bus.rejected, one.state(entry)]).toEqual([wrong.length, 'soft']);
    expect(one.events.filter(({ type }) => type === 'purge')).toEqual([]);
    expect(await one.bus.publish(createPurge({ tags: ['a'] }))).toMatchObject({ seq: wrong.length + 1 });
    expect(stalled()).toBeLessThan(3_000);
    await untilLive(one);
  });

  test('cannot purge a space by a subject that is like it', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const entry = one.fetch(['a']);
    const all = printPurge(createPurge({ all: true }));
    const kept = ['inlay.purge.WEB', 'inlay.purge.web2', 'inlay.purge.*', 'inlay.purge.>', 'inlay.purge._ALL'];
    for (const subject of [...kept, 'inlay.purge', 'inlay.purge.web.x']) {
      await publishRaw(server.port, subject, all).catch(() => undefined);
    }
    const { last } = await operator.counts();
    await vi.waitFor(() => expect(one.index.seq).toBe(last), SOON);
    expect([one.state(entry), one.applied().size, one.bus.rejected]).toEqual(['valid', 0, 0]);
  });

  test('and reads the control subject cannot disturb it by questions of any form', async () => {
    const { server } = await world();
    const one = await bench.instance(server.url);
    const questions = ['', 'null', '[]', '{"op":"applied"}', '{"op":"applied","seq":"1"}', 'x'.repeat(100_000)];
    const late = JSON.stringify({ op: 'applied', seq: Number.MAX_SAFE_INTEGER, wait: 1e12 });
    await publishRaw(server.port, 'inlay.ctl.web', ...questions);
    await publishRaw(server.port, 'inlay.ctl.web anybody', ...Array.from({ length: 5_000 }, () => late));
    const { instances } = await one.bus.publish(createPurge({ tags: ['a'] }), 1_000);
    expect(instances).toMatchObject([{ applied: true, seq: 1 }]);
    await untilLive(one);
  });

  test('and answers for others is not believed more than one instance, nor anything that is no answer', async () => {
    const { server, operator } = await world();
    const one = await bench.instance(server.url);
    const published = await operator.use(async (connection) => {
      const answers = [
        '{}',
        '{"instance":1}',
        'x'.repeat(5_000),
        '',
        JSON.stringify({ instance: 'forged', name: 'n'.repeat(500), seq: 1, applied: 'yes' }),
        JSON.stringify({ instance: 'forged', name: '\u001b[31m', seq: 1, applied: 1 }),
      ];
      connection.subscribe('inlay.ctl.web', {
        callback: (_, message) => {
          for (const answer of answers) message.respond(answer);
        },
      });
      await connection.flush();
      return one.bus.publish(createPurge({ tags: ['a'] }), 300);
    });
    expect(published.instances?.filter(({ instance }) => instance !== 'forged')).toMatchObject([{ applied: true }]);
    expect(published.instances?.filter(({ instance }) => instance === 'forged')).toHaveLength(1);
    expect(published.instances?.find(({ instance }) => instance === 'forged')?.applied).toBe(false);
  });
});

describe.skipIf(!available)('permissions', () => {
  const account = (permissions: string) => `authorization { users = [
    { user: inlay, password: secret, permissions: ${permissions} }, { user: operator, password: other } ] }`;
  const auth = { user: 'inlay', password: 'secret' };

  async function guarded(permissions: string) {
    const { path } = await bench.configuration(account(permissions));
    const server = await startNatsServer({ jetstream: true, config: path });
    bench.defer(() => server.stop());
    const operator = bench.operator(server, { user: 'operator', pass: 'other' });
    await operator.create();
    return { server, operator };
  }

  test('to read the stream and to publish to it suffice', async () => {
    const { server } = await guarded(`{ publish: ["inlay.purge.web", "$JS.API.STREAM.INFO.INLAY_PURGE",
      "$JS.API.CONSUMER.CREATE.INLAY_PURGE.>", "$JS.API.CONSUMER.CREATE.INLAY_PURGE", "$JS.FC.INLAY_PURGE.>",
      "inlay.ctl.web", "_INBOX.>"], subscribe: ["_INBOX.>", "inlay.ctl.web"] }`);
    const one = await bench.instance(server.url, { auth });
    await untilLive(one);
    expect(await one.bus.publish(createPurge({ tags: ['a'] }), 0)).toMatchObject({ seq: 1, instances: [{ seq: 1 }] });
  });

  test('that forbid the questions of others leave an instance live', async () => {
    const { server } = await guarded('{ publish: ">", subscribe: { deny: "inlay.ctl.>" } }');
    const one = await bench.instance(server.url, { auth });
    await untilLive(one);
    expect(await one.bus.publish(createPurge({ tags: ['a'] }), 0)).toMatchObject({ seq: 1, instances: [] });
    expect(one.events).toContainEqual(
      expect.objectContaining({ type: 'bus', detail: expect.stringContaining('not subscribed to inlay.ctl.web') }),
    );
  });

  test('that forbid the stream leave core NATS, and say so', async () => {
    const { server } = await guarded('{ publish: { deny: "$JS.>" }, subscribe: ">" }');
    const one = await bench.instance(server.url, { auth });
    await vi.waitFor(() => expect([one.bus.durable, one.isLive()]).toEqual([false, true]), SOON);
    const entry = one.fetch(['a']);
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect(one.state(entry)).toBe('hard');
  });

  test('that forbid to publish make the purge fail soon, and say so', async () => {
    const { server, operator } = await guarded('{ publish: { deny: "inlay.purge.>" }, subscribe: ">" }');
    const one = await bench.instance(server.url, { auth });
    await untilLive(one);
    const entry = one.fetch(['a']);
    const began = performance.now();
    const refused = await one.bus.publish(createPurge({ tags: ['a'] })).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'not-ready', message: expect.stringMatching(/permi/i) });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect([one.state(entry), (await operator.counts()).last]).toEqual(['valid', 0]);
    await untilLive(one);
  });
});
