import { bounded, type Environment, maySearch, refuse, spend, textCost, textOf } from './environment.ts';
import { escapeUrl, escapeUrlPath } from './escape.ts';
import type { Arithmetic, Expression, Operator, ParseError, TextParts } from './expression.ts';
import { callFunction } from './functions.ts';
import { search } from './matches.ts';
import {
  compare,
  type Dictionary,
  isEmpty,
  type List,
  MAX_ITEMS,
  toInteger,
  toNumber,
  truth,
  type Value,
} from './value.ts';

/**
 * The value of an expression (ESI.md section 5). Never throws: what cannot be done is unset and a warning, and once the
 * budget is spent everything is unset and `environment.steps.exhausted`. Values that it reads are never parsed.
 */
export function evaluate(expression: Expression, environment: Environment): Value {
  if (!spend(environment, 1)) return undefined;
  if (expression.kind === 'literal') return expression.value;
  if (environment.nesting >= MAX_NESTING) {
    return refuse(
      environment,
      'too-many-steps',
      `expressions inside functions are nested more than ${MAX_NESTING} deep`,
    );
  }
  environment.nesting++;
  const value = evaluateOperation(expression, environment);
  environment.nesting--;
  return value;
}

/** Parsed expressions are not so deep, but a function that calls itself inside one is: it must not exhaust the stack. */
const MAX_NESTING = 512;

function evaluateOperation(expression: Exclude<Expression, { kind: 'literal' }>, environment: Environment): Value {
  switch (expression.kind) {
    case 'text':
      return bounded(
        expandText(expression.parts, environment, (text) => text),
        environment,
      );
    case 'variable': {
      const value = readVariable(expression, environment);
      return expression.default && isEmpty(value) ? evaluate(expression.default, environment) : value;
    }
    case 'call':
      return callFunction(expression.name, evaluateAll(expression.args, environment), environment);
    case 'list':
      return evaluateList(expression.items, environment);
    case 'range':
      return evaluateRange(evaluate(expression.from, environment), evaluate(expression.to, environment), environment);
    case 'dictionary':
      return evaluateDictionary(expression.entries, environment);
    case 'not':
      return !truth(evaluate(expression.operand, environment));
    case 'negative':
      return calculate('-', 0, evaluate(expression.operand, environment), environment);
    case 'and':
      return expression.operands.every((operand) => truth(evaluate(operand, environment)));
    case 'or':
      return expression.operands.some((operand) => truth(evaluate(operand, environment)));
    case 'sum': {
      const { first, rest } = expression;
      let value = evaluate(first, environment);
      for (const [operator, operand] of rest) {
        value = calculate(operator, value, evaluate(operand, environment), environment);
      }
      return value;
    }
    case 'compare': {
      const left = evaluate(expression.left, environment);
      return comparison(expression.operator, left, evaluate(expression.right, environment), environment);
    }
  }
}

/** Whether a test holds; one that could not be parsed is false, with a warning (ESI.md section 5). */
export function evaluateTest(test: Expression | ParseError, environment: Environment): boolean {
  if (test.kind !== 'error') return truth(evaluate(test, environment)) && !environment.steps.exhausted;
  environment.warn({ code: 'parse-error', message: `a test is no expression: at ${test.offset}, ${test.message}` });
  return false;
}

/** The text with every value in it, each escaped on its own; literal parts stay as they are (ESI.md sections 4 and 9). */
export function expandText(parts: TextParts, environment: Environment, encode: (text: string) => string): string {
  let result = '';
  for (const part of parts) {
    result += typeof part === 'string' ? part : encode(textOf(evaluate(part, environment), environment));
  }
  return result;
}

/**
 * A URL reference with every value percent-encoded for its place, so that none can leave its component. Only a
 * reference that is one variable and nothing else is the variable's value, as it is (ESI.md section 9).
 */
