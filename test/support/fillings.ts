/** What a service answers: fields beside the usual ones, and a body. */
interface Made {
  readonly fields: readonly string[];
  readonly body: Uint8Array;
}

/** What a cache is filled with: answers by their number. */
interface Filling {
  readonly answer: (index: number) => Made;
  /** Fields of the request, if it has any. */
  readonly asked?: (index: number) => readonly string[];
  /** The path, if it is not one's own. */
  readonly path?: (index: number) => string;
  /** A page that clients visit until it is kept assembled and compressed. */
  readonly visited?: boolean;
}

const ESI = ['surrogate-control', 'content="ESI/1.0"'];

function plain(bytes: number, index: number, fields: readonly string[] = []): Made {
  return { fields, body: Buffer.alloc(bytes, index) };
}

/** Text that compresses as pages do. */
function text(bytes: number, index: number): string {
  const line = (_: unknown, i: number) => `<p>${((i * 7_919 + index) * 2_654_435_761) % 1e9}</p>\n`;
  return Array.from({ length: Math.ceil(bytes / 16) }, line)
    .join('')
    .slice(0, bytes);
}

function template(index: number): string {
  const include = (i: number) =>
    `<esi:include src="/part/${index}/${i}?q=$(QUERY_STRING{q})" alt="/other/${i}" onerror="continue"/>`;
  const parts = Array.from({ length: 30 }, (_, i) => text(60, i) + include(i));
  const choice = '<esi:choose><esi:when test="$(HTTP_COOKIE{a})==1">one</esi:when></esi:choose>';
  return parts.join('') + choice;
}

/** What pages include. */
export const SHARED: Made = { fields: [], body: Buffer.from(text(1_024, 0)) };

export const FILLINGS: Readonly<Record<string, Filling>> = {
  'entries of 1 KiB': { answer: (index) => plain(1_024, index) },
  'entries of 50 KiB': { answer: (index) => plain(51_200, index) },
  'entries of 200 bytes to 50 KiB': {
    answer: (index) => plain(index % 50 === 0 ? 51_200 : 200 + ((index * 7_919) % 4_000), index),
  },
  'entries with 20 tags': {
    answer: (index) =>
      plain(1_024, index, ['surrogate-key', Array.from({ length: 20 }, (_, i) => `product:${index}:${i}`).join(' ')]),
  },
  'variants of 1 KiB': {
    path: (index) => `/varying/${Math.floor(index / 20)}`,
    asked: (index) => ['accept-language', `x-${index % 20}`, 'x-segment', `segment ${index % 3}`],
    answer: (index) => plain(1_024, index, ['vary', 'Accept-Language, X-Segment']),
  },
  'templates with 30 includes': { answer: (index) => ({ fields: ESI, body: Buffer.from(template(index)) }) },
  'pages kept assembled and compressed': {
    visited: true,
    answer: (index) => ({
      fields: ESI,
      body: Buffer.from(`${text(8_192, index)}<esi:include src="/shared"/>${text(8_192, index + 1)}`),
    }),
  },
};
