import { InlayError } from '../errors.ts';
import type { Segment } from '../template/template.ts';
import type { Arrival } from './arrival.ts';
import type { Sink } from './fetch.ts';

type Batch = readonly Segment[];

/** Carries an answer from the fetch that brings it to the one page that takes it, while it arrives. */
export interface Feed extends Sink, AsyncIterable<Batch> {
  /** The head; `undefined` if the fetch brought none of its own, rejects with the error of one that failed before it. */
  readonly arrival: Promise<Arrival | undefined>;
  /** The fetch is over; if it told no head, there is none. */
  skip(): void;
  /** The fetch failed: the page hears of it after what had arrived before. */
  fail(error: InlayError): void;
}

/** Makes a {@link Feed}. Its one iterator must be read to the end or returned, or the connection is not freed. */
export function createFeed(): Feed {
  const head = Promise.withResolvers<Arrival | undefined>();
  let queue: Segment[] = [];
  let state: 'open' | 'ended' | 'abandoned' | InlayError = 'open';
  let arrived: () => void = () => {};
  let drained: () => void = () => {};

  const next = async (): Promise<IteratorResult<Batch, undefined>> => {
    while (queue.length === 0 && state === 'open') {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    if (queue.length > 0) {
      const value = queue;
      queue = [];
      drained();
      return { done: false, value };
    }
    if (state instanceof InlayError) throw state;
    return { done: true, value: undefined };
  };

  const abandon = async (): Promise<IteratorResult<Batch, undefined>> => {
    if (state === 'open') state = 'abandoned';
    queue = [];
    drained();
    return { done: true, value: undefined };
  };

  return {
    arrival: head.promise,
    head: head.resolve,
    skip: () => head.resolve(undefined),
    push: (segments, wait) => {
      if (state === 'abandoned') {
        // Nobody takes it: whoever keeps it reads on, the others stop here and free the connection.
        if (wait) throw new InlayError('client-closed', 'the page that took this answer is gone');
        return;
      }
      for (const segment of segments) queue.push(segment);
      arrived();
      if (!wait) return;
      return new Promise<void>((resolve) => {
        drained = resolve;
      });
    },
    end: () => {
      if (state === 'open') state = 'ended';
      arrived();
    },
    fail: (error) => {
      if (state === 'open') state = error;
      head.reject(error);
      arrived();
    },
    [Symbol.asyncIterator]: () => ({ next, return: abandon }),
  };
}
