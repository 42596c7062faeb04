import { asInlayError, type ErrorCode, InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

/** Failures in a row, with no response head since they were asked for, after which an origin counts as down. */
const FAILURES = 5;
/** Ms between two requests that are let through to see whether an origin is back. */
const PROBE_INTERVAL = 1_000;

/** What says that an origin is down: nothing came from it. An answer, whatever its status, says that it is up. */
const DOWN: ReadonlySet<ErrorCode> = new Set(['upstream-unreachable', 'upstream-reset', 'upstream-timeout']);

/** What is known of an origin. */
interface Circuit {
  /** In a row. */
  failures: number;
  /** Response heads so far: a request that fails says nothing of an origin that has answered another meanwhile. */
  heads: number;
  down?: Down;
}

/** Since when an origin is not asked, why, and from when on the next request may probe it. Epoch ms. */
interface Down {
  readonly since: number;
  readonly cause: InlayError;
  nextProbe: number;
}

/**
 * Makes what stands between the cache and a rim's fetch: an origin that is down is not asked. After five failures in a
 * row its requests fail at once (`upstream-open`), but for one a second, which probes it; the first head of a response
 * closes the circuit again. It holds numbers alone, so that at the edge the requests of an isolate may share it.
 *
 * @param services of the configuration: the only origins there are
 */
export function createBreaker(
  { now, observe }: Pick<Runtime, 'now' | 'observe'>,
  services: readonly { readonly origin: string; readonly breaker: boolean }[],
): (fetch: Runtime['fetch']) => Runtime['fetch'] {
  const circuits = new Map(services.map(({ origin }): [string, Circuit] => [origin, { failures: 0, heads: 0 }]));
  for (const { origin, breaker } of services) if (!breaker) circuits.delete(origin);

  const close = (origin: string, circuit: Circuit) => {
    circuit.failures = 0;
    circuit.heads++;
    if (circuit.down === undefined) return;
    const detail = `answered again after ${Math.round(now() - circuit.down.since)} ms`;
    delete circuit.down;
    observe({ type: 'breaker', origin, state: 'closed', detail });
  };

  const fail = (origin: string, circuit: Circuit, cause: InlayError) => {
    circuit.failures++;
    if (circuit.down !== undefined || circuit.failures < FAILURES) return;
    circuit.down = { since: now(), cause, nextProbe: now() + PROBE_INTERVAL };
    observe({ type: 'breaker', origin, state: 'open', detail: reasonOf(circuit.down) });
  };

  return (fetch) => async (request) => {
    const { origin } = request;
    const circuit = circuits.get(origin);
    if (circuit === undefined) return fetch(request);
    const { down, heads } = circuit;
    const askedAt = now();
    if (down !== undefined) {
      if (askedAt < down.nextProbe) throw refusal(origin, request.path, down);
      // One probe at a time; should a rim forget one, it does not keep the circuit open for good. A request with a body
      // takes as long as its client likes: it may go, but takes nobody's turn.
      if (request.body === undefined) down.nextProbe = askedAt + request.headTimeout + PROBE_INTERVAL;
    }
    try {
      const response = await fetch(request);
      close(origin, circuit);
      return response;
    } catch (thrown) {
      const error = asInlayError(thrown);
      // That nothing came may be for want of what the client has yet to send, and a service that closes while it is sent
      // may have answered: of a request with a body only an origin that cannot be reached at all tells anything.
      const told = request.body === undefined || error.code === 'upstream-unreachable';
      if (told && DOWN.has(error.code) && circuit.heads === heads) fail(origin, circuit, error);
      if (told && down !== undefined) down.nextProbe = Math.max(down.nextProbe, now() + PROBE_INTERVAL);
      throw error;
    } finally {
      if (down !== undefined && request.body === undefined) down.nextProbe = Math.max(now(), askedAt + PROBE_INTERVAL);
    }
  };
}

function reasonOf({ cause }: Down): string {
  return `${FAILURES} failures in a row, the last of them ${cause.code}: ${cause.message}`;
}

function refusal(origin: string, path: string, down: Down): InlayError {
  const since = new Date(down.since).toISOString();
  return new InlayError('upstream-open', `${origin} has not been asked since ${since}: ${reasonOf(down)}`, {
    path: origin + path,
    cause: down.cause,
  });
}
