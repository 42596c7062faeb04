/**
 * The scripted origin, a process of its own. Addresses say what it answers:
 * `/page?n=10&store=1&delay=0&id=x` a page whose fragments take `delay` ms (`&slow=1`: the first alone, which is never stored); a new `id` makes everything new.
 * `/fragment?i=3&delay=50&id=x` one of them; `/entity/7`, `/list?n=100`, `/ids?n=100` the JSON ones.
 * `/nested?level=0&delay=50&id=x` a page of constructs, three levels deep, each fragment taking `delay` ms.
 * `/hits?n=100&known=90`, `/product/7`, `/products` what is hydrated in batches, and `/tally`, which counts it (see hits.ts).
 * `/tagged?i=3&tag=t` a fragment with a tag, different every time it is asked for.
 * `/seen?id=x` how often a page and its fragments with this id were asked for, and how long the slowest took.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { entity, FRAGMENT_BYTES, fragment, list, nested, template } from './fixtures.ts';
import { answerHits, isOfHits } from './hits.ts';
import { announce } from './serve.ts';

/** What one id of a page was asked for. */
interface Seen {
  pages: number;
  fragments: number;
  /** Ms from a fragment's request to the end of its answer. */
  slowest: number;
}

interface Answer {
  readonly head: string[];
  readonly body: Buffer;
}

const seen = new Map<string, Seen>();
/** Answers that are asked for again and again, so that the origin is not what is measured. */
const ready = new Map<string, Answer>();
const MAX_READY = 2_000;

const server = createServer((request, response) => {
  const target = request.url!;
  if (isOfHits(target)) return void answerHits(request, response).catch(() => response.destroy());
  const known = ready.get(target);
  if (known !== undefined) return send(known, response);
  const url = new URL(target, 'http://origin.invalid');
  if (url.pathname === '/tagged') return send(tagged(url.searchParams.get('tag') ?? 'none'), response);
  const id = url.searchParams.get('id');
  if (id === null) {
    const made = answerTo(url);
    if (ready.size < MAX_READY) ready.set(target, made);
    return send(made, response);
  }
  if (url.pathname === '/seen') return send(json(seen.get(id) ?? {}, 'no-store'), response);
  const isPage = url.pathname === '/page' || url.searchParams.get('level') === '0';
  watch(id, isPage, request, response);
  const delay = isPage ? 0 : Number(url.searchParams.get('delay') ?? 0);
  const answer = answerTo(url);
  if (delay === 0) send(answer, response);
  else setTimeout(() => send(answer, response), delay);
});
server.keepAliveTimeout = 60_000;
announce(server);

function watch(id: string, isPage: boolean, _request: IncomingMessage, response: ServerResponse): void {
  const counts = seen.get(id) ?? { pages: 0, fragments: 0, slowest: 0 };
  seen.set(id, counts);
  if (isPage) counts.pages++;
  else counts.fragments++;
  const asked = performance.now();
  if (!isPage)
    response.once('finish', () => {
      counts.slowest = Math.max(counts.slowest, performance.now() - asked);
    });
}

function send({ head, body }: Answer, response: ServerResponse): void {
  response.writeHead(200, head);
  response.end(body);
}

function tagged(tag: string): Answer {
  tagged.turn += 1;
  const { head, body } = answer(fragment(tagged.turn), 'text/html; charset=utf-8', 'max-age=3600');
  return { head: [...head, 'Surrogate-Key', tag], body };
}
tagged.turn = 0;

function answerTo(url: URL): Answer {
  const number = (name: string, fallback: number) => Number(url.searchParams.get(name) ?? fallback);
  const cache = number('store', 1) === 1 ? 'max-age=3600' : 'no-store';
  switch (url.pathname.split('/', 2)[1]) {
    case 'page': {
      const id = url.searchParams.get('id');
      const slow = number('slow', 0) === 1;
      const rest = (i: number) =>
        slow && i > 0 ? `&id=${id}` : `&id=${id}&delay=${number('delay', 0)}${slow ? '&store=0' : ''}`;
      const text = template(number('n', 10), (i) => `/fragment?i=${i}${id === null ? '' : rest(i)}`);
      return answer(text, 'text/html; charset=utf-8', cache);
    }
    case 'nested': {
      const [at, terms] = [
        url.searchParams.get('at') ?? '',
        `delay=${number('delay', 0)}&amp;id=${url.searchParams.get('id')}`,
      ];
      const level = number('level', 0);
      return answer(
        nested(level, (i) => `/nested?level=${level + 1}&amp;at=${at}${i}&amp;${terms}`),
        'text/html; charset=utf-8',
        cache,
      );
    }
    case 'fragment':
      return answer(fragment(number('i', 0), number('bytes', FRAGMENT_BYTES)), 'text/html; charset=utf-8', cache);
    case 'entity':
      return json(entity(Number(url.pathname.slice('/entity/'.length))), cache);
    case 'ids':
      return json({ total: number('n', 100), items: Array.from({ length: number('n', 100) }, (_, id) => id) }, cache);
    case 'list':
      return answer(
        list(number('n', 100), (id) => ({ 'esi:include': { type: 'entity', id } })),
        'application/json',
        cache,
      );
    default:
      return answer('what?', 'text/plain', 'no-store');
  }
}

function json(value: unknown, cache: string): Answer {
  return answer(JSON.stringify(value), 'application/json', cache);
}

function answer(text: string, type: string, cache: string): Answer {
  const body = Buffer.from(text);
  const esi = text.includes('esi:include') ? ['Surrogate-Control', 'content="ESI/1.0"'] : [];
  return {
    head: ['Content-Type', type, 'Content-Length', String(body.length), 'Cache-Control', cache, ...esi],
    body,
  };
}
