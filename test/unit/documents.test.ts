import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { readBatch } from '../../src/fragment/batch-answer.ts';
import { type FragmentDefinition, type GatewayConfig, resolveConfig } from '../../src/index.ts';

const root = resolve(import.meta.dirname, '../..');
const documents = ['README.md', 'src/README.md', 'fragments/README.md', 'test/README.md'];
const read = (file: string) => readFileSync(join(root, file), 'utf8');

// Inside the project, so that a snippet's imports resolve as a reader's would.
const scratch = mkdtempSync(join(root, 'node_modules/.documents-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The code blocks of a document in one language, without the indentation of a list that they stand in. */
function snippets(file: string, language: string): string[] {
  const blocks = read(file).matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'));
  return [...blocks].map(([, indent = '', code = '']) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

async function run(code: string, name: string): Promise<unknown> {
  const index = pathToFileURL(join(root, 'src/index.ts')).href;
  const file = join(scratch, `${name}.ts`);
  writeFileSync(file, code.replaceAll(/from '(?:inlay|\.\.\/src\/index\.ts)'/g, `from '${index}'`));
  return ((await import(pathToFileURL(file).href)) as { default: unknown }).default;
}

test('the configuration in the README is one that the gateway accepts', async () => {
  const [code] = snippets('README.md', 'ts');
  const config = (await run(code ?? '', 'config')) as GatewayConfig;
  const gateway = resolveConfig(config, {});
  expect(gateway.fragments.map(({ name }) => name)).toEqual(['product']);
  expect(gateway.services.get('catalog')?.origin).toBe('http://127.0.0.1:9001');
});

test('the definition that fragments/README.md has one write is one that the gateway accepts', async () => {
  const [code] = snippets('fragments/README.md', 'ts');
  const definition = (await run(code ?? '', 'product')) as FragmentDefinition;
  const gateway = resolveConfig({ services: { catalogue: 'http://127.0.0.1:9001' }, fragments: [definition] });
  expect(gateway.fragments[0]?.events[0]?.tags('shop.product.42.changed')).toEqual(['product:42']);
});

test('the batched definition that fragments/README.md has one write is one that the gateway accepts', async () => {
  const [, code] = snippets('fragments/README.md', 'ts');
  const definition = (await run(code ?? '', 'product-data')) as FragmentDefinition;
  const gateway = resolveConfig({ services: { catalogue: 'http://127.0.0.1:9001' }, fragments: [definition] });
  expect(gateway.fragments[0]?.batch).toMatchObject({ method: 'GET', max: 50, items: ['items'], id: ['sku'] });
});

test('each answer to a batch that fragments/README.md shows is read as its row says', async () => {
  const rows = [...read('fragments/README.md').matchAll(/^ *\| `([[{].*?[\]}])` \| (?:nothing more|`(.*?)`)/gm)];
  expect(rows).toHaveLength(5);
  for (const [index, [, answer = '', members = '']] of rows.entries()) {
    const said = (await run(`export default { ${members} };`, `shape-${index}`)) as Partial<
      FragmentDefinition['batch']
    >;
    const service = 'catalogue';
    const definition = { name: 'p', path: '/p/{id}', service, batch: { path: '/p?ids={ids}', ...said } } as const;
    const { fragments } = resolveConfig({ services: { [service]: 'http://127.0.0.1:9001' }, fragments: [definition] });
    const found = readBatch(new TextEncoder().encode(answer), fragments[0]!.batch!);
    if (typeof found === 'string') throw new Error(`${answer}: ${found}`);
    const entities = [...found.byId].map(([id, { body }]) => [id, body && answer.slice(body.start, body.end)]);
    expect(entities, answer).toEqual([
      ['42', expect.stringContaining('Lamp')],
      ['7', expect.stringContaining('Vase')],
    ]);
  }
});

test('the rules for ids that fragments/README.md shows are ones that the gateway accepts', async () => {
  const [, code] = snippets('fragments/README.md', 'ts');
  const definition = (await run(code ?? '', 'ruled')) as FragmentDefinition;
  const rules = [...read('fragments/README.md').matchAll(/(?:Inlay-Hydrate: |hydrate: ')("\/[^`']+)/g)];
  expect(rules).toHaveLength(2);
  for (const [, hydrate = ''] of rules) {
    const facades = { shop: { routes: { '/api/search': { service: 'catalogue', hydrate } } } };
    const services = { catalogue: 'http://127.0.0.1:9001' };
    expect(() => resolveConfig({ services, facades, fragments: [definition] })).not.toThrow();
  }
});

test('JSON in fragments/README.md is JSON', () => {
  const blocks = snippets('fragments/README.md', 'json');
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) expect(() => JSON.parse(block), block).not.toThrow();
});

test('the configuration of the demonstration is one that the gateway accepts', async () => {
  const { default: config } = (await import('../../inlay.config.ts')) as { default: GatewayConfig };
  expect(resolveConfig(config, {}).facades[0]?.routes.length).toBeGreaterThan(0);
});

test('the commands in the README are commands that package.json has', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...read('README.md').matchAll(/npm (?:run (?:--silent )?)?(start|test|bench|inlay|check)\b/g)].map(
    ([, name]) => name!,
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test.each(documents)('%s links to nothing that is not there', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)#]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !link.startsWith('http'));
  expect(links.filter((link) => !existsSync(resolve(root, dirname(file), link)))).toEqual([]);
});

test('src/README.md names no file that is not there', () => {
  const named = [...read('src/README.md').matchAll(/`([a-z]+\/[a-z-]+\.ts)`/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(10);
  const places = ['src', 'src/cache', 'src/gateway', 'src/template', 'test'];
  expect(named.filter((name) => !places.some((place) => existsSync(join(root, place, name))))).toEqual([]);
});

test('comments cite no document that is not in the repository', () => {
  const files = ['src', 'test', 'fragments'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const documentsHere = new Set(files.filter((file) => file.endsWith('.md')).map((file) => basename(file)));
  const cited = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...read(file).matchAll(/\b([A-Z][A-Z-]+\.md)\b/g)].map(([, name]) => `${file}: ${name}`));
  expect(cited.filter((citation) => !documentsHere.has(citation.split(': ')[1]!))).toEqual([]);
});

test('the README can be read in one sitting', () => {
  expect(read('README.md').split('\n').length).toBeLessThan(260);
});
