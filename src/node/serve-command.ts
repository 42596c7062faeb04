import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InlayError } from '../errors.ts';
import { parseServiceUrl } from '../fragment/service.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { type Gateway, resolveConfig } from '../gateway/resolve-config.ts';
import { parseSize, type Size } from '../http/units.ts';
import { createLog } from './log.ts';
import { type Running, serve } from './serve.ts';

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
  readonly log: unknown;
}

const DEFAULT_CONFIG = 'inlay.config.ts';

/** Ms in which a gateway that was told to stop is not ready any more but still accepts connections. */
const GRACE = 1_000;

/** `inlay serve`: runs until it is told to stop. */
export async function serveCommand(flags: ServeFlags): Promise<void> {
  const gateway = await gatewayOf(flags);
  const log = createLog(oneOf(flags.log, '--log', ['all', 'errors', 'off'] as const));
  const running = await serve(gateway, {
    host: textOf(flags.host, '--host'),
    port: portOf(flags.port, '--port'),
    ...(log === undefined ? {} : { observe: log }),
  });
  const stopped = untilStopped(running);
  console.error(summary(gateway, running, flags)); // whoever reads this may stop it from now on
  await stopped;
}

async function gatewayOf(flags: ServeFlags): Promise<Gateway> {
  const config =
    flags.origin === undefined
      ? await loadConfig(flags.config)
      : originConfig(textOf(flags.origin, '--origin'), flags.config);
  return resolveConfig(withFlags(config, flags), process.env);
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
  return { services: { origin } };
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
function summary(gateway: Gateway, running: Running, flags: ServeFlags): string {
  const services = [...gateway.services.values()].map(({ name, origin }) => `${name} ${origin}`).join(', ');
  const purges =
    gateway.purge.nats.length === 0
      ? 'purges reach this process only'
      : `purges of space ${gateway.purge.space} from ${gateway.purge.nats.join(', ')}${running.node.bus.connected ? '' : ' (not connected yet: freshness is capped)'}`;
  const esi = flags.esi === undefined ? '' : ` · esi ${flags.esi}`;
  const { maxSize } = gateway.cache;
  const cache = `cache ${maxSize < 1024 ** 2 ? `${Math.round(maxSize / 1024)} KiB` : `${Math.round(maxSize / 1024 ** 2)} MiB`}`;
  return `inlay listens on ${running.url} · services: ${services}${esi} · ${cache} · ${purges} · admin ${running.adminUrl}`;
}

/** Resolves when the gateway was told to stop and has drained. A second signal ends it at once. */
async function untilStopped(running: Running): Promise<void> {
  const told = Promise.withResolvers<NodeJS.Signals | 'disconnect'>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, told.resolve);
  process.once('disconnect', () => told.resolve('disconnect')); // whoever started it as a child is gone
  process.channel?.unref(); // and while they are there, that alone is no reason to go on
  const signal = await told.promise;
  console.error(`inlay stops (${signal}): finishing what is under way`);
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => process.exit(1));
  await running.close(signal === 'SIGTERM' ? GRACE : 0);
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
