import { printHttpDate } from '../http/date.ts';
import { type Environment, refuse, textOf } from './environment.ts';
import type { Library } from './functions.ts';
import { toInteger, type Value } from './value.ts';

/** The functions of ESI.md section 6 that are about time, all UTC and in seconds since 1970, and chance. */
export const TIME_FUNCTIONS: Library = {
  time: { arity: [0, 0], run: (_, environment) => Math.floor(environment.now() / 1000) },
  http_time: { arity: [0, 1], run: httpTime },
  strftime: { arity: [2, 2], run: formatTime },
  rand: { arity: [0, 1], run: randomNumber },
  last_rand: { arity: [0, 0], run: (_, { lastRandom }) => lastRandom },
};

/** From year 0 to 9999, in epoch ms: what HTTP dates can say. */
const EARLIEST = -62_167_219_200_000;
const LATEST = 253_402_300_799_000;

function instantOf(seconds: Value): number | undefined {
  const instant = (toInteger(seconds) ?? Number.NaN) * 1000;
  return instant >= EARLIEST && instant <= LATEST ? instant : undefined;
}

function httpTime(args: readonly Value[], environment: Environment): Value {
  const instant = args.length === 0 ? environment.now() : instantOf(args[0]);
  if (instant === undefined) return refuse(environment, 'bad-argument', '$http_time takes seconds since 1970');
  return printHttpDate(instant);
}

const MAX_FORMAT = 1_024;

function formatTime([seconds, format]: readonly Value[], environment: Environment): Value {
  const instant = instantOf(seconds);
  if (instant === undefined) return refuse(environment, 'bad-argument', '$strftime takes seconds since 1970');
  const text = textOf(format, environment);
  if (text.length > MAX_FORMAT) {
    return refuse(environment, 'too-large', `$strftime takes a format of at most ${MAX_FORMAT} characters`);
  }
  return strftime(new Date(instant), text);
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_MS = 86_400_000;

const pad = (value: number, length = 2, fill = '0'): string => String(value).padStart(length, fill);
const dayOfYear = (date: Date): number => Math.floor((date.getTime() - new Date(date).setUTCMonth(0, 1)) / DAY_MS);
const hour12 = (date: Date): number => date.getUTCHours() % 12 || 12;

/** The conversions of strftime in the POSIX locale; those that are made of others are in {@link COMPOUND}. */
const CONVERSIONS: ReadonlyMap<string, (date: Date) => string> = new Map<string, (date: Date) => string>([
  ['a', (date) => DAYS[date.getUTCDay()]!.slice(0, 3)],
  ['A', (date) => DAYS[date.getUTCDay()]!],
  ['b', (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3)],
  ['h', (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3)],
  ['B', (date) => MONTHS[date.getUTCMonth()]!],
  ['C', (date) => pad(Math.floor(date.getUTCFullYear() / 100))],
  ['d', (date) => pad(date.getUTCDate())],
  ['e', (date) => pad(date.getUTCDate(), 2, ' ')],
  ['H', (date) => pad(date.getUTCHours())],
  ['I', (date) => pad(hour12(date))],
  ['j', (date) => pad(dayOfYear(date) + 1, 3)],
  ['m', (date) => pad(date.getUTCMonth() + 1)],
  ['M', (date) => pad(date.getUTCMinutes())],
  ['n', () => '\n'],
  ['p', (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM')],
  ['s', (date) => String(Math.floor(date.getTime() / 1000))],
  ['S', (date) => pad(date.getUTCSeconds())],
  ['t', () => '\t'],
  ['u', (date) => String(date.getUTCDay() || 7)],
  ['U', (date) => pad(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7))],
  ['w', (date) => String(date.getUTCDay())],
  ['W', (date) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7))],
  ['y', (date) => pad(date.getUTCFullYear() % 100)],
  ['Y', (date) => String(date.getUTCFullYear())],
  ['z', () => '+0000'],
  ['Z', () => 'UTC'],
  ['%', () => '%'],
]);

const COMPOUND: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/** A conversion that is none of these stays as it is written. @see POSIX.1-2017 strftime */
function strftime(date: Date, format: string): string {
  return format
    .replace(/%([cDFrRTxX%])/g, (written, letter: string) => COMPOUND[letter] ?? written)
    .replace(/%([A-Za-z%])/g, (written, letter: string) => CONVERSIONS.get(letter)?.(date) ?? written);
}

/** Without a bound, up to 100 million, as in Fastly. */
const DEFAULT_BOUND = 100_000_000;

/** A whole number from 0 up to but not including the bound. */
function randomNumber(args: readonly Value[], environment: Environment): Value {
  const bound = args.length === 0 ? DEFAULT_BOUND : toInteger(args[0]);
  if (bound === undefined || bound <= 0) {
    return refuse(environment, 'bad-argument', '$rand takes a whole number above 0');
  }
  environment.lastRandom = Math.floor(environment.random() * bound);
  return environment.lastRandom;
}
