import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LOAD_CORE, type Server, withCore } from './stage.ts';

/** What a server did under load. */
export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  /**
   * Microseconds of processor time, all threads and the kernel's part included. Figures are judged by it: on a machine
   * that others use too, requests a second soon measure the others.
   */
  readonly cpu: number;
}

const CONNECTIONS = 32;
const WRK = 'wrk';
const run = promisify(execFile);

/** `wrk` where it is installed, since it leaves the most to the server; our own generator otherwise. */
export const generator: 'wrk' | 'own' = spawnSync(WRK, ['-v']).error === undefined ? 'wrk' : 'own';

/** Asks for one address over some connections. Throws if any answer is missing or no 200: such a figure means nothing. */
export async function hammer(
  server: Server,
  path: string,
  seconds: number,
  connections: number = CONNECTIONS,
): Promise<Load> {
  const before = server.cpu();
  const { requests, elapsed } = await (generator === 'wrk' ? byWrk : byOwn)(server.url + path, seconds, connections);
  return { requests, perSecond: requests / elapsed, cpu: (server.cpu() - before) / requests };
}

interface Done {
  readonly requests: number;
  /** Seconds. */
  readonly elapsed: number;
}

async function byWrk(url: string, seconds: number, connections: number): Promise<Done> {
  const [file, ...args] = withCore(LOAD_CORE, WRK, [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '10s',
    url,
  ]);
  const { stdout } = await run(file!, args);
  const done = /(\d+) requests in ([\d.]+)s/.exec(stdout);
  if (done === null || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`${url}: not every answer came:\n${stdout}`);
  return { requests: Number(done[1]), elapsed: Number(done[2]) };
}

async function byOwn(url: string, seconds: number, connections: number): Promise<Done> {
  const script = fileURLToPath(new URL('./load-process.ts', import.meta.url));
  const [file, ...args] = withCore(LOAD_CORE, process.execPath, [script, url, String(connections), String(seconds)]);
  const { stdout } = await run(file!, args);
  return JSON.parse(stdout) as Done;
}

/** Loads several servers in turn, round by round, after each has warmed up: what disturbs one round disturbs all. */
export async function compare(
  targets: readonly { readonly server: Server; readonly path: string }[],
  { rounds, seconds, warmUp }: { readonly rounds: number; readonly seconds: number; readonly warmUp: number },
): Promise<{ readonly perSecond: number[]; readonly cpu: number[] }[]> {
  const series = targets.map(() => ({ perSecond: [] as number[], cpu: [] as number[] }));
  for (const { server, path } of targets) await hammer(server, path, warmUp);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < targets.length; turn++) {
      const index = (round + turn) % targets.length;
      const { server, path } = targets[index]!;
      const { perSecond, cpu } = await hammer(server, path, seconds);
      series[index]!.perSecond.push(perSecond);
      series[index]!.cpu.push(cpu);
    }
  }
  return series;
}
