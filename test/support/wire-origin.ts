import { type AddressInfo, createServer, type Socket } from 'node:net';

/** One request as it arrived, and the socket to answer it on with bytes of a test's own. */
export interface WireExchange {
  readonly socket: Socket;
  /** Request line and fields, one character a byte. */
  readonly head: string;
  readonly method: string;
  readonly target: string;
  /** Which of the origin's connections it came on, from 1. */
  readonly connection: number;
  /** Writes bytes, one a character. */
  write(bytes: string): void;
  /** Writes bytes, and then the end of the connection. */
  end(bytes?: string): void;
}

/** A server that knows no HTTP but where a head ends: what it says, and when, is a test's. */
export interface WireOrigin {
  readonly url: string;
  readonly port: number;
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
 * @param answer called for each head that arrives; what follows a head is only kept for {@link WireOrigin.received}
 */
export async function startWireOrigin(answer: (exchange: WireExchange) => unknown): Promise<WireOrigin> {
  const exchanges: WireExchange[] = [];
  const texts: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = texts.push('');
    let read = 0;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('end', () => socket.end()); // a gateway that gives up a connection is not kept waiting for it
    socket.on('data', (chunk) => {
      const text = texts[connection - 1]! + chunk.toString('latin1');
      texts[connection - 1] = text;
      for (let end = headEnd(text, read); end > 0; end = headEnd(text, read)) {
        const exchange = exchangeOf(socket, text.slice(read, end), connection);
        read = end;
        exchanges.push(exchange);
        answer(exchange);
      }
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    exchanges,
    received: (connection) => texts[connection - 1] ?? '',
    get open() {
      return sockets.size;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function headEnd(text: string, from: number): number {
  const blank = text.indexOf('\r\n\r\n', from);
  return blank < 0 ? -1 : blank + 4;
}

function exchangeOf(socket: Socket, head: string, connection: number): WireExchange {
  const [method = '', target = ''] = head.split(' ', 2);
  return {
    socket,
    head,
    method,
    target,
    connection,
    write: (bytes) => void socket.write(Buffer.from(bytes, 'latin1')),
    end: (bytes = '') => void socket.end(Buffer.from(bytes, 'latin1')),
  };
}
