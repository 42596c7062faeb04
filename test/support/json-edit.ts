import {
  ANY,
  type Dict,
  type Item,
  idOf,
  type Member,
  memberOf,
  type Out,
  readJson,
  saidBy,
  type Tree,
} from './json-text.ts';

/** What the model does to trees: reads directives, keeps some members, puts members over others. */

export type Target = { readonly src: string } | { readonly type: string; readonly id: string };

/** A directive as the document wrote it, or one item of a list of them. */
export interface Directive {
  readonly target: Target;
  /** The id's token. */
  readonly ref?: string;
  readonly alt?: { readonly src: string } | { readonly type: string; readonly id?: string };
  readonly onerror?: string;
  readonly default?: string;
  readonly fields?: readonly (readonly string[])[];
  readonly depth?: number;
  readonly required: boolean;
  readonly overlay: readonly Member[];
}

/** A directive, a list of them (items that are none stay), or `undefined`: then the object stays. */
export type Read = Directive | { readonly items: readonly (Directive | Tree)[] } | undefined;

const KEY = '"esi:include"';

/** Whether an object of a document that opted in is replaced, and by what. */
export function readDirective({ members }: Dict): Read {
  const [own, ...more] = members.filter(({ key }) => key === KEY);
  if (own === undefined || more.length > 0 || own.tree.kind !== 'dict') return undefined;
  const options = optionsOf(own.tree);
  if (options === undefined) return undefined;
  const overlay = members.filter(({ key }) => key !== KEY);
  const { src, type, id, ids } = named(own.tree, ['src', 'type', 'id', 'ids']);
  if (src !== undefined) {
    const url = idOf(src);
    const alone = type === undefined && id === undefined && ids === undefined;
    return alone && isString(src) && url !== undefined ? { ...options, target: { src: url }, overlay } : undefined;
  }
  if (type === undefined || !isString(type) || (id === undefined) === (ids === undefined)) return undefined;
  const name = idOf(type);
  if (name === undefined) return undefined;
  const one = (given: Tree | undefined, over: readonly Member[]): Directive | undefined => {
    const identifier = idOf(given);
    if (identifier === undefined) return undefined;
    return { ...options, target: { type: name, id: identifier }, ref: textOf(given!), overlay: [...overlay, ...over] };
  };
  if (ids === undefined) return one(id, []);
  if (ids.kind !== 'list') return undefined;
  const items = ids.items.map(({ tree }) => {
    if (tree.kind !== 'dict') return one(tree, []) ?? tree;
    const over = tree.members.filter(({ key }) => saidBy(key) !== 'id');
    return one(memberOf(tree, 'id'), over) ?? tree;
  });
  return { items };
}

/** What a directive says beside its target; `undefined` if it says something wrong. */
function optionsOf(tree: Dict): Omit<Directive, 'target' | 'overlay'> | undefined {
  const { onerror, fields, alt, depth, required, default: otherwise } = named(tree, OPTIONS);
  if (onerror !== undefined && !['"fail"', '"null"', '"drop"', '"ref"'].includes(textOf(onerror))) return undefined;
  if (fields !== undefined && (fields.kind !== 'list' || !fields.items.every((item) => isString(item.tree))))
    return undefined;
  const other = alt === undefined ? undefined : altOf(alt, memberOf(tree, 'ids') !== undefined);
  if (alt !== undefined && other === undefined) return undefined;
  return {
    ...(onerror === undefined ? {} : { onerror: saidBy(textOf(onerror)) }),
    ...(fields === undefined ? {} : { fields: fields.items.map((item) => pathOf(saidBy(textOf(item.tree)))) }),
    ...(other === undefined ? {} : { alt: other }),
    ...(depth === undefined ? {} : { depth: Math.min(5, Number(textOf(depth))) }),
    ...(otherwise === undefined ? {} : { default: textOf(otherwise) }),
    required: required !== undefined && textOf(required) === 'true',
  };
}

