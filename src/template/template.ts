/** The markup language of a template; `none` is a body that is delivered as it is. */
export type Syntax = 'none' | 'html' | 'json';

/** What an include asks for: a URL reference (RFC 3986, relative to the including document) or an entity. */
export type Target = { readonly src: string } | { readonly type: string; readonly id: string };

/**
 * What stands in the place of an include that failed.
 * HTML knows `continue` (nothing) and its absence (the document fails); the others belong to JSON:
 * `null`, `ref` (leave `{"type","id"}`), `fail`.
 */
export type OnError = 'continue' | 'fail' | 'null' | 'ref';

/** One include directive. */
export interface Include {
  readonly kind: 'include';
  /** The language of the document that it stands in: what is inserted must be right there. */
  readonly syntax: 'html' | 'json';
  readonly target: Target;
  /** Tried when `target` fails; not fetched otherwise. */
  readonly alt?: Target;
  readonly onerror?: OnError;
  /** JSON text that stands in for a failed include. */
  readonly default?: string;
  /** CSS selector: only the matching parts of the fragment are inserted. */
  readonly select?: string;
}

/** A piece of a template: literal bytes, or something to be resolved when the template is delivered. */
export type Segment = Uint8Array | Include;

/** Something about the markup that its author should hear of; it never fails the page. */
export interface Warning {
  readonly code:
    | 'unknown-tag'
    | 'unsupported-tag'
    | 'unsupported-member'
    | 'missing-src'
    | 'stray-end-tag'
    | 'unclosed-tag'
    | 'invalid-directive'
    | 'nesting-too-deep';
  /** Offset in the document, in bytes. */
  readonly offset: number;
  readonly message: string;
}

/** A body compiled once, when it was stored, so that delivering it never parses. Plain data. */
export interface Template {
  readonly syntax: Syntax;
  readonly segments: readonly Segment[];
  readonly warnings: readonly Warning[];
}

/** Compiles a body while it arrives. */
export interface Compiler {
  readonly syntax: Syntax;
  readonly warnings: readonly Warning[];
  /** The segments that this chunk completes, in document order. The chunk must not be modified afterwards. */
  push(chunk: Uint8Array): readonly Segment[];
  /** The segments that the end of the document completes. */
  end(): readonly Segment[];
}

/** How many warnings a document keeps; the rest are counted by nobody, since one bad template repeats itself. */
export const MAX_WARNINGS = 32;
