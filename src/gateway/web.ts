import { InlayError } from '../errors.ts';
import type { PageAnswer, PageRequest } from './exchange.ts';

/** Reads a `Request`, for runtimes that have nothing closer to the wire. */
export function receiveRequest(request: Request): PageRequest {
  const url = new URL(request.url);
  const fields: string[] = [];
  for (const [name, value] of request.headers) fields.push(name, value);
  return {
    method: request.method,
    target: url.pathname + url.search,
    host: url.host,
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    fields,
    peer: request.headers.get('cf-connecting-ip') ?? undefined,
    body: request.body ?? undefined,
    signal: request.signal,
  };
}

/** Statuses whose `Response` must not be given a body. */
const NULL_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** Hands out an answer as a `Response`. A body that breaks off errors the stream, so that the client sees it cut. */
export function toResponse(answer: PageAnswer, method: string): Response {
  const headers = new Headers();
  for (let i = 0; i < answer.fields.length; i += 2) headers.append(answer.fields[i]!, answer.fields[i + 1]!);
  const { body, status } = answer;
  if (status < 200 || status > 599)
    throw new InlayError('upstream-protocol', `this runtime cannot relay status ${status}`);
  if (body.kind === 'none' || method === 'HEAD' || NULL_BODY.has(status)) {
    answer.done(0);
    return new Response(null, { status, headers });
  }
  if (body.kind === 'whole') {
    const bytes = join(body.chunks);
    answer.done(bytes.byteLength);
    return new Response(bytes, { status, headers });
  }
  return new Response(streamOf(body.batches, answer.done), { status, headers });
}

function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function streamOf(batches: AsyncIterable<readonly Uint8Array[]>, done: PageAnswer['done']): ReadableStream<Uint8Array> {
  const iterator = batches[Symbol.asyncIterator]();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done === true) {
          done(bytes);
          controller.close();
          return;
        }
        for (const chunk of next.value) {
          bytes += chunk.byteLength;
          controller.enqueue(chunk);
        }
      } catch (error) {
        done(bytes, error);
        controller.error(error);
      }
    },
    async cancel() {
      done(bytes, new InlayError('client-closed', 'the client left before the end of the answer'));
      await iterator.return?.();
    },
  });
}
