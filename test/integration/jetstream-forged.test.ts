import { connect } from 'nats';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, SOON, SUBJECT, untilLive } from '../support/jetstream.ts';
import { natsServerAvailable, publishWithHeaders } from '../support/nats-server.ts';
import { headerBlock } from '../support/signed.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/jetstream-forged.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(() => bench.clear());

async function world() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create();
  const spy = await connect({ servers: server.url });
  bench.defer(() => spy.close());
  let inbox = '';
  spy.subscribe('$JS.API.CONSUMER.CREATE.>', {
    callback: (_, message) => {
      inbox = message.json<{ config: { deliver_subject: string } }>().config.deliver_subject;
    },
  });
  await spy.flush();
  const one = await bench.instance(server.url);
  await untilLive(one);
  await vi.waitFor(() => expect(inbox).not.toBe(''), SOON);
  return { server, operator, one, inbox };
}

describe.skipIf(!available)('what somebody else sends to where a gateway is sent the stream', () => {
  test('in headers that nobody can read does not make it deaf', async () => {
    const { server, operator, one, inbox } = await world();
    const entry = one.fetch(['a']);
    await publishWithHeaders(server.port, inbox, [headerBlock('X Y: 1\r\n'), '']);
    await operator.publish(SUBJECT, printPurge(createPurge({ tags: ['a'] })));
    const published = performance.now();
    let lived = 0;
    await vi.waitFor(() => {
      if (one.state(entry) === 'valid' && one.isLive()) lived = performance.now() - published;
      expect(one.state(entry)).toBe('hard');
    }, SOON);
    expect(lived, 'ms for which it was live, and had not applied it').toBeLessThan(1_000);
  });

  test('as a sign that its consumer waits has it publish nothing but to the consumer', async () => {
    const { server, operator, inbox } = await world();
    await publishWithHeaders(server.port, inbox, [`NATS/1.0 100 x\r\nNats-Consumer-Stalled: ${SUBJECT}\r\n\r\n`, '']);
    await operator.publish(SUBJECT, printPurge(createPurge({ tags: ['a'] })));
    expect(await operator.counts()).toMatchObject({ last: 1 });
  });
});
