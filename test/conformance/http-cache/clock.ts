import type { At, FieldValue } from './record.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** The gateway's clock, and the service's: it stands still but where a record turns it. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** A record begins: a minute after all that was before. */
  begin(): void;
  turn(seconds: number): void;
  /** Seconds since the record began. */
  elapsed(): number;
  text(instant: At): string;
}

/** A clock that shows a fraction of a second, as clocks do: Date knows none. */
export function createClock(): Clock {
  let now = Date.parse('2026-03-04T05:06:07.400Z');
  let latest = now;
  let began = now;
  return {
    now: () => now,
    begin: () => {
      now = latest + 60_000;
      latest = now;
      began = now;
    },
    turn: (seconds) => {
      now += seconds * 1_000;
      latest = Math.max(latest, now);
    },
    elapsed: () => (now - began) / 1_000,
    text: ({ at, format }) => printDate(new Date(began + at * 1_000), format),
  };
}

/** RFC 9110 section 5.6.7. */
function printDate(date: Date, format: At['format']): string {
  const text = date.toUTCString();
  const [, day = '', month = '', year = '', time = ''] = /, (\d\d) (\w+) (\d+) (\S+)/.exec(text) ?? [];
  const weekday = DAYS[date.getUTCDay()]!;
  if (format === 'rfc850') return `${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
  if (format === 'asctime') return `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`;
  return text;
}

/** Fields with their instants as text, those that are null left out. */
export function fieldsAt(
  fields: Readonly<Record<string, FieldValue | null>>,
  clock: Clock,
): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      if (value === null) return [];
      return [[name, isAt(value) ? clock.text(value) : value]];
    }),
  );
}

/** An array has a method of that name. */
export function isAt(value: unknown): value is At {
  return typeof value === 'object' && value !== null && typeof (value as At).at === 'number';
}
