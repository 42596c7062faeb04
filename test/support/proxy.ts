import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { request } from 'undici';
import { readLines, type ServiceName, type Services, startServices } from '../atlas/services.ts';
import { freePort } from './nats-server.ts';

/** A line of the log: what pino printed, parsed. */
export type LogLine = Readonly<Record<string, unknown>>;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The real command line, serving, as a process of its own. Its records are live. */
export interface RunningProxy {
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
  /** JSON lines of standard output, oldest first. They arrive by pipe, a moment after the answer. */
  readonly log: LogLine[];
  /** Lines of standard error: what the command says to a person. */
  readonly said: string[];
  /** Resolves when the process has ended, however it does. */
  readonly exit: Promise<Exit>;
  /** Tells it to stop, by its pid. Resolves when it is gone; after 10 s it is killed. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

/** What a process may be given besides its arguments. */
export interface CliOptions {
  /** Added to an environment that has none of our own variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the repository. */
  readonly cwd?: string;
}

/** What a command that ends by itself did. */
export interface Outcome extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

const root = resolve(import.meta.dirname, '../..');
const cli = resolve(root, 'src/cli.ts');

/** Ms until it must listen, and ms until it must have ended after it was told to. */
const START_LIMIT = 10_000;
const STOP_LIMIT = 10_000;
/** Ms for a command that does something and ends. */
const RUN_LIMIT = 15_000;

/** Runs `inlay serve …args` on free ports (unless the arguments name others) and waits until it listens. */
export async function startProxy(args: readonly string[], options: CliOptions = {}): Promise<RunningProxy> {
  const free = ['--port', '--admin-port'].filter((option) => !args.includes(option));
  const child = spawnCli(['serve', ...args, ...free.flatMap((option) => [option, '0'])], options);
  const [log, said]: [LogLine[], string[]] = [[], []];
  const { promise: listening, resolve: listens, reject } = Promise.withResolvers<RegExpExecArray>();
  const exit = exitOf(child);
  readLines(child, (line, isError) => {
    if (!isError) return void log.push(JSON.parse(line) as LogLine);
    said.push(line);
    const summary = /^inlay listens on (\S+) .* admin (\S+)$/.exec(line);
    if (summary !== null) listens(summary);
  });
  const limit = setTimeout(() => reject(new Error(`not listening after ${START_LIMIT} ms`)), START_LIMIT);
  void exit.then(({ code }) => reject(new Error(`inlay serve ended with code ${code}:\n${said.join('\n')}`)));
  const [, url = '', adminUrl = ''] = await listening
    .catch((error: Error) => {
      child.kill('SIGKILL');
      throw error;
    })
    .finally(() => clearTimeout(limit));
  await get(`${adminUrl}/_inlay/health`); // the line is printed a moment before signals are listened to
  return {
    url,
    adminUrl,
    pid: child.pid ?? -1,
    log,
    said,
    exit,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT);
      return exit.finally(() => clearTimeout(force));
    },
  };
}

