import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { notModified, parseEtags, strongMatch, weakMatch } from '../../../src/http/conditional.ts';

test.each<[string, readonly string[] | '*']>([
  ['"a"', ['"a"']],
  ['"a", W/"b" ,"c"', ['"a"', 'W/"b"', '"c"']],
  ['"a,b", "c d"', ['"a,b"', '"c d"']],
  ['""', ['""']],
  ['*', '*'],
  [' * ', '*'],
  ['abc, "d"', ['abc', '"d"']],
  ['', []],
])('the entity tags in %j are %j', (text, expected) => {
  expect(parseEtags(text)).toEqual(expected);
});

test.each([
  // RFC 9110 section 8.8.3.2, the table
  ['W/"1"', 'W/"1"', false, true],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', false, true],
  ['"1"', '"1"', true, true],
])('%s and %s: strong %s, weak %s', (a, b, strong, weak) => {
  expect(strongMatch(a, b)).toBe(strong);
  expect(weakMatch(a, b)).toBe(weak);
});

const OLD = 'Sun, 06 Nov 1994 08:49:36 GMT';
const AT = 'Sun, 06 Nov 1994 08:49:37 GMT';
const NEW = 'Sun, 06 Nov 1994 08:49:38 GMT';

test.each<[string, Parameters<typeof notModified>[0], readonly string[], boolean]>([
  ['nothing was asked', { etag: '"a"', lastModified: AT }, [], false],
  ['the tag agrees', { etag: '"a"' }, ['if-none-match', '"a"'], true],
  ['the tag agrees weakly', { etag: 'W/"a"' }, ['if-none-match', '"a"'], true],
  ['one of several tags agrees', { etag: '"a"' }, ['if-none-match', '"x", "y", "a"'], true],
  ['a tag on a second line agrees', { etag: '"a"' }, ['if-none-match', '"x"', 'if-none-match', '"a"'], true],
  ['no tag agrees', { etag: '"a"' }, ['if-none-match', '"b"'], false],
  ['there is no tag', {}, ['if-none-match', '"b"'], false],
  ['any will do', {}, ['if-none-match', '*'], true],
  ['tags beat dates, for', { etag: '"a"', lastModified: NEW }, ['if-none-match', '"a"', 'if-modified-since', AT], true],
  [
    'tags beat dates, against',
    { etag: '"a"', lastModified: OLD },
    ['if-none-match', '"b"', 'if-modified-since', AT],
    false,
  ],
  [
    'tags beat dates even without a tag',
    { lastModified: OLD },
    ['if-none-match', '"b"', 'if-modified-since', AT],
    false,
  ],
  ['it is as old', { lastModified: AT }, ['if-modified-since', AT], true],
  ['it is older', { lastModified: OLD }, ['if-modified-since', AT], true],
  ['it is newer', { lastModified: NEW }, ['if-modified-since', AT], false],
  ['another format of date', { lastModified: AT }, ['if-modified-since', 'Sun Nov  6 08:49:37 1994'], true],
  ['an invalid date is ignored', { lastModified: AT }, ['if-modified-since', 'yesterday'], false],
  ['two dates are ignored', { lastModified: AT }, ['if-modified-since', AT, 'if-modified-since', AT], false],
  ['its own date is invalid', { lastModified: 'x' }, ['if-modified-since', AT], false],
  ['Date stands in', { date: AT }, ['if-modified-since', AT], true],
  ['Last-Modified goes before Date', { lastModified: NEW, date: OLD }, ['if-modified-since', AT], false],
])('not modified? %s', (_, validators, fields, expected) => {
  expect(notModified(validators, fields)).toBe(expected);
});

test.each([
  ['GET', true],
  ['HEAD', true],
  ['POST', false],
  ['OPTIONS', false],
])('%s may be answered by 304: %s', (method, expected) => {
  expect(notModified({ etag: '"a"' }, ['if-none-match', '"a"'], method)).toBe(expected);
});

it('finds every tag in a list of tags', () => {
  const tag = fc
    .tuple(fc.constantFrom('', 'W/'), fc.stringMatching(/^[!#-~\x80-\xff]{0,8}$/))
    .map(([weak, opaque]) => `${weak}"${opaque}"`);
  fc.assert(
    fc.property(fc.array(tag, { minLength: 1 }), fc.constantFrom(',', ', ', ' , '), (tags, comma) => {
      expect(parseEtags(tags.join(comma))).toEqual(tags);
    }),
    { seed: 1 },
  );
});
