import { at, type CacheRecord, fetches, type Step } from './record.ts';

/** RFC 9111 section 4.2.4 and RFC 5861: when a stale response is better than none, or than waiting. */

const STALE = 'RFC 9111 4.2.4';
const SWR = 'RFC 5861 3';
const SIE = 'RFC 5861 4';
/** The connection ends without an answer: the service may have been asked twice then (RFC 9110 section 9.2.2). */
const CLOSES = { raw: '' };
const CUT = { truncate: true, headers: { 'cache-control': 'max-age=60' } };
const ERRORS = [500, 502, 503, 504];

/** Stored with this Cache-Control, and asked for again when it is stale and this happens. */
const stored = (cacheControl: string, extra: Readonly<Record<string, string>> = {}): Step => ({
  answer: { headers: { 'cache-control': cacheControl, ...extra } },
  expect: { from: 'service' },
});

const FORBIDDING = ['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'];

const disconnected: CacheRecord[] = [
  {
    id: 'stale-closed',
    says: 'a stale response answers when the service closes the connection',
    kind: 'optimal',
    anchor: STALE,
    steps: [stored('max-age=2'), { turn: 3, answer: CLOSES, expect: { body: '#1', headers: { age: '3' } } }],
  },
  {
    id: 'stale-closed-on-arrival',
    says: 'a response that came stale, with a validator, answers when the service closes the connection',
    kind: 'optimal',
    anchor: STALE,
    steps: [
      { answer: { headers: { expires: at(-5_000), 'last-modified': at(-100_000) } } },
      { turn: 3, answer: CLOSES, expect: { body: '#1' } },
    ],
  },
  {
    id: 'stale-503',
    says: 'a 503 is an answer: without stale-if-error it reaches the client',
    kind: 'required',
    anchor: STALE,
    steps: [
      stored('max-age=2'),
      { turn: 3, answer: { status: 503 }, expect: { from: 'service', status: 503, body: '#2' } },
    ],
  },
  ...FORBIDDING.map(
    (directive): CacheRecord => ({
      id: `stale-closed-${directive.replace('=', '-')}`,
      says: `${directive} forbids to answer stale when the service closes the connection`,
      kind: 'required',
      anchor: STALE,
      steps: [
        stored(`max-age=2, ${directive}`, { etag: '"a"' }),
        { turn: 3, answer: CLOSES, expect: { status: [502, 504] } },
      ],
    }),
  ),
  {
    id: 'stale-closed-no-cache-fresh',
    says: 'no-cache forbids it even within max-age',
    kind: 'required',
    anchor: 'RFC 9111 5.2.2.4',
    steps: [
      stored('max-age=3600, no-cache', { etag: '"a"' }),
      { turn: 3, answer: CLOSES, expect: { status: [502, 504] } },
    ],
  },
];

/** A table of windows: Cache-Control, seconds, the status of the service or none, and whether stale answers. */
type Window = readonly [
  id: string,
  says: string,
  cacheControl: string,
  seconds: number,
  fails: number | 'closes',
  stale: boolean,
];

const windows: readonly Window[] = [
  ['sie-closed', 'stale-if-error answers for a closed connection', 'max-age=2, stale-if-error=60', 3, 'closes', true],
  ...ERRORS.map(
    (status): Window => [
      `sie-${status}`,
      `stale-if-error answers for a ${status}`,
      'max-age=2, stale-if-error=60',
      3,
      status,
      true,
    ],
  ),
  ['sie-404', 'a 404 is no error', 'max-age=2, stale-if-error=60', 3, 404, false],
  ['sie-429', 'a 429 is no error', 'max-age=2, stale-if-error=60', 3, 429, false],
  ['sie-501', 'a 501 is not among the errors', 'max-age=2, stale-if-error=60', 3, 501, false],
  ['sie-window', 'after its window stale-if-error is over', 'max-age=2, stale-if-error=60', 63, 503, false],
  ['sie-window-end', 'within its window it is not', 'max-age=2, stale-if-error=60', 60, 503, true],
  ['sie-s-maxage', 'it is honoured beside s-maxage', 's-maxage=2, stale-if-error=60', 3, 503, true],
  [
    'sie-s-maxage-closed',
    'it is honoured beside s-maxage for a closed connection',
    's-maxage=2, stale-if-error=60',
    3,
    'closes',
    true,
  ],
  ['sie-must-revalidate', 'must-revalidate forbids it', 'max-age=2, stale-if-error=60, must-revalidate', 3, 503, false],
  [
    'sie-proxy-revalidate',
    'proxy-revalidate forbids it',
    'max-age=2, stale-if-error=60, proxy-revalidate',
    3,
    503,
    false,
  ],
  ['sie-no-cache', 'no-cache forbids it', 'max-age=2, stale-if-error=60, no-cache', 3, 503, false],
  ['sie-malformed', 'a window that is no number is none', 'max-age=2, stale-if-error=1h', 3, 503, false],
];

