#!/usr/bin/env node
/** The command line. It checks the runtime before it loads anything that an older one could not read. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `inlay needs Node 24.12 or newer, and this is ${process.versions.node}.\nRun it through npm (npm run --silent inlay -- …), which uses the pinned Node.`,
  );
  process.exit(1);
}
const { run } = await import('./node/commands.ts');
process.exitCode = await run(process.argv);
