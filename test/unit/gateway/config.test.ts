import { describe, expect, test } from 'vitest';
import { defineGateway, env, type GatewayConfig } from '../../../src/gateway/config.ts';
import { ConfigError, type ConfigProblem, resolveConfig } from '../../../src/gateway/resolve-config.ts';

/** A configuration as it may come from a file that no compiler has seen. */
function problems(config: unknown, environment = {}): readonly ConfigProblem[] {
  try {
    resolveConfig(config as GatewayConfig, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const paths = (config: unknown, environment = {}) => problems(config, environment).map(({ path }) => path);
const services = { web: 'http://web' };
const routes = { '/*': 'web' };

describe('a configuration', () => {
  test('of one service needs nothing else', () => {
    const gateway = resolveConfig(defineGateway({ services }));
    expect(gateway.facades.map(({ name, routes }) => [name, routes.map(({ pattern }) => pattern)])).toEqual([
      ['default', ['/*']],
    ]);
    expect(gateway.limits).toMatchObject({
      depth: 5,
      includes: 256,
      concurrency: 32,
      fragmentSize: 2_097_152,
      fragmentTimeout: 5_000,
    });
    expect(gateway.admin).toEqual({ host: '127.0.0.1', port: 9_901, token: undefined });
    expect(Object.isFrozen(gateway)).toBe(true);
  });

  test('is told all its problems at once, each with its path', () => {
    const found = problems({
      services: { web: 'ftp://web', 'b d': 'http://x', api: { url: 'http://user@x', timeout: 'soon', forwrad: [] } },
      facades: { all: { hosts: [1], routes: { x: 'web', '/y': { service: 'web', esi: 'yes' } } } },
      fragments: [{ name: 'a b', path: 'x', service: 'web', scope: 'me', ttl: -1 }],
      limits: { depth: 99, includes: 1.5, pageSize: '10' },
      cache: { maxSize: 1 },
      purge: { space: 'a.b' },
      unknown: 1,
    });
    const named = found.map(({ path }) => path);
    for (const path of [
      'services.web.url',
      'services.api.url',
      'services.api.timeout',
      'services.api.forwrad',
      'facades.all.hosts.0',
      'facades.all.routes./y.esi',
      'fragments.0.name',
      'fragments.0.path',
      'fragments.0.scope',
      'fragments.0.ttl',
      'limits.depth',
      'limits.includes',
      'limits.pageSize',
      'cache.maxSize',
      'purge.space',
      'unknown',
    ]) {
      expect(named).toContain(path);
    }
    for (const { message } of found) expect(message).not.toMatch(/^$|undefined|Expected|received/);
  });

  test('names what is required and what is not known', () => {
    expect(problems({})).toEqual([{ path: 'services', message: 'is required' }]);
    expect(problems({ services: {} })).toEqual([{ path: 'services', message: 'names no service' }]);
    expect(problems({ services, chache: {} })).toEqual([
      { path: 'chache', message: expect.stringContaining('is not known here (known: ') },
    ]);
    for (const nothing of [undefined, null, 'x', []]) expect(problems(nothing).length).toBeGreaterThan(0);
  });

  test('links names to what they name', () => {
    expect(
      paths({
        services,
        facades: { all: { routes: { '/*': 'wbe' } } },
        fragments: [
          { name: 'a', path: '/a', service: 'nothing' },
          { name: 'a', path: '/b', service: 'web' },
        ],
      }),
    ).toEqual(['facades.all.routes./*', 'fragments.1.name', 'fragments.0.service']);
  });

  test('says who it is at NATS in one way, whole, from its environment if it likes', () => {
    const seed = `SU${'A'.repeat(56)}`;
    const auth = (said: object) => ({ services, purge: { nats: 'nats://n', auth: said } });
    const named = { user: env('WHO'), password: env('WORD', 'sesame'), ca: '/ca.pem', token: env('NOBODY_SET_IT') };
    expect(resolveConfig(auth(named) as GatewayConfig, { WHO: 'inlay' }).purge.auth).toEqual({
      user: 'inlay',
      password: 'sesame',
      ca: '/ca.pem',
    });
    expect(resolveConfig({ services }).purge.auth).toEqual({});
    expect(resolveConfig(auth({ nkey: seed })).purge.auth).toEqual({ nkey: seed });
    expect(paths(auth({ user: 'a' }))).toEqual(['purge.auth.password']);
    expect(paths(auth({ password: 'a' }))).toEqual(['purge.auth.user']);
    expect(paths(auth({ cert: 'a' }))).toEqual(['purge.auth.key']);
    expect(paths(auth({ nkey: 'SUNO' }))).toEqual(['purge.auth.nkey']);
    expect(paths(auth({ token: 'a', nkey: seed, creds: '/c' }))).toEqual(['purge.auth.nkey', 'purge.auth.creds']);
    expect(paths(auth({ toke: 'a', user: '' }))).toEqual(['purge.auth.user', 'purge.auth.toke']);
    expect(JSON.stringify(problems(auth({ user: 'a', token: 'sesame', nkey: 'sesame' })))).not.toContain('sesame');
  });

  test('says what purges are signed with: one secret or several, from its environment if it likes', () => {
    const signedWith = (secret: unknown) => ({ services, purge: { nats: 'nats://n', secret } }) as GatewayConfig;
    const [one, two] = ['a'.repeat(32), `${'b'.repeat(31)} ö`];
    const secretsOf = (secret: unknown, environment = {}) =>
      resolveConfig(signedWith(secret), environment).purge.secrets;
    expect(resolveConfig({ services }).purge.secrets).toEqual([]);
    expect(secretsOf(one)).toEqual([one]);
    expect(secretsOf([two, one])).toEqual([two, one]);
    expect(secretsOf(env('S'), { S: one })).toEqual([one]);
    expect(secretsOf([env('S'), two], { S: one })).toEqual([one, two]);
    for (const both of [`${one},${two}`, ` ${one} ,, ${two}, `]) {
      expect([secretsOf(both), secretsOf(env('S'), { S: both })]).toEqual(Array(2).fill([one, two]));
      expect(secretsOf([two, env('S')], { S: both })).toEqual([two, one, two]);
    }
    const short = { path: 'purge.secret', message: 'must have at least 32 characters' };
    expect(problems(signedWith(`${'sesame'.repeat(5)}!`))).toEqual([short]);
    expect(problems(signedWith([one, 'sesame']))).toEqual([{ ...short, path: 'purge.secret.1' }]);
    expect(problems(signedWith(`${one},sesame`))).toEqual([{ ...short, path: 'purge.secret.1' }]);
    expect(problems(signedWith([one, `sesame,${two}`]))).toEqual([{ ...short, path: 'purge.secret.1.0' }]);
    expect(problems(signedWith([one, env('S')]))).toEqual([
      { path: 'purge.secret.1', message: 'needs environment variable S, which is not set' },
    ]);
    for (const wrong of [7, { sesame: 'sesame' }, null, true, [7], [[one]], [null]]) {
      expect(problems(signedWith(wrong))).toMatchObject([{ message: 'must be text' }]);
    }
    expect(JSON.stringify(problems(signedWith(['sesame', ['sesame']])))).not.toContain('sesame');
  });

  test('that names a secret has one, or says what to do instead', () => {
    const remedy = 'leave the member out to use INLAY_PURGE_SECRET, or none';
    const path = 'purge.secret';
    const found = (secret: unknown, environment = {}) => problems({ services, purge: { secret } }, environment);
    const unset = [{ path, message: `needs environment variable PURGE_SECRET, which is not set: ${remedy}` }];
    for (const environment of [{}, { PURGE_SECRET: '' }, { PURGE_SECRET: 7 }, { PURGE_SECRETS: 'a'.repeat(32) }]) {
      expect(found(env('PURGE_SECRET'), environment)).toEqual(unset);
    }
    for (const blank of [' ', ' , ']) {
      expect(found(env('PURGE_SECRET'), { PURGE_SECRET: blank })).toEqual([
        { path, message: `holds no secret: ${remedy}` },
      ]);
    }
    for (const blank of ['', ',', env('S', ''), env('S', ' ')]) {
      expect(found(blank)).toEqual([{ path, message: `holds no secret: ${remedy}` }]);
      expect(found(['a'.repeat(32), blank])).toMatchObject([{ path: 'purge.secret.1' }]);
    }
    expect(found(undefined)).toEqual([{ path, message: `has no value: ${remedy}` }]);
    expect(found([])).toEqual([{ path, message: `must not be empty: ${remedy}` }]);
    expect(problems({ services: {}, purge: { secret: env('PURGE_SECRET') } })).toHaveLength(2);
    expect(problems({ services, purge: {} })).toEqual([]);
  });

  test('of several services says which answers which path', () => {
    expect(paths({ services: { a: 'http://a', b: 'http://b' } })).toEqual(['facades']);
  });

  test('gives every host to one facade', () => {
    expect(
      paths({
        services,
        facades: {
          one: { hosts: ['a', 'B'], routes },
          two: { hosts: ['b'], routes },
          three: { routes },
          four: { routes },
        },
      }),
    ).toEqual(['facades.two.hosts', 'facades.four.hosts']);
  });

  test('names what is wrong with the patterns of a definition', () => {
    const fragment = (values: object) =>
      paths({ services, fragments: [{ name: 'a', path: '/a/{id}', service: 'web', ...values }] });
    expect(fragment({ path: '/{a}/{a}' })).toEqual(['fragments.0.path']);
    expect(fragment({ path: '/{a}{b}' })).toEqual(['fragments.0.path']);
    expect(fragment({ tags: ['x:{id}', 'y:{other}', 'z:{/pointer}'] })).toEqual(['fragments.0.tags.1']);
    expect(fragment({ purge: { 'shop.{id}.changed': 'a:{other}' } })).toEqual(['fragments.0.purge.shop.{id}.changed']);
    expect(fragment({ purge: { 'shop..x': 'a' } })).toEqual(['fragments.0.purge.shop..x']);
    expect(fragment({ purge: { 'shop.a{id}': 'a:{id}' } })).toEqual(['fragments.0.purge.shop.a{id}']);
    expect(fragment({ scope: ['claims:sub'] })).toEqual(['fragments.0.scope']);
    expect(fragment({ scope: ['claim:sub'] })).toEqual([]);
  });

  test('takes settings from the environment, and names those that are missing', () => {
    const config = {
      services: { web: env('WEB', 'http://fallback'), api: { url: env('API') } },
      facades: { all: { routes } },
    };
    expect(resolveConfig(config, { API: 'http://api', WEB: '' }).services.get('web')?.origin).toBe('http://fallback');
    expect(resolveConfig(config, { API: 'http://api', WEB: 'http://set:1/base/' }).services.get('web')).toMatchObject({
      origin: 'http://set:1',
      basePath: '/base',
    });
    expect(problems(config)).toEqual([{ path: 'services.api.url', message: expect.stringContaining('API') }]);
    expect(problems({ services: { web: env('WEB') } })).toEqual([
      { path: expect.stringMatching(/^services\.web/), message: expect.stringContaining('WEB') },
    ]);
  });

  test('wants a token where others than this machine can reach the admin listener', () => {
    expect(paths({ services, admin: { host: '0.0.0.0' } })).toEqual(['admin.token']);
    expect(paths({ services, admin: { host: '::' } })).toEqual(['admin.token']);
    for (const host of ['127.0.0.1', '::1', 'localhost', '127.9.9.9'])
      expect([host, paths({ services, admin: { host } })]).toEqual([host, []]);
    expect(paths({ services, admin: { host: '0.0.0.0', token: 'x' } })).toEqual([]);
  });

  test('sorts routes: exact ones, then the longest beginning', () => {
    const { facades } = resolveConfig({
      services,
      facades: { all: { routes: { '/*': 'web', '/a/b/*': 'web', '/a': 'web', '/a/*': 'web', '/a/b/c/d': 'web' } } },
    });
    expect(facades[0]!.routes.map(({ pattern }) => pattern)).toEqual(['/a/b/c/d', '/a', '/a/b/*', '/a/*', '/*']);
  });

  test('is not confused by names of Object’s own', () => {
    expect(paths(JSON.parse('{"services":{"__proto__":"http://x"}}'))).toEqual(['services']);
    expect(paths({ services, facades: { all: { routes: { '/*': 'constructor' } } } })).toEqual([
      'facades.all.routes./*',
    ]);
  });
});
