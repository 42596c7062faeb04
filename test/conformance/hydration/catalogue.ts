import type { FragmentDefinition } from '../../../src/fragment/define.ts';
import type { Received } from '../../support/origin.ts';
import type { Kind, Scripted } from './record.ts';

/** A service that has entities, and answers for one or for many as definitions say that it does. */
export class Catalogue {
  readonly #kinds = new Map<string, Kind>();

  /** What a kind says from now on; what it does not name stays as it was, and so do the ids. */
  change(kinds: Readonly<Record<string, Kind>>): void {
    for (const [name, kind] of Object.entries(kinds)) {
      const before = this.#kinds.get(name);
      const has = Object.assign(Object.create(null), before?.has, kind.has); // no name is special
      this.#kinds.set(name, { ...before, ...kind, has });
    }
  }

  answer(request: Pick<Received, 'method' | 'target' | 'body'>): Scripted {
    for (const [name, kind] of this.#kinds) {
      const definition = definitionOf(name, kind);
      const ids = idsOf(definition, request);
      if (ids !== undefined) return toMany(ids, kind, definition);
      const [id] = matched(definition.path, request.target)?.slice(-1) ?? [];
      if (id !== undefined) return toOne(decodeURIComponent(id), kind);
    }
    return { status: 404, body: 'the catalogue knows no such path' };
  }
}

/** The definition of a type: see {@link Kind}. */
export function definitionOf(name: string, { definition = {} }: Kind): FragmentDefinition {
  const { batch, scope = 'public', ...rest } = definition;
  const post = batch?.method === 'POST';
  const own = { path: post ? `/${name}/many` : `/${name}?ids={ids}`, items: '/items', ...batch };
  return {
    name,
    path: `/${name}/{id}`,
    service: 'catalogue',
    ...(scope === null ? {} : { scope }),
    ...rest,
    ...(batch === null ? {} : { batch: own }),
  } as FragmentDefinition;
}

/** The ids that a request asks for as a batch. */
function idsOf({ batch }: FragmentDefinition, { method, target, body }: Pick<Received, 'method' | 'target' | 'body'>) {
  if (batch === undefined || method !== (batch.method ?? 'GET')) return undefined;
  const gaps = matched(batch.path, target);
  if (gaps === undefined) return undefined;
  if (method === 'POST') return (JSON.parse(Buffer.from(body, 'latin1').toString()) as { ids: string[] }).ids;
  return gaps.at(-1)!.split(',').map(decodeURIComponent);
}

/** What the gaps of a pattern hold in a target; a query that matters may stand behind. */
function matched(pattern: string, target: string): string[] | undefined {
  const source = pattern
    .split(/\{[^{}]*\}/)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('([^/?&]+)');
  return new RegExp(`^${source}(?:[?&].*)?$`).exec(target)?.slice(1);
}

function toOne(id: string, { has = {}, definition, answer }: Kind): Scripted {
  const holding = has[id];
  if (typeof holding === 'object') return holding;
  if (holding === undefined || holding === 'null') return { status: 404 };
  const markup = definition?.batch?.body !== undefined;
  const headers = { 'content-type': markup ? 'text/html' : 'application/json', ...answer?.headers };
  return { headers, body: holding };
}

function toMany(ids: readonly string[], { has = {}, keyed = false, answer = {} }: Kind, { batch }: FragmentDefinition) {
  const fault = ids.map((id) => has[id]).find((holding) => typeof holding === 'object');
  if (typeof fault === 'object') return fault;
  const held = ids.filter((id) => has[id] !== undefined).map((id) => [id, has[id]] as const);
  const items = keyed
    ? `{${held.map(([id, item]) => `${JSON.stringify(id)}:${item}`).join(',')}}`
    : `[${held.map(([, item]) => item).join(',')}]`;
  const steps = (batch?.items ?? '').split('/').slice(1);
  const body = steps.reduceRight((inner, name) => `{"page":1,${JSON.stringify(name)}:${inner}}`, items);
  return { body, ...answer };
}
