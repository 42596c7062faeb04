import { isUtf8 } from 'node:buffer';
import { around, type Directive, keyed, overlay, project, readDirective, type Target } from './json-edit.ts';
import { entityName } from './json-services.ts';
import {
  ANY,
  besides,
  bytesOf,
  type Dict,
  DROP,
  END,
  FAIL,
  isBeside,
  type List,
  type Member,
  type Out,
  readJson,
  type Tree,
} from './json-text.ts';
import { KINDS, type Kind, type World } from './json-world.ts';

/** What the gateway must make of a JSON page, by rules of its own: one character a byte, and no cache. */

/** A document whose directives run. */
export interface Place {
  /** Levels of directives that still run. */
  readonly left: number;
  /** What it stands in, and itself. */
  readonly within: readonly string[];
  /** Whether it opted in. */
  readonly runs: boolean;
}

/** An answer that may be inserted. */
interface Found {
  readonly name: string;
  readonly tree: Tree;
  readonly runs: boolean;
}

/** Levels inside the result of a directive that does not say. */
const LEVELS = 2;

export class Model {
  /** Names of all that is asked for. */
  asked = new Set<string>();
  /** Names of what is asked for, though perhaps not all of it: there turned out to be no place for it. */
  readonly unplaced = new Set<string>();
  /** A document failed: what was asked for inside it depends on who was faster. */
  failures = 0;
  /** What is less than it should be. */
  standIns = 0;
  /** Ids and sources of all directives that ran. */
  ids = 0;
  sources = 0;
  readonly #world: World;
  readonly #failed: ReadonlySet<string>;
  readonly #stale: ReadonlySet<string>;

  /**
   * @param failed ids whose batch failed as a whole, as it turned out: who is in one batch is not foretold
   * @param stale entities of which there is a copy
   */
  constructor(world: World, failed: ReadonlySet<string>, stale: ReadonlySet<string>) {
    this.#stale = stale;
    this.#world = world;
    this.#failed = failed;
  }

  /**
   * The text of a page, or of a line of it; `FAIL` if there is none.
   *
   * @param runs whether it opted in
   * @param named what stands where a field of the response says that there are ids
   */
  page(text: string, runs: boolean, named: (tree: Tree, place: Place) => Tree = (tree) => tree): Out {
    const read = readJson(text);
    if (read === undefined) return text;
    const place: Place = { left: Number.POSITIVE_INFINITY, within: [], runs };
    const out = this.value(named(read.tree, place), place);
    if (out === FAIL || out === END) return FAIL;
    return read.mark + around(read, typeof out === 'string' ? out : 'null');
  }

  value(tree: Tree, place: Place): Out {
    switch (tree.kind) {
      case 'scalar':
        return tree.text;
      case 'made':
        return tree.make();
      case 'list':
        return this.#list(tree, place);
      case 'dict':
        return this.#dict(tree, place);
    }
  }

