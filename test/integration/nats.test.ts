import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { InlayError } from '../../src/errors.ts';
import { connectNats, type NatsOptions } from '../../src/node/nats.ts';
import type { PurgeBus } from '../../src/purge/bus.ts';
import { createPurge, printPurge } from '../../src/purge/message.ts';
import type { PurgeIndex, Stamped } from '../../src/purge/purge-index.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../src/runtime.ts';
import { freePort, natsServerAvailable, publishRaw, startNatsServer } from '../support/nats-server.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/nats.test.ts: nats-server is not installed');

const SPACE = 'web';
const SUBJECT = 'inlay.purge.web';
/** Ms in which anything here must happen; a hanging server is noticed after three pings of a second. */
const SOON = { timeout: 8_000, interval: 10 };

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
});

interface Instance {
  readonly bus: PurgeBus;
  readonly index: PurgeIndex;
  readonly events: InlayEvent[];
  /** An entry whose fetch begins now. */
  fetch(tags: readonly string[], path?: string): Stamped;
}

async function server(options: { port?: number; config?: string } = {}) {
  const started = await startNatsServer(options);
  cleanups.push(() => started.kill());
  return started;
}

async function instance(servers: string, options: Partial<NatsOptions> = {}): Promise<Instance> {
  const events: InlayEvent[] = [];
  const observe = (event: InlayEvent) => void events.push(event);
  const index = createPurgeIndex({ epoch: 'e', observe });
  const bus = await connectNats({ servers, space: SPACE, events: [], index, observe, ...options });
  cleanups.push(() => bus.close());
  const fetch = (tags: readonly string[], path = '/') => ({
    stamp: index.position,
    epoch: 'e',
    key: path,
    tags,
    origin: 'http://a:1',
    path,
  });
  return { bus, index, events, fetch };
}

/** A file with a server configuration. */
async function configuration(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'inlay-nats-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const path = join(folder, 'nats.conf');
  await writeFile(path, text);
  return { path, write: (changed: string) => writeFile(path, changed) };
}

const rejected = (events: readonly InlayEvent[]) => events.filter((event) => event.type === 'purge-rejected');
const states = (events: readonly InlayEvent[]) =>
  events.flatMap((event) => (event.type === 'bus' ? [event.state] : []));

