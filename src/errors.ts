/**
 * Every failure that Inlay names, with the status a client gets for it.
 * Clients see the status, the code and a request id; never the message, which is for logs and plans.
 */
const STATUS = {
  'config-invalid': 500,
  'host-invalid': 400,
  'target-invalid': 400,
  'method-unsupported': 501,
  unauthorized: 401,
  forbidden: 403,
  'route-missing': 404,
  'purge-invalid': 400,
  'target-too-long': 414,
  'header-too-large': 431,
  'body-too-large': 413,
  'request-timeout': 408,
  'client-closed': 499,
  'loop-detected': 508,
  'not-cached': 504,
  'not-ready': 503,
  overloaded: 503,
  internal: 500,
  'upstream-unreachable': 502,
  'upstream-timeout': 504,
  'upstream-open': 503,
  'upstream-truncated': 502,
  'upstream-reset': 502,
  'upstream-protocol': 502,
  'upstream-encoding': 502,
  'upstream-too-large': 502,
  'upstream-status': 502,
  'fragment-failed': 502,
  'fragment-required': 502,
  'fragment-forbidden': 502,
  'fragment-not-json': 502,
  'limit-depth': 502,
  'limit-includes': 502,
  'limit-ids': 502,
  'limit-page-bytes': 502,
} as const satisfies Record<string, number>;

/** The closed set of reasons an {@link InlayError} can carry. */
export type ErrorCode = keyof typeof STATUS;

/** The one error class of Inlay; recognise it by `code`, never by its message. */
export class InlayError extends Error {
  override readonly name = 'InlayError';
  readonly code: ErrorCode;
  /** Where it happened: a configuration path (`services.web.url`), a URL or a purge target. */
  readonly path: string | undefined;

  constructor(code: ErrorCode, message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.path = options.path;
  }

  /** The HTTP status that answers this failure. */
  get status(): number {
    return STATUS[this.code];
  }
}

/** Gives an unknown thrown value a code, keeping it as the cause. An {@link InlayError} is returned unchanged. */
export function asInlayError(thrown: unknown, code: ErrorCode = 'internal'): InlayError {
  if (thrown instanceof InlayError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new InlayError(code, message, { cause: thrown });
}
