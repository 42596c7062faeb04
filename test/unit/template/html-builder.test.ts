import { describe, expect, it } from 'vitest';
import { createHtmlCompiler } from '../../../src/template/html.ts';
import type { Instruction, Segment } from '../../../src/template/template.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

/** Segments with their bytes as text, neighbours joined. */
function plain(segments: readonly Segment[]): unknown[] {
  const result: unknown[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (!(segment instanceof Uint8Array)) result.push(inside(segment));
    else if (typeof last === 'string') result[result.length - 1] = last + show([segment]);
    else result.push(show([segment]));
  }
  return result;
}

function inside(segment: Instruction): unknown {
  switch (segment.kind) {
    case 'choose':
      return {
        ...segment,
        branches: segment.branches.map((branch) => ({ ...branch, body: plain(branch.body) })),
        otherwise: plain(segment.otherwise),
      };
    case 'try':
      return { ...segment, attempt: plain(segment.attempt), except: plain(segment.except) };
    case 'foreach':
    case 'function':
    case 'inline':
      return { ...segment, body: plain(segment.body) };
    default:
      return segment;
  }
}

/** Compiled in one piece and again byte by byte: both must agree. Warnings as `code@offset`. */
function built(text: string): { segments: unknown[]; warnings: string[] } {
  const whole = createHtmlCompiler();
  const bytewise = createHtmlCompiler();
  const segments = plain(compilePieces(whole, [latin1(text)]));
  expect(plain(compilePieces(bytewise, cut(latin1(text), [1])))).toEqual(segments);
  const warnings = whole.warnings.map(({ code, offset }) => `${code}@${offset}`);
  expect(bytewise.warnings.map(({ code, offset }) => `${code}@${offset}`)).toEqual(warnings);
  return { segments, warnings };
}

const x = { kind: 'variable', name: 'x' };
const print = { kind: 'print', expression: x };
const literal = (value: unknown) => ({ kind: 'literal', value });
const include = (src: string, more: object = {}) => ({ kind: 'include', syntax: 'html', target: { src }, ...more });
const choose = (body: unknown[], otherwise: unknown[] = []) => ({
  kind: 'choose',
  branches: [{ test: literal(1), body }],
  otherwise,
});

describe('vars', () => {
  it('expands its text where it stands; other text is left alone', () => {
    expect(built('$(x)<esi:vars> a$(x)b </esi:vars>$(x)')).toEqual({
      segments: ['$(x) a', print, 'b $(x)'],
      warnings: [],
    });
  });

  it('prints its name, and then its content', () => {
    expect(built('<esi:vars name="$(x)"/>a<esi:vars name="$(x)">b</esi:vars>').segments).toEqual([
      print,
      'a',
      print,
      'b',
    ]);
    expect(built('<esi:vars name="x"/>')).toEqual({ segments: [], warnings: ['invalid-expression@0'] });
  });

  it('leaves what is no expression as text', () => {
    expect(built('<esi:vars>$ $5 $( $(x $(A{b $A(y) $$(x)</esi:vars>').segments).toEqual([
      '$ $5 $( $(x $(A{b $A(y) $',
      print,
    ]);
  });

  it('does not join expressions across tags', () => {
    expect(built('<esi:vars>$(<esi:comment text="c"/>x)</esi:vars>').segments).toEqual(['$(x)']);
  });

  it('lets text go before the first $ at once, and holds what may be an expression', () => {
    const compiler = createHtmlCompiler();
    expect(show(compiler.push(latin1('<esi:vars>abc')))).toBe('abc');
    expect(show(compiler.push(latin1('de$(x')))).toBe('de');
    expect(show(compiler.push(latin1(') more')))).toBe('');
    expect(plain(compiler.push(latin1('</esi:vars>')))).toEqual([print, ' more']);
  });
});

