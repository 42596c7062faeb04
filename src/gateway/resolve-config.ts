import { InlayError } from '../errors.ts';
import { type Fragment, resolveFragment } from '../fragment/match.ts';
import { parseServiceUrl, type Service } from '../fragment/service.ts';
import { parseHydrate } from '../http/hydrate.ts';
import type { EsiMode } from '../template/compile.ts';
import type { GatewayConfig } from './config.ts';
import { authFaults, type NatsAuth, splitList, WITHOUT_SECRET } from './nats-auth.ts';
import { checkShape, type Parsed } from './schema.ts';

/** A route, validated. `prefix` routes match every path that begins with `path`. */
export interface Route {
  readonly facade: string;
  readonly pattern: string;
  readonly path: string;
  readonly prefix: boolean;
  readonly service: Service;
  readonly esi: EsiMode;
  readonly onerror: 'fail' | 'continue';
  readonly hydrate: string | undefined;
}

/** One application's hosts and routes: exact routes first, then the longest beginning first. */
export interface Facade {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly routes: readonly Route[];
}

/** The configuration, complete and frozen: what every other module reads. Counts, bytes and ms. */
export interface Gateway {
  readonly services: ReadonlyMap<string, Service>;
  readonly facades: readonly Facade[];
  readonly fragments: readonly Fragment[];
  readonly purge: {
    readonly space: string;
    readonly nats: readonly string[];
    readonly auth: NatsAuth;
    /** What purges are signed with, and what is believed. */
    readonly secrets: readonly string[];
    readonly maxUnsynced: number;
  };
  readonly cache: { readonly maxSize: number };
  readonly limits: Readonly<Parsed['limits']>;
  readonly esi: { readonly cookies: readonly string[] | undefined; readonly privileged: boolean };
  readonly admin: { readonly port: number; readonly host: string; readonly token: string | undefined };
  readonly trustedPeers: ReadonlySet<string>;
}

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** Where: `services.catalog.url`. */
  readonly path: string;
  readonly message: string;
}

/** All that is wrong with a configuration, at once. */
export class ConfigError extends InlayError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      'config-invalid',
      problems.map(({ path, message }) => `${path || 'the configuration'} ${message}`).join('\n'),
    );
    this.problems = problems;
  }
}

/**
 * Validates a configuration and completes it with defaults.
 *
 * @param environment what `env()` settings are read from
 * @throws ConfigError listing every problem with its path
 */
export function resolveConfig(config: GatewayConfig, environment: Readonly<Record<string, unknown>> = {}): Gateway {
  const unset = new Map<string, string>();
  const checked = checkShape(fillSettings(withLongServices(config), environment, '', unset));
  if ('problems' in checked) throw new ConfigError(checked.problems.map((problem) => nameVariable(problem, unset)));
  return link(checked.output);
}

/** A service given as its URL alone; so that what is missing has the path that it has in full. */
function withLongServices(config: GatewayConfig): unknown {
  if (typeof config?.services !== 'object' || config.services === null) return config;
  const services = Object.entries(config.services).map(([name, service]) => [
    name,
    typeof service === 'string' || 'env' in service ? { url: service } : service,
  ]);
  return { ...config, services: Object.fromEntries(services) };
}

/** Members that need a value where they are named, and what to do without one: it must not pass for the wish to have none. */
const NEEDED: ReadonlyMap<string, string> = new Map([['purge.secret', WITHOUT_SECRET]]);

/** Replaces `env()` settings by their values; those without a value become absent and are noted in `unset`. */
function fillSettings(
  value: unknown,
  environment: Readonly<Record<string, unknown>>,
  path: string,
  unset: Map<string, string>,
): unknown {
  if (Array.isArray(value))
    return value.map((item, index) => fillSettings(item, environment, `${path}.${index}`, unset));
  if (typeof value !== 'object' || value === null) return value;
  if ('env' in value && typeof value.env === 'string' && 'fallback' in value) {
    const found = environment[value.env];
    if (typeof found === 'string' && found !== '') return found;
    if (value.fallback === undefined) unset.set(path, value.env);
    return value.fallback;
  }
  const filled: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const found = fillSettings(member, environment, at, unset);
    if (found !== undefined || NEEDED.has(at)) filled[key] = found;
  }
  return filled;
}

/** What is missing because its environment variable is not set is told by the variable's name. */
function nameVariable({ path, message }: ConfigProblem, unset: ReadonlyMap<string, string>): ConfigProblem {
  const variable = unset.get(path);
  if (variable === undefined) return { path, message };
  const remedy = NEEDED.has(path) ? `: ${NEEDED.get(path)}` : '';
  return { path, message: `needs environment variable ${variable}, which is not set${remedy}` };
}

