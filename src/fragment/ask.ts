import type { Ask } from '../cache/ask.ts';
import type { Fields } from '../http/fields.ts';
import { entityKey, scopedValues, selectQuery, urlKey } from './key.ts';
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
  readonly signal: AbortSignal;
  readonly place: Ask['place'];
  readonly trace: () => Fields;
}

/** The ask of a fragment: its key by its definition's scope or by its exact URL, and a request that carries no more than that. */
export function fragmentAsk(source: Source, json: boolean, terms: PageTerms): Ask {
  const { service, defined, esi } = source;
  const timeout = defined?.fragment.timeout ?? service.timeout ?? terms.timeout;
  const { key, path, fields } =
    defined === undefined ? byUrl(source, json, terms) : byDefinition(source, defined, json, terms);
  const settings = defined?.fragment ?? service;
  return {
    key,
    method: 'GET',
    origin: service.origin,
    path,
    fields,
    policy: {
      ttl: settings.ttl,
      staleWhileRevalidate: settings.staleWhileRevalidate,
      staleIfError: settings.staleIfError,
      public: defined?.fragment.scope === 'public',
      scoped: Array.isArray(defined?.fragment.scope),
      requestDirectives: false,
    },
    esi,
    tags: (answered, json) => tagsOf(defined, answered, json),
    maxSize: terms.maxSize,
    headTimeout: timeout,
    totalTimeout: timeout,
    signal: terms.signal,
    place: terms.place,
    trace: terms.trace,
  };
}

interface Addressed {
  readonly key: string;
  readonly path: string;
  readonly fields: Fields;
}

function byUrl({ service, path, esi }: Source, json: boolean, { visitor, pageService, site }: PageTerms): Addressed {
  const full = service.basePath + path;
  return {
    key: urlKey(service.origin, full, site, esi),
    path: full,
    fields: visitor.httpFields(service, pageService, json),
  };
}

function byDefinition(
  source: Source,
  defined: NonNullable<Source['defined']>,
  json: boolean,
  { visitor, pageService, site }: PageTerms,
): Addressed {
  const { fragment, captures } = defined;
  const mark = source.path.indexOf('?');
  const query = mark < 0 ? '' : selectQuery(source.path.slice(mark), fragment.query);
  const path = fragment.service.basePath + (mark < 0 ? source.path : source.path.slice(0, mark)) + query;
  if (fragment.scope === 'public')
    return { key: entityKey(fragment, captures, query, []), path, fields: visitor.publicFields(json) };
  if (fragment.scope === 'http') {
    return {
      key: entityKey(fragment, captures, query, [], site),
      path,
      fields: visitor.httpFields(fragment.service, pageService, json),
    };
  }
  const values = scopedValues(fragment.scope, visitor.fields);
  return { key: entityKey(fragment, captures, query, values), path, fields: visitor.scopedFields(values, json) };
}
