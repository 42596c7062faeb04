import { decodeBody } from '../cache/decode.ts';
import { createPlaces } from '../cache/places.ts';
import { asInlayError, InlayError } from '../errors.ts';
import { parseContentEncoding } from '../http/content-coding.ts';
import { type Fields, fieldValue, withoutFields } from '../http/fields.ts';
import type { Runtime, UpstreamRequest, UpstreamResponse } from '../runtime.ts';
import { join } from '../template/bytes.ts';
import { absentFields, type BatchItems, itemFields, readBatch, refusedFields } from './batch-answer.ts';
import {
  type BatchCall,
  byPage,
  type Chunk,
  chunksOf,
  forgetLeft,
  isWanted,
  type Place,
  placeOf,
  settle,
  type Waiter,
  whileWanted,
} from './batch-waiters.ts';

/**
 * The batches that are forming: per process on Node, where pages that ask in the same turn of the event loop share them,
 * per request at the edge, where a promise may not cross requests.
 */
export interface Batches {
  /** Asks for an entity with the next batch of its kind. The answer is as if it had been asked for alone. */
  fetch(
    call: BatchCall,
    request: UpstreamRequest,
    runtime: Pick<Runtime, 'fetch' | 'codings'>,
  ): Promise<UpstreamResponse>;
}

/** Bytes of the answer to a batch. */
const MAX_ANSWER = 10 * 1024 * 1024;
/** Batches under way at once beyond the places of the pages that ask. */
const MAX_SHARED = 32;
/** Ids of one kind that may wait for the end of a turn; then the batch does not wait for it. */
const MAX_FORMING = 10_000;

/**
 * @param later calls back when what is ready now has been done: what is asked for until then goes into one batch
 */
export function createBatches(later: (callback: () => void) => void): Batches {
  const places = createPlaces(MAX_SHARED);
  const forming = new Map<string, Waiter[]>();
  return {
    fetch: (call, request, runtime) =>
      new Promise((resolve, reject) => {
        const waiter: Waiter = { call, request, resolve, reject, over: false };
        const kind = kindOf(call);
        let waiters = forming.get(kind);
        if (waiters === undefined || waiters.length >= MAX_FORMING) {
          const own: Waiter[] = [];
          waiters = own;
          forming.set(kind, own);
          later(() => {
            if (forming.get(kind) === own) forming.delete(kind);
            for (const chunk of chunksOf(own.filter(isWanted))) void send(chunk, runtime, places);
          });
        }
        waiters.push(waiter);
      }),
  };
}

const texts = new WeakMap<Fields, string>();

/** What can be asked for with one request: the same definition, path and fields. */
function kindOf({ name, path, fields }: BatchCall): string {
  let text = texts.get(fields);
  if (text === undefined) {
    text = JSON.stringify(fields);
    texts.set(fields, text);
  }
  return `${name}\n${path[0]}\n${path[1]}\n${text}`;
}

/** Sends one request for the ids of a chunk, and tells all who wait for one of them. Never rejects. */
async function send(chunk: Chunk, runtime: Pick<Runtime, 'fetch' | 'codings'>, shared: Place): Promise<void> {
  const waiters = [...chunk.values()].flat();
  const { call, request } = waiters[0]!;
  const interest = whileWanted(waiters);
  try {
    const leave = await placeOf(waiters, shared, interest);
    try {
      forgetLeft(chunk);
      if (chunk.size === 0) return;
      const asked = batchRequest([...chunk.keys()], call, request, interest.signal);
      const response = await runtime.fetch(asked);
      const bytes = await bodyOf(response, runtime, asked.path);
      const pages = isRefused(response) ? byPage(chunk) : [];
      // What one page asked for must not be what another is refused for.
      if (pages.length > 1) for (const page of pages) void send(page, runtime, shared);
      else answer(chunk, response, bytes, asked.path);
    } finally {
      leave();
    }
  } catch (thrown) {
    const error = asInlayError(thrown);
    for (const waiter of waiters) settle(waiter, error);
  }
}

function isRefused({ status }: UpstreamResponse): boolean {
  return status >= 400 && status < 500;
}

const encoder = new TextEncoder();

/** What one entity was when it was asked for alone says nothing of a batch; and a batch is JSON. */
const REPLACED: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'accept']);