describe('choose', () => {
  it('has branches, and otherwise wherever it stands', () => {
    const text = `<esi:choose> <esi:otherwise>o</esi:otherwise>\n<esi:when test="1" matchname="m"> a$(x) </esi:when></esi:choose>`;
    expect(built(text)).toEqual({
      segments: [
        {
          kind: 'choose',
          branches: [{ test: literal(1), matchname: 'm', body: [' a', print, ' '] }],
          otherwise: ['o'],
        },
      ],
      warnings: [],
    });
  });

  it('drops what else stands directly in it, once warned of text', () => {
    const text =
      '<esi:choose>x<esi:when test="1">a</esi:when>y<esi:include src="/i"/><esi:vars>v<esi:when test="1">w</esi:when></esi:vars><esi:text>t</esi:text><esi:comment text="c"/></esi:choose>';
    expect(built(text)).toEqual({
      segments: [choose(['a'])],
      warnings: ['misplaced-tag@0', 'misplaced-tag@45', 'misplaced-tag@68', 'misplaced-tag@121'],
    });
  });

  it('keeps the first otherwise', () => {
    const text = '<esi:choose><esi:otherwise>1</esi:otherwise><esi:otherwise>2</esi:otherwise></esi:choose>';
    expect(built(text)).toEqual({
      segments: [{ kind: 'choose', branches: [], otherwise: ['1'] }],
      warnings: ['misplaced-tag@44'],
    });
  });

  it('has a false branch where the test is no expression or missing', () => {
    expect(built('<esi:choose><esi:when test="a b">a</esi:when><esi:when>b</esi:when></esi:choose>')).toEqual({
      segments: [
        {
          kind: 'choose',
          branches: [
            { test: undefined, body: ['a'] },
            { test: undefined, body: ['b'] },
          ],
          otherwise: [],
        },
      ],
      warnings: ['invalid-expression@12', 'invalid-expression@45'],
    });
  });

  it('loses the tags of branches that stand elsewhere, and no other end tag with them', () => {
    expect(built('<esi:when test="1">a<esi:choose><esi:when test="1">b</esi:when></esi:choose>c</esi:when>d')).toEqual({
      segments: ['a', choose(['b']), 'cd'],
      warnings: ['misplaced-tag@0'],
    });
    expect(
      built(
        '<esi:choose><esi:when test="1"><esi:when test="1">a</esi:when>b</esi:when><esi:otherwise>o</esi:otherwise></esi:choose>',
      ),
    ).toEqual({ segments: [choose(['ab'], ['o'])], warnings: ['misplaced-tag@31'] });
  });

  it('may be nested, and end unclosed branches', () => {
    expect(
      built('<esi:choose><esi:when test="1">a<esi:choose><esi:when test="1">b</esi:choose>c</esi:choose>d'),
    ).toEqual({
      segments: [choose(['a', choose(['b']), 'c']), 'd'],
      warnings: ['unclosed-tag@44', 'unclosed-tag@12'],
    });
  });
});

describe('try', () => {
  it('has attempt and except, either of which may be missing', () => {
    expect(built('<esi:try> <esi:attempt>a$(x)</esi:attempt> <esi:except>e</esi:except></esi:try>')).toEqual({
      segments: [{ kind: 'try', attempt: ['a', print], except: ['e'] }],
      warnings: [],
    });
    expect(built('<esi:try><esi:except>e</esi:except></esi:try><esi:try/>').segments).toEqual([
      { kind: 'try', attempt: [], except: ['e'] },
      { kind: 'try', attempt: [], except: [] },
    ]);
  });

  it('ends with the document, with a warning for each element that does', () => {
    expect(built('<esi:try><esi:attempt>a')).toEqual({
      segments: [{ kind: 'try', attempt: ['a'], except: [] }],
      warnings: ['unclosed-tag@9', 'unclosed-tag@0'],
    });
  });
});

describe('assign', () => {
  it('takes an expression, or text with expansion', () => {
    expect(built('<esi:assign name="a" value="$(x)"/><esi:assign name="b"> 1$(x)\xff </esi:assign>')).toEqual({
      segments: [
        { kind: 'assign', name: 'a', value: x },
        { kind: 'assign', name: 'b', value: { text: [' 1', x, '\u00ff '] } },
      ],
      warnings: [],
    });
  });

  it('decodes its content as one text, however it arrived', () => {
    expect(built('<esi:assign name="b">\xc3\xa9\xf0\x9f\x8d\xb0</esi:assign>').segments).toEqual([
      { kind: 'assign', name: 'b', value: { text: '\u00e9\u{1f370}' } },
    ]);
  });

  it('names members by an expression, or else by the word itself', () => {
    const key = (name: string) => {
      const [assign] = built(`<esi:assign name="${name}" value="1"/>`).segments;
      return (assign as { key: unknown }).key;
    };
    expect(key('a{0}')).toEqual(literal(0));
    expect(key('a{word}')).toEqual(literal('word'));
    expect(key("a{'k'}")).toEqual(literal('k'));
    expect(key('a{$(x)}')).toEqual(x);
    expect(key("a{it\\'s}")).toEqual(literal("it\\'s"));
  });

  it('without a name, a value that is one, or with elements inside, is a warning', () => {
    expect(built('<esi:assign value="1"/><esi:assign name="1a" value="1"/><esi:assign name="a" value=""/>')).toEqual({
      segments: [],
      warnings: ['invalid-attribute@0', 'invalid-attribute@23', 'invalid-expression@56'],
    });
    expect(built('<esi:assign name="a">1<esi:include src="/i"/>2</esi:assign>')).toEqual({
      segments: [{ kind: 'assign', name: 'a', value: { text: '12' } }],
      warnings: ['misplaced-tag@0'],
    });
  });
});

