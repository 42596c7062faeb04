import { asInlayError, InlayError } from '../errors.ts';
import { applyPurge } from '../purge/bus.ts';
import { ALL_SPACES, createPurge, type PurgeMessage, parsePurge, purgeSubject } from '../purge/message.ts';
import type { PurgeIndex } from '../purge/purge-index.ts';
import type { Runtime } from '../runtime.ts';
import type { Msg } from './nats-client.ts';
import { headOf } from './nats-head.ts';
import { type Place, storedAt } from './nats-place.ts';
import type { Signatures } from './nats-signature.ts';
import { coversSubject } from './nats-subjects.ts';
import { RefusedNumbers } from './refused-numbers.ts';
import { type Rejected, Rejections } from './rejections.ts';
import { within } from './waits.ts';

/** A subject on which a service tells of changes, and the tags that one message purges, hard. */
export interface NatsEvent {
  readonly subject: string;
  tags(subject: string): readonly string[];
}

/**
 * Reads what arrives into the index, at once, so that nothing queues up. Never throws: an error in a callback would end
 * the reader of the `nats` package, without a word.
 */
export class NatsIntake {
  readonly #subject: string;
  readonly #events: readonly NatsEvent[];
  readonly #index: PurgeIndex;
  readonly #observe: Runtime['observe'];
  readonly #rejections: Rejections;
  /** Where there are any, a purge that they do not believe is refused. */
  readonly #signatures: Signatures | undefined;
  readonly #refused = new RefusedNumbers();
  /** Numbers of our own purges in flight, which come back like everybody's. */
  readonly #echoes = new Map<string, number | undefined>();
  /** Runs while an unreadable message was a moment ago, and whether there was another since. */
  #suspecting: NodeJS.Timeout | undefined;
  #suspectsMore = false;
  /** Who waits for a message of the stream. */
  readonly #waiting = new Set<() => void>();

  constructor(options: {
    space: string;
    events: readonly NatsEvent[];
    index: PurgeIndex;
    observe: Runtime['observe'];
    signatures?: Signatures | undefined;
  }) {
    this.#subject = purgeSubject(options.space);
    this.#events = options.events;
    this.#index = options.index;
    this.#observe = options.observe;
    this.#rejections = new Rejections(options.observe);
    this.#signatures = options.signatures;
  }

  /** Messages that could not be read, or were refused. */
  get rejected(): number {
    return this.#rejections.total;
  }

  /** Reports those that were not reported one by one. */
  flush(): void {
    this.#rejections.flush();
  }

  /** Reads a purge that no stream keeps. */
  purge(subject: string, message: Msg): void {
    const fault = this.#faultOf(message, Date.now());
    if (fault !== undefined) this.#refuse({ from: `nats ${subject}` }, fault);
    else this.#read(subject, () => parsePurge(message.data));
  }

  /** Reads an event that no stream keeps. */
  event(event: NatsEvent, subject: string): void {
    this.#read(subject, () => readEvent([event], subject));
  }

