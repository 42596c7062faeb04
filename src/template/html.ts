import { type Token, Tokenizer } from './html-tokens.ts';
import { type Compiler, type Include, MAX_WARNINGS, type Segment, type Warning } from './template.ts';

/** How an HTML or XML document is compiled. */
export interface HtmlOptions {
  /** A tag longer than this, in bytes, is text. 64 KiB by default. */
  readonly maxTagBytes?: number;
}

type OpenTag = Extract<Token, { kind: 'open' }>;

/** Elements of ESI that are not interpreted yet: their tags go, their content stays. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  'choose',
  'when',
  'otherwise',
  'try',
  'attempt',
  'except',
  'vars',
  'inline',
  'assign',
  'eval',
  'foreach',
  'break',
  'function',
  'return',
  'text',
  'debug',
  'param',
]);

/** How much text after an `<esi:include …>` without slash waits for an `</esi:include>` that would drop it, in bytes. */
const MAX_INCLUDE_CONTENT = 4_096;

/**
 * Compiles HTML, XML or plain text with ESI elements, while it arrives: text leaves as views of the chunks,
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

/** Turns tokens into segments. */
class Builder {
  readonly warnings: Warning[] = [];
  #segments: Segment[] = [];
  /** The `remove` or `comment` whose content is being dropped; `depth` counts those of its name inside it. */
  #dropped: { readonly name: string; readonly offset: number; depth: number } | undefined;
  /** Text since an include without slash: content to be dropped if its end tag comes, plain text if not. */
  #content: { readonly parts: Uint8Array[]; length: number } | undefined;

  add(tokens: readonly Token[]): readonly Segment[] {
    this.#segments = [];
    for (const token of tokens) {
      if (token.kind === 'warning') this.#warn(token.warning.code, token.warning.offset, token.warning.message);
      else if (this.#dropped !== undefined) this.#drop(token, this.#dropped);
      else if (token.kind === 'text') this.#text(token.bytes);
      else if (token.kind === 'open') this.#open(token);
      else if (token.kind === 'close') this.#close(token.name, token.offset);
    }
    return this.#segments;
  }

  end(): readonly Segment[] {
    this.#segments = [];
    this.#keepContent();
    if (this.#dropped !== undefined) {
      const { name, offset } = this.#dropped;
      this.#warn('unclosed-tag', offset, `<esi:${name}> without end tag: the rest of the document is dropped`);
    }
    return this.#segments;
  }

  #text(bytes: Uint8Array): void {
    const content = this.#content;
    if (content === undefined) {
      this.#segments.push(bytes);
      return;
    }
    content.parts.push(bytes);
    content.length += bytes.length;
    if (content.length > MAX_INCLUDE_CONTENT) this.#keepContent();
  }

  #open(tag: OpenTag): void {
    if (tag.name !== 'param') this.#keepContent();
    switch (tag.name) {
      case 'include':
        this.#include(tag);
        return;
      case 'remove':
      case 'comment':
        if (!tag.selfClosing) this.#dropped = { name: tag.name, offset: tag.offset, depth: 1 };
        return;
      default: {
        const known = UNSUPPORTED.has(tag.name);
        const message = `<esi:${short(tag.name)}> is ${known ? 'not supported' : 'unknown'}: its content stays`;
        this.#warn(known ? 'unsupported-tag' : 'unknown-tag', tag.offset, message);
      }
    }
  }

  #include(tag: OpenTag): void {
    const include = includeOf(tag.attributes);
    if (include === undefined) this.#warn('missing-src', tag.offset, '<esi:include> without src');
    else this.#segments.push(include);
    if (!tag.selfClosing) this.#content = { parts: [], length: 0 };
  }

  #close(name: string, offset: number): void {
    if (name === 'include') {
      this.#content = undefined;
      return;
    }
    this.#keepContent();
    if (name === 'remove' || name === 'comment') this.#warn('stray-end-tag', offset, `</esi:${name}> closes nothing`);
  }

  #drop(token: Token, dropped: { readonly name: string; depth: number }): void {
    if (token.kind === 'open' && token.name === dropped.name && !token.selfClosing) dropped.depth++;
    else if (token.kind === 'close' && token.name === dropped.name) {
      dropped.depth--;
      if (dropped.depth === 0) this.#dropped = undefined;
    }
  }

  /** No end tag: the include was an empty element, and what followed it is part of the page. */
  #keepContent(): void {
    if (this.#content === undefined) return;
    for (const part of this.#content.parts) this.#segments.push(part);
    this.#content = undefined;
  }

  #warn(code: Warning['code'], offset: number, message: string): void {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push({ code, offset, message });
  }
}

function includeOf(attributes: ReadonlyMap<string, string>): Include | undefined {
  const src = attributes.get('src');
  if (src === undefined || src.trim() === '') return undefined;
  const alt = attributes.get('alt');
  const select = attributes.get('select');
  return {
    kind: 'include',
    syntax: 'html',
    target: { src },
    ...(alt !== undefined && alt.trim() !== '' ? { alt: { src: alt } } : {}),
    ...(attributes.get('onerror') === 'continue' ? { onerror: 'continue' as const } : {}),
    ...(select !== undefined && select.trim() !== '' ? { select } : {}),
  };
}

/** A tag name is the document's: a warning must not carry 64 KiB of it into a log. */
function short(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}
