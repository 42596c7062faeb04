import { setTimeout as sleep } from 'node:timers/promises';
import { asInlayError } from '../errors.ts';

/** Waits for a promise, but at most some ms, and not beyond the end of a connection; rejects when either is over. */
export async function within<T>(ms: number, promise: Promise<T>, over?: AbortSignal): Promise<T> {
  const failed = Promise.withResolvers<never>();
  const lose = () => failed.reject(new Error('connection lost'));
  const timer = setTimeout(() => failed.reject(new Error(`no answer within ${Math.round(ms)} ms`)), ms);
  if (over?.aborted) lose();
  // Not a race with a promise that lives as long as the connection: that would keep every wait in memory.
  over?.addEventListener('abort', lose);
  try {
    return await Promise.race([promise, failed.promise]);
  } finally {
    clearTimeout(timer);
    over?.removeEventListener('abort', lose);
  }
}

/** Resolves after some ms, or at once when the signal is aborted. */
export async function pause(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => undefined);
}

/** Why a connection ended: `nats` closes and rejects with nothing where a socket simply did. */
export function describe(thrown: unknown): string {
  return thrown === undefined ? 'connection lost' : asInlayError(thrown).message;
}
