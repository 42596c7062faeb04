/** Gateways as one writes them without Inlay: both fetch a search answer, then its products, parse all and print it anew. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import DataLoader from 'dataloader';

interface Hits {
  readonly took: number;
  readonly hits: readonly number[];
}

interface Product {
  readonly id: number;
}

/** One request a product, all at once. */
export function looping(origin: string): Server {
  return gateway(origin, () => (ids) => Promise.all(ids.map((id) => read(`${origin}/product/${id}`))));
}

/**
 * DataLoader over the origin's batches, 100 identifiers each or what `max` says.
 * Its documentation wants a loader a request. One for `all` of them is a cache that nobody ever purges and that nothing
 * leaves, and its entities are objects that need no parsing: faster than anything that is right can be.
 */
export function loading(origin: string, all: boolean): Server {
  const create = (max: number) =>
    new DataLoader((ids: readonly number[]) => batch(origin, ids, max), { maxBatchSize: max });
  const shared = create(100);
  return gateway(origin, (query) => {
    const loader = all ? shared : create(Number(query.get('max') ?? 100));
    return (ids) => loader.loadMany(ids);
  });
}

async function batch(origin: string, ids: readonly number[], max: number): Promise<(Product | Error)[]> {
  const { items } = (await (max > 100
    ? read(`${origin}/products`, { method: 'POST', body: JSON.stringify({ ids: ids.map(String) }) })
    : read(`${origin}/products?ids=${ids.join(',')}`))) as { items: Product[] };
  const byId = new Map(items.map((item) => [item.id, item]));
  return ids.map((id) => byId.get(id) ?? new Error(`there is no product ${id}`));
}

async function read(url: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(url, init)).json();
}

function gateway(
  origin: string,
  resolver: (query: URLSearchParams) => (ids: readonly number[]) => Promise<unknown>,
): Server {
  const answer = async (target: string, response: ServerResponse): Promise<void> => {
    const resolve = resolver(new URL(target, origin).searchParams);
    const { took, hits } = (await read(origin + target)) as Hits;
    const body = JSON.stringify({ took, hits: await resolve(hits) });
    response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]);
    response.end(body);
  };
  return createServer((request, response) => void answer(request.url!, response).catch(() => response.destroy()));
}
