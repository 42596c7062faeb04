/**
 * `Cache-Control` in one tokenizer, for requests and responses (RFC 9111 section 5.2).
 *
 * It is lenient in one direction only. Text that is not in the grammar still yields the names of directives found in it,
 * so that `no-store; max-age=5` or `foo="private` keeps a response out of the cache; but such a directive has the value
 * `''`, which is neither a bare `true` nor a number, so that nothing malformed ever *permits* anything.
 */

/** Directives by lower-case name: a value (unquoted), `true` for a bare name, `''` for a malformed one. */
export type Directives = ReadonlyMap<string, string | true>;

/** The largest delta-seconds that is told apart (RFC 9111 section 1.2.2), in seconds. */
export const MAX_DELTA = 2 ** 31;

const NONE: Directives = new Map();
// Sticky, each starting where the last one ended: linear in the text, whatever it is.
const NAME = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const BARE = /[^\s,;"]+/y;
const END = /[ \t]*(?=,|$)/y;
const JUNK = /[^!#$%&'*+\-.^_`|~0-9A-Za-z,]+/y;

/**
 * Reads a `Cache-Control` field value; of a directive that is there twice, the first wins.
 *
 * @param value the combined field value, or `undefined` if the field is absent
 * @see RFC 9111 sections 4.2.1 (duplicates) and 5.2
 */
export function parseCacheControl(value: string | undefined): Directives {
  if (value === undefined || value === '') return NONE;
  const directives = new Map<string, string | true>();
  let at = 0;
  let sound = true; // false from the first piece of junk to the next comma: what is found there only forbids
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < value.length) {
    if (value[at] === ',') {
      sound = true;
      at++;
      continue;
    }
    const name = take(NAME)?.[0].toLowerCase();
    if (name === undefined) {
      // White space after a comma is the grammar's; anywhere else, and any other character, is junk.
      if (take(JUNK)![0].trim() !== '') sound = false;
      continue;
    }
    let argument: string | true = true;
    if (value[at] === '=') {
      at++;
      argument = take(QUOTED)?.[1]?.replace(/\\(.)/gs, '$1') ?? take(BARE)?.[0] ?? '';
    }
    if (take(END) === null) sound = false;
    if (!directives.has(name)) directives.set(name, sound ? argument : '');
  }
  return directives;
}

/**
 * The argument of a directive that takes seconds: `undefined` if the directive is absent, 0 ("stale") if it is there but
 * not a plain number. Never "no limit".
 *
 * @returns seconds, at most {@link MAX_DELTA}
 * @see RFC 9111 sections 1.2.2 and 4.2.1
 */
export function deltaSeconds(text: string | true | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === true || !/^\d+$/.test(text)) return 0;
  return Math.min(Number(text), MAX_DELTA);
}

/** Prints directives as a field value, quoting arguments that are not tokens. */
export function printCacheControl(directives: Iterable<readonly [name: string, argument: string | true]>): string {
  const members: string[] = [];
  for (const [name, argument] of directives) {
    if (argument === true) members.push(name);
    else if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(argument)) members.push(`${name}=${argument}`);
    else members.push(`${name}="${argument.replace(/[\\"]/g, '\\$&')}"`);
  }
  return members.join(', ');
}
