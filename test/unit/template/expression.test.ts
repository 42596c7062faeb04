import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  type Expression,
  type ParseError,
  parseExpression,
  parseText,
  readsOf,
  type TextParts,
} from '../../../src/template/expression.ts';

/** An expression as it was understood, every operator with its parentheses. */
function show(expression: Expression | ParseError): string {
  switch (expression.kind) {
    case 'error':
      return 'error';
    case 'literal':
      return JSON.stringify(expression.value);
    case 'text':
      return `text(${showParts(expression.parts)})`;
    case 'variable': {
      const key = expression.key ? `{${show(expression.key)}}` : '';
      return `${expression.name}${key}${expression.default ? `|${show(expression.default)}` : ''}`;
    }
    case 'call':
      return `$${expression.name}(${expression.args.map(show).join(', ')})`;
    case 'list':
      return `[${expression.items.map(show).join(', ')}]`;
    case 'range':
      return `[${show(expression.from)}..${show(expression.to)}]`;
    case 'dictionary':
      return `{${expression.entries.map((entry) => entry.map(show).join(': ')).join(', ')}}`;
    case 'not':
      return `!${show(expression.operand)}`;
    case 'negative':
      return `-${show(expression.operand)}`;
    case 'and':
    case 'or':
      return `(${expression.operands.map(show).join(expression.kind === 'and' ? ' & ' : ' | ')})`;
    case 'sum':
      return expression.rest.reduce(
        (left, [operator, right]) => `(${left} ${operator} ${show(right)})`,
        show(expression.first),
      );
    case 'compare':
      return `(${show(expression.left)} ${expression.operator} ${show(expression.right)})`;
  }
}

function showParts(parts: TextParts): string {
  return parts.map((part) => (typeof part === 'string' ? JSON.stringify(part) : show(part))).join(' ');
}

