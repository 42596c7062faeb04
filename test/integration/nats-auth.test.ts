import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, nkeys } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ConfiguredServer, JETSTREAM, startConfigured } from '../support/nats-config.ts';
import { natsServerAvailable } from '../support/nats-server.ts';
import { get, type RunningProxy, runCli, startProxy } from '../support/proxy.ts';
import { OTHER_SECRET, SECRET } from '../support/signed.ts';

const available = natsServerAvailable();
if (!available) console.warn('SKIPPED test/integration/nats-auth.test.ts: nats-server is not installed');
const openssl = spawnSync('openssl', ['version']).status === 0;
if (!openssl) console.warn('SKIPPED TLS in test/integration/nats-auth.test.ts: openssl is not installed');

const SOON = { timeout: 10_000, interval: 50 };
const FAILED = 1;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inlay-auth-'));
});
afterAll(() => rm(folder, { recursive: true }));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
});

async function serverWith(config: string, files: Record<string, string> = {}): Promise<ConfiguredServer> {
  const server = await startConfigured(`${JETSTREAM}\n${config}`, files);
  cleanups.push(() => server.dispose());
  return server;
}

/** A gateway of space `shop` whose configuration says who it is at the server. */
async function gatewayWith(nats: string, auth: object, env: Record<string, string> = {}): Promise<RunningProxy> {
  const project = await mkdtemp(join(folder, 'project-'));
  const config = {
    services: { origin: 'http://127.0.0.1:1' },
    purge: { space: 'shop', nats, auth },
  };
  await writeFile(join(project, 'inlay.config.ts'), `export default ${JSON.stringify(config)};`);
  const proxy = await startProxy([], { cwd: project, env });
  cleanups.push(() => proxy.stop('SIGINT'));
  return proxy;
}

const purge = (nats: string, env: Record<string, string>, ...args: string[]) =>
  runCli(['purge', '--tag', 'a', '--space', 'shop', '--nats', nats, ...args], { cwd: folder, env });
const ready = async ({ adminUrl }: RunningProxy) => {
  const { status, body } = await get(`${adminUrl}/_inlay/ready`);
  return { status, ...(JSON.parse(body) as { reasons: string[]; purges: Record<string, unknown> }) };
};

const pair = nkeys.createUser();
const seed = new TextDecoder().decode(pair.getSeed());

describe.skipIf(!available)('a NATS server that asks who one is', () => {
  test.each<[string, string, Record<string, string>, Record<string, string>]>([
    [
      'for a user and a password',
      'authorization { users: [{ user: a, password: "sesame street" }] }',
      { user: 'a', password: 'sesame street' },
      { NATS_USER: 'a', NATS_PASSWORD: 'sesame street' },
    ],
    ['for a token', 'authorization { token: "sesame" }', { token: 'sesame' }, { NATS_TOKEN: 'sesame' }],
    ['for an nkey', `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`, { nkey: seed }, { NATS_NKEY: seed }],
  ])('%s, is told by configuration and by environment', async (_name, config, auth, env) => {
    const server = await serverWith(config);
    const made = await runCli(['nats', 'init', '--nats', server.url], { cwd: folder, env });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const [configured, byEnvironment] = [await gatewayWith(server.url, auth), await gatewayWith(server.url, {}, env)];
    await vi.waitFor(async () => {
      for (const gateway of [configured, byEnvironment]) expect((await ready(gateway)).status).toBe(200);
    }, SOON);
    const done = await purge(server.url, env, '--wait');
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/number 1, applied by 2 of 2: /) });
    const refused = await purge(server.url, {});
    expect(refused).toMatchObject({ code: FAILED, stdout: '' });
    expect(refused.stderr).toMatch(/^inlay: no connection to NATS at nats:.*Authorization/);
    const said = JSON.stringify([made, done, configured.said, configured.log, byEnvironment.said, byEnvironment.log]);
    expect(said).not.toMatch(/sesame|SU[A-Z2-7]{20}/);
  });

  test('for a credentials file, is told by configuration and by environment', async () => {
    const { config, creds } = credentials();
    const server = await startConfigured(config);
    cleanups.push(() => server.dispose());
    const file = join(folder, 'user.creds');
    await writeFile(file, creds);
    const proxy = await gatewayWith(server.url, { creds: file });
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    expect(await purge(server.url, { NATS_CREDS: file })).toMatchObject({ code: 0, stderr: '' });
    await vi.waitFor(async () => expect(await ready(proxy)).toMatchObject({ purges: { seq: 1 } }), SOON);
    await writeFile(file, 'nothing of the kind');
    const refused = await purge(server.url, { NATS_CREDS: file });
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/NATS_CREDS cannot be used/) });
  });

  test('has a gateway that may not log in say so in its log, and not get ready', async () => {
    const server = await serverWith('authorization { users: [{ user: a, password: b }] }');
    const proxy = await gatewayWith(server.url, { user: 'a', password: 'wrong-sesame' });
    expect(await ready(proxy)).toMatchObject({
      status: 503,
      reasons: ['purges may be missed: not connected to NATS'],
      purges: { space: 'shop', bus: 'nats', connected: false, synced: false },
    });
    await vi.waitFor(() => {
      expect(proxy.log).toContainEqual(
        expect.objectContaining({ type: 'bus', detail: expect.stringMatching(/Authorization/) }),
      );
    }, SOON);
    expect(JSON.stringify([proxy.log, proxy.said])).not.toContain('wrong-sesame');
  });
});