  /** Reads a message of the stream, which may be for another space, or an event of a service. */
  kept(epoch: string, message: Msg, place: Place): void {
    const { subject, data } = message;
    const { seq } = place;
    if (seq <= this.#index.seq) return; // told again: it has counted, and its signature is known
    // The stream dropped messages before they were read.
    if (seq > this.#index.seq + 1) this.#index.startAt(epoch, seq - 1);
    const isPurge = subject === this.#subject || subject === purgeSubject(ALL_SPACES);
    const fault = isPurge ? this.#faultOf(message, storedAt(place)) : undefined;
    if (fault !== undefined) {
      this.#refused.refused(this.#index.epoch, seq);
      this.#refuse({ from: `nats ${subject}`, seq }, fault);
    } else {
      if (isPurge) this.#refused.taken();
      this.#read(subject, () => (isPurge ? parsePurge(data) : readEvent(this.#events, subject)), seq);
    }
    // What was refused, or concerns nobody here, moves the number all the same.
    if (this.#index.seq < seq) this.#index.record(NOTHING, seq);
    this.moved();
  }

  /** To be called when the index was moved in the stream: somebody may have waited for that. */
  moved(): void {
    for (const look of this.#waiting) look();
  }

  /** Whether a message of the stream came, and was not believed. */
  hasRefused(seq: number): boolean {
    return this.#refused.has(this.#index.epoch, seq);
  }

  /** Resolves when a purge of our own has been applied here, or is late. Rejects with `not-ready` if it was refused. */
  async applied(seq: number, ms: number, over: AbortSignal): Promise<void> {
    if (this.#index.seq < seq) await this.#reached(seq, ms, over);
    if (this.hasRefused(seq)) throw new InlayError('not-ready', `number ${seq} of the stream is kept, and ${REFUSED}`);
  }

  async #reached(seq: number, ms: number, over: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#index.seq >= seq) resolve();
    };
    this.#waiting.add(look);
    await within(ms, promise, over).catch(() => undefined); // who asked looks at what has been applied
    this.#waiting.delete(look);
  }

  /** A purge of our own is on its way. */
  expect(id: string): void {
    this.#echoes.set(id, undefined);
  }

  /** The number that it has here, if it came back; no longer waits for it. */
  heard(id: string): number | undefined {
    const seq = this.#echoes.get(id);
    this.#echoes.delete(id);
    return seq;
  }

  #faultOf(message: Msg, at: number | undefined): string | undefined {
    if (this.#signatures === undefined) return undefined;
    return this.#signatures.fault({ subject: message.subject, data: message.data, head: headOf(message) }, at);
  }

  /** Purges nothing: anybody may have sent it. */
  #refuse(which: Omit<Rejected, 'error'>, fault: string): void {
    this.#rejections.report({ ...which, error: new InlayError('unauthorized', `refused: ${fault}`) });
  }

  /**
   * Somebody wanted something purged, and we cannot tell what: all of the space counts as purged softly. At once, and in a
   * flood ten times a second, since each time makes all that is kept stale.
   */
  #suspect(): void {
    if (this.#suspecting !== undefined) {
      this.#suspectsMore = true;
      return;
    }
    this.#index.record(SUSPECT);
    this.#suspecting = setTimeout(() => {
      this.#suspecting = undefined;
      if (!this.#suspectsMore) return;
      this.#suspectsMore = false;
      this.#suspect();
    }, SUSPECT_INTERVAL).unref();
  }

  #read(from: string, parse: () => PurgeMessage | undefined, number?: number): void {
    try {
      const message = parse();
      if (message === undefined) return;
      if (number !== undefined) {
        applyPurge(this.#index, message, `nats ${from}`, this.#observe, number);
        return;
      }
      const seq = applyPurge(this.#index, message, `nats ${from}`, this.#observe);
      if (this.#echoes.has(message.id)) this.#echoes.set(message.id, seq);
    } catch (thrown) {
      if (number !== undefined) this.#index.record(NOTHING, number);
      this.#suspect();
      const which = { from: `nats ${from}`, ...(number === undefined ? {} : { seq: number }) };
      this.#rejections.report({ ...which, error: asInlayError(thrown, 'purge-invalid') });
    }
  }
}

const NOTHING = { mode: 'soft', keys: [], tags: [], urls: [], prefixes: [], all: false } as const;
/** Ms between two times that unreadable messages purge a space. */
const SUSPECT_INTERVAL = 100;

/** Why we refuse what we signed ourselves: the secret is right. */
const REFUSED = 'refused here: the clocks of this machine and of the NATS server differ by more than 5 minutes';

const SUSPECT = { ...NOTHING, all: true } as const;

/** What an event purges, if anything. Definitions may throw. */
function readEvent(events: readonly NatsEvent[], subject: string): PurgeMessage | undefined {
  // A wide wildcard also brings the purges themselves, and the answers of other instances.
  if (subject.startsWith('inlay.')) return undefined;
  const heard = events.filter((event) => coversSubject(event.subject, subject));
  const tags = new Set(heard.flatMap((event) => event.tags(subject)));
  return tags.size === 0 ? undefined : createPurge({ tags: [...tags] });
}
