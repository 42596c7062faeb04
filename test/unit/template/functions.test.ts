import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { MAX_ITEMS, MAX_TEXT, type Value } from '../../../src/template/value.ts';
import { stage } from './evaluation.ts';

const VARIABLES: Readonly<Record<string, Value>> = {
  empty: '',
  list: ['x', 'y'],
  none: [],
  map: new Map<string, Value>([
    ['b', 2],
    ['a', 1],
  ]),
  nomap: new Map(),
  emoji: 'a😀b',
  tabs: '\t a \n',
};

/** Values as in Fastly's unit tests where it has the function; `$(nothing)` is unset. */
test.each<[call: string, value: Value]>([
  ["$exists('a')", true],
  ["$exists('')", false],
  ['$exists($(nothing))', false],
  ['$exists([1])', true],
  ['$exists($(none))', false],
  ['$exists($(nomap))', false],
  ['$exists(0)', true],
  ['$exists(false)', true],
  ["$is_empty('')", true],
  ["$is_empty('data')", false],
  ['$is_empty($(nothing))', false],
  ['$is_empty([])', true],
  ['$is_empty({})', true],
  ['$is_empty(0)', false],
  ["$len('hello')", 5],
  ["$len('')", 0],
  ['$len($(nothing))', 0],
  ['$len([1,2])', 2],
  ['$len($(map))', 2],
  ['$len(123)', 3],
  ['$len($(emoji))', 3],
  ["$int('7')", 7],
  ["$int(' 9 ')", 9],
  ["$int('abc')", 0],
  ['$int(5)', 5],
  ['$int($(nothing))', 0],
  ["$int('-3.7')", -3],
  ['$int(3.7)', 3],
  ["$int('-0.5')", 0],
  ['$str(42)', '42'],
  ['$str([1,2])', '1,2'],
  ['$str($(nothing))', ''],
  ["$lower('HELLO')", 'hello'],
  ["$lower('')", ''],
  ['$lower($(nothing))', undefined],
  ['$lower(5)', '5'],
  ["$upper('hello')", 'HELLO'],
  ['$upper($(nothing))', undefined],
  ["$upper('ä')", 'Ä'],
  ["$strip('  hello  ')", 'hello'],
  ["$lstrip('  hello  ')", 'hello  '],
  ["$rstrip('  hello  ')", '  hello'],
  ['$strip($(tabs))', 'a'],
  ['$strip($(nothing))', undefined],
  ["$substr('hello', 1)", 'ello'],
  ["$substr('hello', 1, 3)", 'el'],
  ["$substr('hello', -3)", 'llo'],
  ["$substr('hello', 0, -1)", 'hell'],
  ["$substr('hello', -3, -1)", 'll'],
  ["$substr('hello', 3, 1)", ''],
  ["$substr('hello', 9)", ''],
  ["$substr('hello', 0, 99)", 'hello'],
  ["$substr('hello', -99, 2)", 'he'],
  ["$substr('hello', '1', '2')", 'e'],
  ['$substr($(emoji), 1, 2)', '😀'],
  ['$substr($(nothing), 1)', undefined],
  ["$index('hello world', 'world')", 6],
  ["$index('abc', 'z')", -1],
  ["$index('abc', '')", 0],
  ["$index($(nothing), 'x')", -1],
  ["$index('x', $(nothing))", -1],
  ["$index($(emoji), 'b')", 2],
  ["$rindex('ababa', 'ba')", 3],
  ["$rindex('abc', '')", 3],
  ["$rindex('abc', 'z')", -1],
  ["$replace('aXbXc', 'X', '-')", 'a-b-c'],
  ["$replace('aXbXc', 'X', '-', 1)", 'a-bXc'],
  ["$replace('aXbXc', 'X', '-', 0)", 'aXbXc'],
  ["$replace('aXbXc', 'X', '-', -1)", 'aXbXc'],
  ["$replace('aXbXc', 'X', '')", 'abc'],
  ["$replace('abc', '', '-')", 'abc'],
  ["$replace('aaa', 'aa', 'b')", 'ba'],
  ["$replace('a.b', '.', '$&')", 'a$&b'],
  ["$replace($(nothing), 'a', 'b')", undefined],
  ["$string_split('a b c')", ['a', 'b', 'c']],
  ["$string_split('a,b,c', ',')", ['a', 'b', 'c']],
  ["$string_split('a,b,c,d', ',', 2)", ['a', 'b', 'c,d']],
  ["$string_split('abc', '')", ['a', 'b', 'c']],
  ["$string_split('abc', '', 1)", ['a', 'bc']],
  ["$string_split('abc', '', 0)", ['abc']],
  ["$string_split('abc', 'b', -1)", ['abc']],
  ["$string_split($(emoji), '')", ['a', '😀', 'b']],
  ["$string_split('', ',')", ['']],
  ["$join($(list), '-')", 'x-y'],
  ['$join($(list))', 'x y'],
  ["$join($(list), '')", 'xy'],
  ['$join($(none))', ''],
  ['$join([1,[2,3]])', '1 2,3'],
  ['$list_delitem($(list), 0)', ['y']],
  ['$list_delitem($(list), 5)', ['x', 'y']],
  ['$list_delitem($(list), -1)', ['x', 'y']],
  ["$html_encode('<div>')", '&lt;div&gt;'],
  ["$html_encode('&')", '&amp;'],
  ['$html_encode(\'"quoted"\')', '&quot;quoted&quot;'],
  ['$html_encode("it\'s")', "it's"],
  ["$html_decode('&lt;div&gt;')", '<div>'],
  ["$html_decode('foo &amp; bar')", 'foo & bar'],
  ["$html_decode('&#65;&#x42;&apos;')", "AB'"],
  ["$html_decode('&amp;lt;')", '&lt;'],
  ["$html_decode('&nosuch; &#0; &#xd800; &')", '&nosuch; &#0; &#xd800; &'],
  ["$url_encode('a b')", 'a%20b'],
  ["$url_encode('a-b_c.d~e/ä')", 'a%2Db%5Fc%2Ed%7Ee%2F%C3%A4'],
  ["$url_decode('a%20b')", 'a b'],
  ["$url_decode('a+b')", 'a+b'],
  ["$url_decode('100%')", '100%'],
  ["$url_decode('%C3%A4')", 'ä'],
  ["$base64_encode('hi')", 'aGk='],
  ["$base64_encode('ä')", 'w6Q='],
  ["$base64_decode('aGk=')", 'hi'],
  ["$base64_decode('w6Q=')", 'ä'],
  ["$digest_md5_hex('hello')", '5d41402abc4b2a76b9719d911017c592'],
  ["$digest_md5_hex('')", 'd41d8cd98f00b204e9800998ecf8427e'],
  ['$digest_md5_hex($(nothing))', undefined],
  ['$dollar()', '$'],
  ['$dquote()', '"'],
  ['$squote()', "'"],
  ['$time()', 1_795_420_800],
  ['$http_time()', 'Mon, 23 Nov 2026 08:00:00 GMT'],
  ['$http_time(0)', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ["$http_time('784111777')", 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ["$strftime(0, '%Y-%m-%d')", '1970-01-01'],
  ["$strftime(994867136, '%a, %d %B %Y %H:%M:%S %Z')", 'Wed, 11 July 2001 15:58:56 UTC'],
  [
    "$strftime($time(), '%A %b %e %j %I %p %y %u %w %s %z %% %Q')",
    'Monday Nov 23 327 08 AM 26 1 1 1795420800 +0000 % %Q',
  ],
  [
    "$strftime(994867136, '%D|%F|%R|%T|%r|%x|%X|%c|%C|%h')",
    '07/11/01|2001-07-11|15:58|15:58:56|03:58:56 PM|07/11/01|15:58:56|Wed Jul 11 15:58:56 2001|20|Jul',
  ],
  ["$strftime(0, '%U %W %I %t%n%%F')", '00 00 12 \t\n%F'],
  ['$rand(10)', 5],
  ['$rand()', 50_000_000],
  ['$last_rand()', undefined],
  ['$rand(10) + $last_rand()', 10],
  ['$bin_int(127)', '\x7f\0\0\0'],
  ['$bin_int(-1)', '\xff\xff\xff\xff'],
  ['$bin_int(305419896)', '\x78\x56\x34\x12'],
  ["$convert_to_unicode('héllo')", 'héllo'],
  ["$convert_from_unicode('héllo')", 'héllo'],
  ['$convert_to_unicode($(nothing))', undefined],
  ['$convert_from_unicode($(nothing))', undefined],
  ["$json_encode('a\"b</')", '"a\\"b\\u003c/"'],
  ["$json_encode([1,'a',true,$(nothing),[]])", '[1,"a",true,null,[]]'],
  ["$json_encode({'b':[1],'a':{}})", '{"a":{},"b":[1]}'],
  ['$json_encode($(nothing))', 'null'],
])('section 6: %s is %j', (call, value) => {
  const { value: of, warnings } = stage({}, VARIABLES);
  expect(of(call)).toEqual(value);
  expect(warnings).toEqual([]);
});

test.each<[call: string, code: string]>([
  ["$lower('a', 'b')", 'bad-argument'],
  ['$lower()', 'bad-argument'],
  ["$dollar('x')", 'bad-argument'],
  ["$replace('a', 'b')", 'bad-argument'],
  ["$replace('a', 'b', 'c', 'd')", 'bad-argument'],
  ["$substr('a')", 'bad-argument'],
  ["$substr('a', 'b')", 'bad-argument'],
  ["$substr('a', 1.5)", 'bad-argument'],
  ["$string_split('a', 'b', 'c')", 'bad-argument'],
  ["$join('a')", 'bad-argument'],
  ["$list_delitem('a', 0)", 'bad-argument'],
  ["$list_delitem([1], 'a')", 'bad-argument'],
  ["$url_decode('%FF')", 'bad-argument'],
  ["$base64_decode('!')", 'bad-argument'],
  ["$base64_decode('/w==')", 'bad-argument'],
  ["$bin_int('not-int')", 'bad-argument'],
  ['$bin_int(4294967296)', 'bad-argument'],
  ['$time(1)', 'bad-argument'],
  ["$http_time('x')", 'bad-argument'],
  ['$http_time(99999999999999)', 'bad-argument'],
  ['$strftime(0)', 'bad-argument'],
  ["$strftime('x', '%Y')", 'bad-argument'],
  ['$rand(0)', 'bad-argument'],
  ["$rand('x')", 'bad-argument'],
  ['$last_rand(1)', 'bad-argument'],
  ['$json_encode()', 'bad-argument'],
  ['$nosuch()', 'unknown-function'],
  ['$digest_md5()', 'unknown-function'],
  ["$add_header('a', 'b')", 'not-permitted'],
  ['$set_response_code(404)', 'not-permitted'],
  ["$set_redirect('/')", 'not-permitted'],
])('section 6: %s is unset and warns %s', (call, code) => {
  const { value, warnings, environment } = stage({}, VARIABLES);
  expect(value(call)).toBeUndefined();
  expect(warnings).toEqual([code]);
  expect(environment.effects).toEqual([]);
});

describe('functions that change the response, where the page is privileged', () => {
  test.each<[call: string, effect: object]>([
    ["$add_header('X-A', 'b c')", { kind: 'header', name: 'x-a', value: 'b c' }],
    ["$add_header('Cache-Control', 'no-store')", { kind: 'header', name: 'cache-control', value: 'no-store' }],
    ['$set_response_code(404)', { kind: 'status', status: 404 }],
    ["$set_response_code('503', 'gone')", { kind: 'status', status: 503, body: 'gone' }],
    ["$set_redirect('/login?x=1')", { kind: 'redirect', location: '/login?x=1' }],
  ])('section 6: %s records %j', (call, effect) => {
    const { value, warnings, environment } = stage({}, {}, { privileged: true });
    expect(value(call)).toBeUndefined();
    expect(environment.effects).toEqual([effect]);
    expect(warnings).toEqual([]);
  });

  test.each<[call: string, code: string, rule: string]>([
    ["$add_header('X-A', $(crlf))", 'bad-argument', 'no CR/LF in values'],
    ["$add_header($(crlf), 'a')", 'bad-argument', 'no CR/LF in names'],
    ["$add_header('', 'a')", 'bad-argument', 'a name'],
    ["$add_header('X A', 'a')", 'bad-argument', 'a name of token characters'],
    ["$add_header('X-A', $(nul))", 'bad-argument', 'no NUL'],
    ["$add_header('X-A', '€')", 'bad-argument', 'bytes only'],
    ["$add_header('Content-Length', '0')", 'not-permitted', 'no framing'],
    ["$add_header('transfer-encoding', 'chunked')", 'not-permitted', 'no framing'],
    ["$add_header('CONTENT_LENGTH', '0')", 'not-permitted', 'in any spelling'],
    ["$add_header('Connection', 'close')", 'not-permitted', 'no framing'],
    ["$add_header('Set-Cookie', 'a=b')", 'not-permitted', 'Set-Cookie only by configuration'],
    ['$set_redirect($(crlf))', 'bad-argument', 'no CR/LF'],
    ["$set_redirect('a b')", 'bad-argument', 'no blanks'],
    ["$set_redirect('')", 'bad-argument', 'a URL'],
    ['$set_response_code(100)', 'bad-argument', 'no interim status'],
    ['$set_response_code(600)', 'bad-argument', 'no such status'],
    ["$set_response_code('abc')", 'bad-argument', 'no number'],
  ])('section 6: %s does nothing and warns %s (%s)', (call, code) => {
    const { value, warnings, environment } = stage(
      {},
      { crlf: 'a\r\nSet-Cookie: x=y', nul: 'a\0b' },
      { privileged: true },
    );
    expect(value(call)).toBeUndefined();
    expect(warnings).toEqual([code]);
    expect(environment.effects).toEqual([]);
  });

  it('send cookies where configured', () => {
    const { value, environment } = stage({}, {}, { privileged: true, setCookie: true });
    value("$add_header('Set-Cookie', 'a=b')");
    expect(environment.effects).toHaveLength(1);
  });

  it('are bounded', () => {
    const { value, environment } = stage({}, {}, { privileged: true });
    for (let i = 0; i < 200; i++) value("$add_header('X-A', 'b')");
    expect(environment.effects).toHaveLength(100);
  });
});

describe("the page's own functions", () => {
  it('get their arguments, and come before those of the library', () => {
    const own = (name: string) => (args: readonly Value[]) => `${name}:${args.join('|')}`;
    const { value } = stage({}, {}, { userFunction: (name) => (name === 'nosuch' ? undefined : own(name)) });
    expect([value("$mine('a', 1)"), value("$lower('A')"), value('$nosuch()')]).toEqual([
      'mine:a|1',
      'lower:A',
      undefined,
    ]);
  });
});

describe('bounds', () => {
  const long = 'x'.repeat(MAX_TEXT);
  const steps = () => ({ left: 1e9, exhausted: false });
  test.each([
    "$replace($(long), 'x', $(long))",
    "$replace($(long), 'x', 'xx')",
    '$join([$(long), $(long)])',
    '$join($(list), $(long))',
    "$string_split($(long), '')",
    "$string_split($(long), 'x')",
    '$html_encode($(amps))',
    '$url_encode($(amps))',
    '$base64_encode($(long))',
    '$json_encode($(long))',
    '$json_encode([$(long), $(long)])',
    '$strftime(0, $(formats))',
    '$upper($(eszett))',
  ])('%s is too large', (call) => {
    const variables = {
      long,
      amps: '&'.repeat(MAX_TEXT),
      formats: '%c'.repeat(MAX_TEXT / 4),
      eszett: 'ß'.repeat(MAX_TEXT),
      list: Array.from({ length: MAX_ITEMS }, () => 'x'),
    };
    const { value, warnings } = stage({}, variables, { steps: steps() });
    const begin = performance.now();
    expect(value(call)).toBeUndefined();
    expect(warnings).toEqual(['too-large']);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });

  it('keeps results of exactly the limits', () => {
    const { value } = stage({}, { long, blanks: ' '.repeat(MAX_ITEMS - 1) }, { steps: steps() });
    expect(value('$lower($(long))')).toHaveLength(MAX_TEXT);
    expect(value("$replace($(long), 'x', 'y')")).toHaveLength(MAX_TEXT);
    expect(value('$string_split($(blanks))')).toHaveLength(MAX_ITEMS);
    expect(value('[1..10000]')).toHaveLength(MAX_ITEMS);
  });

  it('writes no JSON of a list that holds itself', () => {
    const list: Value[] = [];
    list.push(list);
    const { value, warnings } = stage({}, { list });
    expect(value('$json_encode($(list))')).toBeUndefined();
    expect(warnings).toEqual(['too-large']);
  });
});

describe('properties', () => {
  const anyText = fc.string({ unit: 'binary' });

  it('codecs give back what they took', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const x = text.toWellFormed();
        const { value } = stage({}, { x });
        expect(value('$url_decode($url_encode($(x)))')).toBe(x);
        expect(value('$base64_decode($base64_encode($(x)))')).toBe(x);
        expect(value('$html_decode($html_encode($(x)))')).toBe(x);
        expect(JSON.parse(String(value('$json_encode($(x))')))).toBe(x);
        expect(value("$join($string_split($(x), 'a'), 'a')")).toBe(x);
        expect(value("$join($string_split($(x), ''), '')")).toBe(x);
        expect(value('$len($(x))')).toBe([...x].length);
      }),
    );
  });

  it('MD5 is that of everybody else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const x = `${text.toWellFormed()}`;
        const digest = x === '' ? 'd41d8cd98f00b204e9800998ecf8427e' : createHash('md5').update(x).digest('hex');
        expect(stage({}, { x }).value('$digest_md5_hex($(x))')).toBe(digest);
      }),
      { numRuns: 300 },
    );
  });

  it('replaces as everybody else does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '$'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, letters, (text, old, by) => {
        const expected = old === '' ? text : text.split(old).join(by);
        expect(stage({}, { text, old, by }).value('$replace($(text), $(old), $(by))')).toBe(expected);
      }),
    );
  });

  it('finds elements and substrings in characters', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '😀', 'ä'), maxLength: 8 });
    fc.assert(
      fc.property(text, fc.integer({ min: -10, max: 10 }), fc.integer({ min: -10, max: 10 }), (x, start, end) => {
        const { value } = stage({}, { x, start, end });
        expect(value('$substr($(x), $(start), $(end))')).toBe([...x].slice(start, end).join(''));
        if (start >= 0) expect(value('$(x{$(start)})')).toBe([...x][start]);
        expect(value("$index($(x), 'ä')")).toBe([...x].indexOf('ä'));
        expect(value("$rindex($(x), 'ä')")).toBe([...x].lastIndexOf('ä'));
      }),
    );
  });
});
