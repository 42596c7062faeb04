import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/nats-server.ts';
import { get, type RunningProxy, runCli, startProxy } from '../support/proxy.ts';

const [FAILED, USAGE] = [1, 2];
/** Nobody listens on port 1 of this machine. */
const NOBODY = 'http://127.0.0.1:1';
const FREE = ['--port', '0', '--admin-port', '0'];
/** A frame of a stack, or the name of a class of errors. */
const INSIDES = /^\s+at |node:internal|InlayError|CACError|TypeError/m;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inlay-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a command that must be refused: nothing on standard output, one line for each problem, no insides. */
async function refused(args: readonly string[], code: number, cwd = folder): Promise<string> {
  const done = await runCli(args, { cwd });
  expect(done.stderr).not.toMatch(INSIDES);
  expect(done.stdout).toBe('');
  expect(done.stderr).toMatch(/^inlay: /);
  expect({ code: done.code, stderr: done.stderr }).toEqual({ code, stderr: done.stderr });
  return done.stderr;
}

/** As `refused`, for messages of one line. */
async function refusedInOneLine(args: readonly string[], code: number): Promise<string> {
  const message = await refused(args, code);
  expect(message.split('\n')).toHaveLength(1);
  return message;
}

describe('usage that is refused in one line, with a remedy', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['no command', [], /inlay serve, inlay purge, inlay nats init \(--help for more\)/],
    ['an unknown command', ['serv'], /no command "serv": inlay serve, inlay purge/],
    ['an option without a command', ['--port', '80'], /--port.*inlay serve, inlay purge/],
    ['an unknown option', ['serve', '--bogus'], /--bogus.*--help/],
    ['an option of another command', ['serve', '--tag', 'a'], /--tag.*--help/],
    ['an argument too many', ['serve', 'now'], /now.*--help/],
    ['an option without its value', ['serve', '--origin'], /--origin.*missing/],
    ['an option given twice', ['serve', '--origin', NOBODY, '--origin', NOBODY], /--origin needs one value/],
    ['a port that is a word', ['serve', '--origin', NOBODY, '--port', 'http'], /--port must be a port.*not http/],
    ['a port that is too large', ['serve', '--origin', NOBODY, '--port', '65536'], /--port.*0 to 65535, not 65536/],
    ['an admin port in halves', ['serve', '--origin', NOBODY, '--admin-port', '1.5'], /--admin-port.*not 1\.5/],
    ['an esi mode that there is not', ['serve', '--origin', NOBODY, '--esi', 'maybe'], /--esi.*auto, always or off/],
    ['half a worker', ['serve', '--origin', NOBODY, '--workers', '1.5'], /--workers must be .* from 1 to 64, not 1\.5/],
    ['workers without NATS', ['serve', '--origin', NOBODY, '--workers', '2'], /--workers 2 needs NATS \(--nats/],
    ['a log level that there is not', ['serve', '--origin', NOBODY, '--log', 'loud'], /--log.*all, errors or off/],
    ['an origin and a configuration', ['serve', '--origin', NOBODY, '--config', 'x.ts'], /--origin and --config/],
    ['a purge of nothing', ['purge', '--admin', NOBODY], /a key, --tag, --url, --prefix or --all/],
    ['a key that is cut short', ['purge', '["GET","http://a'], /is no key \(.*\): is it whole\?/],
    ['a key that is none', ['purge', 'country:FRA'], /"country:FRA" is no key.*--tag country:FRA/],
    ['a space without NATS', ['purge', '--all', '--space', 'b', '--admin', NOBODY], /--space needs --nats/],
    ['a purge of half a URL', ['purge', '--url', 'fragments/x'], /urls\[0\].*must be a path that starts with "\/"/],
    ['a tag without its value', ['purge', '--tag'], /--tag.*missing/],
    ['an admin listener that is no URL', ['purge', '--all', '--admin', 'nonsense'], /--admin.*nonsense/],
    ['an admin listener of another protocol', ['purge', '--all', '--admin', 'nats://127.0.0.1:4222'], /--admin.*nats:/],
    ['a NATS server of another protocol', ['purge', '--all', '--nats', NOBODY], /like nats:\/\//],
    ['a space that is none', ['purge', '--all', '--nats', 'nats://127.0.0.1:1', '--space', 'a b'], /space/],
  ])('%s', async (_name, args, message) => {
    expect(await refusedInOneLine(args, USAGE)).toMatch(message);
  });

  test.each([
    ['without its scheme', '127.0.0.1:9000'],
    ['of another protocol', 'ftp://127.0.0.1'],
    ['with a query', `${NOBODY}/?a`],
    ['with a user', 'http://me:secret@127.0.0.1'],
  ])('an origin %s, named as it was given on the command line', async (_name, origin) => {
    const message = await refusedInOneLine(['serve', '--origin', origin, ...FREE], USAGE);
    expect(message).toMatch(/--origin/);
    expect(message).toMatch(/http:\/\/|https?/);
    expect(message).not.toContain('secret');
  });

  test.each(['lots', '5', '1kb', '-1mb'])('a cache size of %s, named as it was given', async (size) => {
    const message = await refusedInOneLine(['serve', '--origin', NOBODY, `--cache-size=${size}`, ...FREE], USAGE);
    expect(message).toMatch(/--cache-size/);
    expect(message).toMatch(/64kb|256mb/);
  });

  test('a port below zero', async () => {
    expect(await refusedInOneLine(['serve', '--origin', NOBODY, '--port', '-1'], USAGE)).toContain('-1');
  });

  test('a host that cannot be listened on', async () => {
    const message = await refusedInOneLine(['serve', '--origin', NOBODY, '--host', 'example.invalid', ...FREE], USAGE);
    expect(message).toMatch(/--host|example\.invalid/);
  });

  test.each(['--port', '--admin-port'])('%s in use', async (option) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => holder.once('listening', done));
    const { port } = holder.address() as { port: number };
    const other = option === '--port' ? '--admin-port' : '--port';
    try {
      const args = ['serve', '--origin', NOBODY, option, String(port), other, '0'];
      const message = await refusedInOneLine(args, USAGE);
      expect(message).toBe(
        `inlay: ${option} ${port} on 127.0.0.1 is in use: stop what listens there, or choose another`,
      );
    } finally {
      holder.close();
    }
  });
});

