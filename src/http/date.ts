/**
 * HTTP dates, strictly (RFC 9110 section 5.6.7). `Date.parse` is of no use here: it takes almost anything, guesses a
 * local time zone, and what it takes differs between runtimes, so that one cache would find fresh what another finds stale.
 */
const MONTHS: readonly string[] = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const DAYS: readonly string[] = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');

const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const MONTH = `(?<month>${MONTHS.join('|')})`;
const DAY = `(?:${DAYS.join('|')})`;
const LONG_DAY = '(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day';

/**
 * IMF-fixdate, the obsolete RFC 850 form, and that of asctime(). The grammar has names in one case; who judges freshness
 * takes them in any (RFC 9111 section 4.2).
 */
const FORMATS: readonly RegExp[] = [
  new RegExp(String.raw`^${DAY}, (?<day>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`, 'i'),
  new RegExp(String.raw`^${LONG_DAY}, (?<day>\d\d)-${MONTH}-(?<short>\d\d) ${TIME} GMT$`, 'i'),
  new RegExp(String.raw`^${DAY} ${MONTH} (?<day>\d\d| \d) ${TIME} (?<year>\d{4})$`, 'i'),
];

/**
 * The instant that an HTTP-date names, in epoch ms; `undefined` for anything outside the three formats of the grammar.
 * The weekday must be one, but need not be the right one: recipients have never checked it.
 *
 * @param text one field line, without surrounding white space
 * @param now epoch ms; the two-digit years of the RFC 850 form count from it. Without it they lie in 1970-2069.
 * @see RFC 9110 section 5.6.7
 */
export function parseHttpDate(text: string, now?: number): number | undefined {
  for (const format of FORMATS) {
    const groups = format.exec(text)?.groups;
    if (groups === undefined) continue;
    const year = groups.year === undefined ? fullYear(Number(groups.short), now) : Number(groups.year);
    return instant(year, MONTHS.indexOf(capitalised(groups.month!)), Number(groups.day), [
      Number(groups.hour),
      Number(groups.minute),
      Number(groups.second),
    ]);
  }
  return undefined;
}

function capitalised(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1).toLowerCase();
}

/**
 * The IMF-fixdate of an instant: `Sun, 06 Nov 1994 08:49:37 GMT`.
 *
 * @param ms epoch ms, from year 0 to 9999; fractions of a second are cut off, as HTTP has none
 * @see RFC 9110 section 5.6.7
 */
export function printHttpDate(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${DAYS[date.getUTCDay()]!}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]!}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day} ${String(date.getUTCFullYear()).padStart(4, '0')} ${time} GMT`;
}

/** A year more than 50 years ahead means the latest past year with the same two digits (RFC 9110 section 5.6.7). */
function fullYear(short: number, now: number | undefined): number {
  if (now === undefined) return short < 70 ? 2000 + short : 1900 + short;
  const thisYear = new Date(now).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + 100 + short;
  while (year > thisYear + 50) year -= 100;
  return year;
}

function instant(
  year: number,
  month: number,
  day: number,
  time: readonly [number, number, number],
): number | undefined {
  const [hour, minute, second] = time;
  // 60 is a leap second; it is the first second of the next minute for us, who cannot say it otherwise.
  if (day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day); // unlike Date.UTC, it takes years below 100 as they are
  if (date.getUTCMonth() !== month) return undefined; // 30 February and its like roll over
  date.setUTCHours(hour, minute, second);
  return date.getTime();
}
