import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Versions below these have holes that a proxy cannot have; the numbers are of the public advisories named. */
const FLOORS: Readonly<Record<string, string>> = {
  undici: '8.10.2', // CVE-2026-84890, CVE-2026-22036, CVE-2026-1525
  hono: '4.13.16', // CVE-2026-126357, GHSA-h7mg-cq63-vhpq, CVE-2026-84364
  '@hono/node-server': '2.1.0', // CVE-2024-32652
};

const root = resolve(import.meta.dirname, '../..');
const lock = JSON.parse(readFileSync(resolve(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version?: string }>;
};

test.each(Object.entries(FLOORS))('%s is locked at %s or newer', (name, floor) => {
  const version = lock.packages[`node_modules/${name}`]?.version;
  expect(compare(version ?? '0', floor)).toBeGreaterThanOrEqual(0);
});

test('the lock file names no registry, so that it installs from whichever one is configured', () => {
  expect(readFileSync(resolve(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});

function compare(a: string, b: string): number {
  const [one, two] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < 3; i++) if (one[i] !== two[i]) return (one[i] ?? 0) - (two[i] ?? 0);
  return 0;
}
