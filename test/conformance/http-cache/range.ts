import { at, type CacheRecord, type RequestFields, reuses, type Scripted } from './record.ts';

/** RFC 9110 section 14 and RFC 9111 section 3.3, 3.4: parts of what is stored, and parts that are stored. */

const ANCHOR = 'RFC 9110 14.2';
const IF_RANGE = 'RFC 9110 13.1.5';
const BODY = '0123456789A';
const LENGTH = BODY.length;
const MODIFIED = at(-3_000);
const STORED = { 'cache-control': 'max-age=3600', etag: '"a"', 'last-modified': MODIFIED, a: '1' };

type Row = readonly [
  id: string,
  says: string,
  headers: RequestFields,
  part: readonly [first: number, last: number] | 200 | 416,
  anchor?: string,
];

const rows: readonly Row[] = [
  ['first-last', 'a range with both ends', { range: 'bytes=0-1' }, [0, 1]],
  ['no-last', 'a range without an end', { range: 'bytes=1-' }, [1, 10]],
  ['suffix', 'the last bytes', { range: 'bytes=-1' }, [10, 10]],
  ['suffix-long', 'more last bytes than there are', { range: 'bytes=-100' }, [0, 10]],
  ['beyond', 'a range that ends after the end', { range: 'bytes=8-100' }, [8, 10]],
  ['case', 'a unit in another case', { range: 'Bytes=0-1' }, [0, 1], 'RFC 9110 14.1'],
  ['unsatisfiable', 'a range that begins after the end', { range: 'bytes=11-' }, 416],
  ['suffix-0', 'the last no bytes', { range: 'bytes=-0' }, 416],
  ['inverted', 'a range that ends before it begins', { range: 'bytes=5-2' }, 200, 'RFC 9110 14.1.1'],
  ['malformed', 'what is no range', { range: 'bytes=a-b' }, 200],
  ['empty', 'no range at all', { range: 'bytes=' }, 200],
  ['other-unit', 'a range of another unit', { range: 'lines=0-1' }, 200],
  ['if-range', 'a range if the tag is still the same', { range: 'bytes=0-1', 'if-range': '"a"' }, [0, 1], IF_RANGE],
  ['if-range-other', 'a range if the tag were another', { range: 'bytes=0-1', 'if-range': '"b"' }, 200, IF_RANGE],
  ['if-range-weak', 'a range if a weak tag', { range: 'bytes=0-1', 'if-range': 'W/"a"' }, 200, IF_RANGE],
  [
    'if-range-date',
    'a range if the date is still the same',
    { range: 'bytes=0-1', 'if-range': MODIFIED },
    [0, 1],
    IF_RANGE,
  ],
  ['if-range-later', 'a range if the date were later', { range: 'bytes=0-1', 'if-range': at(-2_000) }, 200, IF_RANGE],
  [
    'if-range-earlier',
    'a range if the date were earlier',
    { range: 'bytes=0-1', 'if-range': at(-4_000) },
    200,
    IF_RANGE,
  ],
];

const complete = rows.map(([id, what, headers, part, anchor = ANCHOR]) => {
  const status = typeof part === 'number' ? part : 206;
  const [first, last] = typeof part === 'number' ? [0, -1] : part;
  const ranges = {
    200: { body: BODY, headers: { 'content-range': null } },
    206: {
      body: BODY.slice(first, last + 1),
      headers: {
        'content-range': `bytes ${first}-${last}/${LENGTH}`,
        'content-length': String(last + 1 - first),
        age: '3',
        etag: '"a"',
        a: '1',
      },
    },
    416: { headers: { 'content-range': `bytes */${LENGTH}` } },
  };
  return reuses({
    id: `range-${id}`,
    says: `${what} is answered ${status} from a complete response`,
    kind: status === 206 ? 'optimal' : 'required',
    anchor,
    headers: STORED,
    answer: { body: BODY },
    second: { headers },
    expect: {
      status,
      ...(status === 416 ? {} : ranges[200]),
      ...ranges[status as 200],
      ...(status === 416 ? { body: '' } : {}),
    },
  });
});

