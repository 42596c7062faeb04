/** A configured upstream. Its `origin` alone decides which host a request goes to. */
export interface Service {
  readonly name: string;
  /** Scheme, host and port: `http://127.0.0.1:9001`. */
  readonly origin: string;
  /** Put before every path; empty, or `/base` without a slash at its end. */
  readonly basePath: string;
  /** Ms for a whole fragment. */
  readonly timeout: number | undefined;
  /** Credential fields that its fragments receive from pages of other services. */
  readonly forward: readonly string[];
  /** Defaults in ms for answers whose headers and definition name none. */
  readonly ttl: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  /** What becomes of answers that set a cookie, in the cache. */
  readonly setCookie: 'refuse' | 'strip' | 'store';
  /** Whether it is left alone while it does not answer at all. */
  readonly breaker: boolean;
}

/** Takes a service URL apart; `undefined` unless it is http(s) without user, query and fragment. */
export function parseServiceUrl(text: string): { origin: string; basePath: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}
