import { hasDotSegments } from '../http/path.ts';
import type { EsiMode } from '../template/compile.ts';
import { parsePointer } from '../template/json-pointer.ts';
import { type Captures, expand, matcher, type Pattern, parsePattern } from './pattern.ts';
import type { Service } from './service.ts';

/** A definition, validated and compiled. Times in ms. */
export interface Fragment {
  readonly name: string;
  readonly service: Service;
  readonly path: Pattern;
  /** Names in `path` that an include fills, and those that the visitor's identity does (`claim:sub`). */
  readonly ids: readonly string[];
  readonly own: readonly string[];
  readonly batch: Batch | undefined;
  readonly match: (path: string) => Captures | undefined;
  readonly query: readonly string[] | undefined;
  /** `http`: HTTP's own rules decide who may share an answer. */
  readonly scope:
    | 'http'
    | 'public'
    | readonly { readonly from: 'claim' | 'cookie' | 'header'; readonly name: string }[];
  readonly tags: readonly Pattern[];
  readonly ttl: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly timeout: number | undefined;
  readonly events: readonly SubjectMapping[];
  readonly fallback: string | undefined;
  readonly esi: EsiMode;
}

/** How entities are asked for several at a time. Pointers as their tokens. */
export interface Batch {
  /** With the gap `{ids}`, if the method is GET. */
  readonly path: Pattern;
  readonly method: 'GET' | 'POST';
  readonly max: number;
  readonly items: readonly string[];
  readonly id: readonly string[];
  readonly body: readonly string[] | undefined;
}

/** A service's own NATS subject, and the tags that a message on it purges. */
export interface SubjectMapping {
  /** With `*` for each gap, as NATS subscribes. */
  readonly subject: string;
  readonly tags: (subject: string) => readonly string[];
}

/** A fragment and the identifiers that a path names of it. */
export interface Matched {
  readonly fragment: Fragment;
  readonly captures: Captures;
}

/** A definition whose shape was checked, with its times in ms. */
export interface CheckedDefinition {
  readonly name: string;
  readonly path: string;
  readonly batch?: CheckedBatch | undefined;
  readonly query?: readonly string[] | undefined;
  readonly scope?: 'public' | readonly string[] | undefined;
  readonly tags: readonly string[];
  readonly ttl?: number | undefined;
  readonly staleWhileRevalidate?: number | undefined;
  readonly staleIfError?: number | undefined;
  readonly timeout?: number | undefined;
  readonly purge: Readonly<Record<string, string>>;
  readonly fallback?: string | undefined;
  readonly esi: EsiMode;
}

/** Compiles a definition whose shape was checked; reports what is wrong with its patterns and then returns nothing. */
export function resolveFragment(
  definition: CheckedDefinition,
  service: Service,
  report: (path: string, message: string) => void,
): Fragment | undefined {
  let ok = true;
  const fail = (path: string, message: string): undefined => {
    ok = false;
    report(path, message);
  };
  const pattern = (text: string, path: string): Pattern => {
    try {
      return parsePattern(text);
    } catch (error) {
      fail(path, `has ${(error as Error).message}`);
      return { text, literals: [text], names: [] };
    }
  };
  const path = pattern(definition.path, 'path');
  if (new Set(path.names).size < path.names.length) fail('path', 'names the same identifier twice');
  const own = path.names.filter((name) => name.includes(':'));
  const ids = path.names.filter((name) => !name.includes(':'));
  const scoped: readonly string[] = Array.isArray(definition.scope) ? definition.scope : [];
  for (const name of own) if (!scoped.includes(name)) fail('path', `uses {${name}}, which is not in scope`);
  const tags = definition.tags.map((text, index) => {
    const tag = pattern(text, `tags.${index}`);
    const unknown = tag.names.find((name) => !name.startsWith('/') && !path.names.includes(name));
    if (unknown !== undefined) fail(`tags.${index}`, `uses {${unknown}}, which is not in path`);
    return tag;
  });
  const events = Object.entries(definition.purge).map(([subject, tag]) =>
    mapping(pattern(subject, `purge.${subject}`), pattern(tag, `purge.${subject}`), (message) =>
      fail(`purge.${subject}`, message),
    ),
  );
  const batch = definition.batch && batchOf(definition.batch, { ids, own }, pattern, fail);
  if (!ok) return undefined;
  return {
    name: definition.name,
    service,
    path,
    ids,
    own,
    batch,
    match: matcher(path, '/'),
    query: definition.query === undefined ? undefined : [...definition.query].sort(),
    scope: scopeOf(definition.scope),
    tags,
    ttl: definition.ttl ?? service.ttl,
    staleWhileRevalidate: definition.staleWhileRevalidate ?? service.staleWhileRevalidate,
    staleIfError: definition.staleIfError ?? service.staleIfError,
    timeout: definition.timeout ?? service.timeout,
    events,
    fallback: definition.fallback,
    esi: definition.esi,
  };
}

