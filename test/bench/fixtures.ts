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
