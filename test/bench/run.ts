/**
 * `npm run bench` runs every workload, `npm run bench -- W3 scan` those named; `--profile` adds where Inlay spent its time.
 * Absolute figures depend on the machine and the hour: only what is compared within one run counts.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row, Workload } from './bench.ts';
import { hydrate } from './hydrate.ts';
import { generator } from './load.ts';
import { nestedPage } from './nested-page.ts';
import { topTimes } from './profile.ts';
import { purgeFlood } from './purge-flood.ts';
import { purgeLatency } from './purge-latency.ts';
import { purgeMillion } from './purge-million.ts';
import { purgeStream } from './purge-stream.ts';
import { purgeTag } from './purge-tag.ts';
import { purges } from './purges.ts';
import { scan } from './scan.ts';
import { createStage, pinned } from './stage.ts';
import { steady } from './steady.ts';
import { hotPage } from './w1-hot-page.ts';
import { uncacheablePage } from './w2-uncacheable-page.ts';
import { coldPage } from './w3-cold-page.ts';
import { growth } from './w4-growth.ts';
import { largePage } from './w5-large-page.ts';
import { memory } from './w6-memory.ts';
import { stampede } from './w8-stampede.ts';
import { json } from './w9-json.ts';

const WORKLOADS: readonly Workload[] = [
  hotPage,
  uncacheablePage,
  coldPage,
  nestedPage,
  growth,
  largePage,
  memory,
  stampede,
  json,
  hydrate,
  scan,
  purges,
  purgeLatency,
  purgeStream,
  purgeTag,
  purgeFlood,
  purgeMillion,
  steady,
];
const WIDTHS = [13, 42, 30, 14] as const;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: 'boolean', default: false } },
});
const chosen = choose(positionals);
const [cpu] = cpus();
console.log(
  `Node ${process.versions.node}, ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), load by ${generator}, ` +
    `${pinned ? 'servers under test on core 0, all else on core 1' : 'processes not bound to cores'}`,
);
const [busy = 0] = loadavg();
console.log(busy > 0.7 ? `Others are using this machine (load ${busy.toFixed(1)}): times in ms may be theirs.\n` : '');
print(['workload', '', 'measured', 'to reach', 'ok?']);
let missed = 0;
for (const workload of chosen) {
  console.log(`-- ${workload.name}: ${workload.measures}`);
  for (const row of await run(workload)) {
    if (row.ok === false) missed++;
    print([
      workload.name,
      row.what,
      row.measured,
      row.toReach ?? '',
      row.ok === undefined ? '' : row.ok ? 'yes' : 'NO',
    ]);
  }
}
console.log(
  `\n${missed === 0 ? 'every figure reached' : `${missed} figures not reached`}, ${(performance.now() / 1_000) | 0} s`,
);
process.exitCode = missed === 0 ? 0 : 1;

function choose(names: readonly string[]): readonly Workload[] {
  const unknown = names.filter((name) => !WORKLOADS.some((workload) => same(workload.name, name)));
  if (unknown.length > 0) {
    console.error(`no workload is called ${unknown.join(', ')}: ${WORKLOADS.map(({ name }) => name).join(', ')}`);
    process.exit(2);
  }
  return names.length === 0 ? WORKLOADS : WORKLOADS.filter(({ name }) => names.some((given) => same(name, given)));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

async function run(workload: Workload): Promise<Row[]> {
  const profiles = values.profile ? mkdtempSync(join(tmpdir(), 'inlay-profile-')) : undefined;
  const stage = createStage(profiles);
  try {
    return await workload.run(stage);
  } catch (error) {
    return [{ what: `failed: ${(error as Error).message}`, measured: '-', toReach: 'a figure', ok: false }];
  } finally {
    await stage.close();
    if (profiles !== undefined) {
      mkdirSync(profiles, { recursive: true });
      for (const line of topTimes(profiles)) console.log(line);
      rmSync(profiles, { recursive: true, force: true });
    }
  }
}

function print(cells: readonly string[]): void {
  console.log(
    cells
      .map((cell, i) => (i < WIDTHS.length ? cell.padEnd(WIDTHS[i]!) : cell))
      .join(' ')
      .trimEnd(),
  );
}
