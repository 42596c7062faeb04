import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overlay, project } from '../../../src/template/json-shape.ts';
import type { Member, Segment } from '../../../src/template/template.ts';

const SETTINGS = { seed: 42, numRuns: 2_000 };
const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { ignoreBOM: true });

/** A document as it is written: each member and element with the white space around it. */
type Node = string | { readonly hole: 'include' } | { readonly items: readonly Item[] } | { readonly members: Entry[] };
interface Item {
  readonly before: string;
  readonly node: Node;
  readonly after: string;
}
interface Entry extends Item {
  readonly key: string;
  readonly hydrated: boolean;
}

const names = [
  'a',
  'b',
  'na',
  'größe',
  '',
  '__proto__',
  'constructor',
  'a/b',
  'm~n',
  'q"',
  'back\\n',
  '\ud800',
  '\ufffd',
];
const name = fc.constantFrom(...names);
/** A name, with some of its characters escaped. */
const key = fc.tuple(name, fc.nat()).map(([value, bits]) => {
  const escaped = (unit: string, i: number): string => {
    if ((bits >> i) & 1) return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return JSON.stringify(unit).slice(1, -1);
  };
  return `"${value.split('').map(escaped).join('')}"`;
});
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
const scalar = fc.constantFrom('0', '-0.0', '1E+2', '9007199254740993', 'true', 'null', '"x,y"', '"{\\"}"', '"é"');
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    fc.constant({ hole: 'include' } as const),
    fc
      .array(fc.record({ before: space, node: tie('node'), after: space }), { maxLength: 4 })
      .map((items) => ({ items })),
    fc
      .array(fc.record({ before: space, key, node: tie('node'), hydrated: fc.boolean(), after: space }), {
        maxLength: 5,
      })
      .map((members) => ({ members })),
  ),
}));
const document = fc.record({ before: fc.constantFrom('', ' ', '\ufeff', '\ufeff\n'), node, after: space });
const escapedToken = name.map((value) => `/${value.replaceAll('~', '~0').replaceAll('/', '~1')}`);
const field = fc.oneof(
  name,
  fc.array(escapedToken, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join('')),
);
const fields = fc.array(field, { maxLength: 5 });

/** The document as text, projected; `@` is an include, followed by what it is to be projected to, `#` a hydration. */
function print(value: Node, kept: readonly string[] | 'all'): string {
  if (typeof value === 'string') return value;
  if ('hole' in value) return kept === 'all' ? '@' : `@${JSON.stringify(kept)}@`;
  if ('items' in value) {
    return `[${value.items.map(({ before, node, after }) => before + print(node, kept) + after).join(',')}]`;
  }
  const members = value.members.flatMap(({ before, key, node, hydrated, after }) => {
    const rest = kept === 'all' ? kept : restOf(kept, JSON.parse(key) as string);
    return rest === undefined ? [] : [`${before}${key}:${print(node, rest)}${hydrated ? '#' : ''}${after}`];
  });
  return `{${members.join(',')}}`;
}

