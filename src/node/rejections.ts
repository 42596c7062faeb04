import { InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

/** Ms in which at most one rejected message is reported. */
const REPORT_INTERVAL = 1_000;

/** Reports the first rejected message at once and counts the others of its second: a flood must not flood the log. */
export class Rejections {
  readonly #observe: Runtime['observe'];
  #timer: NodeJS.Timeout | undefined;
  #suppressed = 0;
  /** Since the start. */
  total = 0;
  #last: { from: string; error: InlayError } | undefined;

  constructor(observe: Runtime['observe']) {
    this.#observe = observe;
  }

  report(from: string, error: InlayError): void {
    this.total += 1;
    this.#tell(from, error);
  }

  #tell(from: string, error: InlayError): void {
    if (this.#timer !== undefined) {
      this.#suppressed += 1;
      this.#last = { from, error };
      return;
    }
    this.#observe({ type: 'purge-rejected', from, error });
    this.#timer = setTimeout(() => this.flush(), REPORT_INTERVAL).unref();
  }

  /** Reports what was suppressed so far. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#last === undefined) return;
    const { from, error } = this.#last;
    const message = `${error.message} (the last of ${this.#suppressed} more)`;
    const path = error.path === undefined ? {} : { path: error.path };
    this.#last = undefined;
    this.#suppressed = 0;
    this.#tell(from, new InlayError(error.code, message, { ...path, cause: error }));
  }
}
