import { describe, expect, test } from 'vitest';
import { createTrace } from '../../../src/gateway/trace.ts';
import { fieldValue } from '../../../src/http/fields.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('a trace', () => {
  test('goes on with the client’s, and has a span of its own for every request', () => {
    const trace = createTrace(['x-request-id', 'abcdefgh', 'traceparent', PARENT, 'tracestate', 'a=1']);
    expect([trace.requestId, trace.traceId]).toEqual(['abcdefgh', TRACE]);
    const [one, two] = [trace.next(), trace.next()];
    expect(fieldValue(one, 'traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(fieldValue(one, 'traceparent')).not.toBe(fieldValue(two, 'traceparent'));
    expect([fieldValue(one, 'x-request-id'), fieldValue(one, 'tracestate')]).toEqual(['abcdefgh', 'a=1']);
  });

  test('goes on with one of a later version', () => {
    expect(createTrace(['traceparent', `cc-${TRACE}-00f067aa0ba902b7-01-what-comes`]).traceId).toBe(TRACE);
  });

  for (const malformed of [
    '',
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7`,
    `00-${TRACE}-00f067aa0ba902b7-01-more`,
    `${PARENT}, ${PARENT}`,
    ` ${PARENT}x`,
  ]) {
    test(`begins anew instead of: ${malformed}`, () => {
      const trace = createTrace(['traceparent', malformed, 'tracestate', 'a=1']);
      expect(trace.traceId).not.toBe(TRACE);
      expect(fieldValue(trace.next(), 'tracestate')).toBeUndefined();
    });
  }

  for (const id of ['short', 'x'.repeat(129), 'with blank', 'line\nbreak', '<script>', 'a,b,c,d,e,f', 'ümlautümlaut']) {
    test(`makes a request id of its own instead of: ${JSON.stringify(id.slice(0, 20))}`, () => {
      expect(createTrace(['x-request-id', id]).requestId).toMatch(/^[0-9a-f-]{36}$/);
    });
  }

  test('makes a request id of its own instead of two', () => {
    expect(createTrace(['x-request-id', 'abcdefgh', 'x-request-id', 'ijklmnop']).requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});
