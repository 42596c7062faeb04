import { describe, expect, test } from 'vitest';
import type { InlayError } from '../../../src/errors.ts';
import type { PageRequest } from '../../../src/gateway/exchange.ts';
import { identify } from '../../../src/gateway/identity.ts';
import { fieldLines, fieldValue } from '../../../src/http/fields.ts';

function request(fields: string[], values: Partial<PageRequest> = {}): PageRequest {
  const { signal } = new AbortController();
  return {
    method: 'GET',
    target: '/',
    host: 'shop',
    scheme: 'http',
    fields: ['host', 'shop', ...fields],
    peer: '9.9.9.9',
    body: undefined,
    signal,
    ...values,
  };
}

const page = (fields: string[], trusted: string[] = []) =>
  identify(request(fields), 'auto', 'me', new Set(trusted)).pageFields;

describe('what a client says', () => {
  test('passes, except for what is about its own exchange with the gateway', () => {
    const fields = page([
      'accept',
      'a/b',
      'cookie',
      'c=1',
      'x-own',
      '1',
      'x-own',
      '2',
      'range',
      'bytes=0-',
      'if-none-match',
      '"x"',
      'if-range',
      '"x"',
      'if-modified-since',
      'x',
      'if-match',
      '*',
      'expect',
      '100-continue',
      'content-length',
      '5',
      'accept-encoding',
      'br',
    ]);
    expect([fieldValue(fields, 'accept'), fieldValue(fields, 'cookie'), fieldLines(fields, 'x-own')]).toEqual([
      'a/b',
      'c=1',
      ['1', '2'],
    ]);
    for (const name of [
      'host',
      'range',
      'if-none-match',
      'if-range',
      'if-modified-since',
      'if-match',
      'expect',
      'content-length',
    ])
      expect([name, fieldValue(fields, name)]).toEqual([name, undefined]);
    expect(fieldLines(fields, 'accept-encoding')).toEqual(['identity']);
  });

  test('about itself passes in no spelling, unless its peer is trusted', () => {
    const names = [
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-forwarded-port',
      'x-forwarded-prefix',
      'x-forwarded-server',
      'x-forwarded-scheme',
      'x-forwarded-ssl',
      'x-forwarded-user',
      'x-forwarded-client-cert',
      'forwarded',
      'x-host',
      'x-real-ip',
      'x-original-url',
      'x-rewrite-url',
      'x-http-host-override',
      'x-url-scheme',
      'front-end-https',
      'client-ip',
      'base-url',
      'x-http-method-override',
      'inlay-user',
      'x-inlay-user',
      'inlay-nonce',
    ];
    const spelled = names.flatMap((name) => [name, name.replaceAll('-', '_')]);
    const fields = page(spelled.flatMap((name) => [name, 'FORGED']));
    expect(fields.filter((_, i) => i % 2 === 0 && fields[i + 1]!.includes('FORGED'))).toEqual([]);
  });

  test('that a trusted peer forwards is passed on', () => {
    const fields = page(
      [
        'x-forwarded-for',
        '1.1.1.1',
        'x-forwarded-host',
        'real',
        'x-forwarded-proto',
        'https',
        'x-original-url',
        '/evil',
        'inlay-user',
        'x',
      ],
      ['9.9.9.9'],
    );
    expect([
      fieldValue(fields, 'x-forwarded-for'),
      fieldValue(fields, 'x-forwarded-host'),
      fieldValue(fields, 'x-forwarded-proto'),
    ]).toEqual(['1.1.1.1, 9.9.9.9', 'real', 'https']);
    expect([fieldValue(fields, 'x-original-url'), fieldValue(fields, 'inlay-user')]).toEqual([undefined, undefined]);
  });
});

describe('what the gateway says', () => {
  test('is there once, whatever Connection names', () => {
    const fields = page(['connection', 'x-forwarded-for, via, cdn-loop, surrogate-capability', 'via', '1.1 a']);
    expect(fieldLines(fields, 'x-forwarded-for')).toEqual(['9.9.9.9']);
    expect(fieldLines(fields, 'via')).toEqual(['1.1 a, 1.1 inlay']);
    expect(fieldLines(fields, 'cdn-loop')).toEqual(['inlay;id=me']);
    expect(fieldLines(fields, 'surrogate-capability')).toHaveLength(1);
  });

  test('about the loop ends requests that come back', () => {
    const code = (loop: string) => {
      try {
        return fieldValue(page(['cdn-loop', loop]), 'cdn-loop');
      } catch (error) {
        return (error as InlayError).code;
      }
    };
    expect(code('inlay;id=me')).toBe('loop-detected');
    expect(code('other, inlay; id=me')).toBe('loop-detected');
    expect(code('inlay;id=a, inlay;id=b, inlay;id=c, inlay;id=d, inlay;id=e')).toBe('loop-detected');
    expect(code('inlay;id=a')).toBe('inlay;id=a, inlay;id=me');
    expect(code('inlayed, other')).toBe('inlayed, other, inlay;id=me');
  });
});
