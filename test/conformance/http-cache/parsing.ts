import { at, type CacheRecord, fetches, reuses } from './record.ts';

/** How the fields that freshness is read from are read when they are odd. */

type Row = readonly [id: string, says: string, value: string | readonly string[], reused: boolean, anchor?: string];

/** A table of Cache-Control values, each reused or not. */
const cacheControl = (rows: readonly Row[]): CacheRecord[] =>
  rows.map(([name, says, value, reused, anchor = 'RFC 9111 5.2']) => {
    const pair = { id: `cache-control-${name}`, says, anchor, headers: { 'cache-control': value } };
    return reused ? reuses(pair) : fetches(pair);
  });

const DELTA = 'RFC 9111 1.2.2';
const DOUBTFUL = 'RFC 9111 4.2.1';

const directives = cacheControl([
  ['case', 'names of directives know no case', 'MaX-aGe=3600', true],
  ['extension', 'unknown directives are ignored', 'foobar, max-age=3600', true, 'RFC 9111 5.2.3'],
  [
    'extension-value',
    'unknown directives are ignored with their values',
    'a="b, c=\\"d", max-age=3600',
    true,
    'RFC 9111 5.2.3',
  ],
  ['empty-members', 'empty members of the list are ignored', ', ,max-age=3600,', true, 'RFC 9110 5.6.1'],
  ['lines', 'several lines are one list', ['foobar', 'max-age=3600'], true, 'RFC 9110 5.3'],
  [
    'first-fresh',
    'of several max-age the first counts, if it is the longer',
    'max-age=1800, max-age=1',
    true,
    DOUBTFUL,
  ],
  ['first-fresh-lines', 'of several lines the first counts', ['max-age=1800', 'max-age=1'], true, DOUBTFUL],
  [
    'first-stale',
    'of several max-age the first counts, if it is the shorter',
    'max-age=1, max-age=1800',
    false,
    DOUBTFUL,
  ],
  ['first-stale-lines', 'a longer second line changes nothing', ['max-age=1', 'max-age=1800'], false, DOUBTFUL],
  ['quoted', 'a value may be quoted', 'max-age="3600"', true],
  [
    'quoted-decoy',
    'max-age in a quoted string is none, before the real one',
    'extension="max-age=3600", max-age=1',
    false,
  ],
  [
    'quoted-decoy-after',
    'max-age in a quoted string is none, after the real one',
    'max-age=1, extension="max-age=3600"',
    false,
  ],
  ['quoted-comma', 'a comma in a quoted string separates nothing', 'x="a, max-age=3600, b"', false],
  ['single-quoted', 'single quotes are no quotes', "max-age='3600'", false],
  ['space-before-equals', 'a blank before the equals sign makes it another word', 'max-age =3600', false],
  ['space-after-equals', 'a blank after the equals sign leaves no number', 'max-age= 3600', false],
  ['leading-zeros', 'zeros before a number are digits', 'max-age=003600', true, DELTA],
  ['negative', 'a negative time is stale', 'max-age=-3600', false, DELTA],
  ['plus', 'a number has no sign', 'max-age=+3600', false, DELTA],
  ['decimal', 'a time is whole seconds', 'max-age=3600.0', false, DELTA],
  ['decimal-half', 'half seconds are no time either', 'max-age=3600.5', false, DELTA],
  ['letter-before', 'a letter before the digits makes it no number', 'max-age=a3600', false, DELTA],
  ['letter-after', 'a letter after the digits makes it no number', 'max-age=3600a', false, DELTA],
  ['no-value', 'max-age without a value is stale', 'max-age', false, DELTA],
  ['empty-value', 'max-age with an empty value is stale', 'max-age=', false, DELTA],
  ['hexadecimal', 'a time is decimal', 'max-age=0xe10', false, DELTA],
  ['semicolons', 'a semicolon separates nothing', 'max-age=3600; public', false],
]);

/** A table of Age values of a response that lives for an hour. */
const age = (rows: readonly Row[]): CacheRecord[] =>
  rows.map(([name, says, value, reused]) => {
    const headers = { 'cache-control': 'max-age=3600', age: value };
    const pair = { id: `age-${name}`, says, anchor: 'RFC 9111 5.1', headers };
    return reused ? reuses({ ...pair, kind: 'required' }) : fetches(pair);
  });

