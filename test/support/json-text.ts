/**
 * JSON text read by a way of its own, for what foretells the gateway: one character a byte, every token and all white
 * space kept as written, so that printing a tree gives the text that it was read from.
 */
export type Tree = Scalar | List | Dict | Made;

export interface Scalar {
  readonly kind: 'scalar';
  readonly text: string;
}

export interface List {
  readonly kind: 'list';
  readonly text: string;
  readonly items: readonly Item[];
  /** White space of an empty one. */
  readonly space: string;
}

/** What documents around a directive do with its result: they narrow it to paths, or put members over it. */
export type Change = readonly (readonly string[])[] | { readonly over: readonly Member[] };

export interface Dict {
  readonly kind: 'dict';
  readonly text: string;
  readonly members: readonly Member[];
  readonly space: string;
  /** Names and pointers that the result of the directive in it is projected to, one list after another. */
  readonly projections?: readonly Change[];
}

/** What a value came to: text, or that it disappears, or that its document fails, or all of the page. */
export type Out = string | { readonly came: 'to nothing' | 'to grief' | 'to an end' };
export const DROP: Out = Object.freeze({ came: 'to nothing' });
export const FAIL: Out = Object.freeze({ came: 'to grief' });
export const END: Out = Object.freeze({ came: 'to an end' });

/** What stands beside one directive failed: that is a failure of the document that both stand in, wherever it was put. */
export function besides(): Out {
  return Object.freeze({ came: 'to grief' });
}

/** Whether an output is such a failure, of whichever directive. */
export function isBeside(out: Out): boolean {
  return typeof out !== 'string' && out !== DROP && out !== FAIL && out !== END;
}

/** Output that stands where a value of a tree was. */
export interface Made {
  readonly kind: 'made';
  readonly make: () => Out;
}

/** A value with the white space around it. */
export interface Item {
  readonly before: string;
  readonly tree: Tree;
  readonly after: string;
}

export interface Member extends Item {
  readonly lead: string;
  /** With its quotes. */
  readonly key: string;
  readonly colon: string;
}

export interface Text extends Item {
  readonly mark: string;
}

/** Stands in foretold text for white space that nobody promised; it never occurs in JSON. */
export const ANY = '\x01';
const MARK = '\xef\xbb\xbf';
const MAX_DEPTH = 512;
const SCALAR =
  /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n\x01]*/y;

/** The tree of a text of bytes; `undefined` if it is no JSON (RFC 8259), or nests deeper than {@link MAX_DEPTH}. */
export function readJson(text: string): Text | undefined {
  const mark = text.startsWith(MARK) ? MARK : '';
  try {
    const reader = new Reader(text, mark.length);
    const item = reader.item(0);
    return reader.at === text.length ? { mark, ...item } : undefined;
  } catch (error) {
    if (error instanceof NoJson) return undefined;
    throw error;
  }
}

class NoJson extends Error {}

class Reader {
  at: number;
  readonly #text: string;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  item(depth: number): Item {
    const before = this.#space();
    const tree = this.#tree(depth);
    return { before, tree, after: this.#space() };
  }

  #tree(depth: number): Tree {
    const start = this.at;
    const first = this.#text[start];
    if (first !== '{' && first !== '[') return { kind: 'scalar', text: this.#match(SCALAR) };
    if (depth === MAX_DEPTH) throw new NoJson();
    this.at++;
    const close = first === '{' ? '}' : ']';
    const space = this.#space();
    const items: Item[] = [];
    if (this.#text[this.at] !== close) {
      this.at -= space.length;
      do items.push(first === '{' ? this.#member(depth + 1) : this.item(depth + 1));
      while (this.#take(','));
    }
    if (!this.#take(close)) throw new NoJson();
    const text = this.#text.slice(start, this.at);
    const empty = items.length === 0 ? space : '';
    if (first === '[') return { kind: 'list', text, items, space: empty };
    return { kind: 'dict', text, members: items as Member[], space: empty };
  }

  #member(depth: number): Member {
    const lead = this.#space();
    if (this.#text[this.at] !== '"') throw new NoJson();
    const key = this.#match(SCALAR);
    const colon = this.#space();
    if (!this.#take(':')) throw new NoJson();
    return { lead, key, colon, ...this.item(depth) };
  }

  #take(character: string): boolean {
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  #space(): string {
    return this.#match(SPACE);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new NoJson();
    this.at += found.length;
    return found;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What a string token says. */
export function saidBy(token: string): string {
  return Buffer.from(token.slice(1, -1), 'latin1')
    .toString('utf8')
    .replace(/\\(?:u(....)|(.))/g, (_, code: string | undefined, letter: string) =>
      code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
    );
}

/** The id that a value is: a string that is not empty, or an integer as it is written. */
export function idOf(tree: Tree | undefined): string | undefined {
  if (tree?.kind !== 'scalar') return undefined;
  if (tree.text.startsWith('"')) return saidBy(tree.text) || undefined;
  return /^-?\d+$/.test(tree.text) ? tree.text : undefined;
}

/** The last member of that name, as most readers have it. */
export function memberOf(tree: Tree, name: string): Tree | undefined {
  if (tree.kind !== 'dict') return undefined;
  return tree.members.findLast(({ key }) => saidBy(key) === name)?.tree;
}

/** One character a byte. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Where a text departs from what was foretold, {@link ANY} standing for any white space; `undefined` if nowhere. */
export function departure(foretold: string, text: string): number | undefined {
  if (foretold === text) return undefined;
  let at = 0;
  for (const character of foretold.replace(/[ \t\r\n]*\x01[ \t\r\n\x01]*/g, ANY)) {
    if (character !== ANY) {
      if (character !== text[at++]) return at - 1;
    } else {
      while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
    }
  }
  return at === text.length ? undefined : at;
}
