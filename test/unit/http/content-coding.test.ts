import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  deflateFormat,
  firstBytes,
  isCompressible,
  parseContentEncoding,
  preferredCoding,
} from '../../../src/http/content-coding.ts';

describe('Content-Encoding (RFC 9110 section 8.4)', () => {
  test.each<[string | undefined, readonly string[]]>([
    [undefined, []],
    ['', []],
    ['identity', []],
    ['gzip', ['gzip']],
    [' GZip ', ['gzip']],
    ['x-gzip', ['gzip']],
    ['deflate, gzip', ['deflate', 'gzip']],
    ['identity,\tbr ,, Identity', ['br']],
    ['gzip, gzip', ['gzip', 'gzip']],
    ['frob;x=1', ['frob;x=1']],
    ['a b', ['a b']],
  ])('%j is %j', (value, codings) => {
    expect(parseContentEncoding(value)).toEqual(codings);
  });
});

const ALL = ['br', 'zstd', 'gzip'];

describe('Accept-Encoding (RFC 9110 section 12.5.3)', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'identity'],
    ['', 'identity'],
    [' ', 'identity'],
    ['identity', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['zstd, gzip', 'zstd'],
    ['compress, deflate', 'identity'],
    ['*', 'br'],
    ['br;q=0, *', 'zstd'],
    ['*;q=0', 'identity'],
    ['*;q=0, gzip', 'gzip'],
    ['gzip;q=0', 'identity'],
    ['gzip;q=0.000, br;q=0.001', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['br;q=0.5, gzip;q=0.500', 'br'],
    ['br;q=0.8, zstd;q=0.9, gzip;q=0.7', 'zstd'],
    ['gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
    ['gzip ; q=0.2 , br ;\tQ=0.1', 'gzip'],
    // Identity is preferred only if it is said to be.
    ['gzip;q=0.1', 'gzip'],
    ['identity, gzip', 'gzip'],
    ['identity, gzip;q=0.9', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0, gzip;q=0', 'identity'],
    ['identity;q=0', 'identity'],
    ['identity;q=0, *', 'br'],
    ['*;q=0.5, gzip;q=0.4', 'br'],
    // Of a coding that is there twice, the first counts.
    ['gzip;q=0, gzip', 'identity'],
    ['gzip, x-gzip;q=0', 'gzip'],
    // What is not in the grammar is ignored.
    ['gzip;q=2', 'identity'],
    ['gzip;q=1.001', 'identity'],
    ['gzip;q=0.1234', 'identity'],
    ['gzip;q=.5', 'identity'],
    ['gzip;q=-1', 'identity'],
    ['gzip;q=', 'identity'],
    ['gzip;', 'identity'],
    ['gzip;level=9', 'identity'],
    ['gzip;q=1;level=9', 'identity'],
    ['gzip q=1', 'identity'],
    ['"gzip"', 'identity'],
    ['br;q=x, gzip', 'gzip'],
    ['gzip;q=x, gzip;q=0.5', 'gzip'],
    [',,gzip,,', 'gzip'],
    [';q=1, ,*;q=0', 'identity'],
  ])('%j prefers %j', (value, coding) => {
    expect(preferredCoding(value, ALL)).toBe(coding);
    expect(preferredCoding(value, ALL)).toBe(coding); // remembered, now
  });

  it('chooses among what is available, in the order given', () => {
    expect(preferredCoding('gzip, br', [])).toBe('identity');
    expect(preferredCoding('gzip, br', ['gzip', 'br'])).toBe('gzip');
    expect(preferredCoding('*;q=1, gzip;q=0.5', ['gzip'])).toBe('identity'); // * is identity, too
    expect(preferredCoding('br, gzip;q=0.5', ['gzip'])).toBe('gzip');
  });

  it('reads what it has forgotten again, and what is too long to remember every time', () => {
    for (let i = 0; i < 2_000; i++)
      expect(preferredCoding(`gzip;q=0.${i % 1_000}, x-${i}`, ALL)).toMatch(/gzip|identity/);
    expect(preferredCoding('gzip, deflate, br', ALL)).toBe('br');
    const long = `${'x,'.repeat(5_000)}gzip`;
    expect([preferredCoding(long, ALL), preferredCoding(long, ALL)]).toEqual(['gzip', 'gzip']);
  });

  it('takes time in proportion to the text', () => {
    const began = performance.now();
    for (const hostile of [' ', '\t,', ';', 'a;q=0', 'gzip;', '*', 'q=', '0.', ', gzip ;q=1 x'])
      preferredCoding(hostile.repeat(200_000), ALL);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('never chooses what is refused or not available, whatever the text', () => {
    const name = fc.constantFrom<string>('br', 'zstd', 'gzip', 'identity', '*', 'x');
    const member = fc.tuple(name, fc.integer({ min: 0, max: 10 }));
    const listed = fc.uniqueArray(member, { selector: ([coding]) => coding, minLength: 1 });
    fc.assert(
      fc.property(listed, fc.subarray(ALL), (members, available) => {
        const text = members.map(([coding, tenths]) => `${coding};q=${tenths / 10}`).join();
        const chosen = preferredCoding(text, available);
        const weights = new Map(members);
        const weightOf = (coding: string) => (weights.get(coding) ?? weights.get('*') ?? 0) / 10;
        const best = Math.max(0, ...available.map(weightOf));
        expect(available.concat('identity')).toContain(chosen);
        expect(weightOf(chosen)).toBe(Math.max(best, weightOf('identity')));
        if (chosen !== 'identity') expect(weightOf(chosen)).toBeGreaterThan(0);
        else if (best > 0) expect(weightOf('identity')).toBeGreaterThan(best);
      }),
      { seed: 1 },
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['identity', ...ALL]).toContain(preferredCoding(text, ALL));
      }),
      { seed: 2 },
    );
  });
});

describe('compressing', () => {
  test.each([
    'text/html',
    'text/html; charset=utf-8',
    'Text/CSS',
    ' text/plain ',
    'application/json;charset=utf-8',
    'application/problem+json',
    'application/ld+json ; profile=x',
    'application/manifest+json',
    'application/javascript',
    'application/xml',
    'application/atom+xml',
    'image/svg+xml',
    'application/wasm',
    'font/ttf',
    'image/x-icon',
  ])('%j is worth it', (type) => {
    expect(isCompressible(type)).toBe(true);
  });

  test.each([
    undefined,
    '',
    'text',
    'text/event-stream',
    'text/event-stream; charset=utf-8',
    'image/png',
    'image/jpeg',
    'font/woff2',
    'video/mp4',
    'application/octet-stream',
    'application/zip',
    'application/pdf',
    'application/x+jsonp',
    'image/png; x=text/html',
    'image/png; x=+json',
  ])('%j is not', (type) => {
    expect(isCompressible(type)).toBe(false);
  });
});

test('deflate with and without the header that zlib writes are told apart by its first byte', () => {
  expect(deflateFormat(new Uint8Array([0x78, 0x9c]))).toBe('deflate');
  expect(deflateFormat(new Uint8Array([0x08]))).toBe('deflate');
  expect(deflateFormat(new Uint8Array([0x4b, 0x4c]))).toBe('deflate-raw');
  expect(deflateFormat(new Uint8Array([0x01, 0, 0, 0xff, 0xff]))).toBe('deflate-raw');
});

test('the first bytes are those of the first chunk that has any', async () => {
  const chunks = async function* () {
    yield new Uint8Array(0);
    yield new Uint8Array([1]);
  };
  const body = chunks();
  expect(await firstBytes(body)).toEqual(new Uint8Array([1]));
  expect(await firstBytes(body)).toBe(undefined);
});
