import type { FragmentDefinition } from '../../../src/fragment/define.ts';
import type { GatewayConfig, RouteConfig } from '../../../src/gateway/config.ts';
import type { PurgeMessage } from '../../../src/purge/message.ts';
import type { Answer } from '../../support/origin.ts';

/** What a service answers; of the fields that it has by itself, null leaves one out. */
export interface Scripted extends Omit<Answer, 'headers' | 'body' | 'date'> {
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
}

/**
 * What the catalogue has under an id: the text of the item, as it stands in an answer to many and alone at the entity's
 * own path. `null` in an answer is written so: `'null'`. A fault answers every request that names the id.
 */
export type Holding = string | Scripted;

/** Entities of one type. */
export interface Kind {
  /**
   * Over what a type named `product` is defined as: `path` `/product/{id}`, public, at the catalogue, and
   * `batch: { path: '/product?ids={ids}', items: '/items' }`; `batch: null` has none.
   */
  readonly definition?: Omit<Partial<FragmentDefinition>, 'batch' | 'scope'> & {
    /** Null: HTTP's own rules. */
    readonly scope?: FragmentDefinition['scope'] | null;
    readonly batch?: Partial<NonNullable<FragmentDefinition['batch']>> | null;
  };
  /** An id that is not here is absent from answers to many, and 404 alone. */
  readonly has?: Readonly<Record<string, Holding>>;
  /** Whether answers to many are an object keyed by id; else they are arrays, in the order that was asked for. */
  readonly keyed?: boolean;
  /** Over what it answers: 200, `application/json`, fresh for a minute, and the items at `batch.items`. */
  readonly answer?: Scripted;
}

/** Anything that may change from one step to the next. */
export interface Scene {
  /** The page of this step: its body, or an answer over {@link PAGE}. Each has a path of its own. */
  readonly page?: string | Scripted;
  /** By type; what is not named stays as it was. */
  readonly kinds?: Readonly<Record<string, Kind>>;
  /** What has no definition, by path (without query), at the page's service: a body, or an answer over JSON that opts in. */
  readonly files?: Readonly<Record<string, string | Scripted>>;
}

/** What a client asks: GET the page of the step, or the last one before it. */
export interface Asked {
  /** Of another page: its number, from 1. */
  readonly page?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of fields, null is absence, and several lines are joined by `, `. */
export type Fields = Readonly<Record<string, string | RegExp | null>>;

/** What a client must receive. */
export interface Delivered {
  /** Default 200. */
  readonly status?: number;
  /** All of it, byte for byte (UTF-8). */
  readonly body?: string;
  /**
   * Inlay-Errors: a number, or `some`; `unsaid` if the head of markup may have left before. None unless it says so; with
   * any, max-age is 1 at most and there is no ETag.
   */
  readonly errors?: number | 'some' | 'unsaid';
  readonly headers?: Fields;
  /** Compared with the answer of the step before. */
  readonly etag?: 'same' | 'other';
  /** Of our member of Cache-Status. */
  readonly detail?: RegExp;
  /** The access log has a warning about it. */
  readonly warns?: true;
}

/** What must come of a step. */
export interface Expected extends Delivered {
  /**
   * All requests that reached services because of it, but those for pages: method, target and body, byte for byte. In any
   * order, since those of one level leave at once; the ids of each are in the order of the document.
   */
  readonly upstream: readonly string[];
  /** What the last of them carried. */
  readonly received?: Fields;
}

/** Another client. */
export interface Other {
  readonly page?: string | Scripted;
  readonly request?: Asked;
  readonly expect?: Delivered;
}

/** One request of a client, or several, and what comes of them. */
export interface Step extends Scene {
  /** Seconds by which the clock is turned before. */
  readonly turn?: number;
  readonly purge?: Partial<PurgeMessage>;
  readonly request?: Asked;
  /** Clients whose pages are answered in the same moment as the first one's. In which order they ask is not asserted. */
  readonly atOnce?: readonly Other[];
  /** What happens while the catalogue holds its answer to the first: a purge, then more clients. */
  readonly meanwhile?: { readonly purge?: Partial<PurgeMessage>; readonly others?: readonly Other[] };
  readonly expect: Expected;
}

/** One sentence of hydration and how it is tested, each with a gateway and services of its own. */
export interface HydrationRecord extends Step {
  readonly id: string;
  readonly feature: string;
  readonly says: string;
  readonly route?: Omit<RouteConfig, 'service'>;
  readonly limits?: GatewayConfig['limits'];
  /** Steps after the first. */
  readonly again?: readonly Step[];
}

/** The records of one feature. Those that name no kinds have {@link SHOP}. */
export function feature(name: string, records: readonly Omit<HydrationRecord, 'feature'>[]): HydrationRecord[] {
  return records.map((record) => ({ kinds: SHOP, ...record, feature: name }));
}

/** Fields of pages: JSON that opts in, fresh for a minute. */
export const PAGE = {
  'content-type': 'application/json',
  'surrogate-control': 'content="ESI/1.0"',
  'cache-control': 'max-age=60',
} as const;

/** An HTML page. */
export function html(body: string): Scripted {
  return { headers: { 'content-type': 'text/html' }, body };
}

/** A page that marks nothing, and the field that says what is to be hydrated. */
export function marked(field: string | null, body: string): Scripted {
  return { headers: { 'surrogate-control': null, 'inlay-hydrate': field }, body };
}

export const TEA = '{"id":"42","name":"Tea","price":3.50}';
export const CUP = '{"id":7,"name":"Cup","price":1e1}';
export const POT = '{"id":"9","name":"Pot","price":0}';

/** Products 42, 7 and 9; 500 fails whoever asks for it, 404 is not there. */
export const SHOP: Readonly<Record<string, Kind>> = {
  product: { has: { 42: TEA, 7: CUP, 9: POT, 500: { status: 500 } } },
};

/** A directive that asks for an entity, or with `["1","2"]` for a list of them; `more` are members written behind. */
export function entity(type: string, id: string | number | readonly unknown[], more = ''): string {
  const member = typeof id === 'object' ? 'ids' : 'id';
  return `{"esi:include":{"type":"${type}","${member}":${JSON.stringify(id)}${more === '' ? '' : `,${more}`}}}`;
}

/** A directive that asks for a URL. */
export function source(src: string, more = ''): string {
  return `{"esi:include":{"src":"${src}"${more === '' ? '' : `,${more}`}}}`;
}

/** The stand-in of an entity. */
export function ref(type: string, id: string | number): string {
  return `{"type":"${type}","id":${JSON.stringify(id)}}`;
}

/** The request of a batch. */
export function asks(type: string, ...ids: (string | number)[]): string {
  return `GET /${type}?ids=${ids.map((id) => encodeURIComponent(id)).join(',')}`;
}

/** Whole numbers from one to another, as ids. */
export function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

/** Entities with an id and nothing else that matters. */
export function plain(ids: readonly string[], text: (id: string) => string = itemOf): Record<string, string> {
  return Object.fromEntries(ids.map((id) => [id, text(id)]));
}

/** The entity that {@link plain} makes. */
export function itemOf(id: string): string {
  return `{"id":${JSON.stringify(id)},"n":"item ${id}"}`;
}

/** A list as it is delivered. */
export function listOf(...items: readonly string[]): string {
  return `[${items.join(',')}]`;
}

/** A page of which nothing failed may be kept by its client, who can ask whether it changed. */
export const LASTING: Fields = { etag: /./, 'cache-control': /\bmax-age=60\b/ };