/** A server whose operator lets an account in, and a user whom the account lets in: each signs the next one's token. */
function credentials(): { readonly config: string; readonly creds: string } {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const sign = (issuer: typeof operator, subject: typeof operator, type: string, limits: object) => {
    const claims = {
      jti: type,
      iat: 1_700_000_000,
      iss: issuer.getPublicKey(),
      sub: subject.getPublicKey(),
      name: type,
      nats: { type, version: 2, ...limits },
    };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
    return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
  };
  const own = { subs: -1, data: -1, payload: -1 };
  const limits = { ...own, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const block = (name: string, text: string) => `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
  return {
    config: `operator: ${sign(operator, operator, 'operator', {})}
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: ${sign(operator, account, 'account', { limits })} }`,
    creds:
      block('NATS USER JWT', sign(account, user, 'user', own)) +
      block('USER NKEY SEED', new TextDecoder().decode(user.getSeed())),
  };
}

/** An authority of the test's own, and what it has signed for a server on this machine and for a client. */
async function certificates(at: string): Promise<void> {
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: at, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other'])
    run('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
  await writeFile(join(at, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  await writeFile(join(at, 'elsewhere'), 'subjectAltName=DNS:elsewhere.test');
  for (const name of ['server', 'client', 'elsewhere']) {
    run('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    const names = ['-extfile', name === 'elsewhere' ? 'elsewhere' : 'names'];
    run('x509', '-req', ...signed, ...names, '-out', `${name}.pem`, '-days', '2');
  }
}

describe.skipIf(!available || !openssl)('a NATS server with TLS', () => {
  let at: string;
  const file = (name: string) => join(at, name);
  const named = ({ port }: ConfiguredServer) => `tls://localhost:${port}`;
  const numbered = ({ port }: ConfiguredServer) => `tls://127.0.0.1:${port}`;
  beforeAll(async () => {
    at = join(folder, 'certificates');
    await mkdir(at);
    await certificates(at);
  });

  test('is believed if its certificate was signed by whom the configuration names, and by nobody else', async () => {
    const server = await serverWith(`tls { cert_file: "${file('server.pem')}", key_file: "${file('server.key')}" }`);
    for (const url of [server.url, named(server)]) {
      const done = await runCli(['nats', 'init', '--nats', url], { cwd: folder, env: { NATS_CA: file('ca.pem') } });
      expect(done).toMatchObject({ code: 0, stderr: '' });
    }
    const proxy = await gatewayWith(named(server), { ca: file('ca.pem') });
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    for (const url of [named(server), numbered(server)]) {
      const done = await purge(url, { NATS_CA: file('ca.pem') }, '--wait');
      expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/applied by 1 of 1/) });
    }
    for (const env of [{ NATS_CA: file('other.pem') }, {}]) {
      const refused = await purge(named(server), env as Record<string, string>);
      expect(refused).toMatchObject({ code: FAILED, stdout: '' });
      expect(refused.stderr).toMatch(/certificate/);
    }
  });

  test('is not believed if its certificate is for another host', async () => {
    const server = await serverWith(
      `tls { cert_file: "${file('elsewhere.pem')}", key_file: "${file('elsewhere.key')}" }`,
    );
    for (const url of [server.url, named(server)]) {
      const env = { NATS_CA: file('ca.pem') };
      const done = await runCli(['nats', 'init', '--nats', url], { cwd: folder, env });
      expect(done).toMatchObject({ code: FAILED, stdout: '' });
      expect(done.stderr).toMatch(/does not match certificate/);
      expect(await purge(url, env)).toMatchObject({ code: FAILED, stdout: '' });
    }
  });

  test('that wants a certificate of its clients gets it', async () => {
    const server = await serverWith(
      `tls { cert_file: "${file('server.pem')}", key_file: "${file('server.key')}", ca_file: "${file('ca.pem')}", verify: true }`,
    );
    const known = { NATS_CA: file('ca.pem'), NATS_CERT: file('client.pem'), NATS_KEY: file('client.key') };
    expect(await purge(named(server), known)).toMatchObject({ code: 0, stderr: '' });
    expect(await purge(named(server), { NATS_CA: file('ca.pem') })).toMatchObject({ code: FAILED, stdout: '' });
  });

  test('is insisted on by tls:// and by naming a certificate', async () => {
    const server = await serverWith('');
    for (const [url, env] of [
      [named(server), {}],
      [server.url, { NATS_CA: file('ca.pem') }],
    ] as const) {
      const refused = await purge(url, env as Record<string, string>);
      expect(refused).toMatchObject({ code: FAILED, stdout: '' });
      expect(refused.stderr).toMatch(/TLS/i);
    }
  });
});

