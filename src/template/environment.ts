import { MAX_TEXT, printCounted, type Value } from './value.ts';

/** Something that an expression could not do; it never fails the page by itself. Messages hold no value of a client. */
export interface EvaluationWarning {
  readonly code:
    | 'parse-error'
    | 'too-many-steps'
    | 'too-large'
    | 'unknown-function'
    | 'bad-argument'
    | 'bad-pattern'
    | 'bad-assignment'
    | 'not-permitted';
  readonly message: string;
}

/** What an expression wants done to the response; only privileged pages may ask (ESI.md section 9). */
export type Effect =
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  /** Replaces the whole page; without `body` the page stays. */
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  | { readonly kind: 'redirect'; readonly location: string };

/** How much work expressions may still do, in steps; one budget serves a whole page. */
export interface Steps {
  left: number;
  /** Set once, by the first expression that did not get what it needed: all after it are unset. */
  exhausted: boolean;
}

/** Everything that an expression can reach: nothing else of the world is visible to it. */
export interface Environment {
  read(name: string, key?: Value): Value;
  /** The page's own function of this name; it shadows one of the library. */
  userFunction(name: string): ((args: readonly Value[]) => Value) | undefined;
  /** Hears the groups of each `matches`: the whole match first, none if it did not match. */
  matched(groups: readonly Value[]): void;
  warn(warning: EvaluationWarning): void;
  readonly steps: Steps;
  /** Operations inside each other that are being evaluated, those of functions that they call included. */
  nesting: number;
  /** Epoch ms. */
  now(): number;
  /** A number in [0, 1). */
  random(): number;
  /** What the last `$rand` gave. */
  lastRandom: number | undefined;
  /** Whether `$add_header`, `$set_response_code` and `$set_redirect` work. */
  readonly privileged: boolean;
  /** Whether `$add_header` may send cookies. */
  readonly setCookie: boolean;
  readonly effects: Effect[];
}

/** How much work the expressions of one page may do; a step is one operation or 256 characters. */
export const MAX_STEPS = 100_000;

/** What an environment is made of; the rest has safe defaults. */
export type EnvironmentOptions = Pick<Environment, 'read' | 'warn' | 'now' | 'random'> &
  Partial<Pick<Environment, 'userFunction' | 'matched' | 'steps' | 'privileged' | 'setCookie' | 'effects'>>;

/** An environment that knows no functions of the page and lets nothing out, unless told otherwise. */
export function createEnvironment(options: EnvironmentOptions): Environment {
  return {
    userFunction: () => undefined,
    matched: () => {},
    steps: { left: MAX_STEPS, exhausted: false },
    privileged: false,
    setCookie: false,
    effects: [],
    lastRandom: undefined,
    nesting: 0,
    ...options,
  };
}

/** Takes steps from the budget; false, and a warning the first time, if there are not enough left. */
export function spend(environment: Pick<Environment, 'steps' | 'warn'>, cost: number): boolean {
  const { steps } = environment;
  if (steps.left >= cost) {
    steps.left -= cost;
    return true;
  }
  steps.left = 0;
  if (!steps.exhausted) {
    steps.exhausted = true;
    environment.warn({ code: 'too-many-steps', message: 'the expressions of this page take too many steps' });
  }
  return false;
}

/** The steps that text of this length costs. */
export function textCost(length: number): number {
  return length >> 8;
}

/**
 * Pays for a search of `part` in `text`: engines look for long parts in long texts in time that grows with the product of
 * both. False if the budget does not allow it.
 */
export function maySearch(text: string, part: string, environment: Environment): boolean {
  return spend(environment, Math.floor((text.length * part.length) / 65_536));
}

/** The text of a value, paid for; empty once the budget is spent. */
export function textOf(value: Value, environment: Environment): string {
  const { text, elements } = printCounted(value);
  return spend(environment, (elements >> 2) + textCost(text.length)) ? text : '';
}

/** Unset, and a warning that says why. */
export function refuse(environment: Environment, code: EvaluationWarning['code'], message: string): undefined {
  environment.warn({ code, message });
  return undefined;
}

/** Text that an expression made, or unset if it is too long to be kept. */
export function bounded(text: string, environment: Environment): string | undefined {
  if (text.length <= MAX_TEXT) return text;
  return refuse(environment, 'too-large', `a text is longer than ${MAX_TEXT} characters`);
}
