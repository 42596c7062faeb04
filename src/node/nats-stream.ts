import { InlayError } from '../errors.ts';
import type { MsgHdrs, NatsConnection, NatsError, StreamInfo } from './nats-client.ts';
import { coversSubject } from './nats-subjects.ts';

/** The stream that purges are kept in. */
export const STREAM = 'INLAY_PURGE';

/** Ms for an answer of the server. */
const ANSWER_WAIT = 2_000;

/**
 * The stream as its server knows it; `undefined` if there is none, or the server keeps no streams.
 *
 * @param isExpected it was there: then it rejects while nobody answers for streams at all
 */
export async function findStream(connection: NatsConnection, isExpected = false): Promise<StreamInfo | undefined> {
  try {
    const manager = await connection.jetstreamManager({ timeout: ANSWER_WAIT, checkAPI: false });
    return await manager.streams.info(STREAM);
  } catch (thrown) {
    const isMuted = isExpected && (thrown as NatsError).code === '503';
    if (isAbsent(thrown as NatsError) && !isMuted) return undefined;
    throw thrown;
  }
}

/**
 * Nobody answers for streams, there is none of that name, they are not enabled (here), or not ours to read. An answer that
 * says 503 is another thing: a cluster that elects its leader has the stream all the same.
 */
function isAbsent({ code, api_error: answer }: NatsError): boolean {
  return answer === undefined ? code === '503' || code === 'PERMISSIONS_VIOLATION' : ABSENT.has(answer.err_code ?? 0);
}

/** Error codes of the server's API: stream not found; JetStream not enabled, for the account, or at all. */
const ABSENT: ReadonlySet<number> = new Set([10_059, 10_039, 10_076]);

/** Names one run of a stream: one that was deleted and made again counts from 1 again. */
export function epochOf({ config, created }: StreamInfo): string {
  return `${config.name} ${created}`;
}

/** Whether the stream keeps what is published on a subject (wildcards allowed). */
export function keeps({ config }: StreamInfo, subject: string): boolean {
  return config.subjects.some((kept) => coversSubject(kept, subject));
}

/** What is published to the stream. */
interface Kept {
  readonly subject: string;
  readonly text: string;
  readonly id: string;
  readonly isFirst: boolean;
  /** Fresh ones: `nats` adds to them, and would take an object that it saw before for a duplicate. */
  readonly headers?: MsgHdrs;
}

/**
 * Publishes to the stream, and resolves with the sequence number when the server has it. A second try is one with the same
 * id, and the server takes one of them.
 */
export async function publishKept(
  connection: NatsConnection,
  { subject, text, id, isFirst, ...signed }: Kept,
): Promise<number> {
  const stream = connection.jetstream({ timeout: ANSWER_WAIT });
  const options = { ...signed, msgID: id, expect: { streamName: STREAM } };
  const { seq, duplicate } = await stream.publish(subject, text, options);
  if (duplicate && isFirst) throw new InlayError('not-ready', `a purge with the id ${id} was published before`);
  return seq;
}

/** Whether what could not be published may be taken when it is tried again: nothing said no. */
export function isPassing(thrown: unknown): boolean {
  if (thrown instanceof InlayError) return false;
  const { code, api_error: answer } = thrown as Partial<NatsError>;
  return answer === undefined ? code === undefined || PASSING.has(code) : answer.code === 503;
}

const PASSING: ReadonlySet<string> = new Set([
  'TIMEOUT',
  '503',
  'CONNECTION_CLOSED',
  'CONNECTION_DRAINING',
  'DISCONNECT',
]);
