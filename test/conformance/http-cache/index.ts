import { AGES } from './age.ts';
import { CACHE_STATUS } from './cache-status.ts';
import { COLLAPSED } from './collapsed.ts';
import { CONDITIONAL } from './conditional.ts';
import { DIRECTIVES } from './directives.ts';
import { CREDENTIALS, FIELDS, URLS } from './fields.ts';
import { FRESHNESS } from './freshness.ts';
import { HEADS } from './head.ts';
import { INVALIDATION } from './invalidation.ts';
import { PARSING } from './parsing.ts';
import { RANGE } from './range.ts';
import type { CacheRecord } from './record.ts';
import { REQUEST } from './request.ts';
import { STALENESS } from './stale.ts';
import { HEURISTICS, STATUS } from './status.ts';
import { TARGETED } from './targeted.ts';
import { UPDATE } from './update.ts';
import { VALIDATION } from './validation.ts';
import { VARY } from './vary.ts';
import { WIRE } from './wire.ts';

/** The records by what they are about. */
export const AREAS: Readonly<Record<string, readonly CacheRecord[]>> = {
  freshness: FRESHNESS,
  age: AGES,
  parsing: PARSING,
  'response directives': DIRECTIVES,
  'request directives': REQUEST,
  'targeted fields': TARGETED,
  status: STATUS,
  'heuristic freshness': HEURISTICS,
  fields: FIELDS,
  credentials: CREDENTIALS,
  URLs: URLS,
  vary: VARY,
  conditional: CONDITIONAL,
  validation: VALIDATION,
  'update by a 304': UPDATE,
  head: HEADS,
  range: RANGE,
  invalidation: INVALIDATION,
  stale: STALENESS,
  'collapsed forwarding': COLLAPSED,
  'interim responses and framing': WIRE,
  'cache-status': CACHE_STATUS,
};
