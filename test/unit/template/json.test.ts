import { describe, expect, it } from 'vitest';
import { createJsonCompiler, isJson, jsonText } from '../../../src/template/json.ts';
import type { Segment } from '../../../src/template/template.ts';
import { compilePieces, cut, latin1, show } from './support.ts';

function compiled(text: string): { text: string; warnings: string[] } {
  const compiler = createJsonCompiler();
  const segments = compilePieces(compiler, cut(latin1(text), [7, 1]));
  return { text: show(segments), warnings: compiler.warnings.map(({ code, offset }) => `${code}@${offset}`) };
}

const json = (text: string): string => compiled(text).text;
const include = (value: string): string => `{"esi:include":${value}}`;
const a = '{{{"target":{"src":"/a"}}}}';
const untouched = (text: string, ...warnings: string[]) => expect(compiled(text)).toEqual({ text, warnings });

describe('a JSON directive', () => {
  it('is replaced with its whole object, by URL or by entity', () => {
    expect(compiled(`{"x": ${include('{"src":"/a"}')} }`)).toEqual({ text: `{"x": ${a} }`, warnings: [] });
    expect(json(`[${include('{"type":"product","id":"42"}')}]`)).toBe(
      '[{{{"target":{"type":"product","id":"42"},"ref":"\\"42\\""}}}]',
    );
    expect(json(` \n{ "esi:include" : { "src" : "/a" } }\n`)).toBe(` \n${a}\n`);
  });

  it('is an include of JSON', () => {
    const segments = compilePieces(createJsonCompiler(), [latin1(include('{"src":"/a"}'))]);
    expect(segments).toEqual([{ kind: 'include', syntax: 'json', target: { src: '/a' } }]);
  });

  it('takes an integer id as it is written', () => {
    expect(json(include('{"type":"p","id":9007199254740993}'))).toBe(
      '{{{"target":{"type":"p","id":"9007199254740993"},"ref":"9007199254740993"}}}',
    );
    for (const id of ['1.5', '1e3', 'null', '""', '[1]', 'true']) {
      untouched(include(`{"type":"p","id":${id}}`), 'invalid-directive@0');
    }
  });

  it('carries alt, onerror and default', () => {
    expect(
      json(
        include(
          '{"src":"/a","alt":{"type":"p","id":1},"onerror":"ref","default":{ "n" : 1.0, "n": 12345678901234567890 }}',
        ),
      ),
    ).toBe(
      '{{{"target":{"src":"/a"},"alt":{"type":"p","id":"1"},"onerror":"ref","default":"{ \\"n\\" : 1.0, \\"n\\": 12345678901234567890 }"}}}',
    );
    for (const onerror of ['fail', 'null', 'ref']) {
      expect(json(include(`{"src":"/a","onerror":"${onerror}"}`))).toBe(
        `{{{"target":{"src":"/a"},"onerror":"${onerror}"}}}`,
      );
    }
    expect(json(include('{"src":"/a","default":null}'))).toBe('{{{"target":{"src":"/a"},"default":"null"}}}');
  });

  it('may spell its members with escapes', () => {
    expect(json(include('{"\\u0073rc":"\\/a\\u00e9\xc3\xa9"}'))).toBe('{{{"target":{"src":"/a\u00e9\u00e9"}}}}');
  });

  it('may stand anywhere, and more than once', () => {
    const one = include('{"src":"/a"}');
    expect(json(`{"a":[1,${one},{"b":${one}}],"c":${one}}`)).toBe(`{"a":[1,${a},{"b":${a}}],"c":${a}}`);
  });

  it('says how its result is changed, and what becomes of it when it fails', () => {
    expect(compiled(include('{"src":"/a","fields":["x","/y/z"],"required":true,"timeout":5,"depth":9}'))).toEqual({
      text: '{{{"target":{"src":"/a"},"fields":["x","/y/z"],"maxwait":5,"depth":5,"required":true}}}',
      warnings: [],
    });
    const rules = ['"fields":"x"', '"fields":[""]', '"fields":[1]', '"timeout":0', '"timeout":-1', '"depth":1.5'];
    for (const rule of [...rules, '"required":1', '"required":"true"'])
      untouched(include(`{"src":"/a",${rule}}`), 'invalid-directive@0');
  });

  it('is overlaid by what stands beside it, in which directives run', () => {
    const [segment] = compilePieces(createJsonCompiler(), [
      latin1(`{"x":1,"esi:include":{"src":"/a"},"y": ${include('{"src":"/b"}')},"esi:esi:include":2}`),
    ]);
    expect(segment).toMatchObject({
      target: { src: '/a' },
      overlay: [
        { key: '"x"', name: 'x', value: [latin1('1')] },
        { key: '"y"', name: 'y', value: [{ kind: 'include', target: { src: '/b' } }] },
        { key: '"esi:include"', name: 'esi:include', value: [latin1('2')] },
      ],
    });
  });

  it('may be a list, whose elements are ids or objects with one', () => {
    const list = '{"type":"p","ids":["7", 9007199254740993,{"score":0.90,"id":"8"},null,{"x":1}],"alt":{"type":"q"}}';
    const compiler = createJsonCompiler();
    const [segment] = compilePieces(compiler, [latin1(include(list))]);
    expect(segment).toEqual({
      kind: 'list',
      each: { kind: 'include', syntax: 'json', alt: { type: 'q' } },
      items: [
        { target: { type: 'p', id: '7' }, ref: '"7"' },
        { target: { type: 'p', id: '9007199254740993' }, ref: '9007199254740993' },
        {
          target: { type: 'p', id: '8' },
          ref: '"8"',
          overlay: [{ key: '"score"', name: 'score', value: [latin1('0.90')] }],
        },
        { literal: [latin1('null')] },
        { literal: [latin1('{"x":1}')] },
      ],
    });
    expect(compiler.warnings.map(({ code }) => code)).toEqual(['unsupported-member']);
    for (const wrong of ['"id":"1","ids":[]', '"ids":"1"', '"ids":{}', '"src":"/a","ids":[]', '"alt":{},"ids":[]'])
      untouched(include(`{"type":"p",${wrong}}`), 'invalid-directive@0');
  });

  it('that may disappear has what is around it taken to pieces', () => {
    const one = include('{"src":"/a","onerror":"drop"}');
    const [segment] = compilePieces(createJsonCompiler(), [latin1(`[ 1 , ${one}\n,{"x":2} ]`)]);
    expect(segment).toMatchObject({
      kind: 'collection',
      open: latin1('['),
      items: [[latin1(' 1 ')], [latin1(' '), { target: { src: '/a' } }, latin1('\n')], [latin1('{"x":2} ')]],
      close: latin1(']'),
    });
  });

  it('warns of members that mean nothing', () => {
    expect(compiled(include('{"src":"/a","alt":{"src":"/b","alt":{"src":"/c"}}}'))).toEqual({
      text: '{{{"target":{"src":"/a"},"alt":{"src":"/b"}}}}',
      warnings: ['unsupported-member@0'],
    });
    expect(compiled(include('{"src":"/a","__proto__":{"onerror":"fail"}}'))).toEqual({
      text: a,
      warnings: ['unsupported-member@0'],
    });
  });

  it('that is wrong stays as it is written, with a warning', () => {
    for (const value of [
      ...['null', '"/a"', '5', '[]', '{}', '{"src":5}', '{"src":""}', '{"src":null}', '{"id":"1"}'],
      ...['{"type":5,"id":"1"}', '{"src":"/a","type":"p","id":"1"}', '{"src":"/a","onerror":"continue"}'],
      ...['{"src":"/a","onerror":null}', '{"src":"/a","alt":"/b"}', '{"src":"/a","alt":{}}'],
    ]) {
      untouched(`[1,${include(value)}]`, 'invalid-directive@3');
    }
    untouched(include('{"__proto__":{"src":"/a"}}'), 'unsupported-member@0', 'invalid-directive@0');
    untouched('{"esi:include":{"src":"/a"},"esi:include":{"src":"/b"}}', 'invalid-directive@0');
    untouched(`{"esi:include":5,"x":${include('{"src":"/a"}')},"esi:esi:include":1}`, 'invalid-directive@0');
  });

  it('can be written as a literal key', () => {
    expect(compiled('{"esi:esi:include":{"src":"/a"},"x":1}')).toEqual({
      text: '{"esi:include":{"src":"/a"},"x":1}',
      warnings: [],
    });
    expect(json('{"esi:esi:esi:include":1}')).toBe('{"esi:esi:include":1}');
    expect(json(`{"esi:esi:include":${include('{"src":"/a"}')}}`)).toBe(`{"esi:include":${a}}`);
  });
});

