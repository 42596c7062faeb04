import { describe, expect, it } from 'vitest';
import { createHtmlCompiler } from '../../../src/template/html.ts';
import { compilePieces, latin1 } from './support.ts';

describe('attributes of a tag', () => {
  const src = (attribute: string): string => {
    const [segment] = compilePieces(createHtmlCompiler(), [latin1(`<esi:include ${attribute}`)]);
    return segment !== undefined &&
      !(segment instanceof Uint8Array) &&
      segment.kind === 'include' &&
      'src' in segment.target
      ? String(segment.target.src)
      : 'none';
  };

  it('may be quoted either way, or not quoted', () => {
    expect(src(`src="/a'b"/>`)).toBe(`/a'b`);
    expect(src(`src='/a"b'/>`)).toBe('/a"b');
    expect(src('src=/a/b alt=/c>')).toBe('/a/b');
    expect(src(`src=/it's/>`)).toBe(`/it's`);
  });

  it('end unquoted at white space, > or a final />', () => {
    expect(src('src=/u/>')).toBe('/u');
    expect(src('src=/u//>')).toBe('/u/');
    expect(src('src=/u/ >')).toBe('/u/');
    expect(src('src=/u>')).toBe('/u');
    expect(src('src=/>')).toBe('none');
  });

  it('may hold > and < inside quotes', () => {
    expect(src('src="/a?x>1<2"/>')).toBe('/a?x>1<2');
    expect(src(`alt='-->' src="/a"/>`)).toBe('/a');
  });

  it('may stand on lines of their own, around white space', () => {
    expect(src('\n\tsrc\r\n = \f "/a"\n/>')).toBe('/a');
    expect(src('alt="/b"src="/a"/>')).toBe('/a');
    expect(src('alt src=/a/>')).toBe('/a');
    expect(src('alt/src=/a>')).toBe('/a');
  });

  it('may have no value, which is an empty one', () => {
    for (const attribute of ['src>', 'src/>', 'src >', 'src= >', 'src = >', 'src="">', 'src alt=/b>']) {
      expect(src(attribute)).toBe('none');
    }
  });

  it('count the first time only', () => {
    expect(src('src="/a" src="/b"/>')).toBe('/a');
  });

  it('have the five entities and numeric references decoded once', () => {
    expect(src('src="/?a=1&amp;b=&lt;&gt;&quot;&apos;&#65;&#x42;&#X43;"/>')).toBe('/?a=1&b=<>"\'AB&#X43;');
    expect(src('src="&amp;lt;"/>')).toBe('&lt;');
  });

  it('keep what names no character as it is written', () => {
    const odd = '&nbsp;&amp &#0;&#xD800;&#x110000;&#;&#x;&#99999999;&__proto__;';
    expect(src(`src="${odd}"/>`)).toBe(odd);
  });

  it('decode as UTF-8, and as Latin-1 where they are not', () => {
    expect(src('src="/\xc3\xa9\xf0\x9f\x8d\xb0"/>')).toBe('/\u00e9\u{1f370}');
    expect(src('src="/\xe9\x80"/>')).toBe('/\u00e9\u0080');
  });

  it('cannot pollute a prototype', () => {
    expect(src('__proto__="/x" constructor="/y" src="/a"/>')).toBe('/a');
    expect(src('__proto__="/x"/>')).toBe('none');
  });
});
