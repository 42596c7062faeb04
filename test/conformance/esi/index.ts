import { ASSIGN } from './assign.ts';
import { CHOOSE } from './choose.ts';
import { EVAL } from './eval.ts';
import { EXPRESSIONS } from './expressions.ts';
import { FOREACH } from './foreach.ts';
import { FUNCTIONS_AND_RETURN } from './functions-and-return.ts';
import { HEADERS } from './headers.ts';
import { INCLUDES } from './include.ts';
import { INLINE } from './inline.ts';
import { LEXING } from './lexing.ts';
import { MODEL } from './model.ts';
import type { EsiRecord } from './record.ts';
import { SAFETY } from './safety.ts';
import { TEXT_AND_COMMENTS } from './text-and-comments.ts';
import { TRY } from './try.ts';
import { UNKNOWN_AND_MALFORMED } from './unknown-and-malformed.ts';
import { VARS } from './vars.ts';

/** All records. */
export const FEATURES: readonly EsiRecord[] = [
  ...MODEL,
  ...LEXING,
  ...INCLUDES,
  ...CHOOSE,
  ...TRY,
  ...VARS,
  ...ASSIGN,
  ...FOREACH,
  ...FUNCTIONS_AND_RETURN,
  ...EVAL,
  ...INLINE,
  ...TEXT_AND_COMMENTS,
  ...UNKNOWN_AND_MALFORMED,
  ...EXPRESSIONS,
  ...SAFETY,
  ...HEADERS,
];

/** What ESI.md names and Inlay does not do, and why. */
export const NOT_IMPLEMENTED: readonly { readonly what: string; readonly anchor: string; readonly why: string }[] = [
  {
    what: 'dca="xslt"',
    anchor: 'ESI.md 3 include',
    why: 'Transforming fragments is not composing pages; it is ignored with a warning.',
  },
  {
    what: 'Edge-Control: dca=esi',
    anchor: 'ESI.md 3 include details',
    why: 'ESI.md chooses not to: Surrogate-Control and the attribute say the same. The field is removed.',
  },
  { what: 'code of except', anchor: 'ESI.md 3 try', why: 'ESI.md chooses to ignore it: any failure runs except.' },
  {
    what: 'ESI_ARGS',
    anchor: 'ESI.md 4',
    why: 'ESI.md chooses not to: parameters are never taken from the origin URL.',
  },
  {
    what: 'ESI-Inline/1.0 across requests',
    anchor: 'ESI.md 3 inline',
    why: 'ESI.md chooses to keep inlines for this page only: a page must not publish under the URL of another.',
  },
  {
    what: 'RAW_ variables',
    anchor: 'ESI.md 9',
    why: 'Values are always escaped: there is no configuration that would turn it off.',
  },
  {
    what: 'ESI tags as text in application/json',
    anchor: 'ESI.md 10',
    why: 'JSON has directives of its own, which keep the document parsing by construction.',
  },
  {
    what: 'REMOTE_ADDR and GEO from the connection',
    anchor: 'ESI.md 4',
    why: 'Off by default, and no configuration turns them on yet; they are empty.',
  },
  {
    what: 'redirects of fragments',
    anchor: 'ESI.md 7 failure',
    why: 'No service chooses where a request goes: a 3xx is a failure.',
  },
  {
    what: 'gzip, br or deflate of fragments that were not asked for',
    anchor: 'ESI.md 7 limits',
    why: 'Fragments are asked for with Accept-Encoding: identity; one that is coded all the same is a failure.',
  },
  {
    what: 'compressing composed pages, and Vary: Accept-Encoding for it',
    anchor: 'ESI.md 8 Vary',
    why: 'Composed pages leave without an encoding.',
  },
  {
    what: 'Surrogate-Control for a downstream surrogate',
    anchor: 'ESI.md 8 Surrogate-Control',
    why: 'No configuration names one: the field is consumed and removed as a whole.',
  },
  {
    what: 'types other than those of ESI.md section 1',
    anchor: 'ESI.md 1',
    why: 'The list is not configurable yet.',
  },
];