describe('configurations that are refused', () => {
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return ['serve', '--config', name, ...FREE];
  };

  test('none where one is expected: say how to do without', async () => {
    const message = await refusedInOneLine(['serve'], USAGE);
    expect(message).toMatch(/no configuration at .*inlay\.config\.ts: write one, or use --origin http/);
  });

  test('one that is not there', async () => {
    const message = await refusedInOneLine(['serve', '--config', 'elsewhere.ts'], USAGE);
    expect(message).toMatch(/no configuration at .*elsewhere\.ts: check the path/);
  });

  test('one that is a folder', async () => {
    expect(await refused(['serve', '--config', '.', ...FREE], USAGE)).toContain(folder);
  });

  test('one without a default export', async () => {
    const message = await refusedInOneLine(await file('named.ts', 'export const gateway = {};'), USAGE);
    expect(message).toMatch(/named\.ts has no default export: export default defineGateway/);
  });

  test('one with a syntax error, by file and line', async () => {
    const args = await file('syntax.ts', 'export default {\n  services: { web: \n};\n');
    const message = await refusedInOneLine(args, USAGE);
    expect(message).toMatch(/syntax\.ts:\d+/);
  });

  test('one that imports what is not there', async () => {
    const message = await refusedInOneLine(
      await file('import.ts', "import 'not-installed';\nexport default {};"),
      USAGE,
    );
    expect(message).toMatch(/import\.ts cannot be loaded: .*not-installed/);
  });

  test('one that throws', async () => {
    const message = await refusedInOneLine(await file('throws.ts', "throw new Error('out of luck');"), USAGE);
    expect(message).toMatch(/throws\.ts cannot be loaded: out of luck/);
  });

  test('one that needs a variable of the environment', async () => {
    const setting = "{ env: 'WEB_URL_THAT_NOBODY_SET', fallback: undefined }";
    const args = await file('variable.ts', `export default { services: { web: ${setting} } };`);
    const message = await refusedInOneLine(args, USAGE);
    expect(message).toMatch(/services\.web\.url needs environment variable WEB_URL_THAT_NOBODY_SET/);
  });

  test('one with several problems: all of them, each with its path', async () => {
    const args = await file(
      'several.ts',
      `export default {
        services: { web: 'ftp://web', search: { url: 'http://search', timeout: 'soon', tiemout: 1 } },
        facades: { shop: { routes: { 'no-slash': 'web' } } },
        cache: { maxSize: 'big' },
        fragmentz: [],
      };`,
    );
    const [head, ...problems] = (await refused(args, USAGE)).split('\n');
    expect(head).toBe('inlay: 6 problems:');
    expect(problems.map((problem) => problem.trim().split(' ')[0]).sort()).toEqual([
      'cache.maxSize',
      'facades.shop.routes.no-slash',
      'fragmentz',
      'services.search.tiemout',
      'services.search.timeout',
      'services.web.url',
    ]);
  });

  test('one that names services that there are not: all of them', async () => {
    const args = await file(
      'names.ts',
      `export default {
        services: { web: 'http://web' },
        facades: { shop: { routes: { '/a': 'wed', '/b': 'seach' } } },
        fragments: [{ name: 'x', path: '/x/{id}', service: 'catalog' }],
        admin: { host: '0.0.0.0' },
      };`,
    );
    const message = await refused(args, USAGE);
    expect(message).toMatch(/"wed" \(configured: web\)/);
    expect(message).toMatch(/"seach" \(configured: web\)/);
    expect(message).toMatch(/fragments\.0\.service .*"catalog"/);
    expect(message).toMatch(/admin\.token is needed/);
  });
});

