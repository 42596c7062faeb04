import { esi, feature } from './record.ts';

/** ESI.md section 1: what is a template, and how it is processed. */

const INCLUDE = '<esi:include src="/f"/>';
const fragments = { '/f': 'F' };

const types = (['text/html', 'text/xml', 'application/xml', 'application/xhtml+xml', 'text/plain'] as const).map(
  (type) => ({
    id: `type-${type.replace(/[/+]/g, '-')}`,
    says: `${type} is a template`,
    anchor: 'ESI.md 1 types',
    page: { headers: { 'content-type': type }, body: `a${INCLUDE}b` },
    fragments,
    expect: { body: 'aFb', headers: { 'content-type': type } },
  }),
);

const others = (['text/css', 'text/javascript', 'image/svg+xml', 'application/octet-stream'] as const).map((type) => ({
  id: `type-${type.replace(/[/+]/g, '-')}`,
  says: `${type} passes byte for byte, even if it is switched on`,
  anchor: 'ESI.md 1 types',
  page: { headers: { 'content-type': type }, body: `a${INCLUDE}<esi:remove>x</esi:remove>b` },
  expect: { body: `a${INCLUDE}<esi:remove>x</esi:remove>b`, requested: [] },
}));

export const MODEL = [
  ...feature('types and switching on', [
    ...types,
    ...others,
    {
      id: 'type-parameters',
      says: 'parameters of the media type and its case make no difference',
      anchor: 'ESI.md 1 types',
      page: { headers: { 'content-type': 'Text/HTML ; charset=ISO-8859-1' }, body: INCLUDE },
      fragments,
      expect: { body: 'F' },
    },
    {
      id: 'type-missing',
      says: 'a response without Content-Type passes as it is',
      anchor: 'ESI.md 1 types',
      page: { headers: { 'content-type': null }, body: INCLUDE },
      expect: { body: INCLUDE },
    },
    {
      id: 'type-json',
      says: 'application/json is a template of the JSON directives',
      anchor: 'ESI.md 1 types',
      page: { headers: { 'content-type': 'application/json' }, body: '{"a":{"esi:include":{"src":"/f"}}}' },
      fragments: { '/f': { headers: { 'content-type': 'application/json' }, body: '[1]' } },
      expect: { body: '{"a":[1]}' },
    },
    {
      id: 'switch-absent',
      says: 'without Surrogate-Control nothing is processed',
      anchor: 'ESI.md 1 switch',
      page: { esi: false, body: `a${INCLUDE}<esi:comment text="x"/>` },
      expect: { body: `a${INCLUDE}<esi:comment text="x"/>`, requested: [] },
    },
    {
      id: 'switch-other-content',
      says: 'Surrogate-Control without ESI/1.0 switches nothing on',
      anchor: 'ESI.md 1 switch',
      page: { headers: { 'surrogate-control': 'max-age=60, content="SSI/1.0"' }, body: INCLUDE },
      expect: { body: INCLUDE, requested: [], headers: { 'surrogate-control': null } },
    },
    {
      id: 'switch-among-others',
      says: 'ESI/1.0 is found among other contents and directives',
      anchor: 'ESI.md 1 switch',
      page: { headers: { 'surrogate-control': 'max-age=60, content="SSI/1.0 ESI/1.0 X/2"' }, body: INCLUDE },
      fragments,
      expect: { body: 'F' },
    },
    {
      id: 'switch-always',
      says: 'mode always processes a page without Surrogate-Control',
      anchor: 'ESI.md 1 switch',
      config: { route: { esi: 'always' } },
      page: { esi: false, body: INCLUDE },
      fragments,
      expect: { body: 'F' },
    },
    {
      id: 'switch-always-type',
      says: 'mode always leaves other media types alone',
      anchor: 'ESI.md 1 switch',
      config: { route: { esi: 'always' } },
      page: { esi: false, headers: { 'content-type': 'text/css' }, body: INCLUDE },
      expect: { body: INCLUDE },
    },
    {
      id: 'switch-off',
      says: 'mode off processes nothing, whatever the page says',
      anchor: 'ESI.md 7',
      config: { route: { esi: 'off' } },
      page: INCLUDE,
      expect: { body: INCLUDE, requested: [] },
    },
    {
      id: 'switch-client-capability-off',
      says: 'a surrogate between us and the client does not switch processing off',
      anchor: 'ESI.md 8 Surrogate-Capability',
      page: INCLUDE,
      fragments,
      request: { headers: { 'surrogate-capability': 'evil="ESI/1.0"' } },
      expect: { body: 'F' },
    },
    {
      id: 'switch-client-control',
      says: 'a Surrogate-Control of the client does not switch processing on',
      anchor: 'ESI.md 1 switch',
      page: { esi: false, body: INCLUDE },
      request: { headers: { 'surrogate-control': 'content="ESI/1.0"' } },
      expect: { body: INCLUDE },
    },
  ]),
  ...feature('model', [
    {
      id: 'bytes-latin1',
      says: 'bytes that are not UTF-8 survive around and inside of ESI',
      anchor: 'ESI.md 1 bytes',
      page: { latin1: true, body: 'caf\xe9<esi:vars>\xfc$(REQUEST_METHOD)\xff</esi:vars><esi:include src="/f"/>\x80' },
      fragments: { '/f': { latin1: true, body: '\xe4' } },
      expect: { bytes: 'caf\xe9\xfcGET\xff\xe4\x80' },
    },
    {
      id: 'bytes-nul',
      says: 'NUL bytes and line ends survive',
      anchor: 'ESI.md 1 bytes',
      page: 'a\0\r\n\r b<esi:comment text="x"/>\n\0',
      expect: { body: 'a\0\r\n\r b\n\0' },
    },
    {
      id: 'names-upper-case',
      says: 'tags in upper case are text',
      anchor: 'ESI.md 1 names',
      page: '<ESI:include src="/f"/><Esi:remove>x</Esi:remove>',
      expect: { body: '<ESI:include src="/f"/><Esi:remove>x</Esi:remove>', requested: [] },
    },
    {
      id: 'names-alike',
      says: 'what only looks like a tag is text',
      anchor: 'ESI.md 1 names',
      page: '<_esi:include src="/f"/><esi/><esi><esi :vars/><xesi:vars/></esi>',
      expect: { body: '<_esi:include src="/f"/><esi/><esi><esi :vars/><xesi:vars/></esi>' },
    },
    {
      id: 'whitespace-document',
      says: 'every blank and line end outside of tags stays where it is',
      anchor: 'ESI.md 1 bytes',
      page: ' \n<p>\t<esi:include src="/f"/> \r\n</p>\n\n<esi:comment text="c"/>\n ',
      fragments: { '/f': '\n F \n' },
      expect: { body: ' \n<p>\t\n F \n \r\n</p>\n\n\n ' },
    },
    {
      id: 'streaming-head',
      says: 'text goes out while the fragment after it is not there yet',
      anchor: 'ESI.md 1 streaming',
      page: 'head<esi:include src="/f"/>tail',
      fragments: { '/f': { body: 'F', whenClientHas: 'head' } },
      expect: { body: 'headFtail' },
    },
    {
      id: 'streaming-between',
      says: 'text between fragments goes out as soon as all before it is resolved',
      anchor: 'ESI.md 1 streaming',
      page: 'a<esi:include src="/1"/>b<esi:include src="/2"/>c',
      fragments: { '/1': 'ONE', '/2': { body: 'TWO', whenClientHas: 'aONEb' } },
      expect: { body: 'aONEbTWOc' },
    },
    {
      id: 'order-late-first',
      says: 'output is in document order when the last fragment answers first',
      anchor: 'ESI.md 1 order',
      page: '<esi:include src="/1"/>,<esi:include src="/2"/>,<esi:include src="/3"/>',
      fragments: { '/1': { delay: 40, body: '1' }, '/2': { delay: 20, body: '2' }, '/3': '3' },
      expect: { body: '1,2,3' },
    },
    {
      id: 'parallel-same-level',
      says: 'all includes of a page are requested before any is answered',
      anchor: 'ESI.md 1 parallel',
      page: '<esi:include src="/1"/><esi:include src="/2"/><esi:include src="/3"/><esi:include src="/4"/>',
      together: ['/1', '/2', '/3', '/4'],
      fragments: { '/1': '1', '/2': '2', '/3': '3', '/4': '4' },
      expect: { body: '1234' },
    },
    {
      id: 'parallel-constructs',
      says: 'includes in every construct start at once',
      anchor: 'ESI.md 7',
      page:
        '<esi:include src="/plain"/>' +
        '<!--esi <esi:include src="/unwrapped"/>-->' +
        '<esi:vars><esi:include src="/vars"/></esi:vars>' +
        '<esi:choose><esi:when test="1==1"><esi:include src="/when"/></esi:when></esi:choose>' +
        '<esi:choose><esi:when test="1==2">x</esi:when><esi:otherwise><esi:include src="/otherwise"/></esi:otherwise></esi:choose>' +
        '<esi:try><esi:attempt><esi:include src="/attempt"/></esi:attempt><esi:except>x</esi:except></esi:try>' +
        '<esi:foreach collection="[1,2]"><esi:include src="/item$(item)"/></esi:foreach>' +
        '<esi:unknown><esi:include src="/unknown"/></esi:unknown>',
      together: ['/plain', '/unwrapped', '/vars', '/when', '/otherwise', '/attempt', '/item1', '/item2', '/unknown'],
      fragments: {
        '/plain': 'a',
        '/unwrapped': 'b',
        '/vars': 'c',
        '/when': 'd',
        '/otherwise': 'e',
        '/attempt': 'f',
        '/item1': 'g',
        '/item2': 'h',
        '/unknown': 'i',
      },
      expect: { body: 'a bcdefghi' },
    },
    {
      id: 'parallel-levels',
      says: 'a fragment starts its own includes while its neighbours are still awaited',
      anchor: 'ESI.md 1 parallel',
      page: '<esi:include src="/slow"/><esi:include src="/outer"/>',
      together: ['/slow', '/inner'],
      fragments: { '/slow': 's', '/outer': esi('(<esi:include src="/inner"/>)'), '/inner': 'i' },
      expect: { body: 's(i)' },
    },
    {
      id: 'lazy-branches',
      says: 'includes of branches that are not taken are not requested',
      anchor: 'ESI.md 1 lazy',
      page:
        '<esi:choose><esi:when test="1==2"><esi:include src="/no1"/></esi:when>' +
        '<esi:when test="1==1"><esi:include src="/yes"/></esi:when>' +
        '<esi:when test="1==1"><esi:include src="/no2"/></esi:when>' +
        '<esi:otherwise><esi:include src="/no3"/></esi:otherwise></esi:choose>',
      fragments: { '/yes': 'Y', '/no1': 'N', '/no2': 'N', '/no3': 'N' },
      expect: { body: 'Y', requested: ['/yes'] },
    },
    {
      id: 'lazy-except',
      says: 'an include in except is requested only after attempt has failed',
      anchor: 'ESI.md 1 lazy',
      page: '<esi:try><esi:attempt><esi:include src="/f"/></esi:attempt><esi:except><esi:include src="/no"/></esi:except></esi:try>',
      fragments: { '/f': 'F', '/no': 'N' },
      expect: { body: 'F', requested: ['/f'] },
    },
    ...[404, 500, 203].map((status) => ({
      id: `status-${status}`,
      says: `a template with status ${status} is processed, and keeps it`,
      anchor: 'ESI.md 1 status',
      page: { status, body: `a${INCLUDE}` },
      fragments,
      expect: { status, body: 'aF' },
    })),
    {
      id: 'status-204',
      says: 'a 204 stays one, without a body',
      anchor: 'ESI.md 1 status',
      page: { status: 204 },
      expect: { status: 204, body: '', headers: { 'content-length': null } },
    },
    {
      id: 'method-head',
      says: 'HEAD gets the head of the composed page, and no body',
      anchor: 'ESI.md 1 method',
      page: `a${INCLUDE}`,
      fragments: { '/f': 'FFF' },
      request: { method: 'HEAD' },
      expect: { body: '', headers: { 'content-length': '4' } },
    },
    {
      id: 'method-post',
      says: "the template keeps the client's method, and its fragments are GET without body",
      anchor: 'ESI.md 1 method',
      page: INCLUDE,
      fragments,
      request: { method: 'POST', headers: { 'content-type': 'text/plain', 'content-length': '0' } },
      expect: {
        body: 'F',
        received: {
          '/page': { method: 'POST' },
          '/f': { method: 'GET', body: '', headers: { 'content-type': null, 'content-length': null } },
        },
      },
    },
    {
      id: 'empty-page',
      says: 'an empty template is an empty page',
      anchor: 'ESI.md 1 model',
      page: '',
      expect: { body: '', headers: { 'content-length': '0' } },
    },
  ]),
];
