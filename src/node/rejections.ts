import { InlayError } from '../errors.ts';
import type { InlayEvent, Runtime } from '../runtime.ts';

/** Ms in which at most one rejected message is reported. */
const REPORT_INTERVAL = 1_000;

/** Which message was rejected, with its number if a stream keeps it, and why. */
export type Rejected = Omit<Extract<InlayEvent, { type: 'purge-rejected' }>, 'type'>;

/** Reports the first rejected message at once and counts the others of its second: a flood must not flood the log. */
export class Rejections {
  readonly #observe: Runtime['observe'];
  #timer: NodeJS.Timeout | undefined;
  #suppressed = 0;
  /** Since the start. */
  total = 0;
  #last: Rejected | undefined;

  constructor(observe: Runtime['observe']) {
    this.#observe = observe;
  }

  report(rejected: Rejected): void {
    this.total += 1;
    this.#tell(rejected);
  }

  #tell(rejected: Rejected): void {
    if (this.#timer !== undefined) {
      this.#suppressed += 1;
      this.#last = rejected;
      return;
    }
    this.#observe({ type: 'purge-rejected', ...rejected });
    this.#timer = setTimeout(() => this.flush(), REPORT_INTERVAL).unref();
  }

  /** Reports what was suppressed so far. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#last === undefined) return;
    const { error, ...rest } = this.#last;
    const message = `${error.message} (the last of ${this.#suppressed} more)`;
    const path = error.path === undefined ? {} : { path: error.path };
    this.#last = undefined;
    this.#suppressed = 0;
    this.#tell({ ...rest, error: new InlayError(error.code, message, { ...path, cause: error }) });
  }
}
