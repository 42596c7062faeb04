import { type AnswerFields, at, type CacheRecord, fetches, reuses } from './record.ts';

/** RFC 9213, and Surrogate-Control before it: fields that speak to caches like this one, and overrule Cache-Control. */

type Row = readonly [id: string, says: string, headers: AnswerFields, reused: boolean, anchor?: string];

const records = (field: string, anchorOfAll: string, rows: readonly Row[]): CacheRecord[] =>
  rows.map(([name, what, headers, reused, anchor = anchorOfAll]) => {
    const pair = { id: `${field.toLowerCase()}-${name}`, says: `${field}: ${what}`, anchor, headers };
    return reused ? reuses(pair) : fetches(pair);
  });

const LONG = { 'cache-control': 'max-age=10000', expires: at(10_000) };

/** What both fields have in common. */
const both = (name: string): readonly Row[] => [
  ['max-age', 'max-age makes a response fresh', { [name]: 'max-age=3600' }, true],
  ['max-age-2147483648', 'a long time is no overflow', { [name]: 'max-age=2147483648' }, true],
  ['max-age-99999999999', 'a very long time is no overflow', { [name]: 'max-age=99999999999' }, true],
  ['age', 'Age counts', { [name]: 'max-age=3600', age: '7200' }, false],
  ['max-age-0', 'max-age=0 is stale', { [name]: 'max-age=0' }, false],
  ['extension', 'unknown directives are ignored', { [name]: 'foobar, max-age=3600' }, true],
  ['past-expires', 'it overrides an Expires in the past', { [name]: 'max-age=3600', expires: at(-10_000) }, true],
  ['invalid-expires', 'it overrides an Expires that is no date', { [name]: 'max-age=3600', expires: '0' }, true],
  [
    'future-expires',
    'its max-age=0 overrides an Expires in the future',
    { [name]: 'max-age=0', expires: at(10_000) },
    false,
  ],
  ['longer', 'its long max-age overrides a short one', { [name]: 'max-age=3600', 'cache-control': 'max-age=1' }, true],
  [
    'shorter',
    'its short max-age overrides a long one',
    { [name]: 'max-age=1', 'cache-control': 'max-age=3600' },
    false,
  ],
  ['s-maxage', 'it overrides s-maxage', { [name]: 'max-age=1', 'cache-control': 's-maxage=3600' }, false],
  ['no-store', 'its no-store forbids storing', { [name]: 'no-store' }, false],
  ['no-store-fresh', 'its no-store overrides freshness elsewhere', { ...LONG, [name]: 'no-store' }, false],
  ['over-no-store', 'it overrides no-store', { [name]: 'max-age=10000', 'cache-control': 'no-store' }, true],
  ['over-private', 'it overrides private', { [name]: 'max-age=10000', 'cache-control': 'private' }, true],
  ['over-pragma', 'it overrides Pragma', { [name]: 'max-age=10000', pragma: 'no-cache' }, true],
  ['empty', 'an empty one says nothing', { ...LONG, [name]: '' }, true],
  [
    'space-before',
    'a blank before the equals sign makes it invalid',
    { [name]: 'max-age =100', 'cache-control': 'max-age=1' },
    false,
  ],
  [
    'space-after',
    'a blank after the equals sign makes it invalid',
    { [name]: 'max-age= 100', 'cache-control': 'max-age=1' },
    false,
  ],
];

const CDN = 'CDN-Cache-Control';
const cdn = 'cdn-cache-control';
const SF = 'RFC 9213 2.1';

