import { InlayError } from '../errors.ts';
import {
  AckPolicy,
  type ConsumerInfo,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  nanos,
  type StreamInfo,
  type Subscription,
} from './nats-client.ts';
import { coversSubject } from './nats-subjects.ts';

/** The stream that purges are kept in. */
export const STREAM = 'INLAY_PURGE';

/** Ms between two signs of life of an idle stream, and ms of silence after which it may have fallen behind. */
const HEARTBEAT = 1_000;
export const SILENCE = 2_500;
/** Ms until the server forgets a consumer that nobody listens to. */
const INACTIVE = 10_000;
/** Ms for an answer of the server. */
const ANSWER_WAIT = 2_000;

/** What a reader is told. Nothing of it may throw. */
export interface StreamListener {
  /** A message, in order, without a gap since the last one; `message` is the whole of it, of which headers are anybody's. */
  message(subject: string, seq: number, data: Uint8Array, message: Msg): void;
  /** The stream dropped messages up to this one, which were not told. */
  dropped(seq: number): void;
  /** All that was in the stream has been told. */
  caughtUp(): void;
  /** Nothing came for {@link SILENCE}, though something should have; the next message or sign of life ends it. */
  silent(): void;
  alive(): void;
}

/** The stream as its server knows it; `undefined` if there is none, or the server keeps no streams. */
export async function findStream(connection: NatsConnection): Promise<StreamInfo | undefined> {
  try {
    const manager = await connection.jetstreamManager({ timeout: ANSWER_WAIT, checkAPI: false });
    return await manager.streams.info(STREAM);
  } catch (thrown) {
    if (isAbsent(thrown as NatsError)) return undefined;
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

/** Messages that the server may send ahead of what has been read. */
const WINDOW = 256;

/**
 * Reads a stream from a sequence number on, in order: an ordered push consumer. When a message is missing it begins anew
 * behind the last one that came, and so it does when nothing comes: the server forgets consumers in a crash, and tells
 * nobody. Ends with its connection, with the stream, or when it is stopped.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #epoch: string;
  readonly #listener: StreamListener;
  #manager: JetStreamManager | undefined;
  #subscription: Subscription | undefined;
  /** Sequence numbers of the last message: in the stream, and of this consumer. */
  #last: number;
  #delivered = 0;
  /** Nothing is to come. */
  #isAtEnd = false;
  /** What comes is of the stream that we mean. */
  #isOurs = false;
  #isCaughtUp = false;
  #isSilent = false;
  #heardAt: number;
  #restarting = false;
  #stopped = false;
  readonly #watch: NodeJS.Timeout;
  readonly #failed: (reason: Error) => void;
  /** Messages that are known to be in the stream still. */
  pending = 0;
  /** Rejects when it cannot go on: then the connection is of no use. */
  readonly failure: Promise<never>;

  /** @param from the stream, as {@link epochOf} names it, and the sequence number of the last message that is known */
  constructor(
    connection: NatsConnection,
    { epoch, last }: { readonly epoch: string; readonly last: number },
    listener: StreamListener,
  ) {
    this.#connection = connection;
    this.#epoch = epoch;
    this.#listener = listener;
    this.#last = last;
    this.#heardAt = performance.now();
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    this.#failed = (reason) => {
      if (!this.#stopped) reject(reason);
    };
    promise.catch(() => undefined);
    this.#watch = setInterval(() => this.#look(), HEARTBEAT / 4);
  }

  /** Whether all that is in the stream has been told, and signs of life arrive. */
  get isCurrent(): boolean {
    return this.#isCaughtUp && !this.#isSilent;
  }

  async start(): Promise<void> {
    this.#manager = await this.#connection.jetstreamManager({ timeout: ANSWER_WAIT, checkAPI: false });
    await this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watch);
    if (!this.#connection.isClosed()) this.#subscription?.unsubscribe();
  }

  async #begin(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#delivered = 0;
    this.#isAtEnd = this.#isOurs = this.#isCaughtUp = false;
    const inbox = createInbox();
    const subscription = this.#connection.subscribe(inbox, {
      callback: (error, message) => {
        if (this.#subscription !== subscription || this.#stopped) return;
        if (error === null) this.#take(message);
        else this.#failed(error);
      },
    });
    this.#subscription = subscription;
    const info: ConsumerInfo = await this.#manager!.consumers.add(STREAM, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#last + 1,
      // Acknowledged only so that no more than a window is under way: a flood must leave turns for pages between.
      ack_policy: AckPolicy.All,
      max_ack_pending: WINDOW,
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT),
      inactive_threshold: nanos(INACTIVE),
      mem_storage: true,
      num_replicas: 1,
    });
    this.#heard();
    if (this.#delivered === 0) this.pending = info.num_pending;
    // Those that it has sent already are counted as delivered, not as pending.
    if (info.num_pending === 0 && info.delivered.stream_seq <= this.#last) this.#isAtEnd = true;
    await this.#identify();
  }

  /** A consumer is of the stream that has the name now. To be asked after it was made: then it is of no other. */
  async #identify(): Promise<void> {
    const stream = await this.#manager!.streams.info(STREAM);
    if (epochOf(stream) !== this.#epoch || stream.state.last_seq < this.#last)
      throw new Error(`the stream ${STREAM} was made anew`);
    if (stream.state.first_seq > this.#last + 1) this.#listener.dropped(stream.state.first_seq - 1);
    this.#isOurs = true;
    this.#arrive();
  }

  #take(message: Msg): void {
    const { reply, data, subject } = message;
    // Headers of what the stream keeps are anybody's: they are not looked at here, and `nats` throws for some.
    const place = placeOf(reply);
    if (place === undefined) {
      if (message.headers?.code === 100) this.#sign(message);
      return;
    }
    this.#heard();
    if (place.delivered !== this.#delivered + 1) {
      this.#again();
      return;
    }
    this.#delivered = place.delivered;
    this.#last = place.seq;
    this.pending = place.pending;
    this.#listener.message(subject, place.seq, data, message);
    if (place.delivered % (WINDOW / 2) === 0) message.respond();
    this.#isAtEnd = place.pending === 0;
    this.#arrive();
  }

  /** A sign of life, or the server's question whether it may go on sending. */
  #sign(message: Msg): void {
    const { headers } = message;
    this.#heard();
    const stalled = headers?.get('Nats-Consumer-Stalled');
    if (message.reply !== undefined && message.reply !== '') message.respond();
    else if (stalled) this.#connection.publish(stalled);
    const delivered = Number(headers?.get('Nats-Last-Consumer') || Number.NaN);
    if (delivered > this.#delivered) this.#again();
    // The server has nothing more: what was to come may have been dropped from the stream meanwhile.
    else if (delivered === this.#delivered && !stalled) {
      // It waits for an acknowledgement that does not come, or what was to come was dropped: a new consumer knows.
      if (this.pending > 0 || (delivered >= WINDOW && delivered % (WINDOW / 2) === 0)) this.#again();
      else {
        this.#isAtEnd = true;
        this.#arrive();
      }
    }
  }

  #arrive(): void {
    if (this.#isCaughtUp || !this.#isAtEnd || !this.#isOurs) return;
    this.#isCaughtUp = true;
    this.#listener.caughtUp();
  }

  #heard(): void {
    this.#heardAt = performance.now();
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#listener.alive();
  }

  #look(): void {
    if (this.#isSilent || performance.now() - this.#heardAt < SILENCE) return;
    this.#isSilent = true;
    this.#again();
  }

  /** Something is missing: a new consumer begins behind the last that came. */
  #again(): void {
    if (this.#restarting || this.#stopped) return;
    this.#restarting = true;
    this.#isCaughtUp = false;
    this.#listener.silent();
    this.#begin()
      .then(() => this.#listener.alive())
      .catch((thrown: unknown) => this.#failed(thrown as Error))
      .finally(() => {
        this.#restarting = false;
      });
  }
}

/** Where a message stands, as its reply subject says: in the stream, in what this consumer was sent, and how many are to come. */
function placeOf(reply: string | undefined): { seq: number; delivered: number; pending: number } | undefined {
  const tokens = (reply ?? '').split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  // Servers from 2.x on may name domain and account before the stream.
  const at = tokens.length === 9 ? 5 : 7;
  const [seq, delivered, , pending] = tokens.slice(at, at + 4).map(Number);
  return seq !== undefined && delivered !== undefined && pending !== undefined
    ? { seq, delivered, pending }
    : undefined;
}
