import { attempt, markup, WARN } from './markup.ts';
import { feature } from './record.ts';

/** ESI.md section 3: eval. */
export const EVAL = feature('eval', [
  {
    ...markup(
      'eval-reads',
      'it runs in the variables of the page',
      'ESI.md 3 eval',
      '<esi:assign name="v" value="1"/><esi:eval src="/e"/>',
      '[1]',
    ),
    fragments: { '/e': '<esi:vars>[$(v)]</esi:vars>' },
  },
  {
    ...markup(
      'eval-assigns',
      'what it assigns counts in the page after it',
      'ESI.md 3 eval',
      '<esi:eval src="/e"/><esi:vars>$(v)</esi:vars>',
      '7',
    ),
    fragments: { '/e': '<esi:assign name="v" value="7"/>' },
  },
  {
    ...markup(
      'eval-function',
      'what it defines can be called after it',
      'ESI.md 3 eval',
      '<esi:eval src="/e"/><esi:vars>$twice(4)</esi:vars>',
      '8',
    ),
    fragments: { '/e': '<esi:function name="twice"><esi:return value="$(ARGS{0}) * 2"/></esi:function>' },
  },
  {
    ...markup(
      'eval-dca-none',
      'dca="none" is the same as none: the scope of the page',
      'ESI.md 3 eval',
      '<esi:assign name="v" value="1"/><esi:eval src="/e" dca="none"/>',
      '[1]',
    ),
    fragments: { '/e': '<esi:vars>[$(v)]</esi:vars>' },
  },
  {
    ...markup(
      'eval-dca-esi',
      'with dca="esi" it has a scope of its own',
      'ESI.md 3 eval',
      '<esi:assign name="v" value="1"/><esi:eval src="/e" dca="esi"/><esi:vars>$(v)$(w)</esi:vars>',
      '[]1',
    ),
    fragments: { '/e': '<esi:vars>[$(v)]</esi:vars><esi:assign name="w" value="2"/>' },
  },
  {
    ...markup('eval-onerror', 'onerror counts', 'ESI.md 3 eval', 'a<esi:eval src="/bad" onerror="continue"/>b', 'ab'),
  },
  {
    ...markup('eval-fails', 'a failed eval fails the page', 'ESI.md 3 eval', '<esi:eval src="/bad"/>b', ''),
    expect: { status: 502 },
  },
  markup(
    'eval-attempt',
    'a failed eval fails the attempt around it',
    'ESI.md 3 eval',
    attempt('<esi:eval src="/bad"/>'),
    'E',
  ),
  {
    ...markup(
      'eval-in-branch',
      'it may stand in a branch',
      'ESI.md 3 eval',
      '<esi:choose><esi:when test="1==1"><esi:eval src="/e"/>$(v)</esi:when></esi:choose>',
      '7',
    ),
    fragments: { '/e': '<esi:assign name="v" value="7"/>' },
  },
  {
    ...markup(
      'eval-in-loop',
      'each round of a loop may read what the eval of the round before has assigned',
      'ESI.md 3 eval',
      '<esi:assign name="v" value="1"/><esi:foreach collection="[1,2,3]"><esi:eval src="/e"/></esi:foreach><esi:vars>$(v)</esi:vars>',
      '8',
    ),
    fragments: { '/e': '<esi:assign name="v" value="$(v) * 2"/>' },
  },
  {
    ...markup(
      'eval-relative',
      'its own includes are resolved against it',
      'ESI.md 3 include, RFC 3986',
      '<esi:eval src="/deep/e"/>',
      'X',
    ),
    fragments: { '/deep/e': '<esi:include src="x"/>', '/deep/x': 'X' },
  },
  {
    ...markup(
      'eval-text',
      'variables in its plain text are not expanded',
      'ESI.md 4 expanded only inside ESI',
      '<esi:vars><esi:eval src="/e"/></esi:vars>',
      '$(REQUEST_METHOD)',
    ),
    fragments: { '/e': '$(REQUEST_METHOD)' },
  },
  markup('eval-no-src', 'an eval without src is stripped', WARN, 'a<esi:eval/>b', 'ab', { warns: 'missing-src' }),
]);
