import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { escapeHtml, escapeJson, escapeUrl, escapeUrlPath } from '../../../src/template/escape.ts';

test.each([
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['&', '&amp;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
  ['<script>alert("1")</script>', '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;'],
  ['<esi:include src="/x"/>', '&lt;esi:include src=&quot;/x&quot;/&gt;'],
  ['&amp;', '&amp;amp;'],
  ['häß 1+1', 'häß 1+1'],
])('section 9: %j is %j in HTML', (text, escaped) => {
  expect(escapeHtml(text)).toBe(escaped);
});

test.each([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n\u0000', '\\n\\u0000'],
  ['</script>', '\\u003c/script>'],
  ['\u2028\u2029', '\\u2028\\u2029'],
  ['\ud800', '\\ud800'],
  ['häß', 'häß'],
])('section 9: %j is %j in a JSON string', (text, escaped) => {
  expect(escapeJson(text)).toBe(escaped);
});

test.each([
  ['a b', 'a%20b'],
  ['/?#&=', '%2F%3F%23%26%3D'],
  [':@', '%3A%40'],
  ['\\', '%5C'],
  ['\r\n', '%0D%0A'],
  ["!'()*", '%21%27%28%29%2A'],
  ['%41', '%2541'],
  ['ä', '%C3%A4'],
  ['\ud800', '%EF%BF%BD'],
  ['a-b_c.d~e', 'a-b_c.d~e'],
  ['..', '..'],
])('section 9: %j is %j in a URL', (text, escaped) => {
  expect(escapeUrl(text)).toBe(escaped);
});

test.each([
  ['..', ''],
  ['.', ''],
  ['...', '...'],
  ['../x', '..%2Fx'],
])('section 9: %j is %j in a path, which it cannot climb', (text, escaped) => {
  expect(escapeUrlPath(text)).toBe(escaped);
});

const anyText = fc.string({ unit: 'binary' });

it('leaves nothing in HTML that could end a text or an attribute', () => {
  fc.assert(fc.property(anyText, (text) => !/[<>"']|&(?!lt;|gt;|amp;|quot;|#39;)/.test(escapeHtml(text))));
});

it('gives JSON strings that parse to the value', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(JSON.parse(`"${escapeJson(text)}"`)).toBe(text);
    }),
  );
});

it('never lets a value leave its path segment or its parameter', () => {
  fc.assert(
    fc.property(anyText, anyText, (inPath, inQuery) => {
      const url = new URL(`/a/${escapeUrlPath(inPath)}/z?q=${escapeUrl(inQuery)}&r=1`, 'http://host');
      expect(url.origin).toBe('http://host');
      expect(url.pathname.split('/')).toHaveLength(4);
      expect(url.pathname.split('/').slice(0, 2)).toEqual(['', 'a']);
      expect([...url.searchParams.keys()]).toEqual(['q', 'r']);
      expect(url.searchParams.get('q')).toBe(inQuery.toWellFormed());
    }),
  );
});
