import { type Fields, fieldValue } from '../http/fields.ts';

/** Who a request is in logs and traces. */
export interface Trace {
  readonly requestId: string;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Fields for one upstream request: the request id, and a `traceparent` with a span of its own. */
  readonly next: () => Fields;
}

/** Well-formed enough to be repeated in logs and headers. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=-]{8,128}$/;

/** Version 00 ends after its flags; later ones may go on. @see W3C Trace Context, section 3.2.2 */
const TRACEPARENT =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-|$)/;

/** The client's request id if it is well-formed, else a new one. */
export function requestIdOf(fields: Fields): string {
  const given = fieldValue(fields, 'x-request-id');
  return given !== undefined && REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** Accepts the client's request id and trace if they are well-formed, else makes new ones. */
export function createTrace(fields: Fields): Trace {
  const requestId = requestIdOf(fields);
  const traceparent = fieldValue(fields, 'traceparent');
  const parent = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  let traceId = parent?.[1];
  const ownId = () => {
    traceId ??= randomHex(16); // most answers come from the cache, and need none
    return traceId;
  };
  const state = parent === null ? undefined : fieldValue(fields, 'tracestate');
  const common = ['x-request-id', requestId, ...(state === undefined ? [] : ['tracestate', state])];
  return {
    requestId,
    get traceId() {
      return ownId();
    },
    next: () => [...common, 'traceparent', `00-${ownId()}-${randomHex(8)}-${parent?.[2] ?? '00'}`],
  };
}

/** Random bytes are drawn many at a time: a call for sixteen costs almost what one for thousands does. */
const pool = new Uint8Array(4_096);
let drawn = pool.length;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function randomHex(bytes: number): string {
  if (drawn + bytes > pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  let text = '';
  for (const end = drawn + bytes; drawn < end; drawn++) text += HEX[pool[drawn]!];
  return text;
}
