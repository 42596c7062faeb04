/*
 * One number says where a process stands in the sequence of purges: which message of the stream it applied last, and how
 * many purges it has recorded since that no stream tells of (the minor number). So a purge that this process alone knows
 * of moves its stamps, and the next message of the stream is later than them all the same.
 */

/** Minor numbers between two messages of a stream. The number stays a safe integer up to 137 thousand million messages. */
export const MINORS = 65_536;

/** The number of a message of the stream: later than all that was recorded before it. Throws a `RangeError` for what is no sequence number. */
export function numberOf(seq: number): number {
  const number = seq * MINORS;
  if (!Number.isSafeInteger(seq) || seq < 0 || !Number.isSafeInteger(number + MINORS))
    throw new RangeError(`not the sequence number of a stream: ${seq}`);
  return number;
}

/** The sequence number of the latest message of the stream that a number knows of. */
export function seqOf(number: number): number {
  return Math.floor(number / MINORS);
}

/**
 * Where a process stands, or stood, as people are told: the sequence number of a message of the stream, or where it never
 * applied one, how many purges it had recorded.
 *
 * @param seq of the last message of the stream that was applied; 0 if none was
 */
export function latestOf({ seq, position }: { readonly seq: number; readonly position: number }): number {
  return seq > 0 ? seqOf(position) : position;
}
