import { endToEnd, withoutFields } from '../http/fields.ts';
import type { Interim } from '../runtime.ts';
import type { PageRequest } from './exchange.ts';
import { RELAYED_WITHOUT } from './head.ts';

/** Hands a service's interim responses on to the client that waits for the page, with the fields that are for it. */
export function relayInterim({ interim }: PageRequest): Interim | undefined {
  return interim && ((status, fields) => interim(status, withoutFields(endToEnd(fields), RELAYED_WITHOUT)));
}
