import { connect } from 'nats';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { JETSTREAM, startConfigured } from '../support/nats-config.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { get, runCli, startProxy } from '../support/proxy.ts';
import { OTHER_SECRET, SECRET } from '../support/signed.ts';

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

async function gateway(nats: string, env: Record<string, string> = {}) {
  const proxy = await startProxy(['--origin', NOBODY, '--nats', nats], { env });
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

  test('takes a key as it is, and as Cache-Status prints it', async () => {
    const nats = await server();
    const proxy = await gateway(nats);
    const key = JSON.stringify(['GET', 'http://a:1', '/a"b\\']);
    const printed = key.replaceAll(/["\\]/g, '\\$&');
    for (const text of [key, printed, `"${printed}"`])
      expect(await runCli(['purge', text, '--admin', proxy.adminUrl, '--wait'])).toMatchObject({ code: 0, stderr: '' });
    const told = proxy.log.filter(({ type }) => type === 'purge').map(({ first }) => first);
    expect(told).toEqual([[key], [key], [key]]);
  });

  test('with --wait ends with 1 if nobody says anything', async () => {
    const nats = await server();
    const done = await purge(nats, '--wait');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(/number 1, no gateway answered$/) });
    expect(done.stderr).toBe('inlay: no gateway of the space said that it has applied it');
    expect(await purge(nats)).toMatchObject({ code: 0, stderr: '' });
  });

  test('with --instances ends with 1 if fewer than that many say that they have applied it', async () => {
    const nats = await server();
    await gateway(nats);
    expect(await purge(nats, '--wait', '--instances', '1')).toMatchObject({ code: 0, stderr: '' });
    const done = await purge(nats, '--wait', '--instances', '2');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringContaining('applied by 1 of 1') });
    expect(done.stderr).toBe('inlay: 1 of 2 gateways said that they have applied it');
    for (const wrong of ['0', '1.5', 'two']) {
      const refused = await purge(nats, '--wait', '--instances', wrong);
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/--instances must be/) });
    }
    const alone = await purge(nats, '--instances', '2');
    expect(alone).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--instances needs --wait') });
  });

  test('says what is promised less where no stream keeps purges, which --wait takes for a failure', async () => {
    const nats = await server('');
    const proxy = await gateway(nats);
    const less = /as [0-9a-f-]{36}; no stream keeps it: .*inlay nats init\)$/;
    expect(await purge(nats)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(less) });
    const done = await purge(nats, '--wait');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(less) });
    expect(done.stderr).toMatch(/cannot be asked: NATS keeps no stream/);
    const asked = await runCli(['purge', '--all', '--admin', proxy.adminUrl, '--wait']);
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('that is connected now') });
  });
});

describe.skipIf(!available)('inlay purge where gateways have a secret', () => {
  const signing = (INLAY_PURGE_SECRET: string) => ({ INLAY_PURGE_SECRET });
  const signed = (nats: string, secret: string, ...args: string[]) =>
    runCli(['purge', '--tag', 'a', '--space', 'default', '--nats', nats, ...args], { env: signing(secret) });

  test('signs with the first of those that it is told, and ends with 1 at once where nobody believes it', async () => {
    const nats = await server();
    const proxy = await gateway(nats, signing(`${SECRET}, ${OTHER_SECRET}`));
    expect(proxy.said.join()).toContain('signed purges of space default');
    const byEach = [
      await signed(nats, OTHER_SECRET, '--wait'),
      await signed(nats, `${SECRET},${'x'.repeat(32)}`, '--wait'),
    ];
    for (const done of byEach) {
      expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('applied by 1 of 1: ') });
    }
    const unbelieved = [await purge(nats, '--wait'), await signed(nats, `${'x'.repeat(32)},${SECRET}`, '--wait')];
    for (const done of unbelieved) {
      expect(done.code).toBe(1);
      expect(done.stdout).toMatch(new RegExp(`, applied by 0 of 1; refused by \\S+:${proxy.pid}$`));
      expect(done.stderr).toMatch(
        new RegExp(`^inlay: refused for its signature by \\S+:${proxy.pid}: .*INLAY_PURGE_SECRET`),
      );
    }
    expect(proxy.log.filter(({ type }) => type === 'purge')).toHaveLength(2);
    const { body } = await get(`${proxy.adminUrl}/_inlay/ready`);
    expect(JSON.parse(body)).toMatchObject({ ready: true, purges: { seq: 4, rejected: 2 } });
    await vi.waitFor(() => expect(proxy.log).toContainEqual(expect.objectContaining({ type: 'purge-rejected' })));
    const said = JSON.stringify([byEach, unbelieved, body, proxy.said, proxy.log]);
    for (const secret of [SECRET, OTHER_SECRET, 'x'.repeat(32)]) expect(said).not.toContain(secret);
  });

  test('tells at an admin listener, too, who refused what that gateway had signed', async () => {
    const nats = await server();
    const [one, two] = [await gateway(nats, signing(SECRET)), await gateway(nats, signing(OTHER_SECRET))];
    const done = await runCli(['purge', '--tag', 'a', '--admin', one.adminUrl, '--wait']);
    expect(done).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(new RegExp(`, applied by 1 of 2; refused by \\S+:${two.pid}$`)),
      stderr: expect.stringMatching(/^inlay: refused for its signature by /),
    });
  });

  test('is refused a secret that is too short, or missing where there should be one, as a gateway is, and prints none', async () => {
    for (const args of [
      ['purge', '--all', '--nats', 'nats://127.0.0.1:1'],
      ['serve', '--origin', NOBODY, '--nats', 'nats://127.0.0.1:1'],
    ]) {
      const one = await runCli(args, { env: signing('sesame') });
      expect(one).toMatchObject({ code: 2, stderr: 'inlay: INLAY_PURGE_SECRET must have at least 32 characters' });
      const several = await runCli(args, { env: signing(`${SECRET},sesame`) });
      expect(several).toMatchObject({
        code: 2,
        stderr: 'inlay: INLAY_PURGE_SECRET.1 must have at least 32 characters',
      });
      const none = await runCli(args, { env: signing(' , ') });
      expect(none).toMatchObject({
        code: 2,
        stderr: 'inlay: INLAY_PURGE_SECRET holds no secret: put one there, or unset it',
      });
    }
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
