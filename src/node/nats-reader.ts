import {
  AckPolicy,
  type ConsumerInfo,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  nanos,
  type Subscription,
} from './nats-client.ts';
import { headOf, type Sign, signOf } from './nats-head.ts';
import { type Bookmark, meet, type Place, placeOf } from './nats-place.ts';
import { epochOf, STREAM } from './nats-stream.ts';

/** Ms between two signs of life of an idle stream, and ms of silence after which it may have fallen behind. */
const HEARTBEAT = 1_000;
const SILENCE = 2_500;
/** Ms until the server forgets a consumer that nobody listens to. */
const INACTIVE = 10_000;
/** Ms for an answer of the server. */
const ANSWER_WAIT = 2_000;

/** Subjects on which the server learns that it may go on sending: whatever else a message names is none of ours. */
const FLOW = `$JS.FC.${STREAM}.`;

/** What a reader is told. Nothing of it may throw. */
export interface StreamListener {
  /** A message, in order. */
  message(message: Msg, place: Place): void;
  /** Messages up to this one may have been purges, and are not told; what comes next has a later number. */
  lost(seq: number, reason: string): void;
  /** All that was in the stream has been told. */
  caughtUp(): void;
  /** Nothing came for {@link SILENCE}, though something should have; the next message or sign of life ends it. */
  silent(): void;
  alive(): void;
}

/** Messages that the server may send ahead of what has been read. */
const WINDOW = 256;

/** Consumers, for each replica, that may end before what the stream has: their server may be behind the others of its cluster. */
const DOUBTS = 3;

