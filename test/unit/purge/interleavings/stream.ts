import type { Purged } from '../../../../src/purge/purge-index.ts';

/** A purge in the stream. */
export interface Message {
  readonly seq: number;
  readonly purge: Purged;
  /** Of what the services had when it was published, by resource. */
  readonly versions: readonly number[];
}

/** A stream of purges, as its server keeps it. */
export class Stream {
  readonly name: string;
  /** Sequence number of the first message that is kept; of an empty stream, of the next. */
  first: number;
  last: number;
  #messages: Message[] = [];
  /** When each number was given out: one that is given out again has another time. */
  readonly #times: number[] = [];
  #time = 0;

  constructor(name: string, last: number) {
    this.name = name;
    this.first = last + 1;
    this.last = last;
  }

  /** @param others messages that come before it and are not for who reads here */
  publish(purge: Purged, versions: readonly number[], others: number): void {
    for (let at = 0; at <= others; at++) this.#times[++this.last] = ++this.#time;
    this.#messages.push({ seq: this.last, purge, versions: [...versions] });
  }

  next(after: number): Message | undefined {
    return this.#messages.find(({ seq }) => seq > after);
  }

  upTo(last: number): Message[] {
    return this.#messages.filter(({ seq }) => seq <= last);
  }

  /** When a message was stored, whether it is still kept or not. */
  storedAt(seq: number): number | undefined {
    return this.#times[seq];
  }

  /** Its server loses what was not on the disk yet. */
  loseEnd(count: number): void {
    this.last = Math.max(this.first - 1, this.last - count);
    this.#times.length = Math.min(this.#times.length, this.last + 1);
    this.#messages = this.upTo(this.last);
  }

  dropBefore(first: number): void {
    this.first = first;
    this.#messages = this.#messages.filter(({ seq }) => seq >= first);
  }
}
