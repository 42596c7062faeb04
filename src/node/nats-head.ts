import type { Msg } from './nats-client.ts';

/** What `nats` knows of a message and does not tell: how many bytes its headers have; less than 0 if it has none. */
interface Measured {
  readonly _msg?: { readonly hdr?: number };
}

/**
 * The bytes of a message's headers, which stand before its body. `message.headers` throws for some, and for many takes time
 * that grows with the square of their number, so that a few hundred messages a second would keep a process busy.
 */
export function headOf(message: Msg): Uint8Array {
  const { data } = message;
  const length = (message as Msg & Measured)._msg?.hdr ?? -1;
  return length > 0 && length <= data.byteOffset
    ? new Uint8Array(data.buffer, data.byteOffset - length, length)
    : NO_BYTES;
}

const NO_BYTES = new Uint8Array(0);

/** What the server says of a consumer beside messages: how many it has sent, and where it waits for leave to go on. */
export interface Sign {
  readonly delivered: number;
  readonly stalled: string | undefined;
}

/** Reads the headers of a sign of life (`NATS/1.0 100 …`); `undefined` for any others. */
export function signOf(head: Uint8Array): Sign | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, MAX_SIGN)).toString('latin1');
  if (!text.startsWith('NATS/1.0 100')) return undefined;
  return { delivered: Number(/^Nats-Last-Consumer:(.+)$/im.exec(text)?.[1]), stalled: STALLED.exec(text)?.[1]?.trim() };
}

const STALLED = /^Nats-Consumer-Stalled:(.+)$/im;
/** Bytes of headers that a server needs to say so. */
const MAX_SIGN = 1_024;
