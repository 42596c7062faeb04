import { AGES } from './age.ts';
import { CONDITIONAL } from './conditional.ts';
import { FRESHNESS } from './freshness.ts';
import { HEADS } from './head.ts';
import { INVALIDATION } from './invalidation.ts';
import { PARSING } from './parsing.ts';
import { RANGE } from './range.ts';
import type { CacheRecord } from './record.ts';
import { STALENESS } from './stale.ts';
import { UPDATE } from './update.ts';
import { VALIDATION } from './validation.ts';
import { VARY } from './vary.ts';

/** The records by what they are about. */
export const AREAS: Readonly<Record<string, readonly CacheRecord[]>> = {
  freshness: FRESHNESS,
  age: AGES,
  parsing: PARSING,
  stale: STALENESS,
  vary: VARY,
  conditional: CONDITIONAL,
  validation: VALIDATION,
  'update by a 304': UPDATE,
  head: HEADS,
  range: RANGE,
  invalidation: INVALIDATION,
};
