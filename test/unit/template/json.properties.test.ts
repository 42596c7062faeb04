import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/template/compile.ts';
import { createJsonCompiler, isJson } from '../../../src/template/json.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

const SETTINGS = { seed: 42, numRuns: 2_000 };
const utf8 = new TextEncoder();
const space = fc.constantFrom('', '', ' ', '\n', '\t ', '\r\n');

/** Keys that are near the reserved one among them; the reserved key itself is only ever a directive here. */
const key = fc.oneof(
  fc.string().map((text) => JSON.stringify(text)),
  fc.constantFrom('"__proto__"', '"constructor"', '"esi:"', '"esi:includes"', '"\\u0065si:include"', '"a"', '"a"'),
);
const number = fc.constantFrom('0', '-0', '1.0', '1E+2', '9007199254740993', '12345678901234567890.000', '1e-400');
const scalar = fc.oneof(number, fc.constantFrom('true', 'null', '"esi:include"', '"\\"esi:include\\":{}"'), key);

/** JSON text as a person may write it, and the same text with placeholders where its directives are. */
interface Sample {
  readonly text: string;
  readonly expected: string;
}
const directive: fc.Arbitrary<Sample> = fc.tuple(space, space).map(([left, right]) => ({
  text: `{${left}"esi:include"${right}:${left}{"src":"/a"}${right}}`,
  expected: '{{{"target":{"src":"/a"}}}}',
}));
const both = (text: string): Sample => ({ text, expected: text });
const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar.map(both),
    directive,
    fc.tuple(space, fc.array(fc.tuple(tie('sample'), space), { maxLength: 4 })).map(([lead, items]) => ({
      text: `[${lead}${items.map(([item, end]) => item.text + end).join(',')}]`,
      expected: `[${lead}${items.map(([item, end]) => item.expected + end).join(',')}]`,
    })),
    fc.tuple(space, fc.array(fc.tuple(key, space, tie('sample'), space), { maxLength: 4 })).map(([lead, items]) => ({
      text: `{${lead}${items.map(([name, gap, item, end]) => `${name}${gap}:${item.text}${end}`).join(',')}}`,
      expected: `{${lead}${items.map(([name, gap, item, end]) => `${name}${gap}:${item.expected}${end}`).join(',')}}`,
    })),
  ),
}));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });

/** Bytes of JSON punctuation and scraps: valid now and then, nearly valid often. */
const scraps = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"esi:include"',
      '1',
      '-',
      '.5',
      'e3',
      '0',
      'null',
      ' ',
      '\\',
      '\\u00',
      '\x01',
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(''));

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the JSON compiler, whatever it reads', () => {
  it('replaces directives and leaves every other byte alone, however the body is cut', () => {
    fc.assert(
      fc.property(sample, sizes, ({ text, expected }, pieces) => {
        const compiler = createJsonCompiler();
        const segments = compilePieces(compiler, cut(utf8.encode(text), pieces));
        expect(show(segments)).toBe(show([utf8.encode(expected)]));
        expect(compiler.warnings).toEqual([]);
      }),
      SETTINGS,
    );
  });

  it('leaves what is no JSON as it is, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(scraps.map(latin1), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const body = latin1(`["esi:",${show([bytes])}`);
        const { segments } = compile(body, 'json');
        if (!isJson(body)) expect(show(segments)).toBe(show([body]));
      }),
      SETTINGS,
    );
  });

  it('agrees with JSON.parse on what JSON is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          scraps,
          sample.map(({ text }) => text),
          fc.json(),
        ),
        (text) => {
          expect(isJson(utf8.encode(text))).toBe(parses(text));
        },
      ),
      { ...SETTINGS, numRuns: 10_000 },
    );
  });
});
