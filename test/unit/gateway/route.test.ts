import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../../src/gateway/resolve-config.ts';
import { findFacade, findRoute } from '../../../src/gateway/route.ts';

const { facades } = resolveConfig({
  services: { a: 'http://a', b: 'http://b', c: 'http://c' },
  facades: {
    shop: {
      hosts: ['Shop.Example', 'localhost', '[::1]'],
      routes: { '/*': 'a', '/api/*': 'b', '/api/x': 'c', '/api*': 'c' },
    },
    other: { routes: { '/only': 'b' } },
  },
});
const facade = (host: string) => findFacade(facades, host)?.name;
const route = (path: string) => findRoute(facades[0]!, path)?.pattern;

describe('a facade', () => {
  test('is found by its host, however that is written, else the one without hosts', () => {
    for (const host of [
      'shop.example',
      'SHOP.example:8080',
      'shop.example.',
      'shop.example.:80',
      'localhost:1',
      '[::1]:8080',
      '[::1]',
    ])
      expect([host, facade(host)]).toEqual([host, 'shop']);
    for (const host of ['example', 'xshop.example', 'shop.example.evil', '127.0.0.1'])
      expect([host, facade(host)]).toEqual([host, 'other']);
  });
});

describe('a route', () => {
  test('is the exact one, else the longest beginning', () => {
    expect(route('/api/x')).toBe('/api/x');
    expect(route('/api/xy')).toBe('/api/*');
    expect(route('/api/')).toBe('/api/*');
    expect(route('/apis')).toBe('/api*');
    expect(route('/ap')).toBe('/*');
    expect(findRoute(facades[1]!, '/only')?.pattern).toBe('/only');
    expect(findRoute(facades[1]!, '/only/')).toBeUndefined();
  });

  test('is found by the bytes that are forwarded: nothing is decoded', () => {
    expect(route('/%61pi/x')).toBe('/*');
    expect(route('/API/x')).toBe('/*');
    expect(route('//api/x')).toBe('/*');
  });
});
