import type { Entry } from '../cache/entry.ts';
import { validatorOf } from '../cache/fill.ts';
import type { Stream } from '../cache/open.ts';
import { type Composition, compose, composeDocument, type Document, DocumentState } from '../compose/compose.ts';
import {
  type Arrived,
  type Failure,
  flow,
  type Known,
  neverRejects,
  type Piece,
  type Settled,
  settle,
  takeStock,
} from '../compose/piece.ts';
import { addPart } from '../compose/plan.ts';
import { composedEtag } from '../compose/validator.ts';
import { asInlayError, InlayError } from '../errors.ts';
import { digest, digestStrings } from '../http/digest.ts';
import type { ByteRange } from '../http/range.ts';
import { join } from '../template/bytes.ts';
import { templateOf } from '../template/compile.ts';
import type { Effect } from '../template/environment.ts';
import type { Segment, Syntax } from '../template/template.ts';
import type { AnswerBody, PageAnswer } from './exchange.ts';
import type { Gathering } from './gather.ts';
import { composedHead, type Head, type PageEntry, relayedHead, streamedHead } from './head.ts';
import type { Visit } from './page.ts';

type Page = PageEntry | Stream;

/** An answer, except for the end of its record. */
export type Composed = Omit<PageAnswer, 'done'>;

/** Passes on a page that is no template: its bytes and its own fields. */
export function relay(page: Page, visit: Visit): Composed {
  const head = relayedHead(page, visit);
  const refused = head.status === 416 && page.kind === 'entry' && page.entry.status === 200;
  if (head.status === 304 || visit.request.method === 'HEAD' || isBodiless(head.status) || refused) {
    if (page.kind === 'stream') visit.setup.runtime.background(discard(page.segments));
    return answer(head, { kind: 'none' });
  }
  if (page.kind === 'entry') {
    const chunks = page.entry.template.segments as readonly Uint8Array[];
    visit.setup.memos.keep(visit, page, head.lasting, chunks);
    return answer(head, { kind: 'whole', chunks: head.range === undefined ? chunks : cut(chunks, head.range) });
  }
  return answer(head, { kind: 'stream', batches: page.segments as AsyncIterable<readonly Uint8Array[]> });
}

/** The chunk of a body that is one; an empty one has none. */
function cut(chunks: readonly Uint8Array[], { first, last }: ByteRange): Uint8Array[] {
  return chunks.map((chunk) => chunk.subarray(first, last + 1));
}

/**
 * Composes a template. If everything is known at once, or the language cannot be cut short (JSON), the answer is whole,
 * with length and ETag. Otherwise its head and first bytes leave now, and the rest as it becomes known.
 */
export async function composePage(page: Page, syntax: Syntax, visit: Visit): Promise<Composed> {
  const { request, route, part } = visit;
  const document: Document = {
    service: route.service,
    path: request.target,
    depth: 0,
    part,
    ancestors: part.key === undefined ? [] : [part.key],
    state: new DocumentState(),
  };
  const mustWait = syntax === 'json' || request.method === 'HEAD' || visit.composition.privileged;
  const { gatherings } = visit.setup;
  const gathers = page.kind === 'entry' && !mustWait && syntax === 'html' && gatherings?.admits(visit, page) === true;
  const gathering = gathers ? gatherings.find(visit, page) : undefined;
  if (gathers && gathering !== undefined) {
    const batches = follow(gathering, page, document, visit);
    return answer(streamedHead(page, visit), { kind: 'stream', batches: limit(batches, visit) });
  }
  const template =
    page.kind === 'entry' ? whole(page.entry, document, visit) : await begin(page, mustWait, document, visit);
  let known: Known = takeStock(template.pieces);
  if (known === 'pending' && gathers) gatherings.begin(visit, page, template.pieces);
  // A head cannot be taken back: while the page begins with something unknown, or could not be cut short, it waits.
  if (known === 'pending' && mustWait) known = await settle(template.pieces);
  else if (known === 'pending') known = takeStock(await resolveFirst(template.pieces));
  if (typeof known === 'object' && 'failure' in known) {
    template.abandon();
    throw known.failure;
  }
  if (known === 'pending')
    return answer(streamedHead(page, visit), { kind: 'stream', batches: limit(flow(template.pieces), visit) });
  return wholePage(page, known, template.validator, visit);
}

/**
 * Streams a page that is being composed for another: what comes first at once, the rest when the other has it, or, if that
 * was for the other alone, composed for this visitor.
 */
