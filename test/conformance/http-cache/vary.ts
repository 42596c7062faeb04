import { type Asked, at, type CacheRecord, fetches, type RequestFields, reuses } from './record.ts';

/** RFC 9111 section 4.1: which stored response answers which request. */

const ANCHOR = 'RFC 9111 4.1';
const NORMAL = 'RFC 9110 5.6.1';

type Row = readonly [
  id: string,
  says: string,
  vary: string | readonly string[],
  first: RequestFields,
  second: RequestFields,
  reused: boolean,
  anchor?: string,
];

const ONE = { foo: '1' };
const TWO = { foo: '1', bar: 'abc' };
const THREE = { foo: '1', bar: 'abc', baz: '789' };
const ALL = 'Foo, Bar, Baz';

const rows: readonly Row[] = [
  ['match', 'an equal field selects the response', 'Foo', ONE, ONE, true],
  ['no-match', 'another value does not', 'Foo', ONE, { foo: '2' }, false],
  ['omitted', 'a request without the field does not', 'Foo', ONE, {}, false],
  ['added', 'a field that the first request lacked does not', 'Foo', {}, ONE, false],
  ['omitted-twice', 'a field that both lack is equal', 'Foo', {}, {}, true],
  [
    'others',
    'fields that Vary does not name make no difference',
    'Foo',
    { foo: '1', other: '2' },
    { foo: '1', other: '3' },
    true,
  ],
  ['name-case', 'the case of names makes no difference', 'fOO', { FOO: '1' }, { Foo: '1' }, true],
  ['value-case', 'the case of an unknown field makes one', 'Foo', { foo: 'a' }, { foo: 'A' }, false],
  ['two-match', 'two equal fields select the response', 'Foo, Bar', TWO, TWO, true],
  ['two-no-match', 'one of two that differs does not', 'Foo, Bar', TWO, { foo: '2', bar: 'abc' }, false],
  ['two-omitted', 'a request with neither does not', 'Foo, Bar', TWO, {}, false],
  ['two-one-omitted', 'a request with one of two does not', 'Foo, Bar', TWO, { foo: '1' }, false],
  ['two-lines', 'names on several lines all count', ['Foo', 'Bar'], TWO, { foo: '1', bar: 'abcd' }, false],
  ['three-match', 'three equal fields select the response', ALL, THREE, THREE, true],
  ['three-no-match', 'one of three that differs does not', ALL, THREE, { ...THREE, foo: '2' }, false],
  ['three-order', 'whatever the order of the fields', ALL, THREE, { foo: '1', baz: '789', bar: 'abcde' }, false],
  [
    'three-order-match',
    'the order of the fields is not compared',
    ALL,
    THREE,
    { baz: '789', bar: 'abc', foo: '1' },
    true,
  ],
  [
    'three-omitted',
    'a field of three that both lack is equal',
    ALL,
    { foo: '1', baz: '789' },
    { foo: '1', baz: '789' },
    true,
  ],
  ['spaces', 'white space around members makes no difference', 'Foo', { foo: '1,2' }, { foo: ' 1, 2 ' }, true, NORMAL],
  ['lines', 'two lines are a list of two', 'Foo', { foo: '1, 2' }, { foo: ['1', '2'] }, true, NORMAL],
  ['lines-no-match', 'two lines are not one', 'Foo', { foo: '12' }, { foo: ['1', '2'] }, false, NORMAL],
  [
    'boundary',
    'values do not run into one another',
    'Foo, Bar',
    { foo: 'a', bar: 'bc' },
    { foo: 'ab', bar: 'c' },
    false,
  ],
  [
    'language-case',
    'the case of languages makes no difference',
    'Accept-Language',
    { 'accept-language': 'en, de' },
    { 'accept-language': 'eN, De' },
    true,
    'RFC 9110 12.5.4',
  ],
  [
    'language-spaces',
    'white space between languages makes no difference',
    'Accept-Language',
    { 'accept-language': 'en, de' },
    { 'accept-language': ' en ,   de' },
    true,
    'RFC 9110 12.5.4',
  ],
  [
    'language-quality',
    'the quality of languages makes one',
    'Accept-Language',
    { 'accept-language': 'en;q=0.9, de' },
    { 'accept-language': 'en, de;q=0.9' },
    false,
    'RFC 9110 12.5.4',
  ],
];

