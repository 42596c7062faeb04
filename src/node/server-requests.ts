import type { RequestListener, Server } from 'node:http';

const NO_TUNNEL = [
  'HTTP/1.1 501 Not Implemented',
  'connection: close',
  'content-length: 0',
  'inlay-error: method-unsupported',
  '\r\n',
].join('\r\n');

/**
 * Refuses CONNECT, which Node hands out apart from other requests and would otherwise drop without a word. A request that
 * offers to upgrade its connection is answered like any other: without a listener for such, Node leaves the offer alone.
 */
export function refuseTunnels(server: Server): void {
  server.on('connect', (_incoming, socket) => {
    socket.on('error', () => socket.destroy()); // whoever left has no use for the refusal
    socket.end(NO_TUNNEL);
  });
}

/**
 * Answers `OPTIONS *` before a listener hears of it: it asks about the server, which is there, and not about anything that
 * a service has (RFC 9110 section 9.3.7). Which methods are allowed is for services to say, one resource at a time.
 */
export function withServerOptions(listener: RequestListener): RequestListener {
  return (incoming, outgoing) => {
    if (incoming.method === 'OPTIONS' && incoming.url === '*') outgoing.writeHead(204).end();
    else return listener(incoming, outgoing);
  };
}
