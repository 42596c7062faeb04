import { describe, expect, it } from 'vitest';
import { createHtmlCompiler } from '../../../src/template/html.ts';
import { MAX_WARNINGS, type Segment } from '../../../src/template/template.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

/** Compiled in one piece and again byte by byte: both must agree, warnings included. */
function compiled(text: string): { text: string; warnings: string[] } {
  const whole = createHtmlCompiler();
  const bytewise = createHtmlCompiler();
  const result = show(compilePieces(whole, [latin1(text)]));
  expect(show(compilePieces(bytewise, cut(latin1(text), [1])))).toBe(result);
  expect(bytewise.warnings).toEqual(whole.warnings);
  return { text: result, warnings: whole.warnings.map(({ code, offset }) => `${code}@${offset}`) };
}

const html = (text: string): string => compiled(text).text;
const warnings = (text: string): string[] => compiled(text).warnings;
const a = '{{{"target":{"src":"/a"}}}}';
const b = '{{{"target":{"src":"/b"}}}}';

describe('include', () => {
  it('becomes a segment between the bytes around it', () => {
    expect(html('x<esi:include src="/a"/>y')).toBe(`x${a}y`);
    expect(warnings('x<esi:include src="/a"/>y')).toEqual([]);
  });

  it('carries alt, onerror and select', () => {
    expect(
      createHtmlCompiler().push(latin1('<esi:include src="/a" alt="/b" onerror="continue" select=".c"/>')),
    ).toEqual([
      {
        kind: 'include',
        syntax: 'html',
        target: { src: '/a' },
        alt: { src: '/b' },
        onerror: 'continue',
        select: '.c',
      },
    ]);
  });

  it('ignores an onerror other than continue, empty alt and select, and unknown attributes', () => {
    expect(html('<esi:include src="/a" onerror="Continue" alt="" select=" " foo/>')).toBe(a);
  });

  it('without src, or with an empty one, is stripped with a warning', () => {
    expect(compiled('x<esi:include/>y<esi:include src=" "/>z')).toEqual({
      text: 'xyz',
      warnings: ['missing-src@1', 'missing-src@16'],
    });
  });

  it('is accepted with an end tag, and what stands between is dropped', () => {
    expect(compiled('x<esi:include src="/a"></esi:include>y')).toEqual({ text: `x${a}y`, warnings: [] });
    expect(html('x<esi:include src="/a"> fallback <!-- c --> </esi:include >y')).toBe(`x${a}y`);
  });

  it('is accepted without slash and end tag, and what follows stays', () => {
    expect(html('x<esi:include src="/a">y<esi:include src="/b">z</esi:include>')).toBe(`x${a}y${b}`);
    expect(html('<esi:include src="/a">y<esi:remove>z</esi:remove></esi:include>')).toBe(`${a}y`);
    expect(html('<esi:vars><esi:include src="/a">y</esi:vars></esi:include>')).toBe(`${a}y`);
  });

  it('takes the params between its tags', () => {
    const text = '<esi:include src="/a"><esi:param name="x" value="1"/>z</esi:include>y';
    expect(compiled(text)).toEqual({
      text: '{{{"target":{"src":"/a"},"params":[{"name":"x","value":"1"}]}}}y',
      warnings: [],
    });
  });

  it('waits at most 4 KiB for an end tag', () => {
    const near = 'x'.repeat(4096);
    expect(html(`<esi:include src="/a">${near}</esi:include>`)).toBe(a);
    expect(html(`<esi:include src="/a">${near}x</esi:include>`)).toBe(`${a}${near}x`);
    const compiler = createHtmlCompiler();
    expect(show(compiler.push(latin1(`<esi:include src="/a">${near}`)))).toBe(a);
    expect(show(compiler.push(latin1('y')))).toBe(`${near}y`);
  });

  it('takes nothing over from the tag before it', () => {
    const text = '<esi:include src="/a"/>x<esi:include src="/ab">y</esi:include>z';
    expect(html(text)).toBe(`${a}x{{{"target":{"src":"/ab"}}}}z`);
  });

  it('strips a stray end tag silently', () => {
    expect(compiled('x<esi:include src="/a"/></esi:include>y')).toEqual({ text: `x${a}y`, warnings: [] });
  });
});