/**
 * Reads a stream from a message on, in order: an ordered push consumer. When a message is missing it begins anew at the
 * last one that came, and so it does when nothing comes: the server forgets consumers in a crash, and tells nobody. It
 * begins at that message and not behind it, to see whether it is still the same: a server that lost the end of a stream,
 * or was given a backup of it, gives out its numbers again. Ends with its connection, with the stream, or when it is stopped.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #epoch: string;
  readonly #listener: StreamListener;
  #manager: JetStreamManager | undefined;
  #subscription: Subscription | undefined;
  #last: Bookmark;
  /** What came before it was known which stream it is of. */
  #early: Msg[] | undefined;
  /** The last message of this consumer. */
  #delivered = 0;
  /** The first and the last message of the stream when this consumer was made. */
  #first = 0;
  #goal = 0;
  /** Nothing is to come. */
  #isAtEnd = false;
  /** What was read last is what the stream has there, or had. */
  #isMet = false;
  #isCaughtUp = false;
  #isSilent = false;
  #heardAt: number;
  #restarting = false;
  #stopped = false;
  #doubts = 0;
  #mostDoubts = DOUBTS;
  readonly #watch: NodeJS.Timeout;
  readonly #failed: (reason: Error) => void;
  /** Messages that are known to be in the stream still. */
  pending = 0;
  /** Rejects when it cannot go on: then the connection is of no use. */
  readonly failure: Promise<never>;

  /** @param from the stream, as {@link epochOf} names it, and the last message that is known */
  constructor(
    connection: NatsConnection,
    { epoch, last }: { readonly epoch: string; readonly last: Bookmark },
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
    promise.catch(() => undefined); // whoever follows hears of it; one who has left already need not
    this.#watch = setInterval(() => this.#look(), HEARTBEAT / 4);
  }

  /** Whether all that is in the stream has been told, and signs of life arrive. */
  get isCurrent(): boolean {
    return this.#isCaughtUp && !this.#isSilent;
  }

  /** The last message that was told. */
  get last(): Bookmark {
    return this.#last;
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
    this.#restarting = true;
    try {
      await this.#consume();
    } finally {
      this.#restarting = false;
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) {
      // One of them may have had it begin once more.
      if (this.#early !== undefined || this.#stopped) return;
      this.#take(message);
    }
    this.#arrive();
  }

  /** Makes a consumer, and keeps what it brings until it is known what that is. */
  async #consume(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#delivered = 0;
    this.#isAtEnd = this.#isMet = this.#isCaughtUp = false;
    this.#early = [];
    const inbox = createInbox();
    const subscription = this.#connection.subscribe(inbox, {
      callback: (error, message) => {
        if (this.#subscription !== subscription || this.#stopped) return;
        if (error !== null) this.#failed(error);
        else if (this.#early !== undefined) this.#early.push(message);
        else this.#take(message); // must not throw: `nats` would end the subscription, and tell nobody
      },
    });
    this.#subscription = subscription;
    const info: ConsumerInfo = await this.#manager!.consumers.add(STREAM, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, this.#last.seq),
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
    // Those that it has sent already are counted as delivered, not as pending.
    await this.#identify(info.num_pending + info.delivered.consumer_seq);
  }

  /** A consumer is of the stream that has the name now. To be asked after it was made: then it is of no other. */
  async #identify(coming: number): Promise<void> {
    const stream = await this.#manager!.streams.info(STREAM);
    const { first_seq: first, last_seq: goal } = stream.state;
    const { seq, stored } = this.#last;
    if (epochOf(stream) !== this.#epoch) throw new Error(`the stream ${STREAM} was made anew`);
    if (goal < seq) throw new Error(`the stream ${STREAM} ends at ${goal}, and ${seq} was read`);
    this.#first = first;
    this.#goal = goal;
    this.#mostDoubts = DOUBTS * stream.config.num_replicas;
    // What was read last comes once more, and is not missing.
    this.pending = Math.max(0, coming - 1);
    if (coming > 0) return;
    this.#isAtEnd = true;
    if (first > seq + 1)
      this.#lose(first - 1, `the stream dropped messages up to ${first - 1}, and ${seq} was read last`);
    else if (first > seq || stored === '') this.#isMet = true;
  }

  #take(message: Msg): void {
    const place = placeOf(message.reply);
    if (place === undefined) {
      const sign = signOf(headOf(message));
      if (sign !== undefined) this.#sign(message, sign);
      return;
    }
    this.#heard();
    if (place.delivered !== this.#delivered + 1) {
      this.#again();
      return;
    }
    this.#delivered = place.delivered;
    this.pending = place.pending;
    if (this.#isMet ? place.seq > this.#last.seq : this.#isNew(place)) {
      this.#listener.message(message, place);
      this.#last = place;
    }
    if (place.delivered % (WINDOW / 2) === 0) message.respond();
    this.#isAtEnd = place.pending === 0;
    this.#arrive();
  }

  /** Whether the first message that comes is to be told; it says whether the stream is what it was. */
  #isNew(place: Place): boolean {
    const { seq } = this.#last;
    const met = meet(this.#last, place, this.#first);
    if (met === 'earlier') return false;
    this.#isMet = true;
    if (met === 'other')
      this.#listener.lost(place.seq - 1, `message ${seq} of the stream is not the one that was read: it lost its end`);
    if (met === 'gone')
      this.#listener.lost(place.seq - 1, `message ${seq} of the stream was deleted: nothing tells what came after it`);
    return met !== 'same';
  }

  /** A sign of life, or the server's question whether it may go on sending. */
  #sign(message: Msg, { stalled, delivered }: Sign): void {
    this.#heard();
    if (message.reply?.startsWith(FLOW) === true) message.respond();
    else if (stalled?.startsWith(FLOW) === true) this.#connection.publish(stalled);
    if (delivered > this.#delivered) this.#again();
    // The server has nothing more: what was to come may have been dropped from the stream meanwhile.
    else if (delivered === this.#delivered && stalled === undefined) {
      // It waits for an acknowledgement that does not come, or what was to come was dropped: a new consumer knows.
      if (this.pending > 0 || (delivered >= WINDOW && delivered % (WINDOW / 2) === 0)) this.#again();
      else {
        this.#isAtEnd = true;
        this.#arrive();
        if (!this.#isCaughtUp) this.#doubt();
      }
    }
  }

  #arrive(): void {
    if (this.#isCaughtUp || !this.#isAtEnd || !this.#isMet || this.#last.seq < this.#goal) return;
    this.#isCaughtUp = true;
    this.#doubts = 0;
    this.#listener.caughtUp();
  }

  /** There should be more: another consumer may find it; else it was deleted. */
  #doubt(): void {
    this.#doubts += 1;
    if (this.#doubts < this.#mostDoubts) this.#again();
    else
      this.#lose(this.#goal, `messages up to ${this.#goal} of the stream were deleted: nothing tells what they were`);
    this.#arrive();
  }

  #lose(seq: number, reason: string): void {
    this.#listener.lost(seq, reason);
    this.#last = { seq, stored: '' };
    this.#isMet = true;
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

  /** Something is missing: a new consumer begins at the last that came. */
  #again(): void {
    if (this.#restarting || this.#stopped) return;
    this.#isCaughtUp = false;
    this.#listener.silent();
    this.#begin()
      .then(() => this.#listener.alive())
      .catch((thrown: unknown) => this.#failed(thrown as Error));
  }
}
