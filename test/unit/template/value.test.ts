import { describe, expect, it, test } from 'vitest';
import {
  type Comparison,
  compare,
  type Dictionary,
  element,
  isEmpty,
  type List,
  MAX_ITEMS,
  MAX_TEXT,
  print,
  toInteger,
  toNumber,
  truth,
  type Value,
} from '../../../src/template/value.ts';

const dictionary = (entries: Record<string, Value>): Dictionary => new Map(Object.entries(entries));

test.each<[value: Value, printed: string, rule: string]>([
  [undefined, '', 'section 4: unset without default is empty'],
  ['a', 'a', 'section 4: text'],
  [7, '7', 'section 4: numbers'],
  [-0, '0', 'section 4: there is one zero'],
  [1.5, '1.5', 'section 5: decimal notation'],
  [0.1 + 0.2, '0.3', 'section 5: without the noise of binary arithmetic'],
  [1e21, '1000000000000000000000', 'section 5: decimal notation, never an exponent'],
  [1e-7, '0.0000001', 'section 5: decimal notation, never an exponent'],
  [9007199254740991, '9007199254740991', 'section 5: no digit of a whole number is lost'],
  [true, 'true', 'section 4: the language look-up gives true'],
  [false, 'false', 'section 4: and false'],
  [[1, 'a'], '1,a', 'section 4: lists'],
  [[1, 'a', [2]], '1,a,2', 'section 4: lists in lists'],
  [[], '', 'section 4: an empty list'],
  [[undefined, undefined], ',', 'section 4: unset items'],
  [dictionary({ k: 'v', k2: 'v2' }), 'k=v&k2=v2', 'section 4: dictionaries'],
  [dictionary({ b: 1, a: 2, B: 3 }), 'B=3&a=2&b=1', 'section 4: sorted, byte by byte'],
  [dictionary({ a: [1, 2] }), 'a=1,2', 'section 4: lists in dictionaries'],
  [dictionary({ __proto__x: 1, constructor: 2 }), '__proto__x=1&constructor=2', 'SECURITY row 12: keys are data'],
])('%j prints as %j (%s)', (value, printed) => {
  expect(print(value)).toBe(printed);
});

test.each<[value: Value, isTrue: boolean, rule: string]>([
  [undefined, false, 'section 5: unset'],
  ['', false, 'section 5: empty'],
  ['a', true, 'section 5: non-empty'],
  [' ', true, 'section 5: non-empty'],
  ['0', true, "section 5: true for the string '0'"],
  ['false', true, 'section 5: the text "false" is not false'],
  [0, false, 'section 5: false for the number literal 0'],
  [-0, false, 'section 5: and arithmetic results'],
  [0.5, true, 'section 5: other numbers'],
  [true, true, 'section 5: true'],
  [false, false, "section 5: the list look-up's false"],
  [[], false, 'section 5: empty'],
  [[0], true, 'section 5: non-empty'],
  [new Map(), false, 'section 5: empty'],
  [dictionary({ a: 1 }), true, 'section 5: non-empty'],
])('the truth of %j is %j (%s)', (value, isTrue) => {
  expect(truth(value)).toBe(isTrue);
});

test.each<[value: Value, number: number | undefined, rule: string]>([
  [1, 1, 'section 5: numbers'],
  ['10', 10, "section 5: '10' quoted counts too"],
  ['01', 1, 'section 5: 1==01'],
  ['-5', -5, 'section 5: optional sign'],
  ['+5', 5, 'section 5: optional sign'],
  ['1.50', 1.5, 'section 5: decimal notation'],
  ['0x10', undefined, 'section 5: not hex'],
  ['-0x2', undefined, 'section 5: not hex'],
  ['1e3', undefined, 'section 5: decimal notation only'],
  ['3.01.23', undefined, 'section 5: a string'],
  ['1.05a', undefined, 'section 5: a string'],
  ['1.', undefined, 'section 5: a string'],
  ['.5', undefined, 'section 5: a string'],
  ['- 5', undefined, 'section 5: a string'],
  [' 5', undefined, 'section 5: a string'],
  ['5\n', undefined, 'section 5: a string'],
  ['', undefined, 'section 5: empty is no number'],
  ['Infinity', undefined, 'section 5: a string'],
  ['9'.repeat(301), undefined, 'section 5: too long to stay finite'],
  [undefined, undefined, 'section 5: unset is no number'],
  [true, undefined, 'section 5: true is no number'],
  [[1], undefined, 'section 5: a list is no number'],
])('%j reads as the number %j (%s)', (value, number) => {
  expect(toNumber(value)).toBe(number);
});

it('reads whole numbers only as far as they can be counted', () => {
  expect([toInteger('12'), toInteger('1.5'), toInteger('9007199254740993'), toInteger('a')]).toEqual([
    12,
    undefined,
    undefined,
    undefined,
  ]);
});

