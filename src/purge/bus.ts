import { InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { type PurgeMessage, parsePurge, printPurge, targetCount } from './message.ts';
import type { PurgeIndex } from './purge-index.ts';

/** Carries purges to every instance of a space, this one included. */
export interface PurgeBus {
  readonly kind: 'local' | 'nats';
  /** Whether purges can be published now, and those of others arrive. */
  readonly connected: boolean;
  /**
   * Resolves when the purge is on its way to the others and applied here, with the sequence number it has here.
   * Rejects with `purge-invalid`, or with `not-ready` while not connected.
   */
  publish(message: PurgeMessage): Promise<{ readonly id: string; readonly seq: number | undefined }>;
  close(): Promise<void>;
}

/** Records a purge and takes note of it; returns its sequence number. */
export function applyPurge(
  index: PurgeIndex,
  message: PurgeMessage,
  from: string,
  observe: Runtime['observe'],
): number {
  const seq = index.record(message);
  const { id, mode, keys, tags, urls, prefixes } = message;
  const first = [...tags, ...keys, ...urls, ...prefixes].slice(0, 3);
  observe({ type: 'purge', seq, mode, targets: targetCount(message), from, id, first });
  return seq;
}

/** The bus of an instance without NATS: purges reach this process only, and at once. */
export function createLocalBus({ index, observe }: { index: PurgeIndex; observe: Runtime['observe'] }): PurgeBus {
  let connected = true;
  return {
    kind: 'local',
    get connected() {
      return connected;
    },
    async publish(message) {
      if (!connected) throw new InlayError('not-ready', 'the purge bus is closed');
      // The rules of the wire hold here too, so that a purge does not start to fail when NATS is added.
      const purge = parsePurge(printPurge(message));
      return { id: purge.id, seq: applyPurge(index, purge, 'local', observe) };
    },
    async close() {
      connected = false;
    },
  };
}
