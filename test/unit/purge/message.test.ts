import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InlayError } from '../../../src/errors.ts';
import {
  createPurge,
  eventSubjectFault,
  isSpace,
  parsePurge,
  printPurge,
  purgeSubject,
} from '../../../src/purge/message.ts';

const NAMED = { v: 1, id: 'p-1', tags: ['country:FRA'] };
const LONE_SURROGATE = JSON.parse('"\\ud800"') as string;
const many = (count: number, start = 0) => Array.from({ length: count }, (_, at) => `t${start + at}`);

function refusal(act: () => unknown): InlayError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof InlayError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

describe('a purge message', () => {
  test('is hard and purges nothing but what it names, unless it says otherwise', () => {
    expect(parsePurge(JSON.stringify(NAMED))).toEqual({
      ...NAMED,
      mode: 'hard',
      keys: [],
      urls: [],
      prefixes: [],
      all: false,
    });
  });

  test('may say more than this version knows', () => {
    const read = parsePurge('{"v":1,"id":"x","all":true,"since":7,"__proto__":{"tags":["a"]}}');
    expect(read).toEqual({ v: 1, id: 'x', mode: 'hard', keys: [], tags: [], urls: [], prefixes: [], all: true });
  });

  test('is read from bytes as from text', () => {
    const text = JSON.stringify({ ...NAMED, tags: ['città', '__proto__', '🗺'] });
    expect(parsePurge(new TextEncoder().encode(text))).toEqual(parsePurge(text));
  });

  test.each<[fault: string, path: string | undefined, body: string]>([
    ['not JSON', undefined, '{"v":1,'],
    ['nothing', undefined, ''],
    ['null', undefined, 'null'],
    ['an array', undefined, '[]'],
    ['another version', 'v', JSON.stringify({ ...NAMED, v: 2 })],
    ['the version as text', 'v', JSON.stringify({ ...NAMED, v: '1' })],
    ['no id', 'id', '{"v":1,"all":true}'],
    ['an empty id', 'id', JSON.stringify({ ...NAMED, id: '' })],
    ['an id of 129 characters', 'id', JSON.stringify({ ...NAMED, id: 'x'.repeat(129) })],
    ['a line break in the id', 'id', JSON.stringify({ ...NAMED, id: 'a\r\nb' })],
    ['an unknown mode', 'mode', JSON.stringify({ ...NAMED, mode: 'gentle' })],
    ['all as text', 'all', JSON.stringify({ ...NAMED, all: 'true' })],
    ['no target', undefined, '{"v":1,"id":"x"}'],
    ['all that is false', undefined, '{"v":1,"id":"x","all":false}'],
    ['tags as text', 'tags', JSON.stringify({ ...NAMED, tags: 'a' })],
    ['tags that are null', 'tags', JSON.stringify({ ...NAMED, tags: null })],
    ['a number among the tags', 'tags[3]', JSON.stringify({ ...NAMED, tags: ['a', 'b', 'c', 4] })],
    ['an empty key', 'keys[1]', JSON.stringify({ ...NAMED, keys: ['a', ''] })],
    ['a key of 2,049 characters', 'keys[0]', JSON.stringify({ ...NAMED, keys: ['k'.repeat(2_049)] })],
    ['a line break in a tag', 'tags[0]', JSON.stringify({ ...NAMED, tags: ['a\r\nPUB x 0'] })],
    ['a C1 control in a tag', 'tags[0]', JSON.stringify({ ...NAMED, tags: ['a\u0085'] })],
    ['half a surrogate pair', 'tags[0]', JSON.stringify({ ...NAMED, tags: [LONE_SURROGATE] })],
    ['a URL that is neither path nor absolute', 'urls[0]', JSON.stringify({ ...NAMED, urls: ['countries/FRA'] })],
    ['a URL of another scheme', 'urls[0]', JSON.stringify({ ...NAMED, urls: ['file:///etc/passwd'] })],
    ['a prefix that is no origin', 'prefixes[1]', JSON.stringify({ ...NAMED, prefixes: ['/a', 'http://'] })],
    ['1,001 tags', 'tags', JSON.stringify({ ...NAMED, tags: many(1_001) })],
    ['1,001 targets together', undefined, JSON.stringify({ ...NAMED, tags: many(600), keys: many(401) })],
    ['more than 64 KiB', undefined, JSON.stringify({ ...NAMED, note: 'x'.repeat(64 * 1024) })],
    ['more than 64 KiB in UTF-8', undefined, JSON.stringify({ ...NAMED, note: 'é'.repeat(40 * 1024) })],
  ])('is refused with %s', (_fault, path, body) => {
    const { code, status, path: told } = refusal(() => parsePurge(body));
    expect({ code, status, path: told }).toEqual({ code: 'purge-invalid', status: 400, path });
  });

  test('is refused when its bytes are not UTF-8', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(NAMED));
    bytes[bytes.length - 4] = 0xff;
    expect(refusal(() => parsePurge(bytes)).code).toBe('purge-invalid');
  });

  test('may use every limit to the full', () => {
    expect(parsePurge(JSON.stringify({ ...NAMED, tags: many(600), keys: many(400) })).keys).toHaveLength(400);
    expect(parsePurge(JSON.stringify({ ...NAMED, id: '~'.repeat(128), keys: ['k'.repeat(2_048)] })).id).toHaveLength(
      128,
    );
    const padding = 64 * 1024 - JSON.stringify({ ...NAMED, note: '' }).length;
    expect(parsePurge(JSON.stringify({ ...NAMED, note: 'x'.repeat(padding) })).tags).toEqual(NAMED.tags);
  });

  test('survives the way there and back', () => {
    const purge = createPurge({ mode: 'soft', urls: ['/x?y=1', 'http://a:1/x'], prefixes: ['/'], tags: ['__proto__'] });
    expect(parsePurge(printPurge(purge))).toEqual(purge);
  });

  test('gets a fresh id, and is checked before it is published', () => {
    const [one, two] = [createPurge({ all: true }), createPurge({ all: true })];
    expect(one.id).not.toBe(two.id);
    expect(refusal(() => createPurge({})).code).toBe('purge-invalid');
    expect(refusal(() => createPurge({ tags: ['a', '\n'] })).path).toBe('tags[1]');
  });

  test('whatever the bytes, is read or refused by name, never anything else', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((json) => `{"v":1,"id":"x","tags":${json}}`),
    );
    const property = fc.property(texts, (text) => {
      try {
        expect(parsePurge(printPurge(parsePurge(text)))).toBeDefined();
      } catch (thrown) {
        expect(thrown).toMatchObject({ name: 'InlayError', code: 'purge-invalid' });
      }
    });
    fc.assert(property, { seed: 7, numRuns: 300 });
  });
});

