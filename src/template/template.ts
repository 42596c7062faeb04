import type { Expression } from './expression.ts';

/** The markup language of a template; `none` is a body that is delivered as it is. */
export type Syntax = 'none' | 'html' | 'json' | 'ndjson';

/** Text with expressions in it, parsed: expanded for every request. Plain text is a string. */
export type Text = string | readonly (string | Expression)[];

/** What an include asks for: a URL reference (RFC 3986, relative to the including document) or an entity. */
export type Target = { readonly src: Text } | EntityTarget;

/** An entity: the name of its definition, and its id, unless that is the visitor's own. */
export interface EntityTarget {
  readonly type: string;
  readonly id?: string;
}

/**
 * What stands in the place of an include that failed.
 * HTML knows `continue` (nothing) and its absence (the document fails); the others belong to JSON:
 * `null`, `ref` (leave `{"type","id"}`), `drop` (the element or member disappears), `fail`.
 */
export type OnError = 'continue' | 'fail' | 'null' | 'ref' | 'drop';

/** A member of a JSON object: its key as it is written, with quotes, and what that says; its value with white space around it. */
export interface Member {
  readonly key: string;
  readonly name: string;
  readonly value: readonly Segment[];
}

/** A change to the fields of a fragment's request; only privileged configurations apply it. */
export interface FieldChange {
  readonly change: 'remove' | 'set' | 'append';
  /** `Name: value`, or a name alone for `remove`. */
  readonly field: Text;
}

/** What is done with the result of a directive: it is narrowed to fields, or members are put over it. */
export type Change = readonly string[] | { readonly over: readonly Member[] };

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
  /** Whether the fragment's own directives run: in any case, or never. Absent: if it opts in. */
  readonly dca?: 'esi' | 'none';
  /** Ms after which it counts as failed. */
  readonly maxwait?: number;
  /** Ms of freshness in Inlay's cache, whatever the answer says. */
  readonly ttl?: number;
  /** Neither taken from the cache nor stored. */
  readonly noStore?: boolean;
  /** Only privileged configurations send anything but a GET without a body. */
  readonly method?: Text;
  readonly entity?: Text;
  readonly changes?: readonly FieldChange[];
  /** Query parameters to be added, percent-encoded. */
  readonly params?: readonly { readonly name: Text; readonly value: Text }[];
  /** Runs the fragment in the variables of this document, as `<esi:eval>` does. */
  readonly eval?: boolean;
  /** The JSON text of the entity's id, as it is written. */
  readonly ref?: string;
  /** JSON: the members of the result that are kept, by name or by JSON pointer (RFC 6901). */
  readonly fields?: readonly string[];
  /** JSON: what documents around it do with the result, in this order, after its own `fields` and `overlay`. */
  readonly within?: readonly Change[];
  /** JSON: members that are put over those of the result. */
  readonly overlay?: readonly Member[];
  /** JSON: its failure fails the page, whatever stands around it. */
  readonly required?: boolean;
  /** JSON: levels of directives that run inside the result. */
  readonly depth?: number;
  /** HTML: a JSON value, written so that it can stand in a `<script>`. */
  readonly as?: 'json';
}

/**
 * A JSON directive with `ids`: an array of entities. What is said of `each` is said once: an `alt` without id has the
 * item's, and the overlay of an item goes over that of each.
 */
export interface EntityList {
  readonly kind: 'list';
  readonly each: Omit<Include, 'target'>;
  readonly items: readonly ListItem[];
}

/** An entity of a list, or what stands there that is none. */
export type ListItem = ListedEntity | { readonly literal: readonly Segment[] };

/** An entity of a list. */
export interface ListedEntity {
  readonly target: EntityTarget;
  readonly ref: string;
  readonly overlay?: readonly Member[];
}

/**
 * A JSON array or object with a directive in it that may disappear: what opens and closes it, and what stands between
 * its commas.
 */
export interface Collection {
  readonly kind: 'collection';
  readonly open: Uint8Array;
  readonly items: readonly (readonly Segment[])[];
  readonly close: Uint8Array;
}

/** A place that `Inlay-Hydrate` or a route's `hydrate` names, and what stands there for a client that refuses it. */
export interface Hydration {
  readonly kind: 'hydration';
  readonly body: readonly Segment[];
  readonly refused: readonly Segment[];
}

/** The value of an expression, escaped for the document. */
export interface Print {
  readonly kind: 'print';
  readonly expression: Expression;
}

/** `<esi:choose>`: the first branch whose test is true, else `otherwise`. An absent test could not be parsed and is false. */
export interface Choose {
  readonly kind: 'choose';
  readonly branches: readonly {
    readonly test: Expression | undefined;
    readonly matchname?: string;
    readonly body: readonly Segment[];
  }[];
  readonly otherwise: readonly Segment[];
}

/** `<esi:try>`: `attempt`, or if an include in it fails, `except` instead. */
export interface Try {
  readonly kind: 'try';
  readonly attempt: readonly Segment[];
  readonly except: readonly Segment[];
}

/** `<esi:assign>`: `key` names a member of a list or dictionary. Content is text, `value` an expression. */
export interface Assign {
  readonly kind: 'assign';
  readonly name: string;
  readonly key?: Expression;
  readonly value: Expression | { readonly text: Text };
}

/** `<esi:foreach>`: its body once for each member. */
export interface Foreach {
  readonly kind: 'foreach';
  readonly collection: Expression;
  readonly item: string;
  readonly body: readonly Segment[];
}

/** `<esi:break/>`: ends the innermost `foreach`. */
export interface Break {
  readonly kind: 'break';
}

/** `<esi:function>`: what `$name(…)` calls. */
export interface FunctionDefinition {
  readonly kind: 'function';
  readonly name: string;
  readonly body: readonly Segment[];
}

/** `<esi:return>`: ends the function with a value. */
export interface Return {
  readonly kind: 'return';
  readonly value: Expression;
}

/** `<esi:inline>`: what a later include of that name inserts, on this page. */
export interface Inline {
  readonly kind: 'inline';
  readonly name: string;
  readonly body: readonly Segment[];
}

/** Something to be done when the template is delivered. */
export type Instruction =
  | Include
  | Print
  | Choose
  | Try
  | Assign
  | Foreach
  | Break
  | FunctionDefinition
  | Return
  | Inline
  | EntityList
  | Collection
  | Hydration;

/** A piece of a template: literal bytes, or an instruction. */
export type Segment = Uint8Array | Instruction;

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
    | 'nesting-too-deep'
    | 'misplaced-tag'
    | 'invalid-expression'
    | 'invalid-attribute'
    | 'invalid-hydrate';
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