async function* follow(
  { outcome }: Gathering,
  { entry }: PageEntry,
  document: Document,
  visit: Visit,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  const [first] = entry.template.segments as readonly Uint8Array[];
  yield [first!];
  const gathered = await inTime(outcome, visit);
  const { setup, composition, part } = visit;
  if (gathered !== undefined && gathered.chunks[0] === first && setup.gatherings?.accepts(gathered, visit)) {
    for (const shared of gathered.part.parts) addPart(part, shared);
    part.reason = `${part.reason}, composed for several at once`;
    yield gathered.chunks.slice(1);
    return;
  }
  yield* flow(compose(entry.template.segments, document, composition).slice(1)); // only HTML is gathered
}

/** Ms that a visitor waits for the composition of another; then what is being fetched for that is waited for by itself. */
const FOLLOW_TIMEOUT = 500;

function inTime<Value>(outcome: Promise<Value | undefined>, { setup }: Visit): Promise<Value | undefined> {
  return new Promise((resolve) => {
    const cancel = setup.runtime.after(FOLLOW_TIMEOUT, () => resolve(undefined));
    void outcome.then((value) => {
      cancel();
      resolve(value);
    });
  });
}

function wholePage(page: Page, settled: Settled, validator: () => string, visit: Visit): Composed {
  const { composition, request, setup, part } = visit;
  const most = setup.gateway.limits.pageSize;
  if (settled.length > most) throw new InlayError('limit-page-bytes', `the page is larger than ${most} bytes`);
  const { chunks, length } = inFewChunks(replacedBody(composition.effects) ?? settled);
  // What expressions printed is in no part's validator, nor is what a client refused: then the bytes themselves are hashed.
  const { evaluated, hydrated, refusesHydration } = composition;
  const etag = () =>
    evaluated || (hydrated && refusesHydration)
      ? `"${digestStrings(chunks.map(digest))}"`
      : composedEtag(validator(), part, composition.used);
  const head = composedHead(page, length, etag, visit);
  if (page.kind === 'entry') setup.memos.keep(visit, page, head.lasting, chunks);
  const bodiless = head.status === 304 || request.method === 'HEAD' || isBodiless(head.status);
  return answer(head, bodiless ? { kind: 'none' } : { kind: 'whole', chunks });
}

/** Chunks of one answer beyond which to copy them into one costs less than to hand them to a socket one by one. */
const MAX_CHUNKS = 64;

function inFewChunks({ chunks, length }: Settled): Settled {
  return chunks.length <= MAX_CHUNKS ? { chunks, length } : { chunks: [join(chunks)], length };
}

/** `$set_redirect` and `$set_response_code` with a body replace the whole page (ESI.md section 6). */
function replacedBody(effects: readonly Effect[]): Settled | undefined {
  const last = effects.findLast((effect) => effect.kind !== 'header');
  if (last === undefined || (last.kind === 'status' && last.body === undefined)) return undefined;
  const bytes = new TextEncoder().encode(last.kind === 'status' ? last.body : '');
  return { chunks: [bytes], length: bytes.length };
}

/** Counts a page while it streams: its own bytes and those of its fragments. */
async function* limit(
  batches: AsyncIterable<readonly Uint8Array[]>,
  { setup }: Visit,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  const most = setup.gateway.limits.pageSize;
  let bytes = 0;
  for await (const batch of batches) {
    for (const chunk of batch) bytes += chunk.length;
    if (bytes > most) throw new InlayError('limit-page-bytes', `the page is larger than ${most} bytes`);
    yield batch;
  }
}

/** Waits for the first byte of the page, so that what fails before it can still decide the status. */
async function resolveFirst(pieces: readonly Piece[]): Promise<readonly Piece[]> {
  for (let i = 0; i < pieces.length; i++) {
    const arrived = await pieces[i]!;
    const first = Array.isArray(arrived) ? await resolveFirst(arrived) : (arrived as Uint8Array | Failure);
    if (!Array.isArray(first) || first.length > 0) return [first, ...pieces.slice(i + 1)];
  }
  return [];
}

/** A template whose pieces are being composed. */
interface Started {
  readonly pieces: readonly Piece[];
  /** Hash of the template's own bytes; only to be asked for when nothing is pending. */
  readonly validator: () => string;
  /** Gives up what is still arriving. */
  readonly abandon: () => void;
}

