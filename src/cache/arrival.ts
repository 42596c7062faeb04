import { InlayError } from '../errors.ts';
import { parseContentEncoding } from '../http/content-coding.ts';
import { endToEnd, type Fields, fieldValue, withoutFields } from '../http/fields.ts';
import { parseHydrate } from '../http/hydrate.ts';
import { speaksEsi } from '../http/surrogate.ts';
import type { Runtime, UpstreamRequest, UpstreamResponse } from '../runtime.ts';
import { compilerFor, jsonSyntaxOf, syntaxOf } from '../template/compile.ts';
import type { Reading } from '../template/json-reader.ts';
import type { Compiler, Syntax, Warning } from '../template/template.ts';
import type { Ask } from './ask.ts';
import { decodeBody } from './decode.ts';
import type { Entry } from './entry.ts';
import { entryOf } from './fill.ts';
import type { Interest } from './interest.ts';
import { recalling } from './recall.ts';
import { type ExchangeTimes, postStorability, type Storable, storability, type Unstorable } from './storability.ts';
import { conditionsOf, isAbout, updatedFields } from './update.ts';

/** A response whose head has arrived, judged, and whose body is about to be compiled. */
export interface Arrival {
  readonly status: number;
  /** End-to-end fields. */
  readonly fields: string[];
  readonly storability: Storable | Unstorable;
  readonly body: AsyncIterable<Uint8Array>;
  /** Compiles the body while it is collected. */
  readonly compiler: Compiler;
  /** What the body is, or of a HEAD would be. */
  readonly syntax: Syntax;
  /** Moved only by who knows that nothing but its own purge came since. */
  stamp: number;
  readonly epoch: string;
  readonly requestedAt: number;
  readonly respondedAt: number;
  /** The item of a batch that the body is taken from: parsed, tags by pointer are read from it. */
  readonly item?: (() => unknown) | undefined;
  /** The body is known to be one JSON value. */
  readonly json?: boolean | undefined;
}

/** The service says that what we hold is still what it has. */
export interface Unchanged {
  readonly unchanged: Entry;
  readonly storability: Storable | Unstorable;
}

/**
 * Sends the request of an ask and judges the head of the answer. Rejects with an InlayError (`upstream-…`).
 *
 * @param held is asked about, if it has validators: then the answer may be that it is unchanged
 */
export async function fetchHead(
  ask: Ask,
  runtime: Runtime,
  interest: Interest,
  held?: Entry,
): Promise<Arrival | Unchanged> {
  const requestedAt = runtime.now();
  // The stamp is taken before the request leaves: a purge that comes while it is under way is later than it.
  const { position: stamp, epoch } = runtime.purges;
  const conditions = held === undefined ? [] : conditionsOf(held);
  const request: UpstreamRequest = {
    method: ask.method,
    origin: ask.origin,
    path: ask.path,
    fields: [...ask.fields, ...conditions, ...ask.trace()],
    headTimeout: ask.headTimeout,
    ...(ask.via === undefined ? { signal: interest.signal } : {}),
    interim: ask.interim,
    ...(ask.body === undefined ? {} : { body: ask.body }),
    ...(ask.totalTimeout === undefined ? {} : { totalTimeout: ask.totalTimeout }),
  };
  const response = await (ask.via === undefined ? runtime.fetch(request) : ask.via(request, interest, runtime));
  const times = { requestedAt, respondedAt: runtime.now() };
  const fields = endToEnd(response.fields);
  if (response.status === 304 && SAFE_READS.has(ask.method)) {
    await giveUp(response);
    if (held === undefined || conditions.length === 0)
      throw new InlayError('upstream-protocol', 'a 304 to a request without a condition', { path: ask.path });
    const updated = isAbout(fields, held) ? renew(ask, held, fields, { times, stamp, epoch }) : undefined;
    return updated ?? fetchHead(ask, runtime, interest);
  }
  const { syntax, reading, problems } = readingOf(fields, ask);
  if (response.status === 206 && (syntax !== 'none' || ask.decoded === true)) {
    await giveUp(response); // directives are looked for in whole bodies
    if (fieldValue(ask.fields, 'range') === undefined)
      throw new InlayError('upstream-protocol', 'a 206 to a request for the whole', { path: ask.path });
    return fetchHead({ ...ask, fields: withoutFields(ask.fields, RANGE) }, runtime, interest);
  }
  const judged = judge(ask, { status: response.status, fields }, times);
  const compiler = compilerFor(ask.method === 'HEAD' ? 'none' : syntax, reading);
  for (const message of problems)
    (compiler.warnings as Warning[]).push({ code: 'invalid-hydrate', offset: 0, message });
  return {
    status: response.status,
    compiler:
      syntax === 'none' ? compiler : recalling(ask, runtime, compiler, { judged, reading, length: lengthOf(fields) }),
    syntax,
    storability: judged,
    ...decoded(ask, response.body, fields, syntax, runtime),
    stamp,
    epoch,
    ...times,
    item: response.item,
    json: response.json,
  };
}

