import type { Entry } from '../cache/entry.ts';
import { digestStrings } from '../http/digest.ts';
import { type PlanPart, partsOf } from './plan.ts';

/**
 * The entity tag of a composed body: a hash of the template's and of every part's validator, in document order.
 * It is strong: change any part and it changes; change none and it does not (RFC 9110 section 8.8.3).
 */
export function composedEtag(template: string, page: PlanPart, used: ReadonlyMap<PlanPart, Entry>): string {
  const validators = [template];
  for (const part of partsOf(page)) validators.push(part.delivered ?? '', used.get(part)?.validator ?? '');
  return `"${digestStrings(validators)}"`;
}
