import { asks, CUP, feature, type HydrationRecord, LASTING, marked, TEA } from './record.ts';

/** `Inlay-Hydrate`: places of ids, named by a response field or by the route. */

const BOTH = [asks('product', 42, 7)];
const VARIES = { vary: /\binlay-hydrate\b/i, 'inlay-hydrate': null } as const;
const VARIES_AND_LASTS = { ...LASTING, ...VARIES };

/** The ids of the products in a document, in its order. */
const idsIn = (text: string) =>
  ['42', '7']
    .map((id) => ({ id, at: text.indexOf(id === '42' ? TEA : CUP) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)
    .map(({ id }) => id);

/** A field, a document, and what is delivered. */
const paths: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['one', '"/id";type=product', '{"id":"42","x":1}', `{"id":${TEA},"x":1}`],
    ['number', '"/id";type=product', '{"id":42}', `{"id":${TEA}}`],
    ['elements', '"/ids/*";type=product', '{"ids":["42",7]}', `{"ids":[${TEA},${CUP}]}`],
    ['array', '"/ids";type=product', '{"ids":["42",7]}', `{"ids":[${TEA},${CUP}]}`],
    ['index', '"/ids/1";type=product', '{"ids":["9",42]}', `{"ids":["9",${TEA}]}`],
    ['whole', '"";type=product', '["42",7]', `[${TEA},${CUP}]`],
    ['whole-id', '"";type=product', '"42"', TEA],
    ['top-array', '"/*";type=product', '["42",7]', `[${TEA},${CUP}]`],
    [
      'of-members',
      '"/by/*/id";type=product',
      '{"by":{"a":{"id":"42"},"b":{"id":7}}}',
      `{"by":{"a":{"id":${TEA}},"b":{"id":${CUP}}}}`,
    ],
    ['members', '"/by/*";type=product', '{"by":{"a":"42","b":7}}', `{"by":{"a":${TEA},"b":${CUP}}}`],
    [
      'deep',
      '"/a/*/b/*/c";type=product',
      '{"a":[{"b":[{"c":"42"},{"c":7}]},{"b":[]},{"b":[{"c":42}]}]}',
      `{"a":[{"b":[{"c":${TEA}},{"c":${CUP}}]},{"b":[]},{"b":[{"c":${TEA}}]}]}`,
    ],
    [
      'arrays-of-arrays',
      '"/rows/*/ids";type=product',
      '{"rows":[{"ids":["42"]},{"ids":[7,"42"]}]}',
      `{"rows":[{"ids":[${TEA}]},{"ids":[${CUP},${TEA}]}]}`,
    ],
    ['escaped-slash', '"/a~1b";type=product', '{"a/b":"42","a":{"b":"7"}}', `{"a/b":${TEA},"a":{"b":"7"}}`],
    ['escaped-tilde', '"/m~0n";type=product', '{"m~n":"42"}', `{"m~n":${TEA}}`],
    ['two-rules', '"/a";type=product, "/b";type=product', '{"b":"7","a":"42"}', `{"b":${CUP},"a":${TEA}}`],
    ['type-string', '"/id";type="product"', '{"id":"42"}', `{"id":${TEA}}`],
    ['duplicates', '"/ids/*";type=product', '{"ids":["42","42"]}', `{"ids":[${TEA},${TEA}]}`],
    ['as-token', '"/id";type=product;as=it', '{"id":"42"}', `{"id":"42","it":${TEA}}`],
    ['as-string', '"/id";type=product;as="the it"', '{"id":"42","x":1}', `{"id":"42","the it":${TEA},"x":1}`],
    ['as-number', '"/id";type=product;as=it', '{"x":1,"id":42}', `{"x":1,"id":42,"it":${TEA}}`],
    ['as-existing-behind', '"/id";type=product;as=it', '{"id":"42","x":1,"it":null}', `{"id":"42","x":1,"it":${TEA}}`],
    ['as-existing-before', '"/id";type=product;as=it', '{"it":{"old":1},"id":"42"}', `{"it":${TEA},"id":"42"}`],
  ] as const
).map(([name, field, body, delivered]) => ({
  id: `path-${name}`,
  says: `${field} makes ${delivered.length > 120 ? 'of each place an entity' : delivered}`,
  page: marked(field, body),
  expect: {
    body: delivered,
    upstream: [asks('product', ...idsIn(delivered))],
    headers: VARIES_AND_LASTS,
  },
}));

/** What is no id stays. */
const stays: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['null', 'null'],
    ['true', 'true'],
    ['fraction', '4.2'],
    ['exponent', '42e0'],
    ['empty', '""'],
    ['object', '{"id":"42"}'],
  ] as const
).map(([name, value]) => ({
  id: `stays-${name}`,
  says: `${value} is no id, and stays`,
  page: marked(
    '"/a/*";type=product, "/b/*/id";type=product;as=it',
    `{"a":["42",${value}],"b":[{"id":${value}},{"id":7}]}`,
  ),
  expect: {
    body: `{"a":[${TEA},${value}],"b":[{"id":${value}},{"id":7,"it":${CUP}}]}`,
    upstream: BOTH,
    headers: LASTING,
  },
}));

/** Fields of which nothing comes: the document passes as it is. */
const ignored: Omit<HydrationRecord, 'feature'>[] = (
  [
    ['no-list', '"/id;type=product'],
    ['unquoted', '/id;type=product'],
    ['no-type', '"/id"'],
    ['type-number', '"/id";type=1'],
    ['type-unknown', '"/id";type=nothing'],
    ['inner-list', '("/id");type=product'],
    ['as-in-array', '"/ids/*";type=product;as=it'],
    ['as-of-array', '"/ids";type=product;as=it'],
    ['onerror-unknown', '"/id";type=product;onerror=ignore'],
    ['no-pointer', '"id";type=product'],
  ] as const
).map(([name, field]) => ({
  id: `ignored-${name}`,
  says: `${field} is ignored, with a warning: the document passes as it is`,
  page: marked(field, '{"id":"42","ids":["42"]}'),
  expect: { body: '{"id":"42","ids":["42"]}', upstream: [], warns: true as const, headers: { 'inlay-hydrate': null } },
}));

export const HEADER_PATHS = feature('places that a field names', [...paths, ...stays, ...ignored]);
