import { setImmediate as turn } from 'node:timers/promises';
import { InlayError } from '../errors.ts';
import { headers, type MsgHdrs } from './nats-client.ts';
import type { NatsIntake } from './nats-intake.ts';
import type { Line } from './nats-line.ts';
import { SIGNATURE, type Signatures } from './nats-signature.ts';
import { isPassing, publishKept } from './nats-stream.ts';
import { describe, pause, within } from './waits.ts';

/** Ms in which a purge is published again and again until the server has taken it, for each time, and between two. */
const PUBLISH_WAIT = 2_000;
const PUBLISH_TRY = 500;
const PUBLISH_PAUSE = 100;
/** Ms for the server's answer to a flush. */
const ANSWER_WAIT = 2_000;

/** What there is to publish: JSON, and the id in it. */
export interface Text {
  readonly id: string;
  readonly text: string;
}

/** Publishes purges of one space. */
export class NatsPublisher {
  readonly #line: Line;
  readonly #subject: string;
  readonly #closing: AbortSignal;
  readonly #signatures: Signatures | undefined;
  /** Why the server does not let us publish, once it said so. */
  refused = '';

  /** @param signatures with which its purges are signed, if there are any */
  constructor(line: Line, subject: string, closing: AbortSignal, signatures?: Signatures) {
    this.#line = line;
    this.#subject = subject;
    this.#closing = closing;
    this.#signatures = signatures;
  }

  /** Publishes to the stream, if need be on the next connection; resolves with the sequence number. */
  async keep({ id, text }: Text): Promise<number> {
    const until = performance.now() + PUBLISH_WAIT;
    for (let isFirst = true; ; ) {
      try {
        const connection = await this.#line.next(until - performance.now(), this.#closing);
        const message = { subject: this.#subject, text, id, isFirst, ...this.#signed(text) };
        const publishing = publishKept(connection, message);
        isFirst = false;
        return await within(PUBLISH_TRY, publishing, this.#line.over);
      } catch (thrown) {
        if (!isPassing(thrown) || performance.now() > until || this.#closing.aborted) throw failed(thrown, isFirst);
      }
      await pause(PUBLISH_PAUSE, this.#closing);
    }
  }

  /**
   * Publishes where no stream keeps it: who is connected hears of it, and so do we. Resolves with our number of it, or
   * with `undefined` if only others may have heard.
   */
  async tellAll({ id, text }: Text, intake: NatsIntake): Promise<number | undefined> {
    const { connection, over } = this.#line;
    if (connection === undefined) throw new InlayError('not-ready', NOWHERE);
    intake.expect(id);
    let seq: number | undefined;
    try {
      connection.publish(this.#subject, text, this.#signed(text));
      await within(ANSWER_WAIT, connection.flush(), over);
    } catch (thrown) {
      throw failed(thrown, false);
    } finally {
      seq = intake.heard(id);
    }
    if (seq !== undefined) return seq;
    // A server answers in order, so the purge was refused, or our own subscription is. Refusals are told a turn later.
    await turn();
    if (this.refused !== '') throw new InlayError('not-ready', this.refused);
    return undefined;
  }

  #signed(text: string): { readonly headers?: MsgHdrs } {
    if (this.#signatures === undefined) return {};
    const made = headers();
    made.set(SIGNATURE, this.#signatures.sign(this.#subject, text));
    return { headers: made };
  }
}

const NOWHERE = 'not connected to NATS; nothing was published';

function failed(thrown: unknown, isUntold: boolean): InlayError {
  const what = isUntold ? NOWHERE : 'the purge may not have reached NATS';
  return new InlayError('not-ready', `${what}: ${describe(thrown)}`, { cause: thrown });
}