describe('purges that fail while running', () => {
  test('nobody listens at the admin address', async () => {
    const message = await refusedInOneLine(['purge', '--tag', 'a', '--admin', NOBODY], FAILED);
    expect(message).toMatch(/no gateway answers at http:\/\/127\.0\.0\.1:1: start it, or .*--admin/);
  });

  test('no NATS server answers', async () => {
    const server = `nats://127.0.0.1:${await freePort()}`;
    const began = performance.now();
    const message = await refusedInOneLine(['purge', '--tag', 'a', '--nats', server], FAILED);
    expect(message).toContain(`no NATS server answers at ${server}: check --nats or NATS_URL`);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  describe('at a gateway', () => {
    let proxy: RunningProxy;
    beforeAll(async () => {
      proxy = await startProxy(['--origin', NOBODY, '--admin-token', 'sesame']);
    });
    afterAll(() => proxy?.stop('SIGINT'));

    test.each([
      ['no token', []],
      ['the wrong token', ['--admin-token', 'open']],
    ])('with %s', async (_name, token) => {
      const message = await refusedInOneLine(['purge', '--all', '--admin', proxy.adminUrl, ...token], FAILED);
      expect(message).toContain('401');
      expect(message).toMatch(/--admin-token|INLAY_ADMIN_TOKEN/);
    });

    test('with the right token they do not', async () => {
      const args = ['purge', '["entity","page","1"]', '--tag', 'a', '--tag', 'b', '--soft', '--admin', proxy.adminUrl];
      const done = await runCli(args, { env: { INLAY_ADMIN_TOKEN: 'sesame' } });
      expect(done).toMatchObject({ code: 0, stderr: '' });
      expect(done.stdout).toBe(
        'purged ["entity","page","1"], tag a, tag b softly in space default: number 1, reaches this process, applied by 1 of 1',
      );
    });

    test('whose public listener was named instead of the admin listener', async () => {
      const message = await refusedInOneLine(['purge', '--all', '--admin', proxy.url], FAILED);
      expect(message).toContain('502');
    });

    test('whose purge endpoint takes bodies without a length', async () => {
      const answer = await fetch(`${proxy.adminUrl}/_inlay/purge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer sesame' },
        body: new Blob(['{"tags":["a"]}']).stream(),
        duplex: 'half',
      });
      expect({ status: answer.status, body: await answer.json() }).toMatchObject({ status: 200, body: { seq: 2 } });
    });

    test('whose purge endpoint is asked without a body: the caller is told, and nothing counts as a fault of ours', async () => {
      const answer = await fetch(`${proxy.adminUrl}/_inlay/purge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer sesame' },
      });
      expect({ status: answer.status, body: await answer.json() }).toMatchObject({
        status: 400,
        body: { error: { code: 'purge-invalid' } },
      });
    });
  });
});

describe('what the command line says of itself', () => {
  test('--help lists the commands, and each command its options', async () => {
    const all = await runCli(['--help']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(all.stdout).toMatch(/serve +Start the gateway/);
    expect(all.stdout).toMatch(/purge \[key\] +Purge/);
    const serve = await runCli(['serve', '--help']);
    expect(serve).toMatchObject({ code: 0, stderr: '' });
    const options = [
      'config',
      'origin',
      'port',
      'host',
      'esi',
      'cache-size',
      'nats',
      'admin-port',
      'admin-token',
      'workers',
      'log',
    ];
    for (const option of options) expect(serve.stdout).toContain(`--${option} `);
    const purge = await runCli(['purge', '-h']);
    for (const option of ['tag', 'url', 'prefix', 'all', 'soft', 'wait', 'nats', 'space', 'admin', 'admin-token'])
      expect(purge.stdout).toContain(`--${option} `);
  });

  test('--version prints the version of package.json', async () => {
    const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
    const done = await runCli(['--version']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toContain(`inlay/${manifest.version}`);
  });
});

describe('inlay serve', () => {
  test('says in one line what runs, and what it cannot do, and then logs JSON only', async () => {
    const proxy = await startProxy(['--origin', NOBODY, '--esi', 'always', '--cache-size', '64mb']);
    try {
      expect(proxy.said).toEqual([
        `inlay listens on ${proxy.url} · services: origin ${NOBODY} · esi always · cache 64 MiB · purges reach this process only · admin ${proxy.adminUrl}`,
      ]);
      await fetch(proxy.url);
      await expect.poll(() => proxy.log).toHaveLength(1);
      expect(proxy.log[0]).toMatchObject({ level: 'error', status: 502, path: '/', route: 'default/*' });
    } finally {
      const exit = await proxy.stop('SIGINT');
      expect(exit).toEqual({ code: 0, signal: null });
    }
    expect(proxy.said.at(-1)).toMatch(/^inlay stops \(SIGINT\)/);
  });

  test('--origin takes NATS_URL, as inlay purge does, and --nats wins over it', async () => {
    const nats = 'nats://127.0.0.1:1';
    for (const [args, env] of [
      [[], nats],
      [['--nats', nats], 'nats://127.0.0.1:2'],
    ] as const) {
      const proxy = await startProxy(['--origin', NOBODY, ...args], { env: { NATS_URL: env } });
      await proxy.stop('SIGINT');
      expect(proxy.said[0]).toContain(`purges of space default from ${nats} (not connected yet`);
    }
  });

  test('--log off logs nothing, and --log errors no request that went well', async () => {
    const quiet = await startProxy(['--origin', NOBODY, '--log', 'off']);
    await fetch(quiet.url);
    await quiet.stop('SIGINT');
    expect(quiet.log).toEqual([]);
    const silent = await startProxy(['--origin', quiet.adminUrl, '--log', 'errors']);
    const other = await startProxy(['--origin', silent.adminUrl, '--log', 'errors']);
    expect((await fetch(`${other.url}/_inlay/health`)).status).toBe(200);
    await Promise.all([silent.stop('SIGINT'), other.stop('SIGINT')]);
    expect(other.log).toEqual([]);
  });

  test('never prints its admin token', async () => {
    const proxy = await startProxy(['--origin', NOBODY, '--admin-token', 'sesame-open']);
    await fetch(proxy.url);
    await proxy.stop('SIGINT');
    expect(JSON.stringify([proxy.said, proxy.log])).not.toContain('sesame-open');
  });

  test('can be told to stop the moment it says that it listens', async () => {
    const child = spawnServe(['ignore', 'ignore', 'pipe']);
    const exit = exitOf(child);
    child.stderr?.once('data', () => child.kill('SIGTERM'));
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  test.each(['told to stop', 'abandoned'])('started as a child with a channel, it ends when it is %s', async (how) => {
    const child = spawnServe(['ignore', 'ignore', 'pipe', 'ipc']);
    const exit = exitOf(child);
    const summary = await new Promise<string>((done) => child.stderr?.once('data', (chunk) => done(String(chunk))));
    await get(`${/admin (\S+)/.exec(summary)?.[1]}/_inlay/health`);
    if (how === 'abandoned') child.disconnect();
    else child.kill('SIGTERM');
    expect(await exit).toEqual({ code: 0, signal: null });
  });
});

function spawnServe(stdio: StdioOptions): ChildProcess {
  const cli = resolve(import.meta.dirname, '../../src/cli.ts');
  return spawn(process.execPath, [cli, 'serve', '--origin', NOBODY, ...FREE], { stdio });
}

/** How a process ends, by force if it must after 6 s. */
async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const force = setTimeout(() => child.kill('SIGKILL'), 6_000);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(force);
  return { code, signal };
}
