/** What the five services have in common: a log line a request, and a port to listen on. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Hono, MiddlewareHandler } from 'hono';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';

/** Takes one line of text, without its line end. */
export type Log = (line: string) => void;

/** What every service sends to the process that started it, once it listens. */
export interface Listening {
  readonly listening: string;
}

const longestTarget = 160; // characters of a log line; a request for a hundred codes has 400

/**
 * Logs one plain line a request: `visitor GET /fragments/greeting 200 1ms`. A batch says how many it asked for:
 * `catalogue GET /entities/countries?codes=FRA,DEU 2 codes 200 1ms`.
 */
export function logRequests(service: string, log: Log = console.log): MiddlewareHandler {
  return async (c, next) => {
    const started = performance.now();
    await next();
    const { pathname, search, searchParams } = new URL(c.req.url);
    const target = pathname + search;
    const shown = target.length > longestTarget ? `${target.slice(0, longestTarget)}…` : target;
    const took = Math.round(performance.now() - started);
    log(`${service} ${c.req.method} ${shown}${batchSize(searchParams.get('codes'))} ${c.res.status} ${took}ms`);
  };
}

function batchSize(codes: string | null): string {
  if (!codes) return '';
  const count = codes.split(',').length;
  return count === 1 ? ' 1 code' : ` ${count} codes`;
}

/** Strong ETags by content; a 304 repeats what a surrogate has to know as well. */
export const validators = etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'surrogate-control', 'surrogate-key'] });

/**
 * Makes this process the service: listens on 127.0.0.1 (port from `PORT`, 0 for a free one) until SIGTERM or SIGINT,
 * or until the process that started it with a channel is gone, so that nobody leaves orphans behind.
 * @param close runs after the last answer, before the process ends.
 */
export function runService(service: string, defaultPort: number, app: Hono, close?: () => Promise<void>): void {
  const port = Number(process.env.PORT || defaultPort);
  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address: AddressInfo) => {
    const message: Listening = { listening: `http://127.0.0.1:${address.port}` };
    console.log(`${service} listens on ${message.listening}`);
    process.send?.(message);
  });
  server.on('error', (error: NodeJS.ErrnoException) => {
    console.error(`${service} cannot listen: ${listenProblem(error, port)}`);
    process.exit(1);
  });

  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    server.close(async () => {
      await close?.();
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('disconnect', stop);
  if (process.connected === false) stop(); // the channel was lost while this module was loading
}

/** Says in words why a port of 127.0.0.1 could not be had, and what to do about it. */
export function listenProblem(error: NodeJS.ErrnoException, port: number): string {
  if (error.code !== 'EADDRINUSE') return error.message;
  return `port ${port} is in use. Find the program that holds it with "ss -ltnp sport = :${port}" and stop it.`;
}
