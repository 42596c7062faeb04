import { type Environment, maySearch, refuse, textOf } from './environment.ts';
import type { Library, LibraryFunction } from './functions.ts';
import { isEmpty, MAX_TEXT, toInteger, toNumber, type Value } from './value.ts';

/** The functions of ESI.md section 6 that are about one text, and those that ask or change what kind of value one is. */
export const TEXT_FUNCTIONS: Library = {
  exists: { arity: [1, 1], run: ([value]) => !isEmpty(value) },
  // Unset neither exists nor is empty.
  is_empty: { arity: [1, 1], run: ([value]) => value !== undefined && isEmpty(value) },
  len: { arity: [1, 1], run: ([value], environment) => length(value, environment) },
  int: { arity: [1, 1], run: ([value], environment) => integer(value, environment) },
  str: { arity: [1, 1], run: ([value], environment) => textOf(value, environment) },
  lower: ofText((text) => text.toLowerCase()),
  upper: ofText((text) => text.toUpperCase()),
  strip: ofText((text) => text.trim()),
  lstrip: ofText((text) => text.trimStart()),
  rstrip: ofText((text) => text.trimEnd()),
  substr: { arity: [2, 3], run: substring },
  index: { arity: [2, 2], run: (args, environment) => position(args, environment, 'indexOf') },
  rindex: { arity: [2, 2], run: (args, environment) => position(args, environment, 'lastIndexOf') },
  replace: { arity: [3, 4], run: replace },
  dollar: { arity: [0, 0], run: () => '$' },
  dquote: { arity: [0, 0], run: () => '"' },
  squote: { arity: [0, 0], run: () => "'" },
};

/** A function of one text; unset stays unset. */
export function ofText(convert: (text: string, environment: Environment) => Value): LibraryFunction {
  return {
    arity: [1, 1],
    run: ([value], environment) => (value === undefined ? undefined : convert(textOf(value, environment), environment)),
  };
}

/** How many characters a text has: not UTF-16 code units, and not bytes. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) if (isPair(text, i)) count--;
  return count;
}

/** Whether the code unit at `i` is the second half of a character. */
function isPair(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800;
}

function length(value: Value, environment: Environment): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : countCharacters(textOf(value, environment));
}

/** Fractions are cut off; what is no number is 0. */
function integer(value: Value, environment: Environment): number {
  const number = typeof value === 'number' ? value : toNumber(textOf(value, environment).trim());
  return Math.trunc(number ?? 0) + 0; // not -0
}

/** From `start` up to but not including `end`, in characters; negative positions count from the end. */
function substring([value, first, last]: readonly Value[], environment: Environment): Value {
  const start = toInteger(first);
  const end = last === undefined ? Number.MAX_SAFE_INTEGER : toInteger(last);
  if (start === undefined || end === undefined) {
    return refuse(environment, 'bad-argument', '$substr takes whole numbers as start and end');
  }
  if (value === undefined) return undefined;
  return [...textOf(value, environment)].slice(start, end).join('');
}

function position([value, part]: readonly Value[], environment: Environment, find: 'indexOf' | 'lastIndexOf'): number {
  if (value === undefined || part === undefined) return -1;
  const text = textOf(value, environment);
  const wanted = textOf(part, environment);
  if (!maySearch(text, wanted, environment)) return -1;
  const at = text[find](wanted);
  return at < 0 ? -1 : countCharacters(text.slice(0, at));
}

/** Replaces the first `count` occurrences, or all; none if `count` is not positive or `old` is empty. */
function replace([value, old, replacement, limit]: readonly Value[], environment: Environment): Value {
  const count = limit === undefined ? Number.MAX_SAFE_INTEGER : toInteger(limit);
  if (count === undefined) return refuse(environment, 'bad-argument', '$replace takes a whole number as count');
  if (value === undefined) return undefined;
  const text = textOf(value, environment);
  const from = textOf(old, environment);
  const to = textOf(replacement, environment);
  if (!maySearch(text, from, environment)) return undefined;
  const pieces: string[] = [];
  let start = 0;
  let size = text.length;
  while (pieces.length < count && from !== '') {
    const at = text.indexOf(from, start);
    if (at < 0) break;
    pieces.push(text.slice(start, at));
    start = at + from.length;
    size += to.length - from.length;
    // Checked before it is made: a text of 1 MiB can grow a millionfold.
    if (size > MAX_TEXT + text.length) return refuse(environment, 'too-large', 'the result of $replace is too large');
  }
  pieces.push(text.slice(start));
  return pieces.join(to);
}
