import { existsSync } from 'node:fs';
import { InlayError } from '../errors.ts';
import { resolveConfig } from '../gateway/resolve-config.ts';
import { createPurge, type PurgeMessage, printPurge } from '../purge/message.ts';
import { createPurgeIndex } from '../purge/sequence-index.ts';
import { connectNats } from './nats.ts';
import { loadConfig, textOf } from './serve-command.ts';

/** Options as the command line has them. */
export interface PurgeFlags {
  readonly tag?: unknown;
  readonly url?: unknown;
  readonly prefix?: unknown;
  readonly all?: unknown;
  readonly soft?: unknown;
  readonly nats?: unknown;
  readonly space?: unknown;
  readonly admin?: unknown;
  readonly adminToken?: unknown;
}

const DEFAULT_ADMIN = 'http://127.0.0.1:9901';

/** `inlay purge`: publishes on NATS if a server is named, else asks the admin listener of one gateway. */
export async function purgeCommand(key: string | undefined, flags: PurgeFlags): Promise<void> {
  const message = messageOf(key, flags);
  const nats = flags.admin === undefined ? (flags.nats ?? process.env.NATS_URL) : undefined;
  if (flags.space !== undefined && (nats === undefined || nats === '')) {
    throw new InlayError('config-invalid', "--space needs --nats: an admin listener purges its own gateway's space", {
      path: '--space',
    });
  }
  const told =
    nats === undefined || nats === ''
      ? await tellAdmin(message, flags)
      : await publish(message, textOf(nats, '--nats'), flags);
  console.log(told);
}

function messageOf(key: string | undefined, flags: PurgeFlags): PurgeMessage {
  if (key !== undefined && !key.startsWith('[')) {
    throw new InlayError(
      'purge-invalid',
      `"${key}" is no key (keys are JSON arrays, as Cache-Status prints them): did you mean --tag ${key}?`,
    );
  }
  const wanted = {
    keys: key === undefined ? [] : [key],
    tags: listOf(flags.tag, '--tag'),
    urls: listOf(flags.url, '--url'),
    prefixes: listOf(flags.prefix, '--prefix'),
  };
  const all = flags.all === true;
  if (!all && Object.values(wanted).every((list) => list.length === 0)) {
    throw new InlayError('purge-invalid', 'say what to purge: a key, --tag, --url, --prefix or --all');
  }
  return createPurge({ mode: flags.soft === true ? 'soft' : 'hard', ...wanted, all });
}

function listOf(value: unknown, option: string): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map((item) => textOf(item, option)) : [textOf(value, option)];
}

async function publish(message: PurgeMessage, servers: string, flags: PurgeFlags): Promise<string> {
  const space = flags.space === undefined ? await configuredSpace() : textOf(flags.space, '--space');
  const index = createPurgeIndex({ epoch: 'publisher' });
  const bus = await connectNats({
    servers: servers.split(','),
    space,
    events: [],
    index,
    observe: () => {},
    name: 'inlay purge',
  });
  try {
    if (!bus.connected)
      throw new InlayError('upstream-unreachable', `no NATS server answers at ${servers}: check --nats or NATS_URL`);
    const { id } = await bus.publish(message);
    return `purged ${describe(message)} in space ${space}: published on ${servers} as ${id}`;
  } finally {
    await bus.close();
  }
}

async function configuredSpace(): Promise<string> {
  if (!existsSync('inlay.config.ts')) return 'default';
  return resolveConfig(await loadConfig(undefined), process.env).purge.space;
}

async function tellAdmin(message: PurgeMessage, flags: PurgeFlags): Promise<string> {
  const base = flags.admin === undefined ? DEFAULT_ADMIN : textOf(flags.admin, '--admin');
  if (!/^https?:\/\//.test(base) || !URL.canParse(base)) {
    throw new InlayError('config-invalid', `--admin must be an http:// URL, such as ${DEFAULT_ADMIN}, not "${base}"`, {
      path: '--admin',
    });
  }
  const token = flags.adminToken ?? process.env.INLAY_ADMIN_TOKEN;
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined || token === '' ? {} : { authorization: `Bearer ${textOf(token, '--admin-token')}` }),
  };
  const answer = await ask(new URL('/_inlay/purge', base), headers, printPurge(message));
  const { seq, space, reach } = answer;
  return `purged ${describe(message)} in space ${space}: number ${seq}, reaches ${reach}`;
}

/** Ms until a gateway must have answered. */
const ANSWER_TIMEOUT = 5_000;

async function ask(url: URL, headers: Record<string, string>, body: string): Promise<Record<string, unknown>> {
  let answer: Response;
  try {
    answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_TIMEOUT) });
  } catch (error) {
    throw new InlayError(
      'upstream-unreachable',
      `no gateway answers at ${url.origin}: start it, or name its admin listener with --admin`,
      { cause: error },
    );
  }
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as Record<string, unknown>;
  throw new InlayError(
    'upstream-status',
    text.startsWith('{')
      ? `${url.origin} answered ${answer.status}: ${text.slice(0, 500)}`
      : `${url.origin} answered ${answer.status}: this is no admin listener (default: ${DEFAULT_ADMIN})`,
  );
}

function describe({ mode, keys, tags, urls, prefixes, all }: PurgeMessage): string {
  const targets = [
    ...keys,
    ...tags.map((tag) => `tag ${tag}`),
    ...urls,
    ...prefixes.map((prefix) => `${prefix}…`),
    ...(all ? ['everything'] : []),
  ];
  return `${targets.join(', ')}${mode === 'soft' ? ' softly' : ''}`;
}
