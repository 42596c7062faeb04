import { spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', 'chromium', 'chromium-browser', 'google-chrome'];

/** No sandbox: containers have none to offer. The rest keeps it from talking to anybody but us. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let found: string | false | undefined;

/** Whether there is a Chromium; in CI its absence is an error, elsewhere callers skip, and say why. */
export function chromiumAvailable(): boolean {
  found ??= CANDIDATES.map(locate).find((path) => path !== undefined) ?? false;
  if (found === false && process.env.CI) throw new Error('chromium is missing: CI must not skip its tests');
  return found !== false;
}

/** Starts a headless Chromium; whoever starts it closes it. */
export function startBrowser(): Promise<Browser> {
  if (!chromiumAvailable()) throw new Error('chromium is not installed');
  return chromium.launch({ executablePath: found || '', args: ARGUMENTS, headless: true, timeout: 30_000 });
}

/** The path of a program that answers `--version`; playwright wants a path, not a name. */
function locate(program: string): string | undefined {
  if (spawnSync(program, ['--version'], { timeout: 20_000 }).status !== 0) return undefined;
  return program.startsWith('/') ? program : spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();
}
