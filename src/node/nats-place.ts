import type { StreamInfo } from './nats-client.ts';

/** Where a message stands: in the stream, in what a consumer was sent, and how many are to come. */
export interface Place {
  readonly seq: number;
  readonly delivered: number;
  readonly pending: number;
  /** When the server stored it: ns since 1970 as decimal digits, which are more than a number holds. */
  readonly stored: string;
}

/**
 * The last message that was read, and when it was stored: empty if the stream had no such message any more. A stream that
 * lost its end gives out the same numbers again, but never the same time.
 */
export type Bookmark = Pick<Place, 'seq' | 'stored'>;

/** What a message's reply subject says of its place; `undefined` if that is not the reply subject of one. */
export function placeOf(reply: string | undefined): Place | undefined {
  const tokens = (reply ?? '').split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  // Servers from 2.x on may name domain and account before the stream.
  const at = tokens.length === 9 ? 5 : 7;
  const [seq, delivered, pending] = [Number(tokens[at]), Number(tokens[at + 1]), Number(tokens[at + 3])];
  const stored = tokens[at + 2]!;
  return Number.isSafeInteger(seq) && Number.isSafeInteger(delivered) && Number.isSafeInteger(pending)
    ? { seq, delivered, pending, stored }
    : undefined;
}

/** When a message was stored, in ms since 1970, by the server's clock; `undefined` if its place does not say. */
export function storedAt({ stored }: Pick<Place, 'stored'>): number | undefined {
  return /^\d{1,19}$/.test(stored) ? Math.floor(Number(stored) / 1e6) : undefined;
}

/** The last message of a stream. */
export function endOf({ state }: Pick<StreamInfo, 'state'>): Bookmark {
  const { first_seq: first, last_seq: seq, last_ts: time } = state;
  return { seq, stored: seq === 0 || first > seq ? '' : nanosOf(time) };
}

/** Of a time as Go prints it: in UTC, with as many digits after the point as it needs. */
function nanosOf(time: string): string {
  const [whole = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${Date.parse(`${whole}Z`) / 1_000}${fraction.padEnd(9, '0')}`;
}

/**
 * What the first message that arrives says of the one that was read last, which was asked for:
 * - `same`: it is that one; nothing has changed.
 * - `earlier`: the server that reads for us is behind the others of its cluster, and will come to it.
 * - `next`: that one was dropped by its age, or with all before it, and this one follows.
 * - `other`: another message has its number.
 * - `gone`: it is not there, though older ones are.
 *
 * @param first the sequence number of the first message that the stream has
 */
export function meet(
  last: Bookmark,
  { seq, stored }: Bookmark,
  first: number,
): 'same' | 'earlier' | 'next' | 'other' | 'gone' {
  if (seq < last.seq) return 'earlier';
  if (seq === last.seq) return stored === last.stored ? 'same' : 'other';
  return first > last.seq || last.stored === '' ? 'next' : 'gone';
}
