import { type DestinationStream, type Logger, pino } from 'pino';
import type { InlayEvent } from '../runtime.ts';
import { limitLines } from './log-limit.ts';

/** What is logged: everything, or only what went wrong and what changed the gateway's state, or nothing. */
export type LogLevel = 'all' | 'errors' | 'off';

/**
 * Turns events into JSON lines: one a request, one a purge, one a change of state.
 *
 * @param worker number of this process, if it is one of several that write to the same place
 */
export function createLog(
  level: LogLevel,
  destination?: DestinationStream,
  worker?: number,
): ((event: InlayEvent) => void) | undefined {
  if (level === 'off') return undefined;
  const options = {
    base: worker === undefined ? null : { worker },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const log = destination === undefined ? pino(options) : pino(options, destination);
  const isWanted = limitLines((type, count) => log.warn({ type, count }, 'lines left out'));
  return (event) => write(log, event, level, isWanted);
}

function write(log: Logger, event: InlayEvent, level: LogLevel, isWanted: (type: string) => boolean): void {
  switch (event.type) {
    case 'request': {
      const { record } = event;
      const left = record.error?.startsWith('client-closed') === true;
      // A client's own mistakes are not the operator's alarms.
      const broken = record.status >= 500 || (record.error !== undefined && record.status < 400);
      if (!left && broken) log.error(clean(record), 'request');
      else if (!left && record.errors.length > 0) log.warn(clean(record), 'request');
      else if (level === 'all') log.info(clean(record), 'request');
      return;
    }
    case 'purge':
      if (level === 'all' && isWanted(event.type)) log.info(event, 'purge');
      return;
    case 'purge-floor':
      log.warn(event, event.type);
      return;
    case 'purge-state':
      if (!isWanted(event.type)) return;
      if (event.state === 'suspect') log.warn(event, event.type);
      else if (level === 'all') log.info(event, event.type);
      return;
    case 'bus':
      if (event.state === 'refused' || event.state === 'disconnected') log.warn(event, event.type);
      else if (level === 'all') log.info(event, event.type);
      return;
    case 'breaker':
      if (event.state === 'open') log.error(clean(event), event.type);
      else log.warn(clean(event), event.type);
      return;
    case 'background-failed':
      if (!isWanted(event.type)) return;
      log.warn(clean({ key: event.key, code: event.error.code, message: event.error.message }), event.type);
      return;
    case 'purge-rejected':
    case 'internal': {
      const { error, ...rest } = event;
      log.error(
        clean({
          ...rest,
          code: error.code,
          message: error.message,
          path: error.path,
          cause: String(error.cause ?? ''),
        }),
        event.type,
      );
      return;
    }
  }
}

/** C1 controls and line separators pass through JSON as they are, and some terminals and log viewers obey them. */
function clean<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cleanMember(member)])) as Value;
}

function cleanMember(member: unknown): unknown {
  if (typeof member === 'string')
    return UNPRINTABLE.test(member) ? member.replace(/[\u0080-\u009f\u2028\u2029]/g, '\ufffd') : member;
  return Array.isArray(member) ? member.map(cleanMember) : member;
}

const UNPRINTABLE = /[\u0080-\u009f\u2028\u2029]/;