describe('what cannot be meant stops the start', () => {
  const nats = 'nats://127.0.0.1:1';
  test.each<[string, Record<string, string>, RegExp]>([
    ['a user without a password', { NATS_USER: 'a' }, /NATS_PASSWORD is needed where user is set/],
    ['two ways to say who one is', { NATS_TOKEN: 'sesame', NATS_NKEY: seed }, /NATS_NKEY and token exclude each other/],
    ['a seed that is none', { NATS_NKEY: 'sesame' }, /NATS_NKEY must be the seed of a user/],
    ['a seed with a slip', { NATS_NKEY: `${seed.slice(0, -2)}AA` }, /NATS_NKEY cannot be used/],
    [
      'a file that is not there',
      { NATS_CREDS: '/nowhere/creds' },
      /NATS_CREDS cannot be used: ENOENT.*\/nowhere\/creds/,
    ],
    ['a key without its certificate', { NATS_KEY: '/nowhere/key' }, /NATS_CERT is needed where key is set/],
  ])('%s', async (_name, env, message) => {
    for (const args of [
      ['purge', '--all', '--nats', nats],
      ['nats', 'init', '--nats', nats],
      ['serve', '--origin', 'http://127.0.0.1:1', '--nats', nats],
    ]) {
      const done = await runCli(args, { cwd: folder, env });
      expect(done).toMatchObject({ code: 2, stdout: '' });
      expect(done.stderr).toMatch(message);
      expect(done.stderr.split('\n')).toHaveLength(1);
      expect(done.stderr).not.toMatch(/sesame|SU[A-Z2-7]{20}/);
    }
  });
});

/** A block of the README. */
function snippet(language: string, which = 0): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  const found = [...blocks][which]?.[1];
  if (found === undefined) throw new Error(`the README has no block of ${language}`);
  return found;
}

