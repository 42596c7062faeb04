import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect, type StreamConfig } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ConfiguredServer, JETSTREAM, startConfigured } from '../support/nats-config.ts';
import { freePort, natsServerAvailable } from '../support/nats-server.ts';
import { runCli } from '../support/proxy.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/nats-init.test.ts: nats-server is not installed');

const [FAILED, USAGE] = [1, 2];
const DAY = 86_400e9;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inlay-init-'));
});
afterAll(() => rm(folder, { recursive: true }));

const init = (server: string, args: readonly string[] = [], cwd = folder) =>
  runCli(['nats', 'init', '--nats', server, ...args], { cwd });

async function refused(server: string, code: number, args: readonly string[] = []): Promise<string> {
  const done = await init(server, args);
  expect(done).toMatchObject({ code, stdout: '' });
  expect(done.stderr).toMatch(/^inlay: .*$/);
  return done.stderr;
}

describe('inlay nats init is refused', () => {
  const nobody = 'nats://127.0.0.1:1';
  test.each<[string, readonly string[], RegExp]>([
    ['a duration that is none', ['--max-age', 'soon'], /--max-age must be a duration of at least 1m, such as 7d/],
    ['less time than an outage lasts', ['--max-age', '10s'], /--max-age.*at least 1m/],
    ['half a replica', ['--replicas', '1.5'], /--replicas must be a number of servers from 1 to 5/],
    [
      'a subject of its own',
      ['--subject', 'inlay.purge.x'],
      /--subject "inlay.purge.x" must not be a subject of Inlay/,
    ],
    ['a subject that is none', ['--subject', 'a b'], /--subject "a b" must be tokens/],
    ['a subject that takes everything', ['--subject', '*.changed'], /--subject .* must begin with a word/],
  ])('with %s', async (_name, args, message) => {
    expect(await refused(nobody, USAGE, args)).toMatch(message);
  });

  test('without a server, or for another action', async () => {
    const none = await runCli(['nats', 'init'], { cwd: folder });
    expect(none).toMatchObject({ code: USAGE, stderr: expect.stringMatching(/--nats .*NATS_URL/) });
    const other = await runCli(['nats', 'drop'], { cwd: folder });
    expect(other).toMatchObject({ code: USAGE, stderr: 'inlay: there is no "nats drop": inlay nats init' });
  });

  test('where no server answers', async () => {
    const server = `nats://127.0.0.1:${await freePort()}`;
    expect(await refused(server, FAILED)).toBe(`inlay: no NATS server answers at ${server}: check --nats or NATS_URL`);
  });
});