describe.skipIf(!available)('purges over NATS', () => {
  test('reach every instance of the space, and the publisher before its promise resolves', async () => {
    const { url } = await server();
    const [one, two] = [await instance(url), await instance(url)];
    const entries = [one.fetch(['a']), two.fetch(['a'])];
    const message = createPurge({ tags: ['a'] });
    expect(await one.bus.publish(message)).toEqual({ id: message.id, seq: 1 });
    expect(one.index.validity(entries[0]!)).toMatchObject({ state: 'hard', reason: 'tag', target: 'a' });
    await vi.waitFor(() => expect(two.index.validity(entries[1]!).state).toBe('hard'), SOON);
    expect(two.events).toContainEqual(
      expect.objectContaining({ type: 'purge', seq: 1, mode: 'hard', targets: 1, id: message.id, first: ['a'] }),
    );
    expect({ synced: two.index.synced, connected: two.bus.connected, kind: two.bus.kind }).toEqual({
      synced: true,
      connected: true,
      kind: 'nats',
    });
  });

  test('reach other spaces only if they are for all', async () => {
    const { url, port } = await server();
    const [web, shop] = [await instance(url), await instance(url, { space: 'shop' })];
    await web.bus.publish(createPurge({ tags: ['a'] }));
    await publishRaw(port, 'inlay.purge._all', printPurge(createPurge({ mode: 'soft', tags: ['b'] })));
    await vi.waitFor(() => expect([web.index.position, shop.index.position]).toEqual([2, 1]), SOON);
    expect(shop.events.filter(({ type }) => type === 'purge')).toMatchObject([
      { mode: 'soft', from: 'nats inlay.purge._all' },
    ]);
  });

  test('follow from the events of services, which name tags', async () => {
    const { url, port } = await server();
    const tags = (subject: string) => [`country:${subject.split('.')[2]}`, '__proto__'];
    const { index, events, fetch } = await instance(url, { events: [{ subject: 'country.changed.*', tags }] });
    const [france, germany] = [fetch(['country:FRA']), fetch(['country:DEU'])];
    await publishRaw(port, 'country.changed.FRA', 'whatever the service says');
    await vi.waitFor(
      () => expect(index.validity(france)).toMatchObject({ state: 'hard', target: 'country:FRA' }),
      SOON,
    );
    expect(index.validity(germany).state).toBe('valid');
    expect(events.at(-1)).toMatchObject({ type: 'purge', targets: 2, from: 'nats country.changed.FRA' });
  });

  test('are not read twice by an event subject that matches everything', async () => {
    const { url } = await server();
    const seen: string[] = [];
    const tags = (subject: string) => {
      seen.push(subject);
      return [];
    };
    const { bus, index } = await instance(url, { events: [{ subject: '>', tags }] });
    await bus.publish(createPurge({ tags: ['a'] }));
    expect({ seen, position: index.position }).toEqual({ seen: [], position: 1 });
  });

  test('that cannot be read purge the space softly, are reported once a second, and end nothing', async () => {
    const { url, port } = await server();
    const broken = () => {
      throw new TypeError('a mistake in a definition');
    };
    const { bus, index, events, fetch } = await instance(url, { events: [{ subject: 'broken', tags: broken }] });
    const bodies = ['', '{', '[]', '{"v":1}', '\u0000', '{"v":1,"id":"x","tags":["a\\r\\n"]}', 'x'.repeat(100_000)];
    for (const body of bodies) {
      const entry = fetch(['a']);
      await publishRaw(port, SUBJECT, body);
      await vi.waitFor(() => expect(index.validity(entry)).toMatchObject({ state: 'soft', reason: 'all' }), SOON);
    }
    const entry = fetch(['a']);
    await publishRaw(port, 'broken', '');
    await vi.waitFor(() => expect(index.validity(entry).state).toBe('soft'), SOON);
    expect(rejected(events)).toHaveLength(1);
    await vi.waitFor(() => expect(rejected(events)).toHaveLength(2), SOON);
    expect(rejected(events)[1]?.error.message).toBe(`a mistake in a definition (the last of ${bodies.length} more)`);
    await bus.publish(createPurge({ tags: ['a'] }));
    expect(index.validity(entry).state).toBe('hard');
  });

  test('may be published many at a time', async () => {
    const { url } = await server();
    const { bus } = await instance(url);
    const published = Array.from({ length: 500 }, (_, at) => bus.publish(createPurge({ tags: [`t${at}`] })));
    const numbers = (await Promise.all(published)).map(({ seq }) => seq);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
  });

  test('survive a flood of messages, readable and not', async () => {
    const { url, port } = await server();
    const { bus, index, events } = await instance(url);
    const body = printPurge(createPurge({ tags: ['a', 'b'] }));
    const flood = Array.from({ length: 20_000 }, (_, at) => (at % 2 === 0 ? body : 'rubbish'));
    await publishRaw(port, SUBJECT, ...flood);
    await vi.waitFor(() => expect(bus.rejected).toBe(flood.length / 2), SOON);
    // Each that can be read has a number; those that cannot make everything suspect a few times, not ten thousand.
    expect(index.position).toBeGreaterThan(flood.length / 2);
    expect(index.position).toBeLessThan(flood.length / 2 + 100);
    expect(rejected(events).length).toBeLessThan(20);
    const { seq } = await bus.publish(createPurge({ all: true }));
    expect(index.position).toBeGreaterThanOrEqual(seq);
  });
});

