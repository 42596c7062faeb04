import { type Answered, createJsonGateway, LIMITS } from './json-gateway.ts';
import { named, namedDocument, type Rule } from './json-hydrate.ts';
import { Model } from './json-model.ts';
import { directive, type Manner, member, spread, value } from './json-random.ts';
import { Services } from './json-services.ts';
import { ANY, departure, FAIL, type Out, readJson } from './json-text.ts';
import { World } from './json-world.ts';
import { createRandom, type Random } from './random.ts';

/** One case: a page and a world at random, and what the gateway must make of them. */

interface Page {
  readonly text: string;
  readonly kind: 'json' | 'lines' | 'broken';
  readonly optsIn: boolean;
  readonly hydrate?: { readonly field: string; readonly rules: readonly Rule[]; readonly refused: boolean };
  readonly mediaType: string;
}

/** What has been tried. */
export interface Tally {
  cases: number;
  /** Directives that the model ran, items of lists one by one. */
  directives: number;
  asked: number;
  batches: number;
  /** Pages that failed, as they had to. */
  failed: number;
  /** Answers beyond a limit: who passed it first is not foretold. */
  unsure: number;
}

/** What is wrong with the answer to the case of a seed; `undefined` if nothing is. */
export async function tryCase(seed: number, tally: Tally): Promise<string | undefined> {
  const random = createRandom(Math.imul(seed, 0x9e3779b1));
  const world = new World(seed);
  const page = pageOf(random);
  const bytes = Buffer.from(page.text, 'utf8');
  const fields = ['content-type', page.mediaType, 'cache-control', random.pick(['max-age=60', 'no-store'])];
  if (page.optsIn) fields.push('surrogate-control', 'content="ESI/1.0"');
  if (page.hydrate !== undefined) fields.push('inlay-hydrate', page.hydrate.field);
  const services = new Services(world, { bytes, fields });
  const limits = random.chance(0.05) ? 'low' : 'usual';
  const gateway = createJsonGateway(services.fetch, limits);
  tally.cases++;
  let stale: ReadonlySet<string> = new Set();
  const visits = random.pick([['first'], ['first'], ['first'], ['first', 'again'], ['first', 'later']]);
  for (const visit of visits) {
    if (visit !== 'first') await services.idle();
    if (visit === 'later') {
      stale = new Set(services.kept);
      world.getLater();
      services.getLater();
      gateway.purgeSoftly();
    }
    const answer = await gateway.ask(page.hydrate?.refused ? ['inlay-hydrate', '?0'] : []);
    const model = new Model(world, services.failed, stale);
    const foretold = foretell(page, bytes.toString('latin1'), model);
    const wrong = judge(page, answer, foretold, model, services.asked, limits, tally) ?? services.objections[0];
    tally.directives += model.ids + model.sources;
    if (wrong !== undefined || gateway.internal.length > 0)
      return `case ${seed}, ${visit}: ${wrong ?? gateway.internal[0]}\n${report(page, answer, foretold, world)}`;
  }
  tally.asked += services.asked.size;
  tally.batches += services.batches;
  return undefined;
}

function pageOf(random: Random): Page {
  const manner: Manner = { random, directives: true, share: 0.35 };
  const kind = random.below(100);
  const mark = random.chance(0.05) ? '\ufeff' : '';
  const optsIn = !random.chance(0.05);
  const mediaType = random.pick(['application/json', 'application/json; charset=utf-8', 'application/hal+json']);
  if (kind < 12) return { kind: 'lines', optsIn, text: mark + lines(manner), mediaType: random.pick(LINES) };
  if (kind < 30) {
    const { text, field, rules } = namedDocument({ ...manner, share: 0.2 });
    const hydrate = { field, rules, refused: random.chance(0.15) };
    return { kind: 'json', optsIn: random.chance(0.4), text: mark + text, hydrate, mediaType };
  }
  const text = random.chance(0.2) ? value(manner, 5) : several(manner);
  if (kind < 36) return { kind: 'broken', optsIn, text: mark + broken(text, random), mediaType };
  return {
    kind: 'json',
    optsIn,
    text: mark + random.pick(['', '', ' ', '\n']) + text + random.pick(['', '\n']),
    mediaType,
  };
}

/** A document that is sure to have something to it. */
function several(manner: Manner): string {
  const { random } = manner;
  const values = Array.from({ length: 1 + random.below(5) }, () =>
    random.chance(0.5) ? directive(manner, 3) : value(manner, 4),
  );
  if (random.chance(0.5)) return `[${spread(values, random)}]`;
  return `{${spread(
    values.map((one, i) => member(`"${'abcde'[i]}"`, one, random)),
    random,
  )}}`;
}

