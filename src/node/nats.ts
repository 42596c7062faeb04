import { hostname } from 'node:os';
import type { BusState, Published, PurgeBus } from '../purge/bus.ts';
import { ALL_SPACES, type PurgeMessage, purgeSubject } from '../purge/message.ts';
import { latestOf } from '../purge/number.ts';
import { Answers, controlSubject } from './nats-census.ts';
import { Events, type Msg, type NatsConnection, type NatsError } from './nats-client.ts';
import { StreamFollower } from './nats-follower.ts';
import { NatsIntake } from './nats-intake.ts';
import { Line } from './nats-line.ts';
import { type NatsOptions, readOptions } from './nats-options.ts';
import { NatsPublisher } from './nats-publisher.ts';
import { dial, type Server } from './nats-servers.ts';
import { Signatures } from './nats-signature.ts';
import { STREAM } from './nats-stream.ts';
import { NatsSubscriptions, type Wanted } from './nats-subscriptions.ts';
import { describe, pause, within } from './waits.ts';

export type { NatsOptions } from './nats-options.ts';

/** Ms that the start waits for a server; afterwards the connection comes up in the background. */
const START_WAIT = 1_000;
/** Ms for anything that a server must answer: a greeting, a connection, a flush, a drain. */
const ANSWER_WAIT = 2_000;
/** Ms between attempts to connect: the first, and the longest. */
const RETRY_FIRST = 100;
const RETRY_LONGEST = 1_000;
/** Ms between two looks whether the stream is still what it was, or there now. */
const LOOK_AGAIN = 5_000;
/** Ms until a subscription that was refused is tried again: permissions change without a reconnect. */
const REFUSED_RETRY = 2_000;

/**
 * Listens to purges and events on NATS, for ever. Where the server keeps them in a stream, what was missed while the
 * connection was lost is read afterwards, and nothing else is lost; where it does not, everything older counts as purged
 * softly then. Resolves after at most 1 s, connected or not. Throws `config-invalid`.
 *
 * The `nats` package does not reconnect by itself here. Its own loop gives up after two refused log-ins, forgets
 * refused subscriptions, drops what is published meanwhile, and may open a connection that nobody closes any more.
 */
export async function connectNats(options: NatsOptions): Promise<PurgeBus> {
  const bus = new NatsBus(options);
  await bus.start();
  return bus;
}

