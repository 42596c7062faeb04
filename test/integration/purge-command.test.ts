import { connect } from 'nats';
import { afterEach, describe, expect, test } from 'vitest';
import { JETSTREAM, startConfigured } from '../support/nats-config.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { runCli, startProxy } from '../support/proxy.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/purge-command.test.ts: nats-server is not installed');

const NOBODY = 'http://127.0.0.1:1';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
});

async function server(config = JETSTREAM): Promise<string> {
  const started = await startConfigured(config);
  cleanups.push(() => started.dispose());
  if (config !== '') expect(await runCli(['nats', 'init', '--nats', started.url])).toMatchObject({ code: 0 });
  return started.url;
}

async function gateway(nats: string) {
  const proxy = await startProxy(['--origin', NOBODY, '--nats', nats]);
  cleanups.push(() => proxy.stop('SIGINT'));
  return proxy;
}

/** An instance that answers whoever asks that it has come no further than to the beginning. */
async function straggler(nats: string, name: string): Promise<void> {
  const connection = await connect({ servers: nats });
  cleanups.push(() => connection.close());
  connection.subscribe('inlay.ctl.default', {
    callback: (_error, message) =>
      void message.respond(JSON.stringify({ instance: name, name, seq: 0, applied: false })),
  });
  await connection.flush();
}

const purge = (nats: string, ...args: string[]) =>
  runCli(['purge', '--tag', 'a', '--space', 'default', '--nats', nats, ...args]);

describe.skipIf(!available)('inlay purge on NATS', () => {
  test('prints the number of the purge and who has applied it', async () => {
    const nats = await server();
    const { pid } = await gateway(nats);
    const done = await purge(nats);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(
      new RegExp(
        `^purged tag a in space default: published on ${nats} as [0-9a-f-]{36}, number 1, applied by 1 of 1: \\S+:${pid}$`,
      ),
    );
  });

  test('with --wait ends with 1 and a list if an instance is behind for 5 s, and prints no name as it came', async () => {
    const nats = await server();
    await straggler(nats, 'slow\u001b[31m:1');
    const { pid } = await gateway(nats);
    const began = performance.now();
    const done = await purge(nats, '--wait');
    expect(performance.now() - began).toBeGreaterThan(4_900);
    expect(done.code).toBe(1);
    expect(done.stdout).toMatch(new RegExp(`applied by 1 of 2: \\S+:${pid}; not yet by slow\\?\\[31m:1$`));
    expect(done.stderr).toBe('inlay: not applied within 5 s by slow?[31m:1');
    const told = await purge(nats);
    expect(told).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('number 2, applied by 1 of 2') });
  });

  test('with --wait ends with 1 if nobody says anything', async () => {
    const nats = await server();
    const done = await purge(nats, '--wait');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(/number 1, no gateway answered$/) });
    expect(done.stderr).toBe('inlay: no gateway of the space said that it has applied it');
    expect(await purge(nats)).toMatchObject({ code: 0, stderr: '' });
  });

  test('says what is promised less where no stream keeps purges, which --wait takes for a failure', async () => {
    const nats = await server('');
    const proxy = await gateway(nats);
    const less = /as [0-9a-f-]{36}, which keeps no stream of purges: .*inlay nats init\)$/;
    expect(await purge(nats)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(less) });
    const done = await purge(nats, '--wait');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(less) });
    expect(done.stderr).toMatch(/cannot be asked: NATS keeps no stream/);
    const asked = await runCli(['purge', '--all', '--admin', proxy.adminUrl, '--wait']);
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('that is connected now') });
  });
});

describe.skipIf(!available)('inlay purge at an admin listener', () => {
  test('waits and tells as on NATS', async () => {
    const nats = await server();
    const proxy = await gateway(nats);
    const done = await runCli(['purge', '--tag', 'a', '--admin', proxy.adminUrl, '--wait']);
    expect(done).toMatchObject({
      code: 0,
      stderr: '',
      stdout: 'purged tag a in space default: number 1, reaches every instance of the space, applied by 1 of 1',
    });
    await straggler(nats, 'slow:1');
    const late = await runCli(['purge', '--tag', 'a', '--admin', proxy.adminUrl, '--wait']);
    expect(late).toMatchObject({ code: 1, stdout: expect.stringMatching(/applied by 1 of 2; not yet by slow:1$/) });
    expect(late.stderr).toBe('inlay: not applied within 5 s by slow:1');
  });
});