describe('remove and comment', () => {
  it('drop their content with all that is in it', () => {
    expect(compiled('x<esi:remove>1<esi:include src="/a"/><esi:foo>2</esi:remove>y')).toEqual({
      text: 'xy',
      warnings: [],
    });
    expect(compiled('x<esi:comment>1<esi:include src="/a"/></esi:comment>y')).toEqual({ text: 'xy', warnings: [] });
  });

  it('count their depth', () => {
    expect(html('x<esi:remove>1<esi:remove>2</esi:remove>3<esi:remove/></esi:remove>y')).toBe('xy');
    expect(html('x<esi:remove>1<esi:comment>2</esi:remove>y')).toBe('xy');
  });

  it('drop nothing when they are empty elements', () => {
    expect(html('x<esi:comment text="hello > there"/>y<esi:remove/>z')).toBe('xyz');
  });

  it('drop the rest of the document when they are not closed, with a warning', () => {
    expect(compiled('x<esi:remove>y<esi:include src="/a"/>')).toEqual({ text: 'x', warnings: ['unclosed-tag@1'] });
    expect(compiled('x<esi:comment text="c">y')).toEqual({ text: 'x', warnings: ['unclosed-tag@1'] });
  });

  it('are stripped with a warning when only their end tag is there', () => {
    expect(compiled('x</esi:remove>y')).toEqual({ text: 'xy', warnings: ['stray-end-tag@1'] });
  });
});

describe('<!--esi -->', () => {
  it('loses exactly its markers, and its content is processed', () => {
    expect(html('x<!--esi \n<esi:include src="/a"/> -->y')).toBe(`x \n${a} y`);
    expect(html('<!--esi<p>-->')).toBe('<p>');
  });

  it('is balanced when nested', () => {
    expect(html('<!--esi 1<!--esi 2-->3-->4-->')).toBe(' 1 234-->');
    expect(html('<!--esi 1<!-- c -->2-->3-->')).toBe(' 1<!-- c -->23-->');
  });

  it('keeps dashes that belong to the text', () => {
    expect(html('<!--esi a-b--c---->d')).toBe(' a-b--c--d');
    expect(html('<!--esi a--->b-->')).toBe(' a-b-->');
    expect(html('<!--esi -<esi:include src="/a"/>-->')).toBe(` -${a}`);
  });

  it('is an ordinary comment unless white space or < follows', () => {
    for (const text of [
      '<!--esiX <esi:include src="/a"/>-->',
      '<!--esi-->',
      '<!--es <esi:include src="/a"/>-->',
      '<!--e|nd',
    ]) {
      expect(html(text)).toBe(text);
    }
    expect(html('<!--esiX--><esi:include src="/a"/>')).toBe(`<!--esiX-->${a}`);
  });

  it('without its --> still shows its content, with a warning', () => {
    expect(compiled('x<!--esi <b> --')).toEqual({ text: 'x <b> --', warnings: ['unclosed-tag@1'] });
  });

  it('is bounded in depth: one too deep is an ordinary comment', () => {
    const { text, warnings } = compiled(`${'<!--esi '.repeat(65)}x${'-->'.repeat(65)}`);
    expect(text).toBe(`${' '.repeat(64)}<!--esi x-->`);
    expect(warnings).toEqual(['nesting-too-deep@512']);
  });

  it('keeps its balance inside a remove', () => {
    expect(html('<esi:remove><!--esi x</esi:remove>y-->z-->')).toBe('yz-->');
  });
});

describe('text', () => {
  it('is everything else, byte for byte', () => {
    const texts = [
      '',
      '<',
      '<e',
      '<esi',
      '<esi:>',
      '</esi:>',
      '<esi: include src="/a"/>',
      '<esi/>',
      '</esi>',
      '<ESI:include src="/a"/>',
      '<_esi:include/>',
      '<script>if (a<b && b-->0) esi:include</script>',
      '$(HTTP_HOST) &amp; \x00\xff\xc3(',
      'a-->b',
    ];
    for (const text of texts) expect(compiled(text)).toEqual({ text, warnings: [] });
  });

  it('is in ordinary comments and CDATA sections, whatever they hold', () => {
    for (const text of [
      '<!-- <esi:include src="/a"/> -->',
      '<!-- <!--esi <esi:include src="/a"/> -->',
      '<!--- <esi:remove> --->',
      '<![CDATA[ <esi:include src="/a"/> ]] > ]]>',
      '<!-- <esi:include src="/a"/>',
    ]) {
      expect(compiled(text)).toEqual({ text, warnings: [] });
    }
    expect(html('<!-- x --><esi:include src="/a"/>')).toBe(`<!-- x -->${a}`);
    expect(html('<![CDATA[]]]><esi:include src="/a"/>')).toBe(`<![CDATA[]]]>${a}`);
    expect(html('<!--[if !IE]><!--><esi:include src="/a"/>')).toBe(`<!--[if !IE]><!-->${a}`);
    expect(html('<!--><esi:include src="/a"/>')).toBe(`<!-->${a}`);
  });

  it('that looks like a tag does not hide the tag behind it', () => {
    for (const text of ['<', '<!', '<f', '<!-', '<esi:', '<![CDATA', '</', '</esi:']) {
      expect(html(`${text}<esi:include src="/a"/>`)).toBe(`${text}${a}`);
    }
  });

  it('is a tag that a < cuts, or the end of the document, with a warning', () => {
    expect(compiled('<esi:include src="/a" <p>x</p>')).toEqual({
      text: '<esi:include src="/a" <p>x</p>',
      warnings: ['unclosed-tag@0'],
    });
    expect(html('<esi:foo<esi:include src="/a"/>')).toBe(`<esi:foo${a}`);
    for (const text of [
      'x<esi:',
      'x<esi:include',
      'x<esi:include src="/a"',
      'x<esi:include src="/a>',
      'x</esi:remove',
      'x<esi:remove /',
    ]) {
      expect(compiled(text)).toEqual({ text, warnings: ['unclosed-tag@1'] });
    }
  });

  it('is a tag longer than the limit', () => {
    const tag = (length: number): string => `<esi:include src="/a" x="${'-'.repeat(length - 29)}" />`;
    expect(tag(65_536).length).toBe(65_536);
    expect(html(tag(65_536))).toBe(a);
    expect(compiled(`${tag(65_537)}<esi:include src="/a"/>`)).toEqual({
      text: `${tag(65_537)}${a}`,
      warnings: ['unclosed-tag@0'],
    });
    expect(show(compilePieces(createHtmlCompiler({ maxTagBytes: 10 }), [latin1('<esi:include src="/a"/>')]))).toBe(
      '<esi:include src="/a"/>',
    );
  });
});

