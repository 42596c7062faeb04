import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import { Bench, type Instance, SOON, SUBJECT, untilLive, untilSuspect } from '../support/jetstream.ts';
import {
  type NatsServer,
  natsServerAvailable,
  publishRaw,
  publishWithHeaders,
  startNatsServer,
} from '../support/nats-server.ts';
import { headerBlock, OTHER_SECRET, SECRET, type Signing, signatureLine } from '../support/signed.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/nats-signature.test.ts: nats-server is not installed');

const bench = new Bench();
afterEach(async () => {
  vi.restoreAllMocks();
  await bench.clear();
});

const MINUTE = 60_000;
const purgeOf = (...tags: string[]) => printPurge(createPurge({ tags }));
const ALL = printPurge(createPurge({ all: true }));

type Published = readonly [block: string, payload: string];
const signed = (body: string, signing: Signing = {}, subject = SUBJECT): Published => [
  headerBlock(signatureLine(subject, body, signing)),
  body,
];

/** What whoever may publish, and has seen what others publish, may try without the secret. */
function forgeries(seen: Published): Published[] {
  const [block] = seen;
  const line = signatureLine(SUBJECT, ALL);
  const wrong = signatureLine(SUBJECT, ALL, { secret: OTHER_SECRET });
  return [
    [headerBlock(), ALL],
    [headerBlock(), 'nothing that can be read'],
    [headerBlock(), ''],
    [block, ALL],
    seen,
    signed(ALL, { secret: OTHER_SECRET }),
    signed(ALL, { secret: '' }),
    signed(ALL, { subject: 'inlay.purge.shop' }),
    signed(ALL, { subject: 'inlay.purge._all' }),
    signed(ALL, { body: ALL.replace('hard', 'soft') }),
    signed(ALL, { at: Date.now() - 6 * MINUTE }),
    signed(ALL, { at: Date.now() + 6 * MINUTE }),
    [headerBlock(line, wrong), ALL],
    [headerBlock(wrong, line), ALL],
    [headerBlock(line, line), ALL],
    [headerBlock('Inlay-Signature: t=1,s=\r\n'), ALL],
    [headerBlock('X Y: 1\r\n', 'Bad\u0001: 1\r\n', 'X: a\nb\r\n'), ALL],
    [`NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 9\r\n\r\n`, ALL],
  ];
}

const reported = ({ events }: Instance) => events.filter(({ type }) => type === 'purge-rejected');

async function stream() {
  const server = await bench.server();
  const operator = bench.operator(server);
  await operator.create({ subjects: ['inlay.purge.*', 'orders.*'] });
  return { server, operator };
}

/** A server that keeps no stream. */
async function core(): Promise<NatsServer> {
  const server = await startNatsServer();
  bench.defer(() => server.stop());
  return server;
}

/** What two instances answer to whoever asks whether they have applied a purge, and whether they refused it. */
function answersAbout(server: NatsServer, seq: number): Promise<unknown[]> {
  return bench.operator(server).use(async (connection) => {
    const told: Record<string, unknown>[] = [];
    connection.subscribe('_INBOX.answers', { callback: (_, message) => void told.push(message.json()) });
    connection.publish('inlay.ctl.web', JSON.stringify({ op: 'applied', seq }), { reply: '_INBOX.answers' });
    await vi.waitFor(() => expect(told).toHaveLength(2), SOON);
    return told.map(({ applied, refused }) => [applied, refused]).sort();
  });
}

/** Turns the clock of this process, which is not that of the server. */
function turnClock(ms: number): void {
  const { now } = Date;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);
}

