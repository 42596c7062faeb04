import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { join } from '../../../src/template/bytes.ts';
import { compile } from '../../../src/template/compile.ts';
import { createHtmlCompiler } from '../../../src/template/html.ts';
import type { Segment } from '../../../src/template/template.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

const SETTINGS = { seed: 42, numRuns: 2_000 };

/** Scraps of markup in any order: what people write, and what breaks scanners. */
const scrap = fc.constantFrom(
  ...[
    '<',
    '>',
    '/',
    '-',
    '--',
    '-->',
    '--->',
    '"',
    "'",
    '=',
    ' ',
    '\n',
    '!',
    'e',
    'esi:',
    '<esi:',
    '</esi:',
    '<!--',
    '<!--esi',
  ],
  ...[
    '<!--esi ',
    '<![CDATA[',
    ']]>',
    ']',
    '<esi:include',
    ' src="/a"',
    ' src=/b',
    ' alt=',
    '/>',
    '</esi:include>',
    '<esi:param/>',
  ],
  ...[
    '<esi:remove>',
    '</esi:remove>',
    '<esi:comment>',
    '</esi:comment>',
    '<esi:vars>',
    '<esi:x y',
    '&amp;',
    '\x00',
    '\xff',
    '\xc3\xa9',
    'text',
  ],
);
const markup = fc.array(scrap, { maxLength: 40 }).map((scraps) => latin1(scraps.join('')));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });

/** Bytes in which no directive can begin: any but `<` (invalid UTF-8, NULs and quotes among them). */
const plain = fc.uint8Array({ maxLength: 60 }).map((bytes) => bytes.map((byte) => (byte === 0x3c ? 0x3d : byte)));

function literalBytes(segments: readonly Segment[]): Uint8Array {
  return join(segments.filter((segment) => segment instanceof Uint8Array));
}

describe('the HTML compiler, whatever it reads', () => {
  it('gives the same template for any chunks, down to single bytes', () => {
    fc.assert(
      fc.property(markup, sizes, (bytes, pieces) => {
        const whole = createHtmlCompiler();
        const chunked = createHtmlCompiler();
        const bytewise = createHtmlCompiler();
        const expected = show(compilePieces(whole, [bytes]));
        expect(show(compilePieces(chunked, cut(bytes, pieces)))).toBe(expected);
        expect(show(compilePieces(bytewise, cut(bytes, [1])))).toBe(expected);
        expect(chunked.warnings).toEqual(whole.warnings);
        expect(bytewise.warnings).toEqual(whole.warnings);
      }),
      SETTINGS,
    );
  });

  it('never throws, and never puts out more or other bytes than came in', () => {
    fc.assert(
      fc.property(fc.oneof(markup, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const literals = literalBytes(compile(bytes, 'html').segments);
        let at = 0;
        for (const byte of literals) {
          at = bytes.indexOf(byte, at);
          if (at < 0) throw new Error('the output is no subsequence of the input');
          at++;
        }
      }),
      SETTINGS,
    );
  });

  it('keeps every byte around directives', () => {
    const directive = fc.constantFrom(
      '<esi:include src="/a"/>',
      '<esi:remove>x</esi:remove>',
      '<esi:comment text="x"/>',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, directive), { maxLength: 8 }), plain, sizes, (parts, last, pieces) => {
        const document = join([...parts.flatMap(([text, tag]) => [text, latin1(tag)]), last, new Uint8Array(0)]);
        const expected = join([...parts.map(([text]) => text), last, new Uint8Array(0)]);
        const segments = compilePieces(createHtmlCompiler(), cut(document, pieces));
        expect(literalBytes([...segments, new Uint8Array(0), new Uint8Array(0)])).toEqual(expected);
        const includes = parts.filter(([, tag]) => tag.startsWith('<esi:include')).length;
        expect(segments.filter((segment) => !(segment instanceof Uint8Array)).length).toBe(includes);
      }),
      SETTINGS,
    );
  });

  it('keeps every byte of a document without directives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (bytes, pieces) => {
        const text = show([bytes]);
        fc.pre(!text.includes('esi'));
        expect(show(compilePieces(createHtmlCompiler(), cut(bytes, pieces)))).toBe(text);
      }),
      SETTINGS,
    );
  });
});
