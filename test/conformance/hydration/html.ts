import { asks, CUP, entity, feature, type HydrationRecord, html, LASTING, TEA } from './record.ts';

/** `as="json"`: JSON in the scripts of a page of markup. */

const script = (attributes: string) =>
  html(`<script type="application/json"><esi:include ${attributes} as="json"/></script>`);
const delivered = (json: string) => `<script type="application/json">${json}</script>`;
const src = 'src="/product/1"';
const ASKED = [asks('product', 1)];

/** What an entity is, and how it stands in a script. */
const escaped: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['plain', '{"id":1,"a":"b & c > d"}', '{"id":1,"a":"b & c > d"}'],
    ['end-tag', '{"id":1,"a":"</script><b>"}', '{"id":1,"a":"\\u003c/script>\\u003cb>"}'],
    ['comment', '{"id":1,"a":"<!-- <script"}', '{"id":1,"a":"\\u003c!-- \\u003cscript"}'],
    ['name', '{"id":1,"<a>":"<"}', '{"id":1,"\\u003ca>":"\\u003c"}'],
    ['separators', '{"id":1,"a":"\u2028 \u2029"}', '{"id":1,"a":"\\u2028 \\u2029"}'],
    ['escapes', '{"id":1,"a":"\\u003c \\\\< \\" é"}', '{"id":1,"a":"\\u003c \\\\\\u003c \\" é"}'],
    ['numbers', '{"id":1,"n":12345678901234567890.0, "m" : 1E5}', '{"id":1,"n":12345678901234567890.0, "m" : 1E5}'],
  ] as const
).map(([name, item, json]) => ({
  id: `script-${name}`,
  says: `${item} is written as ${json}`,
  page: script(src),
  kinds: { product: { has: { 1: item } } },
  expect: { body: delivered(json), upstream: ASKED },
  again: [{ expect: { body: delivered(json), upstream: [], headers: LASTING } }],
}));

export const HTML = feature('JSON in markup', [
  ...escaped,
  {
    id: 'script-undefined',
    says: 'what has no definition may stand there, too',
    page: script('src="/data"'),
    files: { '/data': { headers: { 'surrogate-control': null }, body: '["<"]' } },
    expect: { body: delivered('["\\u003c"]'), upstream: ['GET /data'] },
  },
  {
    id: 'script-batched',
    says: 'scripts and markup of one page are one request',
    page: html('<esi:include src="/product/42"/><script><esi:include src="/product/7" as="json"/></script>'),
    expect: { body: `${TEA}<script>${CUP}</script>`, upstream: [asks('product', 42, 7)] },
  },
  {
    id: 'script-plain-include',
    says: 'without as, nothing is escaped',
    page: html('<esi:include src="/product/1"/>'),
    kinds: { product: { has: { 1: '{"id":1,"a":"<"}' } } },
    expect: { body: '{"id":1,"a":"<"}', upstream: ASKED },
  },
  {
    id: 'script-continue',
    says: 'with onerror="continue", what fails is null',
    page: script(`${src} onerror="continue"`),
    kinds: { product: {} },
    expect: { body: delivered('null'), errors: 'unsaid', upstream: ASKED },
  },
  {
    id: 'script-fails',
    says: 'without onerror, what fails fails the page',
    page: html(`<esi:include ${src} as="json"/>`),
    kinds: { product: {} },
    expect: { status: 502, upstream: ASKED },
  },
  {
    id: 'script-not-json',
    says: 'what is no JSON fails',
    page: script(`${src} onerror="continue"`),
    kinds: { product: { definition: { batch: { body: '/html' } }, has: { 1: '{"id":1,"html":"<p>"}' } } },
    expect: { body: delivered('null'), errors: 'unsaid', upstream: ASKED },
  },
  {
    id: 'script-alt',
    says: 'alt is escaped likewise',
    page: script(`${src} alt="/product/2"`),
    kinds: { product: { has: { 2: '{"id":2,"a":"<"}' } } },
    expect: { body: delivered('{"id":2,"a":"\\u003c"}'), upstream: [asks('product', 1), asks('product', 2)] },
  },
  {
    id: 'script-fallback',
    says: 'a fallback is escaped likewise',
    page: script(src),
    kinds: { product: { definition: { fallback: '{"a":"<"}' } } },
    expect: { body: delivered('{"a":"\\u003c"}'), errors: 'unsaid', upstream: ASKED },
  },
  {
    id: 'script-nested',
    says: 'directives inside of it run, and what they bring is escaped, too',
    page: script('src="/outer/1"'),
    kinds: {
      outer: { definition: { esi: 'always' }, has: { 1: `{"id":1,"in":${entity('product', '1')}}` } },
      product: { has: { 1: '{"id":1,"a":"</script>"}' } },
    },
    expect: { body: delivered('{"id":1,"in":{"id":1,"a":"\\u003c/script>"}}'), upstream: [asks('outer', 1), ...ASKED] },
  },
  {
    id: 'script-cached',
    says: 'what is stored is the entity as it came',
    page: script(src),
    kinds: { product: { has: { 1: '{"id":1,"a":"<"}' } } },
    expect: { body: delivered('{"id":1,"a":"\\u003c"}'), upstream: ASKED },
    again: [
      { page: entity('product', '1'), expect: { body: '{"id":1,"a":"<"}', upstream: [] } },
      { request: { page: 1 }, expect: { body: delivered('{"id":1,"a":"\\u003c"}'), upstream: [] } },
    ],
  },
]);