describe('JSON without directives', () => {
  it('survives byte for byte: numbers, order, duplicates, white space, byte order mark', () => {
    const body = '\xef\xbb\xbf { "b" : 12345678901234567890.10e+05 ,\r\n\t"a":-0, "a": [ ],"\\u00e9": "\xff" } ';
    untouched(body);
    expect(json(body.replace('[ ]', include('{"src":"/a"}')))).toBe(body.replace('[ ]', a));
  });

  it('holds none in values, in escaped spellings and in similar keys', () => {
    for (const text of [
      ...['"esi:include"', '["esi:include"]', '{"x":"esi:include"}', '{"x":"\\"esi:include\\":{}"}'],
      ...[
        '{"\\u0065si:include":{"src":"/a"},"x":"esi:"}',
        '{"esi:includes":{"src":"/a"}}',
        '{"esi:include ":1}',
        '{"esi:esi:x":1}',
      ],
      ...['{"ESI:include":1,"esi:x":2}', '{"__proto__":{"esi:x":1}}'],
    ]) {
      untouched(text);
    }
  });

  it('hands a body without "esi: on as one literal, unread', () => {
    const body = latin1('{"x": not JSON at all');
    const segments = compilePieces(createJsonCompiler(), [body]);
    expect(segments.length).toBe(1);
    expect(segments[0]).toBe(body);
  });
});