const cdnRecords = records(CDN, 'RFC 9213 2.2', [
  ...both(cdn),
  ['private', 'its private overrides freshness elsewhere', { ...LONG, [cdn]: 'private' }, false],
  ['no-cache', 'its no-cache overrides freshness elsewhere', { ...LONG, [cdn]: 'no-cache' }, false],
  ['case', 'names are lower-case: anything else is no dictionary', { [cdn]: 'MaX-aGe=3600' }, false, SF],
  [
    'invalid',
    'what is no dictionary is ignored, for the worse',
    { [cdn]: 'max-age=10000, &&&&&', 'cache-control': 'no-store' },
    false,
    SF,
  ],
  [
    'invalid-fresh',
    'what is no dictionary is ignored, for the better',
    { [cdn]: 'no-store, &&&&&', 'cache-control': 'max-age=3600' },
    true,
    SF,
  ],
  ['string', 'a time that is a string is none', { [cdn]: 'max-age="10000"', 'cache-control': 'no-store' }, false, SF],
  ['decimal', 'a time that is a decimal is none', { [cdn]: 'max-age=3600.5' }, false, SF],
  ['negative', 'a negative time is stale', { [cdn]: 'max-age=-3600' }, false, SF],
  ['last', 'of equal names the last counts', { [cdn]: 'max-age=1, max-age=3600' }, true, SF],
  ['last-lines', 'over several lines too', { [cdn]: ['max-age=3600', 'max-age=1'] }, false, SF],
  ['parameters', 'parameters make no difference', { [cdn]: 'max-age=3600;a=1' }, true, SF],
]);

const SURROGATE = 'Surrogate-Control';
const surrogate = 'surrogate-control';

const surrogateRecords = records(SURROGATE, 'W3C edge-arch 2.4', [
  ...both(surrogate),
  ['case', 'names know no case', { [surrogate]: 'MaX-aGe=3600' }, true],
  ['own-target', 'a directive for us counts', { [surrogate]: 'max-age=3600;inlay' }, true],
  ['other-target', 'a directive for another does not', { [surrogate]: 'max-age=3600;not-for-you' }, false],
  ['extension-time', 'a time that has an extension counts', { [surrogate]: 'max-age=3600+600' }, true],
  [
    'before-cdn-shorter',
    'it overrides a longer CDN-Cache-Control',
    { [surrogate]: 'max-age=1', [cdn]: 'max-age=3600' },
    false,
  ],
  [
    'before-cdn-longer',
    'it overrides a CDN-Cache-Control that forbids',
    { [surrogate]: 'max-age=3600', [cdn]: 'no-store' },
    true,
  ],
]);

const downstream: CacheRecord[] = [
  reuses({
    id: 'cdn-cache-control-relayed',
    says: 'CDN-Cache-Control is relayed to the caches after us',
    kind: 'required',
    anchor: 'RFC 9213 2',
    headers: { ...LONG, [cdn]: 'max-age=3600' },
    expect: { headers: { [cdn]: 'max-age=3600', 'cache-control': 'max-age=10000' } },
  }),
  reuses({
    id: 'cdn-cache-control-exceeds',
    says: 'Age and the dates are true where CDN-Cache-Control outlives Cache-Control',
    kind: 'required',
    anchor: 'RFC 9111 4',
    headers: { 'cache-control': 'max-age=1', [cdn]: 'max-age=10000', expires: at(1) },
    expect: { headers: { age: '3', date: at(0), expires: at(1) } },
  }),
  {
    id: 'surrogate-control-consumed',
    says: 'Surrogate-Control ends here',
    kind: 'required',
    anchor: 'W3C edge-arch 2.4',
    steps: [
      {
        answer: { headers: { ...LONG, [surrogate]: 'foo' } },
        expect: { from: 'service', headers: { [surrogate]: null } },
      },
      { turn: 3, expect: { from: 'cache', headers: { [surrogate]: null } } },
    ],
  },
  {
    id: 'surrogate-capability',
    says: 'the service hears that we know Surrogate-Control',
    kind: 'optimal',
    anchor: 'W3C edge-arch 2.2',
    steps: [{ expect: { received: { headers: { 'surrogate-capability': /inlay="[^"]*Surrogate\/1\.0/ } } } }],
  },
];

export const TARGETED = [...cdnRecords, ...surrogateRecords, ...downstream];