/** A service that knows single ranges. */
const parts = (request: { field(name: string): string | undefined }): Scripted => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.field('range') ?? '') ?? [];
  const [first, last] = [Number(from ?? 0), Number(to ?? LENGTH - 1)];
  const range = from === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${LENGTH}` };
  return {
    status: from === undefined ? 200 : 206,
    headers: { ...STORED, ...range },
    body: BODY.slice(first, last + 1),
  };
};
const bytes = (range: string, headers: RequestFields = {}) => ({ headers: { range: `bytes=${range}`, ...headers } });

const partial: CacheRecord[] = [
  {
    id: 'range-miss-again',
    says: 'a range that was fetched is answered from the cache the second time',
    kind: 'optimal',
    anchor: 'RFC 9111 3.3',
    steps: [
      { request: bytes('0-1'), answer: parts, expect: { from: 'service', status: 206, body: '01' } },
      { turn: 3, request: bytes('0-1'), answer: parts, expect: { from: 'cache', status: 206, body: '01' } },
    ],
  },
  {
    id: 'range-miss-then-whole',
    says: 'a part that was fetched is not taken for the whole',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      { request: bytes('0-1'), answer: parts, expect: { status: 206, body: '01' } },
      { turn: 3, answer: parts, expect: { status: 200, body: BODY, headers: { 'content-range': null } } },
    ],
  },
  {
    id: 'range-miss-then-other',
    says: 'a part that was fetched is not taken for another part',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      { request: bytes('0-1'), answer: parts, expect: { status: 206, body: '01' } },
      {
        turn: 3,
        request: bytes('2-3'),
        answer: parts,
        expect: { status: 206, body: '23', headers: { 'content-range': `bytes 2-3/${LENGTH}` } },
      },
    ],
  },
  {
    id: 'range-part-reused',
    says: 'a part whose Content-Range is as long as its body answers the same range again',
    kind: 'optimal',
    anchor: 'RFC 9111 3.3',
    steps: [
      {
        request: bytes('-5'),
        answer: {
          status: 206,
          headers: { 'cache-control': 'max-age=3600', 'content-range': 'bytes 5-9/10' },
          body: '56789',
        },
        expect: { from: 'service', status: 206, body: '56789', received: { headers: { range: 'bytes=-5' } } },
      },
      {
        turn: 3,
        request: bytes('-5'),
        expect: { from: 'cache', status: 206, body: '56789', headers: { 'content-range': 'bytes 5-9/10', age: '3' } },
      },
    ],
  },
  {
    id: 'range-inconsistent',
    says: 'a 206 whose Content-Range is not as long as its body is not stored',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [0, 3].map((turn) => ({
      turn,
      request: bytes('-5'),
      answer: {
        status: 206,
        headers: { 'cache-control': 'max-age=3600', 'content-range': 'bytes 4-9/10' },
        body: '01234',
      },
      expect: { requests: 1, status: [200, 206, 502] },
    })),
  },
  {
    id: 'range-service-416',
    says: 'a 416 of the service is not reused for other ranges',
    kind: 'required',
    anchor: 'RFC 9110 15.5.17',
    steps: [
      {
        request: bytes('99-100'),
        answer: (request) =>
          request.field('range') === undefined
            ? { headers: STORED, body: BODY }
            : { status: 416, headers: { 'cache-control': 'max-age=3600', 'content-range': `bytes */${LENGTH}` } },
        expect: { status: 416 },
      },
      { turn: 3, request: bytes('0-1'), answer: parts, expect: { status: 206, body: '01' } },
    ],
  },
  {
    id: 'range-conditional',
    says: 'If-None-Match is evaluated before Range',
    kind: 'required',
    anchor: 'RFC 9110 13.2.2',
    steps: [
      { answer: { headers: STORED, body: BODY } },
      { turn: 3, request: bytes('0-1', { 'if-none-match': '"a"' }), expect: { from: 'cache', status: 304, body: '' } },
    ],
  },
  {
    id: 'range-of-404',
    says: 'Range means nothing to a stored 404',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { answer: { status: 404, headers: STORED, body: BODY }, expect: { status: 404 } },
      { turn: 3, request: bytes('0-1'), expect: { from: 'cache', status: 404, body: BODY } },
    ],
  },
  {
    id: 'range-several',
    says: 'several ranges are answered as a whole or as multipart/byteranges',
    kind: 'required',
    anchor: ANCHOR,
    steps: [
      { answer: { headers: STORED, body: BODY } },
      { turn: 3, request: bytes('0-1,4-5'), expect: { from: 'cache', status: [200, 206] } },
    ],
  },
  {
    id: 'range-stale',
    says: 'a range of a stale response is taken from it once it has been validated',
    kind: 'optimal',
    anchor: 'RFC 9111 4.3.1',
    steps: [
      { answer: { headers: { ...STORED, 'cache-control': 'max-age=2' }, body: BODY } },
      {
        turn: 3,
        request: bytes('0-1'),
        answer: { status: 304, headers: { ...STORED, 'cache-control': 'max-age=60' } },
        expect: {
          from: 'validated',
          status: 206,
          body: '01',
          received: { headers: { 'if-none-match': '"a"', range: null } },
        },
      },
      { turn: 3, expect: { from: 'cache', status: 200, body: BODY } },
    ],
  },
];

export const RANGE = [...complete, ...partial];