describe.skipIf(!available)('purges that a stream keeps, where a secret is set', () => {
  test('purge nothing unless they are signed with it, and leave the instance live', async () => {
    const { server, operator } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const seen = signed(purgeOf('a'));
    const before = one.fetch(['a']);
    await publishWithHeaders(server.port, SUBJECT, seen);
    await vi.waitFor(() => expect(one.state(before)).toBe('hard'), SOON);
    const entry = one.fetch(['a']);
    const forged = forgeries(seen);
    await publishWithHeaders(server.port, SUBJECT, ...forged);
    await publishRaw(server.port, SUBJECT, ALL, 'rubbish');
    await publishWithHeaders(server.port, 'inlay.purge._all', signed(ALL), [headerBlock(), ALL], ...forged.slice(3, 5));
    const { last } = await operator.counts();
    await vi.waitFor(() => expect(one.index.seq).toBe(last), SOON);
    expect([one.state(entry), one.isLive(), one.floors()]).toEqual(['valid', true, []]);
    expect(one.bus.rejected).toBe(forged.length + 6);
    expect(reported(one)[0]).toMatchObject({ error: { code: 'unauthorized', message: 'refused: not signed' } });
    await publishWithHeaders(server.port, 'inlay.purge._all', signed(purgeOf('a'), {}, 'inlay.purge._all'));
    await vi.waitFor(() => expect(one.state(entry)).toBe('hard'), SOON);
    expect(JSON.stringify(one.events)).not.toContain(SECRET);
  });

  test('are those of our own publishers, whichever of the secrets they sign with', async () => {
    const { server } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET, OTHER_SECRET] });
    const two = await bench.instance(server.url, { secrets: [OTHER_SECRET, SECRET] });
    const publisher = await bench.instance(server.url, { secrets: [OTHER_SECRET], publisher: true });
    for (const publishing of [one, two, publisher]) {
      const entries = [one.fetch(['a']), two.fetch(['a'])];
      const { instances } = await publishing.bus.publish(createPurge({ tags: ['a'] }), 5_000);
      expect(instances?.map(({ applied, refused }) => [applied, refused])).toEqual(Array(2).fill([true, undefined]));
      expect([one.state(entries[0]!), two.state(entries[1]!)]).toEqual(['hard', 'hard']);
    }
    expect([one.bus.rejected, two.bus.rejected]).toEqual([0, 0]);
  });

  test('purge the space softly if they cannot be read, and are signed', async () => {
    const { server } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const entry = one.fetch(['a']);
    await publishWithHeaders(server.port, SUBJECT, signed('{"v":9'));
    await vi.waitFor(() => expect(one.state(entry)).toBe('soft'), SOON);
    expect(reported(one)).toMatchObject([{ error: { code: 'purge-invalid' } }]);
  });

  test('purge nothing if they are larger than any purge, whoever signed them, and the log says why', async () => {
    const { server, operator } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const entry = one.fetch(['a']);
    const larger = purgeOf('a').padEnd(65_537);
    await publishWithHeaders(server.port, SUBJECT, signed(larger), [headerBlock(), larger]);
    const { last } = await operator.counts();
    await vi.waitFor(() => expect([one.index.seq, one.bus.rejected]).toEqual([last, 2]), SOON);
    expect([one.state(entry), one.isLive(), one.floors()]).toEqual(['valid', true, []]);
    expect(reported(one)).toMatchObject([{ error: { message: 'refused: larger than 65536 bytes' } }]);
  });

  test('are read for their signature among headers that the client library refuses', async () => {
    const { server } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    for (const line of ['X Y: 1\r\n', 'Bad\u0001: 1\r\n', 'X: a\nb\r\n', 'no colon\r\n']) {
      const entry = one.fetch(['a']);
      const body = purgeOf('a');
      await publishWithHeaders(server.port, SUBJECT, [headerBlock(line, signatureLine(SUBJECT, body), line), body]);
      await vi.waitFor(() => expect(one.state(entry)).toBe('hard'), SOON);
    }
    expect([one.bus.rejected, one.isLive()]).toEqual([0, true]);
  });

  test('count by when the server stored them, however late they are read', async () => {
    const { server, operator } = await stream();
    const link = await bench.link(server);
    const one = await bench.instance(link.url, { secrets: [SECRET] });
    const entries = [one.fetch(['a']), one.fetch(['b'])];
    link.hold();
    link.cut();
    await untilSuspect(one);
    await publishWithHeaders(server.port, SUBJECT, signed(purgeOf('a')), [headerBlock(), purgeOf('b')]);
    await publishWithHeaders(server.port, SUBJECT, signed(purgeOf('b'), { at: Date.now() - 6 * MINUTE }));
    turnClock(7 * 60 * MINUTE);
    link.release();
    await untilLive(one);
    const { last } = await operator.counts();
    expect([one.index.seq, one.bus.rejected]).toEqual([last, 2]);
    expect(entries.map((entry) => one.state(entry))).toEqual(['hard', 'valid']);
    expect(one.floors()).toEqual([]);
  });

  test('fail for who publishes with a clock that is wrong, instead of being lost', async () => {
    const { server } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const entry = one.fetch(['a']);
    turnClock(6 * MINUTE);
    await expect(one.bus.publish(createPurge({ tags: ['a'] }))).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringMatching(/number 1 of the stream is kept, and refused here: the clocks/),
    });
    expect([one.state(entry), one.isLive()]).toEqual(['valid', true]);
  });

  test('that were refused are told as such, and at once, in whatever flood', async () => {
    const { server } = await stream();
    const [one, two] = [
      await bench.instance(server.url, { secrets: [SECRET] }),
      await bench.instance(server.url, { secrets: [OTHER_SECRET] }),
    ];
    const publisher = await bench.instance(server.url, { secrets: [SECRET], publisher: true });
    const began = performance.now();
    const { seq, instances } = await publisher.bus.publish(createPurge({ tags: ['a'] }), 10_000);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(instances?.map(({ applied, refused = false }) => [applied, refused]).sort()).toEqual([
      [false, true],
      [true, false],
    ]);
    const flood = 10_000;
    await publishRaw(server.port, SUBJECT, ...Array.from({ length: flood }, () => ALL));
    await vi.waitFor(() => expect([one.index.seq, two.index.seq]).toEqual([seq + flood, seq + flood]), SOON);
    expect([one.bus.rejected, two.bus.rejected]).toEqual([flood, flood + 1]);
    for (const instance of [one, two]) expect(reported(instance).length).toBeLessThan(20);
    const believed = await publisher.bus.publish(createPurge({ tags: ['a'] }));
    await publishRaw(server.port, SUBJECT, ALL);
    await vi.waitFor(() => expect(two.index.seq).toBe(believed.seq + 1), SOON);
    for (const { seq: asked } of [{ seq }, believed]) {
      expect(await answersAbout(server, asked)).toEqual([
        [false, true],
        [true, undefined],
      ]);
    }
    const flooded = await answersAbout(server, believed.seq - 1);
    expect(flooded).toEqual(Array(2).fill([false, true]));
  });

  test('keep nobody busy by the number of their headers', async () => {
    const { server, operator } = await stream();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const block = headerBlock(...Array.from({ length: 8_000 }, (_, at) => `${at}:\r\n`));
    const began = performance.now();
    await publishWithHeaders(server.port, SUBJECT, ...Array.from({ length: 100 }, (): Published => [block, ALL]));
    await operator.publish(SUBJECT, ALL);
    await vi.waitFor(() => expect(one.index.seq).toBe(101), SOON);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect([one.bus.rejected, one.isLive()]).toEqual([101, true]);
  });

  test('are not the events of services, which nobody signs', async () => {
    const { server } = await stream();
    const events = [
      { subject: 'orders.*', tags: () => ['order'] },
      { subject: 'unkept.*', tags: () => ['unkept'] },
    ];
    const one = await bench.instance(server.url, { secrets: [SECRET], events });
    const entries = [one.fetch(['order']), one.fetch(['unkept'])];
    await publishRaw(server.port, 'orders.1', 'whatever');
    await publishRaw(server.port, 'unkept.1', 'whatever');
    await vi.waitFor(() => expect(entries.map((entry) => one.state(entry))).toEqual(['hard', 'hard']), SOON);
    expect(one.bus.rejected).toBe(0);
  });

  test('are taken unsigned where no secret is set, and signed with whatever', async () => {
    const { server } = await stream();
    const one = await bench.instance(server.url);
    for (const message of [signed(purgeOf('a'), { secret: OTHER_SECRET }), [headerBlock(), purgeOf('a')] as const]) {
      const entry = one.fetch(['a']);
      await publishWithHeaders(server.port, SUBJECT, message);
      await vi.waitFor(() => expect(one.state(entry)).toBe('hard'), SOON);
    }
  });
});

