import type { InlayEvent } from '../runtime.ts';

/** Writes an event as one JSON line to the Worker's log. */
export function logEvent(event: InlayEvent): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), ...plain(event) }, (_name, value) => clean(value)));
}

function plain(event: InlayEvent): object {
  if (event.type === 'request') return { type: event.type, ...event.record };
  if (!('error' in event)) return event;
  const { code, message, path, cause } = event.error;
  return { ...event, error: { code, message, path, cause: cause === undefined ? undefined : String(cause) } };
}

/** C1 controls and line separators pass through JSON as they are, and some terminals and log viewers obey them. */
function clean(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/[\u0080-\u009f\u2028\u2029]/g, '\ufffd') : value;
}
