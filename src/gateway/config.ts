import type { FragmentDefinition } from '../fragment/define.ts';
import type { Duration, Size } from '../http/units.ts';
import type { EsiMode } from '../template/compile.ts';

/** A value that the rim takes from its environment when the gateway starts. */
export interface EnvironmentValue {
  readonly env: string;
  readonly fallback: string | undefined;
}

/** A setting that may come from the environment. */
export type Setting = string | EnvironmentValue;

/** A service behind the gateway. */
export interface ServiceConfig {
  /** Origin, with an optional path that is put before every request path: `http://127.0.0.1:9001`. */
  readonly url: Setting;
  /** Limit for a whole fragment of this service; a definition may set its own. Default `limits.fragmentTimeout`. */
  readonly timeout?: Duration;
  /** Credentials of the page's request that fragments of this service receive although it is not the page's own. */
  readonly forward?: readonly ('cookie' | 'authorization')[];
  /** Freshness of answers that name none and have no definition. Default: none is invented. */
  readonly ttl?: Duration;
  readonly staleWhileRevalidate?: Duration;
  readonly staleIfError?: Duration;
  /**
   * Answers with Set-Cookie: not stored (`refuse`, the default), stored without the cookie (`strip`), or with it, for
   * every visitor to get (`store`).
   */
  readonly setCookie?: 'refuse' | 'strip' | 'store';
  /** Whether requests fail at once, but for one a second, while the service does not answer at all. Default true. */
  readonly breaker?: boolean;
}

/** Which service answers a path, and how its answer is treated. */
export interface RouteConfig {
  readonly service: string;
  /** When a response is scanned for directives: if it asks for it (`Surrogate-Control: content="ESI/1.0"`, the default), in any case, or never. */
  readonly esi?: EsiMode;
  /** What an HTML include that names no `onerror` does when it fails: fail the page (ESI 1.0, the default) or leave a hole. */
  readonly onerror?: 'fail' | 'continue';
  /**
   * Where the service's JSON answers hold ids, and of what: `"/winner/code";type=country;as="country"`; a token that is
   * an asterisk stands for every element. As the response field `Inlay-Hydrate`, for services that send none.
   */
  readonly hydrate?: string;
}

/** The routes of one application. */
export interface FacadeConfig {
  /** Host names (without port) it answers to; one facade may have none and takes all others. */
  readonly hosts?: readonly string[];
  /** Path patterns: exact (`/api/search`), or a beginning (`/*`, `/flags/*`). The longest match wins. */
  readonly routes: Readonly<Record<string, string | RouteConfig>>;
}

/** Bounds on what a client, a service or a page can make grow. */
export interface LimitsConfig {
  /** Levels of includes inside includes. Default 5. */
  readonly depth?: number;
  /** Includes of one page, all levels together. Default 256. */
  readonly includes?: number;
  /** Ids that the JSON directives of one page ask for, all levels together. Default 1,000. */
  readonly ids?: number;
  /** Upstream fetches under way at once for one page. Default 32. */
  readonly concurrency?: number;
  /** Body of one fragment. Default 2 MiB. */
  readonly fragmentSize?: Size;
  /** Body of one composed page, and the largest body that is stored. Default 10 MiB. */
  readonly pageSize?: Size;
  /** Body of a request. Default 2 MB. */
  readonly requestSize?: Size;
  /** Limit for one fragment. Default 5 s. */
  readonly fragmentTimeout?: Duration;
  /** Limit for the head of a page's own response. Default 10 s. */
  readonly headTimeout?: Duration;
  /** Limit for composing a whole page. Default 10 s. */
  readonly pageTimeout?: Duration;
}

/**
 * How Inlay proves to a NATS server who it is: a user with a password, or a token, or an nkey, or a credentials file; and
 * what it asks of the server's certificate. What is not said here is taken from NATS_USER, NATS_PASSWORD, NATS_TOKEN,
 * NATS_NKEY, NATS_CREDS, NATS_CA, NATS_CERT and NATS_KEY.
 */
export interface NatsAuthConfig {
  readonly user?: Setting;
  readonly password?: Setting;
  readonly token?: Setting;
  /** The seed of a user's nkey (`SU…`). */
  readonly nkey?: Setting;
  /** Path of a credentials file: a JWT and its seed. */
  readonly creds?: Setting;
  /** Paths of PEM files: who signs the server's certificate, and a certificate of our own with its key. Each asks for TLS. */
  readonly ca?: Setting;
  readonly cert?: Setting;
  readonly key?: Setting;
}

/** The whole configuration, as `inlay.config.ts` exports it. */
export interface GatewayConfig {
  readonly services: Readonly<Record<string, Setting | ServiceConfig>>;
  readonly facades?: Readonly<Record<string, FacadeConfig>>;
  readonly fragments?: readonly FragmentDefinition[];
  readonly purge?: {
    /** Names the purges that this gateway listens to: `inlay.purge.<space>`. Default `default`. */
    readonly space?: string;
    /** NATS server URLs, comma-separated. Absent: purges reach this process only. */
    readonly nats?: Setting;
    readonly auth?: NatsAuthConfig;
    /**
     * What purges on NATS are signed with, at least 32 characters: those that nobody signed with it purge nothing. Of
     * several (a list, or commas between them: a secret holds none, and no blanks at its ends) the first signs and all are
     * believed, so that one can take the place of another. Named here it must have a value. Default: INLAY_PURGE_SECRET;
     * without any, whoever may publish may purge.
     */
    readonly secret?: Setting | readonly Setting[];
    /** Freshness while purges may be missed. Default 30 s. */
    readonly maxUnsynced?: Duration;
  };
  readonly cache?: { /** Default 256 MiB. */ readonly maxSize?: Size };
  readonly limits?: LimitsConfig;
  readonly esi?: {
    /** Names of the cookies that pages may read as `$(HTTP_COOKIE{name})`. Default: all. */
    readonly cookies?: readonly string[];
    /** Lets pages send other requests than plain GETs and change the response (`method`, `setheader`, `$add_header` …). Default false. */
    readonly privileged?: boolean;
  };
  readonly admin?: {
    /** Default 9901. */
    readonly port?: number;
    /** Default 127.0.0.1; any other address needs a token. */
    readonly host?: string;
    /** Bearer token; without one, only loopback callers are served. */
    readonly token?: Setting;
  };
  /** Peers whose `X-Forwarded-*` and `Forwarded` are believed: exact addresses. Default none. */
  readonly trustedPeers?: readonly string[];
}

/** Declares a gateway; returns its configuration unchanged, typed. It is validated when the gateway starts. */
export function defineGateway(config: GatewayConfig): GatewayConfig {
  return config;
}

/** A setting taken from environment variable `name` at start, or `fallback`; without either it counts as absent (and `purge.secret` as a mistake). */
export function env(name: string, fallback?: string): EnvironmentValue {
  return { env: name, fallback };
}