test.each<[text: string, understood: string, rule: string]>([
  ['1', '1', 'section 5: number'],
  ['1.50', '1.5', 'section 5: decimal number'],
  ['01', '1', 'section 5: leading zero'],
  ['-3', '-3', 'section 5: negative literal'],
  ['- 3', '-3', 'section 5: negative literal'],
  ['-$(x)', '-x', 'section 5: unary minus before any primary'],
  ['12345678901234567890', '"12345678901234567890"', 'section 5: a number keeps its digits'],
  ["'a'", '"a"', 'section 5: single quotes'],
  ['"a"', '"a"', 'section 5: double quotes'],
  ["''", '""', 'section 5: empty string'],
  ["'''it's \"so\"'''", '"it\'s \\"so\\""', "section 5: '''…''' holds quotes"],
  ["'''a\\b'''", '"a\\\\b"', 'section 5: and backslashes'],
  ["'it\\'s'", '"it\'s"', "section 5: escape \\'"],
  ["'a\\\\b'", '"a\\\\b"', 'section 5: escape \\\\'],
  ["'\\\\'", '"\\\\"', 'section 5: an escaped backslash escapes no quote'],
  ['"a\\"b"', '"a\\"b"', 'section 5: escape \\"'],
  ["'\\d+'", '"\\\\d+"', 'section 5: other backslashes stay, for patterns'],
  ["'a\nb'", '"a\\nb"', 'section 5: strings over several lines'],
  ['true', 'true', 'section 5: true'],
  ['false', 'false', 'section 5: false'],
  ['$(x)', 'x', 'section 4: variable'],
  ['$(HTTP_COOKIE{id})', 'HTTP_COOKIE{"id"}', 'section 4: key'],
  ["$(HTTP_COOKIE{'a b'})", 'HTTP_COOKIE{"a b"}', 'section 4: quoted key'],
  ['$(HTTP_COOKIE{"a b"})', 'HTTP_COOKIE{"a b"}', 'section 4: quoted key'],
  ['$(HTTP_ACCEPT_LANGUAGE{en-gb})', 'HTTP_ACCEPT_LANGUAGE{"en-gb"}', 'section 4: key with a dash'],
  ['$(x{0})', 'x{"0"}', 'section 4: key of a list'],
  ['$(x{$(k)})', 'x{k}', 'section 4: key from a variable'],
  ['$(x{$lower(k)})', 'error', 'section 5: bare word as argument'],
  ["$(x{$lower('K')})", 'x{$lower("K")}', 'section 4: key from a call'],
  ['$(x|d)', 'x|"d"', 'section 4: default'],
  ['$(x|/a/b.png)', 'x|"/a/b.png"', 'section 4: default'],
  ['$(x|)', 'x|""', 'section 4: empty default'],
  ["$(x|'d with blanks')", 'x|"d with blanks"', 'section 4: quoted default'],
  ['$(x|"d e")', 'x|"d e"', 'section 4: default in double quotes'],
  ['$(x|$(y))', 'x|y', 'section 4: default from a variable'],
  ['$(x|$(y|$(z|w)))', 'x|y|z|"w"', 'section 4: default of a default'],
  ['$(x{k}|d)', 'x{"k"}|"d"', 'section 4: key and default'],
  ['$fn()', '$fn()', 'section 5: call'],
  ["$fn( 'a' , 1+2 )", '$fn("a", (1 + 2))', 'section 5: arguments'],
  ["$f($g('a'))", '$f($g("a"))', 'section 5: call in a call'],
  ["$f('a' == 'b' | $(x))", '$f((("a" == "b") | x))', 'section 5: an argument is a whole expression'],
  ['[]', '[]', 'section 4: empty list'],
  ["[1, 'a', [2]]", '[1, "a", [2]]', 'section 4: list'],
  ['[1..5]', '[1..5]', 'section 4: range'],
  ['[5..1]', '[5..1]', 'section 4: range downwards'],
  ['[ $(a) .. $(b) + 1 ]', '[a..(b + 1)]', 'section 4: range of expressions'],
  ['[-1..1]', '[-1..1]', 'section 4: range from a negative number'],
  ['{}', '{}', 'section 4: empty dictionary'],
  ["{'k':$(v), 2 : [1]}", '{"k": v, 2: [1]}', 'section 4: dictionary'],
  ['(1)', '1', 'section 5: parentheses'],
  ['1 + 2', '(1 + 2)', 'section 5: sum'],
  ['1+2', '(1 + 2)', 'section 5: blanks are optional'],
  ['2 + 3 * 4', '((2 + 3) * 4)', 'section 5: strictly left to right'],
  ['2 + (3 * 4)', '(2 + (3 * 4))', 'section 5: unless in parentheses'],
  ['8 / 2 - 1 % 3', '(((8 / 2) - 1) % 3)', 'section 5: strictly left to right'],
  ['1 - -1', '(1 - -1)', 'section 5: unary minus after an operator'],
  ['1-1', '(1 - 1)', 'section 5: minus is an operator after a value'],
  ["'a' == 'b'", '("a" == "b")', 'section 5: =='],
  ['1 != 2', '(1 != 2)', 'section 5: !='],
  ['1<2', '(1 < 2)', 'section 5: <'],
  ['1>2', '(1 > 2)', 'section 5: >'],
  ['1<=2', '(1 <= 2)', 'section 5: <='],
  ['1>=2', '(1 >= 2)', 'section 5: >='],
  ["'a' has 'b'", '("a" has "b")', 'section 5: has'],
  ["'a'has_i'b'", '("a" has_i "b")', 'section 5: has_i'],
  ["'a' matches 'b'", '("a" matches "b")', 'section 5: matches'],
  ["'a' matches_i '''b'''", '("a" matches_i "b")', 'section 5: matches_i'],
  ["'a' =~ '/b/i'", '("a" =~ "/b/i")', 'section 5: =~'],
  ['1 + 1 == 2 * 1', '((1 + 1) == (2 * 1))', 'section 5: sums bind tighter than comparison'],
  ['1 & 2', '(1 & 2)', 'section 5: &'],
  ['1 && 2', '(1 & 2)', 'section 5: &&'],
  ['1 | 2', '(1 | 2)', 'section 5: |'],
  ['1 || 2', '(1 | 2)', 'section 5: ||'],
  ['1 | 2 & 3', '(1 | (2 & 3))', 'section 5: & binds tighter than |'],
  ['1 & 2 | 3', '((1 & 2) | 3)', 'section 5: & binds tighter than |'],
  ['(1 | 2) & 3', '((1 | 2) & 3)', 'section 5: unless in parentheses'],
  ['1==1&2==2', '((1 == 1) & (2 == 2))', 'section 5: comparison binds tighter than &'],
  ["!'a'=='b'", '!("a" == "b")', 'section 5: comparison binds tighter than !'],
  ["(!'a')=='b'", '(!"a" == "b")', 'section 5: unless in parentheses'],
  ['!1 & !2', '(!1 & !2)', 'section 5: ! binds tighter than &'],
  ['!!1', '!!1', 'section 5: twice'],
  ['!!!1', '!1', 'section 5: three times is once'],
  ['  1\n==\t1  ', '(1 == 1)', 'section 5: white space anywhere'],
  ["'$(x)'", 'text(x)', 'section 5: variables inside quotes expand'],
  ["'a$(x{k}|d)b'", 'text("a" x{"k"}|"d" "b")', 'section 5: with key and default'],
  ['"$(x{\'k\'})"', 'text(x{"k"})', 'section 5: with the other quotes inside'],
  ["'$lower($(x))'", 'text($lower(x))', 'section 5: and calls'],
  ["'''$(x)'''", 'text(x)', "section 5: in '''…''' too"],
  ["'$(x'", '"$(x"', 'section 4: malformed stays text'],
  ["'cost: 5$'", '"cost: 5$"', 'section 4: a dollar sign is text'],
  ["'^a$|b$'", '"^a$|b$"', 'section 4: a dollar sign is text'],
])('%s is %s (%s)', (text, understood) => {
  expect(show(parseExpression(text))).toBe(understood);
});

