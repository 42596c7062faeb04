import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { escapeHtml } from '../../../src/template/escape.ts';
import { expandText, expandUrl } from '../../../src/template/evaluate.ts';
import { parseExpression, parseText } from '../../../src/template/expression.ts';
import { MAX_TEXT, type Value } from '../../../src/template/value.ts';
import { stage } from './evaluation.ts';

const VARIABLES: Readonly<Record<string, Value>> = {
  n: '10',
  word: 'word',
  empty: '',
  list: [1, 'a', [2]],
  numbers: [3, 4],
  map: new Map<string, Value>([
    ['k2', 'v2'],
    ['k', 'v'],
  ]),
  key: 'k',
};

test.each<[expression: string, value: Value, rule: string]>([
  ['1', 1, 'section 5: number literal'],
  ['-1', -1, 'section 5: negative literal'],
  ["'a'", 'a', 'section 5: string literal'],
  ['true', true, 'section 5: true'],
  ['$(word)', 'word', 'section 4: variable'],
  ['$(nothing)', undefined, 'section 4: unset'],
  ['$(nothing|d)', 'd', 'section 4: default of an unset variable'],
  ['$(empty|d)', 'd', 'section 4: default of an empty one'],
  ['$(word|d)', 'word', 'section 4: no default where there is a value'],
  ['$(map{x}|d)', 'd', 'section 4: default of a missing key'],
  ['$(list{9}|d)', 'd', 'section 4: default out of range'],
  ["$(nothing|'d with blanks')", 'd with blanks', 'section 4: quoted default'],
  ['$(nothing|$(word))', 'word', 'section 4: default from a variable'],
  ['$(nothing|$(nothing2|e))', 'e', 'section 4: default of a default'],
  ['$(map{k})', 'v', 'section 4: key'],
  ["$(map{'k'})", 'v', 'section 4: quoted key'],
  ['$(map{$(key)})', 'v', 'section 4: key from a variable'],
  ["$(map{'$(key)2'})", 'v2', 'section 4: key from a string with a variable'],
  ['$(map{$(nothing)})', undefined, 'section 4: a key that is unset names nothing'],
  ['$(list{1})', 'a', 'section 4: list element'],
  ['$(list{3})', undefined, 'section 4: out of range empty'],
  ['$(word{1})', 'o', 'section 4: strings index by character'],
  ["[1,'a',[2]]", [1, 'a', [2]], 'section 4: list'],
  ['[1..5]', [1, 2, 3, 4, 5], 'section 4: range'],
  ['[5..1]', [5, 4, 3, 2, 1], 'section 4: range downwards'],
  ['[2..2]', [2], 'section 4: range of one'],
  ["['8'..$(n)]", [8, 9, 10], 'section 4: range of numeric texts'],
  ["{'k':'v'}", new Map([['k', 'v']]), 'section 4: dictionary'],
  ["{'k':1, 'k':2}", new Map([['k', 2]]), 'section 4: the last of two equal keys'],
  ["{1:'a'}", new Map([['1', 'a']]), 'section 4: keys are texts'],
  ['2 + 3 * 4', 20, 'section 5: left to right'],
  ['10 - 2 - 3', 5, 'section 5: left to right'],
  ['7 / 2', 3.5, 'section 5: division'],
  ['7 % 4', 3, 'section 5: remainder'],
  ['-7 % 4', -3, 'section 5: remainder, with the sign of the first'],
  ['$(n) + 1', 11, 'section 5: numeric text adds'],
  ["'1' + '2'", 3, 'section 5: quoted numbers are numeric'],
  ["'a' + 1", 'a1', 'section 5: concatenation'],
  ["1 + 'a'", '1a', 'section 5: concatenation'],
  ["'a' + 'b' + 'c'", 'abc', 'section 5: concatenation'],
  ["1 + 2 + 'a'", '3a', 'section 5: left to right'],
  ["'a' + 1 + 2", 'a12', 'section 5: left to right'],
  ["$(nothing) + 'a'", 'a', 'section 5: unset joins as nothing'],
  ['$(nothing) + $(nothing)', '', 'section 5: unset joins as nothing'],
  ["$(numbers) + 'a'", '3,4a', 'section 5: lists join as they print'],
  ['-$(n)', -10, 'section 5: unary minus'],
  ['--1', 'error: a value is missing', 'section 5: one minus only'],
  ['1 == 01', true, 'section 5: 1==01'],
  ['$(n) > 9', true, 'section 5: $(n) > 9'],
  ["'10' > '9'", true, 'section 5: quoted numbers are numeric'],
  ["'10' < '9a'", true, 'section 5: byte-wise strings'],
  ["$(nothing) == ''", true, 'section 5: unset equals the empty string'],
  ["$(nothing) != 'a'", true, 'section 5: unset differs from the rest'],
  ['$(nothing) < 1', false, 'section 5: unset orders with nothing'],
  ['1 + 1 == 2', true, 'section 5: sums first'],
  ["$(list) == '1,a,2'", true, 'section 4: lists compare as they print'],
  ["'abc' has 'b'", true, 'section 5: has'],
  ["'abc' has 'B'", false, 'section 5: has minds case'],
  ["'abc' has_i 'B'", true, 'section 5: has_i does not'],
  ["'abc' has ''", false, 'section 5: nothing is in no text'],
  ["$(nothing) has 'a'", false, 'section 5: and no text in nothing'],
  ["$(list) has 'a'", true, 'section 5: has looks in the text of a list'],
  ["'abc' matches 'b'", true, 'section 5: matches anywhere'],
  ["'abc' matches '^b'", false, 'section 5: anchors'],
  ["'abc' matches 'B'", false, 'section 5: matches minds case'],
  ["'abc' matches_i 'B'", true, 'section 5: matches_i does not'],
  ["'a1' matches '^[a-z]\\d$'", true, 'section 5: backslashes reach the pattern'],
  ["'a.b' matches '''a\\.b'''", true, "section 5: in '''…''' too"],
  ["'' matches '^$'", true, 'section 5: the empty text has a beginning and an end'],
  ['$(word) matches $(nothing)', false, 'section 5: an unset pattern matches nothing'],
  ["'ABC' =~ '/b/i'", true, 'section 5: =~ with a flag'],
  ["'ABC' =~ '/b/'", false, 'section 5: =~ without'],
  ["'a/b' =~ '/a/b/'", true, 'section 5: =~ with a slash inside'],
  ["'abc' =~ 'b'", true, 'section 5: =~ without slashes'],
  ["'a\nb' =~ '/^b/m'", true, 'section 5: =~ by lines'],
  ['true & 1', true, 'section 5: &'],
  ['1 & 0', false, 'section 5: &'],
  ['0 | 1', true, 'section 5: |'],
  ['0 | $(empty)', false, 'section 5: |'],
  ['true | true & false', true, 'section 5: & before |, as in W'],
  ['1 && 1 || 0', true, 'section 5: the doubled operators'],
  ["'a' | 'b'", true, 'section 5: the result is a boolean'],
  ["!'a'=='b'", true, 'section 5: comparison before !'],
  ["!'a'", false, 'section 5: !'],
  ['!!1', true, 'section 5: !!'],
  ['!$(nothing)', true, 'section 5: ! of unset'],
  ["'$(word)s'", 'words', 'section 5: variables inside quotes'],
  ["'$(n)' == '10'", true, 'section 5: variables inside quotes'],
  ["'$(nothing)' == ''", true, 'section 5: an unset one is empty'],
  ["'$lower('", '$lower(', 'section 4: malformed stays text'],
  ["'$(list)'", '1,a,2', 'section 4: a list in text prints'],
])('%s is %j (%s)', (expression, value) => {
  expect(stage({}, VARIABLES).value(expression)).toEqual(value);
});