const LINES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl; charset=utf-8'];

/** Documents, a line each; some are empty, some are no JSON. */
function lines(manner: Manner): string {
  const { random } = manner;
  const line = (): string => {
    if (random.chance(0.1)) return random.pick(['', ' ', '{"esi:include":{"src":"/f/1"}', 'x']);
    return value(manner, 3).replaceAll(/[\r\n]/g, ' ');
  };
  const all = Array.from({ length: 1 + random.below(4) }, line);
  return all.join(random.pick(['\n', '\n', '\r\n'])) + random.pick(['\n', '', '\n\n']);
}

/** Text that is no JSON any more. */
function broken(text: string, random: Random): string {
  return random.pick([
    `${text},`,
    `{"a":${text}`,
    `[${text},]`,
    `[01,${text}]`,
    `${text}\u00a0`,
    '',
    `${text} ${text}`,
    `["\t",${text}]`,
  ]);
}

function foretell(page: Page, text: string, model: Model): Out {
  const { hydrate, optsIn } = page;
  if (page.kind !== 'lines') {
    const rules = hydrate === undefined || hydrate.refused ? [] : hydrate.rules;
    return model.page(text, optsIn, named(rules, model));
  }
  const parts = text.split(/(\r?\n)/).map((part) => {
    const out = part.endsWith('\n') ? part : model.page(part, optsIn);
    // What is inserted may have line ends, and must not have them here.
    return typeof out !== 'string' || part.endsWith('\n') ? out : out.replace(/[\r\n]+/g, ANY);
  });
  return parts.includes(FAIL) ? FAIL : parts.join('');
}

function judge(
  page: Page,
  { status, text, field }: Answered,
  foretold: Out,
  model: Model,
  asked: ReadonlySet<string>,
  limits: keyof typeof LIMITS,
  tally: Tally,
): string | undefined {
  if (field('inlay-hydrate') !== undefined) return 'Inlay-Hydrate was relayed';
  if (status !== 200 && status !== 502) return `status ${status}`;
  if (status === 200 && text !== undefined && page.kind !== 'broken') {
    const unread = page.kind === 'lines' ? unreadableLine(page.text, text) : unreadable(text);
    if (unread !== undefined) return unread;
  }
  if (model.ids > LIMITS[limits].ids || model.sources > LIMITS[limits].includes) {
    tally.unsure++;
    return undefined;
  }
  if (foretold === FAIL) {
    tally.failed++;
    return status === 502 || text === undefined ? undefined : `status ${status} for a page that fails`;
  }
  if (status !== 200 || text === undefined) return `status ${status} for a page that does not fail`;
  const at = departure(String(foretold), text);
  if (at !== undefined) return `other bytes from ${at} on`;
  for (const name of asked)
    if (!model.asked.has(name) && !model.unplaced.has(name)) return `asked for ${name}, which is not on the page`;
  if (model.failures === 0) for (const name of model.asked) if (!asked.has(name)) return `never asked for ${name}`;
  if (page.kind === 'lines' || page.kind === 'broken') return undefined; // those lines leave before the last is known
  const errors = field('inlay-errors');
  if (model.failures === 0 && errors !== undefined) return `Inlay-Errors: ${errors} though nothing failed`;
  if (model.standIns > 0 && !(Number(errors) > 0)) return `Inlay-Errors: ${errors} though something stands in`;
  return model.standIns > 0 && field('etag') !== undefined ? 'an ETag of a page with errors' : undefined;
}

/** The gateway's promise: what it answers is JSON in UTF-8, whoever reads it. */
function unreadable(text: string): string | undefined {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1')));
    return undefined;
  } catch (error) {
    return `not to be read: ${(error as Error).message}`;
  }
}

/** As many lines as the service sent, and each that was JSON still is. */
function unreadableLine(sent: string, text: string): string | undefined {
  const [before, after] = [sent.split('\n'), text.split('\n')];
  if (before.length !== after.length) return `${after.length} lines instead of ${before.length}`;
  return before.flatMap((line, i) => (readJson(line) === undefined ? [] : (unreadable(after[i]!) ?? [])))[0];
}

function report(page: Page, { status, text }: Answered, foretold: Out, world: World): string {
  const shown = typeof foretold === 'string' ? foretold.replaceAll(ANY, '·') : 'a failure';
  const answered = `answered ${status} ${text}`;
  return [`page ${JSON.stringify(page)}`, ...world.told(), `foretold ${shown}`, answered].join('\n');
}
