/** Stretches that are remembered. */
const MAX_STRETCHES = 1_000;

/**
 * Which messages of a stream were refused, so that their publishers can be told. What was refused between two purges that
 * were taken is one stretch: a flood of messages that nobody signed does not make it forget, only a thousand right ones do,
 * each after a wrong one.
 */
export class RefusedNumbers {
  #epoch = '';
  #stretches: { readonly first: number; last: number }[] = [];
  #isOpen = false;

  /** @param epoch what the numbers belong to; those of another are forgotten */
  refused(epoch: string, seq: number): void {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#stretches = [];
      this.#isOpen = false;
    }
    const stretch = this.#isOpen ? this.#stretches.at(-1) : undefined;
    if (stretch !== undefined) {
      stretch.last = seq;
      return;
    }
    this.#stretches.push({ first: seq, last: seq });
    if (this.#stretches.length > MAX_STRETCHES) this.#stretches.shift();
    this.#isOpen = true;
  }

  /** A purge was taken. */
  taken(): void {
    this.#isOpen = false;
  }

  /** Whether the purge of that number was refused. */
  has(epoch: string, seq: number): boolean {
    return epoch === this.#epoch && this.#stretches.some(({ first, last }) => first <= seq && seq <= last);
  }
}
