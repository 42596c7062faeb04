import { markup } from './markup.ts';
import { esi, feature } from './record.ts';

/** ESI.md section 3: text, remove, comment, debug. */
export const TEXT_AND_COMMENTS = feature('text-remove-comment-debug', [
  markup(
    'text-verbatim',
    'content of text is output as it is',
    'ESI.md 3 text',
    '<esi:text><esi:include src="/f"/>$(REQUEST_METHOD)<!--esi x--></esi:text>',
    '<esi:include src="/f"/>$(REQUEST_METHOD)<!--esi x-->',
    { requested: [] },
  ),
  markup(
    'text-in-vars',
    'text in vars is not expanded',
    'ESI.md 3 text',
    '<esi:vars>$(REQUEST_METHOD)<esi:text>$(REQUEST_METHOD)</esi:text></esi:vars>',
    'GET$(REQUEST_METHOD)',
  ),
  markup('text-whitespace', 'its white space stays', 'ESI.md 3 text', '<esi:text>\n x </esi:text>', '\n x '),
  markup(
    'remove-content',
    'remove drops its content',
    'W3C esi-lang 3.5',
    'a<esi:remove><a href="/x">x</a></esi:remove>b',
    'ab',
  ),
  markup(
    'remove-include',
    'nothing in it is processed or requested',
    'ESI.md 3 remove',
    'a<esi:remove><esi:include src="/f"/><esi:assign name="v" value="1"/></esi:remove><esi:vars>[$(v)]</esi:vars>',
    'a[]',
    { requested: [] },
  ),
  markup(
    'remove-nested',
    'a nested remove does not end the outer one',
    'ESI.md 3 remove',
    'a<esi:remove>1<esi:remove>2</esi:remove>3</esi:remove>b',
    'ab',
  ),
  markup(
    'remove-unclosed',
    'without end tag it drops the rest of the document',
    'ESI.md 3 remove',
    'a<esi:remove>b<esi:include src="/f"/>',
    'a',
    { requested: [], warns: 'unclosed-tag' },
  ),
  {
    ...markup(
      'remove-unclosed-fragment',
      'in a fragment it drops the rest of that document alone',
      'ESI.md 3 remove',
      'a<esi:include src="/doc"/>c',
      'abc',
    ),
    fragments: { '/doc': esi('b<esi:remove>x') },
  },
  markup('remove-empty', 'an empty remove is nothing', 'ESI.md 3 remove', 'a<esi:remove/>b', 'ab'),
  markup('comment-dropped', 'comment is deleted', 'W3C esi-lang 3.6', 'a<esi:comment text="<b>x</b>"/>b', 'ab'),
  markup(
    'comment-end-tag',
    'with an end tag its content goes too',
    'ESI.md 3 comment',
    'a<esi:comment text="x">y<esi:include src="/f"/></esi:comment>b',
    'ab',
    { requested: [] },
  ),
  markup(
    'comment-line',
    'the white space around it stays',
    'W3C esi-lang 3.6',
    'a\n<esi:comment text="x"/>\nb',
    'a\n\nb',
  ),
  markup(
    'debug-stripped',
    'debug is stripped',
    'ESI.md 3 debug',
    'a<esi:debug type="x"/>b<esi:debug>c</esi:debug>d',
    'abd',
  ),
]);
