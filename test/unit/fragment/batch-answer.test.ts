import { describe, expect, test } from 'vitest';
import { absentFields, itemFields, readBatch, refusedFields } from '../../../src/fragment/batch-answer.ts';

const encoder = new TextEncoder();
const LISTED = { items: ['items'], id: ['id'], body: undefined };
const KEYED = { items: [], id: ['id'], body: undefined };

function read(text: string | Uint8Array, shape: Parameters<typeof readBatch>[1]) {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const found = readBatch(bytes, shape);
  if (typeof found === 'string') return found;
  const textOf = (range: { start: number; end: number } | undefined) =>
    range && new TextDecoder().decode(bytes.subarray(range.start, range.end));
  const items = [...found.byId].map(([id, { item, body }]) => [id, textOf(item), textOf(body)]);
  return { items, nameless: found.nameless };
}

describe('the answer to a batch', () => {
  test('may be a list of items that say their ids: strings, or integers as they are written', () => {
    const text = '{"n":2,"items":[ {"id":"7","x":1} ,{"x":2,"id":9007199254740993}],"more":{"items":[]}}';
    const one = '{"id":"7","x":1}';
    const two = '{"x":2,"id":9007199254740993}';
    expect(read(text, LISTED)).toEqual({
      items: [
        ['7', one, one],
        ['9007199254740993', two, two],
      ],
      nameless: 0,
    });
  });

  test('may be an object of items by id, in which null is none', () => {
    expect(read('{"a":{"x":1},"b":null,"c":"text","\\u0064":[1]}', KEYED)).toEqual({
      items: [
        ['a', '{"x":1}', '{"x":1}'],
        ['c', '"text"', '"text"'],
        ['d', '[1]', '[1]'],
      ],
      nameless: 0,
    });
  });

  test('has what stands for an item where the definition says, if it is there', () => {
    const shape = { items: ['data', '0'], id: ['meta', 'key'], body: ['html'] };
    expect(read('{"data":[[{"html":"<p>","meta":{"key":"a"}},{"meta":{"key":"b"}}],[]]}', shape)).toEqual({
      items: [
        ['a', '{"html":"<p>","meta":{"key":"a"}}', '"<p>"'],
        ['b', '{"meta":{"key":"b"}}', undefined],
      ],
      nameless: 0,
    });
  });

  test('counts items that do not say whose they are, and skips null', () => {
    const found = read('{"items":[null,5,{"id":1.5},{"id":null},{"id":["7"]},{},{"id":"7"}]}', LISTED);
    expect(found).toEqual({ items: [['7', '{"id":"7"}', '{"id":"7"}']], nameless: 5 });
  });

  test('counts the first of two items with one id', () => {
    expect(read('{"items":[{"id":"7","x":1},{"id":"7","x":2}]}', LISTED)).toMatchObject({
      items: [['7', '{"id":"7","x":1}', '{"id":"7","x":1}']],
    });
  });

  test.each([
    ['', 'the answer is no JSON'],
    ['<p>', 'the answer is no JSON'],
    ['{"items":[{"id":"7"}', 'the answer is no JSON'],
    ['{"items":[{"id":"7"}]} x', 'the answer is no JSON'],
    [`{"items":${'['.repeat(600)}`, 'the answer is no JSON'],
    [new Uint8Array([0x22, 0xff, 0x22]), 'the answer is not UTF-8'],
    ['{}', 'the answer has no list of items at "/items"'],
    ['[]', 'the answer has no list of items at "/items"'],
    ['5', 'the answer has no list of items at "/items"'],
    ['{"items":5}', 'the answer has no list of items at "/items"'],
    ['{"items":null}', 'the answer has no list of items at "/items"'],
  ])('%j is told to be none', (text, problem) => {
    expect(read(text, LISTED)).toBe(problem);
  });
});

describe('an answer that is cut or broken anywhere', () => {
  const text = '{"took":{"ms":[1,{"x":"y"}]},"items":[{"id":"7","a":[{}]},{"id":8,"b":{"c":null}}],"more":[[]]}';
  const shapes = [
    LISTED,
    { items: ['items'], id: ['id'], body: ['a', '0'] },
    { items: ['more', '0'], id: ['id'], body: undefined },
    { items: ['items', '1', 'b'], id: ['id'], body: ['c'] },
    KEYED,
  ];

  test('is read to its end, and told to be no JSON', () => {
    for (const shape of shapes) {
      for (let at = 0; at < text.length; at++) {
        expect(read(text.slice(0, at), shape)).toBeTypeOf('string');
        for (const broken of ['NaN', ',', '{', ']', '"', '\\']) {
          const mutated = text.slice(0, at) + broken + text.slice(at);
          const found = read(mutated, shape);
          if (!parses(mutated)) expect(found).toBe('the answer is no JSON');
        }
      }
    }
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the fields of one entity of a batch', () => {
  const answered = [
    ...['content-type', 'application/problem+json', 'content-length', '99', 'etag', '"all"', 'last-modified', 'x'],
    ...['cache-control', 'max-age=60', 'surrogate-key', 'a b', 'vary', 'accept-language', 'date', 'd'],
  ];

  test('are those of the answer that are not about the whole of it', () => {
    expect(itemFields(answered, 'application/json')).toEqual([
      ...['cache-control', 'max-age=60', 'surrogate-key', 'a b', 'vary', 'accept-language', 'date', 'd'],
      ...['content-type', 'application/json'],
    ]);
  });

  test('keep the absence of an id for ten seconds, if the answer may be kept at all', () => {
    const kept = ['surrogate-key', 'a b', 'vary', 'accept-language', 'date', 'd'];
    expect(absentFields(answered)).toEqual([...kept, 'cache-control', 'max-age=10, must-revalidate']);
    for (const control of ['no-store', 'private', 'no-cache'])
      expect(absentFields(['cache-control', control])).toEqual(['cache-control', 'no-store']);
    expect(absentFields(['surrogate-control', 'no-store', 'cache-control', 'max-age=60'])).toEqual([
      'cache-control',
      'no-store',
    ]);
  });

  test('keep a refusal of several ids for none of them', () => {
    expect(refusedFields(['cache-control', 'max-age=60'], true)).toEqual(['cache-control', 'no-store']);
    expect(refusedFields(['cache-control', 'max-age=60'], false)).toEqual(['cache-control', 'max-age=60']);
  });
});
