import type { FragmentDefinition } from '../../../src/fragment/define.ts';
import type { GatewayConfig } from '../../../src/gateway/config.ts';

/** A configuration that must not start, and the path that its message names. */
export interface Refused {
  readonly says: string;
  readonly config: GatewayConfig;
  readonly at: string;
}

const FACADES = { all: { routes: { '/*': 'web' } } };
const SERVICES = { web: 'http://127.0.0.1:1', catalogue: 'http://127.0.0.1:2' };

function batch(says: string, batch: object, more: object = {}, at = 'fragments.0.batch'): Refused {
  const definition = { name: 'product', path: '/product/{id}', service: 'catalogue', scope: 'public', batch, ...more };
  return { says, config: { services: SERVICES, facades: FACADES, fragments: [definition as FragmentDefinition] }, at };
}

function hydrate(says: string, hydrate: unknown): Refused {
  const route = { service: 'web', hydrate } as unknown as { service: string };
  const config: GatewayConfig = {
    services: SERVICES,
    facades: { all: { routes: { '/*': route } } },
    fragments: [{ name: 'product', path: '/product/{id}', service: 'catalogue' }],
  };
  return { says, config, at: 'hydrate' };
}

export const REFUSED: readonly Refused[] = [
  batch('a batch without a path', {}),
  batch('a path of a batch without {ids}', { path: '/product?ids=' }),
  batch('a path of a batch with {ids} twice', { path: '/product?ids={ids}&again={ids}' }),
  batch('a path of a batch by POST with {ids}', { path: '/product?ids={ids}', method: 'POST' }),
  batch('a path of a batch with another gap', { path: '/product/{id}?ids={ids}' }),
  batch('a batch by another method', { path: '/product?ids={ids}', method: 'PUT' }),
  batch('a batch of no ids', { path: '/product?ids={ids}', max: 0 }),
  batch('a batch of more than 1,000 ids', { path: '/product?ids={ids}', max: 1_001 }),
  batch('items that are no JSON pointer', { path: '/product?ids={ids}', items: 'items' }),
  batch('an id that is no JSON pointer', { path: '/product?ids={ids}', id: 'id' }),
  batch('a body that is no JSON pointer', { path: '/product?ids={ids}', body: 'html' }),
  batch('a member of batch that is not known', { path: '/product?ids={ids}', size: 5 }),
  batch(
    'a batch of what has two identifiers',
    { path: '/product?ids={ids}' },
    { path: '/{shop}/product/{id}' },
    'fragments.0',
  ),
  batch('a batch of what has no identifier', { path: '/product?ids={ids}' }, { path: '/product' }, 'fragments.0'),
  batch(
    "a batch whose only identifier is the visitor's own",
    { path: '/cart?ids={ids}' },
    { path: '/cart/{cookie:cart}', scope: ['cookie:cart'] },
    'fragments.0',
  ),
  {
    says: 'an identity value in a path that is not in the scope',
    config: {
      services: SERVICES,
      facades: FACADES,
      fragments: [{ name: 'cart', path: '/cart/{cookie:cart}', service: 'catalogue', scope: 'public' }],
    },
    at: 'fragments.0',
  },
  hydrate('a route whose hydrate is no list', '"/id;type=product'),
  hydrate('a route whose hydrate has no type', '"/id"'),
  hydrate('a route whose hydrate names no definition', '"/id";type=nothing'),
  hydrate('a route whose hydrate is no text', 5),
];
