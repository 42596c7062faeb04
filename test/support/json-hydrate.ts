import type { Model, Place } from './json-model.ts';
import { IDS, idToken, type Manner, member, scalar, spread, TYPES, value } from './json-random.ts';
import { ANY, DROP, idOf, type Member, saidBy, type Tree } from './json-text.ts';
import type { Random } from './random.ts';

/** `Inlay-Hydrate`: documents that just return ids, rules that say where, and what comes of them. */

export interface Rule {
  readonly path: readonly string[];
  readonly type: string;
  readonly as?: string;
  readonly onerror?: string;
  readonly fields?: readonly string[];
  readonly required?: boolean;
  readonly depth?: number;
}

/** A document, the field that comes with it, and the rules of the field that mean something. */
export interface Named {
  readonly text: string;
  readonly field: string;
  readonly rules: readonly Rule[];
}

/** A document with ids in it, and a field that names where they are. */
export function namedDocument(manner: Manner): Named {
  const { random } = manner;
  const ids = (most: number): string[] => Array.from({ length: random.below(most + 1) }, () => anId(random));
  const hit = (): string => {
    const parts = [
      member('"p"', anId(random), random),
      member(random.pick(['"q"', '"product"']), scalar(random), random),
    ];
    if (random.chance(0.3)) parts.reverse();
    return random.chance(0.1) ? scalar(random) : `{${spread(parts, random)}}`;
  };
  const parts = [
    member('"hits"', `[${spread(Array.from({ length: random.below(4) }, hit), random)}]`, random),
    member('"ids"', random.chance(0.1) ? anId(random) : `[${spread(ids(4), random)}]`, random),
    member('"one"', anId(random), random),
    member(
      '"m"',
      `{${spread(
        ids(3).map((id, i) => member(`"k${i}"`, id, random)),
        random,
      )}}`,
      random,
    ),
    member('"more"', value(manner, 3), random),
  ];
  const all = [
    rule(['hits', '*', 'p'], random, random.chance(0.6) ? random.pick(['product', 'new']) : undefined),
    rule(random.chance(0.5) ? ['ids'] : ['ids', '*'], random),
    rule(['one'], random, random.chance(0.4) ? 'as/is' : undefined),
    rule(['m', '*'], random),
    rule(['nothing', '*', 'here'], random),
  ];
  const rules = all.filter(() => random.chance(0.6));
  const said = rules.map((one) => printed(one, random));
  if (random.chance(0.1))
    said.push(random.pick(['"/one/x";type=nothing', '"more";type=item', '"/ids/*";type=item;as="x"', '"/more"']));
  const broken = random.chance(0.04);
  const field = said.join(', ') + (broken ? random.pick([', "/a";type=', '"', ';;', ', (']) : '');
  return { text: `{${spread(parts, random)}}`, field, rules: broken ? [] : rules };
}

function anId(random: Random): string {
  if (random.chance(0.15))
    return random.pick(['null', '1.5', '1e3', '""', '{}', '{"id":"1"}', 'true', '".."', '"\\ud800"']);
  return idToken(random.pick(IDS), random);
}

function rule(path: readonly string[], random: Random, as?: string): Rule {
  return {
    path,
    type: random.pick(TYPES),
    ...(as === undefined ? {} : { as }),
    ...(random.chance(0.4) ? { onerror: random.pick(['null', 'drop', 'ref', 'drop', 'null', 'fail']) } : {}),
    ...(random.chance(0.2) ? { fields: [random.pick(['a', 'b', '/a/b']), 'c'] } : {}),
    ...(random.chance(0.02) ? { required: true } : {}),
    ...(random.chance(0.1) ? { depth: random.below(4) } : {}),
  };
}

function printed({ path, type, as, onerror, fields, required, depth }: Rule, random: Random): string {
  const word = (text: string): string => (/^[a-z]+$/.test(text) && random.chance(0.5) ? text : JSON.stringify(text));
  let text = `"/${path.join('/')}";type=${word(type)}`;
  if (as !== undefined) text += `;as=${JSON.stringify(as)}`;
  if (onerror !== undefined) text += `; onerror=${onerror}`;
  if (fields !== undefined) text += `;fields="${fields.join(' ')}"`;
  if (required === true) text += random.pick([';required', ';required=?1']);
  return depth === undefined ? text : `${text};depth=${depth}`;
}

/** Puts what the rules ask for into a tree. */
export function named(rules: readonly Rule[], model: Model): (tree: Tree, place: Place) => Tree {
  return (tree, place) => rules.reduce((made, one) => at(made, one.path, one, model, place), tree);
}

function at(tree: Tree, path: readonly string[], rule: Rule, model: Model, place: Place): Tree {
  const [first, ...rest] = path;
  if (first === undefined) return atEnd(tree, rule, model, place);
  if (tree.kind === 'list') {
    if (first !== '*') return tree; // no rule of ours counts elements
    return { ...tree, items: tree.items.map((item) => ({ ...item, tree: at(item.tree, rest, rule, model, place) })) };
  }
  if (tree.kind !== 'dict') return tree;
  if (rest.length === 0 && rule.as !== undefined) return beside(tree, first, rule.as, rule, model, place);
  const members = tree.members.map((member) =>
    first === '*' || saidBy(member.key) === first
      ? { ...member, tree: at(member.tree, rest, rule, model, place) }
      : member,
  );
  return { ...tree, members };
}

/** An id, or an array of them. */
function atEnd(tree: Tree, rule: Rule, model: Model, place: Place): Tree {
  const one = (given: Tree): Tree => (idOf(given) === undefined ? given : hydrated(given, given, rule, model, place));
  if (tree.kind !== 'list') return one(tree);
  return { ...tree, items: tree.items.map((item) => ({ ...item, tree: one(item.tree) })) };
}

/** The entity as a member behind the id, or in place of the member of that name. */
function beside(tree: Tree & { kind: 'dict' }, name: string, as: string, rule: Rule, model: Model, place: Place): Tree {
  const own = tree.members.find(({ key }) => saidBy(key) === name);
  if (own === undefined || idOf(own.tree) === undefined) return tree;
  const before = tree.members.find(({ key }) => saidBy(key) === as);
  const entity = hydrated(own.tree, before?.tree, rule, model, place);
  const behind: Member = { lead: ANY, key: quotedName(as), colon: ANY, before: ANY, tree: entity, after: ANY };
  const members = tree.members.flatMap((member): Member[] => {
    if (member === before) return [{ ...member, tree: entity }];
    return member === own && before === undefined ? [{ ...member, after: ANY }, behind] : [member];
  });
  return { ...tree, members };
}

function quotedName(name: string): string {
  return JSON.stringify(name);
}

/** The entity; or, if it is to disappear, what stood there. */
function hydrated(id: Tree, before: Tree | undefined, rule: Rule, model: Model, place: Place): Tree {
  const { type, fields, onerror, depth, required = false } = rule;
  const directive = {
    target: { type, id: idOf(id)! },
    ref: id.kind === 'scalar' ? id.text : '',
    required,
    overlay: [],
    ...(onerror === undefined ? {} : { onerror }),
    ...(depth === undefined ? {} : { depth }),
    ...(fields === undefined
      ? {}
      : { fields: fields.map((field) => (field.startsWith('/') ? field.slice(1).split('/') : [field])) }),
  };
  return {
    kind: 'made',
    make: () => {
      const out = model.run(directive, [], place);
      return out === DROP && before !== undefined ? model.value(before, place) : out;
    },
  };
}
