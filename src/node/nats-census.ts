import type { InstanceState } from '../purge/bus.ts';
import { createInbox, type Msg, type NatsConnection } from './nats-client.ts';

/** Ms in which an instance that is there has answered; longer where somebody waits for all of them. */
const QUIET = 100;
const PATIENT = 1_000;
/** Ms that an instance may be asked to wait until it has applied something. */
export const MAX_WAIT = 10_000;
/** Questions that may wait at one instance; the newest displaces the oldest. */
const MAX_WAITING = 1_000;
/** Ms between two looks whether questions have waited long enough. */
const SWEEP_INTERVAL = 1_000;
/** Characters of a subject to answer to. */
const MAX_REPLY = 256;
/** Answers that one census takes. */
const MAX_INSTANCES = 10_000;

/** The subject on which instances of a space are asked. */
export function controlSubject(space: string): string {
  return `inlay.ctl.${space}`;
}

/** How this instance is called, and how far it is. */
export interface Standing {
  readonly instance: string;
  readonly name: string;
  seq(): number;
  /** The stream that this is a number of, if one is followed; the same for as long as a connection stands. */
  stream(): string | undefined;
  /** Whether it came, and was not believed. */
  hasRefused(seq: number): boolean;
}

/** Whether a number of a stream has been applied; of the stream that is followed, where it names none. */
interface Question {
  readonly seq: number;
  readonly stream: string | undefined;
  readonly wait: number;
}

/** A question that is answered again when its number has been applied: nothing of the message that it came in. */
interface Waiting {
  readonly seq: number;
  readonly reply: string;
  readonly until: number;
}

/** Answers what others ask of this instance: whether it has applied a purge, and again when it has. */
export class Answers {
  readonly #standing: Standing;
  readonly #publish: (subject: string, text: string) => void;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #sweeper: NodeJS.Timeout | undefined;

  /** @param publish on the connection that questions come on; may throw when it is lost */
  constructor(standing: Standing, publish: (subject: string, text: string) => void) {
    this.#standing = standing;
    this.#publish = publish;
  }

  /** Never throws: what cannot be read is nobody's question. */
  take({ data, reply = '' }: Msg): void {
    const asked = readQuestion(data);
    if (asked === undefined || !reply.startsWith('_INBOX.') || reply.length > MAX_REPLY) return;
    const { stream, seq, wait } = asked;
    // Another stream is followed on another connection only.
    const isOurs = stream === undefined || stream === this.#standing.stream();
    this.#answer(reply, seq, isOurs);
    if (isOurs && this.#standing.seq() < seq && wait > 0) this.#wait({ seq, reply, until: performance.now() + wait });
  }

  /** To be called when something was applied. */
  applied(): void {
    const seq = this.#standing.seq();
    for (const one of this.#waiting) {
      if (one.seq > seq) continue;
      this.#waiting.delete(one);
      if (one.until > performance.now()) this.#answer(one.reply, one.seq, true);
    }
  }

  /** To be called when the connection is lost: on the next one nobody waits for these answers. */
  forget(): void {
    this.#waiting.clear();
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
  }

  #wait(one: Waiting): void {
    this.#waiting.add(one);
    // Questions cost nothing to ask: who asks for what never comes must keep nobody else from an answer.
    for (const oldest of this.#waiting) {
      if (this.#waiting.size <= MAX_WAITING) break;
      this.#waiting.delete(oldest);
    }
    this.#sweeper ??= setTimeout(() => this.#sweep(), SWEEP_INTERVAL).unref();
  }

  /** Forgets those whose time is over. */
  #sweep(): void {
    const now = performance.now();
    for (const one of this.#waiting) if (one.until <= now) this.#waiting.delete(one);
    this.#sweeper = this.#waiting.size === 0 ? undefined : setTimeout(() => this.#sweep(), SWEEP_INTERVAL).unref();
  }

  /** @param isOurs whether the number is one of the stream that is followed */
  #answer(reply: string, asked: number, isOurs: boolean): void {
    const { instance, name } = this.#standing;
    const seq = this.#standing.seq();
    const refused = isOurs && this.#standing.hasRefused(asked);
    const applied = isOurs && seq >= asked && !refused;
    try {
      this.#publish(reply, JSON.stringify({ instance, name, seq, applied, ...(refused ? { refused } : {}) }));
    } catch {
      // The connection is gone, and whoever asked hears of it as we do.
    }
  }
}

function readQuestion(data: Uint8Array): Question | undefined {
  if (data.length > 1_024) return undefined;
  try {
    const { op, seq, stream, wait = 0 } = JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;
    if (op !== 'applied' || typeof seq !== 'number' || typeof wait !== 'number') return undefined;
    if (stream !== undefined && typeof stream !== 'string') return undefined;
    return { seq, stream, wait: Math.min(Math.max(0, wait), MAX_WAIT) };
  } catch {
    return undefined;
  }
}

/** A number of a stream, which {@link epochOf} names; the empty name is that of no stream, so that nobody has applied it. */
export interface Numbered {
  readonly seq: number;
  readonly stream: string;
}

/**
 * Asks all instances of a space whether they have applied a purge; older versions do not look at the stream. Resolves when
 * all that answered have, or have refused it, or after `wait` ms, and never before those that are there had time to say so.
 */
export async function census(
  connection: NatsConnection,
  space: string,
  { seq, stream }: Numbered,
  wait: number,
): Promise<readonly InstanceState[]> {
  const known = new Map<string, InstanceState>();
  const done = Promise.withResolvers<void>();
  const inbox = createInbox();
  let isQuiet = false;
  const isComplete = () => isQuiet && [...known.values()].every(({ applied, refused }) => applied || refused);
  const subscription = connection.subscribe(inbox, {
    callback: (error, { data }) => {
      const state = error === null ? readState(data) : undefined;
      if (state === undefined || (known.size >= MAX_INSTANCES && !known.has(state.instance))) return;
      known.set(state.instance, state);
      if (isComplete()) done.resolve();
    },
  });
  connection.publish(controlSubject(space), JSON.stringify({ op: 'applied', seq, stream, wait }), { reply: inbox });
  const quiet = setTimeout(
    () => {
      isQuiet = true;
      if (isComplete()) done.resolve();
    },
    wait > QUIET ? Math.min(wait, PATIENT) : QUIET,
  );
  const late = setTimeout(done.resolve, Math.max(wait, QUIET));
  try {
    await Promise.race([done.promise, connection.closed()]);
  } finally {
    clearTimeout(quiet);
    clearTimeout(late);
    if (!connection.isClosed()) subscription.unsubscribe();
  }
  return [...known.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function readState(data: Uint8Array): InstanceState | undefined {
  try {
    const read = JSON.parse(new TextDecoder().decode(data.subarray(0, 1_024))) as Record<string, unknown>;
    const { instance, name, seq, applied, refused } = read;
    if (typeof instance !== 'string' || typeof name !== 'string' || typeof seq !== 'number') return undefined;
    return {
      ...{ instance, name: name.slice(0, 128), seq },
      ...(refused === true ? { applied: false, refused } : { applied: applied === true }),
    };
  } catch {
    return undefined;
  }
}
