import { setImmediate as turn } from 'node:timers/promises';
import { connect, Events, type Msg, type NatsConnection, type NatsError } from 'nats';
import { asInlayError, InlayError } from '../errors.ts';
import { applyPurge, type PurgeBus } from '../purge/bus.ts';
import {
  ALL_SPACES,
  createPurge,
  eventSubjectFault,
  isSpace,
  type PurgeMessage,
  parsePurge,
  printPurge,
  purgeSubject,
} from '../purge/message.ts';
import type { PurgeIndex } from '../purge/purge-index.ts';
import type { Runtime } from '../runtime.ts';
import { greets, readServer, type Server } from './nats-servers.ts';
import { Rejections } from './rejections.ts';
import { pause, within } from './waits.ts';

/** Where the servers are, which purges to listen to, and the index that they are recorded in. */
export interface NatsOptions {
  /** `nats://host:port`, or `tls://host:port`, which refuses a server without TLS; several form one cluster. */
  readonly servers: string | readonly string[];
  readonly space: string;
  /** Subjects on which services tell of changes (`*` and `>` allowed), and the tags that a change purges. */
  readonly events: readonly NatsEvent[];
  readonly index: PurgeIndex;
  readonly observe: Runtime['observe'];
  /** How this instance is called in the server's monitoring. */
  readonly name?: string;
  readonly auth?: { readonly user: string; readonly pass: string } | { readonly token: string };
}

/** A subject on which a service tells of changes, and the tags that one message purges, hard. */
export interface NatsEvent {
  readonly subject: string;
  tags(subject: string): readonly string[];
}

/** Ms that the start waits for a server; afterwards the connection comes up in the background. */
const START_WAIT = 1_000;
/** Ms for anything that a server must answer: a greeting, a connection, a flush, a drain. */
const ANSWER_WAIT = 2_000;
/** Ms between attempts to connect: the first, and the longest. */
const RETRY_FIRST = 100;
const RETRY_LONGEST = 1_000;
/** Ms until a subscription that was refused is tried again: permissions change without a reconnect. */
const REFUSED_RETRY = 2_000;

