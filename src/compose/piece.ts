import { asInlayError, type InlayError } from '../errors.ts';

/** A failure that decides the fate of the document that it stands in. */
export interface Failure {
  readonly failure: InlayError;
}

/** Composed output that is no longer awaited as such; pieces inside it may be. */
export type Arrived = Uint8Array | Failure | readonly Piece[];

/** Composed output in document order: bytes, a failure, more pieces, or what is still on its way. A promise never rejects. */
export type Piece = Arrived | Promise<Arrived>;

/** A promise that keeps the promise of pieces: what goes wrong is a failure that stands in the output. */
export function neverRejects(promise: Promise<Arrived>): Promise<Arrived> {
  return promise.catch((thrown): Arrived => ({ failure: asInlayError(thrown) }));
}

/** Output that is all there: nothing is on its way and nothing failed. */
export interface Settled {
  readonly chunks: readonly Uint8Array[];
  /** Bytes. */
  readonly length: number;
}

/** What is known of some output at this moment. */
export type Known = Settled | Failure | 'pending';

/** Takes stock without waiting; a failure anywhere is known before what is pending. */
export function takeStock(pieces: readonly Piece[]): Known {
  const chunks: Uint8Array[] = [];
  const found = collect(pieces, chunks);
  if (found !== undefined) return found;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return { chunks, length };
}

function collect(pieces: readonly Piece[], chunks: Uint8Array[]): Failure | 'pending' | undefined {
  let pending: 'pending' | undefined;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      chunks.push(piece);
    } else if (piece instanceof Promise) {
      pending = 'pending';
    } else if ('failure' in piece) {
      return piece;
    } else {
      const found = collect(piece, chunks);
      if (found === 'pending') pending = found;
      else if (found !== undefined) return found;
    }
  }
  return pending;
}

/** Waits until nothing is pending any more. */
export async function settle(pieces: readonly Piece[]): Promise<Settled | Failure> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const batch of flow(pieces)) for (const chunk of batch) chunks.push(chunk);
  } catch (error) {
    return { failure: asInlayError(error) };
  }
  return { chunks, length: chunks.reduce((length, chunk) => length + chunk.length, 0) };
}

/** Wins a race against what is not there yet, and loses one against what is. */
const PENDING = Symbol('pending');

/** Hands out chunks in document order, as much at once as is known. Throws the error of a failure when it is reached. */
export async function* flow(pieces: Iterable<Piece>): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let ready: Uint8Array[] = [];
  const stack: Iterator<Piece>[] = [pieces[Symbol.iterator]()];
  while (stack.length > 0) {
    const next = stack.at(-1)!.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    let piece = next.value;
    if (piece instanceof Promise) {
      const now: Arrived | symbol = ready.length === 0 ? await piece : await Promise.race([piece, PENDING]);
      if (typeof now === 'symbol') {
        yield ready;
        ready = [];
        piece = await piece;
      } else {
        piece = now;
      }
    }
    if (piece instanceof Uint8Array) ready.push(piece);
    else if ('failure' in piece) {
      if (ready.length > 0) yield ready;
      throw piece.failure;
    } else stack.push(piece[Symbol.iterator]());
  }
  if (ready.length > 0) yield ready;
}
