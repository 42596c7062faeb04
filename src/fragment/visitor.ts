import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { appendCapability } from '../http/surrogate.ts';
import { type Claims, cookieValue, type ScopedValue } from './key.ts';
import type { Service } from './service.ts';

/** What a client's request says that fragments may depend on, and the fields that each kind of fragment request carries. */
export interface Visitor {
  /** The client's end-to-end fields, without those that only the gateway may set. */
  readonly fields: Fields;
  /** For fragments that cannot be personal: no cookie, no credentials, no client address, no host that it asked for. */
  publicFields(json: boolean): Fields;
  /** For fragments without a scope: credentials go to the page's own service, and to services configured to receive them. */
  httpFields(service: Service, pageService: Service, json: boolean): Fields;
  /** For fragments whose scope is a list: exactly these identity values. */
  scopedFields(values: readonly ScopedValue[], json: boolean): Fields;
  /** For public entities that are asked for in batches: as {@link publicFields}, but for what no list of entities depends on. */
  batchFields(): Fields;
  cookie(name: string): string | undefined;
  readonly claims: Claims | undefined;
}

/** Preferences that representations commonly vary by. */
const PREFERENCES = ['accept-language', 'user-agent'] as const;

/**
 * @param fields the client's end-to-end fields, sanitised
 * @param own fields that the gateway sets on every request it sends: `via`, `cdn-loop`, `x-forwarded-…`
 * @param claims what was verified of who is asking
 */
export function createVisitor(fields: Fields, own: Fields, claims?: Claims): Visitor {
  const capability = appendCapability(fieldValue(fields, 'surrogate-capability'));
  const base = (json: boolean) => [
    'accept',
    json ? 'application/json, */*;q=0.1' : 'text/html, */*;q=0.1',
    'accept-encoding',
    'identity',
    'surrogate-capability',
    capability,
  ];
  const memo = new Map<string, Fields>();
  const once = (name: string, make: () => Fields): Fields => {
    const made = memo.get(name) ?? make();
    memo.set(name, made);
    return made;
  };
  const ofClient = (names: readonly string[]) =>
    names.flatMap((name) => fieldLines(fields, name).flatMap((value) => [name, value]));
  const impersonal = () => {
    const kept: string[] = [];
    for (let i = 0; i < own.length; i += 2) if (!own[i]!.startsWith('x-forwarded-')) kept.push(own[i]!, own[i + 1]!);
    return kept;
  };
  return {
    fields,
    claims,
    batchFields: () => once('batch', () => [...base(true), ...ofClient(['accept-language']), ...impersonal()]),
    publicFields: (json) => once(`public ${json}`, () => [...base(json), ...ofClient(PREFERENCES), ...impersonal()]),
    httpFields: (service, pageService, json) => {
      const credentials = ['cookie', 'authorization'].filter(
        (name) => service === pageService || service.forward.includes(name),
      );
      return once(`http ${json} ${credentials}`, () => [
        ...base(json),
        ...ofClient([...PREFERENCES, ...credentials]),
        ...own,
      ]);
    },
    scopedFields: (values, json) => {
      const cookies = values
        .filter(({ from, value }) => from === 'cookie' && value !== undefined)
        .map(({ name, value }) => `${name}=${value}`);
      const headers = values
        .filter(({ from, value }) => from === 'header' && value !== undefined)
        .flatMap(({ name, value }) => [name, value!]);
      const claimed = values
        .filter(({ from, value }) => from === 'claim' && value !== undefined)
        .flatMap(({ name, value }) => [`inlay-claim-${name.toLowerCase()}`, encodeURIComponent(value!.toWellFormed())]);
      return [
        ...base(json),
        ...headers,
        ...claimed,
        ...(cookies.length === 0 ? [] : ['cookie', cookies.join('; ')]),
        ...impersonal(),
      ];
    },
    cookie: (name) => cookieValue(fieldValue(fields, 'cookie'), name),
  };
}
