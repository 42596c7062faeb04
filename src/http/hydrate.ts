import { type BareItem, type InnerList, type Item, isInnerList, parseItem, parseList, Token } from 'structured-headers';

/** Which ids of a JSON document are replaced, or joined, by their entities. */
export interface HydrateRule {
  /** The tokens of a JSON pointer (RFC 6901), decoded; `*` stands for every element or member. */
  readonly path: readonly string[];
  /** The name of a definition. */
  readonly type: string;
  /** The member beside the id that the entity becomes; without it, the entity takes the id's place. */
  readonly as?: string;
  readonly onerror?: 'fail' | 'null' | 'ref' | 'drop';
  /** The members of the entity that are kept, by name or by JSON pointer. */
  readonly fields?: readonly string[];
  readonly required?: boolean;
  /** Ms. */
  readonly timeout?: number;
  /** Levels of directives that run inside the entity. */
  readonly depth?: number;
}

/** What an `Inlay-Hydrate` field asks for, and what in it is wrong. */
export interface Hydrate {
  readonly rules: readonly HydrateRule[];
  readonly problems: readonly string[];
}

type Parameters = ReadonlyMap<string, BareItem>;

/** A rule is left out for the first reason that one of its parts throws; it never leaves this file. */
class RuleProblem extends Error {}

/** Characters of a field. */
const MAX_FIELD = 4_096;
const MAX_RULES = 32;
/** Tokens of a path. */
const MAX_PATH = 16;
/** Characters of what a problem cites. */
const MAX_CITED = 80;
/** A service says the same in every answer: this many fields are remembered. */
const MAX_REMEMBERED = 64;
const PARAMETERS: ReadonlySet<string> = new Set(['type', 'as', 'onerror', 'fields', 'required', 'timeout', 'depth']);

/** In the order of their last use. */
const remembered = new Map<string, Hydrate>();

/**
 * The rules of an `Inlay-Hydrate` response field: a List of strings, each a JSON pointer, with parameters (RFC 9651).
 * A rule that is wrong is left out, and said to be; a field that is no List has no rules. Never throws.
 */
export function parseHydrate(field: string): Hydrate {
  if (field.length > MAX_FIELD) return refused(`the field is longer than ${MAX_FIELD} characters`);
  const known = remembered.get(field);
  const hydrate = known ?? readField(field);
  if (known !== undefined) remembered.delete(field);
  else if (remembered.size === MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
  remembered.set(field, hydrate);
  return hydrate;
}

/** Whether a client's `Inlay-Hydrate` field is the Boolean false, `?0` (RFC 9651 section 3.3.6). */
export function refusesHydration(field: string | undefined): boolean {
  if (field === undefined || field.length > MAX_FIELD) return false;
  try {
    return parseItem(field)[0] === false;
  } catch {
    // What is no Item says nothing.
    return false;
  }
}

function refused(problem: string): Hydrate {
  return { rules: [], problems: [problem] };
}

function readField(field: string): Hydrate {
  let list: (Item | InnerList)[];
  try {
    list = parseList(field);
  } catch (error) {
    return refused(
      `the field is not a List (RFC 9651): ${printable(error instanceof Error ? error.message : String(error))}`,
    );
  }
  const rules: HydrateRule[] = [];
  const problems: string[] = [];
  for (const [index, member] of list.slice(0, MAX_RULES).entries()) {
    const name = nameOf(member, index);
    try {
      rules.push(ruleOf(member));
    } catch (error) {
      if (!(error instanceof RuleProblem)) throw error;
      problems.push(`${name}: ${error.message}`);
      continue;
    }
    const unknown = [...member[1].keys()].filter((key) => !PARAMETERS.has(key));
    if (unknown.length > 0)
      problems.push(
        `${name}: unknown parameters: ${printable(unknown.join(', '))} (known: ${[...PARAMETERS].join(', ')})`,
      );
  }
  if (list.length > MAX_RULES) problems.push(`more than ${MAX_RULES} rules: the others are ignored`);
  return { rules, problems };
}

function nameOf(member: Item | InnerList, index: number): string {
  return typeof member[0] === 'string' ? printable(`"${member[0]}"`) : `rule ${index + 1}`;
}

function ruleOf(member: Item | InnerList): HydrateRule {
  const [pointer, parameters] = member;
  if (isInnerList(member) || typeof pointer !== 'string') throw new RuleProblem('the path is not a string');
  const path = pathOf(pointer);
  const type = textOf(parameters, 'type');
  if (type === undefined) throw new RuleProblem('it has no type');
  const as = textOf(parameters, 'as');
  if (as !== undefined && path.length === 0) throw new RuleProblem('as: the whole document is a member of nothing');
  const onerror = onErrorOf(parameters);
  const fields = fieldsOf(parameters);
  const required = requiredOf(parameters);
  const timeout = integerOf(parameters, 'timeout', 1);
  const depth = integerOf(parameters, 'depth', 0);
  return {
    path,
    type,
    ...(as === undefined ? {} : { as }),
    ...(onerror === undefined ? {} : { onerror }),
    ...(fields === undefined ? {} : { fields }),
    ...(required === undefined ? {} : { required }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(depth === undefined ? {} : { depth }),
  };
}

/** The tokens of a JSON pointer (RFC 6901 section 3); none for the whole document. */
function pathOf(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new RuleProblem('the path does not begin with "/"');
  const tokens = pointer.slice(1).split('/');
  if (tokens.length > MAX_PATH) throw new RuleProblem(`the path has more than ${MAX_PATH} tokens`);
  if (/~(?![01])/.test(pointer)) throw new RuleProblem('the path has a "~" that is neither ~0 nor ~1');
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A String or a Token that says something. */
function textOf(parameters: Parameters, key: string): string | undefined {
  const value = parameters.get(key);
  if (value === undefined) return undefined;
  const text = value instanceof Token ? value.toString() : value;
  if (typeof text !== 'string') throw new RuleProblem(`${key} is neither a string nor a token`);
  if (text === '') throw new RuleProblem(`${key} is empty`);
  return text;
}

function onErrorOf(parameters: Parameters): HydrateRule['onerror'] {
  const value = textOf(parameters, 'onerror');
  switch (value) {
    case undefined:
    case 'fail':
    case 'null':
    case 'ref':
    case 'drop':
      return value;
    default:
      throw new RuleProblem('onerror is none of fail, null, ref, drop');
  }
}

function fieldsOf(parameters: Parameters): readonly string[] | undefined {
  const names = textOf(parameters, 'fields')
    ?.split(' ')
    .filter((name) => name !== '');
  if (names?.length === 0) throw new RuleProblem('fields is empty');
  return names;
}

function requiredOf(parameters: Parameters): boolean | undefined {
  const value = parameters.get('required');
  if (value !== undefined && typeof value !== 'boolean') throw new RuleProblem('required is no Boolean');
  return value;
}

function integerOf(parameters: Parameters, key: string, least: number): number | undefined {
  const value = parameters.get(key);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least) {
    throw new RuleProblem(`${key} is no integer of at least ${least}`);
  }
  return value;
}

/** Fit for a line of a log. */
function printable(text: string): string {
  return text.slice(0, MAX_CITED).replace(/[^\x20-\x7e]/g, '?');
}
