import { afterEach, expect, test, vi } from 'vitest';
import { InlayError } from '../../src/errors.ts';
import { createLog, type LogLevel } from '../../src/node/log.ts';
import type { InlayEvent, RequestRecord } from '../../src/runtime.ts';

afterEach(() => void vi.useRealTimers());

const record: RequestRecord = {
  requestId: 'request-1234',
  traceId: '0'.repeat(32),
  method: 'GET',
  host: 'shop.example',
  path: '/',
  route: 'shop/*',
  status: 200,
  bytes: 10,
  duration: 1,
  cache: 'hit',
  reason: 'hit',
  reasons: [],
  parts: {},
  warnings: [],
  errors: [],
};

function lines(level: LogLevel, ...events: InlayEvent[]): Record<string, unknown>[] {
  const written: string[] = [];
  const log = createLog(level, { write: (line) => void written.push(line) });
  for (const event of events) log?.(event);
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const request = (changes: Partial<RequestRecord>): InlayEvent => ({
  type: 'request',
  record: { ...record, ...changes },
});

test.each<[string, Partial<RequestRecord>, string]>([
  ['a page', {}, 'info'],
  ['a page with parts that failed', { errors: ['/x: upstream-status: web answered 500'] }, 'warn'],
  ['a mistake of a client', { status: 400, error: 'target-invalid: the path has dot segments' }, 'info'],
  ['a client that left', { error: 'client-closed: the client left', errors: ['/x: client-closed: gone'] }, 'info'],
  ['a page that failed', { status: 502, error: 'upstream-unreachable: no' }, 'error'],
  ['a page that broke off after its head', { status: 200, error: 'fragment-failed: no' }, 'error'],
])('%s is logged as it deserves', (_name, changes, level) => {
  expect(lines('all', request(changes)).map((line) => line.level)).toEqual([level]);
});

test('at level errors, what went right is not logged; at level off, nothing is', () => {
  const events = [request({}), request({ status: 502, error: 'x' })];
  expect(lines('errors', ...events)).toMatchObject([{ level: 'error', status: 502 }]);
  expect(lines('off', ...events)).toEqual([]);
});

test('a gateway that may miss purges warns, once it does not any more it says so, and flapping is cut short', () => {
  const change = (state: 'suspect' | 'live'): InlayEvent => ({ type: 'purge-state', state, seq: 7, lag: 1 });
  const [suspect, live] = lines('all', change('suspect'), change('live'));
  expect(suspect).toMatchObject({ level: 'warn', msg: 'purge-state', state: 'suspect', seq: 7, lag: 1 });
  expect(live).toMatchObject({ level: 'info', state: 'live' });
  expect(lines('errors', change('suspect'), change('live'))).toMatchObject([{ state: 'suspect' }]);
  const flapping = Array.from({ length: 100 }, (_, i) => change(i % 2 === 0 ? 'suspect' : 'live'));
  expect(lines('all', ...flapping)).toHaveLength(10);
});

test('a purge is logged with its id and what it purged', () => {
  const purge: InlayEvent = {
    type: 'purge',
    seq: 7,
    mode: 'hard',
    targets: 1,
    from: 'nats',
    id: 'p-1',
    first: ['country:FRA'],
  };
  expect(lines('all', purge)).toMatchObject([{ msg: 'purge', seq: 7, id: 'p-1', first: ['country:FRA'] }]);
});

test('what a client wrote cannot end a line, nor steer a terminal', () => {
  const path = '/a\n{"level":"fatal"}\u001b[2J\u0085\u2028\u009b31m';
  const written: string[] = [];
  createLog('all', { write: (line) => void written.push(line) })?.(request({ path }));
  expect(written).toHaveLength(1);
  expect(written[0]!.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
});

test('a failure of our own is logged with its cause', () => {
  const error = new InlayError('internal', 'oops', { cause: new Error('because') });
  expect(lines('errors', { type: 'internal', error })).toMatchObject([
    { level: 'error', code: 'internal', cause: 'Error: because' },
  ]);
});

test('what happens again and again is written ten times a second, and then how often it was left out', () => {
  vi.useFakeTimers();
  const failed: InlayEvent = { type: 'background-failed', error: new InlayError('upstream-open', 'no'), key: 'k' };
  const written: string[] = [];
  const log = createLog('all', { write: (line) => void written.push(line) });
  const flood = (times: number) => {
    for (let i = 0; i < times; i++) log?.(failed);
  };
  const messages = () =>
    written.splice(0).map((line) => {
      const { msg, type, count } = JSON.parse(line) as { msg: string; type?: string; count?: number };
      return count === undefined ? msg : `${msg}: ${count} ${type}`;
    });
  flood(25);
  log?.(request({}));
  expect(messages()).toEqual([...Array.from({ length: 10 }, () => 'background-failed'), 'request']);
  vi.advanceTimersByTime(1_000);
  expect(messages()).toEqual(['lines left out: 15 background-failed']);
  flood(10);
  vi.advanceTimersByTime(5_000);
  expect(messages()).toHaveLength(10);
});

test('purges are left out by themselves, and those that are not logged are not counted', () => {
  vi.useFakeTimers();
  const purge: InlayEvent = { type: 'purge', seq: 7, mode: 'hard', targets: 1, from: 'nats', id: 'p', first: ['a'] };
  const failed: InlayEvent = { type: 'background-failed', error: new InlayError('upstream-open', 'no'), key: 'k' };
  const events = [...Array.from({ length: 102 }, () => purge), failed];
  expect(lines('all', ...events).map(({ msg }) => msg)).toEqual([
    ...Array.from({ length: 100 }, () => 'purge'),
    'background-failed',
  ]);
  const quiet: string[] = [];
  const log = createLog('errors', { write: (line) => void quiet.push(line) });
  for (const event of events) log?.(event);
  vi.advanceTimersByTime(1_000);
  expect(quiet).toHaveLength(1);
});

test('a circuit that opens is an error, one that closes is worth a line at every level', () => {
  const circuit = { type: 'breaker', origin: 'http://a.example', detail: 'why' } as const;
  expect(lines('errors', { ...circuit, state: 'open' }, { ...circuit, state: 'closed' })).toMatchObject([
    { level: 'error', msg: 'breaker', origin: 'http://a.example', state: 'open', detail: 'why' },
    { level: 'warn', msg: 'breaker', state: 'closed' },
  ]);
});
