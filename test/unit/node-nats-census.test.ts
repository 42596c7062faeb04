import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Answers } from '../../src/node/nats-census.ts';
import type { Msg } from '../../src/node/nats-client.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An instance that has applied some messages, and the subjects that it answered to, with its answers. */
function world() {
  const told: string[] = [];
  let seq = 0;
  const standing = { instance: 'i', name: 'n', seq: () => seq, stream: () => 'S 1', hasRefused: () => false };
  const answers = new Answers(standing, (subject, text) => {
    told.push(`${subject} ${JSON.parse(text).applied}`);
  });
  return {
    told,
    answers,
    ask: (reply: string, asked: object) =>
      answers.take({ reply, data: Buffer.from(JSON.stringify({ op: 'applied', ...asked })) } as unknown as Msg),
    apply: (last: number) => {
      seq = last;
      answers.applied();
    },
  };
}

test('a question is answered at once, and once more when its number has been applied', () => {
  const { told, ask, apply } = world();
  ask('_INBOX.a', { seq: 2, wait: 5_000 });
  apply(1);
  expect(told.splice(0)).toEqual(['_INBOX.a false']);
  apply(2);
  apply(3);
  expect(told).toEqual(['_INBOX.a true']);
});

test('a question that has waited long enough is forgotten, and then no timer runs', () => {
  const { told, ask, apply } = world();
  ask('_INBOX.short', { seq: 1, wait: 100 });
  ask('_INBOX.long', { seq: 1, wait: 5_000 });
  ask('_INBOX.longest', { seq: 1, wait: 1e12 });
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(200);
  told.length = 0;
  vi.advanceTimersByTime(5_800);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(5_000);
  expect(vi.getTimerCount()).toBe(0);
  apply(1);
  expect(told).toEqual([]);
});

test('a question that has waited long enough is not answered, forgotten or not', () => {
  const { told, ask, apply } = world();
  ask('_INBOX.short', { seq: 1, wait: 100 });
  vi.advanceTimersByTime(200);
  apply(1);
  expect(told).toEqual(['_INBOX.short false']);
});

test('the newest of too many questions displaces the oldest', () => {
  const { told, ask, apply } = world();
  for (let i = 0; i <= 1_000; i++) ask(`_INBOX.${i}`, { seq: 1, wait: 5_000 });
  told.length = 0;
  apply(1);
  expect([told.length, told[0], told.at(-1)]).toEqual([1_000, '_INBOX.1 true', '_INBOX.1000 true']);
});

test('whoever asked on a connection that is lost is forgotten, and no timer runs', () => {
  const { told, answers, ask, apply } = world();
  ask('_INBOX.a', { seq: 1, wait: 5_000 });
  answers.forget();
  expect(vi.getTimerCount()).toBe(0);
  apply(1);
  expect(told).toEqual(['_INBOX.a false']);
});

test('a question is answered to an inbox, and to no subject that is long enough to fill memory', () => {
  const { told, ask } = world();
  for (const reply of ['', 'inlay.purge.web', `_INBOX.${'x'.repeat(4_000)}`]) ask(reply, { seq: 0 });
  expect(told).toEqual([]);
});

test("a question with a stream that is no name is nobody's, and one of another stream does not wait", () => {
  const { told, ask, apply } = world();
  ask('_INBOX.a', { seq: 0, stream: 1 });
  ask('_INBOX.b', { seq: 1, stream: 'S 2', wait: 5_000 });
  ask('_INBOX.c', { seq: 1, stream: 'S 1', wait: 5_000 });
  expect(told.splice(0)).toEqual(['_INBOX.b false', '_INBOX.c false']);
  apply(1);
  expect(told).toEqual(['_INBOX.c true']);
});
