import { markup, WARN } from './markup.ts';
import { feature } from './record.ts';

/** ESI.md section 3: function and return. */
export const FUNCTIONS_AND_RETURN = feature('functions-and-return', [
  markup(
    'function-return',
    'return gives the value of the call',
    'ESI.md 3 function',
    '<esi:function name="add"><esi:return value="$(ARGS{0}) + $(ARGS{1})"/></esi:function><esi:vars>$add(2, 3)</esi:vars>',
    '5',
  ),
  markup(
    'function-text',
    'without return the text of the body is the result',
    'ESI.md 3 function',
    '<esi:function name="hi">hi $(ARGS{0})</esi:function><esi:vars>[$hi(1)]</esi:vars>',
    '[hi 1]',
  ),
  markup(
    'function-no-output',
    'a definition outputs nothing',
    'ESI.md 3 function',
    'a<esi:function name="f">x</esi:function>b',
    'ab',
  ),
  markup(
    'function-before',
    'a function is known from its definition on',
    'ESI.md 3 function',
    `<esi:vars>[$f()]</esi:vars><esi:function name="f">x</esi:function><esi:vars>[$f()]</esi:vars>`,
    '[][x]',
    { warns: 'unknown-function' },
  ),
  markup(
    'function-return-ends',
    'nothing after return is done',
    'ESI.md 3 function',
    '<esi:function name="f">a<esi:return value="1"/><esi:assign name="v" value="9"/></esi:function><esi:vars>$f()[$(v)]</esi:vars>',
    '1[]',
  ),
  markup(
    'function-branches',
    'return may stand in a branch',
    'ESI.md 3 function',
    `<esi:function name="f"><esi:choose><esi:when test="$(ARGS{0})==1"><esi:return value="'one'"/></esi:when></esi:choose><esi:return value="'other'"/></esi:function><esi:vars>$f(1) $f(2)</esi:vars>`,
    'one other',
  ),
  markup(
    'function-recursion',
    'it may call itself',
    'ESI.md 3 function',
    `<esi:function name="f"><esi:choose><esi:when test="$(ARGS{0}) &lt;= 1"><esi:return value="1"/></esi:when></esi:choose><esi:return value="$(ARGS{0}) * $f($(ARGS{0}) - 1)"/></esi:function><esi:vars>$f(5)</esi:vars>`,
    '120',
  ),
  markup(
    'function-recursion-limit',
    'endless recursion ends with a warning',
    'ESI.md 3 function',
    '<esi:function name="f"><esi:return value="$f()"/></esi:function>a<esi:vars>$f()</esi:vars>b',
    'ab',
    { warns: 'too-many-steps' },
  ),
  markup(
    'function-args',
    'ARGS is all arguments, missing ones are empty',
    'ESI.md 4 ARGS',
    '<esi:function name="f">$(ARGS)|$(ARGS{7})|$len($(ARGS))</esi:function><esi:vars>$f(1,2)</esi:vars>',
    '1,2||2',
  ),
  markup(
    'function-own-first',
    "the page's function hides one of the library",
    'ESI.md 3 function',
    '<esi:function name="upper">mine</esi:function><esi:vars>$upper(x)$upper(\'x\')</esi:vars>',
    '$upper(x)mine',
  ),
  markup(
    'function-include',
    'nothing is fetched inside a function, with a warning',
    'ESI.md 3 function',
    '<esi:function name="f">a<esi:include src="/f"/>b</esi:function><esi:vars>$f()</esi:vars>',
    'ab',
    { requested: [], warns: 'inside a function' },
  ),
  markup(
    'function-return-outside',
    'a return outside of a function is stripped',
    WARN,
    'a<esi:return value="1"/>b',
    'ab',
    { warns: 'misplaced-tag' },
  ),
  markup('function-no-name', 'a function without name is dropped', WARN, 'a<esi:function>x</esi:function>b', 'ab', {
    warns: 'invalid-attribute',
  }),
]);
