/** What `npm start` runs: the five services of Atlas and Inlay in front of them, each a process, until Ctrl+C. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listenProblem } from './serve.ts';
import { readLines, type Services, startServices } from './services.ts';

const port = Number(process.env.PORT || 8080);
const site = `http://localhost:${port}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const startLimit = 15_000; // ms
const stopLimit = 5_000; // ms

let services: Services | undefined;
let proxy: ChildProcess | undefined;
let stopping = false;

process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));
if (process.env.npm_lifecycle_event !== undefined) stopWithParent();

try {
  await requireFree(port);
  services = await startServices({
    ports: 'default',
    env: { ATLAS_URL: site },
    onLine: print,
    onExit(name, code, signal) {
      if (stopping) return; // Ctrl+C reaches every process of the terminal
      if (code !== 0 && signal === null) return void stop(1, `${name} failed with code ${code}.`);
      print(name, `ended. Bring it back: ${process.execPath} test/atlas/${name}.ts`);
    },
  });
  proxy = startProxy(services.urls);
  await answered(proxy);
  if (!stopping) console.log(whatToTry(services));
} catch (error) {
  await stop(1, (error as Error).message);
}

/** Ends what was started, in reverse order, then this process. */
async function stop(code: number, reason?: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (reason !== undefined) console.error(`\nAtlas stops: ${reason}`);
  if (proxy !== undefined) await stopProxy(proxy);
  await services?.stopAll();
  process.exit(code);
}

/** Tells by the end of the channel: after a Ctrl+C a signal would be the second one, which ends Inlay at once. */
async function stopProxy(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  const force = setTimeout(() => child.kill('SIGKILL'), stopLimit);
  await gone;
  clearTimeout(force);
}

/** npm runs scripts in a shell, which dies of the SIGTERM that npm passes on, and tells nobody. */
function stopWithParent(): void {
  const shell = process.ppid;
  setInterval(() => {
    if (process.ppid !== shell) void stop(0);
  }, 500).unref();
}

/** @throws when another program listens there: it would answer in Inlay's place, and nobody would notice. */
async function requireFree(wanted: number): Promise<void> {
  const probe = createServer().listen(wanted);
  try {
    await once(probe, 'listening');
  } catch (error) {
    throw new Error(`${listenProblem(error as Error, wanted)} Or choose another: PORT=8081 npm start`);
  }
  probe.close();
  await once(probe, 'close');
}

function startProxy(urls: Services['urls']): ChildProcess {
  const args = ['src/cli.ts', 'serve', '--config', 'inlay.config.ts', '--port', String(port)];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      ...process.env,
      ATLAS_WEB_URL: urls.web,
      ATLAS_CATALOGUE_URL: urls.catalogue,
      ATLAS_SEARCH_URL: urls.search,
      ATLAS_RECOMMENDER_URL: urls.recommender,
      ATLAS_VISITOR_URL: urls.visitor,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // with a channel, it ends when this process does, however that happens
  });
  readLines(child, (line) => print('inlay', line));
  child.once('close', (code) => void stop(1, `Inlay ended with code ${code}; its last lines above say why.`));
  return child;
}

/** Resolves at the first answer of any status, or when we are stopping anyway. @throws after 15 s without one. */
async function answered(child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startLimit;
  while (!stopping && child.exitCode === null) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) });
      return void (await answer.text()); // to its end: leaving early would be the first thing in the log
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Inlay did not answer within ${startLimit} ms`, { cause: error });
      await sleep(100);
    }
  }
}

function print(name: string, line: string): void {
  const text = line.startsWith(`${name} `) ? line.slice(name.length + 1) : line;
  console.log(`${name.padEnd('recommender'.length)} | ${text}`);
}

function whatToTry({ urls, pids }: Services): string {
  return `
Atlas is ready: open ${site}/

  A search that answers codes, hydrated to countries, and what it answers by itself:
    curl '${site}/api/search?q=fr'
    curl '${urls.search}/api/search?q=fr'
  Move the capital of France, then reload ${site}/country/FRA:
    curl -X PUT ${urls.catalogue}/countries/FRA -d '{"capital":"Lyon"}'
  Rename a currency: one is fetched again, and not one of its countries.
    curl -X PUT ${urls.catalogue}/currencies/EUR -d '{"name":"Euro of today"}'
  Sign in as somebody; nobody else sees it:
    curl -s -H 'Cookie: visitor=Ada' ${site}/ | grep -i ada
  Ask an answer how it came about:
    curl -sI ${site}/region/Oceania | grep -iE 'cache-status|server-timing|etag'
  Take the catalogue away: pages that were visited live on what Inlay keeps.
    kill ${pids.catalogue}
  Drop something by hand:
    npm run --silent inlay -- purge --tag country:FRA

Ctrl+C stops everything.
`;
}
