import { InlayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { type PurgeMessage, parsePurge, printPurge, targetCount } from './message.ts';
import { latestOf } from './number.ts';
import type { PurgeIndex } from './purge-index.ts';

/** How far an instance of the space is. */
export interface InstanceState {
  /** Different for every process. */
  readonly instance: string;
  /** For people: host and process. */
  readonly name: string;
  /** Sequence number of the last message of the stream that it has applied. */
  readonly seq: number;
  /** Whether that is far enough for the purge that it was asked about. */
  readonly applied: boolean;
  /** It came, and was not rightly signed: it will never be applied there. */
  readonly refused?: true;
}

/** What became of a purge that was published. */
export interface Published {
  readonly id: string;
  /** Its number: in the stream, or without one in this process. */
  readonly seq: number;
  /** The instances that answered; absent where nobody can be asked. */
  readonly instances?: readonly InstanceState[];
}

/**
 * `live`: purges arrive. `suspect`: some may be missing now. `catching-up`: what was missed is being read. `local`: there
 * is nobody else.
 */
export type BusState = 'local' | 'live' | 'suspect' | 'catching-up';

/** Carries purges to every instance of a space, this one included. */
export interface PurgeBus {
  readonly kind: 'local' | 'nats';
  /** Whether purges can be published now, and those of others arrive. */
  readonly connected: boolean;
  readonly state: BusState;
  /** Whether purges are kept in a stream, so that an outage loses none. */
  readonly durable: boolean;
  /** Messages of the stream that are known to be missing still. */
  readonly lag: number;
  /** Messages that could not be read, or were not signed as they must be, since the start. */
  readonly rejected: number;
  /**
   * Resolves when the purge is on its way to the others, kept where there is a stream, and applied here. Rejects with
   * `purge-invalid`, or with `not-ready` while not connected, if it may not have been taken, or if this instance itself
   * refused it.
   *
   * @param wait ms to wait until all instances that answer have applied it; without it they are not asked
   */
  publish(message: PurgeMessage, wait?: number): Promise<Published>;
  close(): Promise<void>;
}

/** Records a purge that no stream tells of, and takes note of it; returns its number. */
export function applyPurge(index: PurgeIndex, message: PurgeMessage, from: string, observe: Runtime['observe']): number;
/** Records a message of the stream, and takes note of it; `undefined` if it was recorded before. */
export function applyPurge(
  index: PurgeIndex,
  message: PurgeMessage,
  from: string,
  observe: Runtime['observe'],
  seq: number,
): number | undefined;
export function applyPurge(
  index: PurgeIndex,
  message: PurgeMessage,
  from: string,
  observe: Runtime['observe'],
  seq?: number,
): number | undefined {
  const number = seq === undefined ? index.record(message) : index.record(message, seq);
  if (number === undefined) return undefined;
  const { id, mode, keys, tags, urls, prefixes } = message;
  const first = [...tags, ...keys, ...urls, ...prefixes].slice(0, 3);
  observe({ type: 'purge', seq: seq ?? latestOf(index), mode, targets: targetCount(message), from, id, first });
  return number;
}

/** The bus of an instance without NATS: purges reach this process only, and at once. */
export function createLocalBus({ index, observe }: { index: PurgeIndex; observe: Runtime['observe'] }): PurgeBus {
  let connected = true;
  return {
    kind: 'local',
    state: 'local',
    durable: false,
    lag: 0,
    rejected: 0,
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