describe.skipIf(!available)('purges that no stream keeps, where a secret is set', () => {
  test('purge nothing unless they are signed with it, and now', async () => {
    const server = await core();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const seen = signed(purgeOf('a'));
    const before = one.fetch(['a']);
    await publishWithHeaders(server.port, SUBJECT, seen);
    await vi.waitFor(() => expect(one.state(before)).toBe('hard'), SOON);
    const entry = one.fetch(['a']);
    const { position } = one.index;
    const forged = forgeries(seen);
    await publishWithHeaders(server.port, SUBJECT, ...forged);
    await publishWithHeaders(server.port, 'inlay.purge._all', signed(ALL));
    await vi.waitFor(() => expect(one.bus.rejected).toBe(forged.length + 1), SOON);
    expect([one.state(entry), one.index.position, one.isLive()]).toEqual(['valid', position, true]);
    expect(reported(one).length).toBeLessThan(20);
    await publishWithHeaders(server.port, SUBJECT, signed(purgeOf('a')));
    await vi.waitFor(() => expect(one.state(entry)).toBe('hard'), SOON);
  });

  test('are those of our own publishers', async () => {
    const server = await core();
    const [one, two] = [
      await bench.instance(server.url, { secrets: [OTHER_SECRET, SECRET] }),
      await bench.instance(server.url, { secrets: [SECRET, OTHER_SECRET] }),
    ];
    const entries = [one.fetch(['a']), two.fetch(['a'])];
    await one.bus.publish(createPurge({ tags: ['a'] }));
    expect(one.state(entries[0]!)).toBe('hard');
    await vi.waitFor(() => expect(two.state(entries[1]!)).toBe('hard'), SOON);
    expect([one.index.position, one.bus.rejected, two.bus.rejected]).toEqual([1, 0, 0]);
  });

  test('keep nobody busy by the number of their headers', async () => {
    const server = await core();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const block = Array.from({ length: 100_000 }, (_, at) => `${at}:\r\n`).join('');
    const began = performance.now();
    await publishWithHeaders(server.port, SUBJECT, [headerBlock(block), ALL]);
    await vi.waitFor(() => expect(one.bus.rejected).toBe(1), SOON);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(one.isLive()).toBe(true);
  });

  test('purge the space softly if they cannot be read, and are signed', async () => {
    const server = await core();
    const one = await bench.instance(server.url, { secrets: [SECRET] });
    const entry = one.fetch(['a']);
    await publishWithHeaders(server.port, SUBJECT, signed(''));
    await vi.waitFor(() => expect(one.state(entry)).toBe('soft'), SOON);
  });
});
