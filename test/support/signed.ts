import { createHmac } from 'node:crypto';

/** Secrets as long as they must be. */
export const SECRET = '0123456789abcdef0123456789abcdef';
export const OTHER_SECRET = 'an öther secret of 32 characters or more';

/** What a publisher that is not ours signs a purge with. */
export interface Signing {
  readonly secret?: string;
  /** Epoch ms. */
  readonly at?: number;
  /** Where it says that it is published, and what. */
  readonly subject?: string;
  readonly body?: string;
}

/** The line of the header, computed as the README says it is. */
export function signatureLine(subject: string, body: string, signing: Signing = {}): string {
  const { secret = SECRET, at = Date.now() } = signing;
  const signed = `${at}.${signing.subject ?? subject}.${signing.body ?? body}`;
  return `Inlay-Signature: t=${at},s=${createHmac('sha256', secret).update(signed).digest('hex')}\r\n`;
}

/** A block of headers out of lines. */
export function headerBlock(...lines: readonly string[]): string {
  return `NATS/1.0\r\n${lines.join('')}\r\n`;
}