test.each<[expression: string, holds: boolean, rule: string]>([
  ['0', false, 'section 5: false for the number literal 0'],
  ["'0'", true, "section 5: true for the string '0'"],
  ['1 - 1', false, 'section 5: false for arithmetic results'],
  ['$(n) - 10', false, 'section 5: false for arithmetic results'],
  ['-0', false, 'section 5: false for the number literal 0'],
  ["'false'", true, 'section 5: the text "false"'],
  ['false', false, 'section 5: false'],
  ['$(word)', true, 'section 5: non-empty'],
  ['$(empty)', false, 'section 5: empty'],
  ['$(nothing)', false, 'section 5: unset'],
  ['[]', false, 'section 5: empty list'],
  ["{'a':0}", true, 'section 5: non-empty dictionary'],
  ['(((1)))', true, 'section 5: parentheses'],
])('the test %s is %j (%s)', (expression, holds) => {
  expect(stage({}, VARIABLES).test(expression)).toBe(holds);
});

test.each<[text: string, expanded: string, rule: string]>([
  ['a $(word) b', 'a word b', 'section 4: variable in text'],
  ['$(nothing)', '', 'section 4: unset is empty'],
  ['$(nothing|x)', 'x', 'section 4: default'],
  ['$(list) $(map)', '1,a,2 k=v&k2=v2', 'section 4: lists and dictionaries'],
  ['$upper($(word)) costs $5', 'WORD costs $5', 'section 6: call in text'],
  ['$( $(A{b $A(x)', '$( $(A{b $A(x)', 'section 4: malformed stays text'],
  ['$nosuch(1)', '', 'section 6: unknown function gives nothing'],
])('the text %s becomes %j (%s)', (text, expanded) => {
  expect(stage({}, VARIABLES).text(text)).toBe(expanded);
});

