import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A connection to a {@link RawOrigin}. */
export interface Wire {
  /** From 1. */
  readonly number: number;
  readonly socket: Socket;
  /** Everything received on it so far, one character a byte. */
  text: string;
  /** Request heads that were received whole: `GET /x`. Bodies must not look like one. */
  requests(): string[];
  /** Writes these bytes, one a character. */
  answer(bytes: string): void;
  /** It is closed, by whomever. */
  closed: boolean;
}

/** A server on loopback that speaks bytes and not HTTP, for what no HTTP server would say. */
export interface RawOrigin {
  readonly url: string;
  readonly wires: readonly Wire[];
  stop(): Promise<void>;
}

/** Starts a {@link RawOrigin}; `heard` is called whenever bytes have arrived on a connection. */
export async function startRawOrigin(heard: (wire: Wire) => void): Promise<RawOrigin> {
  const wires: Wire[] = [];
  const server = createServer((socket) => {
    const wire: Wire = {
      number: wires.length + 1,
      socket,
      text: '',
      requests: () => [...wire.text.matchAll(/([A-Z]+ \S+) HTTP\/1\.1\r\n(?:.+\r\n)+\r\n/g)].map(([, line]) => line!),
      answer: (bytes) => void socket.write(Buffer.from(bytes, 'latin1')),
      closed: false,
    };
    wires.push(wire);
    socket.on('error', () => undefined); // breakage is what it is there for
    socket.on('close', () => {
      wire.closed = true;
    });
    socket.on('data', (chunk) => {
      wire.text += chunk.toString('latin1');
      heard(wire);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wires,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { socket } of wires) socket.destroy();
      }),
  };
}
