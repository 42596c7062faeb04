/**
 * Malformed and hostile markup, a line each: what people write by mistake, what breaks scanners, and what attackers
 * try. Every one must compile and compose without an exception, in bounded time and memory.
 */
const deep = (tag: string, inner: string, count: number): string =>
  `<esi:${tag}>`.repeat(count) + inner + `</esi:${tag.split(' ')[0]}>`.repeat(count);

const loop = (collection: string, body: string, item = 'item'): string =>
  `<esi:foreach collection="${collection}" item="${item}">${body}</esi:foreach>`;

const LOOPS = 8;

/** Markup that is broken, or odd. */
export const ODDITIES: readonly string[] = [
  '<esi:choose><esi:when test="1==1">a</esi:choose>b</esi:when>',
  '<esi:choose><esi:when>a</esi:when></esi:choose>',
  '<esi:choose></esi:when></esi:choose>',
  '<esi:choose><esi:choose><esi:when test="1">a</esi:when></esi:choose></esi:choose>',
  '<esi:choose>x<esi:text>y</esi:text><esi:vars>z</esi:vars><esi:when test="1">a</esi:when></esi:choose>',
  '<esi:choose><esi:include src=/a><esi:when test="1">a</esi:when></esi:include></esi:choose>',
  '<esi:choose/><esi:try/><esi:when/><esi:vars/><esi:foreach/><esi:function/><esi:inline/><esi:assign/>',
  '<esi:when test="1">a<esi:choose><esi:when test="1">b</esi:when></esi:choose>',
  '<esi:try><esi:attempt><esi:attempt>a</esi:attempt></esi:attempt><esi:except/></esi:try>',
  '<esi:try><esi:except>a</esi:try><esi:attempt>b',
  '<esi:try><esi:attempt><esi:include src="/none"/></esi:attempt></esi:try>',
  '<esi:vars>$(</esi:vars>$(A{b<esi:vars>$(A{b</esi:vars>$A(x)<esi:vars>$5 $ $$ $() $(|) $({}) $(A|$(B|$(C)</esi:vars>',
  '<esi:vars>$(HTTP_HOST<esi:comment/>)</esi:vars>',
  '<esi:vars name="$("/><esi:vars name=\'$(A\'>b</esi:vars>',
  '<esi:foreach>a</esi:foreach><esi:foreach collection="">b</esi:foreach><esi:foreach collection="[1..">c</esi:foreach>',
  '<esi:foreach collection="[1,2]" item="__proto__">$(__proto__)</esi:foreach>',
  '<esi:foreach collection="[1,2]" item="HTTP_HOST">$(HTTP_HOST)</esi:foreach>',
  '<esi:break/><esi:return value="1"/><esi:param name="a"/><esi:function name="f"><esi:break/></esi:function>',
  '<esi:assign name="__proto__" value="1"/><esi:assign name="constructor" value="{\'__proto__\':1}"/><esi:vars>$(__proto__)$(constructor)$(toString)</esi:vars>',
  '<esi:assign name="x{" value="1"/><esi:assign name="x{}" value="1"/><esi:assign name="{a}" value="1"/><esi:assign name="1" value="1"/>',
  `<esi:assign name="x{a\\'}" value="1"/><esi:assign name="x{$(y)}" value="1"/>`,
  '<esi:assign name="x"><esi:include src="/f"/><esi:choose/></esi:assign>',
  '<esi:inline name="/i"><esi:include src="/i"/></esi:inline><esi:include src="/i"/>',
  '<esi:inline name="a"><esi:inline name="b">x</esi:inline></esi:inline><esi:include src="b"/>',
  '<esi:text><esi:text></esi:text>',
  '<esi:text>$(HTTP_HOST)<esi:vars>$(HTTP_HOST)</esi:text>',
  '<esi:remove><esi:text></esi:remove></esi:text>',
  '<esi:comment text="<esi:remove>"/></esi:comment>',
  '<!--esi <esi:vars> --> </esi:vars> -->',
  '<!--esi <!--esi <esi:text> --> </esi:text> -->',
  '<![CDATA[<esi:vars>]]>$(HTTP_HOST)',
  '<esi:include src="/f" src="/g" onerror="fail" dca="xslt" stylesheet="http://evil/x.xsl" maxwait="-1" ttl="1y"/>',
  '<esi:include src="$($($("/><esi:include src="$(A" alt="$"/>',
  '<esi:include src="http://[::1"/><esi:include src="//"/><esi:include src="\\\\evil"/><esi:include src="javascript:1"/>',
  '<esi:include src="/f"><esi:param/><esi:param name="a" value="$("/></esi:param></esi:include>',
  '<esi:include src="/f">x<esi:param name="a" value="1"/>y</esi:include>z',
  '<esi:eval src="/none" onerror="continue"/><esi:eval src="/f"/><esi:eval/>',
  `<esi:include src="/f" maxwait="${'9'.repeat(400)}" ttl="${'9'.repeat(400)}d"/>`,
  '<esi:x:y/><esi:-/><esi:é/><esi:\x00/><esi:include\x00src="/f"/>',
  '<esi:include/src=/f/><esi:include src = "/f" / ><esi:include src="/f"/ >',
  "\xef\xbb\xbf<esi:vars>\xff\xfe$(HTTP_HOST|'\xe9')\x00</esi:vars>",
  '</esi:vars></esi:vars></esi:choose></esi:text></esi:include></esi:x>',
  '<esi:function name="f"><esi:include src="/f"/><esi:choose><esi:when test="1"><esi:eval src="/f"/></esi:when></esi:choose></esi:function><esi:vars>$f()$(MATCHES)</esi:vars>',
  '<esi:function name="len">x</esi:function><esi:vars>$len(1)$toString()$constructor()$__proto__()</esi:vars>',
  `<esi:vars>$(A|'$(B|\\'$(C|"$(D)")\\')')</esi:vars>`,
  "<esi:choose><esi:when test=\"'a' matches '('\">x</esi:when><esi:when test=\"'a' matches '(a+)+$'\">y</esi:when></esi:choose>",
];