export function expandUrl(parts: TextParts, environment: Environment): string {
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return textOf(evaluate(only, environment), environment);
  let result = '';
  let inPath = true;
  for (const part of parts) {
    if (typeof part === 'string') {
      if (/[?#]/.test(part)) inPath = false;
      result += part;
    } else {
      const text = textOf(evaluate(part, environment), environment);
      result += inPath ? escapeUrlPath(text) : escapeUrl(text);
    }
  }
  // An empty value must not turn the next segment of the path into a host: "/." keeps it one (RFC 3986 section 4.2).
  const literal = typeof only === 'string' ? only : '';
  return /^[/\\]{2}/.test(result) && !/^[/\\]{2}/.test(literal) ? `/.${result}` : result;
}

function readVariable(variable: Extract<Expression, { kind: 'variable' }>, environment: Environment): Value {
  if (variable.key === undefined) return environment.read(variable.name);
  const key = evaluate(variable.key, environment);
  // A key that comes to nothing names no element: it must not give the whole variable away.
  if (key === undefined) return undefined;
  const value = environment.read(variable.name, key);
  // It may have been a character of a text, which is found by counting.
  const counted = value === undefined || (typeof value === 'string' && value.length <= 2) ? toInteger(key) : undefined;
  if (counted !== undefined && counted > 0 && counted < MAX_ITEMS) spend(environment, textCost(counted));
  return value;
}

function evaluateAll(expressions: readonly Expression[], environment: Environment): Value[] {
  return expressions.map((expression) => evaluate(expression, environment));
}

function evaluateList(items: readonly Expression[], environment: Environment): List | undefined {
  if (items.length > MAX_ITEMS) return refuse(environment, 'too-large', `a list has more than ${MAX_ITEMS} items`);
  return evaluateAll(items, environment);
}

function evaluateRange(first: Value, last: Value, environment: Environment): List | undefined {
  const from = toInteger(first);
  const to = toInteger(last);
  if (from === undefined || to === undefined) {
    return refuse(environment, 'bad-argument', 'a range goes from a whole number to a whole number');
  }
  const length = Math.abs(to - from) + 1;
  if (length > MAX_ITEMS) return refuse(environment, 'too-large', `a range has more than ${MAX_ITEMS} items`);
  if (!spend(environment, length >> 2)) return undefined;
  return Array.from({ length }, (_, i) => (from <= to ? from + i : from - i));
}

function evaluateDictionary(
  entries: readonly (readonly [Expression, Expression])[],
  environment: Environment,
): Dictionary | undefined {
  if (entries.length > MAX_ITEMS) {
    return refuse(environment, 'too-large', `a dictionary has more than ${MAX_ITEMS} keys`);
  }
  const dictionary: Dictionary = new Map();
  for (const [key, value] of entries) {
    dictionary.set(textOf(evaluate(key, environment), environment), evaluate(value, environment));
  }
  return dictionary;
}

/** One step of a sum. `+` joins texts when not both operands are numbers; the others are unset then (ESI.md section 5). */
function calculate(operator: Arithmetic, left: Value, right: Value, environment: Environment): Value {
  const a = toNumber(left);
  const b = toNumber(right);
  if (a === undefined || b === undefined) {
    if (operator === '+') return bounded(textOf(left, environment) + textOf(right, environment), environment);
    return refuse(environment, 'bad-argument', `${operator} takes two numbers`);
  }
  const result = arithmetic(operator, a, b);
  return Number.isFinite(result) ? result : refuse(environment, 'bad-argument', `${operator} has no result`);
}

function arithmetic(operator: Arithmetic, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
  }
}

function comparison(operator: Operator, left: Value, right: Value, environment: Environment): boolean {
  switch (operator) {
    case 'has':
      return contains(textOf(left, environment), textOf(right, environment), environment);
    case 'has_i':
      return contains(textOf(left, environment).toLowerCase(), textOf(right, environment).toLowerCase(), environment);
    case 'matches':
      return matches(left, textOf(right, environment), '', environment);
    case 'matches_i':
      return matches(left, textOf(right, environment), 'i', environment);
    case '=~':
      return matchesDelimited(left, textOf(right, environment), environment);
    default:
      return compare(operator, comparable(left, environment), comparable(right, environment));
  }
}

/** Lists and dictionaries compare as their text, which has to be paid for. */
function comparable(value: Value, environment: Environment): Value {
  if (typeof value === 'object') return textOf(value, environment);
  if (typeof value === 'string') spend(environment, textCost(value.length));
  return value;
}

/** An empty operand is in nothing, and nothing is in it (W3C esi-lang section 5.1). */
function contains(text: string, part: string, environment: Environment): boolean {
  return part !== '' && maySearch(text, part, environment) && text.includes(part);
}

/** `/pattern/flags`, as Ledge writes it; without slashes it is all pattern. */
function matchesDelimited(left: Value, text: string, environment: Environment): boolean {
  const end = text.lastIndexOf('/');
  if (!text.startsWith('/') || end === 0) return matches(left, text, '', environment);
  return matches(left, text.slice(1, end), text.slice(end + 1), environment);
}

function matches(left: Value, pattern: string, flags: string, environment: Environment): boolean {
  const text = textOf(left, environment);
  // An unset pattern would match everything.
  const result = pattern === '' ? undefined : search(pattern, flags, text);
  if (result?.kind === 'refused') environment.warn({ code: 'bad-pattern', message: result.message });
  const groups = result?.kind === 'searched' && spend(environment, result.work >> 7) ? result.groups : [];
  environment.matched(groups);
  return groups.length > 0;
}
