import { InlayError } from '../errors.ts';
import { digest, digestStrings } from '../http/digest.ts';
import { endToEnd, fieldValue } from '../http/fields.ts';
import { speaksEsi } from '../http/surrogate.ts';
import { varyNames, varyValues } from '../http/vary.ts';
import type { Runtime, UpstreamResponse } from '../runtime.ts';
import { compilerFor, eachLiteral, syntaxOf, templateOf } from '../template/compile.ts';
import type { Compiler, Segment, Syntax, Template } from '../template/template.ts';
import type { Ask } from './ask.ts';
import type { Entry } from './entry.ts';
import { carriesCredentials, type Storable, storability, type Unstorable } from './storability.ts';

/** A response whose head has arrived, judged, and whose body is about to be compiled. */
export interface Arrival {
  readonly status: number;
  /** End-to-end fields. */
  readonly fields: string[];
  readonly storability: Storable | Unstorable;
  readonly body: AsyncIterable<Uint8Array>;
  /** Compiles the body while it is collected. */
  readonly compiler: Compiler;
  readonly stamp: number;
  readonly epoch: string;
  readonly respondedAt: number;
}

/** Sends the request of an ask and judges the head of the answer. Rejects with an InlayError (`upstream-…`). */
export async function fetchHead(ask: Ask, runtime: Runtime, signal: AbortSignal): Promise<Arrival> {
  const requestedAt = runtime.now();
  // The stamp is taken before the request leaves: a purge that comes while it is under way is later than it.
  const { position: stamp, epoch } = runtime.purges;
  const response = await runtime.fetch({
    method: ask.method,
    origin: ask.origin,
    path: ask.path,
    fields: [...ask.fields, ...ask.trace()],
    headTimeout: ask.headTimeout,
    signal,
    ...(ask.body === undefined ? {} : { body: ask.body }),
    ...(ask.totalTimeout === undefined ? {} : { totalTimeout: ask.totalTimeout }),
  });
  const respondedAt = runtime.now();
  if (response.status === 304 && ask.method === 'GET') {
    await response.body[Symbol.asyncIterator]().return?.();
    throw new InlayError('upstream-protocol', 'a 304 to a request without a condition', { path: ask.path });
  }
  const fields = endToEnd(response.fields);
  const syntax = await syntaxOfResponse(ask, response, fields);
  const judged = storability(
    { method: ask.method, fields: ask.fields },
    { status: response.status, fields },
    ask.ttl === undefined ? ask.policy : { ...ask.policy, ttl: ask.ttl },
    { requestedAt, respondedAt },
  );
  return {
    status: response.status,
    fields,
    compiler: compilerFor(syntax),
    storability: judged,
    body: response.body,
    stamp,
    epoch,
    respondedAt,
  };
}

/** Directives cannot be found in a coded body: one that holds some, although identity was asked for, is refused. */
async function syntaxOfResponse(ask: Ask, response: UpstreamResponse, fields: readonly string[]): Promise<Syntax> {
  const syntax = syntaxOf({ contentType: fieldValue(fields, 'content-type'), optedIn: speaksEsi(fields) }, ask.esi);
  const coding = fieldValue(fields, 'content-encoding')?.trim().toLowerCase();
  if (syntax === 'none' || coding === undefined || coding === '' || coding === 'identity') return syntax;
  await response.body[Symbol.asyncIterator]().return?.();
  throw new InlayError(
    'upstream-encoding',
    `a template arrived with Content-Encoding ${coding} although identity was asked for`,
    { path: ask.path },
  );
}

/** The complete answer as an entry. Whether it is put into the store is the caller's decision. */
export function createEntry(ask: Ask, arrival: Arrival, segments: readonly Segment[]): Entry {
  const { compiler } = arrival;
  const template = templateOf(compiler.syntax, segments, compiler.warnings);
  const literals = literalsOf(template);
  const judged = arrival.storability;
  const tags = ask.tags(arrival.fields, () => parseJson(literals));
  const names = varyNames(arrival.fields);
  const vary = names === '*' ? [] : varyValues(names, ask.fields);
  return {
    kind: 'entry',
    key: ask.key,
    origin: ask.origin,
    path: ask.path,
    stamp: arrival.stamp,
    epoch: arrival.epoch,
    status: arrival.status,
    fields: arrival.fields.slice(), // exactly as long as it is: lists that grew have room to spare
    template,
    tags,
    vary,
    validator: validatorOf(template),
    storedAt: arrival.respondedAt,
    initialAge: judged.store ? judged.initialAge : 0,
    lifetime: judged.store ? lifetimeOf(ask, judged) : 0,
    lifetimeFrom: ask.bypass === true ? 'the markup says so' : judged.store ? judged.lifetimeFrom : judged.reason,
    staleWhileRevalidate: judged.store ? judged.staleWhileRevalidate : 0,
    staleIfError: judged.store ? judged.staleIfError : 0,
    mustRevalidate: judged.store ? judged.mustRevalidate : true,
    size: sizeOf(ask, arrival.fields, tags, vary, template, literals.byteLength),
  };
}

/**
 * The lifetime of an answer that may be stored; the markup's own replaces it where the answer has one. What is stale on
 * arrival, or was asked for by somebody in particular, was never said to be fit for others, and no markup can say it.
 */
function lifetimeOf(ask: Ask, judged: Storable): number {
  const replaced = ask.ttl !== undefined && judged.lifetime > 0 && !carriesCredentials(ask.fields);
  return replaced ? ask.ttl! : judged.lifetime;
}

/** A stored template's literals are views of one buffer that holds nothing else. */
function literalsOf(template: Template): Uint8Array {
  let buffer: ArrayBufferLike | undefined;
  eachLiteral(template.segments, (bytes) => {
    buffer ??= bytes.buffer;
  });
  return new Uint8Array(buffer ?? new ArrayBuffer(0));
}

/** The hash of a body: of its literals, and of the directives and where they stand between them. */
export function validatorOf(template: Template): string {
  const literals = literalsOf(template);
  if (template.syntax === 'none') return digest(literals);
  const structure = JSON.stringify(template.segments, asLength);
  return digestStrings([digest(literals), structure]);
}

/** What an entry costs beside its bytes: objects, views and map slots, measured on V8 with 1 KiB bodies. */
const ENTRY_OVERHEAD = 900;
const SEGMENT_OVERHEAD = 150;
const STRING_OVERHEAD = 32;

function sizeOf(
  ask: Ask,
  fields: readonly string[],
  tags: readonly string[],
  vary: Entry['vary'],
  { segments, warnings }: Template,
  bytes: number,
): number {
  let size = ENTRY_OVERHEAD + bytes + segments.length * SEGMENT_OVERHEAD + 2 * (ask.key.length + ask.path.length);
  for (const text of fields) size += STRING_OVERHEAD + text.length;
  for (const tag of tags) size += STRING_OVERHEAD + tag.length;
  for (const [, value] of vary) size += STRING_OVERHEAD + value.length;
  for (const segment of segments)
    if (!(segment instanceof Uint8Array)) size += 2 * JSON.stringify(segment, asLength).length;
  for (const { message } of warnings) size += STRING_OVERHEAD + message.length;
  return size;
}

/** Literal bytes inside an instruction are counted already. */
function asLength(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? value.length : value;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // a tag by JSON pointer finds nothing in a body that is no JSON
  }
}
