import { buildConnector, Client } from 'undici';
import { InlayError } from '../errors.ts';
import type { UpstreamRequest, UpstreamResponse } from '../runtime.ts';
import { type Connection, Exchange } from './exchange.ts';

/** Connections to each origin at most: more are opened only while all are busy. */
const CONNECTIONS = 256;
/** Requests that may wait for one of them. */
const MAX_WAITING = 1_024;
/** Ms to connect, and ms between two pieces of a body. */
const CONNECT_TIMEOUT = 1_000;
const BODY_IDLE_TIMEOUT = 5_000;
/** Bytes of the largest response head. */
const MAX_HEAD = 16_384;

/** Sends requests to services over kept-alive connections. */
export interface Upstream {
  fetch(request: UpstreamRequest): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

/** Makes an {@link Upstream} on undici; the hot path dispatches to a client and builds neither a Request nor a stream. */
export function createUpstream(): Upstream {
  const lanes = new Map<string, Lane>();
  return {
    fetch: (request) => {
      let lane = lanes.get(request.origin);
      if (lane === undefined) {
        lane = new Lane(request.origin);
        lanes.set(request.origin, lane);
      }
      return lane.fetch(request);
    },
    close: async () => {
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
    },
  };
}

/** A client has one connection, or none until it is needed. */
interface Wire extends Connection {
  readonly client: Client;
  open: boolean;
}

/**
 * The connections to one origin and the line of those who wait for one. Not undici's pool: that does not tell whether a
 * request went over a connection that had been used before, and who has given up waiting stays in its line.
 */
class Lane {
  readonly #origin: string;
  readonly #connect = buildConnector({ timeout: CONNECT_TIMEOUT, allowH2: false });
  readonly #wires = new Set<Wire>();
  /** Those that are free. The one used last is taken first, so that what is not needed can close. */
  readonly #free: Wire[] = [];
  readonly #line = new Set<Exchange<Wire>>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  async fetch(request: UpstreamRequest): Promise<UpstreamResponse> {
    const startedAt = performance.now();
    const exchange = this.#send(request, false);
    try {
      return await exchange.response;
    } catch (error) {
      // A kept-alive connection may close just as it is used again: what may be repeated is, once, on another.
      if (!exchange.isLostOnReuse || !isRepeatable(request)) throw error;
      const spent = performance.now() - startedAt;
      const { totalTimeout } = request;
      const rest = {
        headTimeout: request.headTimeout - spent,
        ...(totalTimeout === undefined ? {} : { totalTimeout: totalTimeout - spent }),
      };
      return this.#send({ ...request, ...rest }, true).response;
    }
  }

  async close(): Promise<void> {
    for (const waiting of this.#line) waiting.refuse(new Error('the gateway stops'));
    await Promise.all([...this.#wires].map(({ client }) => client.destroy()));
  }

  #send(request: UpstreamRequest, fresh: boolean): Exchange<Wire> {
    if (this.#line.size >= MAX_WAITING) {
      const message = `${MAX_WAITING} requests wait for one of the ${CONNECTIONS} connections to ${this.#origin}`;
      throw new InlayError('overloaded', message, { path: this.#origin + request.path });
    }
    const exchange = new Exchange<Wire>(request, (ended) => this.#release(ended));
    if (exchange.isOver) return exchange;
    const wire = this.#take(fresh);
    if (wire === undefined) this.#line.add(exchange);
    else exchange.begin(wire, wire.client);
    return exchange;
  }

  /** A free connection; a `fresh` one has yet to be opened. */
  #take(fresh: boolean): Wire | undefined {
    if (!fresh) return this.#free.pop() ?? this.#add();
    const closed = this.#free.findIndex(({ open }) => !open);
    if (closed >= 0) return this.#free.splice(closed, 1)[0];
    const oldest = this.#wires.size < CONNECTIONS ? undefined : this.#free.shift();
    if (oldest !== undefined) {
      this.#wires.delete(oldest);
      void oldest.client.destroy();
    }
    return this.#add();
  }

  #add(): Wire | undefined {
    if (this.#wires.size >= CONNECTIONS) return undefined;
    const client = new Client(this.#origin, {
      pipelining: 1,
      allowH2: false,
      connect: this.#connect,
      headersTimeout: 0, // each request brings its own, exact one
      bodyTimeout: BODY_IDLE_TIMEOUT,
      maxHeaderSize: MAX_HEAD,
    });
    const wire: Wire = { client, open: false, used: false };
    client.on('connect', () => {
      wire.open = true;
    });
    client.on('disconnect', () => {
      wire.open = false;
      wire.used = false;
    });
    this.#wires.add(wire);
    return wire;
  }

  /** An exchange has ended, in the line or on its connection, which is for the next in line then. */
  #release(ended: Exchange<Wire>): void {
    this.#line.delete(ended);
    const wire = ended.connection;
    if (wire === undefined) return;
    if (ended.isComplete) this.#free.push(wire);
    else this.#free.unshift(wire); // it is being closed: one that is open is better
    if (this.#line.size > 0) queueMicrotask(() => this.#serveNext()); // not amid the callbacks of the last
  }

  #serveNext(): void {
    const [next] = this.#line;
    const wire = next === undefined ? undefined : this.#free.pop();
    if (next === undefined || wire === undefined) return;
    this.#line.delete(next);
    next.begin(wire, wire.client);
  }
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

function isRepeatable({ method, body, signal }: UpstreamRequest): boolean {
  return IDEMPOTENT.has(method) && body === undefined && signal?.aborted !== true;
}
