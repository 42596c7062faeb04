import type { Msg, NatsConnection, NatsError } from './nats-client.ts';
import { within } from './waits.ts';

/** Ms for the server's answer to subscriptions. */
const ANSWER_WAIT = 2_000;

/** Subjects that are listened to, and how a message of each is read. Nothing of it may throw. */
export type Wanted = ReadonlyMap<string, (message: Msg) => void>;

/** The subscriptions on one connection, some of which the server may refuse. */
export class NatsSubscriptions {
  readonly #connection: NatsConnection;
  readonly #wanted: Wanted;
  readonly #refuse: (subject: string, error: NatsError) => void;
  readonly #active = new Set<string>();

  /** @param refuse is told of each refusal, which may come at any time: permissions change while a connection stands */
  constructor(connection: NatsConnection, wanted: Wanted, refuse: (subject: string, error: NatsError) => void) {
    this.#connection = connection;
    this.#wanted = wanted;
    this.#refuse = refuse;
  }

  /** Whether all are listened to. */
  get isComplete(): boolean {
    return this.#active.size === this.#wanted.size;
  }

  has(subject: string): boolean {
    return this.#active.has(subject);
  }

  /** Subscribes to those that are not listened to; resolves when the server has seen it, and told its refusals. */
  async complete(over: AbortSignal): Promise<void> {
    for (const [subject, read] of this.#wanted) {
      if (!this.#active.has(subject)) this.#subscribe(subject, read);
    }
    // Once this is answered the server has seen every SUB before it, and told every refusal.
    await within(ANSWER_WAIT, this.#connection.flush(), over);
  }

  #subscribe(subject: string, read: (message: Msg) => void): void {
    this.#active.add(subject);
    const callback = (error: NatsError | null, message: Msg) => {
      if (error === null) return read(message);
      this.#active.delete(subject);
      this.#refuse(subject, error);
    };
    this.#connection.subscribe(subject, { callback });
  }
}
