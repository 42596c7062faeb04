import type { CacheRecord, Scripted } from './record.ts';

/** Interim responses (RFC 9110 section 15.2), and bodies that are not what their framing says (RFC 9112). */

const FRESH = { 'cache-control': 'max-age=3600' };
const HINTS = { link: '</styles.css>; rel=preload; as=style', 'x-my-header': 'test' };
const EARLY = { status: 103, headers: HINTS };

const interim = (id: string, says: string, anchor: string, before: NonNullable<Scripted['interim']>): CacheRecord => ({
  id: `interim-${id}`,
  says,
  kind: 'optimal',
  anchor,
  steps: [
    { answer: { interim: before, headers: FRESH }, expect: { from: 'service', body: '#1', interim: before } },
    { turn: 3, expect: { from: 'cache', body: '#1', interim: [] } },
  ],
});

const interims: CacheRecord[] = [
  interim('102', 'a 102 is relayed, and what comes after it is stored', 'RFC 9110 15.2', [{ status: 102 }]),
  interim('103', 'a 103 is relayed with its fields', 'RFC 8297 2', [EARLY]),
  interim('several', 'several are relayed in their order', 'RFC 9110 15.2', [
    { status: 102 },
    EARLY,
    { status: 103, headers: { link: '</b>' } },
  ]),
  {
    id: 'interim-fields',
    says: 'fields of a 103 are not those of the response, at once or later',
    kind: 'required',
    anchor: 'RFC 8297 2',
    steps: [
      {
        answer: { interim: [EARLY], headers: FRESH },
        expect: { from: 'service', headers: { 'x-my-header': null, link: null } },
      },
      { turn: 3, expect: { from: 'cache', interim: [], headers: { 'x-my-header': null, link: null } } },
    ],
  },
  {
    id: 'interim-not-stored',
    says: 'a 103 is not what is stored',
    kind: 'required',
    anchor: 'RFC 9111 3',
    steps: [
      { answer: { interim: [EARLY], headers: FRESH }, expect: { from: 'service', status: 200, body: '#1' } },
      { turn: 3, expect: { from: 'cache', status: 200, body: '#1' } },
    ],
  },
];

const http = (...lines: readonly string[]): Scripted => ({
  raw: ['HTTP/1.1 200 OK', 'Cache-Control: max-age=3600', ...lines].join('\r\n'),
});

const framing: CacheRecord[] = [
  {
    id: 'framing-excess',
    says: 'bytes after Content-Length are not of the response, which is stored without them',
    kind: 'required',
    anchor: 'RFC 9112 6.3',
    steps: [
      {
        answer: { headers: { ...FRESH, 'content-length': '10' }, body: '0123456789 and twenty-six more bytes' },
        expect: { from: 'service', body: '0123456789', headers: { 'content-length': '10' } },
      },
      { turn: 3, expect: { from: 'cache', body: '0123456789', headers: { 'content-length': '10' } } },
    ],
  },
  {
    id: 'framing-short',
    says: 'a body shorter than Content-Length is not stored',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      { answer: http('Content-Length: 10', '', '01234'), expect: { requests: 1, status: [200, 502], complete: false } },
      { turn: 3, expect: { from: 'service', body: '#2' } },
    ],
  },
  {
    id: 'framing-chunked-short',
    says: 'a chunked body without its last chunk is not stored',
    kind: 'required',
    anchor: 'RFC 9111 3.3',
    steps: [
      { answer: http('Transfer-Encoding: chunked', '', '5', '01234', ''), expect: { requests: 1, complete: false } },
      { turn: 3, expect: { from: 'service', body: '#2' } },
    ],
  },
  {
    id: 'framing-chunked',
    says: 'a chunked body is stored',
    kind: 'optimal',
    anchor: 'RFC 9112 7.1',
    steps: [
      {
        answer: http('Transfer-Encoding: chunked', '', '5', '01234', '0', '', ''),
        expect: { from: 'service', body: '01234' },
      },
      { turn: 3, expect: { from: 'cache', body: '01234' } },
    ],
  },
  {
    id: 'framing-close',
    says: 'a body that ends with its connection is complete',
    kind: 'optimal',
    anchor: 'RFC 9112 8',
    steps: [
      { answer: http('Connection: close', '', '01234'), expect: { from: 'service', body: '01234' } },
      { turn: 3, expect: { from: 'cache', body: '01234' } },
    ],
  },
  {
    id: 'framing-unknown-coding',
    says: 'a body of a transfer coding that we do not know ends with its connection, and the field is not stored',
    kind: 'optimal',
    anchor: 'RFC 9112 6.3',
    steps: [
      { answer: http('Transfer-Encoding: value-b', '', '01234'), expect: { from: 'service', body: '01234' } },
      { turn: 3, expect: { from: 'cache', body: '01234', headers: { 'transfer-encoding': null } } },
    ],
  },
  {
    id: 'framing-204',
    says: 'a 204 has no body and no Content-Length, from the cache too',
    kind: 'required',
    anchor: 'RFC 9110 8.6',
    steps: [
      {
        answer: { status: 204, headers: FRESH },
        expect: { from: 'service', status: 204, body: '', headers: { 'content-length': null } },
      },
      { turn: 3, expect: { from: 'cache', status: 204, body: '', headers: { 'content-length': null } } },
    ],
  },
];

export const WIRE = [...interims, ...framing];