describe('unknown elements', () => {
  it('are stripped with one warning each, and their content is processed', () => {
    expect(compiled('<esi:foo>x<esi:include src="/a"/></esi:foo><esi:Include src="/a"/>')).toEqual({
      text: `x${a}`,
      warnings: ['unknown-tag@0', 'unknown-tag@43'],
    });
  });

  it('are those that are not of ESI', () => {
    for (const name of 'choose try vars inline assign foreach function text debug remove comment'.split(' ')) {
      expect(warnings(`<esi:${name}></esi:${name}>`)).not.toContain('unknown-tag@0');
    }
    for (const name of ['constructor', '__proto__', 'Vars', 'chooses']) {
      expect(warnings(`<esi:${name}>`)).toEqual([name === '__proto__' ? undefined : 'unknown-tag@0'].filter(Boolean));
    }
  });

  it('do not fill the memory with warnings', () => {
    const compiler = createHtmlCompiler();
    compiler.push(latin1(`<esi:${'x'.repeat(60_000)}>`.repeat(40)));
    expect(compiler.warnings.length).toBe(MAX_WARNINGS);
    expect(Math.max(...compiler.warnings.map(({ message }) => message.length))).toBeLessThan(100);
  });
});

describe('streaming', () => {
  it('hands text on at once, as a view of the chunk', () => {
    const compiler = createHtmlCompiler();
    const chunk = latin1('<p>text</p> <esi:incl');
    const [text, ...rest] = compiler.push(chunk);
    expect(show([text!])).toBe('<p>text</p> ');
    expect(rest).toEqual([]);
    expect(text instanceof Uint8Array && text.buffer).toBe(chunk.buffer);
    expect(show(compiler.push(latin1('ude src="/a"/>y')))).toBe(`${a}y`);
  });

  it('holds back only what may still be a directive', () => {
    const compiler = createHtmlCompiler();
    expect(show(compiler.push(latin1('a<')))).toBe('a');
    expect(show(compiler.push(latin1('b<!--')))).toBe('<b');
    expect(show(compiler.push(latin1('e')))).toBe('');
    expect(show(compiler.push(latin1('x')))).toBe('<!--ex');
    expect(show(compiler.push(latin1(' --')))).toBe(' --');
  });

  it('stays linear when a tag or a marker is never completed, one byte at a time', () => {
    // Not a stopwatch: what goes back over a megabyte for every byte runs into the test's time limit.
    const feed = (text: string, rest: string): number => {
      const compiler = createHtmlCompiler({ maxTagBytes: 4_000_000 });
      const byte = latin1(rest);
      const segments: Segment[] = [...compiler.push(latin1(text))];
      for (let i = 0; i < 1_000_000; i++) segments.push(...compiler.push(byte));
      segments.push(...compiler.end());
      return segments.reduce((sum, segment) => sum + (segment instanceof Uint8Array ? segment.length : 0), 0);
    };
    expect(feed('<esi:include src="', 'x')).toBe(1_000_018);
    expect(feed('<esi:x', ' ')).toBe(1_000_006);
    expect(feed('<!--esi ', '-')).toBe(1_000_001);
    expect(feed('<esi:remove>', '<')).toBe(0);
  });
});