describe.skipIf(!available)('what the README says that a server has to permit', () => {
  const AS_GATEWAY = { NATS_USER: 'gateway', NATS_PASSWORD: 'g' };
  const AS_PUBLISHER = { NATS_USER: 'publisher', NATS_PASSWORD: 'p' };

  async function permitting(): Promise<ConfiguredServer> {
    const config = snippet('conf')
      .replace('/var/lib/nats', '$FOLDER/streams')
      .replace('$GATEWAY_PASSWORD', 'g')
      .replace('$PUBLISHER_PASSWORD', 'p')
      .replace('users: [', 'users: [ { user: operator, password: o }, ');
    const server = await startConfigured(config);
    cleanups.push(() => server.dispose());
    const env = { NATS_USER: 'operator', NATS_PASSWORD: 'o' };
    expect(await runCli(['nats', 'init', '--nats', server.url], { cwd: folder, env })).toMatchObject({ code: 0 });
    return server;
  }

  test('suffices: purges of publishers and of gateways are kept, applied and counted', async () => {
    const server = await permitting();
    const gateways = [await gatewayWith(server.url, {}, AS_GATEWAY), await gatewayWith(server.url, {}, AS_GATEWAY)];
    await vi.waitFor(async () => {
      for (const one of gateways) {
        expect(await ready(one)).toMatchObject({ status: 200, purges: { state: 'live', durable: true } });
      }
    }, SOON);
    const done = await purge(server.url, AS_PUBLISHER, '--wait');
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/number 1, applied by 2 of 2/) });
    const answer = await fetch(`${gateways[0]!.adminUrl}/_inlay/purge?wait=5000`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"all":true}',
    });
    expect(await answer.json()).toEqual({
      id: expect.any(String),
      seq: 2,
      space: 'shop',
      reach: 'every instance of the space',
      instances: 2,
      applied: 2,
    });
    // What came while they were away is read afterwards, with the same permissions.
    await server.restart();
    expect(await purge(server.url, AS_PUBLISHER)).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      for (const one of gateways) expect(await ready(one)).toMatchObject({ status: 200, purges: { seq: 3, lag: 0 } });
    }, SOON);
    for (const { log } of gateways) {
      expect(log.filter(({ detail }) => /permi|subscri/i.test(String(detail)))).toEqual([]);
      expect(log.filter(({ type }) => type === 'purge-floor')).toEqual([]);
    }
  });

  test('forbids the rest', async () => {
    const server = await permitting();
    const attempt = async (user: string, pass: string, wanted: 'publish' | 'subscribe', subject: string) => {
      const connection = await connect({ servers: server.url, user, pass, reconnect: false });
      const refused: unknown[] = [];
      // Its iterator outlives the connection.
      void (async () => {
        for await (const { permissionContext } of connection.status()) refused.push(permissionContext?.operation);
      })();
      if (wanted === 'publish') connection.publish(subject, '{}', { reply: '_INBOX.x' });
      else connection.subscribe(subject, { callback: (error) => void refused.push(error && 'subscription') });
      await connection.flush();
      await turn(); // refusals are told a turn later
      await connection.close();
      return refused.includes(wanted === 'publish' ? 'publish' : 'subscription');
    };
    const common = [
      ['publish', 'inlay.purge.other'],
      ['publish', 'inlay.purge._all'],
      ['publish', 'inlay.ctl.other'],
      ['publish', 'catalog.changed'],
      ['publish', '_INBOX.somebody'],
      ['publish', '$JS.API.STREAM.PURGE.INLAY_PURGE'],
      ['publish', '$JS.API.STREAM.DELETE.INLAY_PURGE'],
      ['publish', '$JS.API.STREAM.UPDATE.INLAY_PURGE'],
      ['publish', '$JS.API.STREAM.MSG.DELETE.INLAY_PURGE'],
      ['publish', '$JS.API.CONSUMER.CREATE.OTHER'],
      ['subscribe', '>'],
      ['subscribe', 'inlay.>'],
      ['subscribe', 'inlay.purge.shop'],
      ['subscribe', 'inlay.ctl.other'],
    ] as const;
    for (const [wanted, subject] of common) {
      expect([subject, await attempt('gateway', 'g', wanted, subject)]).toEqual([subject, true]);
      expect([subject, await attempt('publisher', 'p', wanted, subject)]).toEqual([subject, true]);
    }
    expect(await attempt('publisher', 'p', 'publish', '$JS.API.CONSUMER.CREATE.INLAY_PURGE')).toBe(true);
    expect(await attempt('publisher', 'p', 'subscribe', 'inlay.ctl.shop')).toBe(true);
    expect(await attempt('publisher', 'p', 'publish', 'inlay.purge.shop')).toBe(false);
    const elsewhere = await runCli(['purge', '--all', '--space', 'other', '--nats', server.url], {
      cwd: folder,
      env: AS_PUBLISHER,
    });
    expect(elsewhere).toMatchObject({ code: FAILED, stdout: '' });
    expect(elsewhere.stderr).toMatch(/inlay\.purge\.other/);
  });

  /** Runs what the README has a client do, as it stands. */
  async function publishAsWritten(nats: string, env: Record<string, string>, edit = (code: string) => code) {
    const plain = snippet('js');
    expect(plain.trim().split('\n')).toHaveLength(5);
    const script = join(folder, 'publish.mjs');
    const edited = edit(plain).replace('process.env.NATS_URL', `process.env.NATS_URL, user: 'publisher', pass: 'p'`);
    await writeFile(script, edited.replaceAll("'nats'", `'${import.meta.resolve('nats')}'`));
    const { INLAY_PURGE_SECRET: _, ...inherited } = process.env;
    const { status, stderr } = spawnSync(process.execPath, [script], {
      env: { ...inherited, ...env, NATS_URL: nats },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  }

  /** Puts the lines that sign before the one that publishes, which says what they have it say. */
  const signing = snippet('js', 1);
  const signed = (code: string) => {
    const then = /then (\.publish\(.*\))$/m.exec(signing)?.[1];
    expect(then).toBeDefined();
    return code.replace(
      /^(await connection\.jetstream\(\))\.publish\(.*$/m,
      (_, before: string) => `${signing}${before}${then};`,
    );
  };

  test('lets any client publish as the README has it do', async () => {
    const server = await permitting();
    const proxy = await gatewayWith(server.url, {}, AS_GATEWAY);
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    for (let i = 0; i < 2; i++) await publishAsWritten(server.url, {});
    await vi.waitFor(async () => expect(await ready(proxy)).toMatchObject({ purges: { seq: 2, rejected: 0 } }), SOON);
    expect(proxy.log.filter(({ type }) => type === 'purge')).toMatchObject([
      { seq: 1, mode: 'hard', first: ['country:FRA'] },
      { seq: 2, mode: 'hard', first: ['country:FRA'] },
    ]);
  });

  test('lets any client that knows the secret publish as the README has it do, and no other', async () => {
    const server = await permitting();
    const proxy = await gatewayWith(server.url, {}, { ...AS_GATEWAY, INLAY_PURGE_SECRET: SECRET });
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: SECRET }, signed);
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: OTHER_SECRET }, signed);
    await publishAsWritten(server.url, {});
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: `${OTHER_SECRET},${SECRET}` }, signed);
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: ` ${SECRET} , ${OTHER_SECRET}` }, signed);
    await vi.waitFor(async () => expect(await ready(proxy)).toMatchObject({ purges: { seq: 5, rejected: 3 } }), SOON);
    expect(proxy.log.filter(({ type }) => type === 'purge')).toMatchObject([
      { seq: 1, first: ['country:FRA'] },
      { seq: 5, first: ['country:FRA'] },
    ]);
  });

  test('lets it publish with the same variable as gateways while one secret takes the place of another', async () => {
    const server = await permitting();
    const both = { INLAY_PURGE_SECRET: `${SECRET},${OTHER_SECRET}` };
    const proxy = await gatewayWith(server.url, {}, { ...AS_GATEWAY, ...both });
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    await publishAsWritten(server.url, both, signed);
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: `${OTHER_SECRET},${SECRET}` }, signed);
    await vi.waitFor(async () => expect(await ready(proxy)).toMatchObject({ purges: { seq: 2, rejected: 0 } }), SOON);
  });

  test('lets it publish where no stream is, too', async () => {
    const server = await startConfigured('authorization { users: [{ user: publisher, password: p }] }');
    cleanups.push(() => server.dispose());
    const env = { NATS_USER: 'publisher', NATS_PASSWORD: 'p', INLAY_PURGE_SECRET: SECRET };
    const proxy = await gatewayWith(server.url, {}, env);
    await vi.waitFor(async () => expect((await ready(proxy)).status).toBe(200), SOON);
    const toAll = (code: string) => signed(code).replace('connection.jetstream().publish', 'connection.publish');
    await publishAsWritten(server.url, { INLAY_PURGE_SECRET: SECRET }, toAll);
    await vi.waitFor(() => expect(proxy.log.map(({ type }) => type)).toContain('purge'), SOON);
    expect(await ready(proxy)).toMatchObject({ purges: { durable: false, rejected: 0 } });
  });
});
