import { Parser } from './expression-parser.ts';
import type { Comparison } from './value.ts';

/** An operator between two sums (ESI.md section 5). */
export type Operator = Comparison | 'has' | 'has_i' | 'matches' | 'matches_i' | '=~';

/** An operator inside a sum: all of one precedence, strictly left to right. */
export type Arithmetic = '+' | '-' | '*' | '/' | '%';

/** Text with expressions in it, in order. */
export type TextParts = readonly (string | Expression)[];

/** A parsed expression: plain JSON data, so that it can be stored with the template that it stands in. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  /** A quoted string with variables or calls inside. */
  | { readonly kind: 'text'; readonly parts: TextParts }
  | { readonly kind: 'variable'; readonly name: string; readonly key?: Expression; readonly default?: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'range'; readonly from: Expression; readonly to: Expression }
  | { readonly kind: 'dictionary'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'not' | 'negative'; readonly operand: Expression }
  /** Flat, not nested: a long chain must not become a deep tree. */
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'sum'; readonly first: Expression; readonly rest: readonly (readonly [Arithmetic, Expression])[] }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly left: Expression; readonly right: Expression };

/** An expression that is none; `offset` counts UTF-16 code units of its text. */
export interface ParseError {
  readonly kind: 'error';
  readonly offset: number;
  readonly message: string;
}

/** Parses a `test` or `value` by the grammar of ESI.md section 5; takes time linear in the text, and never throws. */
export function parseExpression(text: string): Expression | ParseError {
  return new Parser(text).parse();
}

/**
 * Parses text in which `$(…)` and `$name(…)` are expanded; what is malformed stays text (ESI.md section 4).
 * No two strings stand next to each other in the result, and none is empty.
 */
export function parseText(text: string): TextParts {
  return new Parser(text).parseText();
}

/**
 * Something outside the template that an expression may depend on: a variable (without `key`: all of it, also when the
 * key is only known at run time), the clock, randomness, or an effect on the response that a memo could not repeat.
 */
export type VariableRead =
  | { readonly kind: 'variable'; readonly name: string; readonly key?: string }
  | { readonly kind: 'clock' | 'random' | 'effect' };

const IMPURE: ReadonlyMap<string, 'clock' | 'random' | 'effect'> = new Map([
  ['time', 'clock'],
  ['http_time', 'clock'],
  ['rand', 'random'],
  ['last_rand', 'random'],
  ['add_header', 'effect'],
  ['set_response_code', 'effect'],
  ['set_redirect', 'effect'],
]);

/**
 * What these expressions may read, each thing once, whichever branches are taken: what a composed page may differ
 * by from visitor to visitor. The bodies of the page's own functions have to be asked for themselves.
 */
export function readsOf(source: Expression | ParseError | TextParts): VariableRead[] {
  const found = new Map<string, VariableRead>();
  const todo: (string | Expression | ParseError)[] = isParts(source) ? [...source] : [source];
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    if (typeof item === 'string' || item.kind === 'error') continue;
    const read = readOf(item);
    if (read !== undefined) found.set(JSON.stringify(read), read);
    todo.push(...childrenOf(item));
  }
  const whole = new Set([...found.values()].map((read) => (isKeyed(read) ? '' : nameOf(read))));
  return [...found.values()].filter((read) => !isKeyed(read) || !whole.has(nameOf(read)));
}

function isParts(source: Expression | ParseError | TextParts): source is TextParts {
  return Array.isArray(source);
}

function isKeyed(read: VariableRead): boolean {
  return read.kind === 'variable' && read.key !== undefined;
}

function nameOf(read: VariableRead): string {
  return read.kind === 'variable' ? read.name : '';
}

function readOf(expression: Expression): VariableRead | undefined {
  if (expression.kind === 'call') {
    const kind = IMPURE.get(expression.name);
    return kind && { kind };
  }
  if (expression.kind !== 'variable') return undefined;
  const { name, key } = expression;
  return { kind: 'variable', name, ...(key?.kind === 'literal' ? { key: String(key.value) } : {}) };
}

function childrenOf(expression: Expression): TextParts {
  switch (expression.kind) {
    case 'literal':
      return [];
    case 'text':
      return expression.parts;
    case 'variable':
      return [expression.key, expression.default].filter((child) => child !== undefined);
    case 'call':
      return expression.args;
    case 'list':
      return expression.items;
    case 'range':
      return [expression.from, expression.to];
    case 'dictionary':
      return expression.entries.flat();
    case 'not':
    case 'negative':
      return [expression.operand];
    case 'and':
    case 'or':
      return expression.operands;
    case 'sum':
      return [expression.first, ...expression.rest.map(([, operand]) => operand)];
    case 'compare':
      return [expression.left, expression.right];
  }
}