/** Markup that asks for more than it may have. */
export const BOMBS: readonly string[] = [
  deep('vars', 'x', 500),
  deep('foreach collection="[1,2]"', 'x', 100),
  deep('choose', 'x', 500),
  `<esi:choose><esi:when test="1">`.repeat(300),
  '<esi:try><esi:attempt>'.repeat(300),
  '<!--esi '.repeat(1_000),
  '<esi:remove>'.repeat(2_000),
  `<esi:vars>${'$('.repeat(20_000)}`,
  `<esi:vars>${"$(A|'".repeat(10_000)}`,
  `<esi:vars>${'$f('.repeat(10_000)}${')'.repeat(10_000)}</esi:vars>`,
  `<esi:choose><esi:when test="${'('.repeat(5_000)}1${')'.repeat(5_000)}">x</esi:when></esi:choose>`,
  `<esi:choose><esi:when test="${'!'.repeat(30_000)}1">x</esi:when></esi:choose>`,
  `<esi:choose><esi:when test="${'1+'.repeat(20_000)}1">x</esi:when></esi:choose>`,
  `<esi:assign name="x" value="[${'1,'.repeat(20_000)}1]"/>`,
  Array.from({ length: LOOPS }, (_, i) => i).reduce((body, i) => loop('[1..10000]', body, `i${i}`), 'x'),
  loop('[1..10000]', loop('[1..10000]', '<esi:choose></esi:choose>'.repeat(1_000))),
  loop(
    '[1..10000]',
    loop(
      '[1..10000]',
      `<esi:try><esi:attempt>${'<esi:inline name="a">b</esi:inline>'.repeat(1_000)}</esi:attempt></esi:try>`,
    ),
  ),
  loop('[1..10000]', loop('[1..10000]', '<esi:break/>')),
  `<esi:assign name="l" value="[1..10000]"/>${loop('[1..10000]', loop('$(l)', '<esi:break/>'))}`,
  '<esi:assign name="x" value="\'xxxxxxxx\'"/>' +
    '<esi:assign name="x">$(x)$(x)</esi:assign>'.repeat(60) +
    '<esi:vars>$len($(x))</esi:vars>',
  '<esi:assign name="x" value="\'xxxxxxxx\'"/>' +
    '<esi:assign name="x" value="$(x)+$(x)"/>'.repeat(60) +
    '<esi:vars>$len($(x))</esi:vars>',
  '<esi:assign name="l" value="[1]"/><esi:assign name="l{0}" value="$(l)"/><esi:vars>$(l)$json_encode($(l))</esi:vars>',
  '<esi:assign name="l" value="[1,2]"/>' +
    '<esi:assign name="l" value="[$(l),$(l)]"/>'.repeat(60) +
    '<esi:vars>$(l)</esi:vars>',
  '<esi:function name="f"><esi:vars>$f()$f()</esi:vars></esi:function><esi:vars>$f()</esi:vars>',
  '<esi:function name="f"><esi:vars>$g()</esi:vars></esi:function><esi:function name="g"><esi:vars>$f()$f()</esi:vars></esi:function><esi:vars>$f()</esi:vars>',
  `<esi:function name="f">${'<esi:foreach collection="[1]">'.repeat(60)}<esi:vars name="${'[!'.repeat(30)}$f()${']'.repeat(30)}"/>${'</esi:foreach>'.repeat(60)}</esi:function><esi:vars>$f()</esi:vars>`,
  `<esi:function name="f">${loop('[1..10000]', 'x'.repeat(60_000))}</esi:function><esi:vars>$len($f())</esi:vars>`,
  loop('[1..10000]', "<esi:vars>$string_split($replace('aaaaaaaaaa','a','aaaaaaaaaaaaaaaaaaaa'),'')</esi:vars>"),
  loop('[1..10000]', '<esi:assign name="v$(item)" value="1"/><esi:assign name="d{$(item)}" value="1"/>'),
  '<esi:include src="/loop"/>',
  '<esi:eval src="/loop"/>',
  '<esi:include src="/wide"/>',
  '<esi:include src="/f" onerror="continue"/>'.repeat(1_000),
  '<esi:include src="/f" onerror="continue">'.repeat(1_000),
  `<esi:inline name="/i">${'<esi:include src="/i" onerror="continue"/>'.repeat(10)}</esi:inline><esi:include src="/i" onerror="continue"/>`,
];

/** Fragments that the corpus includes. */
export const FRAGMENTS: Readonly<Record<string, string>> = {
  '/f': 'F<esi:vars>$(x)</esi:vars>',
  '/g': '<esi:assign name="x" value="\'G\'"/>G',
  '/loop': '<esi:include src="/loop" onerror="continue"/><esi:eval src="/loop?$rand()" onerror="continue"/>',
  '/wide': '<esi:include src="/wide?$rand()" onerror="continue"/>'.repeat(20),
};
