import { InlayError } from '../../src/errors.ts';
import { type Fields, fieldValue } from '../../src/http/fields.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../src/runtime.ts';
import { bytesOf } from './json-text.ts';
import { batchText, type Fault, KINDS, type Kind, type Known, type World } from './json-world.ts';

/** The page of a case, as its service answers it. */
export interface PageText {
  readonly bytes: Buffer;
  readonly fields: Fields;
}

/** Names an entity in {@link Services}. */
export function entityName(type: string, id: string): string {
  return JSON.stringify([type, id]);
}

const DEEP = `"deep":${'['.repeat(600)}${']'.repeat(600)}`;

/** An answer as its service wants it, one character a byte. */
interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly text: string;
  readonly cut?: boolean;
}

/** Services that answer from a world, one turn of the event loop after they were asked. */
export class Services {
  /** Types and ids, and paths, that were asked for. */
  readonly asked = new Set<string>();
  /** Ids whose batch failed as a whole. */
  readonly failed = new Set<string>();
  /** Entities that the gateway has, if it kept what it could. */
  readonly kept = new Set<string>();
  /** What no gateway may ask. */
  readonly objections: string[] = [];
  batches = 0;
  readonly #under = new Set<string>();
  readonly #world: World;
  readonly #page: PageText;

  constructor(world: World, page: PageText) {
    this.#world = world;
    this.#page = page;
  }

  /** Waits until nothing is under way, not even what no page waits for any more. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet = this.#under.size > 0 ? 0 : quiet + 1) await turn();
  }

  /** Forgets what failed and what is kept: from now on everything is asked for again. */
  getLater(): void {
    for (const names of [this.asked, this.failed, this.kept]) names.clear();
  }

