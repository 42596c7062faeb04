import { Builder } from './html-builder.ts';
import { Tokenizer } from './html-tokens.ts';
import type { Compiler } from './template.ts';

/** How an HTML or XML document is compiled. */
export interface HtmlOptions {
  /** A tag longer than this, in bytes, is text. 64 KiB by default. */
  readonly maxTagBytes?: number;
}

/**
 * Compiles HTML, XML or plain text with ESI elements (ESI.md), while it arrives: text leaves as views of the chunks,
 * and an include leaves as soon as its tag is complete. Malformed markup is a warning, never an exception.
 */
export function createHtmlCompiler(options: HtmlOptions = {}): Compiler {
  const tokenizer = new Tokenizer(options.maxTagBytes);
  const builder = new Builder();
  return {
    syntax: 'html',
    warnings: builder.warnings,
    push: (chunk) => builder.add(tokenizer.push(chunk)),
    end: () => [...builder.add(tokenizer.end()), ...builder.end()],
  };
}
