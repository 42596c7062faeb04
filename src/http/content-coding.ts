/**
 * Content codings: their names in fields, which of them a client is answered in, and the seam to whatever applies them.
 *
 * @see RFC 9110 sections 8.4 and 12.5.3
 */

/** What a runtime can do with content codings. Names are as {@link parseContentEncoding} gives them. */
export interface Codings {
  /**
   * Takes one coding off a body as it arrives; `undefined` if the coding is not known. No bytes at all decode to none.
   * Its iterator holds no more than a few hundred KiB that nobody has asked for yet, and returns the body's when it is
   * returned. It throws what the body throws, `upstream-truncated` if the coded bytes end before their own end, and
   * `upstream-encoding` if they are corrupt or go on after it.
   */
  decode(coding: string, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> | undefined;
  /** What {@link encode} knows, in the order of preference. */
  readonly encodes: readonly string[];
  /** Applies a coding to a whole body. The result owns its memory: it keeps no larger buffer alive. */
  encode(coding: string, bytes: Uint8Array): Promise<Uint8Array>;
}

const NONE: readonly string[] = [];

/**
 * The codings of a `Content-Encoding` value in the order in which they were applied: lower-case, without `identity`,
 * those that are not known included.
 *
 * @param value the combined field value, or `undefined` if the field is absent
 * @see RFC 9110 section 8.4
 */
export function parseContentEncoding(value: string | undefined): readonly string[] {
  if (value === undefined || value === '') return NONE;
  const codings = value.split(',').map(canonical);
  return codings.filter((coding) => coding !== '' && coding !== 'identity');
}

/** Lower-case, and by the name that it is registered under (RFC 9110 section 8.4.1.3). */
function canonical(name: string): string {
  const coding = name.trim().toLowerCase();
  return coding === 'x-gzip' ? 'gzip' : coding;
}

/** The weights that an `Accept-Encoding` value gives to codings; `*` is one of them. */
type Weights = ReadonlyMap<string, number>;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/** Members that are not in the grammar are ignored; of a coding that is there twice, the first counts. */
function parseWeights(value: string): Weights {
  const weights = new Map<string, number>();
  for (const member of value.split(',')) {
    const end = member.indexOf(';');
    const coding = canonical(end < 0 ? member : member.slice(0, end));
    if (!TOKEN.test(coding) || weights.has(coding)) continue;
    const weight = end < 0 ? undefined : WEIGHT.exec(member.slice(end + 1).trim());
    if (weight !== null) weights.set(coding, weight === undefined ? 1 : Number(weight[1]));
  }
  return weights;
}

/** Browsers send a handful of different values: they are read once, not for every request. */
const known = new Map<string, Weights>();
const MAX_KNOWN = 256;
/** Characters of the longest value that is remembered: strangers choose what is sent. */
const MAX_KNOWN_LENGTH = 128;

function weightsOf(value: string): Weights {
  if (value.length > MAX_KNOWN_LENGTH) return parseWeights(value);
  const found = known.get(value);
  if (found !== undefined) return found;
  const weights = parseWeights(value);
  if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!);
  known.set(value, weights);
  return weights;
}

/**
 * The coding in which a client is answered: what it gives the highest weight, and of several the first one available.
 * A client that does not say what it takes may take anything, and is answered in `identity`, which all understand. So is
 * one that takes nothing that there is, even if it refuses `identity`: an answer is of more use than a 406.
 *
 * @param acceptEncoding the combined field value, or `undefined` if the field is absent
 * @param available codings in the order of preference, without `identity`
 * @see RFC 9110 section 12.5.3
 */
export function preferredCoding(acceptEncoding: string | undefined, available: readonly string[]): string | 'identity' {
  if (acceptEncoding === undefined || acceptEncoding === '') return 'identity';
  const weights = weightsOf(acceptEncoding);
  const others = weights.get('*') ?? 0;
  let preferred = 'identity';
  // Not mentioned at all, it is acceptable, but after everything that is mentioned.
  let highest = weights.get('identity') ?? others;
  for (const coding of available) {
    const weight = weights.get(coding) ?? others;
    if (weight > highest || (weight === highest && weight > 0 && preferred === 'identity')) {
      preferred = coding;
      highest = weight;
    }
  }
  return preferred;
}

/** Formats that are not compressed in themselves, beside text and what is built on JSON, XML or YAML. */
const COMPRESSIBLE: ReadonlySet<string> = new Set([
  ...[
    'json',
    'javascript',
    'x-javascript',
    'ecmascript',
    'xml',
    'xml-dtd',
    'yaml',
    'toml',
    'graphql',
    'sql',
    'rtf',
    'wasm',
  ]
    .concat('x-ndjson', 'jsonl', 'x-www-form-urlencoded', 'vnd.ms-fontobject', 'x-font-ttf')
    .map((name) => `application/${name}`),
  ...['font/ttf', 'font/otf', 'font/sfnt', 'font/collection'],
  ...['image/bmp', 'image/x-icon', 'image/vnd.microsoft.icon'],
]);
const BUILT_ON = /\+(?:json|xml|yaml|text)$/;

/**
 * Whether bodies of a media type are worth compressing. An event stream is not: it is never whole.
 *
 * @param contentType a `Content-Type` value, or `undefined` if the field is absent
 */
export function isCompressible(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type.startsWith('text/')) return type !== 'text/event-stream';
  return COMPRESSIBLE.has(type) || BUILT_ON.test(type);
}

/** The first bytes of a body; `undefined` if it has none. */
export async function firstBytes(body: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (;;) {
    const next = await body.next();
    if (next.done === true) return undefined;
    if (next.value.byteLength > 0) return next.value;
  }
}

/**
 * What a body in the coding `deflate` is: the zlib format, as it should be, or the bare one, as some services send and
 * all browsers take (RFC 9110 section 8.4.1.2). A zlib header starts with the method 8 (RFC 1950 section 2.2); in the
 * bare format these bits were a stored block with padding that is not zero, which nobody writes.
 */
export function deflateFormat(start: Uint8Array): 'deflate' | 'deflate-raw' {
  return (start[0]! & 0x0f) === 8 ? 'deflate' : 'deflate-raw';
}