  #list({ items, space }: List, place: Place): Out {
    const outs = items.map((item) => ({ item, out: this.value(item.tree, place) }));
    const kept = outs.flatMap(({ item, out }) => (typeof out === 'string' ? around(item, out) : []));
    return this.#collection(
      '[',
      ']',
      space,
      outs.map(({ out }) => out),
      kept,
    );
  }

  #dict(tree: Dict, place: Place): Out {
    const read = place.runs ? readDirective(tree) : undefined;
    if (read !== undefined) {
      const { projections = [] } = tree;
      if (!('items' in read)) return this.run(read, projections, place);
      const outs = read.items.map((item) =>
        'kind' in item ? this.value(item, place) : this.run(item, projections, place),
      );
      return this.#collection(
        '[',
        ']',
        ANY,
        outs,
        outs.flatMap((out) => (typeof out === 'string' ? ANY + out + ANY : [])),
      );
    }
    if (place.runs && tree.members.some(({ key }) => key === '"esi:include"'))
      return this.#dict(tree, { ...place, runs: false });
    const outs = tree.members.map((member) => ({ member, out: this.value(member.tree, place) }));
    const kept = outs.flatMap(({ member, out }) =>
      typeof out === 'string' ? keyed(member, out, place.runs ? unescaped(member.key) : member.key) : [],
    );
    return this.#collection(
      '{',
      '}',
      tree.space,
      outs.map(({ out }) => out),
      kept,
    );
  }

  #collection(open: string, close: string, space: string, outs: readonly Out[], kept: readonly string[]): Out {
    if (outs.includes(END)) return END;
    const beside = outs.find(isBeside);
    if (beside !== undefined) return beside;
    if (outs.includes(FAIL)) return FAIL;
    if (kept.length === outs.length) return open + space + kept.join(',') + close;
    return open + ANY + kept.join(`${ANY},${ANY}`) + ANY + close;
  }

  /** What a directive comes to; `projections` are those of the documents around it. */
  run(written: Directive, projections: Dict['projections'] & {}, place: Place): Out {
    const own = besides();
    const out = this.#run(written, projections, place, own);
    return out === own ? FAIL : out;
  }

  #run(written: Directive, projections: Dict['projections'] & {}, place: Place, own: Out): Out {
    if ('src' in written.target) this.sources++;
    else this.ids++;
    // What is put over the result is asked for with it, whether there will be a place for it or not.
    const directive = { ...written, overlay: written.overlay.map((member) => this.#begun(member, place, own)) };
    const { target, alt, required } = directive;
    const name = nameOf(target);
    if (place.left <= 0 || (name !== undefined && place.within.includes(name)))
      return directive.onerror === 'drop' ? DROP : this.#over(refOf(directive), directive, projections, place);
    const tried = alt === undefined ? [target] : [target, altTarget(target, alt)];
    for (const one of tried) {
      if (one !== target && 'src' in one) this.sources++;
      const found = this.#ask(one, place);
      const out = found === undefined ? FAIL : this.#deliver(found, directive, projections, place);
      if (out !== FAIL) return out;
      this.failures++;
    }
    const copy = name === undefined || !this.#stale.has(name) ? undefined : this.#found(target, name);
    const stale = copy === undefined ? FAIL : this.#deliver(copy, directive, projections, place);
    this.standIns++;
    if (stale !== FAIL) return stale;
    return required ? END : this.#standIn(directive, projections, place);
  }

  #standIn(directive: Directive, projections: Dict['projections'] & {}, place: Place): Out {
    const { onerror, target } = directive;
    if (directive.default !== undefined) return this.#over(directive.default, directive, projections, place);
    const fallback = nameOf(target) === undefined ? undefined : kindOf(target)?.fallback;
    if (fallback !== undefined && onerror === undefined && readJson(fallback) !== undefined)
      return this.#over(fallback, directive, projections, place);
    if (onerror === 'fail') return FAIL;
    if (onerror === 'drop') return DROP;
    return onerror === 'null' ? 'null' : this.#over(refOf(directive), directive, projections, place);
  }

  /** A stand-in, its overlay put over it. */
  #over(text: string, directive: Directive, projections: Dict['projections'] & {}, place: Place): Out {
    let { tree } = readJson(text)!;
    for (const change of [{ over: directive.overlay }, ...projections])
      if ('over' in change) tree = overlay(tree, change.over);
    const out = this.value(tree, { ...place, runs: false });
    return typeof out === 'string' ? ANY + out + ANY : out;
  }

  #deliver(found: Found, directive: Directive, projections: Dict['projections'] & {}, place: Place): Out {
    const inner: Place = {
      left: Math.min(
        directive.depth ?? (place.left === Number.POSITIVE_INFINITY ? LEVELS : place.left),
        place.left - 1,
      ),
      within: [...place.within, found.name],
      runs: found.runs,
    };
    const { fields } = directive;
    let tree = fields === undefined ? found.tree : project(found.tree, fields, found.runs);
    for (const change of [{ over: directive.overlay }, ...projections])
      tree = 'over' in change ? this.#laid(tree, change.over, found.runs) : project(tree, change, found.runs);
    const out = this.value(tree, inner);
    return typeof out === 'string' ? ANY + out + ANY : out === DROP ? 'null' : out;
  }

  /** The result of a directive that is all of the entity is no object yet: it is overlaid when it is. */
  #laid(tree: Tree, over: readonly Member[], runs: boolean): Tree {
    if (!runs || tree.kind !== 'dict' || readDirective(tree) === undefined) return overlay(tree, over);
    return { ...tree, projections: [...(tree.projections ?? []), { over }] };
  }

  /** A member of an overlay: its value belongs to the document that the directive stands in. */
  #begun(member: Member, place: Place, beside: Out): Member {
    const { asked, standIns } = this;
    this.asked = new Set();
    const out = this.value(member.tree, place);
    const own = { asked: this.asked, standIns: this.standIns - standIns };
    this.asked = asked;
    this.standIns = standIns;
    for (const name of own.asked) this.unplaced.add(name);
    const make = (): Out => {
      for (const name of own.asked) this.asked.add(name);
      this.standIns += own.standIns;
      return out === FAIL ? beside : out;
    };
    return { ...member, tree: { kind: 'made', make } };
  }

  #ask(target: Target, { within }: Place): Found | undefined {
    const name = nameOf(target);
    if (name === undefined || within.includes(name)) return undefined;
    this.asked.add(name);
    const kind = kindOf(target);
    const down = kind !== undefined && this.#world.temper(kind.name).down !== undefined;
    return down || this.#failed.has(name) ? undefined : this.#found(target, name);
  }

  /** What its service knows of a target, if that may be inserted. */
  #found(target: Target, name: string): Found | undefined {
    const kind = kindOf(target);
    const known =
      kind === undefined ? this.#world.fragment(name) : this.#world.entity(...(JSON.parse(name) as [string, string]));
    if (known.is !== 'json' && known.is !== 'html') return undefined;
    const text = bytesOf(known.text);
    const read = isUtf8(Buffer.from(text, 'latin1')) ? readJson(text) : undefined;
    if (read === undefined) return undefined;
    return { name, tree: read.tree, runs: known.is === 'json' && this.#world.temper(kind?.name ?? name).optsIn };
  }
}

