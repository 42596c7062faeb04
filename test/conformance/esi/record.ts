import type { FragmentDefinition } from '../../../src/fragment/define.ts';
import type { GatewayConfig, RouteConfig, ServiceConfig } from '../../../src/gateway/config.ts';
import type { Answer } from '../../support/origin.ts';

/** What a service answers on one path: markup, or an answer whose default fields are those of HTML. */
export type Scripted = string | (Omit<Answer, 'headers' | 'body'> & ScriptedFields);

interface ScriptedFields {
  readonly body?: string | Uint8Array | readonly string[];
  /** Adds `Surrogate-Control: content="ESI/1.0"`; pages have it unless this is false. */
  readonly esi?: boolean;
  /** Besides Content-Type `text/html`; null leaves that out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Answered only when the client has received this text: it proves that nothing waited for the answer. */
  readonly whenClientHas?: string;
}

/** What the client asks: GET `/page`, unless it says otherwise. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  /** `$etag` stands for the ETag of the answer before. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

type Fields = Readonly<Record<string, string | RegExp | null>>;

/** What must come of it. Of fields, null is absence. */
export interface Expected {
  /** Default 200. */
  readonly status?: number;
  readonly body?: string | RegExp;
  /** The body, one character a byte. */
  readonly bytes?: string;
  readonly headers?: Fields;
  /** Everything that services were asked for besides the page, in any order. */
  readonly requested?: readonly string[];
  /** What one path received, the last time that it was asked for. */
  readonly received?: Readonly<Record<string, { method?: string; body?: string; headers?: Fields }>>;
  /** The body breaks off before its end. */
  readonly broken?: boolean;
  /** A warning in the access log. */
  readonly warns?: string | RegExp;
}

/**
 * One sentence of the language and how it is tested. Each record has a host, a service and a folder of the origin to
 * itself, so its paths begin at `/`. `http://origin.test` in its markup and expectations is its own service,
 * `http://other.test` a second one that is configured, and any other host is not.
 */
export interface EsiRecord {
  readonly id: string;
  readonly feature: string;
  readonly says: string;
  /** Where it is said: `ESI.md 3 choose`, `W3C esi-lang 3.4`. */
  readonly anchor: string;
  readonly page: Scripted;
  /** By path; those of the other service begin with `http://other.test/`. */
  readonly fragments?: Readonly<Record<string, Scripted>>;
  readonly request?: Asked;
  readonly config?: {
    readonly route?: Omit<RouteConfig, 'service'>;
    readonly service?: Omit<ServiceConfig, 'url'>;
    readonly other?: Partial<ServiceConfig>;
    readonly fragments?: readonly Omit<FragmentDefinition, 'service'>[];
    readonly limits?: GatewayConfig['limits'];
    readonly esi?: GatewayConfig['esi'];
  };
  /** None of these is answered before all of them were asked for. */
  readonly together?: readonly string[];
  readonly expect: Expected;
  /** Requests after the first; `fragments` and `page` say what changed meanwhile. */
  readonly again?: readonly {
    readonly page?: Scripted;
    readonly fragments?: Readonly<Record<string, Scripted>>;
    readonly request?: Asked;
    readonly expect: Expected;
  }[];
}

/** The records of one feature. */
export function feature(name: string, records: readonly Omit<EsiRecord, 'feature'>[]): readonly EsiRecord[] {
  return records.map((record) => ({ ...record, feature: name }));
}

/** A fragment that is processed itself. */
export function esi(body: string): Scripted {
  return { body, esi: true };
}

/** An attribute's value, in double quotes. */
export function quoted(text: string): string {
  return `"${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')}"`;
}

/** Markup that says `yes` if a test holds, else `no`. */
export function testOf(expression: string): string {
  return `<esi:choose><esi:when test=${quoted(expression)}>yes</esi:when><esi:otherwise>no</esi:otherwise></esi:choose>`;
}

/** Markup that prints the value of an expression. */
export function printOf(expression: string): string {
  return `<esi:assign name="v" value=${quoted(expression)}/><esi:vars>$(v)</esi:vars>`;
}
