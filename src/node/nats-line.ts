import type { NatsConnection } from './nats-client.ts';
import { within } from './waits.ts';

/** The connection of the moment: there is one, there will be one, or it was lost. */
export class Line {
  #connection: NatsConnection | undefined;
  #up = Promise.withResolvers<void>();
  #over = new AbortController();

  /** The connection that is listened to. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /** Ends the waits for answers on this connection: `nats` leaves them pending for ever when it is lost. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** To be called when a connection stands, before anybody listens; returns its end. */
  begin(): AbortSignal {
    this.#over = new AbortController();
    return this.#over.signal;
  }

  open(connection: NatsConnection): void {
    this.#connection = connection;
    this.#up.resolve();
  }

  lose(): void {
    this.#over.abort();
    this.#connection = undefined;
    this.#up = Promise.withResolvers();
  }

  /** The connection, or the next one; rejects if there is none within some ms. */
  async next(ms: number, closing: AbortSignal): Promise<NatsConnection> {
    if (this.#connection === undefined) await within(Math.max(0, ms), this.#up.promise, closing);
    if (this.#connection === undefined) throw new Error('no connection');
    return this.#connection;
  }
}
