import { join } from './bytes.ts';
import { includeOf, short, textOf } from './html-elements.ts';
import {
  BRANCHED,
  CONTAINERS,
  type Container,
  expressionIn,
  type Frame,
  IgnoredTags,
  instructionOf,
  merged,
  OPAQUE,
  type Warn,
} from './html-frames.ts';
import { OpenInclude } from './html-include.ts';
import { DOLLAR, expandable, isBlank } from './html-text.ts';
import type { Token } from './html-tokens.ts';
import { MAX_WARNINGS, type Segment, type Warning } from './template.ts';

type OpenTag = Extract<Token, { kind: 'open' }>;

/** An element in whose content nothing is interpreted; `depth` counts those of its name inside it. */
interface OpaqueElement {
  readonly name: string;
  readonly offset: number;
  readonly keep: boolean;
  depth: number;
}

/** How many elements may be open at once; a deeper one loses its tags, and its content stays. */
const MAX_DEPTH = 64;

/**
 * Turns tokens into segments. What is not inside an element leaves at once; an element leaves when it is complete.
 * Markup that makes no sense is a warning: its tags are stripped and its content stays, unless it can have no place.
 */
export class Builder {
  readonly warnings: Warning[] = [];
  #out: Segment[] = [];
  readonly #frames: Frame[] = [];
  /** Of the document itself; elements have their own. */
  readonly #ignored = new IgnoredTags();
  #opaque: OpaqueElement | undefined;
  /** Text of an expanding element from its first `$` on: an expression may stand across the pieces that it arrives in. */
  #pending: Uint8Array[] = [];
  #include: OpenInclude | undefined;

  /** The segments that these tokens complete. */
  add(tokens: readonly Token[]): readonly Segment[] {
    this.#out = [];
    for (const token of tokens) {
      if (token.kind === 'warning') this.#warn(token.warning.code, token.warning.offset, token.warning.message);
      else if (this.#opaque !== undefined) this.#inOpaque(token, this.#opaque);
      else if (token.kind === 'text') this.#text(token.bytes);
      else if (token.kind === 'open') this.#open(token);
      else if (token.kind === 'close') this.#close(token.name, token.offset);
    }
    return this.#out;
  }

  /** The segments that the end of the document completes: every element that is open ends with it. */
  end(): readonly Segment[] {
    this.#out = [];
    this.#endInclude();
    if (this.#opaque !== undefined) {
      const { name, offset, keep } = this.#opaque;
      const fate = keep ? 'verbatim' : 'dropped';
      this.#warn('unclosed-tag', offset, `<esi:${name}> without end tag: the rest of the document is ${fate}`);
    }
    while (this.#frames.length > 0) this.#closeTop(true);
    return this.#out;
  }

  get #top(): Frame | undefined {
    return this.#frames.at(-1);
  }

  #emit(segment: Segment): void {
    const holder = this.#frames.findLast((frame) => frame.body !== undefined);
    (holder?.body ?? this.#out).push(segment);
  }

  #text(bytes: Uint8Array): void {
    if (this.#include === undefined) {
      this.#content(bytes);
      return;
    }
    const told = this.#include.add(bytes);
    if (told === 'ended') this.#endInclude();
    else if (told === 'started') this.#startInclude(this.#include);
  }