class NatsBus implements PurgeBus {
  readonly kind = 'nats';
  readonly #options: NatsOptions;
  readonly #servers: readonly Server[];
  readonly #subject: string;
  readonly #closing = new AbortController();
  readonly #line = new Line();
  readonly #intake: NatsIntake;
  readonly #follower: StreamFollower;
  readonly #publisher: NatsPublisher;
  /** The connection that stands, listened to or not yet. */
  #dialed: NatsConnection | undefined;
  #running: Promise<void> | undefined;
  /** What was told since the last change, so that repeated attempts do not repeat it. */
  readonly #told = new Set<string>();
  /** Entries may have been stored while no purge could arrive, and none will be told of. */
  #missed = false;
  /** Whether that a stream is gone has been accounted for: it stays gone. */
  #isMourned = false;
  #state: BusState = 'suspect';
  readonly #answers: Answers;
  #isSubscribed = false;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#servers = readOptions(options);
    this.#subject = purgeSubject(options.space);
    const { secrets = [] } = options;
    const signatures = secrets.length === 0 ? undefined : new Signatures(secrets);
    this.#intake = new NatsIntake({ ...options, signatures });
    this.#follower = new StreamFollower(options.index, this.#intake, [
      purgeSubject(options.space),
      purgeSubject(ALL_SPACES),
    ]);
    this.#publisher = new NatsPublisher(options, {
      ...{ line: this.#line, follower: this.#follower, intake: this.#intake },
      ...{ closing: this.#closing.signal, signatures },
      leave: (reason) => {
        if (this.#dialed !== undefined) this.#leave(this.#dialed, reason);
      },
    });
    const name = `${hostname()}:${process.pid}`;
    const standing = {
      ...{ instance: crypto.randomUUID(), name, seq: () => options.index.seq, stream: () => this.#follower.followed },
      hasRefused: (seq: number) => this.#intake.hasRefused(seq),
    };
    this.#answers = new Answers(standing, (subject, text) => this.#dialed?.publish(subject, text));
  }

  get connected(): boolean {
    return this.#line.connection !== undefined;
  }

  get state(): BusState {
    return this.#state;
  }

  get durable(): boolean {
    return this.#follower.isThere;
  }

  get lag(): number {
    return this.#follower.pending;
  }

  get rejected(): number {
    return this.#intake.rejected;
  }

  async start(): Promise<void> {
    this.#options.index.setSynced(false);
    const ready = Promise.withResolvers<void>();
    this.#running = this.#run(ready.resolve);
    await within(START_WAIT, ready.promise).catch(() => {
      // From now on requests are answered, and what they leave behind no purge may have reached.
      this.#missed = true;
    });
  }

  publish(message: PurgeMessage, wait?: number): Promise<Published> {
    return this.#publisher.publish(message, wait);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const connection = this.#dialed;
    if (connection !== undefined && !connection.isClosed()) {
      await within(ANSWER_WAIT, connection.drain(), this.#line.over).catch(() => connection.close());
    }
    // Late or not, there is nothing more to wait for: a lost connection has been told, and this end was asked for.
    await within(ANSWER_WAIT, this.#running ?? Promise.resolve()).catch(() => undefined);
    this.#intake.flush();
    this.#options.observe({ type: 'bus', state: 'closed', detail: 'closed' });
  }

  async #run(ready: () => void): Promise<void> {
    let wait = RETRY_FIRST;
    while (!this.#closing.signal.aborted) {
      try {
        const connection = await dial(this.#servers, this.#options, ANSWER_WAIT);
        const listened = await this.#serve(connection, ready).finally(() => connection.close());
        if (listened) wait = RETRY_FIRST;
      } catch (thrown) {
        this.#tell('disconnected', describe(thrown));
      }
      await pause(wait, this.#closing.signal);
      wait = Math.min(wait * 2, RETRY_LONGEST);
    }
  }

  /** Listens on one connection until it is lost; tells whether it ever listened. */
  async #serve(connection: NatsConnection, ready: () => void): Promise<boolean> {
    if (this.#closing.signal.aborted) return false;
    this.#dialed = connection;
    this.#publisher.refused = '';
    this.#told.clear();
    const over = this.#line.begin();
    const closed = connection.closed();
    this.#watch(connection).catch((thrown: unknown) => this.#tell('connected', describe(thrown)));
    const listening = this.#begin(connection, ready, over).then(() => closed);
    const reason = await Promise.race([closed, listening]).catch((thrown: unknown) => thrown);
    const listened = this.connected;
    const kept = this.durable;
    this.#line.lose();
    this.#dialed = undefined;
    this.#follower.stop();
    this.#answers.forget();
    this.#become('suspect');
    this.#unsync();
    if (this.#closing.signal.aborted) return listened;
    // What a stream keeps is not missed: it is read when it is there again. Until then freshness is capped.
    if (kept) this.#missed = this.#unkept().length > 0;
    else this.#options.index.raiseFloor('soft', 'disconnected');
    this.#tell('disconnected', describe(reason));
    return listened;
  }

  async #begin(connection: NatsConnection, ready: () => void, over: AbortSignal): Promise<void> {
    this.#become('catching-up');
    await this.#follower.find(connection, over);
    if (this.#options.publisher === true) {
      this.#line.open(connection);
      ready();
      return;
    }
    if (!this.#follower.isGone) this.#isMourned = false;
    const cost = 'an outage will make everything stale';
    const unkept = this.#unkept().join(', ');
    if (!this.durable)
      this.#tell('connected', `the server keeps no stream ${STREAM}: ${cost} (inlay nats init makes one)`);
    else if (unkept !== '')
      this.#tell(
        'connected',
        `the stream ${STREAM} does not keep ${unkept}: ${cost} (inlay nats init --subject adds it)`,
      );
    await this.#follower.follow(connection, {
      applied: () => this.#answers.applied(),
      moved: () => this.#settle(connection),
      silent: () => {
        if (this.#state === 'live') this.#become('suspect');
        this.#options.index.setSynced(false);
      },
      failed: (reason) => this.#leave(connection, reason),
    });
    await this.#listen(connection, ready, over);
  }

  /** Live, if all that has to arrive does. */
  #settle(connection: NatsConnection): void {
    if (!this.#isSubscribed || this.#line.connection !== connection) return;
    if (!this.#follower.isCurrent) {
      if (this.#state === 'suspect') this.#become('catching-up');
      return;
    }
    if (this.#state === 'live' && this.#options.index.synced) return;
    this.#sync(connection);
    this.#become('live');
  }

  /** Subjects on which services tell of changes, and which the stream does not keep. */
  #unkept(): string[] {
    return this.#options.events.map(({ subject }) => subject).filter((subject) => !this.#follower.keeps(subject));
  }

  /** Subscribes, and again where the server refuses: its permissions may change while the connection stands. */
  async #listen(connection: NatsConnection, ready: () => void, over: AbortSignal): Promise<void> {
    this.#isSubscribed = false;
    const wanted = this.#wanted();
    const control = controlSubject(this.#options.space);
    const subscriptions = new NatsSubscriptions(connection, wanted, (subject, error) => this.#refuse(subject, error));
    for (let looked = performance.now(); !over.aborted; ) {
      if (!subscriptions.isComplete) {
        await subscriptions.complete(over);
        if (over.aborted) return;
        this.#line.open(connection);
        this.#isSubscribed = [...wanted.keys()].every((subject) => subject === control || subscriptions.has(subject));
        this.#settle(connection);
        ready();
      }
      await pause(REFUSED_RETRY, over);
      if (over.aborted || performance.now() - looked < LOOK_AGAIN) continue;
      await this.#follower.lookAgain(connection, over);
      looked = performance.now();
    }
  }

  #leave(connection: NatsConnection, reason: unknown): void {
    this.#tell('disconnected', describe(reason));
    if (!connection.isClosed()) void connection.close();
  }

  #refuse(subject: string, error: NatsError): void {
    this.#tell('refused', `not subscribed to ${subject}: ${describe(error)}`);
    // Then nobody learns how far we are, and that is all.
    if (subject === controlSubject(this.#options.space)) return;
    this.#isSubscribed = false;
    this.#become('suspect');
    this.#unsync();
  }

  #become(state: BusState): void {
    if (state === this.#state) return;
    this.#state = state;
    const { index, observe } = this.#options;
    // Who is told to close is told that it has.
    if (!this.#closing.signal.aborted) observe({ type: 'purge-state', state, seq: latestOf(index), lag: this.lag });
  }

  #sync(connection: NatsConnection): void {
    const { index } = this.#options;
    // What it kept last nobody tells any more, and who published it knows that it was kept.
    if (this.#follower.isGone && !this.#isMourned) {
      index.raiseFloor('hard', `the stream ${STREAM} is gone: nothing tells what it kept last`);
      this.#isMourned = true;
    } else if (this.#missed) index.raiseFloor('soft', this.#whyMissed());
    this.#missed = false;
    index.setSynced(true);
    this.#told.clear();
    this.#tell('connected', connection.getServer());
  }

  #whyMissed(): string {
    const unkept = this.durable ? this.#unkept().join(', ') : '';
    return `${unkept === '' ? 'purges' : `events that the stream does not keep (${unkept})`} may have been missed`;
  }

  #unsync(): void {
    this.#missed = true;
    this.#options.index.setSynced(false);
  }

  /** What is listened to beside the stream. */
  #wanted(): Wanted {
    const { events, space } = this.#options;
    const wanted = new Map<string, (message: Msg) => void>();
    wanted.set(controlSubject(space), (message) => this.#answers.take(message));
    for (const subject of this.durable ? [] : [this.#subject, purgeSubject(ALL_SPACES)]) {
      wanted.set(subject, (message) => this.#intake.purge(subject, message));
    }
    for (const event of events) {
      if (this.#follower.keeps(event.subject)) continue;
      wanted.set(event.subject, ({ subject }) => this.#intake.event(event, subject));
    }
    return wanted;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data, permissionContext: refused } of connection.status()) {
      // Refused subscriptions are told to their callbacks.
      if (type !== Events.Error || refused?.operation === 'subscription') continue;
      const detail = refused === undefined ? String(data) : `not permitted to publish to ${refused.subject}`;
      if (refused?.subject === this.#subject) this.#publisher.refused = detail;
      this.#tell(refused === undefined ? (this.connected ? 'connected' : 'disconnected') : 'refused', detail);
    }
  }

  #tell(state: 'connected' | 'refused' | 'disconnected', detail: string): void {
    if (this.#told.has(`${state} ${detail}`)) return;
    this.#told.add(`${state} ${detail}`);
    this.#options.observe({ type: 'bus', state, detail });
  }
}
