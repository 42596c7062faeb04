import type { Socket } from 'node:net';
import { startRawOrigin, type Wire } from './raw-origin.ts';

/** One request as it arrived, and the socket to answer it on with bytes of a test's own. */
export interface WireExchange {
  readonly socket: Socket;
  /** The first two words of its head. */
  readonly method: string;
  readonly target: string;
  /** Which of the origin's connections it came on, from 1. */
  readonly connection: number;
  /** Writes bytes, one a character. */
  write(bytes: string): void;
  /** Writes bytes, and then the end of the connection. */
  end(bytes?: string): void;
}

/** A raw origin that is asked to answer request by request. */
export interface WireOrigin {
  readonly url: string;
  readonly exchanges: readonly WireExchange[];
  /** Everything that arrived on a connection, one character a byte. */
  received(connection: number): string;
  /** Connections that are open now. */
  readonly open: number;
  stop(): Promise<void>;
}

/**
 * Starts a {@link WireOrigin}.
 *
 * @param answer called once for each head that arrives: where a body has a blank line, so is a part of it
 */
export async function startWireOrigin(answer: (exchange: WireExchange) => unknown): Promise<WireOrigin> {
  const exchanges: WireExchange[] = [];
  const read = new Map<Wire, number>();
  const origin = await startRawOrigin((wire) => {
    for (let from = read.get(wire) ?? 0; ; ) {
      const end = wire.text.indexOf('\r\n\r\n', from);
      if (end < 0) return;
      const exchange = exchangeOf(wire, wire.text.slice(from, end));
      from = end + 4;
      read.set(wire, from);
      exchanges.push(exchange);
      answer(exchange);
    }
  });
  return {
    url: origin.url,
    exchanges,
    received: (connection) => origin.wires[connection - 1]?.text ?? '',
    get open() {
      return origin.wires.filter(({ closed }) => !closed).length;
    },
    stop: origin.stop,
  };
}

function exchangeOf({ socket, number, answer }: Wire, head: string): WireExchange {
  const [method = '', target = ''] = head.split(' ', 2);
  return {
    socket,
    method,
    target,
    connection: number,
    write: answer,
    end: (bytes = '') => void socket.end(Buffer.from(bytes, 'latin1')),
  };
}