  #content(bytes: Uint8Array): void {
    const top = this.#top;
    if (top === undefined) {
      this.#out.push(bytes);
    } else if (BRANCHED.has(top.name)) {
      if (!top.toldOfText && !isBlank(bytes)) {
        top.toldOfText = true;
        this.#warn('misplaced-tag', top.offset, `text directly in <esi:${top.name}> is dropped`);
      }
    } else if (!top.expands) {
      this.#emit(bytes);
    } else if (this.#pending.length > 0) {
      this.#pending.push(bytes);
    } else {
      const dollar = bytes.indexOf(DOLLAR);
      if (dollar !== 0) this.#emit(dollar < 0 ? bytes : bytes.subarray(0, dollar));
      if (dollar >= 0) this.#pending.push(bytes.subarray(dollar));
    }
  }

  /** Text up to here is complete: expressions in it can be told from text. */
  #flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = join(this.#pending);
    this.#pending = [];
    for (const segment of expandable(bytes)) this.#emit(segment);
  }

  #open(tag: OpenTag): void {
    if (tag.name === 'param' && this.#include !== undefined) {
      this.#param(tag, this.#include);
      return;
    }
    this.#endInclude();
    this.#flush();
    const container = CONTAINERS.get(tag.name);
    const top = this.#top;
    if (top !== undefined && BRANCHED.has(top.name) && container?.inside !== top.name) this.#dropBeside(tag, top);
    else if (OPAQUE.has(tag.name)) this.#openOpaque(tag, tag.name === 'text');
    else if (container !== undefined) this.#openContainer(tag, container);
    else this.#empty(tag);
  }

  /** What stands beside branches is dropped with all that it holds; a comment is at home everywhere. */
  #dropBeside(tag: OpenTag, { name }: Frame): void {
    if (!OPAQUE.has(tag.name) || tag.name === 'text')
      this.#warn('misplaced-tag', tag.offset, `<esi:${short(tag.name)}> directly in <esi:${name}> is dropped`);
    if (OPAQUE.has(tag.name) || CONTAINERS.has(tag.name)) this.#openOpaque(tag, false);
  }

  #openOpaque({ name, offset, selfClosing }: OpenTag, keep: boolean): void {
    if (!selfClosing) this.#opaque = { name, offset, keep, depth: 1 };
  }

  #openContainer(tag: OpenTag, { inside, expands }: Container): void {
    const { name, attributes, offset, selfClosing } = tag;
    const top = this.#top;
    const misplaced = inside !== undefined && top?.name !== inside;
    if (misplaced || this.#frames.length >= MAX_DEPTH) {
      if (misplaced) this.#warn('misplaced-tag', offset, `<esi:${name}> outside of <esi:${inside}>: its content stays`);
      else this.#warn('nesting-too-deep', offset, `<esi:${name}> inside ${MAX_DEPTH} elements: its content stays`);
      if (!selfClosing) (top?.ignored ?? this.#ignored).add(name);
      return;
    }
    this.#frames.push({
      name,
      attributes,
      offset,
      // What `vars` holds goes where the element stands, at once.
      body: name === 'vars' ? undefined : [],
      expands: expands || (top?.expands === true && name !== 'inline'),
      branches: [],
      ignored: new IgnoredTags(),
      toldOfText: false,
    });
    if (name === 'vars' && attributes.has('name')) {
      const expression = expressionIn(tag, 'name', this.#warn);
      if (expression !== undefined) this.#emit({ kind: 'print', expression });
    }
    if (selfClosing) this.#closeTop(false);
  }

  /** Elements without content. */
  #empty(tag: OpenTag): void {
    const { name, offset } = tag;
    switch (name) {
      case 'include':
      case 'eval':
        this.#openInclude(tag);
        break;
      case 'return':
        this.#return(tag);
        break;
      case 'break':
        if (this.#frames.findLast((frame) => ENDS_BREAK.has(frame.name))?.name === 'foreach')
          this.#emit({ kind: 'break' });
        else this.#warn('misplaced-tag', offset, '<esi:break> outside of <esi:foreach>');
        break;
      case 'param':
        this.#warn('misplaced-tag', offset, '<esi:param> outside of <esi:include>');
        break;
      default:
        this.#warn('unknown-tag', offset, `<esi:${short(name)}> is unknown: its content stays`);
    }
  }

  #return(tag: OpenTag): void {
    if (!this.#inside('function')) {
      this.#warn('misplaced-tag', tag.offset, '<esi:return> outside of <esi:function>');
      return;
    }
    const value = expressionIn(tag, 'value', this.#warn);
    if (value !== undefined) this.#emit({ kind: 'return', value });
  }

  #openInclude({ name, attributes, offset, selfClosing }: OpenTag): void {
    const include = includeOf(attributes, (message) => this.#warn('invalid-attribute', offset, message));
    if (include === undefined) {
      this.#warn('missing-src', offset, `<esi:${name}> without src`);
      return;
    }
    // With dca="esi" the fragment runs in variables of its own, which is what an include does.
    const complete = name === 'eval' && include.dca !== 'esi' ? { ...include, eval: true } : include;
    if (selfClosing) this.#emit(complete);
    else this.#include = new OpenInclude(complete);
  }

  #param({ attributes, offset }: OpenTag, include: OpenInclude): void {
    const name = attributes.get('name');
    if (include.started) this.#warn('misplaced-tag', offset, '<esi:param> after other content of its <esi:include>');
    else if (name === undefined || name === '') this.#warn('invalid-attribute', offset, '<esi:param> without name');
    else include.addParam(textOf(name), textOf(attributes.get('value') ?? ''));
  }

  #startInclude(include: OpenInclude): void {
    if (!include.started) this.#emit(include.start());
  }

  /** No end tag came: the include was an empty element, and what followed it is part of the page. */
  #endInclude(): void {
    const include = this.#include;
    if (include === undefined) return;
    this.#startInclude(include);
    this.#include = undefined;
    for (const bytes of include.text) this.#content(bytes);
  }

  #close(name: string, offset: number): void {
    if (name === 'param') return;
    if (name === 'include' || name === 'eval') {
      if (this.#include !== undefined) this.#startInclude(this.#include);
      this.#include = undefined;
      return;
    }
    this.#endInclude();
    this.#flush();
    for (const frame of this.#frames.toReversed()) {
      if (frame.ignored.take(name)) return;
      if (frame.name === name) {
        while (this.#top !== frame) this.#closeTop(true);
        this.#closeTop(false);
        return;
      }
    }
    if (!this.#ignored.take(name) && (CONTAINERS.has(name) || OPAQUE.has(name)))
      this.#warn('stray-end-tag', offset, `</esi:${name}> closes nothing`);
  }

  #inside(name: string): boolean {
    return this.#frames.some((frame) => frame.name === name);
  }

  /** An element is complete: it becomes a segment of what is around it, or a branch of that. */
  #closeTop(unclosed: boolean): void {
    this.#flush();
    const frame = this.#frames.pop()!;
    const { name, attributes, offset, body = [] } = frame;
    if (unclosed) this.#warn('unclosed-tag', offset, `<esi:${name}> without end tag ends with what is around it`);
    if (CONTAINERS.get(name)?.inside !== undefined) {
      const branches = this.#top?.branches;
      if (name !== 'when' && branches?.some((branch) => branch.name === name))
        this.#warn('misplaced-tag', offset, `a second <esi:${name}> is dropped`);
      branches?.push({ name, attributes, offset, body: merged(body) });
      return;
    }
    const instruction = instructionOf(frame, this.#warn);
    if (instruction !== undefined) this.#emit(instruction);
  }

  #inOpaque(token: Token, opaque: OpaqueElement): void {
    if (token.kind === 'open' && token.name === opaque.name && !token.selfClosing) opaque.depth++;
    else if (token.kind === 'close' && token.name === opaque.name && --opaque.depth === 0) {
      this.#opaque = undefined;
      return;
    }
    if (opaque.keep && token.kind !== 'warning') this.#emit(token.bytes);
  }

  readonly #warn: Warn = (code, offset, message) => {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push({ code, offset, message });
  };
}

/** The elements that a `break` may belong to: not to a loop around the function that it stands in. */
const ENDS_BREAK: ReadonlySet<string> = new Set(['foreach', 'function']);
