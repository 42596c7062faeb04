import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NatsConnection } from 'nats';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive } from '../support/jetstream.ts';
import { natsServerAvailable, publishRaw, publishWithHeaders } from '../support/nats-server.ts';
import { headerBlock } from '../support/signed.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-questions.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

const MB = 1024 ** 2;
const purges = (count: number) => Array.from({ length: count }, () => printPurge(createPurge({ tags: ['a'] })));
const question = (asked: object) => JSON.stringify({ op: 'applied', wait: 10_000, ...asked });

async function world() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create();
  const one = await bench.instance(server.url);
  await untilLive(one);
  return { server, operator, one };
}

/** Asks once; what is answered arrives in the list, for as long as the connection stands. */
function ask(connection: NatsConnection, asked: object): { readonly applied: boolean; readonly seq: number }[] {
  const told: { applied: boolean; seq: number }[] = [];
  const reply = `_INBOX.${crypto.randomUUID()}`;
  connection.subscribe(reply, { callback: (_, message) => void told.push(message.json()) });
  connection.publish('inlay.ctl.web', question(asked), { reply });
  return told;
}

describe.skipIf(!available)('who asks whether a purge was applied', () => {
  test('is told so when it has been, though thousands wait for what never comes', async () => {
    const { server, operator } = await world();
    const never = Array.from({ length: 3_000 }, () => question({ seq: 1e12 }));
    await publishRaw(server.port, 'inlay.ctl.web _INBOX.nobody', ...never);
    await operator.use(async (connection) => {
      const told = ask(connection, { seq: 1 });
      await vi.waitFor(() => expect(told).toMatchObject([{ applied: false }]), SOON);
      await operator.publish(SUBJECT, ...purges(1));
      await vi.waitFor(() => expect(told).toMatchObject([{ applied: false }, { applied: true, seq: 1 }]), SOON);
    });
  });

  test('is told so when all of that time counts as purged, since the stream dropped what nobody had read', async () => {
    const { operator } = await world();
    await operator.use(async (connection) => {
      await operator.dropConsumers(); // so that nothing comes until the silence is noticed
      await operator.publish(SUBJECT, ...purges(5));
      await operator.dropBefore(6);
      const told = ask(connection, { seq: 5 });
      await vi.waitFor(() => expect(told).toMatchObject([{ applied: false }, { applied: true, seq: 5 }]), SOON);
    });
  });

  test('of a stream that is not followed is told no, whatever its number, and by name or not of the one that is', async () => {
    const { operator, one } = await world();
    await operator.publish(SUBJECT, ...purges(3));
    await vi.waitFor(() => expect(one.index.seq).toBe(3), SOON);
    const stream = await operator.use(async (connection) => {
      const { created } = await (await connection.jetstreamManager()).streams.info('INLAY_PURGE');
      return `INLAY_PURGE ${created}`;
    });
    await operator.use(async (connection) => {
      const asked = [{}, { stream }, { stream: 'INLAY_PURGE 1' }, { stream: '' }];
      const told = asked.map((which) => ask(connection, { seq: 3, ...which }));
      await vi.waitFor(() => expect(told.map((all) => all.length)).toEqual([1, 1, 1, 1]), SOON);
      expect(told.map(([first]) => first?.applied)).toEqual([true, true, false, false]);
    });
    await operator.remove();
    await vi.waitFor(() => expect([one.bus.durable, one.isLive()]).toEqual([false, true]), SOON);
    await operator.use(async (connection) => {
      const told = ask(connection, { seq: 3, stream });
      await vi.waitFor(() => expect(told).toMatchObject([{ applied: false }]), SOON);
    });
  });

  test('has a gateway keep no more of a question than it needs to answer', async () => {
    const { server, one } = await world();
    const held = () => process.memoryUsage().arrayBuffers / MB;
    const before = held();
    const block = headerBlock(`X: ${'x'.repeat(900 * 1024)}\r\n`);
    for (let sent = 0; sent < 200; sent += 5) {
      const some = Array.from({ length: 5 }, () => [block, question({ seq: 1e12 })] as const);
      await publishWithHeaders(server.port, 'inlay.ctl.web _INBOX.nobody', ...some);
      await one.bus.publish(createPurge({ tags: ['a'] })); // what came before its acknowledgement has been read
    }
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    expect(held() - before).toBeLessThan(50);
  });
});
