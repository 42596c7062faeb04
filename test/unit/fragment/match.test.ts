import { describe, expect, test } from 'vitest';
import { entityPath, matchFragment } from '../../../src/fragment/match.ts';
import { fragment, fragments } from './support.ts';

describe('a path', () => {
  test('belongs to the first definition that it matches', () => {
    const { fragments: all } = fragments({ path: '/f/special' }, { path: '/f/{id}' });
    expect(matchFragment(all, '/f/special')?.fragment.name).toBe('f0');
    expect(matchFragment(all, '/f/7')?.fragment.name).toBe('f1');
    expect(matchFragment(all, '/f/7/8')).toBeUndefined();
  });

  test('names its identifiers decoded', () => {
    const { fragments: all } = fragments({});
    expect(matchFragment(all, '/f/a%20b%2Fc')?.captures).toEqual({ id: 'a b/c' });
    expect(matchFragment(all, '/f/%C3%A9')?.captures).toEqual({ id: 'é' });
  });

  test('names no entity by a dot segment or by malformed percent-encoding', () => {
    const { fragments: all } = fragments({});
    for (const id of ['.', '..', '%2e', '%2E%2e', '%zz', '%', '%ff'])
      expect([id, matchFragment(all, `/f/${id}`)]).toEqual([id, undefined]);
  });
});

describe('the path of an entity', () => {
  test('is the same bytes however its identifier was written', () => {
    const { fragments: all } = fragments({});
    const paths = ['/f/a~b', '/f/a%7eb', '/f/a%7Eb', '/f/%61~b'].map((path) => {
      const matched = matchFragment(all, path)!;
      return entityPath(matched.fragment, matched.captures);
    });
    expect(new Set(paths)).toEqual(new Set(['/f/a~b']));
  });

  test('never leaves its segment', () => {
    for (const [id, path] of [
      ['a/b', '/f/a%2Fb'],
      ['../x', undefined], // a service may decode it before it looks for dot segments
      ['a/../b', undefined],
      ['?q=1', '/f/%3Fq%3D1'],
      ['#x', '/f/%23x'],
      ['a\r\nb', '/f/a%0D%0Ab'],
      ['.', undefined],
      ['..', undefined],
      ['', undefined],
    ] as const)
      expect([id, entityPath(fragment({}), { id })]).toEqual([id, path]);
  });

  test('does not exist for an identifier that UTF-8 cannot write', () => {
    expect(entityPath(fragment({}), { id: '\ud800' })).toBeUndefined();
  });
});

describe('a definition', () => {
  test('falls back on its service, time by time', () => {
    const { service: _, ...own } = fragment({ ttl: '5m', timeout: '800ms' });
    expect(own).toMatchObject({
      ttl: 300_000,
      timeout: 800,
      staleIfError: undefined,
      scope: 'http',
      esi: 'auto',
      query: undefined,
    });
  });

  test('has a scope in one order, header names in one case', () => {
    expect(fragment({ scope: ['header:X-Tier', 'cookie:Sid'] }).scope).toEqual([
      { from: 'cookie', name: 'Sid' },
      { from: 'header', name: 'x-tier' },
    ]);
  });

  test('maps subjects to tags', () => {
    const [event] = fragment({ purge: { 'shop.{id}.changed': 'f:{id}' } }).events;
    expect(event?.subject).toBe('shop.*.changed');
    expect(event?.tags('shop.7.changed')).toEqual(['f:7']);
    expect(event?.tags('shop.7.deleted')).toEqual([]);
  });
});
