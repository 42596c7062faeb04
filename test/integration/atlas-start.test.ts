import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { readLines } from '../atlas/services.ts';
import { freePort } from '../support/nats-server.ts';
import { get } from '../support/proxy.ts';

/** Ms in which anything here must happen. */
const SOON = { timeout: 10_000, interval: 20 };

const root = resolve(import.meta.dirname, '../..');

describe('npm start', () => {
  test('starts everything, prints what to try, and leaves no process behind when it is told to stop', async (context) => {
    await needPorts(context);
    const started = runStart();
    await started.ready();
    const processes = descendantsOf(started.pid);
    expect(processes).toHaveLength(6);
    const page = await get('http://localhost:8080/country/FRA');
    expect(page.body).toContain('<title>France · Atlas</title>');
    const text = started.output.join('\n');
    expect(text).toContain('open http://localhost:8080/');
    expect(text).toMatch(/curl -X PUT http:\/\/127\.0\.0\.1:9001\/countries\/FRA/);
    expect(processes.some((pid) => text.includes(`kill ${pid}\n`))).toBe(true);
    expect(text, 'nothing fails while it starts').not.toContain('"level":"error"');
    process.kill(started.pid, 'SIGTERM');
    expect(await started.exit).toBe(0);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(started.output.join('\n'), 'it finishes what is under way').toMatch(/inlay +\| stops/);
  });

  test.for(['SIGTERM to npm', 'SIGKILL to start.ts'])('leaves no process behind after %s', async (how, context) => {
    await needPorts(context);
    const byNpm = how === 'SIGTERM to npm';
    const started = byNpm ? runStart({}, ['npm', 'start']) : runStart();
    await started.ready();
    const processes = descendantsOf(started.pid);
    expect(processes.length).toBeGreaterThanOrEqual(6);
    process.kill(started.pid, byNpm ? 'SIGTERM' : 'SIGKILL');
    await started.exit;
    try {
      await vi.waitFor(() => expect(processes.filter(isAlive)).toEqual([]), SOON);
    } finally {
      for (const pid of processes.filter(isAlive)) process.kill(pid, 'SIGKILL');
    }
  });

  test('says which port is in use, and how to go on', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    try {
      const started = runStart({ PORT: String(port) });
      expect(await started.exit).toBe(1);
      expect(started.output.join('\n')).toContain(`port ${port} is in use`);
      expect(started.output.join('\n')).toContain('PORT=8081 npm start');
    } finally {
      holder.close();
    }
  });
});

interface Started {
  readonly pid: number;
  readonly output: readonly string[];
  readonly exit: Promise<number | null>;
  ready(): Promise<void>;
}

function runStart(env: Record<string, string> = {}, command = [process.execPath, 'test/atlas/start.ts']): Started {
  const { NATS_URL: _1, INLAY_ADMIN_TOKEN: _2, PORT: _3, npm_lifecycle_event: _4, ...inherited } = process.env;
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: root, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  readLines(child, (line) => void output.push(line));
  const limit = setTimeout(() => child.kill('SIGKILL'), 25_000);
  return {
    pid: child.pid ?? -1,
    output,
    exit: new Promise<number | null>((done) => child.once('close', done)).finally(() => clearTimeout(limit)),
    ready: () => vi.waitFor(() => expect(output.join('\n')).toContain('Atlas is ready'), SOON),
  };
}

/** The processes that one started, and those that they started. */
function descendantsOf(pid: number): number[] {
  const lines = spawnSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).stdout.trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/));
  const below = (parent: number): number[] =>
    processes.flatMap(([id, ppid, name]) =>
      Number(ppid) === parent && name !== 'ps' ? [Number(id), ...below(Number(id))] : [],
    );
  return below(pid);
}

/** Atlas stands on fixed ports. If somebody has them: in CI an error, elsewhere a loud skip. */
async function needPorts(context: TestContext): Promise<void> {
  const taken = await takenPorts([8080, 9000, 9001, 9002, 9003, 9004, 9901]);
  if (taken.length === 0) return;
  const reason = `ports ${taken.join(', ')} are in use`;
  if (process.env.CI) throw new Error(reason);
  console.warn(`SKIPPED npm start: ${reason}`);
  context.skip(reason);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // ESRCH: there is no such process
  }
}

async function takenPorts(ports: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of ports) {
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false)).listen(port, () => done(true));
    });
    if (free) await new Promise((done) => server.close(done));
    else taken.push(port);
  }
  return taken;
}