test.each<[text: string, message: RegExp, rule: string]>([
  ['', /missing/, 'section 5: nothing'],
  ['   ', /missing/, 'section 5: nothing'],
  ['abc', /without quotes/, 'section 5: bare words'],
  ['$(x) == abc', /without quotes/, 'section 5: bare words'],
  ['TRUE', /without quotes/, 'section 5: bare words'],
  ['1.05a', /number/, 'section 5: no number'],
  ['3.01.23', /number/, 'section 5: no number'],
  ['0x10', /number/, 'section 5: no number'],
  ['1.', /belongs/, 'section 5: no number'],
  ['+5', /missing/, 'section 5: no unary plus'],
  ["'abc", /closing quote/, 'section 5: unclosed string'],
  ["'abc\\'", /closing quote/, 'section 5: unclosed string'],
  ["'''abc'", /closing quote/, 'section 5: unclosed string'],
  ['(1', /\) is missing/, 'section 5: unclosed parenthesis'],
  ['1)', /belongs/, 'section 5: stray parenthesis'],
  ['[1', /, is missing/, 'section 5: unclosed list'],
  ['[1,]', /missing/, 'section 5: comma without item'],
  ["{'a'}", /: is missing/, 'section 5: key without value'],
  ["{'a':1", /\} is missing/, 'section 5: unclosed dictionary'],
  ['$(', /name/, 'section 4: malformed'],
  ['$()', /name/, 'section 4: malformed'],
  ['$(5)', /name/, 'section 4: malformed'],
  ['$(A{b', /\} is missing/, 'section 4: malformed'],
  ['$(A{})', /key/, 'section 4: malformed'],
  ['$(A|b c)', /\) is missing/, 'section 4: malformed'],
  ['$( A )', /name/, 'section 4: malformed'],
  ['$A', /neither/, 'section 4: malformed'],
  ['$A(x)', /without quotes/, 'section 4: malformed'],
  ['$5', /neither/, 'section 4: malformed'],
  ["$f('a'", /\) is missing/, 'section 5: unclosed call'],
  ['1 = 1', /belongs/, 'section 5: no such operator'],
  ['1 == 1 == 1', /belongs/, 'section 5: comparisons do not chain'],
  ['1 == !1', /missing/, 'section 5: ! needs parentheses there'],
  ['1 &', /missing/, 'section 5: operand missing'],
  ['1 |', /missing/, 'section 5: operand missing'],
  ['1 | | 2', /missing/, 'section 5: operand missing'],
  ['1 &&& 2', /missing/, 'section 5: operand missing'],
  ['== 1', /missing/, 'section 5: operand missing'],
  ['1 2', /belongs/, 'section 5: operator missing'],
  ["'a' hasnt 'b'", /belongs/, 'section 5: no such operator'],
  ["'a' has_ 'b'", /belongs/, 'section 5: no such operator'],
])('%s is an error: %s (%s)', (text, message) => {
  expect(parseExpression(text)).toMatchObject({ kind: 'error', message: expect.stringMatching(message) });
});