const OPTIONS = ['onerror', 'fields', 'alt', 'depth', 'required', 'default'] as const;

function altOf(tree: Tree, list: boolean): Directive['alt'] {
  const src = memberOf(tree, 'src');
  const type = idOf(memberOf(tree, 'type'));
  const id = idOf(memberOf(tree, 'id'));
  if (src !== undefined) return isString(src) ? { src: saidBy(textOf(src)) } : undefined;
  if (type === undefined || (id === undefined && !list)) return undefined;
  return id === undefined ? { type } : { type, id };
}

function named<const Name extends string>(tree: Tree, names: readonly Name[]): { readonly [N in Name]?: Tree } {
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = memberOf(tree, name);
      return found === undefined ? [] : [[name, found]];
    }),
  ) as { readonly [N in Name]?: Tree };
}

function isString(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.text.startsWith('"');
}

function textOf(tree: Tree): string {
  return tree.kind === 'made' ? '' : tree.text;
}

function pathOf(name: string): string[] {
  if (!name.startsWith('/')) return [name];
  return name
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Keeps some members of an object, or of all objects of an array. */
export function project(tree: Tree, paths: readonly (readonly string[])[], runs: boolean): Tree {
  switch (tree.kind) {
    case 'scalar':
      return tree;
    case 'made':
      return { kind: 'made', make: () => reread(tree.make(), (made) => project(made, paths, false)) };
    case 'list':
      return { ...tree, items: tree.items.map((item) => ({ ...item, tree: project(item.tree, paths, runs) })) };
    case 'dict': {
      if (runs && readDirective(tree) !== undefined)
        return { ...tree, projections: [...(tree.projections ?? []), paths] };
      const members = tree.members.flatMap((member): Member[] => {
        const further = paths.filter(([first]) => first === saidBy(member.key)).map(([, ...rest]) => rest);
        if (further.length === 0) return [];
        if (further.some((rest) => rest.length === 0)) return [loose(member)];
        return [{ ...loose(member), tree: project(member.tree, further, runs) }];
      });
      return { ...tree, members, space: members.length === 0 ? ANY : '' };
    }
  }
}

function loose(member: Member): Member {
  return { ...member, lead: ANY, after: ANY };
}

/** Puts members over those of an object; `tree` itself if it is none. */
export function overlay(tree: Tree, over: readonly Member[]): Tree {
  if (tree.kind !== 'dict' || over.length === 0) return tree;
  const last = new Map(over.map((member) => [saidBy(member.key), member]));
  const members = tree.members.map((member) => {
    const value = last.get(saidBy(member.key))?.tree;
    return value === undefined ? member : { ...loose(member), before: ANY, tree: value };
  });
  const present = new Set(tree.members.map(({ key }) => saidBy(key)));
  for (const [name, member] of last)
    if (!present.has(name)) members.push({ ...loose(member), colon: ANY, before: ANY });
  return { ...tree, members: members.map((member, i) => (i >= tree.members.length - 1 ? loose(member) : member)) };
}

/** Output read again, changed, and printed. */
export function reread(out: Out, change: (tree: Tree) => Tree): Out {
  return typeof out !== 'string' ? out : print(change(readJson(out)!.tree));
}

/** A tree as text, nothing in it replaced. */
export function print(tree: Tree): string {
  switch (tree.kind) {
    case 'scalar':
      return tree.text;
    case 'made':
      return String(tree.make());
    case 'list':
      return `[${tree.space}${tree.items.map((item) => around(item, print(item.tree))).join(',')}]`;
    case 'dict':
      return `{${tree.space}${tree.members.map((member) => keyed(member, print(member.tree))).join(',')}}`;
  }
}

export function around({ before, after }: Item, text: string): string {
  return before + text + after;
}

export function keyed(member: Member, text: string, key = member.key): string {
  return `${member.lead}${key}${member.colon}:${around(member, text)}`;
}
