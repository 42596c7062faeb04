import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Interim } from '../runtime.ts';

/** Interim responses that one request is sent at most: they are hints, and a service may send any number. */
const MAX_INTERIM = 8;

/**
 * Makes what writes interim responses ahead of an answer, until its head has been written; what comes then is dropped.
 * `undefined` for a client of HTTP/1.0, which could not read them (RFC 9110 section 15.2), and before Node 26.2.
 */
export function interimWriter({ httpVersion }: IncomingMessage, outgoing: ServerResponse): Interim | undefined {
  if (httpVersion === '1.0' || typeof outgoing.writeInformation !== 'function') return undefined;
  let left = MAX_INTERIM;
  return (status, fields) => {
    if (left === 0 || outgoing.headersSent || outgoing.destroyed) return;
    left--;
    outgoing.writeInformation(status, fields);
  };
}
