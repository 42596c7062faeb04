import type { Duration } from '../http/units.ts';

/** An identity value that splits a fragment's key: each distinct value has its own copy. */
export type ScopeValue = `claim:${string}` | `cookie:${string}` | `header:${string}`;

/** How several entities of a kind are asked for with one request, and where each is in the answer. */
export interface BatchDefinition {
  /**
   * Path at the service: `/fragments/products?ids={ids}`, the ids percent-encoded and joined by commas. With `POST`
   * without `{ids}`: they are sent as `{"ids":["7","42"]}`.
   */
  readonly path: `/${string}`;
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
  /** Ids in one request, at most 1,000. Default 100. */
  readonly max?: number;
  /** JSON pointer (RFC 6901) to the entities in the answer: an array, or an object keyed by id. Default: the whole answer. */
  readonly items?: string;
  /** JSON pointer from an element of the array to its id, a string or an integer. Default `/id`. */
  readonly id?: string;
  /** JSON pointer from an item to the entity: text is HTML, anything else is JSON. Default: the item itself. */
  readonly body?: string;
}

/**
 * What Inlay should know of a kind of fragment. Plain data, and optional: an include without a definition
 * works from the headers of its answer alone. Precedence everywhere: response header, then this, then the service's default.
 */
export interface FragmentDefinition {
  /** Type name for JSON directives, keys and plans: letters, digits, `-`, `_`. */
  readonly name: string;
  /**
   * Path at the service with the entity's identifiers in braces: `/fragments/product/{id}`. Each matches one path segment.
   * One that is named as in `scope` (`{claim:sub}`) is the visitor's own, and nothing that a service answers can say another.
   */
  readonly path: `/${string}`;
  /** The configured service that answers. */
  readonly service: string;
  /** Asks for several of them at once. */
  readonly batch?: BatchDefinition;
  /** Query parameters that matter; all others are dropped from the key *and* from the request. Absent: the exact query counts. */
  readonly query?: readonly string[];
  /**
   * `public`: the request carries no cookie, no credentials, no client address, so that the answer cannot be personal.
   * A list: exactly these values are sent and split the key. Absent: HTTP's rules decide.
   */
  readonly scope?: 'public' | readonly ScopeValue[];
  /** Surrogate keys: `product:{id}` from the path, `brand:{/brandId}` by JSON pointer (RFC 6901) from a JSON body. */
  readonly tags?: readonly string[];
  /** Freshness when the answer names none. */
  readonly ttl?: Duration;
  /** Window after that in which a stale copy is served while it is refreshed (RFC 5861). */
  readonly staleWhileRevalidate?: Duration;
  /** Window after that in which a stale copy stands in for a failing service (RFC 5861). */
  readonly staleIfError?: Duration;
  /** Limit for the whole answer. */
  readonly timeout?: Duration;
  /** The service's own NATS subjects and the tag that each purges: `{ 'catalog.product.{id}.changed': 'product:{id}' }`. */
  readonly purge?: Readonly<Record<string, string>>;
  /** Delivered in place of a failed include, before its `onerror` is asked. */
  readonly fallback?: string;
  /** Whether the answer is scanned for directives: by its own header (`auto`, the default), in any case, or never. */
  readonly esi?: 'auto' | 'always' | 'off';
}

/**
 * Declares a fragment; returns it unchanged, typed. The gateway validates it when it starts.
 *
 * @example
 * export default defineFragment({ name: 'product', path: '/fragments/product/{id}', service: 'catalog', scope: 'public' });
 */
export function defineFragment(definition: FragmentDefinition): FragmentDefinition {
  return definition;
}
