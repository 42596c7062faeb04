import { describe, expect, it } from 'vitest';
import { compile, compilerFor, syntaxOf, templateOf } from '../../../src/template/compile.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

describe('syntaxOf', () => {
  const of = (contentType: string | undefined) => syntaxOf({ contentType, optedIn: true }, 'auto');

  it('compiles markup types as html and JSON types as json, whatever their parameters and case', () => {
    for (const type of ['text/html', 'text/xml', 'application/xml', 'application/xhtml+xml', 'text/plain']) {
      expect(of(type)).toBe('html');
      expect(of(`${type.toUpperCase()} ; charset=latin1`)).toBe('html');
    }
    for (const type of [
      'application/json',
      'application/json;charset=utf-8',
      'application/problem+json',
      'Application/HAL+JSON',
    ]) {
      expect(of(type)).toBe('json');
    }
  });

  it('leaves all other types alone', () => {
    for (const type of [
      undefined,
      '',
      'text',
      'text/htmlx',
      'image/svg+xml',
      'application/jsonp',
      'text/css',
      '+json',
      'a/b c+json',
      'image/png; x=text/html',
    ]) {
      expect(of(type)).toBe('none');
    }
  });

  it('needs the opt-in of the response in mode auto, does not in always, and never compiles in off', () => {
    const contentType = 'text/html';
    expect(syntaxOf({ contentType, optedIn: false }, 'auto')).toBe('none');
    expect(syntaxOf({ contentType, optedIn: false }, 'always')).toBe('html');
    expect(syntaxOf({ contentType: 'image/png', optedIn: true }, 'always')).toBe('none');
    expect(syntaxOf({ contentType, optedIn: true }, 'off')).toBe('none');
  });
});

describe('compilerFor', () => {
  it('gives the compiler of each language', () => {
    expect(compilerFor('html').syntax).toBe('html');
    expect(compilerFor('json').syntax).toBe('json');
    expect(show(compilerFor('html').push(latin1('<esi:include src="/a"/>')))).toBe('{{{"target":{"src":"/a"}}}}');
  });

  it('passes chunks on as they are for none', () => {
    const chunk = latin1('<esi:include src="/a"/>');
    const compiler = compilerFor('none');
    expect(compiler.push(new Uint8Array(0))).toEqual([]);
    expect(compiler.push(chunk)[0]).toBe(chunk);
    expect(compiler.end()).toEqual([]);
    expect(compiler.warnings).toEqual([]);
  });
});

describe('a stored template', () => {
  it('keeps all its literal bytes in one buffer that holds nothing else', () => {
    const pooled = new Uint8Array(65_536);
    const body = latin1('ab<esi:include src="/a"/>cd<esi:remove>x</esi:remove>ef<esi:foo>');
    pooled.set(body, 100);
    const { syntax, segments, warnings } = compile(pooled.subarray(100, 100 + body.length), 'html');
    expect(syntax).toBe('html');
    expect(show(segments)).toBe('ab{{{"target":{"src":"/a"}}}}cdef');
    expect(segments.length).toBe(3);
    expect(warnings.map(({ code }) => code)).toEqual(['unknown-tag']);
    const buffers = new Set(segments.map((segment) => (segment instanceof Uint8Array ? segment.buffer : undefined)));
    buffers.delete(undefined);
    expect([...buffers].map((buffer) => buffer?.byteLength)).toEqual([6]);
  });

  it('has no empty literals, and none side by side, however the body was cut', () => {
    const compiler = compilerFor('html');
    const pieces = cut(latin1('<esi:include src="/a"/><esi:include src="/b"/>xyz'), [1]);
    const { segments } = templateOf('html', compilePieces(compiler, pieces), compiler.warnings);
    expect(segments.map((segment) => (segment instanceof Uint8Array ? segment.length : segment.kind))).toEqual([
      'include',
      'include',
      3,
    ]);
    expect(compile(new Uint8Array(0), 'html').segments).toEqual([]);
    expect(compile(new Uint8Array(0), 'json').segments).toEqual([]);
  });

  it('is not changed by later warnings or chunks', () => {
    const chunk = latin1('abc');
    const compiler = compilerFor('html');
    const template = templateOf('html', compiler.push(chunk), compiler.warnings);
    chunk.fill(0);
    compiler.push(latin1('<esi:foo>'));
    expect(show(template.segments)).toBe('abc');
    expect(template.warnings).toEqual([]);
  });

  it('is plain data', () => {
    const template = compile(latin1('a<esi:include src="/a" alt="/b"/>b'), 'html');
    expect(structuredClone(template)).toEqual(template);
  });
});
