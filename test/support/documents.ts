/**
 * Random pages whose bytes a test can foretell: what stands in them, how it is written down, and what a visitor must get.
 */
import { foretell } from './foretell.ts';
import type { Answer, Received } from './origin.ts';

/** A document as it was drawn: a page, or what an include brings. */
export interface Sketch {
  readonly type: 'html' | 'json';
  /** Index of the fields that its service sends. */
  readonly manner: number;
  readonly body: readonly Construct[];
}

/** What can stand in a document; in JSON only texts and includes do. */
export type Construct =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'query' | 'visitor' }
  | { readonly is: 'include' | 'alt' | 'eval'; readonly of: Sketch }
  | { readonly is: 'choose'; readonly by: 'query' | 'group'; readonly first: Body; readonly otherwise: Body }
  | { readonly is: 'try'; readonly attempt: Body; readonly except: Body }
  | { readonly is: 'foreach'; readonly rounds: number; readonly body: Body }
  | { readonly is: 'inline'; readonly body: Body };

type Body = readonly Construct[];

/** A document at its service. */
export interface Part {
  readonly id: number;
  readonly sketch: Sketch;
  version: number;
  /** What its service does in place of answering. */
  failing: Answer | undefined;
  /** Targets that it was asked for by. */
  readonly targets: Set<string>;
  /** What must have happened before it answers. */
  held: Promise<void> | undefined;
}

/** Who asks, and what: all that the bytes of a page depend on, beside its parts. */
export interface Asker {
  readonly query: 'a' | 'b';
  readonly group: 'a' | 'b';
  readonly visitor: string;
}

/** What an asker must get. */
export interface Foretold {
  /** `undefined`: the page fails. */
  readonly text: string | undefined;
  /** Parts that are in it, and how many includes that takes. */
  readonly used: ReadonlySet<Part>;
  readonly includes: number;
}

const FIELDS: readonly ((tag: string, version: number) => Readonly<Record<string, string>>)[] = [
  () => ({ 'cache-control': 'max-age=600' }),
  (etag) => ({ 'cache-control': 'public, max-age=600', etag }),
  (_, version) => ({
    'cache-control': 'max-age=600',
    'last-modified': new Date(1_700_000_000_000 + version * 1_000).toUTCString(),
  }),
  (etag) => ({ 'surrogate-control': 'max-age=600', 'cache-control': 'max-age=60', etag: `W/${etag}` }),
];

/** Number of ways in which services speak. */
export const MANNERS_OF_PARTS = FIELDS.length;

const ESI = 'content="ESI/1.0"';

/** The documents of one page, each under a path of its own. */
export class World {
  readonly path: string;
  readonly parts: Part[] = [];
  readonly #parts = new Map<Sketch, Part>();
  readonly #page: Part;
  readonly #inlines: Construct[] = [];
  /** Failed includes leave holes. */
  readonly #forgiving: boolean;

  /** @param folder begins with a slash; nothing else stands there */
  constructor(page: Sketch, folder: string, forgiving: boolean) {
    this.path = folder;
    this.#forgiving = forgiving;
    this.#page = this.#plant(page);
  }

