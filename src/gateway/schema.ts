import * as v from 'valibot';
import { parseServiceUrl } from '../fragment/service.ts';
import { parseDuration, parseSize } from '../http/units.ts';
import { isSpace } from '../purge/message.ts';
import { secretFault, splitList, WITHOUT_SECRET } from './nats-auth.ts';

/** The shape of a configuration, its defaults, and what each mistake is called. */

const duration = amount(
  parseDuration,
  'is no duration (ms as a number, or text such as "800ms", "10s", "5m", "1h", "1d")',
);
const size = amount(parseSize, 'is no size (bytes as a number, or text such as "64kb", "256mb", "1gb")');
const name = v.pipe(
  v.string('must be text'),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"'),
);
const text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'));
const esi = v.picklist(['auto', 'always', 'off'], 'must be "auto", "always" or "off"');
const url = v.pipe(
  v.string('must be a URL'),
  v.check(
    (value) => parseServiceUrl(value) !== undefined,
    'must be an http:// or https:// URL without user, query and fragment',
  ),
);

const service = shorthand(
  (value) => ({ url: value }),
  object({
    url,
    timeout: v.optional(duration),
    forward: v.optional(v.array(v.picklist(['cookie', 'authorization'], 'must be "cookie" or "authorization"')), []),
    ttl: v.optional(duration),
    staleWhileRevalidate: v.optional(duration),
    staleIfError: v.optional(duration),
    setCookie: v.optional(v.picklist(['refuse', 'strip', 'store'], 'must be "refuse", "strip" or "store"'), 'refuse'),
    breaker: v.optional(v.boolean('must be true or false'), true),
  }),
);

const route = shorthand(
  (value) => ({ service: value }),
  object({
    service: text,
    esi: v.optional(esi, 'auto'),
    onerror: v.optional(v.picklist(['fail', 'continue'], 'must be "fail" or "continue"'), 'fail'),
    hydrate: v.optional(text),
  }),
);