test.each<[text: string, understood: string, rule: string]>([
  ['', '', 'section 4: nothing'],
  ['plain', '"plain"', 'section 4: plain text'],
  ['$(x)', 'x', 'section 4: a variable alone'],
  ['a $(x) b', '"a " x " b"', 'section 4: a variable in text'],
  ['$(x)$(y)', 'x y', 'section 4: two of them'],
  ['$(HTTP_COOKIE{a}|d)', 'HTTP_COOKIE{"a"}|"d"', 'section 4: key and default'],
  ["-$lower('A')-", '"-" $lower("A") "-"', 'section 5: a call in text'],
  ['$(', '"$("', 'section 4: malformed stays text'],
  ['$(A{b', '"$(A{b"', 'section 4: malformed stays text'],
  ['$A(x)', '"$A(x)"', 'section 4: malformed stays text'],
  ['$5 and $(x)', '"$5 and " x', 'section 4: malformed stays text'],
  ['$$(x)', '"$" x', 'section 4: a dollar sign before a variable'],
  ['$(a $(x)', '"$(a " x', 'section 4: a variable in what is malformed'],
  ["$f('$(x)", '"$f(\'" x', 'section 4: a variable in what is malformed'],
  ["$(a|'$(b|'d')", '"$(a|\'" b|"d"', 'section 4: what fails inside a string may stand outside'],
  ["$('#id').on(1)", '"$(\'#id\').on(1)"', 'section 4: jQuery stays'],
  ['\\$(x)', '"\\\\" x', 'section 4: no escapes outside strings'],
  ["it's $(x)", '"it\'s " x', 'section 4: quotes mean nothing outside expressions'],
  ['<esi:include src="/a"/>', '"<esi:include src=\\"/a\\"/>"', 'section 4: markup is text here'],
])('the text %s is %s (%s)', (text, understood) => {
  expect(showParts(parseText(text))).toBe(understood);
});

describe('what expressions read', () => {
  const reads = (text: string): string[] =>
    readsOf(parseText(text))
      .map((read) =>
        read.kind === 'variable' ? `${read.name}${read.key === undefined ? '' : `{${read.key}}`}` : read.kind,
      )
      .sort();

  test.each<[text: string, read: string[]]>([
    ['plain', []],
    ['$(HTTP_HOST)', ['HTTP_HOST']],
    ['$(HTTP_COOKIE{a}) $(HTTP_COOKIE{b}) $(HTTP_COOKIE{a})', ['HTTP_COOKIE{a}', 'HTTP_COOKIE{b}']],
    ['$(HTTP_COOKIE{$(k)})', ['HTTP_COOKIE', 'k']],
    ["$(HTTP_COOKIE{'a$(k)'})", ['HTTP_COOKIE', 'k']],
    ['$(HTTP_COOKIE{a}) $(HTTP_COOKIE)', ['HTTP_COOKIE']],
    ["$(HTTP_HEADER{'X-A'})", ['HTTP_HEADER{X-A}']],
    ['$(x|$(QUERY_STRING{q}))', ['QUERY_STRING{q}', 'x']],
    [
      "$f([$(a), {'k': $(b)}, [$(c)..$(d)]], !$(e) | $(f) & -$(g) + 1 == '$(h)')",
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
    ],
    ['$time() $http_time()', ['clock']],
    ['$rand() $last_rand()', ['random']],
    ["$add_header('a', 'b')", ['effect']],
    ["$set_redirect('/')", ['effect']],
  ])('%s reads %j', (text, read) => {
    expect(reads(text)).toEqual(read);
  });

  it('are asked of expressions and parse errors too', () => {
    expect(readsOf(parseExpression('$(a) == $(b)'))).toHaveLength(2);
    expect(readsOf(parseExpression('$(a) =='))).toEqual([]);
  });
});

