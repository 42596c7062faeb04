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

  constructor(name: string, last: number) {
    this.name = name;
    this.first = last + 1;
    this.last = last;
  }

  /** @param others messages that come before it and are not for who reads here */
  publish(purge: Purged, versions: readonly number[], others: number): void {
    this.last += others + 1;
    this.#messages.push({ seq: this.last, purge, versions: [...versions] });
  }

  next(after: number): Message | undefined {
    return this.#messages.find(({ seq }) => seq > after);
  }

  upTo(last: number): Message[] {
    return this.#messages.filter(({ seq }) => seq <= last);
  }

  dropBefore(first: number): void {
    this.first = first;
    this.#messages = this.#messages.filter(({ seq }) => seq >= first);
  }
}
