/**
 * What the origin serves to those who hydrate search answers, and a count of what was asked for.
 * `/hits?n=100&known=90` a search answer of 100 identifiers, 90 of them the same in every answer; `&turn=7` says which answer it is.
 * `&as=product` writes them as a directive of that type, `&as=field` has a response field ask for it.
 * `/product/7` one product; `/products?ids=7,8`, or `{"ids":["7","8"]}` by POST, several.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { found, foundIds, productText } from './fixtures.ts';

/** What was asked for so far. */
export interface Tally {
  readonly answers: number;
  /** Requests for products, and the products asked for in them. */
  readonly requests: number;
  readonly ids: number;
}

const counts = { answers: 0, requests: 0, ids: 0 };
let turns = 1_000; // below, they are free for checks

const PATHS = ['/hits?', '/product/', '/products', '/tally'];

export function isOfHits(target: string): boolean {
  return PATHS.some((path) => target.startsWith(path));
}

export async function answerHits(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url!, 'http://origin.invalid');
  const [body, ...head] =
    pathname === '/products' ? await products(request, searchParams) : one(pathname, searchParams);
  const bytes = Buffer.from(body);
  response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(bytes.length), ...head]);
  response.end(bytes);
}

/** A body and the fields that go with it, flat. */
type Answer = readonly [body: string, ...head: string[]];

const STORED = ['Cache-Control', 'max-age=3600'] as const;
const NOT_STORED = ['Cache-Control', 'no-store'] as const;

function one(path: string, query: URLSearchParams): Answer {
  if (path === '/tally') return [JSON.stringify(counts), ...NOT_STORED];
  if (path === '/hits') return hits(query);
  counts.requests++;
  counts.ids++;
  return [productText(Number(path.slice('/product/'.length))), ...STORED];
}

function hits(query: URLSearchParams): Answer {
  counts.answers++;
  const turn = Number(query.get('turn') ?? turns++);
  const ids = foundIds(turn, Number(query.get('n')), Number(query.get('known')));
  const as = query.get('as');
  if (as === null) return [found(turn, JSON.stringify(ids)), ...NOT_STORED];
  if (as === 'field')
    return [found(turn, JSON.stringify(ids)), ...NOT_STORED, 'Inlay-Hydrate', '"/hits/*";type=product'];
  const directive = JSON.stringify({ 'esi:include': { type: as, ids } });
  return [found(turn, directive), ...NOT_STORED, 'Surrogate-Control', 'content="ESI/1.0"'];
}

async function products(request: IncomingMessage, query: URLSearchParams): Promise<Answer> {
  const ids = request.method === 'POST' ? posted(await text(request)) : query.get('ids')!.split(',');
  counts.requests++;
  counts.ids += ids.length;
  return [`{"items":[${ids.map((id) => productText(Number(id))).join(',')}]}`, ...STORED];
}

function posted(body: string): readonly string[] {
  return (JSON.parse(body) as { ids: string[] }).ids;
}
