import type { Ask } from '../cache/ask.ts';
import type { Interest } from '../cache/interest.ts';
import type { Fields } from '../http/fields.ts';
import { entityKey, scopedKey, scopedValues, selectQuery, urlKey } from './key.ts';
import type { Service } from './service.ts';
import type { Source } from './source.ts';
import { tagsOf } from './tags.ts';
import type { Visitor } from './visitor.ts';

/** What all fragments of one page have in common. */
export interface PageTerms {
  readonly visitor: Visitor;
  readonly pageService: Service;
  /** Scheme and authority that the client asked for. */
  readonly site: string;
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
  const settings = defined?.fragment ?? service;
  return {
    key,
    method: 'GET',
    origin: service.origin,
    path: address.path,
    fields,
    policy: {
      ttl: settings.ttl,
      staleWhileRevalidate: settings.staleWhileRevalidate,
      staleIfError: settings.staleIfError,
      public: defined?.fragment.scope === 'public',
      scoped: Array.isArray(defined?.fragment.scope),
      setCookie: service.setCookie,
      requestDirectives: false,
    },
    esi,
    decoded: true,
    tags: (answered, json) => tagsOf(defined, answered, json),
    maxSize: terms.maxSize,
    headTimeout: timeout,
    totalTimeout: timeout,
    interest: terms.interest,
    place: terms.place,
    trace: terms.trace,
  };
}

/** Key and path of a source; `fields` are its request's, which each page makes once for all its fragments. */
interface Address {
  readonly key: string;
  readonly path: string;
  /** The site that the key is for; undefined if it is the same for all. */
  readonly site: string | undefined;
}

/** Sources of stored templates are asked for again and again; what makes their keys does not change. */
const addresses = new WeakMap<Source, Address>();

function addressOf(source: Source, site: string): Address {
  const known = addresses.get(source);
  if (known !== undefined && (known.site === undefined || known.site === site)) return known;
  const address = source.defined === undefined ? byUrl(source, site) : byDefinition(source, source.defined, site);
  addresses.set(source, address);
  return address;
}

function byUrl({ service, path, esi }: Source, site: string): Address {
  const full = service.basePath + path;
  return { key: urlKey(service.origin, full, site, esi), path: full, site };
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
  if (scope === 'public') return { key, fields: visitor.publicFields(json) };
  if (scope === 'http') return { key, fields: visitor.httpFields(service, pageService, json) };
  const values = scopedValues(scope, visitor.fields);
  return { key: scopedKey(key, values), fields: visitor.scopedFields(values, json) };
}