describe('foreach, break, function and return', () => {
  it('hold bodies that are expanded', () => {
    const text =
      '<esi:foreach collection="$(x)">a$(x)<esi:break/></esi:foreach><esi:function name="f">b<esi:return value="$(x)"/></esi:function>';
    expect(built(text)).toEqual({
      segments: [
        { kind: 'foreach', collection: x, item: 'item', body: ['a', print, { kind: 'break' }] },
        { kind: 'function', name: 'f', body: ['b', { kind: 'return', value: x }] },
      ],
      warnings: [],
    });
    expect(built('<esi:foreach collection="$(x)" item="i"/>').segments).toEqual([
      { kind: 'foreach', collection: x, item: 'i', body: [] },
    ]);
  });

  it('are nothing where they make no sense', () => {
    expect(
      built('a<esi:break/><esi:return value="1"/><esi:foreach>b</esi:foreach><esi:function>c</esi:function>d'),
    ).toEqual({
      segments: ['ad'],
      warnings: ['misplaced-tag@1', 'misplaced-tag@13', 'invalid-expression@36', 'invalid-attribute@64'],
    });
  });

  it('break no loop around the function that they stand in', () => {
    const text = '<esi:foreach collection="$(x)"><esi:function name="f"><esi:break/></esi:function></esi:foreach>';
    expect(built(text).warnings).toEqual(['misplaced-tag@54']);
  });
});

describe('inline, remove, comment, debug and text', () => {
  it('inline holds a document of its own: its text is expanded only where that says so', () => {
    expect(
      built('<esi:vars><esi:inline name="/i" fetchable="yes">$(x)<esi:vars>$(x)</esi:vars></esi:inline></esi:vars>'),
    ).toEqual({
      segments: [{ kind: 'inline', name: '/i', body: ['$(x)', print] }],
      warnings: [],
    });
    expect(built('<esi:inline>a</esi:inline>')).toEqual({ segments: [], warnings: ['invalid-attribute@0'] });
  });

  it('text is verbatim, tags and markers and all', () => {
    const content =
      '$(x)<esi:vars>$(x)</esi:vars ><esi:include\nsrc="/i"/><esi:text>a</esi:text><!--esi b--><esi:text/>';
    expect(built(`<esi:vars><esi:text>${content}</esi:text>$(x)</esi:vars>`)).toEqual({
      segments: [content, print],
      warnings: [],
    });
    expect(built('a<esi:text>b<esi:remove>')).toEqual({ segments: ['ab<esi:remove>'], warnings: ['unclosed-tag@1'] });
  });

  it('the others are dropped with their content', () => {
    for (const name of ['remove', 'comment', 'debug']) {
      const text = `a<esi:${name} text="c">$(x)<esi:include src="/i"/><esi:${name}>b</esi:${name}>c</esi:${name}>d<esi:${name}/>e`;
      expect(built(text)).toEqual({ segments: ['ade'], warnings: [] });
    }
  });
});

