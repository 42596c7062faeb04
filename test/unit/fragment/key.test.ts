import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cookieValue,
  entityKey,
  type ScopedValue,
  scopedKey,
  scopedValues,
  selectQuery,
  urlKey,
} from '../../../src/fragment/key.ts';
import { fragment } from './support.ts';

describe('the key of an entity', () => {
  test('differs whenever an identifier, the query or a scope value does', () => {
    const two = fragment({ path: '/f/{a}/{b}' });
    const value = fc.string();
    const parts = fc.tuple(value, value, value, fc.option(value, { nil: undefined }));
    const key = ([a, b, query, cookie]: [string, string, string, string | undefined]) =>
      scopedKey(entityKey(two, { a, b }, query, undefined), [{ from: 'cookie', name: 'c', value: cookie }]);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(key(one) === key(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  test('tells a missing scope value from every other', () => {
    const scope = (value: string | undefined): ScopedValue[] => [{ from: 'cookie', name: 'c', value }];
    const keys = [undefined, '', 'null', 'undefined'].map((value) =>
      scopedKey(entityKey(fragment({}), { id: '1' }, '', undefined), scope(value)),
    );
    expect(new Set(keys).size).toBe(4);
  });

  test('differs by site where the service is told it', () => {
    const keys = [undefined, 'http://a', 'https://a', 'http://b'].map((site) =>
      entityKey(fragment({}), { id: '1' }, '', site),
    );
    expect(new Set(keys).size).toBe(4);
  });

  test('is never that of a URL', () => {
    const get = fragment({ name: 'GET', path: '/{a}/{b}/{c}' });
    const forged = entityKey(get, { a: 'http://web:9000', b: '/admin', c: 'http://site' }, '', undefined);
    expect(forged).not.toBe(urlKey('http://web:9000', '/admin', 'http://site', 'auto'));
  });
});

describe('the key of a URL', () => {
  test('has every byte of what is sent, and the site', () => {
    const keys = [
      urlKey('http://a', '/x', 's', 'auto'),
      urlKey('http://b', '/x', 's', 'auto'),
      urlKey('http://a', '/X', 's', 'auto'),
      urlKey('http://a', '/x?', 's', 'auto'),
      urlKey('http://a', '/x?a=1&b=2', 's', 'auto'),
      urlKey('http://a', '/x?b=2&a=1', 's', 'auto'),
      urlKey('http://a', '/%78', 's', 'auto'),
      urlKey('http://a', '/x', 't', 'auto'),
      urlKey('http://a', '/x', 's', 'always'),
      urlKey('http://a', '/x', 's', 'off'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('scope values', () => {
  test('are read from the client’s fields', () => {
    const { scope } = fragment({ scope: ['cookie:sid', 'header:X-Tier'] });
    if (typeof scope === 'string') throw new Error('a list is expected');
    expect(scopedValues(scope, ['cookie', 'a=1; sid=x=y; sid=2', 'x-tier', 'gold']).map(({ value }) => value)).toEqual([
      'x=y',
      'gold',
    ]);
    expect(scopedValues(scope, []).map(({ value }) => value)).toEqual([undefined, undefined]);
  });

  test('tell apart cookies whose names only look alike', () => {
    for (const cookies of ['SID=1', 'xsid=1', 'sid', 'a="sid=1"', ' a=sid=1'])
      expect([cookies, cookieValue(cookies, 'sid')]).toEqual([cookies, undefined]);
    expect(cookieValue('a=1;sid=2', 'sid')).toBe('2');
    expect(cookieValue(undefined, 'sid')).toBeUndefined();
  });
});

describe('the query that matters', () => {
  test('is what the definition names, sorted, its bytes as they came', () => {
    expect(selectQuery('?b=2&utm=x&a=%20&b=1', ['a', 'b'])).toBe('?a=%20&b=2&b=1');
    expect(selectQuery('?utm=x', ['a'])).toBe('');
    expect(selectQuery('?a', ['a'])).toBe('?a');
    expect(selectQuery('', ['a'])).toBe('');
    expect(selectQuery('?b=2&a=1', undefined)).toBe('?b=2&a=1');
    expect(selectQuery('?%61=1&%zz=2', ['a', '%zz'])).toBe('?%zz=2&%61=1');
    expect(selectQuery('?a=1', [])).toBe('');
  });
});