/** Turns names into the things they name; throws for every name that names nothing. */
function link(parsed: Parsed): Gateway {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string) => void problems.push({ path, message });
  const services = new Map<string, Service>();
  for (const [name, { url, ...settings }] of Object.entries(parsed.services)) {
    services.set(name, { ...NO_SETTINGS, ...settings, ...parseServiceUrl(url)!, name });
  }
  const facades = linkFacades(parsed, services, report);
  const fragments = linkFragments(parsed, services, report);
  checkHydration(parsed, fragments, report);
  for (const { member, message } of authFaults(parsed.purge.auth)) report(`purge.auth.${member}`, message);
  if (parsed.admin.token === undefined && !isLoopback(parsed.admin.host)) {
    report('admin.token', `is needed, because admin.host ${parsed.admin.host} can be reached from other machines`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { secret: secrets = [], nats = '', ...purge } = parsed.purge;
  return Object.freeze({
    services,
    facades,
    fragments,
    purge: { ...purge, nats: splitList(nats), secrets },
    cache: parsed.cache,
    limits: Object.freeze(parsed.limits),
    esi: { cookies: parsed.esi.cookies, privileged: parsed.esi.privileged },
    admin: { ...parsed.admin, token: parsed.admin.token },
    trustedPeers: new Set(parsed.trustedPeers),
  });
}

type Report = (path: string, message: string) => void;

const NO_SETTINGS = {
  timeout: undefined,
  ttl: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  setCookie: 'refuse',
  breaker: true,
} as const;

function serviceAt(
  services: ReadonlyMap<string, Service>,
  name: string,
  path: string,
  report: Report,
): Service | undefined {
  const service = services.get(name);
  if (service === undefined)
    report(path, `names no configured service: "${name}" (configured: ${[...services.keys()].join(', ')})`);
  return service;
}

function linkFragments(parsed: Parsed, services: ReadonlyMap<string, Service>, report: Report): Fragment[] {
  const names = parsed.fragments.map((definition) => definition.name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      report(`fragments.${index}.name`, `"${name}" is taken by fragments.${names.indexOf(name)}`);
  });
  return parsed.fragments.flatMap((definition, index) => {
    const service = serviceAt(services, definition.service, `fragments.${index}.service`, report);
    const fragment =
      service && resolveFragment(definition, service, (path, message) => report(`fragments.${index}.${path}`, message));
    return fragment === undefined ? [] : [fragment];
  });
}

function linkFacades(parsed: Parsed, services: ReadonlyMap<string, Service>, report: Report): Facade[] {
  const declared = Object.entries(parsed.facades ?? wholeService(services));
  if (declared.length === 0)
    report('facades', 'is required with several services: it says which of them answers which path');
  const taken = new Map<string, string>();
  return declared.map(([name, { hosts, routes }]) => {
    for (const host of hosts.length === 0 ? ['(all other hosts)'] : hosts) {
      if (taken.has(host)) report(`facades.${name}.hosts`, `${host} belongs to facade "${taken.get(host)}" already`);
      taken.set(host, name);
    }
    const linked = Object.entries(routes).flatMap(([pattern, settings]): Route[] => {
      const service = serviceAt(services, settings.service, `facades.${name}.routes.${pattern}`, report);
      const prefix = pattern.endsWith('*');
      const path = prefix ? pattern.slice(0, -1) : pattern;
      const hydrate = settings.hydrate;
      return service === undefined ? [] : [{ ...settings, hydrate, facade: name, pattern, path, prefix, service }];
    });
    linked.sort((a, b) => Number(a.prefix) - Number(b.prefix) || b.path.length - a.path.length);
    return { name, hosts, routes: linked };
  });
}

/** What routes say of ids must be readable, and name entities that there are. */
function checkHydration({ facades = {}, fragments }: Parsed, linked: readonly Fragment[], report: Report): void {
  for (const [name, { routes }] of Object.entries(facades)) {
    for (const [pattern, { hydrate, esi }] of Object.entries(routes)) {
      if (hydrate === undefined) continue;
      const path = `facades.${name}.routes.${pattern}.hydrate`;
      if (esi === 'off') report(path, 'needs esi "auto" or "always" on this route');
      const { rules, problems } = parseHydrate(hydrate);
      for (const problem of problems) report(path, problem);
      for (const { type } of rules)
        if (!fragments.some((fragment) => fragment.name === type)) report(path, `names no fragment: "${type}"`);
        else if (linked.some((fragment) => fragment.name === type && fragment.ids.length !== 1))
          report(path, `"${type}" has not exactly one identifier in its path`);
    }
  }
}

/** With one service and no facade, that service answers everything. */
function wholeService(services: ReadonlyMap<string, Service>): NonNullable<Parsed['facades']> {
  const [only, ...others] = services.keys();
  if (only === undefined || others.length > 0) return {};
  return { default: { hosts: [], routes: { '/*': { service: only, esi: 'auto', onerror: 'fail' } } } };
}

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