const routePattern = v.pipe(v.string(), v.regex(/^\/[^*?#\s]*\*?$/, 'must start with "/" and may only end in "*"'));

const facade = object({
  hosts: v.optional(v.array(v.pipe(text, v.toLowerCase())), []),
  routes: v.record(routePattern, route, 'must be an object of path patterns'),
});

const scope = v.custom<'public' | readonly string[]>(
  (value) =>
    value === 'public' ||
    (Array.isArray(value) &&
      value.every((item) => /^(claim|cookie|header):[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(String(item)))),
  'must be "public" or a list of "claim:name", "cookie:name" and "header:name"',
);

const batch = object({
  path: v.pipe(text, v.regex(/^\/[^#\s]*$/, 'must start with "/" and have no "#"')),
  method: v.optional(v.picklist(['GET', 'POST'], 'must be "GET" or "POST"'), 'GET'),
  max: v.optional(count(1, 1_000), 100),
  items: v.optional(v.string('must be text'), ''),
  id: v.optional(v.string('must be text'), '/id'),
  body: v.optional(v.string('must be text')),
});

const fragment = object({
  name,
  path: v.pipe(text, v.regex(/^\/[^?#\s]*$/, 'must start with "/" and have no query')),
  service: text,
  batch: v.optional(batch),
  query: v.optional(v.array(text)),
  scope: v.optional(scope),
  tags: v.optional(v.array(text), []),
  ttl: v.optional(duration),
  staleWhileRevalidate: v.optional(duration),
  staleIfError: v.optional(duration),
  timeout: v.optional(duration),
  purge: v.optional(v.record(text, text), {}),
  fallback: v.optional(v.string('must be text')),
  esi: v.optional(esi, 'auto'),
});

const limits = object({
  depth: v.optional(count(0, 32), 5),
  includes: v.optional(count(0, 100_000), 256),
  ids: v.optional(count(0, 100_000), 1_000),
  concurrency: v.optional(count(1, 1_024), 32),
  fragmentSize: v.optional(size, 2 * 1024 ** 2),
  pageSize: v.optional(size, 10 * 1024 ** 2),
  requestSize: v.optional(size, 2_000_000),
  fragmentTimeout: v.optional(duration, 5_000),
  headTimeout: v.optional(duration, 10_000),
  pageTimeout: v.optional(duration, 10_000),
});

const auth = object({
  user: v.optional(text),
  password: v.optional(text),
  token: v.optional(text),
  nkey: v.optional(text),
  creds: v.optional(text),
  ca: v.optional(text),
  cert: v.optional(text),
  key: v.optional(text),
});

const secret = v.pipe(
  v.string('must be text'),
  v.check((value) => secretFault(value) === undefined, secretFault('')),
);
/** A text that holds one secret, or several. */
const secrets = v.pipe(
  v.string(({ input }) => (input === undefined ? `has no value: ${WITHOUT_SECRET}` : 'must be text')),
  v.transform((value): string | string[] => {
    const found = splitList(value);
    return found.length === 1 ? found[0]! : found;
  }),
  several(secret, `holds no secret: ${WITHOUT_SECRET}`),
);

const schema = object({
  services: v.pipe(
    v.record(name, service, 'must be an object of services'),
    v.check((all) => Object.keys(all).length > 0, 'names no service'),
  ),
  facades: v.optional(v.record(name, facade)),
  fragments: v.optional(v.array(fragment, 'must be a list of definitions'), []),
  purge: v.optional(
    object({
      space: v.optional(v.pipe(v.string(), v.check(isSpace, 'must be 1 to 64 letters, digits, "-" or "_"')), 'default'),
      nats: v.optional(v.string('must be text')),
      auth: v.optional(auth, {}),
      secret: v.exactOptional(several(secrets, `must not be empty: ${WITHOUT_SECRET}`)),
      maxUnsynced: v.optional(duration, 30_000),
    }),
    {},
  ),
  cache: v.optional(
    object({ maxSize: v.optional(v.pipe(size, v.minValue(65_536, 'must be at least 64kb')), 256 * 1024 ** 2) }),
    {},
  ),
  limits: v.optional(limits, {}),
  esi: v.optional(
    object({ cookies: v.optional(v.array(text)), privileged: v.optional(v.boolean('must be true or false'), false) }),
    {},
  ),
  admin: v.optional(
    object({ port: v.optional(count(0, 65_535), 9901), host: v.optional(text, '127.0.0.1'), token: v.optional(text) }),
    {},
  ),
  trustedPeers: v.optional(v.array(text), []),
});

/** A configuration whose shape is right, with its defaults. */
export type Parsed = v.InferOutput<typeof schema>;

/** Checks the shape of a configuration; every mistake with its path (`services.web.url`). */
export function checkShape(
  config: unknown,
): { readonly output: Parsed } | { readonly problems: readonly { readonly path: string; readonly message: string }[] } {
  const parsed = v.safeParse(schema, config);
  if (parsed.success) return { output: parsed.output };
  return { problems: parsed.issues.map((issue) => ({ path: v.getDotPath(issue) ?? '', message: issue.message })) };
}

/** An object that names every member it does not know as a mistake: a typo must not pass for a setting. */
function object<const Members extends v.ObjectEntries>(members: Members) {
  return v.strictObject(members, (issue) =>
    issue.expected === 'never' ? `is not known here (known: ${Object.keys(members).join(', ')})` : 'is required',
  );
}

/** One of something, or a list with at least one; flat. */
function several<Input>(schema: v.GenericSchema<Input, string | string[]>, empty: string) {
  type One = v.InferOutput<typeof schema>;
  const list = v.pipe(v.array(schema), v.minLength(1, empty));
  return v.pipe(
    v.lazy((value): v.GenericSchema<Input | Input[], One | One[]> => (Array.isArray(value) ? list : schema)),
    v.transform((value): string[] => [value].flat(2)),
  );
}

function shorthand<Schema extends v.GenericSchema>(expandText: (value: string) => unknown, schema: Schema) {
  return v.pipe(
    v.unknown(),
    v.transform((value) => (typeof value === 'string' ? expandText(value) : value)),
    schema,
  );
}

function amount(parse: (value: unknown) => number | undefined, message: string) {
  return v.pipe(
    v.custom<string | number>((value) => parse(value) !== undefined, message),
    v.transform((value) => parse(value)!),
  );
}

function count(least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
}