describe.skipIf(!available)('a lost connection', () => {
  test('to a server that was killed counts as missed purges, and is made anew', async () => {
    const nats = await server();
    const { bus, index, events, fetch } = await instance(nats.url);
    const before = fetch(['a']);
    await nats.kill();
    await vi.waitFor(
      () => expect({ connected: bus.connected, synced: index.synced }).toEqual({ connected: false, synced: false }),
      SOON,
    );
    expect(index.validity(before)).toMatchObject({ state: 'soft', reason: 'floor', target: 'disconnected' });
    const meanwhile = fetch(['a']);
    await nats.restart();
    await vi.waitFor(
      () => expect({ connected: bus.connected, synced: index.synced }).toEqual({ connected: true, synced: true }),
      SOON,
    );
    expect(index.validity(meanwhile)).toMatchObject({
      state: 'soft',
      target: 'purges may have been missed',
    });
    const after = fetch(['a']);
    expect(index.validity(after).state).toBe('valid');
    await bus.publish(createPurge({ tags: ['a'] }));
    expect(index.validity(after).state).toBe('hard');
    expect(states(events).filter((state, at, all) => state !== all[at - 1])).toEqual([
      'connected',
      'disconnected',
      'connected',
    ]);
  });

  test('refuses purges meanwhile: they would be dropped without a word', async () => {
    const nats = await server();
    const { bus, index } = await instance(nats.url);
    await nats.hang();
    const began = performance.now();
    const pending = bus.publish(createPurge({ tags: ['a'] })).catch((thrown: unknown) => thrown);
    await nats.kill();
    expect(await pending).toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('may not have reached'),
    });
    expect(performance.now() - began).toBeLessThan(1_500);
    await vi.waitFor(() => expect(bus.connected).toBe(false), SOON);
    const { position } = index;
    await expect(bus.publish(createPurge({ tags: ['a'] }))).rejects.toMatchObject({ code: 'not-ready', status: 503 });
    expect(index.position).toBe(position);
  });

  test('to a server that hangs is noticed by its silence, and no publisher waits for ever', async () => {
    const nats = await server();
    const { bus, index } = await instance(nats.url);
    await nats.hang();
    await expect(bus.publish(createPurge({ tags: ['a'] }))).rejects.toMatchObject({ code: 'not-ready' });
    await vi.waitFor(() => expect(index.synced).toBe(false), SOON);
    nats.resume();
    await vi.waitFor(() => expect(index.synced).toBe(true), SOON);
  });
});

describe.skipIf(!available)('the start', () => {
  test('does not wait for a server that is down, and what was cached meanwhile counts as purged softly', async () => {
    const port = await freePort();
    const began = performance.now();
    const { bus, index, fetch } = await instance(`nats://127.0.0.1:${port}`);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect({ connected: bus.connected, synced: index.synced }).toEqual({ connected: false, synced: false });
    const entry = fetch(['a']);
    await server({ port });
    await vi.waitFor(
      () => expect({ connected: bus.connected, synced: index.synced }).toEqual({ connected: true, synced: true }),
      SOON,
    );
    expect(index.validity(entry)).toMatchObject({ state: 'soft', reason: 'floor' });
  });

  test('leaves nothing purged when the server is there', async () => {
    const { url } = await server();
    const { index } = await instance(url);
    expect({ position: index.position, synced: index.synced }).toEqual({ position: 0, synced: true });
  });

  test('takes one server of several', async () => {
    const { url } = await server();
    const { bus } = await instance('', { servers: [`nats://127.0.0.1:${await freePort()}`, url] });
    expect(bus.connected).toBe(true);
  });

  test('keeps no connections to a server that says nothing', async () => {
    const sockets = new Set<Socket>();
    let accepted = 0;
    const mute = createServer((socket) => {
      accepted += 1;
      sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
    }).listen(0, '127.0.0.1');
    cleanups.push(() => new Promise((resolve) => mute.close(resolve)));
    await vi.waitFor(() => expect(mute.listening).toBe(true));
    const address = mute.address() as { port: number };
    const { bus } = await instance(`nats://127.0.0.1:${address.port}`);
    await vi.waitFor(() => expect(accepted).toBeGreaterThan(1), SOON);
    expect(sockets.size).toBeLessThanOrEqual(1);
    await bus.close();
    await vi.waitFor(() => expect(sockets.size).toBe(0), SOON);
  });

  test.each<[what: string, path: string, options: Partial<NatsOptions>]>([
    ['a space with a line break', 'nats.space', { space: 'web\r\nPUB x 0\r\n' }],
    ['a space that is a wildcard', 'nats.space', { space: '>' }],
    ['the space of all spaces', 'nats.space', { space: '_all' }],
    [
      'an event subject with a line break',
      'nats.events[1].subject',
      {
        events: [
          { subject: 'ok', tags: () => [] },
          { subject: 'a\r\nSUB > 9', tags: () => [] },
        ],
      },
    ],
    ['no server', 'nats.servers', { servers: [] }],
    ['a server of another protocol', 'nats.servers', { servers: 'http://127.0.0.1:4222' }],
    ['a password in the URL of a server', 'nats.servers', { servers: 'nats://user:secret@127.0.0.1:4222' }],
  ])('is refused with %s', async (_what, path, options) => {
    const refused = await instance('nats://127.0.0.1:4222', options).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(InlayError);
    expect(refused).toMatchObject({ code: 'config-invalid', path });
    expect(String(refused)).not.toContain('secret');
  });

  test('refuses a server without TLS where TLS is asked for', async () => {
    const { port } = await server();
    const { bus, events } = await instance(`tls://127.0.0.1:${port}`);
    expect(bus.connected).toBe(false);
    expect(events).toMatchObject([{ type: 'bus', state: 'disconnected', detail: expect.stringContaining('tls') }]);
  });
});

