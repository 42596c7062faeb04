import { type Expression, parseExpression, parseText } from './expression.ts';
import type { FieldChange, Include, Text } from './template.ts';

/** The attributes of a tag: names in lower case as written, values with their entities decoded. */
export type Attributes = ReadonlyMap<string, string>;

/** The text of an attribute; without expressions it stays a string, so that nothing is evaluated where nothing varies. */
export function textOf(value: string): Text {
  if (!value.includes('$')) return value;
  const parts = parseText(value);
  if (parts.every((part) => typeof part === 'string')) return parts.join('');
  return parts;
}

/** The expression of an attribute, or why it is none. */
export function expressionOf(value: string): Expression | { readonly problem: string } {
  const parsed = parseExpression(value);
  return parsed.kind === 'error' ? { problem: `at ${parsed.offset}, ${parsed.message}` } : parsed;
}

/** Reads `<esi:include>` or `<esi:eval>`; `undefined` without a `src`. What an attribute says wrongly goes to `warn` and counts as absent. */
export function includeOf(attributes: Attributes, warn: (message: string) => void): Include | undefined {
  const src = attributes.get('src');
  if (src === undefined || src.trim() === '') return undefined;
  const alt = present(attributes.get('alt'));
  const select = present(attributes.get('select'));
  const onerror = attributes.get('onerror');
  if (onerror !== undefined && onerror !== 'continue')
    warn(`onerror="${short(onerror)}" is not known: only continue is`);
  const noStore = attributes.get('no-store');
  if (noStore !== undefined && noStore !== 'on' && noStore !== 'off')
    warn(`no-store="${short(noStore)}" is neither on nor off`);
  const dca = attributes.get('dca');
  if (dca !== undefined && dca !== 'esi' && dca !== 'none') warn(`dca="${short(dca)}" is not supported`);
  const as = attributes.get('as');
  if (as !== undefined && as !== 'json') warn(`as="${short(as)}" is not supported`);
  const maxwait = amountOf(attributes, 'maxwait', /^(\d+)$/, () => 1, warn);
  const ttl = amountOf(attributes, 'ttl', /^(\d+)([smhd]?)$/, (unit) => SECONDS[unit ?? ''] ?? 1_000, warn);
  const changes = changesOf(attributes);
  return {
    kind: 'include',
    syntax: 'html',
    target: { src: textOf(src) },
    ...(alt === undefined ? {} : { alt: { src: textOf(alt) } }),
    ...(onerror === 'continue' ? { onerror } : {}),
    ...(select === undefined ? {} : { select }),
    ...(dca === 'esi' || dca === 'none' ? { dca } : {}),
    ...(as === 'json' ? { as } : {}),
    ...(maxwait === undefined ? {} : { maxwait }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(attributes.get('no-store') === 'on' ? { noStore: true } : {}),
    ...(attributes.has('method') ? { method: textOf(attributes.get('method')!) } : {}),
    ...(attributes.has('entity') ? { entity: textOf(attributes.get('entity')!) } : {}),
    ...(changes.length === 0 ? {} : { changes }),
  };
}

const SECONDS: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest time that HTTP caches count with (RFC 9111 section 1.2.2): an attribute must not make it infinite. */
const MAX_TIME = 2 ** 31 * 1_000;

/** Ms of an attribute such as `ttl="120m"`. */
function amountOf(
  attributes: Attributes,
  name: string,
  syntax: RegExp,
  scale: (unit: string | undefined) => number,
  warn: (message: string) => void,
): number | undefined {
  const value = attributes.get(name);
  if (value === undefined) return undefined;
  const found = syntax.exec(value.trim());
  if (found !== null) return Math.min(Number(found[1]) * scale(found[2]), MAX_TIME);
  warn(`${name}="${short(value)}" is no time`);
  return undefined;
}

/** ESI.md section 3: removed first, then set, then appended. */
function changesOf(attributes: Attributes): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [attribute, change] of [
    ['removeheader', 'remove'],
    ['setheader', 'set'],
    ['appendheader', 'append'],
  ] as const) {
    const value = attributes.get(attribute);
    if (value !== undefined) changes.push({ change, field: textOf(value) });
  }
  return changes;
}

function present(value: string | undefined): string | undefined {
  return value !== undefined && value.trim() !== '' ? value : undefined;
}

/** Names and values are the document's: a warning must not carry 64 KiB of them into a log. */
export function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
