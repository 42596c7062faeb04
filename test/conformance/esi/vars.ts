import { markup, WARN } from './markup.ts';
import { feature } from './record.ts';

/** ESI.md section 3: vars. */
export const VARS = feature('vars', [
  markup(
    'vars-expands',
    'variables in its content are expanded',
    'W3C esi-lang 3.7',
    '<esi:vars>a$(REQUEST_METHOD)b</esi:vars>',
    'aGETb',
  ),
  markup(
    'vars-only',
    'variables outside of ESI are text',
    'ESI.md 4 expanded only inside ESI',
    '$(REQUEST_METHOD)<esi:vars></esi:vars>$(REQUEST_METHOD)',
    '$(REQUEST_METHOD)$(REQUEST_METHOD)',
  ),
  markup(
    'vars-include',
    'ESI in it is processed',
    'ESI.md 3 vars',
    '<esi:vars>a<esi:include src="/f"/>$(REQUEST_METHOD)</esi:vars>',
    'aFGET',
  ),
  markup(
    'vars-whitespace',
    'white space stays',
    'ESI.md 3 vars',
    '<esi:vars>\n $(REQUEST_METHOD) \n</esi:vars>',
    '\n GET \n',
  ),
  markup('vars-name', 'name outputs a value', 'ESI.md 3 vars', 'a<esi:vars name="$(REQUEST_METHOD)"/>b', 'aGETb'),
  markup(
    'vars-nested',
    'elements in it expand too',
    'ESI.md 3 vars',
    `<esi:vars>${'<esi:choose><esi:when test="1==1">$(REQUEST_METHOD)</esi:when></esi:choose>'}</esi:vars>`,
    'GET',
  ),
  markup(
    'vars-html-attribute',
    'an HTML attribute in it is expanded',
    'W3C esi-lang 3.7',
    '<esi:vars><a href="/x?m=$(REQUEST_METHOD)">x</a></esi:vars>',
    '<a href="/x?m=GET">x</a>',
  ),
  markup('vars-unclosed', 'without end tag it ends with the document', WARN, 'a<esi:vars>$(REQUEST_METHOD)', 'aGET', {
    warns: 'unclosed-tag',
  }),
  {
    ...markup(
      'vars-fragment-text',
      'the text of a fragment in it is not expanded',
      'ESI.md 9 values are data',
      '<esi:vars><esi:include src="/v"/></esi:vars>',
      '$(REQUEST_METHOD)',
    ),
    fragments: { '/v': '$(REQUEST_METHOD)' },
  },
]);
