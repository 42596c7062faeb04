import { join } from './bytes.ts';
import type { Expression } from './expression.ts';
import { type Attributes, expressionOf } from './html-elements.ts';
import { decode } from './html-text.ts';
import type { Segment, Text, Try, Warning } from './template.ts';

/** Takes note of something that the markup's author should hear of. */
export type Warn = (code: Warning['code'], offset: number, message: string) => void;

/** What an element was opened with. */
export interface Opening {
  readonly name: string;
  readonly attributes: Attributes;
  /** Of its tag in the document, in bytes. */
  readonly offset: number;
}

/** A complete `when`, `otherwise`, `attempt` or `except`. */
export interface Branch extends Opening {
  readonly body: readonly Segment[];
}

/** An element that is open. */
export interface Frame extends Opening {
  /** Its content; absent where that goes to what is around the element. */
  readonly body: Segment[] | undefined;
  /** Whether `$(…)` in its text is expanded. */
  readonly expands: boolean;
  readonly branches: Branch[];
  readonly ignored: IgnoredTags;
  /** Whether its author was told that text directly in it is dropped. */
  toldOfText: boolean;
}

/** How elements with content are treated (ESI.md section 3). */
export interface Container {
  /** The element that it must stand in directly. */
  readonly inside?: 'choose' | 'try';
  readonly expands: boolean;
}

export const CONTAINERS: ReadonlyMap<string, Container> = new Map([
  ['choose', { expands: false }],
  ['when', { inside: 'choose', expands: true }],
  ['otherwise', { inside: 'choose', expands: true }],
  ['try', { expands: false }],
  ['attempt', { inside: 'try', expands: true }],
  ['except', { inside: 'try', expands: true }],
  ['vars', { expands: true }],
  ['foreach', { expands: true }],
  ['function', { expands: true }],
  ['assign', { expands: true }],
  ['inline', { expands: false }],
]);

/** Elements whose only content is branches; anything else directly in them is dropped. */
export const BRANCHED: ReadonlySet<string> = new Set(['choose', 'try']);

/** Elements in whose content nothing is interpreted: it is dropped, or with `text` kept as it is. */
export const OPAQUE: ReadonlySet<string> = new Set(['remove', 'comment', 'debug', 'text']);

/** Start tags that were ignored, by name: as many end tags are ignored too, and close nothing else. */
export class IgnoredTags {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Whether an end tag belongs to one of them. */
  take(name: string): boolean {
    const count = this.#counts.get(name) ?? 0;
    if (count > 0) this.#counts.set(name, count - 1);
    return count > 0;
  }
}

/** The content of an element, its literal bytes in as few pieces as there can be: the same however it arrived. */
export function merged(body: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  let literal: Uint8Array[] = [];
  const flush = (): void => {
    if (literal.length > 0) result.push(join(literal));
    literal = [];
  };
  for (const segment of body) {
    if (segment instanceof Uint8Array) literal.push(segment);
    else {
      flush();
      result.push(segment);
    }
  }
  flush();
  return result;
}

/** What a complete element does; `undefined` if that is nothing. Branches belong to what is around them, and are not asked for. */
export function instructionOf(frame: Frame, warn: Warn): Segment | undefined {
  const { name, branches } = frame;
  const body = merged(frame.body ?? []);
  switch (name) {
    case 'choose':
      return chooseOf(branches, warn);
    case 'try':
      return tryOf(branches);
    case 'foreach':
      return foreachOf(frame, body, warn);
    case 'assign':
      return assignOf(frame, body, warn);
    case 'function':
    case 'inline':
      return namedOf(name, frame, body, warn);
    default:
      return undefined;
  }
}

/** The expression of an attribute; an absent one is empty, which is none. */
export function expressionIn(
  { name, attributes, offset }: Opening,
  attribute: string,
  warn: Warn,
): Expression | undefined {
  const parsed = expressionOf(attributes.get(attribute) ?? '');
  if (!('problem' in parsed)) return parsed;
  warn('invalid-expression', offset, `${attribute} of <esi:${name}>: ${parsed.problem}`);
  return undefined;
}

function chooseOf(branches: readonly Branch[], warn: Warn): Segment {
  const whens = branches.filter(({ name }) => name === 'when');
  return {
    kind: 'choose',
    branches: whens.map((branch) => {
      const matchname = branch.attributes.get('matchname');
      return {
        test: expressionIn(branch, 'test', warn),
        body: branch.body,
        ...(matchname === undefined ? {} : { matchname }),
      };
    }),
    otherwise: bodyOf(branches, 'otherwise'),
  };
}

function tryOf(branches: readonly Branch[]): Try {
  return { kind: 'try', attempt: bodyOf(branches, 'attempt'), except: bodyOf(branches, 'except') };
}

function bodyOf(branches: readonly Branch[], wanted: string): readonly Segment[] {
  return branches.find(({ name }) => name === wanted)?.body ?? [];
}

function foreachOf(frame: Opening, body: readonly Segment[], warn: Warn): Segment | undefined {
  const collection = expressionIn(frame, 'collection', warn);
  return collection && { kind: 'foreach', collection, item: frame.attributes.get('item') || 'item', body };
}

function namedOf(
  kind: 'function' | 'inline',
  { attributes, offset }: Opening,
  body: readonly Segment[],
  warn: Warn,
): Segment | undefined {
  const name = attributes.get('name');
  if (name !== undefined && name !== '') return { kind, name, body };
  warn('invalid-attribute', offset, `<esi:${kind}> without name`);
  return undefined;
}

function assignOf(frame: Opening, body: readonly Segment[], warn: Warn): Segment | undefined {
  const target = /^([A-Za-z_]\w*)(?:\{(.*)\})?$/s.exec(frame.attributes.get('name') ?? '');
  if (target === null) {
    warn('invalid-attribute', frame.offset, '<esi:assign> without a name that can be assigned');
    return undefined;
  }
  const [, name = '', key] = target;
  const value = frame.attributes.has('value')
    ? expressionIn(frame, 'value', warn)
    : { text: contentOf(frame, body, warn) };
  return value && { kind: 'assign', name, value, ...(key === undefined ? {} : { key: keyOf(key) }) };
}

/** `name{key}`: what is no expression, such as a bare word, is the key itself (ESI.md section 4). */
function keyOf(text: string): Expression {
  const parsed = expressionOf(text);
  return 'problem' in parsed ? { kind: 'literal', value: text } : parsed;
}

/** The content of an `assign` is text with expansion; other elements have no place in it. */
function contentOf({ offset }: Opening, body: readonly Segment[], warn: Warn): Text {
  const parts: (string | Expression)[] = [];
  for (const segment of body) {
    if (segment instanceof Uint8Array) parts.push(decode(segment).text);
    else if (segment.kind === 'print') parts.push(segment.expression);
    else warn('misplaced-tag', offset, `<esi:assign> holds text only: <esi:${segment.kind}> in it is dropped`);
  }
  return parts.every((part) => typeof part === 'string') ? parts.join('') : parts;
}