describe('a body that cannot be compiled', () => {
  it('stays as it is when it is not valid JSON, with one warning', () => {
    const one = include('{"src":"/a"}');
    for (const [text, offset] of [
      [`[${one},]`, 1 + one.length + 1],
      [`${one}${one}`, one.length],
      [`[${one}`, 1 + one.length],
      [`{"x" ${one}}`, 1],
      [`${one} // comment`, one.length + 1],
    ] as const) {
      untouched(text, `invalid-directive@${offset}`);
    }
  });

  it('stays as it is when it nests more than 512 deep, whatever its depth', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${include('{"src":"/a"}')}${']'.repeat(depth)}`;
    expect(json(nested(510))).toBe(`${'['.repeat(510)}${a}${']'.repeat(510)}`);
    untouched(nested(511), 'nesting-too-deep@526');
    untouched(nested(100_000), 'nesting-too-deep@512');
  });

  it('is passed on as it arrives once it is longer than maxBytes', () => {
    const compiler = createJsonCompiler({ maxBytes: 10 });
    const chunks = [latin1('{"esi:'), latin1('incl'), latin1('ude":'), latin1('{"src":"/a"}}')];
    expect(chunks.map((chunk) => show(compiler.push(chunk)))).toEqual(['', '', '{"esi:include":', '{"src":"/a"}}']);
    expect(compiler.end()).toEqual([]);
    expect(compiler.warnings).toEqual([]);
  });

  it('gives nothing before its end otherwise', () => {
    const compiler = createJsonCompiler();
    expect(compiler.push(latin1('[1]'))).toEqual([]);
    expect(show(compiler.end() as Segment[])).toBe('[1]');
    expect(createJsonCompiler().end()).toEqual([]);
  });
});

describe('isJson', () => {
  it('knows one JSON text from anything else', () => {
    for (const text of [
      '1',
      ' "x" ',
      '\xef\xbb\xbf{}',
      '[1,{"a":null}]',
      '-0.5E-7',
      '"\\ud800"',
      '\n[\ttrue,false ]\r',
    ]) {
      expect([text, isJson(latin1(text))]).toEqual([text, true]);
    }
    for (const text of [
      ...[
        '',
        ' ',
        '\xef\xbb\xbf',
        '{',
        '[1,]',
        '{"a":1,}',
        '{a:1}',
        "'x'",
        '01',
        '+1',
        '1.',
        '.5',
        '1e',
        '-',
        'tru',
        'nulll',
        '1 2',
      ],
      ...[
        '"\\x"',
        '"\\u12g4"',
        '"\\u12',
        '"\n"',
        '"',
        '"\xff"',
        '[1}',
        '{"a"}',
        '{"a":}',
        '{,}',
        ']',
        '\xef\xbb\xbf\xef\xbb\xbf1',
        '\xa01',
        'NaN',
        '<p>',
      ],
    ]) {
      expect([text, isJson(latin1(text))]).toEqual([text, false]);
    }
  });

  it('refuses a depth bomb without harm', () => {
    expect(isJson(latin1('['.repeat(512) + ']'.repeat(512)))).toBe(true);
    expect(isJson(latin1('['.repeat(513) + ']'.repeat(513)))).toBe(false);
    expect(isJson(latin1('{"a":['.repeat(500_000)))).toBe(false);
  });
});

describe('jsonText', () => {
  it('is the value without byte order mark and the white space around it', () => {
    expect(show([jsonText(latin1('\xef\xbb\xbf\r\n { "a" : 1 }\t\n'))])).toBe('{ "a" : 1 }');
    expect(show([jsonText(latin1('1'))])).toBe('1');
    expect(show([jsonText(latin1(' \n'))])).toBe('');
  });
});
