import { InlayError } from '../errors.ts';
import { scopedValues } from './key.ts';
import { entityPath } from './match.ts';
import type { Source } from './source.ts';
import type { Visitor } from './visitor.ts';

/**
 * The source with the visitor's own values where its path names them (`/carts/{claim:sub}`): they come from who is asking,
 * and no answer of a service can put another in their place.
 */
export function ownSource(source: Source, { fields, claims }: Visitor): Source | InlayError {
  const { defined } = source;
  if (defined === undefined || defined.fragment.own.length === 0) return source;
  const { fragment } = defined;
  if (typeof fragment.scope === 'string') return source; // such a definition was refused at start
  const captures: Record<string, string> = Object.assign(Object.create(null), defined.captures);
  for (const { from, name, value } of scopedValues(fragment.scope, fields, claims)) {
    const own = fragment.own.find((gap) => isNamed(gap, from, name));
    if (own === undefined) continue;
    if (value === undefined || value === '') return refused(`the visitor has no ${from} "${name}"`, source);
    captures[own] = value;
  }
  const path = entityPath(fragment, captures);
  if (path === undefined) return refused('a value of the visitor cannot stand in a path', source);
  const mark = source.path.indexOf('?');
  const { service, esi, hydrate } = source;
  return {
    service,
    path: mark < 0 ? path : path + source.path.slice(mark),
    defined: { fragment, captures },
    esi,
    hydrate,
  };
}

/** Names of header fields are compared without case. */
function isNamed(gap: string, from: string, name: string): boolean {
  return from === 'header' ? gap.toLowerCase() === `header:${name}` : gap === `${from}:${name}`;
}

function refused(message: string, { path }: Source): InlayError {
  return new InlayError('fragment-forbidden', message, { path });
}