  readonly fetch = async (request: UpstreamRequest): Promise<UpstreamResponse> => {
    const { path, fields } = request;
    if (path === '/page')
      return { status: 200, fields: this.#page.fields, body: stream(this.#page.bytes, this.#world, false) };
    const found = this.#find(request, await bodyOf(request));
    if (found === undefined) {
      this.objections.push(`nobody knows ${request.method} ${path}`);
      throw new InlayError('upstream-protocol', 'nobody knows that');
    }
    for (const name of ['cookie', 'authorization'])
      if (!path.startsWith('/f/') && fieldValue(fields, name) !== undefined) this.objections.push(`a ${name}: ${path}`);
    this.#enter(found.names);
    await turn();
    return this.#respond(found, path);
  };

  #enter(names: readonly string[]): void {
    for (const name of names) {
      // Of fragments without a definition each waiter may have to fetch its own.
      if (this.#under.has(name) && !name.startsWith('/')) this.objections.push(`asked for twice at a time: ${name}`);
      if (this.kept.has(name)) this.objections.push(`asked for although it is kept: ${name}`);
      this.asked.add(name);
      this.#under.add(name);
    }
  }

  #respond({ answer, names, stays }: Reply, path: string): UpstreamResponse {
    const first = names[0]!;
    const type = first.startsWith('/') ? first : (JSON.parse(first) as string[])[0]!;
    const { optsIn, cacheControl } = this.#world.temper(type);
    const done = (whole: boolean) => {
      for (const name of names) this.#under.delete(name);
      if (whole && cacheControl !== 'no-store') for (const name of stays) this.kept.add(name);
    };
    try {
      const { status = 200, text, cut = false, ...own } = typeof answer === 'string' ? faulty(answer) : answer;
      const fields = ['content-type', own.type ?? this.#world.random(path).pick(JSON_TYPES)];
      if (optsIn) fields.push('surrogate-control', 'content="ESI/1.0"');
      if (cacheControl !== undefined) fields.push('cache-control', cacheControl);
      return { status, fields, body: ending(stream(Buffer.from(text, 'latin1'), this.#world, cut), done) };
    } catch (error) {
      done(false);
      throw error;
    }
  }

  #find(request: UpstreamRequest, body: string): Reply | undefined {
    const { method, path } = request;
    for (const kind of KINDS) {
      const ids = kind.batch === undefined ? undefined : idsOf(kind, request, body);
      if (ids !== undefined) return this.#batch(kind, ids);
      const [before = ''] = kind.path.split('{');
      if (method === 'GET' && path.startsWith(before)) return this.#single(kind, path.slice(before.length));
    }
    if (!path.startsWith('/f/')) return undefined;
    return { answer: answerOf(this.#world.fragment(path)), names: [path], stays: [] };
  }

  #batch(kind: Kind, ids: readonly string[]): Reply {
    const names = ids.map((id) => entityName(kind.name, id));
    this.batches++;
    if (ids.length > (kind.batch?.max ?? 100)) this.objections.push(`${ids.length} ids at once: ${kind.name}`);
    if (new Set(ids).size < ids.length) this.objections.push(`an id twice in a batch: ${names.join()}`);
    const { down, junk } = this.#world.temper(kind.name);
    const all = ids.map((id) => this.#world.entity(kind.name, id));
    // Who failed in one batch spoils the next, too: what becomes of an id must not depend on whom it is asked with.
    const spoilt = names.some((name) => this.failed.has(name)) ? ('status-500' as const) : undefined;
    const fault = down ?? all.flatMap((known) => (known.is === 'fault' ? known.fault : []))[0] ?? spoilt;
    if (fault !== undefined) {
      for (const name of names) this.failed.add(name);
      return { answer: fault === 'shape' ? { text: '5' } : fault, names, stays: [] };
    }
    const stays = names.filter((_, i) => all[i]!.is !== 'bad' && (all[i]!.is !== 'absent' || !junk));
    return { answer: { text: bytesOf(batchText(kind, ids, this.#world)) }, names, stays };
  }

  #single(kind: Kind, segment: string): Reply {
    const id = decodeURIComponent(segment);
    if (kind.batch !== undefined && (kind.batch.method === 'POST' || !id.includes(',')))
      this.objections.push(`a request for one of what has batches: ${kind.name} ${id}`);
    const known = this.#world.entity(kind.name, id);
    const { down } = this.#world.temper(kind.name);
    const answer = down === undefined ? answerOf(known) : down === 'shape' ? 'status-500' : down;
    const names = [entityName(kind.name, id)];
    return { answer, names, stays: typeof answer === 'object' && answer.status === undefined ? names : [] };
  }
}

/** What is answered, to whom it is about, and which of those may be kept. */
interface Reply {
  readonly answer: Answer | Fault;
  readonly names: readonly string[];
  readonly stays: readonly string[];
}

const JSON_TYPES = ['application/json', 'application/vnd.a+json; charset=utf-8'];

function answerOf(known: Known): Answer | Fault {
  switch (known.is) {
    case 'json':
      return { text: bytesOf(known.text) };
    case 'html':
      return { text: bytesOf(known.text), type: 'text/html' };
    case 'absent':
      return { status: 404, text: '{"error":1}' };
    case 'bad':
      return 'status-500';
    case 'fault':
      return known.fault;
  }
}

/** An answer that is wrong as a whole, though a directive in it could be run; throws what a rim would. */
function faulty(fault: Fault): Answer {
  const include = '"d":{"esi:include":{"src":"/f/9"}}';
  switch (fault) {
    case 'unreachable':
      throw new InlayError('upstream-unreachable', 'nobody answers');
    case 'timeout':
      throw new InlayError('upstream-timeout', 'too late');
    case 'cut':
      return { text: `{${include},"items":[`, cut: true };
    case 'empty':
      return { text: '' };
    case 'truncated':
      return { text: `{${include}` };
    case 'trailing':
      return { text: `{${include}} x` };
    case 'no-number':
      return { text: '[NaN]' };
    case 'single-quotes':
      return { text: "{'a':1}" };
    case 'bad-utf8':
      return { text: `{"items":[],"a":"\xed\xa0\x80\xff",${include}}` };
    case 'too-deep':
      return { text: `{"items":[],${DEEP},${include}}` };
    case 'html':
      return { text: '<p>Sorry</p>', type: 'text/html' };
    case 'half-escape':
      return { text: `{"items":[],"a":"\\u12",${include}}` };
    case 'control':
      return { text: `{"items":[],"a":"\x01",${include}}` };
    default:
      return { status: Number(fault.slice(-3)), text: `{"items":[],${include}}` };
  }
}

/** The ids of a batch request; `undefined` if it is none of that kind. */
function idsOf(
  { batch }: Kind,
  { method, path, fields }: UpstreamRequest,
  body: string,
): readonly string[] | undefined {
  const [before = '', after] = batch!.path.split('{ids}');
  if (after === undefined) {
    if (method !== 'POST' || path !== before) return undefined;
    if (fieldValue(fields, 'content-type') !== 'application/json') throw new Error(`a batch without its type: ${path}`);
    const { ids } = JSON.parse(body) as { ids: string[] };
    if (JSON.stringify({ ids }) !== body) throw new Error(`an odd batch: ${body}`);
    return ids;
  }
  if (method !== 'GET' || !path.startsWith(before) || !fieldValue(fields, 'accept')?.startsWith('application/json'))
    return undefined;
  return path
    .slice(before.length)
    .split(',')
    .map((id) => decodeURIComponent(id));
}

async function bodyOf({ body }: UpstreamRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Waits until everything else has had its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function* stream(bytes: Buffer, world: World, cut: boolean): AsyncGenerator<Uint8Array, void, undefined> {
  const at = bytes.length > 1 && world.seed % 3 === 0 ? world.random('cut').below(bytes.length) : bytes.length;
  if (at > 0) yield bytes.subarray(0, at);
  if (at < bytes.length) yield bytes.subarray(at);
  if (cut) throw new InlayError('upstream-reset', 'the connection broke');
}

/** A body, and who is told how it was read: to its end or not. */
async function* ending(
  body: AsyncIterable<Uint8Array>,
  done: (whole: boolean) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let whole = false;
  try {
    yield* body;
    whole = true;
  } finally {
    done(whole);
  }
}
