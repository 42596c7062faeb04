import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import type { VariableRead } from './expression.ts';
import { print, type Value } from './value.ts';

/** What a page's request says, as expressions may see it. */
export interface RequestFacts {
  readonly method: string;
  /** The path as received, without query. */
  readonly path: string;
  /** The query as received, with or without its `?`. */
  readonly query: string;
  /** The client's fields; those of credentials are never readable, whatever is in here. */
  readonly fields: Fields;
  /** The client's Host, where it is not among the fields. */
  readonly host?: string;
  /** Names of the cookies that may be read (`esi.cookies`); without it all may. */
  readonly cookies?: readonly string[];
  /** Only where the operator lets pages read it. */
  readonly remoteAddress?: string;
  readonly geo?: Readonly<Record<string, string>>;
}

/** The variables that the request gives; nothing can be assigned to their names. */
export interface RequestVariables {
  /** Whether the name is one of the language's own, set or not. */
  has(name: string): boolean;
  read(name: string, key?: Value): Value;
  /** Text that differs whenever one of these reads may give something else: pages are kept apart by it. */
  fingerprint(reads: readonly VariableRead[]): string;
}

/** Fields that say who asks: readable in no spelling (ESI.md section 9). Cookies have a variable of their own. */
const HIDDEN: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'cookie2']);

const OWN_NAMES: ReadonlySet<string> = new Set([
  'QUERY_STRING',
  'REQUEST_METHOD',
  'REQUEST_PATH',
  'REMOTE_ADDR',
  'GEO',
  'MATCHES',
  'ARGS',
]);

const GEO_KEYS: ReadonlySet<string> = new Set([
  'country_code',
  'region_code',
  'city',
  'lat',
  'long',
  'timezone',
  'continent',
  'asnum',
]);

/** Reads a request by the table of ESI.md section 4. */
export function createRequestVariables(facts: RequestFacts): RequestVariables {
  const { fields } = facts;
  const query = facts.query.startsWith('?') ? facts.query.slice(1) : facts.query;
  const cookies = parseCookies(fields, facts.cookies);
  const header = (name: string): string | undefined => (isHidden(name) ? undefined : fieldValue(fields, name));
  // Read once, when first asked for: a page may ask a hundred thousand times.
  const parameters = once(() => parseQuery(query));
  const languages = once(() => parseLanguages(header('accept-language')));
  const agent = once(() => parseAgent(header('user-agent')));
  const whole = (name: string): string | undefined => {
    switch (name) {
      case 'HTTP_COOKIE':
        return cookies.text;
      case 'HTTP_HOST':
        return facts.host ?? header('host');
      case 'QUERY_STRING':
        return query;
      case 'REQUEST_METHOD':
        return facts.method;
      case 'REQUEST_PATH':
        return facts.path;
      case 'REMOTE_ADDR':
        return facts.remoteAddress;
      default:
        return isHeaderVariable(name) ? header(fieldOf(name)) : undefined;
    }
  };
  const part = (name: string, key: string): Value => {
    switch (name) {
      case 'HTTP_ACCEPT_LANGUAGE':
        return languages().has(key.trim().toLowerCase());
      case 'HTTP_COOKIE':
        return cookies.values.get(key);
      case 'HTTP_USER_AGENT':
        return agent().get(key);
      case 'HTTP_HEADER':
        return header(key.trim().toLowerCase());
      case 'QUERY_STRING':
        return parameters().get(key);
      case 'GEO':
        return GEO_KEYS.has(key) && facts.geo && Object.hasOwn(facts.geo, key) ? facts.geo[key] : undefined;
      default:
        return undefined;
    }
  };
  /** All that any key of a variable could give. */
  const everything = (name: string): unknown => {
    if (name === 'HTTP_HEADER') return fields.filter((_, i) => !isHidden(fields[i - (i % 2)]!));
    if (name === 'GEO') return [...GEO_KEYS].map((key) => part('GEO', key) ?? null);
    return whole(name) ?? null;
  };
  const has = (name: string): boolean => OWN_NAMES.has(name) || isHeaderVariable(name) || name === 'HTTP_HEADER';
  return {
    has,
    read: (name, key) => (key === undefined ? whole(name) : part(name, print(key))),
    fingerprint: (reads) =>
      JSON.stringify(
        reads.map((read) => {
          if (read.kind !== 'variable' || !has(read.name)) return null;
          return read.key === undefined ? everything(read.name) : (part(read.name, read.key) ?? null);
        }),
      ),
  };
}

function isHeaderVariable(name: string): boolean {
  return name.startsWith('HTTP_') && name.length > 5 && name !== 'HTTP_HEADER';
}

/** `HTTP_X_FORWARDED_FOR` is `x-forwarded-for`. */
function fieldOf(name: string): string {
  return name.slice(5).toLowerCase().replaceAll('_', '-');
}

function isHidden(field: string): boolean {
  return HIDDEN.has(field.replaceAll('_', '-'));
}

/** The first value of each cookie, raw, and the header as far as it may be read (RFC 6265 section 5.4). */
function parseCookies(fields: Fields, readable: readonly string[] | undefined) {
  const lines = fieldLines(fields, 'cookie');
  const values = new Map<string, string>();
  const kept: string[] = [];
  for (const pair of lines.join(';').split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals)).trim();
    if (equals < 0 || (readable !== undefined && !readable.includes(name))) continue;
    kept.push(pair.trim());
    if (!values.has(name)) values.set(name, pair.slice(equals + 1).trim());
  }
  const text = readable === undefined ? lines.join('; ') : kept.join('; ');
  return { values, text: text === '' ? undefined : text };
}

/** The languages of the list, without their weights, in lower case (W3C esi-lang section 4.1.1). */
function parseLanguages(list: string | undefined): ReadonlySet<string> {
  const items = list?.split(',').map((item) => item.split(';', 1)[0]!.trim().toLowerCase());
  return new Set(items?.filter((item) => item !== ''));
}

/** Longer than any browser's name for itself. */
const MAX_AGENT = 1_024;

/** Browser, version and system, of the kinds that there were in 2001 (W3C esi-lang section 4.1.1). */
function parseAgent(field: string | undefined): ReadonlyMap<string, string> {
  if (field === undefined) return new Map();
  const agent = field.slice(0, MAX_AGENT);
  const trident = agent.indexOf('Trident/');
  const explorer = /MSIE (\d[\d.]*)/.exec(agent) ?? (trident < 0 ? null : /rv:(\d[\d.]*)/.exec(agent.slice(trident)));
  const mozilla = /Mozilla\/(\d[\d.]*)/.exec(agent);
  const version = (explorer ?? mozilla ?? /\/(\d[\d.]*)/.exec(agent))?.[1];
  return new Map([
    ['browser', explorer ? 'MSIE' : mozilla ? 'MOZILLA' : 'OTHER'],
    ['os', systemOf(agent)],
    ...(version === undefined ? [] : [['version', version] as const]),
  ]);
}

function systemOf(agent: string): string {
  if (/Windows/i.test(agent)) return 'WIN';
  if (/Mac/i.test(agent)) return 'MAC';
  return /Linux|Unix|X11|BSD|SunOS/i.test(agent) ? 'UNIX' : 'OTHER';
}

/** The first parameter of each name, decoded (WHATWG URL, "application/x-www-form-urlencoded"). */
function parseQuery(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (!parameters.has(name)) parameters.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)));
  }
  return parameters;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text; // malformed percent-encoding: the bytes themselves are the value
  }
}
