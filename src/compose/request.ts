import type { Ask } from '../cache/ask.ts';
import { fragmentAsk } from '../fragment/ask.ts';
import type { Addressed, Source } from '../fragment/source.ts';
import { type Fields, isConnectionField, withoutFields } from '../http/fields.ts';
import { textOf as valueText } from '../template/environment.ts';
import { escapeUrl } from '../template/escape.ts';
import { evaluate, expandText, expandUrl } from '../template/evaluate.ts';
import type { FieldChange, Include, Target, Text } from '../template/template.ts';
import type { Composition, Document } from './compose.ts';
import { note } from './plan.ts';

/** Expands a target for this request, `param` children included; one that has no variables is the very same object. */
export function addressTarget(
  target: Target,
  include: Include,
  document: Document,
  composition: Composition,
): Addressed {
  if (!('src' in target)) return target;
  if (typeof target.src === 'string' && include.params === undefined) return target as { readonly src: string };
  const environment = document.state.environment(document, composition);
  let src = typeof target.src === 'string' ? target.src : expandUrl(target.src, environment);
  if (include.params !== undefined) src = src.split('#', 1)[0]!; // a fragment identifier is never sent
  for (const { name, value } of include.params ?? []) {
    const pair = `${escapeUrl(textOf(name, document, composition))}=${escapeUrl(textOf(value, document, composition))}`;
    src += `${src.includes('?') ? '&' : '?'}${pair}`;
  }
  return { src };
}

/** The ask of an include: its definition's or URL's, with what its attributes change. */
export function includeAsk(include: Include, source: Source, document: Document, composition: Composition): Ask {
  const esi = include.eval === true || include.dca === 'esi' ? 'always' : include.dca === 'none' ? 'off' : source.esi;
  const asked = esi === source.esi ? source : { ...source, esi };
  let ask = fragmentAsk(asked, include.syntax === 'json' || include.as === 'json', composition.terms);
  if (asked !== source) ask = { ...ask, key: JSON.stringify([ask.key, { esi }]) };
  if (include.ttl !== undefined) ask = { ...ask, ttl: include.ttl };
  if (include.noStore === true) ask = { ...ask, bypass: true };
  const privileged = include.method !== undefined || include.entity !== undefined || include.changes !== undefined;
  if (!privileged) return ask;
  if (composition.privileged) return withPrivileges(ask, include, document, composition);
  note(document.part, 'method, entity and header attributes need esi.privileged: ignored');
  return ask;
}

/** Requests that a page may make of a service beyond a plain GET; each is kept apart from what a plain one brings. */
function withPrivileges(ask: Ask, include: Include, document: Document, composition: Composition): Ask {
  const changes = (include.changes ?? []).map(({ change, field }) => ({
    change,
    field: textOf(field, document, composition),
  }));
  const fields = changes.reduce(applyChange, ask.fields);
  const key = changes.length === 0 ? ask.key : JSON.stringify([ask.key, { changes }]);
  const method = include.method === undefined ? 'GET' : textOf(include.method, document, composition).toUpperCase();
  if (method === 'GET' && include.entity === undefined)
    return { ...ask, via: changes.length === 0 ? ask.via : undefined, key, fields };
  const safe = /^[A-Z]{1,16}$/.test(method) && method !== 'CONNECT' && method !== 'TRACE' ? method : 'GET';
  if (safe !== method) note(document.part, `method ${method.slice(0, 20)} is not one that an include may use`);
  const entity =
    include.entity === undefined ? undefined : new TextEncoder().encode(textOf(include.entity, document, composition));
  return {
    ...ask,
    via: undefined,
    key,
    fields,
    method: safe,
    bypass: true,
    ...(entity === undefined ? {} : { body: once(entity) }),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** Fields that decide where a request goes or how it is framed are not a page's to change (ESI.md section 3). */
function applyChange(fields: Fields, { change, field }: Omit<FieldChange, 'field'> & { field: string }): Fields {
  const colon = field.indexOf(':');
  const name = (colon < 0 ? field : field.slice(0, colon)).trim().toLowerCase();
  const value = colon < 0 ? '' : field.slice(colon + 1).trim();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || isConnectionField(name) || FIXED.has(name)) return fields;
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return fields;
  if (change === 'append') return [...fields, name, value];
  const without = withoutFields(fields, new Set([name]));
  return change === 'remove' ? without : [...without, name, value];
}

const FIXED: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', 'cdn-loop', 'via', 'accept-encoding']);

/** Text with its values, or an expression's value if it is one: `'X-A: ' + $(x)`. */
function textOf(text: Text, document: Document, composition: Composition): string {
  if (typeof text === 'string') return text;
  const environment = document.state.environment(document, composition);
  const [only] = text;
  if (text.length === 1 && typeof only === 'object') return valueText(evaluate(only, environment), environment);
  return expandText(text, environment, (part) => part);
}
