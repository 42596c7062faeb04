import { type Environment, refuse, spend, textCost } from './environment.ts';
import { CODEC_FUNCTIONS } from './functions-codec.ts';
import { LIST_FUNCTIONS } from './functions-list.ts';
import { RESPONSE_FUNCTIONS } from './functions-response.ts';
import { TEXT_FUNCTIONS } from './functions-text.ts';
import { TIME_FUNCTIONS } from './functions-time.ts';
import { MAX_ITEMS, MAX_TEXT, type Value } from './value.ts';

/** A function of the library. Its arguments are as many as `arity` says; what it cannot do is unset and a warning. */
export interface LibraryFunction {
  /** The least and the most arguments. */
  readonly arity: readonly [number, number];
  run(args: readonly Value[], environment: Environment): Value;
}

/** The functions of one file, by name. */
export type Library = Readonly<Record<string, LibraryFunction>>;

/** A Map, so that `$constructor()` is no function. */
const LIBRARY: ReadonlyMap<string, LibraryFunction> = new Map(
  [TEXT_FUNCTIONS, LIST_FUNCTIONS, CODEC_FUNCTIONS, TIME_FUNCTIONS, RESPONSE_FUNCTIONS].flatMap(Object.entries),
);

/**
 * Calls a function of the page or, where it has none of this name, of the library (ESI.md section 6). An unknown
 * function and wrong arguments are unset, with a warning. No result is longer than {@link MAX_TEXT} or has more items than
 * {@link MAX_ITEMS}.
 */
export function callFunction(name: string, args: readonly Value[], environment: Environment): Value {
  if (environment.steps.exhausted) return undefined;
  const own = environment.userFunction(name);
  if (own !== undefined) return own(args);
  const found = LIBRARY.get(name);
  if (found === undefined) return refuse(environment, 'unknown-function', `there is no function $${name.slice(0, 40)}`);
  const [least, most] = found.arity;
  if (args.length < least || args.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    return refuse(environment, 'bad-argument', `$${name} takes ${wanted} arguments and got ${args.length}`);
  }
  let cost = 0;
  for (const arg of args) cost += costOf(arg);
  return spend(environment, cost) ? keep(name, found.run(args, environment), environment) : undefined;
}

function keep(name: string, result: Value, environment: Environment): Value {
  const tooLong = typeof result === 'string' ? result.length > MAX_TEXT : sizeOf(result) > MAX_ITEMS;
  if (tooLong) return refuse(environment, 'too-large', `the result of $${name} is too large`);
  return spend(environment, costOf(result)) ? result : undefined;
}

function sizeOf(value: Value): number {
  return Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;
}

function costOf(value: Value): number {
  return typeof value === 'string' ? textCost(value.length) : sizeOf(value) >> 2;
}
