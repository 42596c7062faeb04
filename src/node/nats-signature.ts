import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { MAX_MESSAGE_BYTES } from '../purge/message.ts';

/**
 * The header that proves that a purge was published by somebody who knows the secret: `t=<epoch ms>,s=<hex>`, where `s` is
 * the HMAC-SHA-256 of `<t>.<subject>.<body>`. No two messages have the same of these: neither `t` nor a space holds a dot.
 *
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export const SIGNATURE = 'Inlay-Signature';

const FIELD = /\r\nInlay-Signature:([^\r\n]*)/gi;
const FORM = /^[ \t]*t=([1-9]\d{0,14}),s=([0-9a-f]{64})[ \t]*$/;
/** Ms between the time that a message is signed with and the time at which the server has it, at most. */
const TOLERANCE = 5 * 60_000;
/** Ms after which a message is too old wherever it is published again. */
const REPEATABLE = 2 * TOLERANCE;

/** A message, as far as its signature concerns it. */
export interface Sealed {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Its headers as they came: bytes of whoever published it. */
  readonly head: Uint8Array;
}

/** Signs purges with the first of some secrets, and tells of others' whether they were signed with one of them. */
export class Signatures {
  readonly #keys: readonly [KeyObject, ...KeyObject[]];
  /** Signatures that came, in the order of their coming: the latest, and those before them. */
  #latest = new Set<string>();
  #earlier = new Set<string>();
  #since = 0;
  readonly #remembered: number;

  /**
   * @param secrets at least one
   * @param remembered how many of the last messages are known when they come again
   */
  constructor(secrets: readonly string[], remembered = 100_000) {
    const [first, ...others] = secrets.map((secret) => createSecretKey(secret, 'utf8'));
    if (first === undefined) throw new RangeError('nothing to sign with');
    this.#keys = [first, ...others];
    this.#remembered = remembered;
  }

  /** The value of the header for a message that is published now. */
  sign(subject: string, body: string, now = Date.now()): string {
    return `t=${now},s=${digest(this.#keys[0], String(now), subject, body).toString('hex')}`;
  }

  /**
   * Why a message is not to be believed; `undefined` if it is, once: whoever sees a signed message can send the same bytes
   * again. Says nothing that the message says. Never throws.
   *
   * @param storedAt epoch ms at which the server got it, not we, who may have been away for hours
   */
  fault({ subject, data, head }: Sealed, storedAt: number | undefined): string | undefined {
    // Bytes of anybody's are not hashed without a bound, once for each secret; and no purge is so large.
    if (data.length > MAX_MESSAGE_BYTES) return `larger than ${MAX_MESSAGE_BYTES} bytes`;
    const fields = fieldsOf(head);
    if (fields.length === 0) return 'not signed';
    if (fields.length > 1) return 'signed more than once';
    const [, time, hex] = FORM.exec(fields[0]!) ?? [];
    if (time === undefined || hex === undefined) return 'signed in no form that is known here';
    if (storedAt === undefined) return 'not known when it was stored';
    const late = storedAt - Number(time);
    if (!(Math.abs(late) <= TOLERANCE)) {
      return `signed ${Math.round(Math.abs(late) / 1_000)} s ${late > 0 ? 'before' : 'after'} it was stored`;
    }
    const given = Buffer.from(hex, 'hex');
    const isRight = this.#keys.some((key) => timingSafeEqual(digest(key, time, subject, data), given));
    if (!isRight) return 'signed with no secret that is known here';
    return this.#isNew(given.toString('latin1'), storedAt) ? undefined : 'the same as an earlier one';
  }

  /** Whether a signature comes for the first time, as far as is remembered; remembers it. */
  #isNew(signature: string, storedAt: number): boolean {
    if (this.#latest.has(signature) || this.#earlier.has(signature)) return false;
    if (this.#latest.size >= this.#remembered || storedAt - this.#since > REPEATABLE) {
      this.#earlier = this.#latest;
      this.#latest = new Set();
      this.#since = storedAt;
    }
    this.#latest.add(signature);
    return true;
  }
}

function digest(key: KeyObject, time: string, subject: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${time}.${subject}.`).update(body).digest();
}

/** The values of the header, of which two are as many as anybody wants to know; its name in any case, as clients write it. */
function fieldsOf(head: Uint8Array): string[] {
  const fields: string[] = [];
  if (head.length === 0) return fields;
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
  for (const [, value] of text.matchAll(FIELD)) if (fields.push(value!) === 2) break;
  return fields;
}
