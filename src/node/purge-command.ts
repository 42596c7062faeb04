import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { InlayError } from '../errors.ts';
import { resolveConfig } from '../gateway/resolve-config.ts';
import type { InstanceState, PurgeBus } from '../purge/bus.ts';
import { createPurge, type PurgeMessage, printPurge } from '../purge/message.ts';
import { createPurgeIndex } from '../purge/sequence-index.ts';
import { connectNats } from './nats.ts';
import { authFrom, type NatsAuth, secretsFrom } from './nats-auth.ts';
import { loadConfig, textOf } from './serve-command.ts';

/** Options as the command line has them. */
export interface PurgeFlags {
  readonly tag?: unknown;
  readonly url?: unknown;
  readonly prefix?: unknown;
  readonly all?: unknown;
  readonly soft?: unknown;
  readonly wait?: unknown;
  readonly instances?: unknown;
  readonly nats?: unknown;
  readonly space?: unknown;
  readonly admin?: unknown;
  readonly adminToken?: unknown;
}

const DEFAULT_ADMIN = 'http://127.0.0.1:9901';

/** Ms that `--wait` waits for the gateways. */
const WAIT = 5_000;
/** Ms until a gateway must have answered: it publishes first, and may be waiting for others. */
const ANSWER_TIMEOUT = WAIT + 5_000;
/** Ms until a connection to NATS must stand. */
const CONNECT_WAIT = 5_000;
/** Ms that it may still take after something went wrong. */
const TOLD_WAIT = 500;

/** `inlay purge`: publishes on NATS if a server is named, else asks the admin listener of one gateway. */
export async function purgeCommand(key: string | undefined, flags: PurgeFlags): Promise<void> {
  const message = messageOf(key, flags);
  const nats = flags.admin === undefined ? (flags.nats ?? process.env.NATS_URL) : undefined;
  if (flags.space !== undefined && (nats === undefined || nats === '')) {
    throw new InlayError('config-invalid', "--space needs --nats: an admin listener purges its own gateway's space", {
      path: '--space',
    });
  }
  const wait = flags.wait === true ? WAIT : 0;
  const wanted = instancesOf(flags);
  const told =
    nats === undefined || nats === ''
      ? await tellAdmin(message, flags, wait)
      : await publish(message, textOf(nats, '--nats'), flags, wait);
  console.log(told.line);
  demandBelieved(told);
  if (wait > 0) demandApplied(told, wanted);
}

/** What became of a purge, for people. */
interface Told {
  readonly line: string;
  /** Gateways that answered; absent where nobody can be asked. */
  readonly instances: number | undefined;
  /** Names of those that have not applied it. */
  readonly behind: readonly string[];
  /** Names of those that never will. */
  readonly refused: readonly string[];
}

/** Whoever refused a purge does not apply it later, so that nobody has to wait to call it a failure. */
function demandBelieved({ refused }: Told): void {
  if (refused.length === 0) return;
  const remedy =
    'sign with a secret that they know (INLAY_PURGE_SECRET, or purge.secret), on a machine whose clock is right';
  throw new InlayError('not-ready', `refused for its signature by ${refused.join(', ')}: ${remedy}`);
}

/** Gateways that must say that they have applied it: one that is cut off says nothing, and nobody else knows of it. */
function instancesOf({ instances, wait }: PurgeFlags): number {
  if (instances === undefined) return 1;
  const count = Number(textOf(instances, '--instances'));
  const isCount = Number.isInteger(count) && count >= 1;
  if (isCount && wait === true) return count;
  const message = isCount ? '--instances needs --wait' : `--instances must be a number from 1 on, not ${instances}`;
  throw new InlayError('config-invalid', message, { path: '--instances' });
}

/** With `--wait` the exit code 0 means that enough gateways said that they have applied it, and none said that it has not. */
function demandApplied({ instances, behind }: Told, wanted: number): void {
  if (behind.length > 0) {
    throw new InlayError('not-ready', `not applied within ${WAIT / 1_000} s by ${behind.join(', ')}`);
  }
  if (instances === undefined) {
    throw new InlayError('not-ready', 'whether it was applied cannot be asked: NATS keeps no stream of purges here');
  }
  if (instances === 0) throw new InlayError('not-ready', 'no gateway of the space said that it has applied it');
  if (instances < wanted)
    throw new InlayError('not-ready', `${instances} of ${wanted} gateways said that they have applied it`);
}

