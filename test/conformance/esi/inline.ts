import { markup, WARN } from './markup.ts';
import { feature } from './record.ts';

/** ESI.md section 3: inline. */
export const INLINE = feature('inline', [
  markup(
    'inline-stored',
    'it outputs nothing',
    'W3C esi-lang 3.2',
    'a<esi:inline name="/i" fetchable="yes">x</esi:inline>b',
    'ab',
  ),
  markup(
    'inline-used',
    'a later include of its name inserts it, without a request',
    'ESI.md 3 inline',
    '<esi:inline name="/i" fetchable="yes">x</esi:inline>[<esi:include src="/i"/>]',
    '[x]',
    { requested: [] },
  ),
  markup(
    'inline-later',
    'an earlier include of its name is an ordinary one',
    'ESI.md 3 inline',
    '<esi:include src="/f"/><esi:inline name="/f">x</esi:inline>',
    'F',
    { requested: ['/f'] },
  ),
  markup(
    'inline-processed',
    'its content is processed where it is included',
    'ESI.md 3 inline',
    '<esi:inline name="/i">a<esi:include src="/f"/></esi:inline>[<esi:include src="/i"/>]',
    '[aF]',
  ),
  {
    ...markup(
      'inline-this-page',
      'it is not kept for other requests',
      'ESI.md 3 inline',
      '<esi:inline name="/f">x</esi:inline><esi:include src="/f"/>',
      'x',
    ),
    again: [{ page: '<esi:include src="/f"/>', expect: { body: 'F', requested: ['/f'] } }],
  },
  markup('inline-no-name', 'without a name it is dropped', WARN, 'a<esi:inline>x</esi:inline>b', 'ab', {
    warns: 'invalid-attribute',
  }),
]);
