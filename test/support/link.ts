import { connect, createServer, type Socket } from 'node:net';

/** A stretch of network between clients and a server on loopback, which can be cut, or go silent. */
export interface Link {
  readonly port: number;
  /** How many connections of clients stand. */
  readonly connections: number;
  /** Resets all connections; new ones are taken. */
  cut(): void;
  /** Half-open from now on: connections stand, new ones are taken, and not a byte goes through. */
  hold(): void;
  /** Lets through what was held, in order. */
  release(): void;
  close(): Promise<void>;
}

/** What a link does to the bytes that come together. */
export interface LinkOptions {
  /** It goes silent by itself before bytes of a client of which this says so. */
  holdsAt?(bytes: Buffer): boolean;
  /** It loses bytes of the server of which this says so, as no honest network does. */
  drops?(bytes: Buffer): boolean;
}

/** Opens a link to a port. */
export async function openLink(target: number, { holdsAt, drops }: LinkOptions = {}): Promise<Link> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const late: (() => void)[] = [];
  let isHeld = false;
  const apply = () => {
    for (const socket of sockets) isHeld ? socket.pause() : socket.resume();
  };
  const join = (socket: Socket, peer: Socket, isClient: boolean) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
    socket.on('data', (bytes: Buffer) => {
      if (!isClient && drops?.(bytes) === true) return;
      if (!isHeld && !(isClient && holdsAt?.(bytes) === true)) return void peer.write(bytes);
      late.push(() => peer.write(bytes));
      isHeld = true;
      apply();
    });
  };
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target });
    clients.add(client.on('close', () => clients.delete(client)));
    join(client, upstream, true);
    join(upstream, client, false);
    apply();
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    get connections() {
      return clients.size;
    },
    cut,
    hold() {
      isHeld = true;
      apply();
    },
    release() {
      isHeld = false;
      for (const write of late.splice(0)) write();
      apply();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