function messageOf(key: string | undefined, flags: PurgeFlags): PurgeMessage {
  const wanted = {
    keys: key === undefined ? [] : [keyOf(key)],
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

/** A key as it is, or as the string that `Cache-Status` prints, with its backslashes (RFC 9651 section 3.3.3). */
function keyOf(text: string): string {
  const unescaped = text.replace(/^"(.*)"$/, '$1').replaceAll(/\\([\\"])/g, '$1');
  const key = [text, unescaped].find(isArray);
  if (key !== undefined) return key;
  const advice = text.startsWith('[') ? 'is it whole?' : `did you mean --tag ${text}?`;
  throw new InlayError(
    'purge-invalid',
    `"${text}" is no key (keys are JSON arrays, as Cache-Status prints them): ${advice}`,
  );
}

function isArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

function listOf(value: unknown, option: string): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map((item) => textOf(item, option)) : [textOf(value, option)];
}

async function publish(message: PurgeMessage, servers: string, flags: PurgeFlags, wait: number): Promise<Told> {
  const settings = await settingsOf(flags);
  let why = '';
  const bus = await connectNats({
    ...settings,
    servers: servers.split(','),
    events: [],
    index: createPurgeIndex({ epoch: 'publisher' }),
    observe: (event) => {
      if (event.type === 'bus') why = event.detail;
    },
    name: 'inlay purge',
    publisher: true,
  });
  try {
    await untilConnected(bus, () => why !== '');
    if (!bus.connected) throw new InlayError('upstream-unreachable', whyNotConnected(servers, why));
    const { id, seq, instances } = await bus.publish(message, wait);
    const line = `purged ${describe(message)} in space ${settings.space}: published on ${servers} as ${id}`;
    if (!bus.durable) return { line: `${line}; ${NOT_KEPT}`, instances: undefined, behind: [], refused: [] };
    return toldBy(`${line}, number ${seq}`, instances ?? []);
  } finally {
    await bus.close();
  }
}

function toldBy(line: string, instances: readonly InstanceState[]): Told {
  const named = (some: readonly InstanceState[]) => some.map(({ name }) => printable(name));
  const applied = named(instances.filter((one) => one.applied));
  const behind = named(instances.filter((one) => !one.applied && !one.refused));
  const refused = named(instances.filter((one) => one.refused));
  const those = applied.length === 0 ? '' : `: ${applied.join(', ')}`;
  const said = `applied by ${applied.length} of ${instances.length}${those}${restOf(behind, refused)}`;
  const isInVain = refused.length > 0 && applied.length === 0;
  const whole = `${isInVain ? `not ${line}` : line}, ${instances.length === 0 ? 'no gateway answered' : said}`;
  return { line: whole, instances: instances.length, behind, refused };
}

function restOf(behind: readonly string[], refused: readonly string[]): string {
  const rest = [
    ...(behind.length === 0 ? [] : [`not yet by ${behind.join(', ')}`]),
    ...(refused.length === 0 ? [] : [`refused by ${refused.join(', ')}`]),
  ];
  return rest.map((part) => `; ${part}`).join('');
}

const NOT_KEPT =
  'no stream keeps it: gateways that are connected apply it now, and nobody can say which did (inlay nats init)';

/** A connection may take longer than the start of a bus waits. What is told meanwhile may be in its way, or not. */
async function untilConnected(bus: PurgeBus, isTold: () => boolean): Promise<void> {
  const until = performance.now() + CONNECT_WAIT;
  let toldAt = Number.POSITIVE_INFINITY;
  for (let now = 0; !bus.connected && now < Math.min(until, toldAt + TOLD_WAIT); now = performance.now()) {
    if (isTold()) toldAt = Math.min(toldAt, performance.now());
    await sleep(20);
  }
}

function whyNotConnected(servers: string, why: string): string {
  const isAway = why === '' || why === 'no NATS server answers';
  const isStranger = /authorization violation/i.test(why);
  const remedy = isStranger ? ': set NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_NKEY or NATS_CREDS' : '';
  return isAway
    ? `no NATS server answers at ${servers}: check --nats or NATS_URL`
    : `no connection to NATS at ${servers}: ${why}${remedy}`;
}

/** What the configuration of the gateways says of NATS, if it is here. */
async function settingsOf(
  flags: PurgeFlags,
): Promise<{ readonly space: string; readonly auth: NatsAuth; readonly secrets: readonly string[] }> {
  const configured = existsSync('inlay.config.ts')
    ? resolveConfig(await loadConfig(undefined), process.env).purge
    : { space: 'default', auth: {}, secrets: [] };
  const space = flags.space === undefined ? configured.space : textOf(flags.space, '--space');
  const secrets = secretsFrom(configured.secrets, process.env);
  return { space, auth: authFrom(configured.auth, process.env), secrets };
}

async function tellAdmin(message: PurgeMessage, flags: PurgeFlags, wait: number): Promise<Told> {
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
  const url = new URL(`/_inlay/purge${wait === 0 ? '' : `?wait=${wait}`}`, base);
  const answer = await ask(url, headers, printPurge(message));
  const { seq, space, reach, instances, applied } = answer;
  const line = `purged ${describe(message)} in space ${space}: number ${seq}, reaches ${reach}`;
  if (typeof instances !== 'number') return { line, instances: undefined, behind: [], refused: [] };
  const [behind, refused] = [namesIn(answer.behind), namesIn(answer.refused)];
  const said = `${line}, applied by ${applied} of ${instances}${restOf(behind, refused)}`;
  return { line: said, instances, behind, refused };
}

function namesIn(list: unknown): string[] {
  return Array.isArray(list) ? list.map(printable) : [];
}

/** Names come from whoever answers, and go to a terminal. */
function printable(name: unknown): string {
  return String(name).replaceAll(/[^\x20-\x7e]/g, '?');
}

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
