/**
 * Whether somebody still waits for an answer. It ends once. Cheaper than an `AbortSignal`, of which a page with a hundred
 * includes would need hundreds; what takes one gets it from {@link Interest.signal}.
 */
export class Interest {
  #over = false;
  #listeners: Set<() => void> | undefined;
  #abort: AbortController | undefined;

  /** The interest of whoever a signal belongs to: it ends when the signal aborts. */
  static of(signal: AbortSignal): Interest {
    const interest = new Interest();
    if (signal.aborted) interest.end();
    else signal.addEventListener('abort', () => interest.end(), { once: true });
    return interest;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Aborts when the interest ends; made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#over) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort?.abort();
    for (const listener of this.#listeners ?? []) listener();
    this.#listeners = undefined;
  }

  /** Calls back when the interest ends, at once if it has; the returned function takes that back. */
  onEnd(listener: () => void): () => void {
    if (this.#over) {
      listener();
      return () => {};
    }
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => this.#listeners?.delete(listener);
  }

  /** An interest that ends with this one, or by itself before. */
  child(): Interest {
    const child = new Interest();
    this.onEnd(() => child.end());
    return child;
  }
}
