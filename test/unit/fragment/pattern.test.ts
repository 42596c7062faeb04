import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expand, matcher, parsePattern } from '../../../src/fragment/pattern.ts';

describe('a pattern', () => {
  test('is literal text around named gaps', () => {
    expect(parsePattern('/p/{id}.{format}')).toEqual({
      text: '/p/{id}.{format}',
      literals: ['/p/', '.', ''],
      names: ['id', 'format'],
    });
    expect(parsePattern('plain')).toEqual({ text: 'plain', literals: ['plain'], names: [] });
  });

  for (const [text, why] of [
    ['/{}', 'an empty {}'],
    ['/{a}{b}', 'no text between two {}'],
    ['/{a', 'brace'],
    ['/a}', 'brace'],
    ['/{a}/}', 'brace'],
  ] as const) {
    test(`is refused: ${text}`, () => {
      expect(() => parsePattern(text)).toThrow(SyntaxError);
      expect(() => parsePattern(text)).toThrow(why);
    });
  }

  test('matches one segment a gap, and the whole text', () => {
    const match = matcher(parsePattern('/p/{id}'), '/');
    expect({ ...match('/p/7') }).toEqual({ id: '7' });
    for (const text of ['/p/', '/p/7/8', '/q/7', 'x/p/7', '/p/7\n/8', '/P/7'])
      expect([text, match(text)]).toEqual([text, undefined]);
  });

  test('matches one token of a subject a gap', () => {
    const match = matcher(parsePattern('shop.{id}.changed'), '.');
    expect({ ...match('shop.a/b.changed') }).toEqual({ id: 'a/b' });
    expect(match('shop.a.b.changed')).toBeUndefined();
  });

  test('takes characters of regular expressions literally', () => {
    expect(matcher(parsePattern('/a.b+(c)/{x}'), '/')('/a.b+(c)/1')).toMatchObject({ x: '1' });
    expect(matcher(parsePattern('/a.b+(c)/{x}'), '/')('/aXb+(c)/1')).toBeUndefined();
  });

  test('has captures that no name can poison', () => {
    const captures = matcher(parsePattern('/{__proto__}'), '/')('/x');
    expect(Object.getPrototypeOf(captures)).toBe(null);
    expect(Object.entries(captures!)).toEqual([['__proto__', 'x']]);
  });

  test('is undefined where a value is missing', () => {
    expect(expand(parsePattern('a:{x}'), () => undefined)).toBeUndefined();
    expect(expand(parsePattern('a'), () => undefined)).toBe('a');
  });

  test('matches whatever it was expanded to, with the same values', () => {
    const segment = fc.string({ minLength: 1 }).filter((text) => !text.includes('/') && !text.includes('-'));
    const pattern = parsePattern('/p/{a}-{b}/x');
    fc.assert(
      fc.property(segment, segment, (a, b) => {
        const text = expand(pattern, (name) => ({ a, b })[name]);
        expect({ ...matcher(pattern, '/')(text!) }).toEqual({ a, b });
      }),
    );
  });

  test('is matched in time that grows with the text alone', () => {
    const match = matcher(parsePattern('/{a}x{b}x{c}y'), '/');
    const startedAt = performance.now();
    match(`/${'x'.repeat(1_500)}`);
    expect(performance.now() - startedAt).toBeLessThan(100);
  });
});
