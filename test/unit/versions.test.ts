import { readdirSync, readFileSync } from 'node:fs';
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
  packages: Record<string, { version?: string; dev?: boolean }>;
};

test.each(Object.entries(FLOORS))('%s is locked at %s or newer', (name, floor) => {
  const version = lock.packages[`node_modules/${name}`]?.version;
  expect(compare(version ?? '0', floor)).toBeGreaterThanOrEqual(0);
});

test.each(Object.entries(FLOORS))('no copy of %s below %s is shipped inside another package', (name, floor) => {
  const copies = Object.entries(lock.packages).filter(
    ([path, { dev }]) => path.endsWith(`node_modules/${name}`) && dev !== true,
  );
  expect(copies.length).toBeGreaterThan(0);
  for (const [path, { version }] of copies) expect([path, compare(version ?? '0', floor) >= 0]).toEqual([path, true]);
});

test.each(Object.entries(FLOORS))(
  'what is installed of %s is %s or newer, whatever the lock file says',
  (name, floor) => {
    const installed = JSON.parse(readFileSync(resolve(root, 'node_modules', name, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(compare(installed.version, floor)).toBeGreaterThanOrEqual(0);
  },
);

test('a version is newer by number and not by spelling, and one that is no release is none', () => {
  expect(compare('8.10.2', '8.9.9')).toBeGreaterThan(0);
  expect(compare('8.10.1', '8.10.2')).toBeLessThan(0);
  expect(compare('10.0.0', '9.9.9')).toBeGreaterThan(0);
  expect(compare('8.10.2-rc.1', '8.10.2')).toBeNaN();
});

// Node brings an undici of its own behind the global fetch, with the holes of its day: services are asked with the package.
/** Asks a gateway's own admin listener, not a service. */
const ADMIN_CLIENT = 'purge-command.ts';

test('nothing on Node asks services with the fetch of Node', () => {
  const files = readdirSync(resolve(root, 'src/node'), { recursive: true, encoding: 'utf8' });
  expect(files.length).toBeGreaterThan(0);
  for (const file of files.filter((name) => name.endsWith('.ts') && name !== ADMIN_CLIENT)) {
    const source = readFileSync(resolve(root, 'src/node', file), 'utf8');
    expect([file, /(?:await|return|[=(>])\s*fetch\(/.test(source)]).toEqual([file, false]);
  }
});

test('the lock file names no registry, so that it installs from whichever one is configured', () => {
  expect(readFileSync(resolve(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});

function compare(a: string, b: string): number {
  const [one, two] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < 3; i++) if (one[i] !== two[i]) return (one[i] ?? 0) - (two[i] ?? 0);
  return 0;
}