test.each<[left: Value, operator: Comparison, right: Value, holds: boolean, rule: string]>([
  [10, '>', 9, true, 'section 5: both numeric'],
  ['10', '>', '9', true, 'section 5: quoted counts too'],
  [1, '==', '01', true, 'section 5: 1==01'],
  ['1.0', '==', 1, true, 'section 5: both numeric'],
  ['-2', '<', '-1', true, 'section 5: signs'],
  ['10', '<', '9a', true, 'section 5: otherwise byte-wise strings'],
  ['3.01.23', '<', '3.1', true, 'section 5: 3.01.23 is a string'],
  ['1.05a', '==', '1.050a', false, 'section 5: 1.05a is a string'],
  ['0x10', '==', '16', false, 'section 5: not hex'],
  ['a', '<', 'b', true, 'section 5: strings'],
  ['B', '<', 'a', true, 'section 5: byte-wise, upper case first'],
  ['a', '<', 'aa', true, 'section 5: the shorter first'],
  ['a', '<=', 'a', true, 'section 5: <='],
  ['b', '>=', 'a', true, 'section 5: >='],
  ['a', '>=', 'b', false, 'section 5: >='],
  ['\uffee', '<', '😀', true, 'section 5: by bytes of UTF-8, not by UTF-16'],
  ['9007199254740993', '==', '9007199254740992', false, 'section 5: ids of 64 bits are told apart'],
  ['9007199254740993', '>', '9007199254740992', true, 'section 5: and ordered'],
  ['-9007199254740993', '<', '-9007199254740992', true, 'section 5: and ordered'],
  ['+9007199254740993', '==', '9007199254740993', true, 'section 5: whatever their sign looks like'],
  [undefined, '<', 1, false, 'section 5: unset orders with nothing'],
  [undefined, '>', 1, false, 'section 5: unset orders with nothing'],
  ['', '<=', '', false, 'section 5: nor does the empty string'],
  [1, '>=', '', false, 'section 5: on either side'],
  [undefined, '==', '', true, "section 5: $(x) == '' is true when unset"],
  [undefined, '!=', 'a', true, "section 5: $(x) != 'a' is true when unset"],
  [undefined, '==', undefined, true, 'section 5: == compares strings'],
  [undefined, '==', 'a', false, 'section 5: == compares strings'],
  ['a', '!=', 'a', false, 'section 5: !='],
  [true, '==', 'true', true, 'section 4: the language look-up, as ATS pages compare it'],
  [false, '==', 'false', true, 'section 4: the language look-up, as ATS pages compare it'],
  [false, '<', 'g', true, 'section 5: false is not empty'],
  [[1, 'a'], '==', '1,a', true, 'section 4: lists compare as they print'],
  [[], '<', 'a', false, 'section 5: an empty list is empty'],
])('%j %s %j is %j (%s)', (left, operator, right, holds) => {
  expect(compare(operator, left, right)).toBe(holds);
});

test.each<[value: Value, key: Value, found: Value, rule: string]>([
  [['a', 'b'], 0, 'a', 'section 4: list element'],
  [['a', 'b'], '1', 'b', 'section 4: by the text of a number'],
  [['a', 'b'], 2, undefined, 'section 4: out of range empty'],
  [['a', 'b'], -1, undefined, 'section 4: out of range empty'],
  [['a', 'b'], 'length', undefined, 'SECURITY row 12: no properties'],
  [['a', 'b'], 0.5, undefined, 'section 4: no such element'],
  [dictionary({ k: 'v' }), 'k', 'v', 'section 4: dictionary element'],
  [dictionary({ k: 'v' }), 'x', undefined, 'section 4: missing key'],
  [dictionary({ 1: 'v' }), 1, 'v', 'section 4: keys are texts'],
  [dictionary({}), '__proto__', undefined, 'SECURITY row 12: no prototype'],
  ['häß', 1, 'ä', 'section 4: strings index by character'],
  ['😀b', 0, '😀', 'section 4: by character, not by code unit'],
  ['😀b', 1, 'b', 'section 4: by character, not by code unit'],
  ['ab', 2, undefined, 'section 4: out of range empty'],
  [12, 0, undefined, 'section 4: numbers have no elements'],
  [undefined, 0, undefined, 'section 4: nor has unset'],
])('element of %j at %j is %j (%s)', (value, key, found) => {
  expect(element(value, key)).toBe(found);
});

describe('bounds', () => {
  it('prints a list that holds itself', () => {
    const list: List = [1];
    list.push(list);
    expect(print(list).length).toBeLessThan(200);
  });

  it('prints a list that doubles on every level, at once', () => {
    let list: List = [1];
    for (let i = 0; i < 60; i++) list = [list, list];
    const begin = performance.now();
    expect(print(list).length).toBeLessThanOrEqual(MAX_TEXT);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  it('prints no more than MAX_TEXT characters', () => {
    const long = 'x'.repeat(MAX_TEXT / 2);
    expect(print([long, long, long]).length).toBeLessThanOrEqual(MAX_TEXT);
  });

  it('reaches the first characters of a text only', () => {
    expect(element('x'.repeat(MAX_ITEMS + 1), MAX_ITEMS - 1)).toBe('x');
    expect(element('x'.repeat(MAX_ITEMS + 1), MAX_ITEMS)).toBeUndefined();
  });

  it('knows what is empty', () => {
    expect([undefined, '', [], new Map(), 0, false, '0', [0]].map((value) => isEmpty(value as Value))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
