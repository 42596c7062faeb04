import { connect } from 'node:net';
import { InlayError } from '../errors.ts';

/** Where one server listens, and whether it must speak TLS. */
export interface Server {
  /** `hostname:port`, brackets included. */
  readonly host: string;
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Reads `nats://host:port` or `tls://host:port`; throws `config-invalid`. */
export function readServer(text: string): Server {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`);
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    throw invalid('must be like nats://host:4222 or tls://host:4222');
  }
  if (url.username !== '' || url.password !== '') throw invalid('must not contain credentials; use auth');
  const port = Number(url.port || 4222);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  return { host: `${url.hostname}:${port}`, hostname, port, tls: url.protocol === 'tls:' };
}

/**
 * Whether a server says anything to a new connection within some ms. The `nats` package never closes a socket on which it waited
 * for a greeting in vain, so a server that hangs would cost one at every attempt.
 * Ask here first.
 */
export function greets({ hostname, port }: Server, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port, timeout: ms });
    const done = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('data', () => done(true)).once('timeout', () => done(false));
    socket.once('end', () => done(false)).on('error', () => done(false));
  });
}

function invalid(fault: string): InlayError {
  return new InlayError('config-invalid', `nats.servers ${fault}`, { path: 'nats.servers' });
}
