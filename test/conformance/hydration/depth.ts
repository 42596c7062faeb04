import { asks, entity, feature, type HydrationRecord, LASTING, listOf, range, ref, source } from './record.ts';

/** How deep directives inside of entities run, and where they lead back. */

const always = { esi: 'always' as const };

/** A chain: node 1 has node 2 inside, and so on. */
const CHAIN = {
  node: {
    definition: always,
    has: Object.fromEntries(
      range(1, 9).map((n) => [n, `{"id":"${n}","next":${entity('node', String(Number(n) + 1))}}`]),
    ),
  },
};

/** The chain as it is delivered from node `from` to node `to`, behind which there are refs. */
const chain = (from: number, to: number): string =>
  from > to ? ref('node', String(from)) : `{"id":"${from}","next":${chain(from + 1, to)}}`;

const depths: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['default', '', 3],
    ['0', '"depth":0', 1],
    ['1', '"depth":1', 2],
    ['2', '"depth":2', 3],
    ['3', '"depth":3', 4],
    ['4', '"depth":4', 5],
    ['5', '"depth":5', 6],
    ['6', '"depth":6', 6],
    ['100', '"depth":100', 6],
  ] as const
).map(([name, member, last]) => ({
  id: `depth-${name}`,
  says: `${member === '' ? 'without depth' : member}, ${last - 1} levels of directives run inside the result, and what is deeper is a ref and no error`,
  page: entity('node', '1', member),
  kinds: CHAIN,
  limits: { depth: 12 },
  expect: { body: chain(1, last), upstream: range(1, last).map((n) => asks('node', n)), headers: LASTING },
}));

/** Entities that contain each other, by what their directives say beside the target. */
const pair = (member: string) => ({
  node: {
    definition: always,
    has: {
      a: `{"id":"a","to":[${entity('node', 'b', member)}]}`,
      b: `{"id":"b","to":[${entity('node', 'a', member)}]}`,
    },
  },
});

const cycles: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['none', '"depth":5', ref('node', 'a')],
    ['null', '"depth":5,"onerror":"null"', ref('node', 'a')],
    ['fail', '"depth":5,"onerror":"fail"', ref('node', 'a')],
    ['ref', '"depth":5,"onerror":"ref"', ref('node', 'a')],
    ['drop', '"depth":5,"onerror":"drop"', ''],
  ] as const
).map(([name, member, inside]) => ({
  id: `cycle-${name}`,
  says: `with ${member}, an entity inside itself is ${inside === '' ? 'dropped' : 'a ref'}, and no error`,
  page: entity('node', 'a', '"depth":5'),
  kinds: pair(member),
  expect: {
    body: `{"id":"a","to":[{"id":"b","to":[${inside}]}]}`,
    upstream: [asks('node', 'a'), asks('node', 'b')],
    headers: LASTING,
  },
}));