/** Runs `inlay …args` to its end, which must come within 15 s. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  const child = spawnCli(args, options);
  const [stdout, stderr]: [string[], string[]] = [[], []];
  readLines(child, (line, isError) => void (isError ? stderr : stdout).push(line));
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT);
  const ended = await exitOf(child);
  clearTimeout(limit);
  return { ...ended, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}

/** Atlas and proxies in front of it, all processes. */
export interface Atlas {
  readonly services: Services;
  /** The first proxy, which the catalogue tells of changes if there is no NATS. */
  readonly proxy: RunningProxy;
  readonly proxies: readonly RunningProxy[];
  /** Requests that a service has answered since the last call, sorted: `GET /fragments/country-cards?codes=FRA,DEU 2 codes`. */
  requestsAt(service: ServiceName): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts the five services and `count` proxies with `inlay.config.ts`, on free ports. */
export async function startAtlas(options: { nats?: string; count?: number } = {}): Promise<Atlas> {
  const { nats, count = 1 } = options;
  const adminPorts = await Promise.all(Array.from({ length: count }, freePort));
  const purgeUrl = `http://127.0.0.1:${adminPorts[0]}/_inlay/purge`;
  const services = await startServices({
    env: { NATS_URL: nats ?? '', INLAY_PURGE_URL: purgeUrl, INLAY_ADMIN_TOKEN: '' },
  });
  try {
    const proxies = await Promise.all(
      adminPorts.map((port) =>
        startProxy(['--config', 'inlay.config.ts', '--admin-port', String(port)], { env: atlasEnv(services, nats) }),
      ),
    );
    return {
      services,
      proxy: proxies[0]!,
      proxies,
      async requestsAt(service) {
        await settled(services, service);
        return services.requests[service]
          .splice(0)
          .map((line) => line.replace(/ \d{3} \d+ms$/, ''))
          .sort();
      },
      async stop() {
        await Promise.all(proxies.map((proxy) => proxy.stop('SIGINT')));
        await services.stopAll();
      },
    };
  } catch (error) {
    await services.stopAll();
    throw error;
  }
}

/** Where a proxy with `inlay.config.ts` finds the services. */
export function atlasEnv({ urls }: Services, nats = ''): Record<string, string> {
  return {
    ATLAS_WEB_URL: urls.web,
    ATLAS_CATALOGUE_URL: urls.catalogue,
    ATLAS_SEARCH_URL: urls.search,
    ATLAS_RECOMMENDER_URL: urls.recommender,
    ATLAS_VISITOR_URL: urls.visitor,
    NATS_URL: nats,
  };
}

/** An answer, read to its end. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Asks for a URL once, with these header fields and no others (fetch would add `Cache-Control`); redirects are answers. */
export async function get(url: string, headers: Record<string, string> = {}): Promise<Got> {
  const answer = await request(url, { headers, signal: AbortSignal.timeout(15_000) });
  const received = new Headers();
  for (const [name, value] of Object.entries(answer.headers))
    for (const line of [value ?? []].flat()) received.append(name, line);
  return { status: answer.statusCode, headers: received, body: await answer.body.text() };
}

/** Changes a country at the catalogue, which announces it before it answers. */
export function putCountry(atlas: Atlas, code: string, change: object): Promise<void> {
  return putAtCatalogue(atlas, `/countries/${code}`, change);
}

/** Changes anything at the catalogue: `/currencies/EUR`. */
export async function putAtCatalogue({ services }: Atlas, path: string, change: object): Promise<void> {
  const answer = await fetch(services.urls.catalogue + path, {
    method: 'PUT',
    body: JSON.stringify(change),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`the catalogue answered ${answer.status}: ${text}`);
}

let marks = 0;

/** Asks a service for something that nobody else does, and waits for its line: every earlier one has arrived then. */
async function settled({ urls, requests, pids }: Services, service: ServiceName): Promise<void> {
  if (pids[service] === undefined) return;
  const mark = `/nothing/${++marks}`;
  await get(urls[service] + mark);
  const deadline = Date.now() + START_LIMIT;
  for (;;) {
    const at = requests[service].findIndex((line) => line.startsWith(`GET ${mark} `));
    if (at >= 0) return void requests[service].splice(at, 1);
    if (Date.now() > deadline) throw new Error(`${service} logs nothing any more`);
    await new Promise((done) => setImmediate(done));
  }
}

function spawnCli(args: readonly string[], { env, cwd = root }: CliOptions): ChildProcess {
  const { NATS_URL: _1, INLAY_ADMIN_TOKEN: _2, INLAY_PURGE_SECRET: _3, ...others } = process.env;
  const { NO_COLOR: _4, FORCE_COLOR: _5, ...inherited } = others;
  return spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** 'close' comes after the last byte of output. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((done, reject) => {
    child.once('error', reject).once('close', (code, signal) => done({ code, signal }));
  });
}
