import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { asInlayError, InlayError } from '../errors.ts';
import { authFaults, type NatsAuth, secretFault, splitList } from '../gateway/nats-auth.ts';
import { ConfigError } from '../gateway/resolve-config.ts';
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from './nats-client.ts';

export type { NatsAuth };

/** Members that say one thing together: where the configuration says any of them, the environment adds nothing to it. */
const GROUPS: readonly (readonly (keyof NatsAuth)[])[] = [
  ['user', 'password', 'token', 'nkey', 'creds'],
  ['ca'],
  ['cert', 'key'],
];

/**
 * What the configuration says of it, completed from NATS_USER, NATS_PASSWORD and so on, with all files and seeds read
 * once, so that a mistake stops the start. Throws `config-invalid`.
 */
export function authFrom(configured: NatsAuth, environment: Readonly<Record<string, string | undefined>>): NatsAuth {
  const auth: Record<string, string> = {};
  const nameOf = new Map<keyof NatsAuth, string>();
  for (const group of GROUPS) {
    const isConfigured = group.some((member) => configured[member] !== undefined);
    for (const member of group) {
      const variable = `NATS_${member.toUpperCase()}`;
      nameOf.set(member, isConfigured ? `purge.auth.${member}` : variable);
      const value = isConfigured ? configured[member] : environment[variable];
      if (value !== undefined && value !== '') auth[member] = value;
    }
  }
  const faults = authFaults(auth);
  if (faults.length > 0) {
    throw new ConfigError(faults.map(({ member, message }) => ({ path: nameOf.get(member)!, message })));
  }
  secretsOf(auth, false, [], (member) => nameOf.get(member)!);
  return auth;
}

/** The secrets that the configuration names, or else those in INLAY_PURGE_SECRET, if it is set. Throws `config-invalid`. */
export function secretsFrom(
  configured: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (configured.length > 0) return configured;
  const text = environment.INLAY_PURGE_SECRET ?? '';
  const secrets = splitList(text);
  if (text !== '' && secrets.length === 0) throw new ConfigError([{ path: 'INLAY_PURGE_SECRET', message: NO_SECRET }]);
  const faults = secrets.flatMap((secret, at) => {
    const message = secretFault(secret);
    return message === undefined ? [] : [{ path: `INLAY_PURGE_SECRET${secrets.length > 1 ? `.${at}` : ''}`, message }];
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return secrets;
}

/** Somebody who sets it wants one: without, everybody would be believed. */
const NO_SECRET = 'holds no secret: put one there, or unset it';

/**
 * What `nats` is told of it. Throws `config-invalid` for a file or a seed that cannot be read.
 *
 * @param tls whether the server must speak TLS even if no file is named
 * @param hosts names and addresses of the servers, of which its certificate must be for one
 */
export function secretsOf(
  auth: NatsAuth = {},
  tls: boolean,
  hosts: readonly string[] = [],
  nameOf: (member: keyof NatsAuth) => string = (member) => `purge.auth.${member}`,
): Partial<ConnectionOptions> {
  const { user, password, token, nkey, creds, ca, cert, key } = auth;
  const read = <Value>(member: keyof NatsAuth, use: () => Value): Value => {
    try {
      return use();
    } catch (thrown) {
      const message = `${nameOf(member)} cannot be used: ${asInlayError(thrown).message}`;
      throw new InlayError('config-invalid', message, { path: nameOf(member), cause: thrown });
    }
  };
  const fileAt = (member: keyof NatsAuth, path: string | undefined) =>
    path === undefined ? {} : { [member]: read(member, () => readFileSync(path, 'utf8')) };
  const files = { ...fileAt('ca', ca), ...fileAt('cert', cert), ...fileAt('key', key) };
  const authenticator =
    creds !== undefined
      ? read('creds', () => tried(credsAuthenticator(readFileSync(creds))))
      : nkey !== undefined
        ? read('nkey', () => tried(nkeyAuthenticator(new TextEncoder().encode(nkey))))
        : undefined;
  return {
    ...(tls || Object.keys(files).length > 0 ? { tls: { ...files, ...identityOf(hosts) } } : {}),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}

/**
 * Whose certificate is expected. `nats` names no server to Node that is an address, and Node then expects a certificate
 * for `localhost`.
 */
function identityOf(hosts: readonly string[]): object {
  if (hosts.length === 0) return {};
  const options: TlsConnectionOptions = {
    checkServerIdentity: (_, certificate) => {
      const faults = hosts.map((host) => checkServerIdentity(host, certificate));
      return faults.includes(undefined) ? undefined : faults[0];
    },
  };
  return options; // which `nats` passes on, though its types do not know it
}

/** `nats` reads credentials when a server asks it to sign something; so it is asked once, before it counts. */
function tried(authenticator: Authenticator): Authenticator {
  authenticator('nonce');
  return authenticator;
}
