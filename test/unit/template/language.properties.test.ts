import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { join } from '../../../src/template/bytes.ts';
import { compile } from '../../../src/template/compile.ts';
import { escapeHtml } from '../../../src/template/escape.ts';
import { createHtmlCompiler } from '../../../src/template/html.ts';
import type { Segment, Warning } from '../../../src/template/template.ts';
import { createKitchen } from './composing.ts';
import { BOMBS, FRAGMENTS, ODDITIES } from './corpus.ts';
import { compilePieces, cut, latin1 } from './support.ts';

/** `INLAY_FUZZ=10` looks ten times as long. */
const FUZZ = Number(process.env.INLAY_FUZZ ?? 1);
const settings = (runs: number) => ({ seed: 20261123, numRuns: runs * FUZZ });
const LIMIT = 60_000 * FUZZ;

const REQUEST = {
  query: "a=1&b=%3Cb%3E&q='%22$(a)",
  fields: ['host', 'page.test', 'cookie', 'sid=7; x=<esi:include src="/stolen"/>', 'accept-language', 'de, en;q=0.5'],
};

/** The text of a page, or why it failed, its fragments all cold. How far given-up parts of it came, nobody knows. */
async function serve(segments: readonly Segment[]): Promise<string> {
  return (await createKitchen(FRAGMENTS).serve(segments, REQUEST)).text;
}

/** What is said of text and of tags may come in either order. */
function inOrder(warnings: readonly Warning[]): Warning[] {
  return warnings.toSorted((a, b) => a.offset - b.offset || a.message.localeCompare(b.message));
}

const name = fc.constantFrom(
  'x',
  'y',
  'item',
  'HTTP_HOST',
  'HTTP_COOKIE',
  'QUERY_STRING',
  'MATCHES',
  'ARGS',
  '__proto__',
);
const literal = fc.constantFrom(
  '1',
  '0',
  '-2.5',
  "'a'",
  "'$(x)'",
  "'''q'''",
  '""',
  'true',
  "'1'",
  '[1,2]',
  "{'k':'v'}",
  '[3..1]',
);

const expression: fc.Arbitrary<string> = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literal,
    name.map((n) => `$(${n})`),
    fc.tuple(name, fc.oneof(literal, tie('e'))).map(([n, key]) => `$(${n}{${key}})`),
    fc.tuple(name, tie('e')).map(([n, other]) => `$(${n}|${other})`),
    fc
      .tuple(
        fc.constantFrom('==', '!=', '<', '>=', '&', '||', '+', '*', '%', ' has ', ' matches ', '..'),
        tie('e'),
        tie('e'),
      )
      .map(([operator, a, b]) => `${a}${operator}${b}`),
    fc
      .tuple(
        fc.constantFrom('len', 'upper', 'replace', 'string_split', 'f', 'add_header', 'nothing'),
        fc.array(tie('e'), { maxLength: 3 }),
      )
      .map(([f, args]) => `$${f}(${args.join(', ')})`),
    tie('e').map((e) => `(${e})`),
    tie('e').map((e) => `!${e}`),
    tie('e').map((e) => `[${e}, 1]`),
  ),
})).e;

const text = fc.constantFrom(
  '',
  ' ',
  'text',
  '\n  ',
  '$',
  '$(x)',
  "$(x|'d')",
  '$f(1)',
  '<p a="b">',
  '&amp;',
  '\xff',
  '\x00',
  '\xc3\xa9',
  '<!-- c -->',
);
const attribute = (attributeName: string, value: fc.Arbitrary<string>) =>
  fc.tuple(value, fc.constantFrom('"', "'", '"')).map(([v, quote]) => {
    const escaped = v.replaceAll('&', '&amp;').replaceAll(quote, quote === '"' ? '&quot;' : '&apos;');
    return ` ${attributeName}=${quote}${escaped}${quote}`;
  });

const source = fc.constantFrom('/f', '/g', '/none', '/f?$(x)', '$(x)', 'http://evil.test/', '');
const onerror = fc.constantFrom(' onerror="continue"', '', ' dca="esi" onerror="continue"', ' alt="/g"');

