import { describe, expect, test } from 'vitest';
import { InlayError } from '../../../src/errors.ts';
import type { Addressed } from '../../../src/fragment/source.ts';
import { findSource, type Place, type UrlSpace } from '../../../src/fragment/source.ts';
import { fragments } from './support.ts';

const { services, fragments: definitions } = fragments(
  { name: 'product', path: '/product/{id}' },
  { name: 'pair', path: '/pair/{a}/{b}' },
);
const service = (name: string) => services.get(name)!;
const space: UrlSpace = {
  services,
  fragments: definitions,
  route: (path) =>
    path.startsWith('/shop/') ? { service: service('catalog'), esi: 'always', hydrate: undefined } : undefined,
};
const place: Place = { service: service('web'), path: '/a/b/page?x=1' };

function find(target: string | Addressed, at: Place = place): string {
  const found = findSource(typeof target === 'string' ? { src: target } : target, at, space);
  return found instanceof InlayError
    ? `${found.code}`
    : `${found.service.name} ${found.path}${found.defined ? ` (${found.defined.fragment.name})` : ''} ${found.esi}`;
}

describe('a reference', () => {
  test('is resolved as a URL of the document that it stands in', () => {
    expect(find('c')).toBe('web /a/b/c auto');
    expect(find('../c?y=2')).toBe('web /a/c?y=2 auto');
    expect(find('?y=2')).toBe('web /a/b/page?y=2 auto');
    expect(find('/c#part')).toBe('web /c auto');
    expect(find('/a b')).toBe('web /a%20b auto');
    expect(find('/../../etc/passwd')).toBe('web /etc/passwd auto');
    expect(find('/%2e%2e/x')).toBe('web /x auto');
  });

  test('leads to the definition that matches, else where the path is routed, else to the service of the document', () => {
    expect(find('/product/7?size=1')).toBe('catalog /product/7?size=1 (product) auto');
    expect(find('/shop/x')).toBe('catalog /shop/x always');
    expect(find('/else')).toBe('web /else auto');
    expect(find('/else', { ...place, service: service('visitor') })).toBe('visitor /else auto');
  });

  test('with an origin must be that of a configured service', () => {
    expect(find('http://catalog:9001/base/x?y')).toBe('catalog /x?y auto');
    expect(find('http://catalog:9001/base')).toBe('catalog / auto');
    expect(find('http://catalog:9001/base/product/7')).toBe('catalog /product/7 (product) auto');
    expect(find('https://visitor')).toBe('visitor / auto');
    expect(find('HTTPS://VISITOR:443/x')).toBe('visitor /x auto');
    for (const src of [
      'http://catalog:9001/',
      'http://catalog:9001/basement',
      'http://catalog:9001/base/../x',
      'http://catalog/base/x',
      'http://visitor/x',
      '//evil/x',
      '/\\evil/x',
      '\\\\evil\\x',
      'http://web:9000@evil/x',
      'http://user@web:9000/x',
      'http://:password@web:9000/x',
      'http://web:9000.evil/x',
      'http://web.:9000/x',
      'data:text/html,x',
      'file:///x',
      'javascript:x',
      'http://',
      'http://[',
      '',
      '  ',
      '/a\nb',
      '/a\tb',
      '/a\0',
      `/${'x'.repeat(32_768)}`,
    ])
      expect([src.slice(0, 40), find(src)]).toEqual([src.slice(0, 40), 'fragment-forbidden']);
  });
});

describe('an entity', () => {
  test('leads to its definition', () => {
    expect(find({ type: 'product', id: '7' })).toBe('catalog /product/7 (product) auto');
    expect(find({ type: 'product', id: 'a/b?c' })).toBe('catalog /product/a%2Fb%3Fc (product) auto');
  });

  test('must be of a defined type with one identifier, and the identifier a path segment', () => {
    for (const [type, id] of [
      ['nothing', '1'],
      ['pair', '1'],
      ['__proto__', '1'],
      ['product', '..'],
      ['product', ''],
      ['product', '\ud800'],
    ] as const)
      expect([type, id, find({ type, id })]).toEqual([type, id, 'fragment-forbidden']);
  });
});