describe.skipIf(!available)('inlay nats init', () => {
  let server: ConfiguredServer;
  beforeEach(async () => {
    server = await startConfigured(JETSTREAM);
  });
  afterEach(() => server?.dispose());

  async function manage<T>(
    use: (manager: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['jetstreamManager']>>) => Promise<T>,
  ) {
    const connection = await connect({ servers: server.url });
    try {
      return await use(await connection.jetstreamManager());
    } finally {
      await connection.close();
    }
  }
  const config = (): Promise<StreamConfig> => manage(async ({ streams }) => (await streams.info('INLAY_PURGE')).config);

  test('makes the stream, says what it is, and says so again where it is there already', async () => {
    const first = await init(server.url);
    const is = 'stream INLAY_PURGE keeps inlay.purge.* for 7d, file, 1 replica, messages of at most 65 KiB';
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout.split('\n')[0]).toBe(`${is}: made on ${server.url}`);
    expect(await config()).toMatchObject({
      subjects: ['inlay.purge.*'],
      storage: 'file',
      retention: 'limits',
      discard: 'old',
      max_msgs: -1,
      max_msgs_per_subject: -1,
      max_age: 7 * DAY,
      duplicate_window: 120e9,
      max_msg_size: 65_536 + 1_024,
      num_replicas: 1,
    });
    const again = await init(server.url);
    expect(again).toMatchObject({ code: 0, stdout: `${is}: already so on ${server.url}` });
  });

  test('adds to the stream and changes it, and drops no subject that it keeps', async () => {
    await init(server.url, ['--subject', 'catalog.*.changed']);
    const { stdout } = await init(server.url, ['--max-age', '36h', '--subject', 'shop.>', '--subject', 'shop.a']);
    expect(stdout).toContain('keeps inlay.purge.*, catalog.*.changed, shop.> for 36h');
    expect(stdout).toContain(': changed on ');
    expect(await config()).toMatchObject({
      subjects: ['inlay.purge.*', 'catalog.*.changed', 'shop.>'],
      max_age: 1.5 * DAY,
      // What services tell may be large, and none of it may be lost for that.
      max_msg_size: -1,
    });
    await init(server.url, ['--subject', 'catalog.>']);
    expect(await config()).toMatchObject({ subjects: ['inlay.purge.*', 'shop.>', 'catalog.>'], max_age: 1.5 * DAY });
  });

  test('takes away from a stream what would let a purge leave it before its time', async () => {
    await manage(({ streams }) =>
      streams.add({ name: 'INLAY_PURGE', subjects: ['inlay.purge.web'], max_msgs_per_subject: 1, max_age: 3_600e9 }),
    );
    expect(await init(server.url)).toMatchObject({ code: 0 });
    expect(await config()).toMatchObject({
      subjects: ['inlay.purge.*'],
      max_msgs_per_subject: -1,
      max_age: 3_600e9,
    });
  });

  test('says which events of the configuration are not kept, and how they would be', async () => {
    const project = await mkdtemp(join(folder, 'project-'));
    const index = JSON.stringify(resolve(import.meta.dirname, '../../src/index.ts'));
    await writeFile(
      join(project, 'inlay.config.ts'),
      `import { defineGateway, env } from ${index};
      const a = { name: 'a', path: '/a/{id}', service: 's', purge: { 'shop.a.{id}.changed': 'a:{id}' } };
      const b = { name: 'b', path: '/b/{id}', service: 's', purge: { 'shop.{kind}.{id}.changed': 'b:{id}' } };
      const c = { name: 'c', path: '/c/{id}', service: 's', purge: { 'cat.{id}': 'c:{id}', '{any}.gone': 'c' } };
      export default defineGateway({ services: { s: 'http://s' }, fragments: [a, b, c], purge: { nats: '${server.url}' } });`,
    );
    const first = await runCli(['nats', 'init', '--subject', 'cat.*'], { cwd: project });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const [, missing, remedy] = first.stdout.split('\n');
    expect(missing).toMatch(/^not kept: shop\.a\.\*\.changed, shop\.\*\.\*\.changed, \*\.gone: /);
    expect(remedy).toBe("to keep it: inlay nats init --subject 'shop.*.*.changed'");
    const second = await runCli(['nats', 'init', '--subject', 'shop.*.*.changed'], { cwd: project });
    expect(second.stdout).toMatch(/not kept: \*\.gone: [^\n]*$/);
  });

  test('names the stream that keeps its subjects', async () => {
    await manage(({ streams }) => streams.add({ name: 'ORDERS', subjects: ['orders.>'] }));
    const message = await refused(server.url, FAILED, ['--subject', 'orders.changed']);
    expect(message).toContain('another stream (ORDERS) keeps some of these subjects');
  });

  test('says why it does not change what cannot be changed', async () => {
    await manage(({ streams }) =>
      streams.add({ name: 'INLAY_PURGE', subjects: ['inlay.purge.*'], storage: 'memory' as never }),
    );
    expect(await refused(server.url, FAILED)).toMatch(/refuses the stream INLAY_PURGE: .*storage/);
  });

  test('asks a single server for no more than it can keep', async () => {
    expect(await refused(server.url, FAILED, ['--replicas', '3'])).toMatch(/is a single server/);
    await init(server.url);
    expect(await refused(server.url, FAILED, ['--replicas', '3'])).toMatch(/is a single server/);
  });
});

describe.skipIf(!available)('inlay nats init at a server', () => {
  test('without JetStream says how to start it', async () => {
    const server = await startConfigured('');
    try {
      expect(await refused(server.url, FAILED)).toMatch(/keeps no streams: start it with JetStream/);
    } finally {
      await server.dispose();
    }
  });

  test('whose account has no JetStream says so', async () => {
    const server = await startConfigured(`${JETSTREAM}
      accounts { A { users: [{ user: a, password: a }] }, SYS { users: [{ user: s, password: s }] } }
      system_account: SYS`);
    try {
      const env = { NATS_USER: 'a', NATS_PASSWORD: 'a' };
      const done = await runCli(['nats', 'init', '--nats', server.url], { cwd: folder, env });
      expect(done.code).toBe(FAILED);
      expect(done.stderr).toMatch(/keeps no streams: .* with accounts/);
    } finally {
      await server.dispose();
    }
  });

  test('that permits a user no streams says what is not permitted', async () => {
    const server = await startConfigured(`${JETSTREAM}
      authorization { users: [{ user: a, password: a, permissions: { publish: ["inlay.purge.*"], subscribe: ["_INBOX.>"] } },
        { user: b, password: b, permissions: { publish: [">"], subscribe: ["a"] } }] }`);
    try {
      const env = { NATS_USER: 'a', NATS_PASSWORD: 'a' };
      const done = await runCli(['nats', 'init', '--nats', server.url], { cwd: folder, env });
      expect(done.code).toBe(FAILED);
      expect(done.stderr).toMatch(/^inlay: this user may not publish to \$JS\.API\.STREAM\.\w+\.INLAY_PURGE/);
      const unheard = await runCli(['nats', 'init', '--nats', server.url], {
        cwd: folder,
        env: { NATS_USER: 'b', NATS_PASSWORD: 'b' },
      });
      expect(unheard.stderr).toMatch(/^inlay: .*(may not subscribe to _INBOX|does not answer)/);
      const wrong = await runCli(['nats', 'init', '--nats', server.url], {
        cwd: folder,
        env: { ...env, NATS_USER: 'c' },
      });
      expect(wrong.stderr).toMatch(/^inlay: no connection to NATS at .*Authorization/);
    } finally {
      await server.dispose();
    }
  });
});
