import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  appendCapability,
  freshnessDirectives,
  parseSurrogateControl,
  parseTargeted,
  speaksEsi,
} from '../../../src/http/surrogate.ts';

describe('Surrogate-Control', () => {
  it('splits max-age=60+30 into freshness and staleness', () => {
    const found = parseSurrogateControl('max-age=60+30, content="ESI/1.0"');
    expect(found).toMatchObject({ maxAge: 60, staleFor: 30, noStore: false, content: ['ESI/1.0'] });
    expect(Object.fromEntries(found.directives)).toEqual({
      'max-age': '60',
      content: 'ESI/1.0',
      'stale-while-revalidate': '30',
      'stale-if-error': '30',
    });
  });

  it('keeps a stale window that has its own name', () => {
    const { directives } = parseSurrogateControl('max-age=60+30, stale-if-error=600');
    expect(directives.get('stale-if-error')).toBe('600');
  });

  test.each<[string, number | undefined]>([
    ['max-age=60', 60],
    ['MaX-aGe=60', 60],
    ['foobar, max-age=60', 60],
    ['max-age=0', 0],
    ['max-age=60+', 0],
    ['max-age=+30', 0],
    ['max-age=60+30+10', 0],
    ['max-age=a', 0],
    ['max-age =100', 0],
    ['max-age= 100', 0],
    ['max-age=99999999999', 2 ** 31],
    ['no-store', undefined],
  ])('%s is fresh for %s s', (text, maxAge) => {
    expect(parseSurrogateControl(text).maxAge).toBe(maxAge);
  });

  it('takes no-store-remote for no-store, as it cannot know whether it is remote', () => {
    const found = parseSurrogateControl('no-store-remote');
    expect(found).toMatchObject({ noStore: true, noStoreRemote: true });
    expect(found.directives.has('no-store')).toBe(true);
  });

  it('skips what is addressed to another device and prefers what is addressed to us', () => {
    expect(parseSurrogateControl('max-age=10;squid, max-age=20').maxAge).toBe(20);
    expect(parseSurrogateControl('max-age=20, max-age=30;inlay').maxAge).toBe(30);
    expect(parseSurrogateControl('no-store;squid, max-age=20').noStore).toBe(false);
    expect(parseSurrogateControl('no-store; max-age=20').noStore).toBe(false);
    expect(parseSurrogateControl('content="a;b, no-store", max-age=20;Inlay')).toMatchObject({
      maxAge: 20,
      noStore: false,
    });
  });

  it('reads several content tokens', () => {
    expect(parseSurrogateControl('content="ESI/1.0 ESI-Inline/1.0"').content).toEqual(['ESI/1.0', 'ESI-Inline/1.0']);
    expect(parseSurrogateControl('content').content).toEqual([]);
  });

  test.each<[readonly string[], boolean]>([
    [['surrogate-control', 'content="ESI/1.0"'], true],
    [['surrogate-control', 'max-age=60', 'surrogate-control', 'content="ESI-Inline/1.0 ESI/1.0"'], true],
    [['surrogate-control', 'content=ESI/1.0'], true],
    [['surrogate-control', 'content="ESI/1.01"'], false],
    [['surrogate-control', 'x="content=ESI/1.0"'], false],
    [['x', 'content="ESI/1.0"'], false],
    [[], false],
  ])('%j asks for ESI: %s', (fields, expected) => {
    expect(speaksEsi(fields)).toBe(expected);
  });

  test.each([
    [undefined, 'inlay="Surrogate/1.0 ESI/1.0"'],
    ['', 'inlay="Surrogate/1.0 ESI/1.0"'],
    ['cdn="Surrogate/1.0"', 'cdn="Surrogate/1.0", inlay="Surrogate/1.0 ESI/1.0"'],
  ])('appends our capability to %j', (existing, expected) => {
    expect(appendCapability(existing)).toBe(expected);
  });
});