/** A batch whose shape was checked, with its defaults. */
interface CheckedBatch {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly max: number;
  readonly items: string;
  readonly id: string;
  readonly body?: string | undefined;
}

function batchOf(
  { path, method, max, items, id, body }: CheckedBatch,
  { ids, own }: Pick<Fragment, 'ids' | 'own'>,
  pattern: (text: string, path: string) => Pattern,
  fail: (path: string, message: string) => void,
): Batch {
  const asked = pattern(path, 'batch.path');
  if (ids.length !== 1)
    fail('batch', `needs exactly one identifier in path, the visitor's own not counted, and there are ${ids.length}`);
  const gaps = asked.names.filter((name) => name === 'ids').length;
  if (method === 'GET' && gaps !== 1) fail('batch.path', 'must have {ids} once: the ids are sent in it');
  if (method === 'POST' && gaps > 0) fail('batch.path', 'must have no {ids}: with POST they are sent in the body');
  const unknown = asked.names.find((name) => name !== 'ids' && !own.includes(name));
  if (unknown !== undefined) fail('batch.path', `uses {${unknown}}, which is neither {ids} nor in path and scope`);
  const tokens = (text: string, name: string): readonly string[] => {
    const parsed = parsePointer(text);
    if (parsed === undefined)
      fail(`batch.${name}`, 'is no JSON pointer: begin it with "/", write "~1" for "/" and "~0" for "~"');
    return parsed ?? [];
  };
  return {
    path: asked,
    method,
    max,
    items: tokens(items, 'items'),
    id: tokens(id, 'id'),
    body: body === undefined ? undefined : tokens(body, 'body'),
  };
}

function scopeOf(scope: CheckedDefinition['scope']): Fragment['scope'] {
  if (scope === undefined) return 'http';
  if (scope === 'public') return 'public';
  return [...scope].sort().map((value) => {
    const colon = value.indexOf(':');
    const from = value.slice(0, colon) as 'claim' | 'cookie' | 'header';
    const name = value.slice(colon + 1);
    return { from, name: from === 'header' ? name.toLowerCase() : name };
  });
}

function mapping(subject: Pattern, tag: Pattern, fail: (message: string) => void): SubjectMapping {
  const unknown = tag.names.find((name) => !subject.names.includes(name));
  if (unknown !== undefined) fail(`uses {${unknown}}, which is not in the subject`);
  const tokens = subject.literals.join('*').split('.');
  if (tokens.some((token) => !/^(\*|[^\s*>.\p{Cc}]+)$/u.test(token))) {
    fail('is no NATS subject: tokens between dots, each a word or one {name}');
  }
  const match = matcher(subject, '.');
  return {
    subject: tokens.join('.'),
    tags: (text) => {
      const captures = match(text);
      const expanded = captures && expand(tag, (name) => captures[name]);
      return expanded === undefined ? [] : [expanded];
    },
  };
}

/** Finds the definition that a path (without query) belongs to; the first one wins. */
export function matchFragment(fragments: readonly Fragment[], path: string): Matched | undefined {
  for (const fragment of fragments) {
    const captures = fragment.match(path);
    const decoded = captures && decodeCaptures(captures);
    if (decoded !== undefined) return { fragment, captures: decoded };
  }
  return undefined;
}

/** Percent-decodes identifiers; none may be a dot segment, which a service would resolve to another path. */
function decodeCaptures(captures: Captures): Captures | undefined {
  const decoded: Record<string, string> = Object.create(null);
  for (const name of Object.keys(captures)) {
    try {
      decoded[name] = decodeURIComponent(captures[name]!);
    } catch {
      return undefined; // malformed percent-encoding names no entity
    }
    if (decoded[name] === '.' || decoded[name] === '..') return undefined;
  }
  return decoded;
}

/** The path of an entity at its service, identifiers percent-encoded; the same identifiers always give the same bytes. */
export function entityPath(fragment: Fragment, captures: Captures): string | undefined {
  const path = expand(fragment.path, (name) => {
    const value = captures[name];
    if (value === undefined || value === '' || value === '.' || value === '..') return undefined;
    return value.isWellFormed() ? encodeURIComponent(value) : undefined; // no URL can hold half a character
  });
  return path === undefined || hasDotSegments(path) ? undefined : path;
}
