import type { ParseError } from './expression.ts';

/** How deep an expression may nest. */
export const MAX_EXPRESSION_DEPTH = 64;

export const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPACE = /[ \t\n\v\f\r]*/y;

/** A place in a text, and how to read on from it. A failure is `undefined`, and remembers the first reason. */
export class Scanner {
  protected readonly text: string;
  /** Where the string that is being read ends: its quote, for what stands in it. No token can cross a quote. */
  protected end: number;
  protected at = 0;
  protected error: ParseError | undefined;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
    this.end = text.length;
  }

  protected nested<T>(parse: () => T | undefined): T | undefined {
    if (this.#depth >= MAX_EXPRESSION_DEPTH) return this.fail(`nested more than ${MAX_EXPRESSION_DEPTH} deep`);
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }

  protected peek(): string {
    return this.at < this.end ? this.text[this.at]! : '';
  }

  protected skip(symbol: string): boolean {
    const found = this.at + symbol.length <= this.end && this.text.startsWith(symbol, this.at);
    if (found) this.at += symbol.length;
    return found;
  }

  /** The same after white space. */
  protected skipSymbol(symbol: string): boolean {
    this.skipSpace();
    return this.skip(symbol);
  }

  protected expect(symbol: string): boolean {
    const found = this.skip(symbol);
    if (!found) this.fail(`${symbol} is missing`);
    return found;
  }

  protected expectSymbol(symbol: string): boolean {
    this.skipSpace();
    return this.expect(symbol);
  }

  protected skipSpace(): void {
    this.take(SPACE);
  }

  protected take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  /** Where the quote stands that ends a string; -1 if nowhere. */
  protected closingQuote(quote: string): number {
    let to = this.at;
    while (to < this.end && this.text[to] !== quote) to += this.text[to] === '\\' ? 2 : 1;
    return to < this.end ? to : -1;
  }

  protected closingQuotes(quotes: string): number {
    const to = this.text.indexOf(quotes, this.at);
    return to + quotes.length <= this.end ? to : -1;
  }

  protected fail(message: string): undefined {
    this.error ??= { kind: 'error', offset: this.at, message };
    return undefined;
  }
}
