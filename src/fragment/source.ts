import { InlayError } from '../errors.ts';
import type { EsiMode } from '../template/compile.ts';
import type { EntityTarget } from '../template/template.ts';
import { entityPath, type Fragment, matchFragment } from './match.ts';
import type { Captures } from './pattern.ts';
import type { Service } from './service.ts';

/** Where an include leads: the service, the path there, and what a definition says of it. */
export interface Source {
  readonly service: Service;
  /** Path and query in the gateway's URL space; relative references of the answer resolve against it. */
  readonly path: string;
  readonly defined: { readonly fragment: Fragment; readonly captures: Captures } | undefined;
  readonly esi: EsiMode;
  /** Where its JSON holds ids, as its route says. */
  readonly hydrate: string | undefined;
  /** Its key and path, once they are known. */
  address?: Address;
}

/** Key and path at the service of what is asked for. */
export interface Address {
  readonly key: string;
  readonly path: string;
  /** The site that the key is for; undefined if it is the same for all. */
  readonly site: string | undefined;
}

/** What a directive asks for, its variables expanded. */
export type Addressed = { readonly src: string } | EntityTarget;

/** The document that a directive stands in. */
export interface Place {
  readonly service: Service;
  /** Path and query in the gateway's URL space. */
  readonly path: string;
}

/** What a route says of all that it answers. */
interface RouteTerms {
  readonly service: Service;
  readonly esi: EsiMode;
  readonly hydrate: string | undefined;
}

/** The URL space that references are resolved in: what is configured, and nothing else. */
export interface UrlSpace {
  readonly services: ReadonlyMap<string, Service>;
  readonly fragments: readonly Fragment[];
  /** The service that a path is routed to. */
  readonly route: (path: string) => RouteTerms | undefined;
}

/** Stands for the gateway's own host while references are resolved; no request ever goes there. */
const HERE = 'http://gateway.invalid';

const MAX_URL_LENGTH = 32_768;

/**
 * Finds what a directive asks for. A path leads to the definition that matches it, else to the service that the gateway
 * routes it to, else to the service of the including document; an absolute URL must begin with a configured service's origin.
 * Nothing else can be reached: neither a host in a `src` nor any header chooses where a request goes.
 */
export function findSource(target: Addressed, place: Place, space: UrlSpace): Source | InlayError {
  if (!('src' in target)) return findEntity(target, space);
  const known = found.get(target);
  if (known !== undefined && known.path === place.path && known.service === place.service && known.space === space) {
    return known.source;
  }
  const source = findByUrl(target.src, place, space);
  found.set(target, { path: place.path, service: place.service, space, source });
  return source;
}

/** Where the directives of stored templates led: a stored page is composed again and again, at the same place. */
const found = new WeakMap<Addressed, Place & { readonly space: UrlSpace; readonly source: Source | InlayError }>();

function findEntity({ type, id }: EntityTarget, space: UrlSpace): Source | InlayError {
  const fragment = byName(space.fragments).get(type);
  if (fragment === undefined) return forbidden(`no fragment is defined with the name "${type}"`, type);
  const { ids, own } = fragment;
  const name = ids[0];
  if (id === undefined && name !== undefined) return forbidden(`an id is missing: "${type}" has one in its path`, type);
  if (id !== undefined && name === undefined)
    return forbidden(`the id of "${type}" is the visitor's own: none can be asked for`, type);
  if (ids.length > 1) return forbidden(`fragment "${type}" has more than one identifier in its path`, type);
  // A name that is computed makes a member of any name (`__proto__`), and such objects are quick.
  const captures: Record<string, string> = name === undefined ? {} : { [name]: id! };
  for (const gap of own) captures[gap] = gapOf(gap);
  const path = entityPath(fragment, captures);
  if (path === undefined) return forbidden(`"${id}" cannot be an identifier of "${type}"`, type);
  return { service: fragment.service, path, defined: { fragment, captures }, esi: fragment.esi, hydrate: undefined };
}

const names = new WeakMap<readonly Fragment[], ReadonlyMap<string, Fragment>>();

function byName(fragments: readonly Fragment[]): ReadonlyMap<string, Fragment> {
  let known = names.get(fragments);
  if (known === undefined) {
    known = new Map(fragments.map((fragment) => [fragment.name, fragment]));
    names.set(fragments, known);
  }
  return known;
}

/** How markup writes a place that the visitor's identity fills. */
function gapOf(name: string): string {
  return `{${name}}`;
}

function findByUrl(src: string, place: Place, space: UrlSpace): Source | InlayError {
  if (src.length > MAX_URL_LENGTH)
    return forbidden(`the URL is longer than ${MAX_URL_LENGTH} characters`, src.slice(0, 200));
  if (/[\u0000-\u001f\u007f]/.test(src)) return forbidden('the URL has control characters', src);
  if (src.trim() === '') return forbidden('the URL is empty', src);
  let url: URL;
  try {
    url = new URL(src, HERE + place.path);
  } catch {
    return forbidden('this is no URL', src); // the URL class says no more than that
  }
  if (url.username !== '' || url.password !== '') return forbidden('the URL has user information', src);
  const path = url.pathname + url.search;
  return url.origin === HERE ? findByPath(path, url, place.service, space, src) : findAtOrigin(url, space, src);
}

function findByPath(path: string, url: URL, service: Service, space: UrlSpace, src: string): Source | InlayError {
  const defined = matchFragment(space.fragments, url.pathname);
  if (defined !== undefined) return definedSource(defined, url.search, src);
  const routed = space.route(url.pathname);
  const { esi, hydrate } = routed ?? { esi: 'auto', hydrate: undefined };
  return { service: routed?.service ?? service, path, defined: undefined, esi, hydrate };
}

function findAtOrigin(url: URL, space: UrlSpace, src: string): Source | InlayError {
  for (const service of space.services.values()) {
    if (service.origin !== url.origin || !url.pathname.startsWith(service.basePath)) continue;
    const path = url.pathname.slice(service.basePath.length) || '/';
    if (!path.startsWith('/')) continue;
    const own = space.fragments.filter((fragment) => fragment.service === service);
    const defined = matchFragment(own, path);
    if (defined !== undefined) return definedSource(defined, url.search, src);
    return { service, path: path + url.search, defined: undefined, esi: 'auto', hydrate: undefined };
  }
  return forbidden(`${url.origin} is no configured service`, src);
}

function definedSource(defined: NonNullable<Source['defined']>, search: string, src: string): Source | InlayError {
  const { fragment, captures } = defined;
  for (const own of fragment.own) {
    if (captures[own] !== gapOf(own))
      return forbidden(`${gapOf(own)} is the visitor's own: write it so, and nothing else`, src);
  }
  const path = entityPath(fragment, captures);
  if (path === undefined) return forbidden('an identifier is no path segment', src);
  return { service: fragment.service, path: path + search, defined, esi: fragment.esi, hydrate: undefined };
}

function forbidden(message: string, path: string): InlayError {
  return new InlayError('fragment-forbidden', message, { path });
}
