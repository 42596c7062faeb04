import type { Ask } from '../cache/ask.ts';
import type { Interest } from '../cache/interest.ts';
import type { StoragePolicy } from '../cache/storability.ts';
import type { Fields } from '../http/fields.ts';
import { entityKey, scopedKey, scopedValues, selectQuery, urlKey } from './key.ts';
import type { Batch, Fragment } from './match.ts';
import type { Captures } from './pattern.ts';
import type { Service } from './service.ts';
import type { Address, Source } from './source.ts';
import { tagsOf } from './tags.ts';
import type { Visitor } from './visitor.ts';

/** What all fragments of one page have in common. */
export interface PageTerms {
  readonly visitor: Visitor;
  readonly pageService: Service;
  /** Scheme and authority that the client asked for. */
  readonly site: string;
  /** Whether there is a definition of that name. */
  readonly isType: (name: string) => boolean;
  readonly maxSize: number;
  /** Ms; for fragments whose definition and service name no limit. */
  readonly timeout: number;
  readonly interest: Interest;
  readonly place: Ask['place'];
  readonly trace: () => Fields;
}

/** The ask of a fragment: its key by its definition's scope or by its exact URL, and a request that carries no more than that. */
export function fragmentAsk(source: Source, json: boolean, terms: PageTerms): Ask {
  const { service, defined, esi } = source;
  const timeout = defined?.fragment.timeout ?? service.timeout ?? terms.timeout;
  const address = addressOf(source, terms.site);
  const { key, fields } = identityOf(source, address.key, json, terms);
  const via = defined?.fragment.batch && batched(source, fields, terms);
  return {
    key,
    method: 'GET',
    origin: service.origin,
    path: address.path,
    fields,
    policy: policyOf(service, defined?.fragment),
    esi,
    hydrate: source.hydrate,
    isType: terms.isType,
    decoded: true,
    tags: (answered, json) => tagsOf(defined, answered, json),
    maxSize: terms.maxSize,
    headTimeout: timeout,
    totalTimeout: timeout,
    interest: terms.interest,
    place: via === undefined ? terms.place : UNBOUNDED,
    trace: terms.trace,
    via,
  };
}

const policies = new WeakMap<Fragment | Service, StoragePolicy>();

/** What the configuration says of storing: the same for all of a kind. */
function policyOf(service: Service, fragment: Fragment | undefined): StoragePolicy {
  const settings = fragment ?? service;
  let policy = policies.get(settings);
  if (policy === undefined) {
    policy = {
      ttl: settings.ttl,
      staleWhileRevalidate: settings.staleWhileRevalidate,
      staleIfError: settings.staleIfError,
      public: fragment?.scope === 'public',
      scoped: Array.isArray(fragment?.scope),
      setCookie: service.setCookie,
      requestDirectives: false,
    };
    policies.set(settings, policy);
  }
  return policy;
}

/** What goes with others takes no place of its own: the batch does. */
const UNBOUNDED = async () => () => {};

/** How an entity is asked for together with others of its kind; `undefined` if it has to be asked for alone. */
function batched({ service, path, defined }: Source, fields: Fields, terms: PageTerms): Ask['via'] {
  const { fragment, captures } = defined!;
  const batch = fragment.batch!;
  const id = captures[fragment.ids[0]!]!;
  // Whoever splits the list at its commas may have decoded it before.
  if (batch.method === 'GET' && id.includes(',')) return undefined;
  return (request, interest, runtime) => {
    const mark = path.indexOf('?');
    const query = mark < 0 ? '' : selectQuery(path.slice(mark), fragment.query);
    const { name } = fragment;
    const around = batchPath(batch, captures, service.basePath, query);
    const { maxSize, place } = terms;
    const call = { name, service, batch, id, path: around, fields, maxSize, place, interest };
    return runtime.batches.fetch(call, request, runtime);
  };
}

const paths = new WeakMap<Batch, readonly [string, string]>();

/** The path of a batch around its ids, with the query that matters. Most have the same for all who ask. */
function batchPath(batch: Batch, captures: Captures, basePath: string, query: string): readonly [string, string] {
  const plain = query === '' && batch.path.names.every((name) => name === 'ids');
  const known = plain ? paths.get(batch) : undefined;
  if (known !== undefined) return known;
  const text = batch.path.literals.map((literal, i) => {
    const name = batch.path.names[i];
    if (name === undefined) return literal;
    return name === 'ids' ? `${literal}\n` : literal + encodeURIComponent(captures[name]!);
  });
  const [before, after = ''] = text.join('').split('\n');
  const more = query === '' ? '' : `${batch.path.text.includes('?') ? '&' : '?'}${query.slice(1)}`;
  const path: readonly [string, string] =
    batch.method === 'GET' ? [basePath + before!, after + more] : [basePath + before! + more, ''];
  if (plain) paths.set(batch, path);
  return path;
}

/** Sources of stored templates are asked for again and again; what makes their keys does not change. */
function addressOf(source: Source, site: string): Address {
  const known = source.address;
  if (known !== undefined && (known.site === undefined || known.site === site)) return known;
  const address = source.defined === undefined ? byUrl(source, site) : byDefinition(source, source.defined, site);
  source.address = address;
  return address;
}

function byUrl({ service, path, esi, hydrate }: Source, site: string): Address {
  const full = service.basePath + path;
  return { key: urlKey(service.origin, full, site, esi, hydrate), path: full, site };
}

function byDefinition({ path }: Source, { fragment, captures }: NonNullable<Source['defined']>, site: string): Address {
  const mark = path.indexOf('?');
  const query = mark < 0 ? '' : selectQuery(path.slice(mark), fragment.query);
  const full = fragment.service.basePath + (mark < 0 ? path : path.slice(0, mark)) + query;
  const told = fragment.scope === 'http' ? site : undefined;
  return { key: entityKey(fragment, captures, query, told), path: full, site: told };
}

/** The request's fields, and the key: identity values that a definition names are in both. */
function identityOf(
  { service, defined }: Source,
  key: string,
  json: boolean,
  terms: PageTerms,
): { key: string; fields: Fields } {
  const { visitor, pageService } = terms;
  const scope = defined?.fragment.scope ?? 'http';
  const batched = defined?.fragment.batch !== undefined;
  if (scope === 'public') return { key, fields: batched ? visitor.batchFields() : visitor.publicFields(json) };
  if (scope === 'http') return { key, fields: visitor.httpFields(service, pageService, json || batched) };
  const values = scopedValues(scope, visitor.fields, visitor.claims);
  return { key: scopedKey(key, values), fields: visitor.scopedFields(values, json || batched) };
}