describe('warnings', () => {
  test.each<[expression: string, codes: string[], rule: string]>([
    ["abc == 'abc'", ['parse-error'], 'section 5: a parse error is false and a warning'],
    ["'a' - 1", ['bad-argument'], 'section 5: no number'],
    ["-'a'", ['bad-argument'], 'section 5: no number'],
    ['1 / 0', ['bad-argument'], 'section 5: no result'],
    ['1 % 0', ['bad-argument'], 'section 5: no result'],
    ["['a'..'c']", ['bad-argument'], 'section 4: ranges are of numbers'],
    ['[1..10001]', ['too-large'], 'section 7: lists are bounded'],
    ['[1..9999999999999999]', ['bad-argument'], 'section 7: lists are bounded'],
    ["'a' matches '('", ['bad-pattern'], 'section 5: no pattern'],
    ["'a' matches '(a)\\1'", ['bad-pattern'], 'SECURITY row 11: no backreferences'],
    ["'a' matches '(?=a)'", ['bad-pattern'], 'SECURITY row 11: no lookaround'],
    [`'a' matches '${'a'.repeat(257)}'`, ['bad-pattern'], 'SECURITY row 11: at most 256 bytes'],
    [`'a' matches '${'ä'.repeat(129)}'`, ['bad-pattern'], 'SECURITY row 11: bytes, not characters'],
    ["'a' =~ '/a/x'", ['bad-pattern'], 'section 5: no such flag'],
    ['$nosuch()', ['unknown-function'], 'section 6: unknown function'],
    ['$constructor()', ['unknown-function'], 'SECURITY row 12: no prototype'],
  ])('%s warns %j (%s)', (expression, codes) => {
    const { test: holds, warnings } = stage();
    expect(holds(expression)).toBe(false);
    expect(warnings).toEqual(codes);
  });

  it('hold no value of a client', () => {
    const heard: string[] = [];
    const secret = 'secret-value(';
    const { test: holds } = stage(
      { fields: ['cookie', `a=${secret}`] },
      {},
      { warn: ({ message }) => heard.push(message), privileged: true },
    );
    holds("'a' matches $(HTTP_COOKIE{a})");
    holds('1 - $(HTTP_COOKIE{a})');
    holds("$add_header($(HTTP_COOKIE{a}), 'x')");
    holds('$set_redirect($(HTTP_COOKIE{a}) + $(nothing) + "\n")');
    holds('$rand($(HTTP_COOKIE{a}))');
    expect(heard).toHaveLength(5);
    expect(heard.join()).not.toContain('secret');
  });
});

describe('laziness', () => {
  it('evaluates no operand whose value cannot matter', () => {
    const { test: holds, environment } = stage();
    expect(holds('0 & $rand() | 1 | $rand()')).toBe(true);
    expect(holds("$(nothing|'a') == 'a' | $rand()")).toBe(true);
    expect(environment.lastRandom).toBeUndefined();
  });
});

