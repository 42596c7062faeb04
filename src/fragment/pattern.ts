/** A text with named gaps, such as `/fragments/product/{id}`, `catalog.product.{id}.changed` or `product:{id}`. */
export interface Pattern {
  readonly text: string;
  /** Literal text around the gaps: one more than there are names. */
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

/** What the gaps of a pattern held. Null prototype: names and values come from outside. */
export type Captures = Readonly<Record<string, string>>;

const GAP = /\{([^{}]*)\}/g;

/** Reads a pattern. Throws a `SyntaxError` for an empty name, a stray brace, or two gaps without text between them. */
export function parsePattern(text: string): Pattern {
  const literals: string[] = [];
  const names: string[] = [];
  let end = 0;
  for (const gap of text.matchAll(GAP)) {
    if (gap[1] === '') throw new SyntaxError(`an empty {} in "${text}"`);
    if (names.length > 0 && gap.index === end) throw new SyntaxError(`no text between two {} in "${text}"`);
    literals.push(text.slice(end, gap.index));
    names.push(gap[1]!);
    end = gap.index + gap[0].length;
  }
  literals.push(text.slice(end));
  if (literals.some((literal) => /[{}]/.test(literal))) throw new SyntaxError(`a stray brace in "${text}"`);
  return { text, literals, names };
}

/**
 * Makes a function that returns what the gaps of a pattern hold in a text; a gap holds at least one character and never
 * `separator`. Each gap ends at the first place where the text after it can stand, so that no text is looked at twice.
 */
export function matcher({ literals, names }: Pattern, separator: '/' | '.'): (text: string) => Captures | undefined {
  const [first = '', ...rest] = literals;
  return (text) => {
    if (names.length === 0) return text === first ? EMPTY : undefined;
    if (!text.startsWith(first)) return undefined;
    const captures: Record<string, string> = Object.create(null);
    let start = first.length;
    for (let i = 0; i < names.length; i++) {
      const literal = rest[i]!;
      const isLast = i === names.length - 1;
      const end = isLast ? text.length - literal.length : text.indexOf(literal, start + 1);
      if (end <= start || (isLast && !text.endsWith(literal))) return undefined;
      const held = text.slice(start, end);
      if (held.includes(separator)) return undefined;
      captures[names[i]!] = held;
      start = end + literal.length;
    }
    return captures;
  };
}

const EMPTY: Captures = Object.freeze(Object.create(null));

/** Fills the gaps of a pattern; `undefined` if a value is missing. */
export function expand(pattern: Pattern, value: (name: string) => string | undefined): string | undefined {
  let text = pattern.literals[0]!;
  for (let i = 0; i < pattern.names.length; i++) {
    const filled = value(pattern.names[i]!);
    if (filled === undefined) return undefined;
    text += filled + pattern.literals[i + 1]!;
  }
  return text;
}