/**
 * Listens to purges and events on NATS, for ever: a lost connection is made anew, and what may have been missed
 * meanwhile counts as purged softly. Resolves after at most 1 s, connected or not. Throws `config-invalid`.
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
  readonly #rejections: Rejections;
  readonly #closing = new AbortController();
  /** Sequence numbers of our own purges in flight, which come back like everybody's. */
  readonly #echoes = new Map<string, number | undefined>();
  #connection: NatsConnection | undefined;
  /** Ends the waits for answers on this connection: `nats` leaves them pending for ever when it is lost. */
  #over = new AbortController();
  #running: Promise<void> | undefined;
  #refusedPublish = '';
  /** What was told since the last change, so that repeated attempts do not repeat it. */
  readonly #told = new Set<string>();
  /** Entries may have been stored while no purge could arrive. */
  #missed = false;

  constructor(options: NatsOptions) {
    this.#options = options;
    if (!isSpace(options.space) || options.space === ALL_SPACES) {
      throw invalid('space', 'must match [A-Za-z0-9_-]{1,64} and name a single space');
    }
    this.#servers = [options.servers].flat().map(readServer);
    if (this.#servers.length === 0) throw invalid('servers', 'must name at least one server');
    options.events.forEach(({ subject }, at) => {
      const fault = eventSubjectFault(subject);
      if (fault !== undefined) throw invalid(`events[${at}].subject`, fault);
    });
    this.#subject = purgeSubject(options.space);
    this.#rejections = new Rejections(options.observe);
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  async start(): Promise<void> {
    this.#options.index.setSynced(false);
    const ready = Promise.withResolvers<void>();
    this.#running = this.#run(ready.resolve);
    await within(START_WAIT, ready.promise).catch(() => undefined);
    this.#missed = true;
  }

  async publish(message: PurgeMessage): Promise<{ readonly id: string; readonly seq: number }> {
    const text = printPurge(message);
    const { id } = parsePurge(text);
    const connection = this.#connection;
    if (connection === undefined) throw new InlayError('not-ready', 'not connected to NATS; nothing was published');
    this.#echoes.set(id, undefined);
    try {
      connection.publish(this.#subject, text);
      await within(ANSWER_WAIT, connection.flush(), this.#over.signal);
      const seq = this.#echoes.get(id);
      if (seq !== undefined) return { id, seq };
    } catch (thrown) {
      throw new InlayError('not-ready', `the purge may not have reached NATS: ${describe(thrown)}`, { cause: thrown });
    } finally {
      this.#echoes.delete(id);
    }
    // A server answers in order, so the purge was refused, or our own subscription is. Refusals are told a turn later.
    await turn();
    if (this.#refusedPublish !== '') throw new InlayError('not-ready', this.#refusedPublish);
    return { id, seq: applyPurge(this.#options.index, message, 'local', this.#options.observe) };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const connection = this.#connection;
    if (connection !== undefined && !connection.isClosed()) {
      await within(ANSWER_WAIT, connection.drain(), this.#over.signal).catch(() => connection.close());
    }
    await within(ANSWER_WAIT, this.#running ?? Promise.resolve()).catch(() => undefined);
    this.#rejections.flush();
    this.#options.observe({ type: 'bus', state: 'closed', detail: 'closed' });
  }

  async #run(ready: () => void): Promise<void> {
    let wait = RETRY_FIRST;
    while (!this.#closing.signal.aborted) {
      try {
        const connection = await this.#dial();
        const listened = await this.#serve(connection, ready).finally(() => connection.close());
        if (listened) wait = RETRY_FIRST;
      } catch (thrown) {
        this.#tell('disconnected', describe(thrown));
      }
      await pause(wait, this.#closing.signal);
      wait = Math.min(wait * 2, RETRY_LONGEST);
    }
  }

  async #dial(): Promise<NatsConnection> {
    const greeted = await Promise.all(this.#servers.map((server) => greets(server, ANSWER_WAIT)));
    const servers = this.#servers.filter((_, at) => greeted[at]).map(({ host }) => host);
    if (servers.length === 0) throw new Error('no NATS server answers');
    return connect({
      servers,
      name: this.#options.name ?? 'inlay',
      reconnect: false,
      timeout: ANSWER_WAIT,
      pingInterval: 1_000,
      maxPingOut: 2,
      ignoreClusterUpdates: true,
      ...(this.#servers.some(({ tls }) => tls) && { tls: {} }),
      ...this.#options.auth,
    });
  }

  /** Listens on one connection until it is lost; tells whether it ever listened. */
  async #serve(connection: NatsConnection, ready: () => void): Promise<boolean> {
    if (this.#closing.signal.aborted) return false;
    this.#refusedPublish = '';
    this.#told.clear();
    const over = new AbortController();
    this.#over = over;
    const closed = connection.closed();
    const listening = this.#listen(connection, ready, over.signal).then(() => closed);
    this.#watch(connection).catch((thrown: unknown) => this.#tell('connected', describe(thrown)));
    const reason = await Promise.race([closed, listening]).catch((thrown: unknown) => thrown);
    over.abort();
    const listened = this.connected;
    this.#connection = undefined;
    this.#unsync();
    if (this.#closing.signal.aborted) return listened;
    this.#options.index.raiseFloor('soft', 'disconnected');
    this.#tell('disconnected', describe(reason));
    return listened;
  }

  /** Subscribes, and again where the server refuses: its permissions may change while the connection stands. */
  async #listen(connection: NatsConnection, ready: () => void, over: AbortSignal): Promise<void> {
    const wanted = this.#subscriptions();
    const active = new Set<string>();
    while (!over.aborted) {
      if (active.size < wanted.size) {
        for (const [subject, read] of wanted) {
          if (active.has(subject)) continue;
          active.add(subject);
          const callback = (error: NatsError | null, message: Msg) => {
            if (error === null) return read(message);
            active.delete(subject);
            this.#unsync();
            this.#tell('connected', `not subscribed to ${subject}: ${describe(error)}`);
          };
          connection.subscribe(subject, { callback });
        }
        // Once this is answered the server has seen every SUB before it, and told every refusal.
        await within(ANSWER_WAIT, connection.flush(), over);
        if (over.aborted) return;
        this.#connection = connection;
        if (active.size === wanted.size) this.#sync(connection);
        ready();
      }
      await pause(REFUSED_RETRY, over);
    }
  }

  #sync(connection: NatsConnection): void {
    const { index } = this.#options;
    if (this.#missed) index.raiseFloor('soft', 'reconnected; purges may have been missed');
    index.setSynced(true);
    this.#told.clear();
    this.#tell('connected', connection.getServer());
  }

  #unsync(): void {
    this.#missed = true;
    this.#options.index.setSynced(false);
  }

  /** What is listened to, and how each message is read: at once, in the callback, so that nothing queues up here. */
  #subscriptions(): Map<string, (message: Msg) => void> {
    const wanted = new Map<string, (message: Msg) => void>();
    for (const subject of [this.#subject, purgeSubject(ALL_SPACES)]) {
      wanted.set(subject, ({ data }) => this.#read(subject, () => parsePurge(data)));
    }
    for (const event of this.#options.events) {
      wanted.set(event.subject, ({ subject }) => {
        // A wide wildcard also brings the purges themselves, and the answers of other instances.
        if (subject.startsWith('inlay.')) return;
        this.#read(subject, () => {
          const tags = event.tags(subject);
          return tags.length === 0 ? undefined : createPurge({ tags });
        });
      });
    }
    return wanted;
  }

  /** Never throws: an error in a callback would end the reader of the `nats` package, without a word. */
  #read(from: string, parse: () => PurgeMessage | undefined): void {
    const { index, observe } = this.#options;
    try {
      const message = parse();
      if (message === undefined) return;
      const seq = applyPurge(index, message, `nats ${from}`, observe);
      if (this.#echoes.has(message.id)) this.#echoes.set(message.id, seq);
    } catch (thrown) {
      // Somebody wanted something purged, and we cannot tell what.
      index.record({ mode: 'soft', keys: [], tags: [], urls: [], prefixes: [], all: true });
      this.#rejections.report(`nats ${from}`, asInlayError(thrown, 'purge-invalid'));
    }
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data, permissionContext: refused } of connection.status()) {
      // Refused subscriptions are told to their callbacks.
      if (type !== Events.Error || refused?.operation === 'subscription') continue;
      const detail = refused === undefined ? String(data) : `not permitted to publish to ${refused.subject}`;
      if (refused !== undefined) this.#refusedPublish = detail;
      this.#tell(this.connected ? 'connected' : 'disconnected', detail);
    }
  }

  #tell(state: 'connected' | 'disconnected', detail: string): void {
    if (this.#told.has(`${state} ${detail}`)) return;
    this.#told.add(`${state} ${detail}`);
    this.#options.observe({ type: 'bus', state, detail });
  }
}

/** `nats` closes and rejects with nothing where a socket simply ended. */
function describe(thrown: unknown): string {
  return thrown === undefined ? 'connection lost' : asInlayError(thrown).message;
}

function invalid(member: string, fault: string): InlayError {
  return new InlayError('config-invalid', `nats.${member} ${fault}`, { path: `nats.${member}` });
}