const ages = age([
  ['word', 'an Age that is a word is ignored', 'abc', true],
  ['negative', 'a negative Age is ignored', '-7200', true],
  ['decimal', 'an Age with a fraction is ignored', '7200.0', true],
  ['empty', 'an empty Age is ignored', '', true],
  ['2147483647', 'an Age of 2147483647 is old', '2147483647', false],
  ['2147483648', 'an Age of 2147483648 is old', '2147483648', false],
  ['2147483649', 'an Age of 2147483649 is old', '2147483649', false],
  ['99999999999', 'an Age of eleven digits is old', '99999999999', false],
  ['list-old-first', 'of a list the first member counts, if it is the older', '7200, 0', false],
  ['list-old-last', 'of a list the first member counts, if it is the younger', '0, 7200', true],
  ['lines-old-first', 'of several lines the first counts, if it is the older', ['7200', '0'], false],
  ['lines-old-last', 'of several lines the first counts, if it is the younger', ['0', '7200'], true],
  ['list-equal', 'a member may be repeated', '0, 0', true],
  ['lines-equal', 'a line may be repeated', ['0', '0'], true],
  ['lines-equal-not-zero', 'a repeated line counts once', ['1800', '1800'], true],
]);

/** A table of Expires values, all of a far future if they were dates. */
const expires = (rows: readonly Row[]): CacheRecord[] =>
  rows.map(([name, says, value, reused, anchor = 'RFC 9111 5.3']) => {
    const pair = { id: `expires-${name}`, says, anchor, headers: { expires: value } };
    return reused ? reuses(pair) : fetches(pair);
  });

const FORMATS = 'RFC 9110 5.6.7';

const dates = expires([
  ['32-bit', 'a date of 32 bits is a date', 'Tue, 19 Jan 2038 14:14:08 GMT', true],
  ['far-future', 'a date of many years from now is a date', 'Sun, 21 Nov 2286 04:46:39 GMT', true],
  ['rfc850', 'the format of RFC 850 is a date', 'Thursday, 18-Aug-50 02:01:18 GMT', true, FORMATS],
  [
    'rfc850-past',
    'a two-digit year more than 50 years ahead is of the last century',
    'Wednesday, 18-Aug-99 02:01:18 GMT',
    false,
    FORMATS,
  ],
  ['asctime', 'the format of asctime() is a date', 'Thu Aug  8 02:01:18 2050', true, FORMATS],
  [
    'case-weekday',
    'the case of the weekday makes no difference',
    'THU, 18 Aug 2050 02:01:18 GMT',
    true,
    'RFC 9111 4.2',
  ],
  ['case-month', 'the case of the month makes no difference', 'Thu, 18 AUG 2050 02:01:18 GMT', true, 'RFC 9111 4.2'],
  ['case-zone', 'the case of GMT makes no difference', 'Thu, 18 Aug 2050 02:01:18 gMT', true, 'RFC 9111 4.2'],
  ['invalid-0', 'the value 0 is in the past', '0', false],
  ['invalid-minus-1', 'the value -1 is in the past', '-1', false],
  ['invalid-utc', 'UTC is no time zone here', 'Thu, 18 Aug 2050 02:01:18 UTC', false, 'RFC 9111 4.2'],
  ['invalid-aest', 'there is no other time zone than GMT', 'Thu, 18 Aug 2050 02:01:18 AEST', false, 'RFC 9111 4.2'],
  ['invalid-offset', 'there is no numeric time zone', 'Thu, 18 Aug 2050 02:01:18 +0000', false, 'RFC 9111 4.2'],
  [
    'invalid-year',
    'two digits are no year but in the format of RFC 850',
    'Thu, 18 Aug 50 02:01:18 GMT',
    false,
    FORMATS,
  ],
  ['invalid-comma', 'the comma after the weekday is not optional', 'Thu 18 Aug 2050 02:01:18 GMT', false, FORMATS],
  ['invalid-spaces', 'blanks are single', 'Thu, 18  Aug  2050 02:01:18 GMT', false, FORMATS],
  ['invalid-dashes', 'dashes belong to the format of RFC 850', 'Thu, 18-Aug-2050 02:01:18 GMT', false, FORMATS],
  ['invalid-periods', 'a time has colons', 'Thu, 18 Aug 2050 02.01.18 GMT', false, FORMATS],
  ['invalid-hour', 'an hour has two digits', 'Thu, 18 Aug 2050 2:01:18 GMT', false, FORMATS],
  ['invalid-hour-24', 'there is no hour 24', 'Thu, 18 Aug 2050 24:01:18 GMT', false, FORMATS],
  ['invalid-iso', 'ISO 8601 is no format of HTTP', '2050-08-18T02:01:18Z', false, FORMATS],
  [
    'invalid-lines',
    'several lines are no date',
    ['Thu, 18 Aug 2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02:01:19 GMT'],
    false,
  ],
  [
    'invalid-lines-equal',
    'two equal lines are no date either',
    ['Thu, 18 Aug 2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02:01:18 GMT'],
    false,
  ],
]);

const formats: CacheRecord[] = (['rfc850', 'asctime'] as const).map((format) =>
  fetches({
    id: `expires-${format}-became-past`,
    says: `an Expires in the format of ${format} ends a lifetime to the second`,
    anchor: FORMATS,
    headers: { expires: at(60, format) },
    turn: 61,
  }),
);

export const PARSING = [...directives, ...ages, ...dates, ...formats];
