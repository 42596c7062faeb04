import type { Answer } from '../../support/origin.ts';

/**
 * An instant: seconds after the record began, in one of the formats of RFC 9110 section 5.6.7. The clock only moves
 * where a record turns it, so `at(0)` is "now" until the first turn.
 */
export interface At {
  readonly at: number;
  readonly format?: 'rfc850' | 'asctime';
}

/** See {@link At}. */
export function at(seconds: number, format?: At['format']): At {
  return { at: seconds, ...(format === undefined ? {} : { format }) };
}

export type FieldValue = string | At | readonly string[];
export type RequestFields = Readonly<Record<string, FieldValue>>;

/** Fields of an answer; null leaves out one that it has by itself: Date (the record's time), Content-Type `text/plain`. */
export type AnswerFields = Readonly<Record<string, FieldValue | null>>;

/** What the service answers. A 304 to a request that is not conditional becomes a 599 instead. */
export interface Scripted extends Omit<Answer, 'headers' | 'body' | 'date'> {
  readonly headers?: AnswerFields;
  /** `#1` for the first answer of a record, `#2` for the second, … unless it is given. */
  readonly body?: string;
  /** The clock turns by so many seconds while the service thinks about it. */
  readonly takes?: number;
  /** It is held back until the client has its answer: the client must not wait for it. */
  readonly held?: boolean;
}

/** What a client asks: GET the record's own URL, unless it says otherwise. */
export interface Asked {
  readonly method?: string;
  /** Appended to the record's URL: `/part`, `?query`. */
  readonly path?: string;
  readonly headers?: RequestFields;
  readonly body?: string;
}

/** Of fields: null is absence, several lines are joined by `, `. */
export type ExpectedFields = Readonly<Record<string, string | RegExp | At | null>>;

/** What must come of it. What is not said is not asserted, but for the status and that the answer is complete. */
export interface Expected {
  /**
   * `cache`: the service was not asked. `service`: it was asked once.
   * `validated`: it was asked once, with a condition, and answered 304.
   */
  readonly from?: 'cache' | 'service' | 'validated';
  /** How often the service was asked, where `from` does not say it, or differs because a refresh goes on behind. */
  readonly requests?: number;
  /** How many requests of clients that ask at once reach the service before it answers any. */
  readonly together?: number;
  /** Default 200; a list of what is allowed. */
  readonly status?: number | readonly number[];
  readonly body?: string;
  readonly headers?: ExpectedFields;
  /** Default true. */
  readonly complete?: boolean;
  /** Interim responses, in order. */
  readonly interim?: readonly { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[];
  /** The last request that the service received. */
  readonly received?: { readonly method?: string; readonly headers?: ExpectedFields; readonly body?: string };
}

/** One request of a client, or several at once, and what comes of them. */
export interface Step {
  /** Seconds by which the clock is turned before; negative sets it back. */
  readonly turn?: number;
  readonly request?: Asked;
  /** What the service answers from now on; 200 with nothing to cache by unless it is given. */
  readonly answer?:
    | Scripted
    | ((request: { readonly method: string; field(name: string): string | undefined }) => Scripted);
  readonly expect?: Expected;
  /**
   * Clients that ask after the first, and before the service has answered it. Requests with the first one's method are
   * answered when all have arrived, those with another at once.
   */
  readonly meanwhile?: readonly { readonly request?: Asked; readonly expect?: Expected }[];
}

/** One sentence of HTTP caching and how it is tested, each with a URL of its own. */
export interface CacheRecord {
  readonly id: string;
  readonly says: string;
  /** `required`: a cache that does otherwise is wrong. `optimal`: one that does otherwise asks more than it need. */
  readonly kind: 'required' | 'optimal';
  /** Where it is said: `RFC 9111 4.2.1`. */
  readonly anchor: string;
  readonly steps: readonly Step[];
}

/** A record of two requests, as most are. */
export interface Pair {
  readonly id: string;
  readonly says: string;
  readonly anchor: string;
  readonly kind?: CacheRecord['kind'];
  /** The fields, or the whole, of the first answer. */
  readonly headers?: AnswerFields;
  readonly answer?: Omit<Scripted, 'headers'>;
  readonly first?: Asked;
  /** Seconds between them; default 3. */
  readonly turn?: number;
  readonly second?: Asked;
  /** Besides where the second answer comes from. */
  readonly expect?: Expected;
}

/** The second request is answered from the cache. Optimal unless it says otherwise: nothing obliges a cache to reuse. */
export function reuses({ kind = 'optimal', expect, ...pair }: Pair): CacheRecord {
  return { ...twice(pair, { from: 'cache', body: pair.answer?.body ?? '#1', ...expect }), kind };
}

/** The second request reaches the service and has its answer. */
export function fetches({ kind = 'required', expect, ...pair }: Pair): CacheRecord {
  return { ...twice(pair, { from: 'service', body: '#2', ...expect }), kind };
}

function twice(pair: Omit<Pair, 'kind' | 'expect'>, second: Expected): Omit<CacheRecord, 'kind'> {
  const { id, says, anchor, headers = {}, answer = {}, turn = 3 } = pair;
  const { status = 200 } = answer;
  const empty = (status === 204 && second.from === 'cache') || pair.second?.method === 'HEAD';
  const expect: Expected = {
    ...(second.from === 'cache' ? { status } : {}),
    ...second,
    ...(empty ? { body: '' } : {}),
  };
  return {
    id,
    says,
    anchor,
    steps: [
      { ...asks(pair.first), answer: { ...answer, headers }, expect: { from: 'service', status } },
      { ...asks(pair.second), turn, answer: second.from === 'cache' ? {} : { status: 200 }, expect },
    ],
  };
}

function asks(request: Asked | undefined): Pick<Step, 'request'> {
  return request === undefined ? {} : { request };
}