export const DEPTH = feature('depth and cycles', [
  ...depths,
  {
    id: 'depth-least',
    says: 'a directive inside has at most what its surroundings left',
    page: entity('outer', '1', '"depth":1'),
    kinds: {
      ...CHAIN,
      outer: { definition: always, has: { 1: `{"id":1,"in":${entity('node', '1', '"depth":5')}}` } },
    },
    expect: {
      body: `{"id":1,"in":{"id":"1","next":${ref('node', '2')}}}`,
      upstream: [asks('outer', 1), asks('node', 1)],
      headers: LASTING,
    },
  },
  {
    id: 'depth-less-inside',
    says: 'a directive inside may ask for less than its surroundings left',
    page: entity('outer', '1', '"depth":4'),
    kinds: {
      ...CHAIN,
      outer: { definition: always, has: { 1: `{"id":1,"in":${entity('node', '1', '"depth":0')}}` } },
    },
    expect: {
      body: `{"id":1,"in":{"id":"1","next":${ref('node', '2')}}}`,
      upstream: [asks('outer', 1), asks('node', 1)],
      headers: LASTING,
    },
  },
  {
    id: 'depth-src-null',
    says: 'a URL beyond the depth is null',
    page: entity('outer', '1', '"depth":0'),
    kinds: { outer: { definition: always, has: { 1: `{"id":1,"in":${source('/badge')}}` } } },
    files: { '/badge': '1' },
    expect: { body: '{"id":1,"in":null}', upstream: [asks('outer', 1)], headers: LASTING },
  },
  {
    id: 'depth-drop',
    says: 'beyond the depth, drop drops, and neither null nor default nor fail count',
    page: entity('outer', '1', '"depth":0'),
    kinds: {
      outer: {
        definition: always,
        has: {
          1: `{"id":1,"a":${entity('node', '1', '"onerror":"drop"')},"b":${entity('node', '1', '"onerror":"fail"')},"c":${entity('node', '1', '"onerror":"null"')}}`,
        },
      },
      ...CHAIN,
    },
    expect: {
      body: `{"id":1,"b":${ref('node', '1')},"c":${ref('node', '1')}}`,
      upstream: [asks('outer', 1)],
      headers: LASTING,
    },
  },
  {
    id: 'depth-drop-top',
    says: 'at the top of an entity, what is dropped beyond the depth is null',
    page: `{"a":${entity('outer', '1', '"depth":0')}}`,
    kinds: {
      outer: { definition: always, keyed: true, has: { 1: entity('node', '1', '"onerror":"drop"') } },
      ...CHAIN,
    },
    expect: { body: '{"a":null}', upstream: [asks('outer', 1)], headers: LASTING },
  },
  {
    id: 'depth-list',
    says: 'a list beyond the depth is a list of refs',
    page: entity('outer', '1', '"depth":0'),
    kinds: { outer: { definition: always, has: { 1: `{"id":1,"in":${entity('node', ['1', 2])}}` } }, ...CHAIN },
    expect: {
      body: `{"id":1,"in":${listOf(ref('node', '1'), ref('node', 2))}}`,
      upstream: [asks('outer', 1)],
      headers: LASTING,
    },
  },
  {
    id: 'depth-same-entity',
    says: 'one entity may stand in a page with several depths',
    page: listOf(entity('node', '1', '"depth":0'), entity('node', '1', '"depth":1')),
    kinds: CHAIN,
    expect: { body: listOf(chain(1, 1), chain(1, 2)), upstream: [asks('node', 1), asks('node', 2)], headers: LASTING },
  },
  ...cycles,
  {
    id: 'cycle-itself',
    says: 'an entity that contains itself is a ref there, asked for once',
    page: entity('node', 'a'),
    kinds: { node: { definition: always, has: { a: `{"id":"a","self":${entity('node', 'a')}}` } } },
    expect: { body: `{"id":"a","self":${ref('node', 'a')}}`, upstream: [asks('node', 'a')], headers: LASTING },
    again: [{ expect: { body: `{"id":"a","self":${ref('node', 'a')}}`, upstream: [], headers: LASTING } }],
  },
  {
    id: 'cycle-in-list',
    says: 'of a list, only what would be inside itself is a ref',
    page: entity('node', 'a'),
    kinds: {
      node: {
        definition: always,
        has: { a: `{"id":"a","to":${entity('node', ['b', 'a', 'c'])}}`, b: '{"id":"b"}', c: '{"id":"c"}' },
      },
    },
    expect: {
      body: `{"id":"a","to":[{"id":"b"},${ref('node', 'a')},{"id":"c"}]}`,
      upstream: [asks('node', 'a'), asks('node', 'b', 'c')],
      headers: LASTING,
    },
  },
  {
    id: 'cycle-src',
    says: 'a URL inside itself is null, and no error',
    page: source('/part'),
    files: { '/part': `{"self":${source('/part')}}` },
    expect: { body: '{"self":null}', upstream: ['GET /part'], headers: LASTING },
  },
  {
    id: 'cycle-siblings',
    says: 'the same entity beside itself is no cycle',
    page: listOf(entity('outer', '1'), entity('outer', '1')),
    kinds: {
      outer: { definition: always, has: { 1: `{"id":1,"a":${entity('leaf', 'x')},"b":${entity('leaf', 'x')}}` } },
      leaf: { has: { x: '{"id":"x"}' } },
    },
    expect: {
      body: '[{"id":1,"a":{"id":"x"},"b":{"id":"x"}},{"id":1,"a":{"id":"x"},"b":{"id":"x"}}]',
      upstream: [asks('outer', 1), asks('leaf', 'x')],
      headers: LASTING,
    },
  },
]);
