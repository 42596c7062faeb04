import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asInlayError, InlayError } from '../errors.ts';
import { parseServiceUrl } from '../fragment/service.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { type Gateway, resolveConfig } from '../gateway/resolve-config.ts';
import { parseSize, type Size } from '../http/units.ts';
import { createLog } from './log.ts';
import { authFrom, secretsFrom } from './nats-auth.ts';
import { type Running, serve } from './serve.ts';
import {
  killWorkers,
  type Listening,
  leavePrimary,
  runWorkers,
  type Signal,
  tellPrimary,
  untilWorkerTold,
  workerNumber,
} from './workers.ts';

/** Options as the command line has them: anything may be text, a number or, if repeated, a list. */
export interface ServeFlags {
  readonly config?: unknown;
  readonly origin?: unknown;
  readonly port: unknown;
  readonly host: unknown;
  readonly esi?: unknown;
  readonly cacheSize?: unknown;
  readonly nats?: unknown;
  readonly adminPort?: unknown;
  readonly adminToken?: unknown;
  readonly workers: unknown;
  readonly log: unknown;
}

const DEFAULT_CONFIG = 'inlay.config.ts';

/** Ms in which a gateway that was told to stop is not ready any more but still accepts connections. */
const GRACE = 1_000;

/** Processes that one command starts at most. */
const MAX_WORKERS = 64;

/** `inlay serve`: runs until it is told to stop. */
export async function serveCommand(flags: ServeFlags): Promise<void> {
  const number = workerNumber(process.env);
  if (number !== undefined) return serveAsWorker(flags, number);
  const gateway = await gatewayOf(flags);
  const count = workersOf(flags.workers);
  if (count === 1) {
    const running = await start(gateway, flags);
    const told = untilTold(() => {});
    console.error(summary(gateway, listeningOf(running), flags)); // whoever reads this may stop it from now on
    return stop(running, await told);
  }
  if (gateway.purge.nats.length === 0) {
    const message = `--workers ${count} needs NATS (--nats, or purge.nats in the configuration): a purge must reach every worker`;
    throw new InlayError('config-invalid', message, { path: '--workers' });
  }
  const say = (line: string) => console.error(`inlay: ${line}`);
  const listening = (one: Listening, pids: readonly number[]) => console.error(summary(gateway, one, flags, pids));
  await runWorkers(count, untilTold(killWorkers), listening, say);
}

/** One of several processes: what it has to say to people it tells the process that started it. */
async function serveAsWorker(flags: ServeFlags, number: number): Promise<void> {
  const told = untilWorkerTold();
  let running: Running;
  try {
    running = await start(await gatewayOf(flags), flags, number);
  } catch (thrown) {
    const { code, message } = asInlayError(thrown);
    await tellPrimary({ failed: { code, message } });
    process.exit(1);
  }
  await tellPrimary({ listening: listeningOf(running) });
  const signal = await told;
  await stop(running, signal);
  leavePrimary();
}

function start(gateway: Gateway, flags: ServeFlags, worker?: number): Promise<Running> {
  const log = createLog(oneOf(flags.log, '--log', ['all', 'errors', 'off'] as const), undefined, worker);
  return serve(gateway, {
    host: textOf(flags.host, '--host'),
    port: portOf(flags.port, '--port'),
    ...(log === undefined ? {} : { observe: log }),
  });
}

function listeningOf({ url, adminUrl, node }: Running): Listening {
  return { url, adminUrl, connected: node.bus.connected };
}

function workersOf(flag: unknown): number {
  const count = Number(textOf(flag, '--workers'));
  if (Number.isInteger(count) && count >= 1 && count <= MAX_WORKERS) return count;
  const message = `--workers must be a number of processes from 1 to ${MAX_WORKERS}, not ${String(flag)}`;
  throw new InlayError('config-invalid', message, { path: '--workers' });
}

async function gatewayOf(flags: ServeFlags): Promise<Gateway> {
  const config =
    flags.origin === undefined
      ? await loadConfig(flags.config)
      : originConfig(textOf(flags.origin, '--origin'), flags.config);
  const gateway = resolveConfig(withFlags(config, flags), process.env);
  const { purge } = gateway;
  if (purge.nats.length === 0) return gateway;
  const secrets = secretsFrom(purge.secrets, process.env);
  return { ...gateway, purge: { ...purge, auth: authFrom(purge.auth, process.env), secrets } };
}

/** With `--origin` alone, one service answers everything, and its own headers say what is a template and how long it lives. */
function originConfig(origin: string, config: unknown): GatewayConfig {
  if (config !== undefined)
    throw new InlayError(
      'config-invalid',
      '--origin and --config exclude each other: put the origin into the configuration',
    );
  if (parseServiceUrl(origin) === undefined) {
    const given = origin.includes('@') ? 'one with a user' : `"${origin}"`;
    throw new InlayError(
      'config-invalid',
      `--origin must be an http:// or https:// URL without user, query and fragment, such as http://127.0.0.1:9000, not ${given}`,
      { path: '--origin' },
    );
  }
  const nats = process.env.NATS_URL;
  return { services: { origin }, ...(nats === undefined || nats === '' ? {} : { purge: { nats } }) };
}

/** Loads the default export of a configuration file. */
export async function loadConfig(given: unknown): Promise<GatewayConfig> {
  const file = resolve(given === undefined ? DEFAULT_CONFIG : textOf(given, '--config'));
  if (!existsSync(file)) {
    const remedy = given === undefined ? 'write one, or use --origin http://127.0.0.1:9000' : 'check the path';
    throw new InlayError('config-invalid', `there is no configuration at ${file}: ${remedy}`, { path: file });
  }
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new InlayError('config-invalid', reasonOf(error, file), {
      path: file,
      cause: error,
    });
  }
  if (typeof module.default !== 'object' || module.default === null) {
    throw new InlayError('config-invalid', `${file} has no default export: export default defineGateway({ … })`, {
      path: file,
    });
  }
  return module.default as GatewayConfig;
}