/** Markup of the whole language, well-formed. */
const markup: fc.Arbitrary<string> = fc.letrec<{ m: string; n: string }>((tie) => {
  const inside = (tag: string) => tie('m').map((content) => `<esi:${tag}>${content}</esi:${tag}>`);
  const within = (tag: string, attributes: fc.Arbitrary<string>) =>
    fc.tuple(attributes, tie('m')).map(([written, content]) => `<esi:${tag}${written}>${content}</esi:${tag}>`);
  return {
    n: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text,
      text,
      fc
        .tuple(
          attribute('src', source),
          onerror,
          fc.constantFrom('/>', '>', '></esi:include>', '><esi:param name="p" value="$(x)"/></esi:include>'),
        )
        .map(([src, more, end]) => `<esi:include${src}${more}${end}`),
      fc.tuple(attribute('src', source), onerror).map(([src, more]) => `<esi:eval${src}${more}/>`),
      fc.tuple(attribute('name', name), attribute('value', expression)).map(([n, v]) => `<esi:assign${n}${v}/>`),
      inside('vars'),
      within('when', attribute('test', expression)),
      within('assign', attribute('name', name)),
      within('function', fc.constant(' name="f"')),
      within('inline', fc.constant(' name="/inline"')),
      within(
        'foreach',
        fc.tuple(attribute('collection', expression), attribute('item', name)).map(([c, i]) => c + i),
      ),
      fc
        .tuple(attribute('test', expression), tie('m'), tie('m'))
        .map(
          ([test, a, b]) =>
            `<esi:choose> <esi:when${test}>${a}</esi:when> <esi:otherwise>${b}</esi:otherwise></esi:choose>`,
        ),
      fc
        .tuple(tie('m'), tie('m'))
        .map(([a, b]) => `<esi:try><esi:attempt>${a}</esi:attempt><esi:except>${b}</esi:except></esi:try>`),
      fc.constantFrom(
        '<esi:break/>',
        '<esi:return value="$(x)"/>',
        '<esi:x>',
        '<esi:remove>a</esi:remove>',
        '<esi:text>$(x)</esi:text>',
      ),
      tie('m').map((content) => `<!--esi ${content}-->`),
    ),
    m: fc.array(tie('n'), { maxLength: 4 }).map((nodes) => nodes.join('')),
  };
}).m;

const scrap = fc.constantFrom(
  '<',
  '>',
  '"',
  "'",
  '$(',
  ')',
  '{',
  '}',
  '/',
  '=',
  '<esi:',
  '</esi:',
  '<!--esi ',
  '-->',
  '<![CDATA[',
  ']]>',
  '\x00',
  '\xff',
  '|',
  '\\',
  '..',
);

/** The same with pieces cut out, doubled, moved and put in. */
const broken = fc
  .tuple(
    markup,
    fc.array(fc.tuple(fc.nat(), fc.nat(30), fc.constantFrom('cut', 'double', 'insert'), scrap), { maxLength: 6 }),
  )
  .map(([whole, changes]) =>
    changes.reduce((markup, [seed, length, change, inserted]) => {
      const at = markup.length === 0 ? 0 : seed % markup.length;
      if (change === 'cut') return markup.slice(0, at) + markup.slice(at + length);
      return markup.slice(0, at) + (change === 'double' ? markup.slice(at, at + length) : inserted) + markup.slice(at);
    }, whole),
  );

const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });

describe('a page, however it is cut', () => {
  it(
    'composes to the same bytes, with the same warnings, down to single bytes',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(markup, broken), sizes, async (written, pieces) => {
          const bytes = latin1(written);
          const whole = createHtmlCompiler();
          const expected = await serve(compilePieces(whole, [bytes]));
          for (const size of [pieces, [1]]) {
            const chunked = createHtmlCompiler();
            expect(await serve(compilePieces(chunked, cut(bytes, size)))).toBe(expected);
            expect(inOrder(chunked.warnings)).toEqual(inOrder(whole.warnings));
          }
        }),
        settings(12_000),
      );
    },
    LIMIT,
  );

  it(
    'composes to the same when it was packed for storing, and when that was cloned',
    async () => {
      await fc.assert(
        fc.asyncProperty(broken, async (written) => {
          const bytes = latin1(written);
          const expected = await serve(compilePieces(createHtmlCompiler(), [bytes]));
          const { segments } = compile(bytes, 'html');
          expect(await serve(segments)).toBe(expected);
          const clone = structuredClone(segments);
          expect(clone).toEqual(segments);
          expect(await serve(clone)).toBe(expected);
        }),
        settings(8_000),
      );
    },
    LIMIT,
  );
});

/** Any bytes in which nothing can begin: invalid UTF-8, NUL, line ends and quotes among them. */
const plain = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0x3c || byte === 0x24 ? 0x20 : byte)));

/** Where text stands that is put out, once and as it is. */
const places: readonly (readonly [string, string])[] = [
  ['', ''],
  ['<esi:vars>', '</esi:vars>'],
  ['<esi:vars>$(none)', '$(none)</esi:vars>'],
  ['<esi:choose><esi:when test="1==1">', '</esi:when></esi:choose>'],
  ['<esi:choose><esi:otherwise>', '</esi:otherwise></esi:choose>'],
  ['<esi:foreach collection="[1]">', '</esi:foreach>'],
  ['<esi:try><esi:attempt>', '</esi:attempt></esi:try>'],
  ['<esi:text>', '</esi:text>'],
  ['<esi:unknown>', '</esi:unknown>'],
  ['<esi:vars>', '<esi:choose><esi:when test="false">no</esi:when></esi:choose></esi:vars>'],
];

