import { BATCH_ANSWERS } from './batch-answers.ts';
import { BATCH_CACHE } from './batch-cache.ts';
import { BATCH_FAULTS } from './batch-faults.ts';
import { BATCH_JOINING } from './batch-joining.ts';
import { BATCH_REQUESTS } from './batch-requests.ts';
import { BATCHING } from './batching.ts';
import { DEPTH } from './depth.ts';
import { DOCUMENTS } from './documents.ts';
import { RULES_OF_ERRORS } from './error-rules.ts';
import { ORDER_OF_ERRORS } from './errors.ts';
import { FIELDS } from './fields.ts';
import { HEADER_MODE } from './header-mode.ts';
import { HEADER_PATHS } from './header-paths.ts';
import { HTML } from './html.ts';
import { IDENTITY } from './identity.ts';
import { LIMITS } from './limits.ts';
import { NESTING } from './nesting.ts';
import { OVERLAYS } from './overlays.ts';
import type { HydrationRecord } from './record.ts';

/** All records. */
export const FEATURES: readonly HydrationRecord[] = [
  ...BATCHING,
  ...BATCH_REQUESTS,
  ...BATCH_ANSWERS,
  ...BATCH_FAULTS,
  ...BATCH_CACHE,
  ...BATCH_JOINING,
  ...RULES_OF_ERRORS,
  ...ORDER_OF_ERRORS,
  ...OVERLAYS,
  ...FIELDS,
  ...DEPTH,
  ...NESTING,
  ...DOCUMENTS,
  ...HEADER_PATHS,
  ...HEADER_MODE,
  ...IDENTITY,
  ...HTML,
  ...LIMITS,
];

export { REFUSED } from './refused.ts';
