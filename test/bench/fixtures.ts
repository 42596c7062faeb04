/** The bytes that all workloads serve: origin, peers and checks make the same ones from the same numbers. */

/** Bytes of a page beside its includes. */
export const PAGE_BYTES = 20 * 1024;
/** Bytes of a fragment. */
export const FRAGMENT_BYTES = 512;

const ROW = '<li class="item"><a href="/item/1042">Something to read</a> <em>and a word about it</em></li>\n';

/** HTML of exactly so many bytes, without a directive. */
export function html(bytes: number): string {
  return ROW.repeat(Math.floor(bytes / ROW.length)).padEnd(bytes, ' ');
}

/** Fragment `index`, of exactly so many bytes. */
export function fragment(index: number, bytes: number = FRAGMENT_BYTES): string {
  const open = `<section id="f${index}">`;
  const close = '</section>\n';
  return open + html(bytes - open.length - close.length) + close;
}

/** The page's literal text, cut where its `count` includes stand. */
function literals(count: number): string[] {
  const each = Math.floor(PAGE_BYTES / (count + 1));
  return Array.from({ length: count + 1 }, () => html(each));
}

/** A page with `count` includes; `src` names the address of each. */
export function template(count: number, src: (index: number) => string): string {
  return literals(count).reduce((text, part, i) => `${text}<esi:include src="${src(i - 1)}"/>${part}`);
}

/** What that page is when it is composed. */
export function composed(count: number): string {
  return literals(count).reduce((text, part, i) => text + fragment(i - 1) + part);
}

/** Levels of fragments below a nested page, and fragments that each document of it includes: no level has more than a page may fetch at once. */
export const LEVELS = 3;
export const BRANCHES = 3;

/** A document at `level` of a nested page: includes in an attempt, in a taken branch and in a loop, or at the last level plain text. */
export function nested(level: number, src: (index: number | string) => string): string {
  if (level === LEVELS) return '<i>leaf</i>';
  const include = (index: number | string) => `<esi:include src="${src(index)}"/>`;
  return [
    html(512),
    `<esi:try><esi:attempt>${include(1)}</esi:attempt><esi:except>failed</esi:except></esi:try>`,
    `<esi:choose><esi:when test="$(HTTP_HOST)==''">nobody</esi:when><esi:otherwise>${include(2)}</esi:otherwise></esi:choose>`,
    `<esi:foreach collection="[3]">${include('$(item)')}</esi:foreach>`,
    html(512),
  ].join('');
}

/** What that document is when it is composed. */
export function composedNested(level: number): string {
  return level === LEVELS ? '<i>leaf</i>' : html(512) + composedNested(level + 1).repeat(BRANCHES) + html(512);
}

/** An entity of about 220 bytes. */
export function entity(id: number): Record<string, unknown> {
  return {
    id,
    name: `Entity number ${id}`,
    summary: 'A few words that say what this is, as a list of results would show them to its readers.',
    price: { amount: id * 100 + 99, currency: 'EUR' },
    tags: ['one', 'two', 'three'],
    available: id % 3 !== 0,
  };
}

/** A list of `count` entities in the order of their identifiers; `item` says what stands for each. */
export function list(count: number, item: (id: number) => unknown): string {
  return JSON.stringify({ total: count, items: Array.from({ length: count }, (_, id) => item(id)) });
}

/** An entity of about 1 KiB: what a shop knows of a product. */
export function product(id: number): Record<string, unknown> {
  return {
    id,
    name: `Walking shoe number ${id}`,
    url: `/products/${id}/walking-shoe`,
    brand: { id: 'northern', name: 'Northern Outfitters', country: 'NO' },
    price: { amount: 12_999, currency: 'EUR', reduced: false, was: null },
    rating: { average: 4.37, votes: 1_284 },
    description: 'A light shoe for long days: the sole grips on wet stone and the upper dries in an evening. '
      .repeat(3)
      .trim(),
    images: ['front', 'side', 'sole'].map((view) => ({
      src: `https://images.example/products/${id}/${view}.webp`,
      width: 1_200,
      height: 900,
    })),
    sizes: [36, 37, 38, 39, 40, 41, 42, 43, 44, 45].map((size) => ({ size, stock: size % 4 })),
    materials: ['leather', 'recycled polyester', 'rubber'],
    available: true,
  };
}

const PLACEHOLDER = 987_654_321;
const PRODUCT = JSON.stringify(product(PLACEHOLDER)).split(String(PLACEHOLDER));

/** The same as JSON text, quickly: an origin that serializes thousands of them would be what is measured. */
export function productText(id: number): string {
  return PRODUCT.join(String(id));
}

/** A search answer that varies from turn to turn, as they do; `hits` is the JSON text of what it found. */
export function found(turn: number, hits: string): string {
  return `{"took":${turn},"hits":${hits}}`;
}

/** What that turn finds: `known` products that every turn finds, and after them some that no other turn does. */
export function foundIds(turn: number, count: number, known: number): number[] {
  return Array.from({ length: count }, (_, i) => (i < known ? i : 10_000_000 + turn * 1_000 + i));
}