function restOf(kept: readonly string[], member: string): readonly string[] | 'all' | undefined {
  const token = `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (kept.some((one) => one === token || (one === member && !one.startsWith('/')))) return 'all';
  const rests = kept.filter((one) => one.startsWith(`${token}/`)).map((one) => one.slice(token.length));
  return rests.length === 0 ? undefined : rests;
}

function segmentsOf(written: string): Segment[] {
  return written
    .split(/([@#])/)
    .filter((part) => part !== '')
    .map((part): Segment => {
      if (part === '@') return { kind: 'include', syntax: 'json', target: { type: 'x', id: '1' } };
      return part === '#' ? { kind: 'hydration', body: [], refused: [] } : utf8.encode(part);
    });
}

function shown(segments: readonly Segment[]): string {
  return segments
    .map((segment) => {
      if (segment instanceof Uint8Array) return text.decode(segment);
      if (segment.kind !== 'include') return '#';
      return segment.within === undefined ? '@' : `@${JSON.stringify(segment.within[0])}@`;
    })
    .join('');
}

/** Well-formed: lone surrogates cannot be written in UTF-8. */
const jsonValue = fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 4 });

function modelled(value: unknown, kept: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => modelled(item, kept));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([member, inner]) => {
    const rest = restOf(kept, member);
    return rest === undefined ? [] : [[member, rest === 'all' ? inner : modelled(inner, rest)]];
  });
  return Object.fromEntries(entries);
}

function memberNames(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(memberNames)];
}

describe('projecting, whatever is projected', () => {
  it('keeps the bytes of what is named, and nothing else', () => {
    fc.assert(
      fc.property(document, fields, ({ before, node, after }, kept) => {
        const result = project(segmentsOf(before + print(node, 'all') + after), kept);
        expect(shown(result)).toBe(before.replace('\ufeff', '') + print(node, kept) + after);
      }),
      SETTINGS,
    );
  });

  it('agrees with what JSON.parse reads', () => {
    const sample = jsonValue.chain((value) => {
      const some = fc
        .constantFrom('x', ...memberNames(value))
        .map((one) => `/${one.replace(/~/g, '~0').replace(/\//g, '~1')}`);
      const pointer = fc.array(some, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join(''));
      return fc.tuple(fc.constant(value), fc.array(pointer, { maxLength: 6 }));
    });
    fc.assert(
      fc.property(sample, fc.nat({ max: 2 }), ([value, kept], indent) => {
        const result = project([utf8.encode(JSON.stringify(value, null, indent))], kept);
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.stringify(JSON.parse(shown(result)))).toBe(JSON.stringify(modelled(plain, kept)));
      }),
      SETTINGS,
    );
  });

  it('never throws, and returns what is no JSON as it is', () => {
    const scraps = ['{', '}', '[', ']', ',', ':', '"a"', '"\\u', '1', ' ', '\\', '{"b":'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...scraps)), fields, (parts, kept) => {
        const segments = [utf8.encode(parts.join(''))];
        const result = project(segments, kept);
        if (parses(parts.join(''))) expect(parses(shown(result))).toBe(true);
        else expect(result).toBe(segments);
      }),
      SETTINGS,
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...scraps, '@', '#')), fields, (parts, kept) => {
        expect(() => project(segmentsOf(parts.join('')), kept)).not.toThrow();
        expect(() => overlay(segmentsOf(parts.join('')), [])).not.toThrow();
      }),
      SETTINGS,
    );
  });
});

describe('overlaying, whatever is overlaid', () => {
  const member = fc
    .record({ key, value: fc.tuple(space, scalar, space).map((parts) => parts.join('')) })
    .map(({ key, value }): Member => ({ key, name: JSON.parse(key) as string, value: [utf8.encode(value)] }));

  it('gives members their values, adds the others in order, and leaves every other byte alone', () => {
    fc.assert(
      fc.property(document, fc.array(member, { maxLength: 4 }), ({ before, node, after }, members) => {
        const result = overlay(segmentsOf(before + print(node, 'all') + after), members);
        if (typeof node === 'string' || !('members' in node)) {
          expect(result).toBeUndefined();
          return;
        }
        const values = new Map(members.map(({ name, value }) => [name, shown(value)]));
        const last = new Map(members.map((one) => [one.name, one]));
        const old = node.members.map((one) => {
          const value = values.get(JSON.parse(one.key) as string) ?? print(one.node, 'all');
          return { text: `${one.before}${one.key}:${value}${one.hydrated ? '#' : ''}`, after: one.after };
        });
        const there = new Set(node.members.map((one) => JSON.parse(one.key) as string));
        const added = [...last.values()].filter(({ name }) => !there.has(name));
        const tail = [old.at(-1)?.text, ...added.map(({ key, value }) => `${key}:${shown(value)}`)];
        const written = [
          ...old.slice(0, -1).map((one) => one.text + one.after),
          tail.filter((one) => one !== undefined).join(',') + (old.at(-1)?.after ?? ''),
        ].join(',');
        expect(shown(result ?? [])).toBe(`${before.replace('\ufeff', '')}{${written}}${after}`);
      }),
      SETTINGS,
    );
  });

  it('agrees with what assigning to an object does', () => {
    const object = fc.dictionary(
      fc.oneof(name, fc.string()).filter((one) => one !== '__proto__'),
      jsonValue,
    );
    fc.assert(
      fc.property(object, object, (under, over) => {
        const members = Object.entries(over).map(([member, value]): Member => {
          return { key: JSON.stringify(member), name: member, value: [utf8.encode(JSON.stringify(value))] };
        });
        const result = overlay([utf8.encode(JSON.stringify(under))], members);
        const expected: unknown = JSON.parse(JSON.stringify({ ...under, ...over }));
        expect(JSON.parse(shown(result ?? []))).toEqual(expected);
      }),
      SETTINGS,
    );
  });
});

function parses(written: string): boolean {
  try {
    JSON.parse(written);
    return true;
  } catch {
    return false;
  }
}