function whole({ template, validator }: Entry, document: Document, { composition }: Visit): Started {
  const pieces = composeDocument(template.syntax, template.segments, document, composition);
  return { pieces, validator: () => validator, abandon: () => {} };
}

/** Composes a template while it arrives: its includes start when their tags have, whatever is still awaited before them. */
async function begin(stream: Stream, mustWait: boolean, document: Document, visit: Visit): Promise<Started> {
  const { runtime } = visit.setup;
  const batches = readBatches(stream, visit);
  const { syntax } = stream.arrival.compiler;
  const segments: Segment[] = [];
  const pieces: Piece[] = [];
  const rest = async (next: Promise<Batch>): Promise<Arrived> => {
    const batch = await next;
    if (batch === 'end') return [];
    if ('failure' in batch) return batch;
    if (mustWait) for (const segment of batch) segments.push(segment); // its validator will be asked for
    return [composeBatch(syntax, batch, document, visit.composition), neverRejects(rest(batches.read()))];
  };
  let next = batches.read();
  let batch: Batch | 'later' = await next;
  while (batch !== 'end') {
    if (batch === 'later') {
      pieces.push(neverRejects(rest(next)));
      break;
    }
    if ('failure' in batch) {
      pieces.push(batch);
      break;
    }
    for (const segment of batch) segments.push(segment);
    pieces.push(composeBatch(syntax, batch, document, visit.composition));
    next = batches.read();
    batch = await soon(next); // what arrived in one go is answered in one go
  }
  return {
    pieces,
    validator: () => validatorOf(templateOf(syntax, segments, [])),
    abandon: () => runtime.background(discard(stream.segments)),
  };
}

/** Composes a batch now, or, where an earlier one waits for an `eval`, when that has run: it may have assigned variables. */
function composeBatch(syntax: Syntax, batch: readonly Segment[], document: Document, composition: Composition): Piece {
  const { waiting } = document.state;
  if (waiting === undefined) return composeDocument(syntax, batch, document, composition);
  return neverRejects(waiting.then((): Arrived => [composeBatch(syntax, batch, document, composition)]));
}

type Batch = readonly Segment[] | Failure | 'end';

/** Reads a template's segments within the page's deadline and size. Never rejects. */
function readBatches(stream: Stream, { composition, setup, part }: Visit): { read(): Promise<Batch> } {
  const { runtime, gateway } = setup;
  const { pageTimeout, pageSize } = gateway.limits;
  const iterator = stream.segments[Symbol.asyncIterator]();
  const { promise: late, resolve: giveUp } = Promise.withResolvers<Failure>();
  const cancel = runtime.after(Math.max(0, composition.deadline - runtime.now()), () =>
    giveUp({ failure: new InlayError('upstream-timeout', `the page was not complete after ${pageTimeout} ms`) }),
  );
  let bytes = 0;
  const end = (batch: Failure | 'end'): Batch => {
    cancel();
    part.endedAt = runtime.now() - composition.startedAt;
    if (batch !== 'end') runtime.background(discard(stream.segments));
    return batch;
  };
  const read = async (): Promise<Batch> => {
    try {
      const next = await Promise.race([iterator.next(), late]);
      if ('failure' in next) return end(next);
      if (next.done === true) return end('end');
      for (const segment of next.value) if (segment instanceof Uint8Array) bytes += segment.length;
      if (bytes > pageSize)
        return end({ failure: new InlayError('limit-page-bytes', `the page is larger than ${pageSize} bytes`) });
      return next.value;
    } catch (thrown) {
      return end({ failure: asInlayError(thrown) });
    }
  };
  return { read };
}

/** The promise's value if it is there within a few turns of the microtask queue, that is, without waiting for anything. */
async function soon<Value>(promise: Promise<Value>): Promise<Value | 'later'> {
  let value: Value | 'later' = 'later';
  void promise.then((arrived) => {
    value = arrived;
  });
  for (let turns = 0; turns < 32 && value === 'later'; turns++) await undefined;
  return value;
}

/** Ends an answer that nobody takes, so that its connection is freed. */
export async function discard(segments: AsyncIterable<unknown>): Promise<void> {
  await segments[Symbol.asyncIterator]().return?.();
}

/** Statuses without a body (RFC 9110 section 6.4.1). */
function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

function answer(head: Head, body: AnswerBody): Composed {
  return { status: head.status, fields: head.fields, body };
}