describe('a space', () => {
  test.each(['web', '_all', 'A-1_b', 'x'.repeat(64)])('may be called %s', (space) => {
    expect(isSpace(space)).toBe(true);
    expect(purgeSubject(space)).toBe(`inlay.purge.${space}`);
  });

  test.each(['', 'a.b', '*', '>', 'a b', 'a\r\nPUB x 0\r\n', 'web\n', 'café', 'x'.repeat(65)])(
    'may not be called %j, which would change the subject or the protocol',
    (space) => {
      expect(isSpace(space)).toBe(false);
      expect(refusal(() => purgeSubject(space)).code).toBe('purge-invalid');
    },
  );
});

describe('the subject of an event', () => {
  test.each(['country.changed.FRA', 'country.*.FRA', 'country.>', '>', '*', '$KV.x', 'a:b.c'])(
    'may be %s',
    (subject) => {
      expect(eventSubjectFault(subject)).toBeUndefined();
    },
  );

  test.each([
    '',
    '.',
    'a..b',
    'a.',
    'a.>.b',
    'a.b*',
    'a b',
    'a\r\nSUB > 9',
    'a\t',
    'é',
    'inlay.purge.web',
    'x'.repeat(257),
  ])('may not be %j', (subject) => {
    expect(eventSubjectFault(subject)).toBeTypeOf('string');
  });
});