const ifError = windows.map(
  ([id, says, cacheControl, turn, fails, stale]): CacheRecord => ({
    id,
    says,
    kind: stale ? 'optimal' : 'required',
    anchor: SIE,
    steps: [
      stored(cacheControl, { etag: '"a"' }),
      {
        turn,
        answer: fails === 'closes' ? CLOSES : { status: fails },
        expect: stale
          ? { body: '#1', headers: { age: String(turn) } }
          : { status: fails === 'closes' ? [502, 504] : fails },
      },
    ],
  }),
);

/** A new answer replaces the old one in the background. */
const NEW = { headers: { 'cache-control': 'max-age=60' } };

const whileRevalidate: CacheRecord[] = [
  ...['max-age', 's-maxage'].map(
    (directive): CacheRecord => ({
      id: `swr-${directive}`,
      says: `stale-while-revalidate beside ${directive} answers at once and refreshes`,
      kind: 'optimal',
      anchor: SWR,
      steps: [
        stored(`${directive}=1, stale-while-revalidate=3600`, { etag: '"abc"' }),
        {
          turn: 3,
          answer: { ...NEW, held: true },
          expect: { from: 'cache', requests: 1, body: '#1', headers: { age: '3' } },
        },
        { turn: 1, expect: { from: 'cache', body: '#2' } },
      ],
    }),
  ),
  {
    id: 'swr-validates',
    says: 'the refresh is a validation',
    kind: 'optimal',
    anchor: SWR,
    steps: [
      stored('max-age=1, stale-while-revalidate=3600', { etag: '"abc"' }),
      {
        turn: 3,
        answer: { status: 304, headers: { etag: '"abc"', 'cache-control': 'max-age=60' } },
        expect: { from: 'validated', body: '#1', received: { headers: { 'if-none-match': '"abc"' } } },
      },
      { turn: 50, expect: { from: 'cache', body: '#1', headers: { age: '50' } } },
    ],
  },
  {
    id: 'swr-once',
    says: 'one refresh goes on, however many ask',
    kind: 'required',
    anchor: SWR,
    steps: [
      stored('max-age=1, stale-while-revalidate=3600'),
      {
        turn: 3,
        answer: { ...NEW, held: true },
        meanwhile: [{ expect: { body: '#1' } }, { expect: { body: '#1' } }],
        expect: { requests: 1, body: '#1' },
      },
    ],
  },
  {
    id: 'swr-window',
    says: 'after the window the client waits for the service',
    kind: 'required',
    anchor: SWR,
    steps: [
      stored('max-age=1, stale-while-revalidate=4', { etag: '"abc"' }),
      { turn: 5, expect: { from: 'service', body: '#2' } },
    ],
  },
  {
    id: 'swr-takes-effect',
    says: 'a refresh that brings no-cache is the last stale answer',
    kind: 'required',
    anchor: SWR,
    steps: [
      stored('max-age=1, stale-while-revalidate=3600', { etag: '"abc"' }),
      {
        turn: 3,
        answer: { headers: { 'cache-control': 'no-cache', etag: '"def"' } },
        expect: { from: 'cache', requests: 1, body: '#1' },
      },
      { turn: 3, expect: { from: 'service', body: '#3' } },
    ],
  },
  {
    id: 'swr-window-of-old',
    says: 'a refresh that cannot be stored does not lengthen the window',
    kind: 'required',
    anchor: SWR,
    steps: [
      stored('max-age=1, stale-while-revalidate=4', { etag: '"abc"' }),
      {
        turn: 3,
        answer: { headers: { 'cache-control': 'no-cache', etag: '"def"' } },
        expect: { body: '#1', requests: 1 },
      },
      { turn: 3, expect: { from: 'service', body: '#3' } },
    ],
  },
  ...['must-revalidate', 'proxy-revalidate', 'no-cache'].map((directive) =>
    fetches({
      id: `swr-${directive}`,
      says: `${directive} forbids to answer while revalidating`,
      anchor: STALE,
      headers: { 'cache-control': `max-age=1, stale-while-revalidate=3600, ${directive}`, etag: '"a"' },
    }),
  ),
];

const incomplete: CacheRecord[] = [
  {
    id: 'incomplete-not-stored',
    says: 'a body shorter than its Content-Length is not stored',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      { answer: CUT, expect: { requests: 1, complete: false } },
      { turn: 1, expect: { from: 'service', body: '#2' } },
    ],
  },
  {
    id: 'incomplete-keeps-old',
    says: 'a body that breaks off does not replace what is stored',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      stored('max-age=2, stale-if-error=3600'),
      { turn: 3, answer: CUT, expect: { requests: 1, complete: false } },
      { turn: 3, answer: { status: 503 }, expect: { requests: 1, body: '#1' } },
    ],
  },
];

export const STALENESS = [...disconnected, ...ifError, ...whileRevalidate, ...incomplete];
