import { describe, expect, test } from 'vitest';
import { signOf } from '../../src/node/nats-head.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('the headers of a sign of life', () => {
  test('tell how much was sent, and where the server waits', () => {
    const head = 'NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 41\r\nNats-Last-Stream: 57\r\n';
    expect(signOf(bytes(`${head}\r\n`))).toEqual({ delivered: 41, stalled: undefined });
    const stalled = '$JS.FC.INLAY_PURGE.reader.abc';
    expect(signOf(bytes(`${head}Nats-Consumer-Stalled: ${stalled}\r\n\r\n`))).toEqual({ delivered: 41, stalled });
  });

  test('may say neither', () => {
    expect(signOf(bytes('NATS/1.0 100 FlowControl Request\r\n\r\n'))).toEqual({
      delivered: Number.NaN,
      stalled: undefined,
    });
  });

  test.each([
    '',
    'NATS/1.0\r\nNats-Last-Consumer: 1\r\n\r\n',
    'NATS/1.0 503\r\n\r\n',
    'X\r\nNATS/1.0 100\r\n\r\n',
    '\u00ff',
  ])('are no others: %j', (head) => {
    expect(signOf(bytes(head))).toBeUndefined();
  });

  test('are read as far as a server writes them, and in time', () => {
    const head = bytes(`NATS/1.0 100 x\r\n${'Nats-Last-Consumer:\r\n'.repeat(50_000)}Nats-Last-Consumer: 1\r\n\r\n`);
    expect(signOf(head)).toEqual({ delivered: Number.NaN, stalled: undefined });
  });
});
