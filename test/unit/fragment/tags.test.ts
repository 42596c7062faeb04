import { expect, test } from 'vitest';
import { tagsOf } from '../../../src/fragment/tags.ts';
import { fragment } from './support.ts';

const none = () => undefined;

test('tags are those of both header fields, each once', () => {
  expect(tagsOf(undefined, ['surrogate-key', 'a  b', 'cache-tag', 'b, c d ,', 'surrogate-key', 'e'], none)).toEqual([
    'a',
    'b',
    'c d',
    'e',
  ]);
  expect(tagsOf(undefined, ['x', 'a'], none)).toEqual([]);
});

test('tags of a definition are filled from the path and, by JSON pointer, from the body', () => {
  const own = fragment({ tags: ['f:{id}', 'brand:{/brand/id}', 'part:{/parts}', 'x:{/a~1b}:{id}', 'all'] });
  const body = { brand: { id: 7 }, parts: ['p', 2, null, {}], 'a/b': 'y' };
  expect(tagsOf({ fragment: own, captures: { id: '1' } }, [], () => body)).toEqual([
    'f:1',
    'brand:7',
    'part:p',
    'part:2',
    'x:y:1',
    'all',
  ]);
});

test('a pointer to nothing gives no tag, and reads no more than the body itself has', () => {
  const own = fragment({ tags: ['a:{/missing}', 'b:{/constructor/name}', 'c:{/__proto__}', 'd:{/0}'] });
  for (const body of [{}, [], 'text', null, undefined, 7]) {
    expect(tagsOf({ fragment: own, captures: { id: '1' } }, [], () => body)).toEqual([]);
  }
});

test('the body is read only for tags that need it', () => {
  const fail = () => {
    throw new Error('not to be read');
  };
  expect(tagsOf({ fragment: fragment({ tags: ['f:{id}'] }), captures: { id: '1' } }, [], fail)).toEqual(['f:1']);
});

test('tags are no more than a purge can name', () => {
  const own = fragment({ tags: ['x:{/a}:{/b}:{/c}'] });
  const list = Array.from({ length: 500 }, (_, i) => i);
  expect(tagsOf({ fragment: own, captures: {} }, [], () => ({ a: list, b: list, c: list }))).toHaveLength(1_000);
});