describe('CDN-Cache-Control is a strict dictionary', () => {
  test.each<[string, Record<string, string | true> | undefined]>([
    ['max-age=3600', { 'max-age': '3600' }],
    ['foobar, max-age=99999999999', { foobar: true, 'max-age': '99999999999' }],
    ['max-age=60;x=1;y, public', { 'max-age': '60', public: true }],
    ['max-age=60, max-age=5', { 'max-age': '5' }],
    ['max-age=-5', { 'max-age': '-5' }],
    ['max-age="10000"', {}],
    ['max-age=1.5', {}],
    ['max-age', {}],
    ['public=?0', {}],
    ['private="set-cookie"', { private: 'set-cookie' }],
    ['no-store=1', { 'no-store': true }],
    ['x=:aGk=:, y=tok/en:1, z="q\\"", w=?0', { x: ':aGk=:', y: 'tok/en:1', z: 'q"', w: true }],
    ['', {}],
    ['  ', {}],
    ['a\t,\tb', { a: true, b: true }],
    ['max-age=10000, &&&&&', undefined],
    ['MaX-aGe=3600', undefined],
    ['max-age =100', undefined],
    ['max-age= 100', undefined],
    ['max-age=', undefined],
    ['max-age=1,', undefined],
    [',max-age=1', undefined],
    ['max-age=1 public', undefined],
    ['max-age=1;', undefined],
    ['max-age=1.', undefined],
    ['max-age=1.2345', undefined],
    ['max-age=1234567890123456', undefined],
    ['x="a', undefined],
    ['x="a\\b"', undefined],
    ['x="\u00e9"', undefined],
    ['x=?2', undefined],
    ['x=(a b)', undefined],
    ["max-age='1'", undefined],
  ])('%j', (text, expected) => {
    const found = parseTargeted(text);
    expect(found && Object.fromEntries(found)).toEqual(expected);
  });

  it('never throws', () => {
    const near = fc.string({ unit: fc.constantFrom('a', '=', ';', ' ', ',', '"', '\\', '?', '1', '.', ':', '-') });
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => void parseTargeted(text)),
      { seed: 1 },
    );
  });
});

describe('the first field that says something about caching decides alone', () => {
  const fields = (surrogate?: string, cdn?: string, cache?: string): string[] => [
    ...(surrogate === undefined ? [] : ['surrogate-control', surrogate]),
    ...(cdn === undefined ? [] : ['cdn-cache-control', cdn]),
    ...(cache === undefined ? [] : ['cache-control', cache]),
  ];

  test.each<[string | undefined, string | undefined, string | undefined, string]>([
    [undefined, undefined, undefined, 'none'],
    [undefined, undefined, 'max-age=1', 'Cache-Control'],
    [undefined, 'max-age=1', 'no-store', 'CDN-Cache-Control'],
    ['max-age=1', 'max-age=2', 'no-store', 'Surrogate-Control'],
    ['no-store-remote', 'max-age=2', 'max-age=3', 'Surrogate-Control'],
    ['content="ESI/1.0"', undefined, 'max-age=3', 'Cache-Control'],
    ['content="ESI/1.0"', 'max-age=2', 'max-age=3', 'CDN-Cache-Control'],
    ['content="ESI/1.0"', undefined, undefined, 'none'],
    ['foobar', undefined, 'max-age=3', 'Cache-Control'],
    ['', '', 'max-age=3', 'Cache-Control'],
    [undefined, 'max-age=10, &&&', 'no-store', 'Cache-Control'],
    [undefined, 'max-age="10"', 'no-store', 'Cache-Control'],
    [undefined, 'foo', 'max-age=3', 'CDN-Cache-Control'],
    [undefined, undefined, ' , ', 'none'],
  ])('Surrogate-Control %j, CDN-Cache-Control %j, Cache-Control %j: %s', (surrogate, cdn, cache, from) => {
    expect(freshnessDirectives(fields(surrogate, cdn, cache)).from).toBe(from);
  });
});

it('ends soon, even for long lists of escaped quotes', () => {
  for (const piece of ['"', '\\"', ';"\\"', 'a="', ';', ',']) parseSurrogateControl(`;${piece.repeat(50_000)}`);
  for (const piece of ['a,', 'a;', 'a="\\"', '1']) parseTargeted(piece.repeat(50_000));
});