  /** Gives every document below this one its number, so that its markup is the same whenever it is asked for. */
  #plant(sketch: Sketch): Part {
    const part = this.#part(sketch);
    const below = (body: Body): void => {
      for (const one of body) {
        if (one.is === 'inline') this.#inlines.push(one);
        if ('of' in one) this.#plant(one.of);
        if ('body' in one) below(one.body);
        if (one.is === 'choose') below([...one.first, ...one.otherwise]);
        if (one.is === 'try') below([...one.attempt, ...one.except]);
      }
    };
    below(sketch.body);
    return part;
  }

  target({ query }: Asker): string {
    return `${this.path}/0?q=${query}`;
  }

  /** What the service answers; documents that are not there may be remembered as such. */
  answer(request: Received): Answer | Promise<Answer> {
    const target = request.target;
    const [path, query = ''] = target.split('?') as [string, string?];
    const part = this.parts[Number(path.slice(this.path.length + 1))];
    if (part === undefined) return { status: 404, headers: { 'cache-control': 'max-age=600' } };
    part.targets.add(target);
    const answer = part.failing ?? this.#whole(part, part === this.#page ? '' : query, request);
    return part.held === undefined ? answer : part.held.then(() => answer);
  }

  /** What this asker must get now. */
  foretell(asker: Asker): Foretold {
    return foretell(this.#page, asker, this.#forgiving, (sketch) => this.#part(sketch));
  }

  #part(sketch: Sketch): Part {
    const known = this.#parts.get(sketch);
    if (known !== undefined) return known;
    const part: Part = {
      id: this.parts.length,
      sketch,
      version: 1,
      failing: undefined,
      targets: new Set(),
      held: undefined,
    };
    this.parts.push(part);
    this.#parts.set(sketch, part);
    return part;
  }

  #whole(part: Part, query: string, request: Received): Answer {
    const { id, version, sketch } = part;
    const { type, body, manner } = sketch;
    const said = FIELDS[manner]!(`"${id}.${version}"`, version);
    const headers: Record<string, string> = {
      ...said,
      'content-type': type === 'html' ? 'text/html; charset=utf-8' : 'application/json',
      'surrogate-key': this.tagOf(part),
    };
    const isTemplate = body.some(({ is }) => is !== 'text') || part === this.#page;
    if (isTemplate) headers['surrogate-control'] = [said['surrogate-control'], ESI].filter(Boolean).join(', ');
    const asked = request.field('if-none-match') ?? request.field('if-modified-since');
    if (asked !== undefined && (asked === said.etag || asked === said['last-modified']))
      return { status: 304, headers };
    const words = `${id}.${version}${query}`;
    if (type === 'html') return { headers, body: `[${words}]${this.#markup(body, [])}` };
    const members = body.map((one, i) => `,"m${i}":${one.is === 'text' ? one.text : this.#directive(one)}`);
    return { headers, body: `{"words":"${words}"${members.join('')}}` };
  }

  /** The tag that purges a part. */
  tagOf({ id }: Part): string {
    return `${this.path}#${id}`;
  }

  #directive(one: Construct): string {
    if (!('of' in one)) throw new Error(`no ${one.is} in JSON`);
    const src = `${this.path}/${this.#part(one.of).id}`;
    const target = one.is === 'alt' ? { src: `${this.path}/none`, alt: { src } } : { src };
    return JSON.stringify({ 'esi:include': { ...target, depth: 5 } });
  }

  #markup(body: Body, loop: readonly string[]): string {
    return body.map((one) => this.#construct(one, loop)).join('');
  }

  #construct(one: Construct, loop: readonly string[]): string {
    const inside = (body: Body, further = loop) => this.#markup(body, further);
    switch (one.is) {
      case 'text':
        return one.text;
      case 'query':
        return '<esi:vars>$(QUERY_STRING{q})</esi:vars>';
      case 'visitor':
        return '<esi:vars>$(HTTP_COOKIE{visitor})</esi:vars>';
      case 'choose': {
        const test = `$(${one.by === 'query' ? 'QUERY_STRING{q}' : 'HTTP_COOKIE{group}'}) == 'a'`;
        return `<esi:choose><esi:when test="${test}">${inside(one.first)}</esi:when><esi:otherwise>${inside(one.otherwise)}</esi:otherwise></esi:choose>`;
      }
      case 'foreach': {
        const item = `i${loop.length}`;
        return `<esi:foreach collection="[1..${one.rounds}]" item="${item}">${inside(one.body, [...loop, item])}</esi:foreach>`;
      }
      case 'try':
        return `<esi:try><esi:attempt>${inside(one.attempt)}</esi:attempt><esi:except>${inside(one.except)}</esi:except></esi:try>`;
      case 'inline': {
        if (loop.length > 0) return inside(one.body);
        const name = `/inline${this.#inlines.indexOf(one)}`;
        return `<esi:inline name="${name}">${inside(one.body)}</esi:inline><esi:include src="${name}"/>`;
      }
      default:
        return this.#include(one, loop);
    }
  }

  #include(one: Extract<Construct, { of: Sketch }>, loop: readonly string[]): string {
    const query = loop.length === 0 ? '' : `?n=${loop.map((item) => `$(${item})`).join('')}`;
    const src = `${this.path}/${this.#part(one.of).id}${query}`;
    if (one.is === 'eval') return `<esi:eval src="${src}"/>`;
    return one.is === 'alt' ? `<esi:include src="${this.path}/none" alt="${src}"/>` : `<esi:include src="${src}"/>`;
  }
}
