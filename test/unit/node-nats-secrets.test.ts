import { expect, test } from 'vitest';
import { env } from '../../src/gateway/config.ts';
import { ConfigError, resolveConfig } from '../../src/gateway/resolve-config.ts';
import { secretsFrom } from '../../src/node/nats-auth.ts';
import { OTHER_SECRET, SECRET } from '../support/signed.ts';

const services = { web: 'http://web' };
const variable = (INLAY_PURGE_SECRET: string) => ({ INLAY_PURGE_SECRET });

/** The secrets of a gateway, as its start finds them out. */
const secretsOf = (purge: { secret?: ReturnType<typeof env> }, environment: Record<string, string>) =>
  secretsFrom(resolveConfig({ services, purge }, environment).purge.secrets, environment);

test('INLAY_PURGE_SECRET means the same whether the configuration names it or not', () => {
  const secret = env('INLAY_PURGE_SECRET');
  for (const text of [SECRET, `${SECRET},${OTHER_SECRET}`, ` ${SECRET} , ${OTHER_SECRET},`]) {
    const secrets = secretsOf({}, variable(text));
    expect(secrets).toEqual(text.includes(OTHER_SECRET) ? [SECRET, OTHER_SECRET] : [SECRET]);
    expect(secretsOf({ secret }, variable(text))).toEqual(secrets);
  }
});

test('INLAY_PURGE_SECRET adds nothing to secrets that the configuration names, whatever it holds', () => {
  for (const text of ['', ' , ', OTHER_SECRET, 'sesame']) {
    expect(secretsOf({ secret: env('S') }, { ...variable(text), S: SECRET })).toEqual([SECRET]);
  }
});

test('INLAY_PURGE_SECRET may be empty, which is as good as unset, but not hold nothing but commas and blanks', () => {
  expect([secretsFrom([], {}), secretsFrom([], variable(''))]).toEqual([[], []]);
  for (const text of [' ', ',', ' , ', '\t,\n']) {
    const read = () => secretsFrom([], variable(text));
    expect(read).toThrow(ConfigError);
    expect(read).toThrow('INLAY_PURGE_SECRET holds no secret: put one there, or unset it');
  }
});