/** Why a file cannot be loaded; for a syntax error also on which line, which only the beginning of its stack says. */
function reasonOf(error: unknown, file: string): string {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const line = error instanceof SyntaxError ? /^\S+(:\d+)\n/.exec(stack)?.[1] : undefined;
  return `${file}${line ?? ''} cannot be loaded: ${message.replaceAll(/\s+/g, ' ').trim()}`;
}

/** The command line wins over the file. */
function withFlags(config: GatewayConfig, flags: ServeFlags): GatewayConfig {
  const esi = flags.esi === undefined ? undefined : oneOf(flags.esi, '--esi', ['auto', 'always', 'off'] as const);
  const facades = config.facades ?? (esi === undefined ? undefined : onlyRoute(config));
  const token = flags.adminToken ?? process.env.INLAY_ADMIN_TOKEN;
  return {
    ...config,
    ...(facades === undefined ? {} : { facades: esi === undefined ? facades : withEsi(facades, esi) }),
    ...(flags.cacheSize === undefined
      ? {}
      : { cache: { ...config.cache, maxSize: sizeOf(flags.cacheSize, '--cache-size') } }),
    ...(flags.nats === undefined ? {} : { purge: { ...config.purge, nats: textOf(flags.nats, '--nats') } }),
    admin: {
      ...config.admin,
      ...(flags.adminPort === undefined ? {} : { port: portOf(flags.adminPort, '--admin-port') }),
      ...(token === undefined || token === '' ? {} : { token: textOf(token, '--admin-token') }),
    },
  };
}

function onlyRoute(config: GatewayConfig): GatewayConfig['facades'] {
  const [only, ...others] = Object.keys(config.services);
  return only === undefined || others.length > 0 ? undefined : { default: { routes: { '/*': only } } };
}

function withEsi(
  facades: NonNullable<GatewayConfig['facades']>,
  esi: 'auto' | 'always' | 'off',
): NonNullable<GatewayConfig['facades']> {
  return Object.fromEntries(
    Object.entries(facades).map(([name, facade]) => [
      name,
      {
        ...facade,
        routes: Object.fromEntries(
          Object.entries(facade.routes).map(([path, route]) => [
            path,
            typeof route === 'string' ? { service: route, esi } : { ...route, esi },
          ]),
        ),
      },
    ]),
  );
}

/** One line that tells what runs, and in what respect it is less than it could be. */
function summary(
  gateway: Gateway,
  { url, adminUrl, connected }: Listening,
  flags: ServeFlags,
  pids: readonly number[] = [],
): string {
  const services = [...gateway.services.values()].map(({ name, origin }) => `${name} ${origin}`).join(', ');
  const purges =
    gateway.purge.nats.length === 0
      ? 'purges reach this process only'
      : `${gateway.purge.secrets.length === 0 ? '' : 'signed '}purges of space ${gateway.purge.space} from ${gateway.purge.nats.join(', ')}${connected ? '' : ' (not connected yet: freshness is capped)'}`;
  const esi = flags.esi === undefined ? '' : ` · esi ${flags.esi}`;
  const { maxSize } = gateway.cache;
  const cache = `cache ${maxSize < 1024 ** 2 ? `${Math.round(maxSize / 1024)} KiB` : `${Math.round(maxSize / 1024 ** 2)} MiB`}`;
  const workers = pids.length === 0 ? '' : ` · ${pids.length} workers (${pids.join(', ')}), each with its own cache`;
  return `inlay listens on ${url} · services: ${services}${esi} · ${cache}${workers} · ${purges} · admin ${adminUrl}`;
}

/** Resolves when this process was told to stop. A second signal ends it at once, after `kill`. */
async function untilTold(kill: () => void): Promise<Signal> {
  const told = Promise.withResolvers<Signal>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, told.resolve);
  process.once('disconnect', () => told.resolve('disconnect')); // whoever started it as a child is gone
  process.channel?.unref(); // and while they are there, that alone is no reason to go on
  const signal = await told.promise;
  console.error(`inlay stops (${signal}): finishing what is under way`);
  const end = () => {
    kill();
    process.exit(1);
  };
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, end);
  return signal;
}

/** Resolves when what was under way has finished. */
function stop(running: Running, signal: Signal): Promise<void> {
  return running.close(signal === 'SIGTERM' ? GRACE : 0);
}

/** The text of an option that was given once. */
export function textOf(value: unknown, option: string): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  throw new InlayError('config-invalid', `${option} needs one value`, { path: option });
}

function sizeOf(value: unknown, option: string): Size {
  const size = parseSize(typeof value === 'number' ? value : textOf(value, option));
  if (size !== undefined && size >= 65_536) return size;
  throw new InlayError(
    'config-invalid',
    `${option} must be a size of at least 64kb, such as 256mb, not ${String(value)}`,
    { path: option },
  );
}

function portOf(value: unknown, option: string): number {
  const port = Number(textOf(value, option));
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InlayError('config-invalid', `${option} must be a port from 0 to 65535, not ${String(value)}`, {
    path: option,
  });
}

function oneOf<const Choice extends string>(value: unknown, option: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new InlayError(
    'config-invalid',
    `${option} must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, not ${String(value)}`,
    {
      path: option,
    },
  );
}
