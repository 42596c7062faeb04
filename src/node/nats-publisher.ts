import { setImmediate as turn } from 'node:timers/promises';
import { InlayError } from '../errors.ts';
import { applyPurge, type InstanceState, type Published } from '../purge/bus.ts';
import { type PurgeMessage, parsePurge, printPurge, purgeSubject } from '../purge/message.ts';
import { census } from './nats-census.ts';
import { headers, type MsgHdrs } from './nats-client.ts';
import type { StreamFollower } from './nats-follower.ts';
import type { NatsIntake } from './nats-intake.ts';
import type { Line } from './nats-line.ts';
import type { NatsOptions } from './nats-options.ts';
import { SIGNATURE, type Signatures } from './nats-signature.ts';
import { epochOf, findStream, isPassing, publishKept, STREAM } from './nats-stream.ts';
import { describe, pause, within } from './waits.ts';

/** Ms in which a purge is published again and again until the server has taken it, for each time, and between two. */
const PUBLISH_WAIT = 2_000;
const PUBLISH_TRY = 500;
const PUBLISH_PAUSE = 100;
/** Ms for the server's answer to a question or a flush, for a purge to come back, and for another connection. */
const ANSWER_WAIT = 2_000;

/** What there is to publish: JSON, and the id in it. */
interface Text {
  readonly id: string;
  readonly text: string;
}

/** What a publisher works with. */
export interface Means {
  readonly line: Line;
  readonly follower: StreamFollower;
  readonly intake: NatsIntake;
  readonly closing: AbortSignal;
  /** With which its purges are signed, if there are any. */
  readonly signatures: Signatures | undefined;
  /** Gives up the connection that stands, so that the next one looks what there is to follow. */
  leave(reason: Error): void;
}

/** Publishes purges of one space. */
export class NatsPublisher {
  readonly #options: NatsOptions;
  readonly #means: Means;
  readonly #subject: string;
  /** Why the server does not let us publish, once it said so. */
  refused = '';

  constructor(options: NatsOptions, means: Means) {
    this.#options = options;
    this.#means = means;
    this.#subject = purgeSubject(options.space);
  }

  /** As `PurgeBus` promises it. */
  async publish(message: PurgeMessage, wait?: number): Promise<Published> {
    const text = printPurge(message);
    const { id } = parsePurge(text);
    const { index, observe } = this.#options;
    if (!this.#means.follower.isThere) {
      const heard = await this.#tellAll({ id, text });
      return { id, seq: heard ?? applyPurge(index, message, 'local', observe) };
    }
    const { seq: read, epoch } = index;
    const seq = await this.#keep({ id, text });
    // Numbers of a stream rise: this one is of another, or of one that lost its end, and we follow the old one.
    const isOther = seq <= read && epoch === index.epoch;
    if (this.#options.publisher !== true) await this.#see(message, seq, isOther);
    if (wait === undefined) return { id, seq };
    return { id, seq, instances: await this.#ask(seq, wait) };
  }

  /** Sees to it that a purge is applied here before its publisher is answered. */
  async #see(message: PurgeMessage, seq: number, isOther: boolean): Promise<void> {
    const { line, intake, leave } = this.#means;
    const { index, observe } = this.#options;
    if (!isOther) await intake.applied(seq, ANSWER_WAIT, line.over);
    // Who is answered now must not be shown anything older here, though the stream does not come.
    if (isOther || index.seq < seq) applyPurge(index, message, 'local', observe);
    if (!isOther || line.connection === undefined) return;
    leave(new Error(`the stream ${STREAM} gave out number ${seq} anew: it was made anew, or lost its end`));
    await pause(ANSWER_WAIT, line.over);
  }

  /** Asks of the stream that there is now: since we looked it may have been made anew. */
  async #ask(seq: number, wait: number): Promise<readonly InstanceState[]> {
    const { line, closing } = this.#means;
    const until = performance.now() + wait;
    const connection = await line.next(Math.min(wait, ANSWER_WAIT), closing).catch(() => undefined);
    if (connection === undefined) return []; // it is kept, and nobody can be asked: that nobody answered is what is told
    // Without the stream's name nobody can say that it was applied, and nobody does.
    const found = await within(ANSWER_WAIT, findStream(connection), line.over).catch(() => undefined);
    const stream = found === undefined ? '' : epochOf(found);
    return census(connection, this.#options.space, { seq, stream }, Math.max(0, until - performance.now()));
  }

  /** Publishes to the stream, if need be on the next connection; resolves with the sequence number. */
  async #keep({ id, text }: Text): Promise<number> {
    const { line, closing } = this.#means;
    const until = performance.now() + PUBLISH_WAIT;
    for (let isFirst = true; ; ) {
      try {
        const connection = await line.next(until - performance.now(), closing);
        const message = { subject: this.#subject, text, id, isFirst, ...this.#signed(text) };
        const publishing = publishKept(connection, message);
        isFirst = false;
        return await within(PUBLISH_TRY, publishing, line.over);
      } catch (thrown) {
        if (!isPassing(thrown) || performance.now() > until || closing.aborted) throw failed(thrown, isFirst);
      }
      await pause(PUBLISH_PAUSE, closing);
    }
  }

  /**
   * Publishes where no stream keeps it: who is connected hears of it, and so do we. Resolves with our number of it, or
   * with `undefined` if only others may have heard.
   */
  async #tellAll({ id, text }: Text): Promise<number | undefined> {
    const { intake, line } = this.#means;
    const { connection, over } = line;
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
    const { signatures } = this.#means;
    if (signatures === undefined) return {};
    const made = headers();
    made.set(SIGNATURE, signatures.sign(this.#subject, text));
    return { headers: made };
  }
}

const NOWHERE = 'not connected to NATS; nothing was published';

function failed(thrown: unknown, isUntold: boolean): InlayError {
  const what = isUntold ? NOWHERE : 'the purge may not have reached NATS';
  return new InlayError('not-ready', `${what}: ${describe(thrown)}`, { cause: thrown });
}
