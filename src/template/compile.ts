import { createHtmlCompiler } from './html.ts';
import { createJsonCompiler, createJsonLinesCompiler } from './json.ts';
import type { Reading } from './json-reader.ts';
import type {
  Compiler,
  Include,
  Instruction,
  ListItem,
  Member,
  Segment,
  Syntax,
  Template,
  Warning,
} from './template.ts';

/** When directives of a response run: if the response opts in (`auto`), on every template type, or never. */
export type EsiMode = 'auto' | 'always' | 'off';

/** The media types that are compiled as markup. */
const MARKUP: ReadonlySet<string> = new Set([
  'text/html',
  'text/xml',
  'application/xml',
  'application/xhtml+xml',
  'text/plain',
]);

/** What decides whether a response is a template. */
export interface TemplateSigns {
  /** The value of Content-Type. */
  readonly contentType: string | undefined;
  /** Whether `Surrogate-Control: content=…` of the response names `ESI/1.0`. */
  readonly optedIn: boolean;
}

/**
 * The language that a response's body is compiled as. The client's request has no say in it: what runs directives is
 * the service's word or the operator's.
 */
export function syntaxOf({ contentType, optedIn }: TemplateSigns, mode: EsiMode): Syntax {
  if (mode === 'off' || (mode === 'auto' && !optedIn)) return 'none';
  const type = mediaTypeOf(contentType);
  return MARKUP.has(type) ? 'html' : jsonSyntaxOf(contentType);
}

/** The syntax of a JSON media type; `none` for any other. */
export function jsonSyntaxOf(contentType: string | undefined): 'json' | 'ndjson' | 'none' {
  const type = mediaTypeOf(contentType);
  if (LINES.has(type)) return 'ndjson';
  return type === 'application/json' || /^[^/\s]+\/[^/\s]+\+json$/.test(type) ? 'json' : 'none';
}

function mediaTypeOf(contentType: string | undefined): string {
  const [mediaType = ''] = (contentType ?? '').split(';', 1);
  return mediaType.trim().toLowerCase();
}

/** Media types of JSON documents that stand one a line. */
const LINES: ReadonlySet<string> = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);

/** A compiler for one body. */
export function compilerFor(syntax: Syntax, reading?: Reading): Compiler {
  switch (syntax) {
    case 'html':
      return createHtmlCompiler();
    case 'json':
      return createJsonCompiler(reading);
    case 'ndjson':
      return createJsonLinesCompiler(reading);
    case 'none':
      return {
        syntax,
        warnings: [],
        push: (chunk) => (chunk.length === 0 ? [] : [chunk]),
        end: () => [],
      };
  }
}

/** Compiles a whole body into a template that can be stored: see {@link templateOf}. */
export function compile(bytes: Uint8Array, syntax: Syntax): Template {
  const compiler = compilerFor(syntax);
  const segments = [...compiler.push(bytes), ...compiler.end()];
  return templateOf(syntax, segments, compiler.warnings);
}

/**
 * The template of segments that a compiler gave. All its literal bytes are copied into one buffer of exactly their size:
 * a stored template must not keep the network's pooled buffers alive, of which it may use a few bytes each.
 */
export function templateOf(syntax: Syntax, segments: readonly Segment[], warnings: readonly Warning[]): Template {
  let length = 0;
  eachLiteral(segments, (bytes) => {
    length += bytes.length;
  });
  const packer = new Packer(new Uint8Array(length));
  return { syntax, segments: packer.pack(segments), warnings: warnings.length === 0 ? NONE : [...warnings] };
}

/** Most templates have no warnings: one list for all of them. */
const NONE: readonly Warning[] = Object.freeze([]);

/** Visits the literal bytes of segments, those inside instructions too, in document order. */
export function eachLiteral(segments: readonly Segment[], visit: (bytes: Uint8Array) => void): void {
  for (const segment of segments) {
    if (segment instanceof Uint8Array) visit(segment);
    else for (const body of bodiesOf(segment)) eachLiteral(body, visit);
  }
}

/** The segments inside an instruction. */
function bodiesOf(segment: Instruction): readonly (readonly Segment[])[] {
  switch (segment.kind) {
    case 'include':
      return valuesOf(segment);
    case 'list':
      return [
        ...valuesOf(segment.each),
        ...segment.items.flatMap((item) => ('literal' in item ? [item.literal] : valuesOf(item))),
      ];
    case 'collection':
      return [[segment.open], ...segment.items, [segment.close]];
    case 'hydration':
      return [segment.body, segment.refused];
    case 'choose':
      return [...segment.branches.map(({ body }) => body), segment.otherwise];
    case 'try':
      return [segment.attempt, segment.except];
    case 'foreach':
    case 'function':
    case 'inline':
      return [segment.body];
    default:
      return [];
  }
}

function valuesOf({ overlay }: Pick<Include, 'overlay'>): readonly (readonly Segment[])[] {
  return overlay?.map(({ value }) => value) ?? [];
}

/** Moves literal bytes into one buffer; neighbours become one. */
class Packer {
  readonly #literals: Uint8Array;
  #to = 0;

  constructor(literals: Uint8Array) {
    this.#literals = literals;
  }

  pack(segments: readonly Segment[]): Segment[] {
    const packed: Segment[] = [];
    let from = this.#to;
    const flush = (): void => {
      if (from < this.#to) packed.push(this.#literals.subarray(from, this.#to));
      from = this.#to;
    };
    for (const segment of segments) {
      if (segment instanceof Uint8Array) {
        this.#literals.set(segment, this.#to);
        this.#to += segment.length;
      } else {
        flush();
        packed.push(this.#instruction(segment));
        from = this.#to;
      }
    }
    flush();
    return packed.slice(); // exactly as long as it is: a list that grew has room to spare
  }

  #instruction(segment: Instruction): Instruction {
    switch (segment.kind) {
      case 'include':
        return segment.overlay === undefined ? segment : { ...segment, overlay: this.#overlay(segment.overlay) };
      case 'list': {
        const { overlay } = segment.each;
        const each = overlay === undefined ? segment.each : { ...segment.each, overlay: this.#overlay(overlay) };
        return { ...segment, each, items: segment.items.map((item) => this.#item(item)) };
      }
      case 'collection': {
        const open = this.#literal(segment.open);
        const items = segment.items.map((item) => this.pack(item));
        return { ...segment, open, items, close: this.#literal(segment.close) };
      }
      case 'hydration':
        return { ...segment, body: this.pack(segment.body), refused: this.pack(segment.refused) };
      case 'choose':
        return {
          ...segment,
          branches: segment.branches.map((branch) => ({ ...branch, body: this.pack(branch.body) })),
          otherwise: this.pack(segment.otherwise),
        };
      case 'try':
        return { ...segment, attempt: this.pack(segment.attempt), except: this.pack(segment.except) };
      case 'foreach':
      case 'function':
      case 'inline':
        return { ...segment, body: this.pack(segment.body) };
      default:
        return segment;
    }
  }

  #literal(bytes: Uint8Array): Uint8Array {
    const from = this.#to;
    this.#literals.set(bytes, from);
    this.#to += bytes.length;
    return this.#literals.subarray(from, this.#to);
  }

  #overlay(members: readonly Member[]): readonly Member[] {
    return members.map((member) => ({ ...member, value: this.pack(member.value) }));
  }

  #item(item: ListItem): ListItem {
    if ('literal' in item) return { literal: this.pack(item.literal) };
    return item.overlay === undefined ? item : { ...item, overlay: this.#overlay(item.overlay) };
  }
}
