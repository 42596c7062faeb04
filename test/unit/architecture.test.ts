import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** The dependency rule of src/README.md: import only from your own folder and from those to the left. */
const ARROW = ['http', 'template', 'purge', 'cache', 'fragment', 'compose', 'gateway'];
const RIMS = ['node', 'edge', 'dev'];
/** Seams that every layer may see; what they import are types alone. */
const SEAMS = ['errors.ts', 'runtime.ts'];

const ONE_IMPORTER: Readonly<Record<string, string>> = {
  undici: 'node/upstream.ts',
  nats: 'node/nats-client.ts',
  'lru-cache': 'cache/lru-store.ts',
  'node-html-parser': 'fragment/select.ts',
  valibot: 'gateway/schema.ts',
  pino: 'node/log.ts',
  cac: 'node/commands.ts',
  re2js: 'template/matches.ts',
  'structured-headers': 'http/hydrate.ts',
};

const src = resolve(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

interface Import {
  readonly from: string;
  /** A file below src, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports = files.flatMap((file): Import[] => {
  const text = readFileSync(join(src, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...found].map((match) => {
    const specifier = match[2] ?? match[3] ?? '';
    const to = specifier.startsWith('.') ? relative(src, resolve(src, dirname(file), specifier)) : specifier;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
});

const layerOf = (file: string) => file.split('/')[0] ?? '';
const isCore = (file: string) => ARROW.includes(layerOf(file)) || SEAMS.includes(file);
const isPackage = (to: string) => !to.endsWith('.ts');
/** `@hono/node-server/utils/response` -> `@hono/node-server` */
const packageOf = (to: string) =>
  to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/');

test('the imports of every file were found', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(imports.length).toBeGreaterThan(files.length);
});

test('every file belongs to a layer of the architecture', () => {
  const known = [...ARROW, ...RIMS, ...SEAMS, 'index.ts', 'cli.ts'];
  expect(files.filter((file) => !known.includes(layerOf(file)))).toEqual([]);
});

test('layers import leftwards only', () => {
  const wrong = imports.filter(({ from, to }) => {
    const own = ARROW.indexOf(layerOf(from));
    if (own < 0 || isPackage(to) || SEAMS.includes(to)) return false;
    const other = ARROW.indexOf(layerOf(to));
    return other < 0 || other > own;
  });
  expect(wrong).toEqual([]);
});

test('the seams import nothing but types', () => {
  expect(imports.filter(({ from, typeOnly }) => SEAMS.includes(from) && !typeOnly)).toEqual([]);
});

test('one rim knows nothing of another', () => {
  const wrong = imports.filter(
    ({ from, to }) => RIMS.includes(layerOf(from)) && RIMS.includes(layerOf(to)) && layerOf(from) !== layerOf(to),
  );
  expect(wrong).toEqual([]);
});

test('the core imports no Node module and no package that needs Node', () => {
  const needsNode = ['undici', 'nats', 'pino', 'cac', '@hono/node-server'];
  expect(
    imports.filter(({ from, to }) => isCore(from) && (to.startsWith('node:') || needsNode.includes(packageOf(to)))),
  ).toEqual([]);
});

test('the edge imports neither undici nor Node', () => {
  expect(
    imports.filter(
      ({ from, to }) => layerOf(from) === 'edge' && (to.startsWith('node:') || packageOf(to) === 'undici'),
    ),
  ).toEqual([]);
});

test('each of these dependencies has one importer', () => {
  for (const [dependency, importer] of Object.entries(ONE_IMPORTER)) {
    const importers = new Set(
      imports.filter(({ to }) => isPackage(to) && packageOf(to) === dependency).map(({ from }) => from),
    );
    expect([dependency, ...importers]).toEqual([dependency, importer]);
  }
});

test('the core reads the clock, the environment and randomness of no runtime but its own', () => {
  const forbidden = /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.|\bMath\.random\(|\bglobalThis\./;
  const wrong = files
    .filter((file) => isCore(file))
    .filter((file) => forbidden.test(withoutComments(readFileSync(join(src, file), 'utf8'))));
  expect(wrong).toEqual([]);
});

test('nothing reads the environment but the command line and what starts a rim', () => {
  const readers = files.filter((file) =>
    /\bprocess\.env\b/.test(withoutComments(readFileSync(join(src, file), 'utf8'))),
  );
  expect(readers.sort()).toEqual(['node/nats-init-command.ts', 'node/purge-command.ts', 'node/serve-command.ts']);
});

test('no HTTP parser is ever told to be lenient', () => {
  const lenient = files.filter((file) =>
    /insecureHTTPParser|--insecure-http-parser/.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(lenient).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
