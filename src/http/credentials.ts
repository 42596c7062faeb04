import type { Fields } from './fields.ts';

/** Request fields that say who asks. */
const CREDENTIALS: ReadonlySet<string> = new Set(['cookie', 'authorization']);

/** Whether a request field says who asks. */
export function isCredential(name: string): boolean {
  return CREDENTIALS.has(name);
}

/** Whether a request says who asks, so that its answer may be meant for nobody else. */
export function hasCredentials(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 2) if (CREDENTIALS.has(fields[i]!)) return true;
  return false;
}
