import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { InlayError } from '../errors.ts';
import { createAdmin } from '../gateway/admin.ts';
import { createApp, createSetup } from '../gateway/app.ts';
import type { Gateway } from '../gateway/resolve-config.ts';
import type { InlayEvent } from '../runtime.ts';
import { createDoor, createNodeRim, SEND_IDLE_TIMEOUT } from './deliver.ts';
import { createNodeRuntime, type NodeRuntime } from './runtime.ts';
import { refuseTunnels, withServerOptions } from './server-requests.ts';

/** Where to listen; port 0 takes a free one. */
export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly observe?: (event: InlayEvent) => void;
  /** Epoch ms, in place of the machine's clock; timers are not affected. */
  readonly now?: () => number;
}

/** A gateway that is listening. */
export interface Running {
  readonly url: string;
  readonly adminUrl: string;
  readonly node: NodeRuntime;
  /**
   * Stops accepting, finishes what is under way, and frees everything.
   *
   * @param grace ms in which readiness is already red but connections are still accepted, for load balancers to notice
   */
  close(grace?: number): Promise<void>;
}

/** Ms that requests under way get to finish when the gateway stops. */
const DRAIN_TIMEOUT = 30_000;

/** Limits on a request head and on slow clients; ms and bytes. Node's strict parser is never relaxed. */
const SERVER_OPTIONS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
};

/** Ms; longer than a purge may take to be published and to be applied everywhere. */
const ADMIN_IDLE_TIMEOUT = 20_000;

/** Starts a gateway and its admin listener. Throws an {@link InlayError} `config-invalid` if a port cannot be had. */
export async function serve(gateway: Gateway, { host, port, observe, now }: ServeOptions): Promise<Running> {
  let draining = false;
  const isDraining = () => draining;
  const node = await createNodeRuntime(gateway, observe, now);
  const setup = createSetup(gateway, node.runtime);
  const app = createApp(setup, createNodeRim(isDraining));
  const admin = createAdmin({
    runtime: node.runtime,
    bus: node.bus,
    space: gateway.purge.space,
    token: gateway.admin.token,
    isDraining,
    peerOf: (c) => (c.env as HttpBindings).incoming.socket.remoteAddress,
  });
  const servers: Server[] = [];
  try {
    const main = createServer(SERVER_OPTIONS, createDoor(setup, listenerOf(app), isDraining));
    servers.push(await listen(main, host, port, '--port', idleTimeout(gateway)));
    const side = createServer(SERVER_OPTIONS, listenerOf(admin));
    servers.push(await listen(side, gateway.admin.host, gateway.admin.port, '--admin-port', ADMIN_IDLE_TIMEOUT));
  } catch (error) {
    await Promise.all(servers.map((server) => stop(server, 0)));
    await node.close();
    throw error;
  }
  const [main, side] = servers as [Server, Server];
  return {
    url: urlOf(main, host),
    adminUrl: urlOf(side, gateway.admin.host),
    node,
    close: async (grace = 0) => {
      draining = true;
      if (grace > 0) await new Promise((resolve) => setTimeout(resolve, grace));
      await Promise.all([stop(main, DRAIN_TIMEOUT), stop(side, 1_000)]);
      await node.idle(1_000);
      await node.close();
    },
  };
}

function listenerOf(app: Hono): RequestListener {
  return withServerOptions(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
}

async function listen(server: Server, host: string, port: number, option: string, idle: number): Promise<Server> {
  refuseTunnels(server);
  server.timeout = idle;
  server.maxHeadersCount = 0; // Node would drop what exceeds its count without a word; the rim counts and answers 431
  const listening = Promise.withResolvers<void>();
  server.once('error', (error: NodeJS.ErrnoException) => {
    const isHost = error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND';
    const what = isHost ? `${option.replace('port', 'host')} ${host}` : `${option} ${port} on ${host}`;
    const why =
      error.code === 'EADDRINUSE'
        ? 'is in use: stop what listens there, or choose another'
        : `cannot be listened on (${error.message})`;
    listening.reject(new InlayError('config-invalid', `${what} ${why}`, { path: option, cause: error }));
  });
  server.listen(port, host, listening.resolve);
  await listening.promise;
  return server;
}

/** Ms of silence on a socket: longer than any answer may take, so that who waits for one gets it, if only a 504. */
function idleTimeout({ limits }: Gateway): number {
  return Math.max(limits.headTimeout, limits.pageTimeout, SEND_IDLE_TIMEOUT) + 5_000;
}

/** Closes a server: no new connections, idle ones at once, busy ones when they are done or the time is over. */
async function stop(server: Server, timeout: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection whose answer began before the end is kept alive by its head: it is closed once it is idle.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const timer = setTimeout(() => server.closeAllConnections(), timeout);
  await closed;
  clearTimeout(timer);
  clearInterval(sweep);
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
