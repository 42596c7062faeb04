/** What Inlay is compared with, one process each: `peers.ts bare 10`, `peers.ts reverse http://127.0.0.1:9000`. */
import { createServer, type ServerResponse } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { type Dispatcher, Pool } from 'undici';
import { composed, entity, list } from './fixtures.ts';
import { loading, looping } from './hits-peers.ts';
import { announce } from './serve.ts';

const [role, argument = ''] = process.argv.slice(2);
const HTML = 'text/html; charset=utf-8';

switch (role) {
  case 'bare':
    announce(bare(Buffer.from(composed(Number(argument))), HTML));
    break;
  case 'bare-json':
    announce(bare(Buffer.from(list(Number(argument), entity)), 'application/json'));
    break;
  case 'hono':
    announce(hono(Buffer.from(composed(Number(argument)))));
    break;
  case 'reverse':
    announce(reverse(argument));
    break;
  case 'naive':
    announce(naive(argument, false));
    break;
  case 'naive-cached':
    announce(naive(argument, true));
    break;
  case 'hits-naive':
    announce(looping(argument));
    break;
  case 'hits-loader':
    announce(loading(argument, false));
    break;
  case 'hits-one-loader':
    announce(loading(argument, true));
    break;
  default:
    throw new Error(`no peer is called ${role}`);
}

/** The least that Node can do for these bytes. */
function bare(body: Buffer, type: string) {
  const head = ['Content-Type', type, 'Content-Length', String(body.length)];
  return createServer((_request, response) => {
    response.writeHead(200, head);
    response.end(body);
  });
}

/** The same bytes from a Hono app without middleware. */
function hono(body: Buffer<ArrayBuffer>) {
  const app = new Hono();
  app.get('*', (c) => c.body(body, 200, { 'Content-Type': HTML, 'Content-Length': String(body.length) }));
  return createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as ReturnType<typeof createServer>;
}

/** A reverse proxy that knows no ESI: bytes in, bytes out, over undici's fastest way. */
function reverse(origin: string) {
  const pool = new Pool(origin, { connections: 64, pipelining: 1 });
  return createServer((request, response) => {
    const headers = request.rawHeaders;
    pool.dispatch({ method: 'GET', path: request.url!, headers }, relayTo(response));
  });
}

function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: () => {},
    onResponseStart: (controller, status) => {
      response.writeHead(status, (controller.rawHeaders as Buffer[]).map(String));
    },
    onResponseData: (_controller, chunk) => void response.write(chunk),
    onResponseEnd: () => void response.end(),
    onResponseError: () => void response.destroy(),
  };
}

/** A gateway as one writes it in an afternoon: fetch the list, fetch its entities, put them together. */
function naive(origin: string, cached: boolean) {
  const texts = new Map<string, string>();
  const get = async (path: string): Promise<unknown> => {
    const text = texts.get(path) ?? (await (await fetch(origin + path)).text());
    if (cached) texts.set(path, text);
    return JSON.parse(text);
  };
  const answer = async (response: ServerResponse): Promise<void> => {
    const { total, items } = (await get('/ids?n=100')) as { total: number; items: number[] };
    const hydrated = await Promise.all(items.map((id) => get(`/entity/${id}`)));
    const body = JSON.stringify({ total, items: hydrated });
    response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]);
    response.end(body);
  };
  return createServer((_request, response) => void answer(response).catch(() => response.destroy()));
}
