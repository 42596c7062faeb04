import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonCursor } from '../../../src/template/json-cursor.ts';
import { keyName, parsePointer, readValue } from '../../../src/template/json-pointer.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function read(text: string, ...pointers: string[]): (string | undefined)[] {
  const bytes = encoder.encode(text);
  const cursor = new JsonCursor(bytes);
  cursor.next();
  const found = readValue(
    cursor,
    bytes,
    pointers.map((pointer) => parsePointer(pointer)!),
  );
  return found.map((range) => range && decoder.decode(bytes.subarray(range.start, range.end)));
}

describe('a JSON pointer', () => {
  test('is tokens behind slashes, or nothing', () => {
    expect(parsePointer('')).toEqual([]);
    expect(parsePointer('/a/b~1c/~0/')).toEqual(['a', 'b/c', '~', '']);
    expect(parsePointer('/~01')).toEqual(['~1']);
    for (const wrong of ['a', 'a/b', '/~', '/~2', '#/a']) expect(parsePointer(wrong)).toBeUndefined();
  });

  test('leads to a value as it is written', () => {
    const text = '{ "a" : {"b":[1, {"c": 9007199254740993 }, "x"]}, "é":"\\u00e9", "" : [ ] }';
    expect(read(text, '/a/b/1/c', '/é', '/', '/a/b/2', '/a/b/3', '/a/c', '/a/b/01', '')).toEqual([
      '9007199254740993',
      '"\\u00e9"',
      '[ ]',
      '"x"',
      undefined,
      undefined,
      undefined,
      text,
    ]);
    expect(read('7', '', '/a')).toEqual(['7', undefined]);
  });

  test('means the last of members with one name, and nothing that an earlier one led to', () => {
    expect(read('{"a":1,"a":2}', '/a')).toEqual(['2']);
    expect(read('{"a":{"b":1},"a":{"c":2}}', '/a/b', '/a/c')).toEqual([undefined, '2']);
    expect(read('{"\\u0061":1}', '/a')).toEqual(['1']);
  });

  test('agrees with JSON.parse, wherever it leads', () => {
    const key = fc.constantFrom('a', 'b', '0', '1', '~', '/', '', '__proto__', 'é');
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, 'x', null, true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    const pointer = fc.array(key, { maxLength: 4 });
    fc.assert(
      fc.property(value, fc.array(pointer, { maxLength: 4 }), (one, pointers) => {
        const text = JSON.stringify(one, null, 1);
        const written = pointers.map((tokens) =>
          tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
        );
        const parsed: unknown = JSON.parse(text);
        const expected = pointers.map((tokens) => JSON.stringify(follow(parsed, tokens)));
        expect(read(text, ...written).map((found) => found && JSON.stringify(JSON.parse(found)))).toEqual(expected);
      }),
      { seed: 42, numRuns: 2_000 },
    );
  });
});

function follow(value: unknown, tokens: readonly string[]): unknown {
  for (const token of tokens) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token) || token === 'length')
      return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}

test('a key says a name, whatever its spelling', () => {
  const bytes = encoder.encode('"na\\u006de"');
  expect(keyName(bytes, { start: 0, end: bytes.length })).toBe('name');
});