describe('the step budget', () => {
  it('ends in unset values, one warning and a flag, not in an exception', () => {
    const steps = { left: 10, exhausted: false };
    const { value, test: holds, warnings } = stage({}, VARIABLES, { steps });
    expect(value('1+1+1+1+1+1+1+1+1+1+1+1')).not.toBe(12);
    expect(steps).toEqual({ left: 0, exhausted: true });
    expect(value('1')).toBeUndefined();
    expect(holds('!0')).toBe(false);
    expect(warnings.filter((code) => code === 'too-many-steps')).toHaveLength(1);
  });

  it('makes no test true that it cut short', () => {
    expect(stage({}, {}, { steps: { left: 1, exhausted: false } }).test('!1')).toBe(false);
  });

  it('lets nothing cheaper go on after it', () => {
    const { value, environment } = stage({}, { long: 'x'.repeat(MAX_TEXT) }, { steps: { left: 50, exhausted: false } });
    value('$lower($(long))');
    expect(environment.steps).toEqual({ left: 0, exhausted: true });
    expect(value('1')).toBeUndefined();
  });

  it('is charged for long texts', () => {
    const { value, environment } = stage({}, { long: 'x'.repeat(MAX_TEXT) });
    for (let i = 0; i < 100 && !environment.steps.exhausted; i++) value('$lower($(long))');
    expect(environment.steps.exhausted).toBe(true);
  });

  it('is charged for lists that print long', () => {
    let list: Value = [];
    for (let i = 0; i < 40; i++) list = [list, list];
    const { value, environment } = stage({}, { list });
    for (let i = 0; i < 20 && !environment.steps.exhausted; i++) value('$len($str($(list)))');
    expect(environment.steps.exhausted).toBe(true);
  });

  it('calls no function of the page once it is spent', () => {
    let called = 0;
    const own = () => {
      called++;
      return 1;
    };
    const { value } = stage({}, {}, { steps: { left: 5, exhausted: false }, userFunction: () => own });
    for (let i = 0; i < 10; i++) value('$own() + $own() + $own()');
    expect(called).toBeLessThanOrEqual(3);
  });

  it('bounds what concatenation makes', () => {
    const { value, warnings } = stage({}, { long: 'x'.repeat(MAX_TEXT) });
    expect(value("$(long) + 'x'")).toBeUndefined();
    expect(value("'$(long)x'")).toBeUndefined();
    expect(warnings).toEqual(['too-large', 'too-large']);
  });
});

describe('matches and its groups', () => {
  it('gives the groups of the last match, and none after a failed one', () => {
    const { test: holds, text } = stage();
    expect(holds("'2026-11-23' matches '(\\d+)-(\\d+)(x)?'")).toBe(true);
    expect(text('$(MATCHES{0})/$(MATCHES{1})/$(MATCHES{2})/$(MATCHES{3})/$(MATCHES{4}|none)')).toBe(
      '2026-11/2026/11//none',
    );
    expect(holds("'a' matches 'b'")).toBe(false);
    expect(text('$(MATCHES{0})')).toBe('');
  });

  const A = 'a'.repeat(60_000);
  test.each([
    ['(a+)+$', `${A}!`],
    ['^(a|a)*$', `${A}!`],
    ['^(a|aa)+$', `${A}!`],
    ['(.*a){20}$', `${A}!`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', A],
    ['(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)!', `${A}!`],
    ['((a|aa){1,100}){1,9}$', A],
    ['(?:(?:(?:(?:(?:a*)*)*)*)*)*$', `${A}!`],
    [`${'(a?)'.repeat(50)}a{50}$`, `${A}!`],
    ['(a{1,999}){1}b', A],
  ])('%s, which kills engines that backtrack, is done at once', (pattern, text) => {
    const { test: holds } = stage({}, { pattern, text });
    const begin = performance.now();
    holds('$(text) matches $(pattern)');
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  it('searches at most 64 KiB', () => {
    const { test: holds, warnings } = stage({}, { fits: 'x'.repeat(65_536), long: 'x'.repeat(65_537) });
    expect([holds("$(fits) matches 'x$'"), holds("$(long) matches 'x'")]).toEqual([true, false]);
    expect(warnings).toEqual(['bad-pattern']);
  });

  it('gives the same answer however many patterns come between', () => {
    const { test: holds } = stage({}, {}, { steps: { left: 1e9, exhausted: false } });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 100; i++) expect(holds(`'x${i}y' matches '^x${i}y$'`)).toBe(true);
    }
  });
});

describe('values are never parsed', () => {
  test.each([
    '$(HTTP_HOST)',
    "' | 'a' == 'a",
    "x' == 'x' | 'a",
    '$add_header("a","b")',
    '<esi:include src="/x"/>',
    '\\',
    "'''",
    '|d)',
    '{k}',
    '1 == 1',
  ])('%s in a cookie stays what it is', (cookie) => {
    const { test: holds, text, value, warnings } = stage({ fields: ['cookie', `a=${cookie}`, 'host', 'shop'] });
    expect(holds("$(HTTP_COOKIE{a}) == 'secret'")).toBe(false);
    expect(holds("'$(HTTP_COOKIE{a})' == 'secret'")).toBe(false);
    expect(value('$(HTTP_COOKIE{a})')).toBe(cookie);
    expect(value("'$(HTTP_COOKIE{a})'")).toBe(cookie);
    expect(value("$(HTTP_COOKIE{a}) + ''")).toBe(cookie);
    expect(value('$(nothing|$(HTTP_COOKIE{a}))')).toBe(cookie);
    expect(text('<$(HTTP_COOKIE{a})>')).toBe(`<${cookie}>`);
    expect(text('$(HTTP_COOKIE{$(HTTP_COOKIE{a})}|none)')).toBe('none');
    expect(warnings).toEqual([]);
  });

  it('whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (x) => {
        const { value, text, test: holds } = stage({}, { x });
        expect(value("'$(x)'")).toBe(x);
        expect(text('a$(x)b')).toBe(`a${x}b`);
        expect(holds("$(x) == '\u0001'")).toBe(x === '\u0001');
        expect(value("$substr('-$(x)', 1)")).toBe(x);
      }),
    );
  });

  it('and each is escaped on its own, literal text never', () => {
    const { environment } = stage({}, { x: '<b>' });
    expect(expandText(parseText('<i>$(x)</i>$(x)'), environment, escapeHtml)).toBe('<i>&lt;b&gt;</i>&lt;b&gt;');
  });
});