/** How a body is to be read. */
interface HowToRead {
  readonly syntax: Syntax;
  readonly reading: Reading | undefined;
  /** What is wrong with what the service says of the ids in it. */
  readonly problems: readonly string[];
}

/**
 * What a body is compiled as: by its opt-in, and by what its service or its route says of the ids in it, which lets no
 * directive run that somebody may have written into a document that did not opt in.
 */
function readingOf(fields: Fields, { esi, hydrate, isType }: Ask): HowToRead {
  const contentType = fieldValue(fields, 'content-type');
  const syntax = syntaxOf({ contentType, optedIn: speaksEsi(fields) }, esi);
  const said = esi === 'off' ? undefined : (fieldValue(fields, 'inlay-hydrate') ?? hydrate);
  const json = said === undefined ? 'none' : jsonSyntaxOf(contentType);
  if (said === undefined || json === 'none') return { syntax, reading: undefined, problems: [] };
  const parsed = parseHydrate(said);
  const rules = parsed.rules.filter(({ type }) => isType?.(type) === true);
  const unknown = parsed.rules.filter((rule) => !rules.includes(rule));
  const problems = [...parsed.problems, ...unknown.map(({ type }) => `no fragment is defined with the name "${type}"`)];
  if (rules.length === 0) return { syntax, reading: undefined, problems };
  return { syntax: json, reading: { directives: syntax !== 'none', rules }, problems };
}

/** Bytes of a body as it is sent, if its head says so and it is not coded; else 0. */
function lengthOf(fields: Fields): number {
  const coded = parseContentEncoding(fieldValue(fields, 'content-encoding')).length > 0;
  return coded ? 0 : Number(fieldValue(fields, 'content-length') ?? 0);
}

const SAFE_READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const RANGE: ReadonlySet<string> = new Set(['range', 'if-range']);

async function giveUp({ body }: UpstreamResponse): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}

function judge(
  ask: Ask,
  response: { readonly status: number; readonly fields: Fields },
  times: ExchangeTimes,
): Storable | Unstorable {
  if (ask.method === 'POST' && ask.isOwn !== undefined) return postStorability(ask, response, ask.isOwn, times);
  const policy = ask.ttl === undefined ? ask.policy : { ...ask.policy, ttl: ask.ttl };
  return storability({ method: ask.method, fields: ask.fields }, response, policy, times);
}

/** Directives cannot be found in a coded body, and a coded fragment is no part of a page: both are decoded on arrival. */
function decoded(
  ask: Ask,
  body: AsyncIterable<Uint8Array>,
  fields: string[],
  syntax: Syntax,
  { codings }: Runtime,
): Pick<Arrival, 'body' | 'fields'> {
  const applied = parseContentEncoding(fieldValue(fields, 'content-encoding'));
  if (applied.length === 0 || ask.method === 'HEAD' || (syntax === 'none' && ask.decoded !== true))
    return { body, fields };
  const own = withoutFields(fields, OF_THE_CODING);
  const etag = fieldValue(fields, 'etag');
  // A strong tag means the coded bytes: of what they say it can only be a weak one (RFC 9110 section 8.8.3.3).
  if (etag !== undefined) own.push('etag', etag.startsWith('W/') ? etag : `W/${etag}`);
  return { body: decodeBody(applied, body, { codings, maxSize: ask.maxSize, path: ask.path }), fields: own };
}

const OF_THE_CODING: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-md5',
  'content-digest',
  'digest',
  'etag',
]);

/**
 * What we hold, with the fields and the freshness that the service sent for it (RFC 9111 section 4.3.4); `undefined` if
 * its body would now have to be read in another way.
 */
export function renew(
  ask: Ask,
  held: Entry,
  answered: Fields,
  { times, stamp, epoch }: { readonly times: ExchangeTimes; readonly stamp: number; readonly epoch: string },
): Unchanged | undefined {
  const fields = updatedFields(held.fields, answered);
  const wanted = readingOf(fields, ask).syntax;
  if (held.template.syntax === 'none' && wanted !== 'none') return undefined;
  if (fieldValue(held.fields, 'inlay-hydrate') !== fieldValue(fields, 'inlay-hydrate')) return undefined;
  const judged = judge({ ...ask, method: 'GET' }, { status: held.status, fields }, times);
  const arrival = { status: held.status, fields, storability: judged, stamp, epoch, respondedAt: times.respondedAt };
  return { unchanged: entryOf(ask, arrival, held.template, held.validator), storability: judged };
}