describe('bytes outside directives', () => {
  it(
    'survive wherever they stand, whatever they encode',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(plain, fc.constantFrom(...places)), { maxLength: 5 }),
          sizes,
          async (parts, pieces) => {
            const document = join(parts.flatMap(([bytes, [open, close]]) => [latin1(open), bytes, latin1(close)]));
            const { text } = await createKitchen().serve(compilePieces(createHtmlCompiler(), cut(document, pieces)));
            expect(text).toBe(parts.map(([bytes]) => Buffer.from(bytes).toString('latin1')).join(''));
          },
        ),
        settings(20_000),
      );
    },
    LIMIT,
  );
});

describe('malformed markup', () => {
  /** One for all: what it keeps makes most pages synchronous, and the rest are not. */
  const kitchen = createKitchen(FRAGMENTS);

  it(
    'never throws, whatever is broken, and says less than it was given leave to',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            { weight: 4, arbitrary: broken },
            { weight: 1, arbitrary: fc.string({ maxLength: 200, unit: scrap }) },
          ),
          async (written) => {
            const { segments, warnings } = compile(latin1(written), 'html');
            const { effects, stepsLeft } = await kitchen.serve(segments, REQUEST);
            expect(warnings.length).toBeLessThanOrEqual(32);
            expect(effects).toEqual([]);
            expect(stepsLeft).toBeGreaterThanOrEqual(0);
          },
        ),
        settings(45_000),
      );
    },
    LIMIT,
  );

  it.each([...ODDITIES, ...BOMBS].map((written) => [written.slice(0, 80), written]))(
    'is bounded: %s',
    async (_, written) => {
      const bytes = latin1(written);
      const whole = createHtmlCompiler();
      const served = await createKitchen(FRAGMENTS).serve(compilePieces(whole, [bytes]), REQUEST);
      expect(served.text.length).toBeLessThan(12_000_000);
      const pieces = createHtmlCompiler();
      const again = await createKitchen(FRAGMENTS).serve(compilePieces(pieces, cut(bytes, [7, 1, 64])), REQUEST);
      expect(again.text).toBe(served.text);
      expect(inOrder(pieces.warnings)).toEqual(inOrder(whole.warnings));
    },
    5_000, // each takes far less than half a second alone
  );
});

/** What a client may send in the hope that somebody parses it. */
const value = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '<esi:include src="/stolen"/>',
        '</esi:vars>',
        '<!--esi ',
        '-->',
        '$(HTTP_COOKIE)',
        '$f(1)',
        "'",
        '"',
        "' == '",
        ')',
        '}',
        '|',
        '\\',
        "'''",
        '<esi:remove>',
        '&lt;',
        '%3C',
        '..',
        '/',
        '?',
        '#',
        '\u00e9',
        '\u{1f370}',
        '__proto__',
        '$',
      ),
      fc.string({ maxLength: 6 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((scraps) => scraps.join(''));

const ECHO = compile(
  latin1(
    [
      '<esi:assign name="v" value="$(QUERY_STRING{q})"/><esi:assign name="w">$(QUERY_STRING{q})</esi:assign>',
      '<esi:assign name="d" value="{$(v): $(v)}"/><esi:function name="f">$(ARGS{0})</esi:function>',
      '<esi:vars>1[$(QUERY_STRING{q})]2[$(HTTP_COOKIE{c})]3[$(v)]4[$(w)]5[$f($(v))]6[$(none|$(w))]7[$(d{$(v)})]</esi:vars>',
      '<esi:foreach collection="[$(v)]">8[$(item)]</esi:foreach><esi:vars name="\'$(v)\'"/>',
      `<esi:choose><esi:when test="'$(v)' != $(w)">different</esi:when><esi:otherwise>same</esi:otherwise></esi:choose>`,
      '<esi:include src="/f?q=$(v)" onerror="continue"/>',
    ].join(''),
  ),
  'html',
).segments;

describe('what a client sends', () => {
  it(
    'is a value wherever it is read: it is never parsed again, and changes nothing but itself',
    async () => {
      await fc.assert(
        fc.asyncProperty(value, value, async (sent, cookie) => {
          fc.pre(sent.isWellFormed());
          const crumb = cookie.replace(/[;\r\n\0]/g, '').trim();
          const { requested, serve } = createKitchen(FRAGMENTS);
          const { text, failed } = await serve(ECHO, {
            query: `q=${encodeURIComponent(sent)}`,
            fields: ['cookie', `c=${crumb}`],
          });
          const q = escapeHtml(sent);
          const page = `1[${q}]2[${escapeHtml(crumb)}]3[${q}]4[${q}]5[${q}]6[${q}]7[${q}]8[${q}]${q}sameF`;
          expect(failed).toBe(false);
          expect(text).toBe(Buffer.from(page).toString('latin1'));
          expect(requested.length).toBe(1);
          expect(requested[0]).toMatch(/^\/f\?q=[A-Za-z0-9%._~-]*$/);
          expect(decodeURIComponent(requested[0]!.slice(5))).toBe(sent);
        }),
        settings(15_000),
      );
    },
    LIMIT,
  );
});