const selected = rows.map(([id, says, vary, first, second, reused, anchor = ANCHOR]): CacheRecord => {
  const headers = { 'cache-control': 'max-age=5000', 'last-modified': at(-3_000), vary };
  const pair = {
    id: `vary-${id}`,
    says,
    anchor,
    headers,
    first: { headers: first },
    second: { headers: second },
    turn: 0,
  };
  return reused ? reuses(pair) : fetches(pair);
});

const stars: CacheRecord[] = Object.entries({
  star: '*',
  'star-star': '*, *',
  'star-star-lines': ['*', '*'],
  'empty-star': ', *',
  'empty-star-lines': ['', '*'],
  'star-name': '*, Foo',
  'name-star': 'Foo, *',
  'name-star-lines': ['Foo', '*'],
}).map(([id, vary]) =>
  fetches({
    id: `vary-${id}`,
    says: `Vary: ${[vary].flat().join(' | ')} matches no request`,
    anchor: ANCHOR,
    headers: { 'cache-control': 'max-age=5000', 'last-modified': at(-3_000), vary },
    first: { headers: { foo: '1', baz: '789' } },
    second: { headers: { foo: '1', baz: '789' } },
    turn: 0,
  }),
);

const FOO: CacheRecord['steps'][number]['answer'] = { headers: { 'cache-control': 'max-age=5000', vary: 'Foo' } };
const foo = (value: string): Asked => ({ headers: { foo: value } });

const variants: CacheRecord[] = [
  {
    id: 'vary-variants',
    says: 'a URL has several variants at a time',
    kind: 'optimal',
    anchor: ANCHOR,
    steps: [
      { request: foo('1'), answer: FOO, expect: { from: 'service', body: '#1' } },
      { request: foo('2'), answer: FOO, expect: { from: 'service', body: '#2' } },
      { request: foo('3'), answer: FOO, expect: { from: 'service', body: '#3' } },
      { request: foo('1'), expect: { from: 'cache', body: '#1' } },
      { request: foo('2'), expect: { from: 'cache', body: '#2' } },
      { request: foo('3'), expect: { from: 'cache', body: '#3' } },
    ],
  },
  {
    id: 'vary-newest',
    says: 'of several that match the newest answers',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { request: foo('1'), answer: { headers: { 'cache-control': 'max-age=5000', vary: 'Bar' } } },
      {
        turn: 1,
        request: { headers: { foo: '1', 'cache-control': 'no-cache' } },
        answer: FOO,
        expect: { from: 'service' },
      },
      { turn: 1, request: foo('1'), expect: { from: 'cache', body: '#2' } },
    ],
  },
  {
    id: 'vary-variants-differ-in-vary',
    says: 'each variant is selected by its own Vary',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { request: foo('1'), answer: FOO },
      { turn: 1, request: foo('2'), answer: { headers: { 'cache-control': 'max-age=5000', vary: 'Foo, Bar' } } },
      { turn: 1, request: { headers: { foo: '2', bar: 'x' } }, expect: { from: 'service', body: '#3' } },
    ],
  },
  {
    id: 'vary-variant-revalidated',
    says: 'the selected variant is the one that is validated',
    kind: 'required',
    anchor: 'RFC 9111 4.3.1',
    steps: [
      { request: foo('1'), answer: { headers: { 'cache-control': 'max-age=2', vary: 'Foo', etag: '"one"' } } },
      { request: foo('2'), answer: { headers: { 'cache-control': 'max-age=2', vary: 'Foo', etag: '"two"' } } },
      {
        turn: 3,
        request: foo('1'),
        answer: { status: 304, headers: { etag: '"one"', 'cache-control': 'max-age=60' } },
        expect: { from: 'validated', body: '#1', received: { headers: { 'if-none-match': /"one"/, foo: '1' } } },
      },
      { request: foo('1'), expect: { from: 'cache', body: '#1' } },
    ],
  },
  {
    id: 'vary-variant-stale',
    says: 'a variant of another client does not stand in for a failure',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { request: foo('1'), answer: { headers: { 'cache-control': 'max-age=2, stale-if-error=600', vary: 'Foo' } } },
      { turn: 3, request: foo('2'), answer: { status: 503 }, expect: { from: 'service', status: 503 } },
    ],
  },
];

export const VARY = [...selected, ...stars, ...variants];