describe.skipIf(!available)('a server with permissions', () => {
  const users = (permissions: string) => `authorization { users = [
    { user: inlay, password: secret, permissions: ${permissions} }, { user: reader, password: other } ] }`;
  const auth = { user: 'inlay', password: 'secret' };

  test('lets in who knows the password, and nobody else, however often they try', async () => {
    const { path } = await configuration(users('{ publish: ">", subscribe: ">" }'));
    const { url } = await server({ config: path });
    const right = await instance(url, { auth });
    const wrong = await instance(url, { auth: { user: 'inlay', password: 'wrong' } });
    expect([right.bus.connected, wrong.bus.connected]).toEqual([true, false]);
    expect(wrong.events).toMatchObject([
      { type: 'bus', state: 'disconnected', detail: expect.stringMatching(/auth/i) },
    ]);
  });

  test('that forbids to publish makes the purge fail, and says so', async () => {
    const { path } = await configuration(users('{ publish: { deny: ">" }, subscribe: ">" }'));
    const { url } = await server({ config: path });
    const { bus, index, events } = await instance(url, { auth });
    const refused = await bus.publish(createPurge({ tags: ['a'] })).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'not-ready', message: `not permitted to publish to ${SUBJECT}` });
    expect(index.position).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'bus', detail: `not permitted to publish to ${SUBJECT}` });
  });

  test('that forbids a subscription leaves the instance out of sync, until it is permitted', async () => {
    const config = await configuration(users('{ publish: ">", subscribe: { deny: "inlay.purge._all" } }'));
    const nats = await server({ config: config.path });
    const { bus, index, events, fetch } = await instance(nats.url, { auth });
    expect({ connected: bus.connected, synced: index.synced }).toEqual({ connected: true, synced: false });
    expect(bus.state).toBe('suspect');
    expect(events.filter(({ type }) => type === 'bus')).toMatchObject([
      { type: 'bus', detail: expect.stringContaining('keeps no stream') },
      { type: 'bus', detail: expect.stringContaining('not subscribed to inlay.purge._all') },
    ]);
    const entry = fetch(['b']);
    expect(await bus.publish(createPurge({ tags: ['a'] }))).toMatchObject({ seq: 1 });
    await config.write(users('{ publish: ">", subscribe: ">" }'));
    process.kill(nats.pid, 'SIGHUP');
    await vi.waitFor(() => expect(index.synced).toBe(true), SOON);
    expect(index.validity(entry)).toMatchObject({ state: 'soft', reason: 'floor' });
    await config.write(users('{ publish: ">", subscribe: { deny: "inlay.purge.*" } }'));
    process.kill(nats.pid, 'SIGHUP');
    await vi.waitFor(() => expect(index.synced).toBe(false), SOON);
  });
});

describe.skipIf(!available)('the end', () => {
  test('comes within two seconds while the server hangs, and at once otherwise', async () => {
    const nats = await server();
    const [one, two] = [await instance(nats.url), await instance(nats.url)];
    await one.bus.close();
    // The first is the advice to have the server keep a stream.
    expect(states(one.events)).toEqual(['connected', 'connected', 'closed']);
    expect({ connected: one.bus.connected, synced: one.index.synced }).toEqual({ connected: false, synced: false });
    await expect(one.bus.publish(createPurge({ all: true }))).rejects.toMatchObject({ code: 'not-ready' });
    await nats.hang();
    const began = performance.now();
    await two.bus.close();
    expect(performance.now() - began).toBeLessThan(3_500);
  });
});