describe('properties', () => {
  const tokens = [...'$({|})[]\'"\\!&=<>+-*/%,:. 1aX', "'''", '$(', '$f(', '$(x)', ' has ', ' == ', '..', '😀', 'true'];
  const soup = fc.array(fc.constantFrom(...tokens), { maxLength: 60 }).map((parts) => parts.join(''));
  const anyText = fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 200 }));

  it('never throws, and gives plain data', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const expression = parseExpression(text);
        expect(JSON.parse(JSON.stringify(expression))).toEqual(expression);
        const parts = parseText(text);
        expect(JSON.parse(JSON.stringify(parts))).toEqual(parts);
        readsOf(expression);
        readsOf(parts);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives text without anything to expand back as it is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const parts = parseText(text);
        expect(
          parts.every((part, i) => part !== '' && !(typeof part === 'string' && typeof parts[i + 1] === 'string')),
        ).toBe(true);
        if (parts.every((part) => typeof part === 'string')) expect(parts.join('')).toBe(text);
        const plain = text.replaceAll('$', '');
        expect(parseText(plain)).toEqual(plain === '' ? [] : [plain]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives any string back that is quoted by the rules', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const plain = text.replaceAll('$', '');
        const quoted = `'${plain.replace(/[\\']/g, '\\$&')}'`;
        expect(parseExpression(quoted)).toEqual({ kind: 'literal', value: plain });
      }),
    );
  });

  const KIB = 65_536;
  const fill = (text: string): string => text.repeat(Math.ceil(KIB / text.length)).slice(0, KIB);
  test.each([
    '(',
    '!',
    '-',
    '[',
    "{'a':",
    '$(',
    '$(a{',
    '$(a|',
    '$(a|$(b{',
    '$f(',
    "$f('",
    "$f('''",
    '$f(\'$g("',
    '$f(1,',
    '$f($g(),',
    '$f([$g(1),',
    "$f('a',\"$(b|'$(c|",
    '1+',
    '1|',
    '1&',
    "'",
    "'''",
    '"\\',
    "'$(x|\\'",
    '$',
    '$a',
    '[1,',
    '[1..',
  ])('64 KiB of %s are read at once', (piece) => {
    const begin = performance.now();
    parseExpression(fill(piece));
    parseText(fill(piece));
    readsOf(parseText(fill(piece)));
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  test.each(['$f(1,', '$f($g(),', '$(a{$(b|', '$f([$g(1),'])(
    'a megabyte of %s is no worse: what failed is not tried again',
    (piece) => {
      const begin = performance.now();
      parseText(piece.repeat(1_000_000 / piece.length));
      expect(performance.now() - begin).toBeLessThan(2_000);
    },
  );

  it('and so is 64 KiB of anything', () => {
    const pieces = fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pieces, pieces, (head, piece) => {
        const begin = performance.now();
        parseText(fill(`${head}${piece.repeat(20_000)}`));
        parseExpression(fill(`${head}${piece.repeat(20_000)}`));
        expect(performance.now() - begin).toBeLessThan(1_000);
      }),
      { numRuns: 100 },
    );
  });

  it('reads long flat expressions, and refuses deep ones', () => {
    expect(parseExpression(`1${'+1'.repeat(10_000)}`).kind).toBe('sum');
    expect(parseExpression(`1${' | 1'.repeat(10_000)}`).kind).toBe('or');
    expect(parseExpression(`${'!'.repeat(10_001)}1`).kind).toBe('not');
    expect(show(parseExpression(`${'('.repeat(60)}1${')'.repeat(60)}`))).toBe('1');
    expect(parseExpression(`${'('.repeat(100)}1${')'.repeat(100)}`)).toMatchObject({
      message: 'nested more than 64 deep',
    });
    expect(parseExpression(`${'[['.repeat(50_000)}`)).toMatchObject({ message: 'nested more than 64 deep' });
  });
});
