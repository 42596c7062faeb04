import { describe, expect, test } from 'vitest';
import { createVisitor } from '../../../src/fragment/visitor.ts';
import { fieldLines, fieldValue } from '../../../src/http/fields.ts';
import { fragments } from './support.ts';

const { services } = fragments();
const [web, catalog, visitor] = ['web', 'catalog', 'visitor'].map((name) => services.get(name)!) as [
  never,
  never,
  never,
];

const CLIENT = [
  'cookie',
  'sid=1',
  'authorization',
  'Bearer x',
  'accept-language',
  'de',
  'user-agent',
  'UA',
  'x-api-key',
  'k',
  'referer',
  'r',
  'surrogate-capability',
  'cdn="Surrogate/1.0"',
];
const OWN = [
  'via',
  '1.1 inlay',
  'cdn-loop',
  'inlay;id=1',
  'x-forwarded-host',
  'shop',
  'x-forwarded-proto',
  'http',
  'x-forwarded-for',
  '1.2.3.4',
];
const create = () => createVisitor(CLIENT, OWN);
const names = (fields: readonly string[]) => fields.filter((_, i) => i % 2 === 0).sort();

describe('a request for a fragment', () => {
  test('that is public tells nothing of who asks, nor of the host that was asked for', () => {
    expect(names(create().publicFields(false))).toEqual([
      'accept',
      'accept-encoding',
      'accept-language',
      'cdn-loop',
      'surrogate-capability',
      'user-agent',
      'via',
    ]);
  });

  test('with a scope has exactly the values of its scope', () => {
    const fields = create().scopedFields(
      [
        { from: 'cookie', name: 'sid', value: '1' },
        { from: 'cookie', name: 'gone', value: undefined },
        { from: 'cookie', name: 'b', value: 'x=y' },
        { from: 'header', name: 'x-tier', value: 'gold' },
      ],
      true,
    );
    expect(names(fields)).toEqual([
      'accept',
      'accept-encoding',
      'cdn-loop',
      'cookie',
      'surrogate-capability',
      'via',
      'x-tier',
    ]);
    expect(fieldValue(fields, 'cookie')).toBe('sid=1; b=x=y');
  });

  test('without a scope has credentials at the page’s own service and where they are forwarded', () => {
    const credentials = (service: never, page: never) => {
      const fields = create().httpFields(service, page, false);
      return [fieldValue(fields, 'cookie'), fieldValue(fields, 'authorization')];
    };
    expect(credentials(web, web)).toEqual(['sid=1', 'Bearer x']);
    expect(credentials(catalog, web)).toEqual([undefined, undefined]);
    expect(credentials(visitor, web)).toEqual(['sid=1', undefined]);
    const one = create();
    expect(fieldValue(one.httpFields(web, web, false), 'cookie')).toBe('sid=1');
    expect(fieldValue(one.httpFields(catalog, web, false), 'cookie')).toBeUndefined();
    expect(fieldLines(one.httpFields(catalog, web, false), 'x-api-key')).toEqual([]);
  });

  test('asks for what the include can hold, and says what surrogates can do', () => {
    expect(fieldValue(create().publicFields(true), 'accept')).toMatch(/^application\/json/);
    expect(fieldValue(create().publicFields(false), 'accept')).toMatch(/^text\/html/);
    expect(fieldValue(create().publicFields(false), 'surrogate-capability')).toBe(
      'cdn="Surrogate/1.0", inlay="Surrogate/1.0 ESI/1.0"',
    );
    expect(fieldValue(create().publicFields(false), 'accept-encoding')).toBe('identity');
  });
});
