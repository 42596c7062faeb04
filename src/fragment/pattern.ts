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

/** Compiles a pattern to a function that returns what its gaps hold; a gap holds at least one character and never `separator`. */
export function matcher(pattern: Pattern, separator: '/' | '.'): (text: string) => Captures | undefined {
  const gap = `([^${separator === '/' ? '/' : '.'}]+)`;
  const source = pattern.literals.map((literal) => RegExp.escape(literal)).join(gap);
  const expression = new RegExp(`^${source}$`);
  return (text) => {
    const found = expression.exec(text);
    if (found === null) return undefined;
    const captures: Record<string, string> = Object.create(null);
    pattern.names.forEach((name, index) => {
      captures[name] = found[index + 1]!;
    });
    return captures;
  };
}

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