function batchRequest(
  ids: readonly string[],
  { batch, service, path: [before, after] }: BatchCall,
  first: UpstreamRequest,
  signal: AbortSignal,
): UpstreamRequest {
  const { headTimeout, totalTimeout } = first;
  const fields = [...withoutFields(first.fields, REPLACED), 'accept', 'application/json'];
  const limits = { headTimeout, signal, ...(totalTimeout === undefined ? {} : { totalTimeout }) };
  const { origin } = service;
  if (batch.method === 'GET') {
    const path = before + ids.map(encodeURIComponent).join(',') + after;
    return { method: 'GET', origin, path, fields, ...limits };
  }
  const body = encoder.encode(JSON.stringify({ ids }));
  const framed = [...fields, 'content-type', 'application/json', 'content-length', String(body.length)];
  return { method: 'POST', origin, path: before, fields: framed, body: one(body), ...limits };
}

async function bodyOf(
  { body, fields }: UpstreamResponse,
  { codings }: Pick<Runtime, 'codings'>,
  path: string,
): Promise<Uint8Array> {
  const applied = parseContentEncoding(fieldValue(fields, 'content-encoding'));
  const plain = applied.length === 0 ? body : decodeBody(applied, body, { codings, maxSize: MAX_ANSWER, path });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of plain) {
    length += chunk.length;
    if (length > MAX_ANSWER)
      throw new InlayError('upstream-too-large', `the answer to a batch is larger than ${MAX_ANSWER} bytes`, { path });
    chunks.push(chunk);
  }
  return join(chunks);
}

/** Gives each who waits what the answer has for it. */
function answer(chunk: Chunk, { status, fields }: UpstreamResponse, bytes: Uint8Array, path: string): void {
  if (status < 200 || status > 299) {
    const refused = refusedFields(fields, chunk.size > 1);
    for (const waiters of chunk.values())
      for (const waiter of waiters) settle(waiter, { status, fields: refused, body: NOTHING });
    return;
  }
  const { batch } = chunk.values().next().value![0]!.call;
  const items = readBatch(bytes, batch);
  if (typeof items === 'string') throw new InlayError('fragment-not-json', `${path}: ${items}`, { path });
  const asJson = itemFields(fields, 'application/json');
  const asHtml = itemFields(fields, 'text/html; charset=utf-8');
  const absent = absentFields(fields);
  for (const [id, waiters] of chunk)
    for (const waiter of waiters)
      settle(waiter, entityAnswer(id, items, bytes, { asJson, asHtml, absent, path, waiter }));
}

interface Dress {
  readonly asJson: Fields;
  readonly asHtml: Fields;
  readonly absent: Fields;
  readonly path: string;
  readonly waiter: Waiter;
}

function entityAnswer(
  id: string,
  { byId, nameless }: BatchItems,
  bytes: Uint8Array,
  { asJson, asHtml, absent, path, waiter }: Dress,
): UpstreamResponse | InlayError {
  const { batch, maxSize } = waiter.call;
  const found = byId.get(id);
  if (found === undefined) {
    if (nameless === 0) return { status: 404, fields: absent, body: NOTHING };
    const at = batch.id.map((token) => `/${token}`).join('');
    return new InlayError('fragment-failed', `${path}: ${nameless} items have no id at "${at}", and none is "${id}"`, {
      path,
    });
  }
  if (found.body === undefined) {
    const at = batch.body?.map((token) => `/${token}`).join('') ?? '';
    return new InlayError('fragment-failed', `${path}: item "${id}" has nothing at "${at}"`, { path });
  }
  const own = bytes.subarray(found.body.start, found.body.end);
  if (own.length > maxSize)
    return new InlayError('upstream-too-large', `${path}: item "${id}" is larger than ${maxSize} bytes`, { path });
  const isText = batch.body !== undefined && own[0] === 0x22;
  const { start, end } = found.item;
  return {
    status: 200,
    fields: isText ? asHtml : asJson,
    body: one(isText ? encoder.encode(JSON.parse(decoder.decode(own))) : own),
    json: !isText,
    item: () => JSON.parse(decoder.decode(bytes.subarray(start, end))),
  };
}

const decoder = new TextDecoder();

/** A body of these bytes. */
function one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      let done = bytes.length === 0;
      return {
        next: async () => {
          if (done) return { done: true, value: undefined };
          done = true;
          return { done: false, value: bytes };
        },
        return: async () => {
          done = true;
          return { done: true, value: undefined };
        },
      };
    },
  };
}

const NOTHING = one(new Uint8Array(0));