/** Another type alone stands for the same id of that type. */
function altTarget(target: Target, alt: NonNullable<Directive['alt']>): Target {
  if ('src' in alt) return alt;
  return { type: alt.type, id: alt.id ?? ('id' in target ? target.id : '') };
}

const ESCAPED = /^"esi:(?:esi:)+include"$/;

function unescaped(key: string): string {
  return ESCAPED.test(key) ? `"${key.slice(5)}` : key;
}

function refOf({ target, ref }: Directive): string {
  return 'src' in target
    ? 'null'
    : `{${ANY}"type"${ANY}:${ANY}${JSON.stringify(target.type)}${ANY},${ANY}"id"${ANY}:${ANY}${ref}${ANY}}`;
}

function kindOf(target: Target): Kind | undefined {
  if (!('src' in target)) return KINDS.find(({ name }) => name === target.type);
  return KINDS.find(({ path }) => target.src.startsWith(path.split('{', 1)[0]!));
}

/** The name under which a target is asked for; `undefined` if nobody can be asked. */
function nameOf(target: Target): string | undefined {
  const kind = kindOf(target);
  if ('src' in target)
    return kind === undefined
      ? target.src
      : entityName(kind.name, decodeURIComponent(target.src.slice(kind.path.indexOf('{'))));
  const { id } = target;
  return kind === undefined || id === '.' || id === '..' || !id.isWellFormed() ? undefined : entityName(kind.name, id);
}
