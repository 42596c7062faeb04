import type { Arithmetic, Expression, Operator, ParseError } from './expression.ts';
import { NAME, Scanner } from './expression-scanner.ts';

type Maybe = Expression | undefined;

/** Longest first, so that `<=` is not `<` with something after it. */
const SYMBOLS: readonly Operator[] = ['==', '!=', '<=', '>=', '=~', '<', '>'];
const WORDS: ReadonlySet<string> = new Set<Operator>(['has', 'has_i', 'matches', 'matches_i']);
const NUMBER = /\d+(?:\.\d+)?/y;
/** A key or a default that is not quoted: what could be read as anything else is malformed. */
const BARE_KEY = /[^\s{}()'"$|]+/y;
const BARE_DEFAULT = /[^\s()'"$|]*/y;

/** Recursive descent over one text, by the grammar of ESI.md section 5. */
export class Parser extends Scanner {
  /** Where a reference was begun and failed, and where the text ended then: it would fail again, whatever is around it. */
  readonly #failures = new Map<number, number>();

  parse(): Expression | ParseError {
    const expression = this.#or();
    this.skipSpace();
    if (expression !== undefined && this.at < this.end) this.fail('something that belongs to no expression');
    return this.error ?? expression!;
  }

  parseText(): (string | Expression)[] {
    return this.#parts(false);
  }

  /** Text up to the end, with what is expanded in it. */
  #parts(escapes: boolean): (string | Expression)[] {
    const parts: (string | Expression)[] = [];
    let literal = '';
    let from = this.at;
    for (;;) {
      const at = this.#findSpecial(escapes);
      literal += this.text.slice(from, at);
      this.at = at;
      if (at >= this.end) break;
      if (this.text[at] === '\\') {
        // Other characters keep their backslash: it is the pattern's in `matches '\d'`.
        const escaped = /['"\\]/.test(this.text[at + 1] ?? '') && at + 1 < this.end;
        from = escaped ? at + 1 : at;
        this.at = at + (escaped ? 2 : 1);
        continue;
      }
      const reference = this.#attempt();
      if (reference === undefined) {
        from = at;
        this.at = at + 1;
        continue;
      }
      if (literal !== '') parts.push(literal);
      parts.push(reference);
      literal = '';
      from = this.at;
    }
    if (literal !== '') parts.push(literal);
    return parts;
  }

  #findSpecial(escapes: boolean): number {
    if (!escapes) {
      const dollar = this.text.indexOf('$', this.at);
      return dollar < 0 || dollar > this.end ? this.end : dollar;
    }
    let at = this.at;
    while (at < this.end && this.text[at] !== '$' && this.text[at] !== '\\') at++;
    return at;
  }

  /**
   * A reference, or none if it is malformed: then it is text, and no error. What fails at the end of the text makes all
   * references around it fail too; none of them is tried again, or time would not be linear.
   */
  #attempt(): Maybe {
    if (this.#failures.get(this.at) === this.end) return undefined;
    const error = this.error;
    const reference = this.#reference();
    if (reference === undefined) this.error = error;
    return reference;
  }

  #or(): Maybe {
    return this.#joined('or', '|', () => this.#joined('and', '&', () => this.#not()));
  }

  #joined(kind: 'or' | 'and', symbol: string, operand: () => Maybe): Maybe {
    const operands: Expression[] = [];
    do {
      const next = operand();
      if (next === undefined) return undefined;
      operands.push(next);
    } while (this.#skipOnceOrTwice(symbol));
    return operands.length === 1 ? operands[0] : { kind, operands };
  }

  /** `|` and `||` are the same operator. */
  #skipOnceOrTwice(symbol: string): boolean {
    return this.skipSymbol(symbol) && (this.skip(symbol) || true);
  }

  /** Comparison binds tighter than `!` (W3C esi-lang section 5.1). */
  #not(): Maybe {
    let count = 0;
    while (this.skipSymbol('!')) count++;
    const operand = this.#comparison();
    if (operand === undefined || count === 0) return operand;
    const negated: Expression = { kind: 'not', operand };
    return count % 2 === 1 ? negated : { kind: 'not', operand: negated };
  }

  #comparison(): Maybe {
    const left = this.#sum();
    if (left === undefined) return undefined;
    const operator = this.#operator();
    if (operator === undefined) return left;
    const right = this.#sum();
    return right && { kind: 'compare', operator, left, right };
  }

  #operator(): Operator | undefined {
    this.skipSpace();
    const symbol = SYMBOLS.find((candidate) => this.skip(candidate));
    if (symbol !== undefined) return symbol;
    const from = this.at;
    const word = this.take(NAME);
    if (word !== undefined && WORDS.has(word)) return word as Operator;
    this.at = from;
    return undefined;
  }

  #sum(): Maybe {
    const first = this.#unary();
    if (first === undefined) return undefined;
    const rest: [Arithmetic, Expression][] = [];
    for (let operator = this.#arithmetic(); operator !== undefined; operator = this.#arithmetic()) {
      const operand = this.#unary();
      if (operand === undefined) return undefined;
      rest.push([operator, operand]);
    }
    return rest.length === 0 ? first : { kind: 'sum', first, rest };
  }

  #arithmetic(): Arithmetic | undefined {
    this.skipSpace();
    return (['+', '-', '*', '/', '%'] as const).find((operator) => this.skip(operator));
  }

  #unary(): Maybe {
    const negative = this.skipSymbol('-');
    const operand = this.nested(() => this.#primary());
    if (operand === undefined || !negative) return operand;
    if (operand.kind === 'literal' && typeof operand.value === 'number') {
      return { kind: 'literal', value: -operand.value };
    }
    return { kind: 'negative', operand };
  }

  #primary(): Maybe {
    this.skipSpace();
    const character = this.peek();
    switch (character) {
      case '$':
        return this.#reference();
      case "'":
      case '"':
        return this.#string(character);
      case '(': {
        this.at++;
        const inner = this.#or();
        return inner && this.expectSymbol(')') ? inner : undefined;
      }
      case '[':
        return this.#list();
      case '{':
        return this.#dictionary();
    }
    return character >= '0' && character <= '9' ? this.#number() : this.#word();
  }

  #word(): Maybe {
    const from = this.at;
    const word = this.take(NAME);
    if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
    this.at = from;
    return this.fail(word === undefined ? 'a value is missing' : 'a word without quotes');
  }

  #number(): Maybe {
    const text = this.take(NUMBER)!;
    if (/^(?:[A-Za-z0-9_]|\.\d)/.test(this.text.slice(this.at, this.at + 2))) {
      return this.fail('a number goes on with something else');
    }
    const value = Number(text);
    // Text reads as a number where one is wanted, and keeps all its digits.
    return { kind: 'literal', value: Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : text };
  }

  #string(quote: string): Maybe {
    const raw = quote === "'" && this.skip("'''");
    if (!raw) this.at++;
    const to = raw ? this.closingQuotes("'''") : this.closingQuote(quote);
    if (to < 0) return this.fail('a string without its closing quote');
    const outer = this.end;
    this.end = to;
    const parts = this.nested(() => this.#parts(!raw));
    this.end = outer;
    if (parts === undefined) return undefined;
    this.at = to + (raw ? 3 : 1);
    if (parts.length > 1 || typeof parts[0] === 'object') return { kind: 'text', parts };
    return { kind: 'literal', value: parts[0] ?? '' };
  }

  /** `$(NAME{key}|default)` or `$name(arguments)`, from its `$`. */
  #reference(): Maybe {
    const from = this.at;
    const reference = this.nested(() => {
      this.at++;
      if (this.skip('(')) return this.#variable();
      const name = this.take(NAME);
      if (name === undefined || !this.skip('(')) return this.fail('a $ that begins neither a variable nor a call');
      const args = this.#items(')');
      return args && { kind: 'call' as const, name, args };
    });
    if (reference === undefined) this.#failures.set(from, this.end);
    return reference;
  }

  #variable(): Maybe {
    const name = this.take(NAME);
    if (name === undefined) return this.fail('a variable without name');
    let key: Maybe;
    if (this.skip('{')) {
      key = this.#bare(BARE_KEY);
      if (key === undefined || !this.expect('}')) return undefined;
    }
    const hasDefault = this.skip('|');
    const fallback = hasDefault ? this.#bare(BARE_DEFAULT) : undefined;
    if ((hasDefault && fallback === undefined) || !this.expect(')')) return undefined;
    return { kind: 'variable', name, ...(key && { key }), ...(fallback && { default: fallback }) };
  }

  #bare(pattern: RegExp): Maybe {
    const character = this.peek();
    if (character === '$') return this.#reference();
    if (character === "'" || character === '"') return this.#string(character);
    const value = this.take(pattern);
    return value === undefined ? this.fail('a key is missing') : { kind: 'literal', value };
  }

  #list(): Maybe {
    this.at++;
    if (this.skipSymbol(']')) return { kind: 'list', items: [] };
    const from = this.#or();
    if (from === undefined) return undefined;
    if (this.skipSymbol('..')) {
      const to = this.#or();
      return to && this.expectSymbol(']') ? { kind: 'range', from, to } : undefined;
    }
    if (this.skipSymbol(']')) return { kind: 'list', items: [from] };
    if (!this.expectSymbol(',')) return undefined;
    const items = this.#items(']', false);
    return items && { kind: 'list', items: [from, ...items] };
  }

  #dictionary(): Maybe {
    this.at++;
    const entries: [Expression, Expression][] = [];
    if (this.skipSymbol('}')) return { kind: 'dictionary', entries };
    do {
      const key = this.#sum();
      const value = key && this.expectSymbol(':') ? this.#or() : undefined;
      if (key === undefined || value === undefined) return undefined;
      entries.push([key, value]);
    } while (this.skipSymbol(','));
    return this.expectSymbol('}') ? { kind: 'dictionary', entries } : undefined;
  }

  /** Expressions between commas, and what closes them. */
  #items(close: string, mayBeEmpty = true): Expression[] | undefined {
    const items: Expression[] = [];
    if (mayBeEmpty && this.skipSymbol(close)) return items;
    do {
      const item = this.#or();
      if (item === undefined) return undefined;
      items.push(item);
    } while (this.skipSymbol(','));
    return this.expectSymbol(close) ? items : undefined;
  }
}
