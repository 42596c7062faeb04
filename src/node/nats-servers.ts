import { connect as open } from 'node:net';
import { InlayError } from '../errors.ts';
import { type NatsAuth, secretsOf } from './nats-auth.ts';
import { connect, type NatsConnection } from './nats-client.ts';

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

/** Connects to one of the servers that answer within some ms. */
export async function dial(
  servers: readonly Server[],
  { name = 'inlay', auth }: { readonly name?: string; readonly auth?: NatsAuth },
  ms: number,
): Promise<NatsConnection> {
  const greeted = await Promise.all(servers.map((server) => greets(server, ms)));
  const there = servers.filter((_, at) => greeted[at]).map(({ host }) => host);
  if (there.length === 0) throw new InlayError('upstream-unreachable', 'no NATS server answers');
  const tls = servers.some((server) => server.tls);
  return connect({
    servers: there,
    name,
    reconnect: false,
    timeout: ms,
    pingInterval: 1_000,
    maxPingOut: 2,
    ignoreClusterUpdates: true,
    ...secretsOf(
      auth,
      tls,
      servers.map(({ hostname }) => hostname),
    ),
  });
}

/**
 * Whether a server says anything to a new connection within some ms. The `nats` package never closes a socket on which it waited
 * for a greeting in vain, so a server that hangs would cost one at every attempt.
 * Ask here first.
 */
function greets({ hostname, port }: Server, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = open({ host: hostname, port, timeout: ms });
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
