import { RE2JS, RE2JSException } from 're2js';

/** The longest pattern, in bytes of UTF-8 (ESI.md section 5). */
export const MAX_PATTERN_BYTES = 256;

/** The longest text that is searched, in UTF-16 code units. */
export const MAX_MATCH_INPUT = 65_536;

/** Time is bounded by the product of a pattern's size and the length of the text: this much takes a few tenths of a second. */
const MAX_WORK = 4_000_000;

const MAX_PATTERNS = 32;

/** A compiled pattern remembers states of its automaton; after this much work it is compiled anew, without them. */
const MAX_REMEMBERED_WORK = 1_000_000;

/** The groups of a match, the whole of it first; `groups` is empty if the text does not match. `work` is what it cost. */
export type MatchResult =
  | { readonly kind: 'searched'; readonly groups: readonly (string | undefined)[]; readonly work: number }
  | { readonly kind: 'refused'; readonly message: string };

interface Compiled {
  readonly pattern: RE2JS;
  worked: number;
}

/** In the order of their last use; a pattern that is none is remembered too. */
const compiled = new Map<string, Compiled | string>();

/**
 * Searches a text for a pattern of RE2's syntax, which has no backreferences and no lookaround, in time linear in the
 * text; `flags` may hold `i`, `s` and `m` (ESI.md section 5).
 *
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function search(pattern: string, flags: string, text: string): MatchResult {
  if (new TextEncoder().encode(pattern.slice(0, MAX_PATTERN_BYTES + 1)).length > MAX_PATTERN_BYTES) {
    return { kind: 'refused', message: `a pattern is longer than ${MAX_PATTERN_BYTES} bytes` };
  }
  if (text.length > MAX_MATCH_INPUT) {
    return { kind: 'refused', message: `matches searches at most ${MAX_MATCH_INPUT} characters` };
  }
  const entry = lookUp(pattern, flags);
  if (typeof entry === 'string') return { kind: 'refused', message: entry };
  const work = entry.pattern.programSize() * (text.length + 1);
  if (work > MAX_WORK) return { kind: 'refused', message: 'the pattern is too big for a text of this length' };
  entry.worked += work;
  if (entry.worked > MAX_REMEMBERED_WORK) compiled.delete(keyOf(pattern, flags));
  const matcher = entry.pattern.matcher(text);
  if (!matcher.find()) return { kind: 'searched', groups: [], work };
  const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? undefined);
  return { kind: 'searched', groups, work };
}

function keyOf(pattern: string, flags: string): string {
  return JSON.stringify([flags, pattern]);
}

function lookUp(pattern: string, flags: string): Compiled | string {
  const key = keyOf(pattern, flags);
  const entry = compiled.get(key) ?? compile(pattern, flags);
  compiled.delete(key);
  compiled.set(key, entry);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= MAX_PATTERNS) break;
    compiled.delete(oldest);
  }
  return entry;
}

function compile(pattern: string, flags: string): Compiled | string {
  let bits = 0;
  for (const flag of flags) {
    if (flag === 'i') bits |= RE2JS.CASE_INSENSITIVE;
    else if (flag === 's') bits |= RE2JS.DOTALL;
    else if (flag === 'm') bits |= RE2JS.MULTILINE;
    else return 'a pattern has a flag that is none of i, s and m';
  }
  try {
    return { pattern: RE2JS.compile(pattern, bits), worked: 0 };
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    // Not its message: that quotes the pattern, which may hold a value of a client.
    return 'a pattern is not of the syntax of RE2';
  }
}