test.each<[src: string, url: string, rule: string]>([
  ['/a?x=1&y=2', '/a?x=1&y=2', 'section 9: literal text stays'],
  ['/p/$(evil)', '/p/..%2F..%2Fadmin%3Fx%23', 'section 9: no way out of a path segment'],
  ['/p?q=$(query)&r=1', '/p?q=1%26r%3D2%23&r=1', 'section 9: no way out of a parameter'],
  ['/p/$(dots)/x', '/p//x', 'section 9: no step up'],
  ['/p?v=$(dots)', '/p?v=..', 'section 9: dots are harmless in a query'],
  ['$(whole)', 'https://cdn.example/a?b=c', 'section 9: unless the whole src is one variable'],
  ['$(whole)/x', 'https%3A%2F%2Fcdn.example%2Fa%3Fb%3Dc/x', 'section 9: and nothing else'],
  ['/$(nothing)/$(host)', '/.//evil.example', 'section 9: an empty value makes no host'],
  ['$(nothing)//$(host)', '/.//evil.example', 'section 9: an empty value makes no host'],
  ['//$(host)/x', '//evil.example/x', 'section 3: //host/x as the page wrote it'],
  ['/p/$(crlf)', '/p/%0D%0AX%3A%201', 'section 9: no header injection'],
  ['/p/$(umlaut)', '/p/%C3%A4', 'section 9: UTF-8'],
])('the src %s is %s (%s)', (src, url) => {
  const { environment } = stage(
    {},
    {
      evil: '../../admin?x#',
      query: '1&r=2#',
      dots: '..',
      whole: 'https://cdn.example/a?b=c',
      host: 'evil.example',
      crlf: '\r\nX: 1',
      umlaut: 'ä',
    },
  );
  expect(expandUrl(parseText(src), environment)).toBe(url);
});

it('never throws, whatever the expression and the variables', () => {
  const names = fc.constantFrom('x', 'y', 'HTTP_COOKIE', 'QUERY_STRING', 'MATCHES', 'HTTP_USER_AGENT');
  const values = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(undefined),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value')).map((record) => new Map(Object.entries(record))),
    ),
  })).value;
  const functions =
    'exists is_empty len int str lower upper strip substr index rindex replace string_split join list_delitem html_encode html_decode url_encode url_decode base64_encode base64_decode digest_md5_hex http_time strftime rand last_rand bin_int add_header set_response_code set_redirect json_encode';
  const expressions = fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 4 },
      names.map((name) => `$(${name})`),
      fc.constantFrom('1', '-2', "'a'", "'(a+)'", "'$(x)'", '[1..3]', "{'a':1}", 'true', '$(x{1}|$(y))'),
      fc
        .tuple(tie('e'), fc.constantFrom(...'+-*/%&|<>'.split(''), '==', ' has ', ' matches ', ' =~ '), tie('e'))
        .map(([left, operator, right]) => `(${left}${operator}${right})`),
      fc
        .tuple(fc.constantFrom(...functions.split(' ')), fc.array(tie('e'), { maxLength: 4 }))
        .map(([name, args]) => `$${name}(${args.join(',')})`),
    ),
  })).e;
  fc.assert(
    fc.property(expressions, values, values, fc.nat(500), (text, x, y, left) => {
      const steps = { left, exhausted: false };
      const { test: holds, text: expand, environment } = stage({}, { x, y }, { steps, privileged: true });
      expect(parseExpression(text).kind).not.toBe('error');
      holds(text);
      expect(typeof expand(`'${text}`)).toBe('string');
      expect(environment.steps.left).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 1_000 },
  );
});
