import { readFileSync } from 'node:fs';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  throw new Error(
    `Tests need Node 24.12 or newer, and this is ${process.versions.node}: run them with npm test, which uses the pinned Node.`,
  );
}

// Tests run without a network and without telling anybody.
process.env.WRANGLER_SEND_METRICS ??= 'false';
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false';

const compatibilityDate = /^compatibility_date = "(.+)"$/m.exec(readFileSync('wrangler.toml', 'utf8'))![1]!;

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,contract,conformance}/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // Real sockets and real servers on two shared cores: few at a time, and time to be slow.
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
        },
      },
      {
        // Inside workerd, which differs from wrangler.toml's in what Vitest needs of it: Node's modules.
        plugins: [
          cloudflareTest(({ inject }) => ({
            main: './test/edge/main.ts',
            remoteBindings: false,
            verbose: false, // what a service breaks is the tests' business, and workerd would report it as uncaught
            miniflare: {
              compatibilityDate,
              compatibilityFlags: ['enable_request_signal'],
              bindings: { ATLAS_WEB_URL: inject('originUrl'), INLAY_ADMIN_TOKEN: 'sesame' },
            },
          })),
        ],
        test: {
          name: 'edge',
          include: ['test/edge/**/*.test.ts'],
          globalSetup: ['test/support/origin-server.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
