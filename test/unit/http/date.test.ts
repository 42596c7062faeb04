import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseHttpDate, printHttpDate } from '../../../src/http/date.ts';

const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);
const Y2026 = Date.UTC(2026, 10, 23);

test.each([
  'Sun, 06 Nov 1994 08:49:37 GMT',
  'Sunday, 06-Nov-94 08:49:37 GMT',
  'Sun Nov  6 08:49:37 1994',
  'SUN, 06 nOV 1994 08:49:37 gmt',
  'sunday, 06-NOV-94 08:49:37 Gmt',
])('reads %s, one of the three formats in any case of its names', (text) => {
  expect(parseHttpDate(text)).toBe(EXAMPLE);
});

test.each([
  ['', 'empty'],
  ['0', 'the Expires that means "already expired"'],
  ['-1', 'a number'],
  ['Thu, 18 Aug 2050 02:01:18 UTC', 'another zone'],
  ['Thu, 18 Aug 2050 02:01:18 AEST', 'another zone'],
  ['Thu, 18 Aug 2050 02:01:18 +0000', 'an offset'],
  ['Thu, 18 Aug 2050 02:01:18', 'no zone'],
  ['Thu, 18 Aug 50 02:01:18 GMT', 'a two-digit year'],
  ['Thu 18 Aug 2050 02:01:18 GMT', 'no comma'],
  ['Thu, 18  Aug  2050 02:01:18 GMT', 'several spaces'],
  ['Thu, 18-Aug-2050 02:01:18 GMT', 'dashes'],
  ['Thu, 18 Aug 2050 02.01.18 GMT', 'periods'],
  ['Thu, 18 Aug 2050 2:01:18 GMT', 'a one-digit hour'],
  ['Thu, 18 Aug 2050 24:00:00 GMT', 'hour 24'],
  ['Thu, 18 Aug 2050 02:60:18 GMT', 'minute 60'],
  ['Thu, 18 Aug 2050 02:01:61 GMT', 'second 61'],
  ['Thu, 00 Aug 2050 02:01:18 GMT', 'day 0'],
  ['Thu, 30 Feb 2050 02:01:18 GMT', '30 February'],
  ['Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT', 'two dates'],
  ['Thu, 18 Aug 2050 02:01:18 GMT\n', 'a line end'],
  ['2050-08-18T02:01:18Z', 'ISO 8601'],
  ['Foo, 18 Aug 2050 02:01:18 GMT', 'no weekday'],
])('refuses %j: %s', (text) => {
  expect(parseHttpDate(text)).toBeUndefined();
});

describe('the two-digit year of the RFC 850 form', () => {
  test.each([
    ['94', 1994],
    ['26', 2026],
    ['76', 2076],
    ['77', 1977],
    ['86', 1986],
    ['00', 2000],
  ])('%s is %i, seen from 2026', (short, year) => {
    const text = `Sunday, 06-Nov-${short} 08:49:37 GMT`;
    expect(new Date(parseHttpDate(text, Y2026)!).getUTCFullYear()).toBe(year);
  });

  it('may lie in the next century, seen from the end of one', () => {
    const text = 'Sunday, 06-Nov-20 08:49:37 GMT';
    expect(new Date(parseHttpDate(text, Date.UTC(2080, 1))!).getUTCFullYear()).toBe(2120);
    expect(new Date(parseHttpDate(text.replace('-20 ', '-31 '), Date.UTC(2080, 1))!).getUTCFullYear()).toBe(2031);
  });
});

it('takes a leap second and 29 February', () => {
  expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2017, 0, 1));
  expect(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT')).toBe(Date.UTC(2024, 1, 29));
  expect(parseHttpDate('Wed, 29 Feb 2023 00:00:00 GMT')).toBeUndefined();
});

it('prints what every runtime prints, and reads it back', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(9999, 11) }), (ms) => {
      const text = printHttpDate(ms);
      expect(text).toBe(new Date(ms).toUTCString());
      expect(parseHttpDate(text)).toBe(Math.floor(ms / 1000) * 1000);
    }),
    { seed: 1 },
  );
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer(), (text, now) => {
      parseHttpDate(text, now);
    }),
    { seed: 2 },
  );
});