describe('include and eval', () => {
  it('carry all their attributes', () => {
    const text = `<esi:include src="/a?$(x)" alt="/b" onerror="continue" dca="none" maxwait="50" ttl="2m" no-store="on" method="POST" entity="$(x)" removeheader="A" setheader="B: 1" appendheader="C: $(x)"/>`;
    expect(built(text)).toEqual({
      segments: [
        include('', {
          target: { src: ['/a?', x] },
          alt: { src: '/b' },
          onerror: 'continue',
          dca: 'none',
          maxwait: 50,
          ttl: 120_000,
          noStore: true,
          method: 'POST',
          entity: [x],
          changes: [
            { change: 'remove', field: 'A' },
            { change: 'set', field: 'B: 1' },
            { change: 'append', field: ['C: ', x] },
          ],
        }),
      ],
      warnings: [],
    });
  });

  it('ignore values that are none, and bound times', () => {
    const text = `<esi:include src="/a" dca="xslt" maxwait="1s" ttl="1y" no-store="yes" onerror="fail"/>`;
    expect(built(text)).toEqual({
      segments: [include('/a')],
      warnings: Array.from({ length: 5 }, () => 'invalid-attribute@0'),
    });
    const [{ ttl }] = built(`<esi:include src="/a" ttl="${'9'.repeat(400)}d"/>`).segments as [{ ttl: number }];
    expect(ttl).toBe(2 ** 31 * 1_000);
  });

  it('eval runs in the variables of the page, unless dca is esi: then it is an include', () => {
    expect(built('<esi:eval src="/a"/><esi:eval src="/b" dca="esi"/><esi:eval/>')).toEqual({
      segments: [include('/a', { eval: true }), include('/b', { dca: 'esi' })],
      warnings: ['missing-src@50'],
    });
  });

  it('take params between their tags, and nothing else', () => {
    const text =
      '<esi:include src="/a"> <esi:param name="p" value="$(x)"/>\n<esi:param name="q"></esi:param><esi:param value="1"/> </esi:include>b';
    expect(built(text)).toEqual({
      segments: [
        include('/a', {
          params: [
            { name: 'p', value: [x] },
            { name: 'q', value: '' },
          ],
        }),
        'b',
      ],
      warnings: ['invalid-attribute@90'],
    });
    expect(built('<esi:include src="/a">text<esi:param name="p"/>text</esi:include>b')).toEqual({
      segments: [include('/a'), 'b'],
      warnings: ['misplaced-tag@26'],
    });
    expect(built('<esi:param name="p"/></esi:param>').warnings).toEqual(['misplaced-tag@0']);
  });

  it('start without slash as soon as text or another tag follows, and wait over white space', () => {
    const started = (...chunks: string[]) => {
      const compiler = createHtmlCompiler();
      return plain(chunks.flatMap((chunk) => [...compiler.push(latin1(chunk))]));
    };
    expect(started('<esi:include src="/a">')).toEqual([]);
    expect(started('<esi:include src="/a">', ' \n')).toEqual([]);
    expect(started('<esi:include src="/a">', ' <p')).toEqual([include('/a')]);
    expect(started('<esi:include src="/a"><esi:vars>')).toEqual([include('/a')]);
    expect(started('<esi:include src="/a">', '</esi:include>')).toEqual([include('/a')]);
    expect(started('<esi:include src="/a">text', ' and')).toEqual([include('/a')]);
    expect(started('<esi:include src="/a">text', '<esi:include src="/b"/>')).toEqual([
      include('/a'),
      'text',
      include('/b'),
    ]);
    expect(started('<esi:include src="/a"/>')).toEqual([include('/a')]);
  });

  it('keep the text behind them in its place, expanded where it stands', () => {
    expect(built('<esi:vars>1<esi:include src="/a">2$(x)</esi:vars>3').segments).toEqual([
      '1',
      include('/a'),
      '2',
      print,
      '3',
    ]);
  });
});

describe('elements inside each other', () => {
  it('are closed by the end tag of what is around them', () => {
    expect(built('<esi:vars><esi:foreach collection="$(x)">a</esi:vars>b</esi:foreach>c')).toEqual({
      segments: [{ kind: 'foreach', collection: x, item: 'item', body: ['a'] }, 'bc'],
      warnings: ['unclosed-tag@10', 'stray-end-tag@54'],
    });
  });

  it('are at most 64; deeper ones lose their tags', () => {
    const nested = (depth: number) => `${'<esi:vars>'.repeat(depth)}$(x)${'</esi:vars>'.repeat(depth)}$(x)`;
    expect(built(nested(64))).toEqual({ segments: [print, '$(x)'], warnings: [] });
    expect(built(nested(66))).toEqual({
      segments: [print, '$(x)'],
      warnings: ['nesting-too-deep@640', 'nesting-too-deep@650'],
    });
  });

  it('strip stray end tags', () => {
    const stray = ['choose', 'when', 'vars', 'foreach', 'assign', 'text', 'remove'];
    expect(built(stray.map((name) => `</esi:${name}>`).join('')).warnings.length).toBe(stray.length);
    expect(built('a</esi:include></esi:eval></esi:param></esi:unknown></esi:break>b')).toEqual({
      segments: ['ab'],
      warnings: [],
    });
  });
});
