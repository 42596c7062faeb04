import { describe, expect, test } from 'vitest';
import type { Ask } from '../../../src/cache/ask.ts';
import { createLruStore } from '../../../src/cache/lru-store.ts';
import { recalling } from '../../../src/cache/recall.ts';
import { compilerFor, templateOf } from '../../../src/template/compile.ts';
import type { Compiler, Segment } from '../../../src/template/template.ts';

const PAGE = '<p>one</p><esi:include src="/a"/><p>two</p><esi:odd/>';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ask = { key: 'k' } as Ask;

/** A compiler that counts what it is given. */
function counting(): { compiler: Compiler; pushed(): number } {
  const inner = compilerFor('html');
  let pushed = 0;
  return {
    compiler: {
      syntax: inner.syntax,
      warnings: inner.warnings,
      push: (chunk) => {
        pushed += chunk.length;
        return inner.push(chunk);
      },
      end: () => inner.end(),
    },
    pushed: () => pushed,
  };
}

const UNSTORED = { judged: { store: false, reason: 'no-freshness' }, reading: undefined, length: PAGE.length } as const;

function run(store: ReturnType<typeof createLruStore>, ...chunks: string[]) {
  const { compiler, pushed } = counting();
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const recalled = recalling(ask, { store }, compiler, { ...UNSTORED, length });
  const segments: Segment[] = [];
  for (const chunk of chunks) segments.push(...recalled.push(bytes(chunk)));
  segments.push(...recalled.end());
  return { template: templateOf('html', segments, recalled.warnings), compiled: pushed() };
}

function plain(text: string) {
  const compiler = compilerFor('html');
  return templateOf('html', [...compiler.push(bytes(text)), ...compiler.end()], compiler.warnings);
}

describe('a template that may not be stored', () => {
  test('is compiled twice, and then recalled while its bytes are the same', () => {
    const store = createLruStore(1_000_000);
    for (const compiled of [PAGE.length, PAGE.length, 0, 0])
      expect(run(store, PAGE)).toEqual({ template: plain(PAGE), compiled });
  });

  test('is compiled again when a single byte of it is another', () => {
    const store = createLruStore(1_000_000);
    for (let i = 0; i < 3; i++) run(store, PAGE);
    const other = PAGE.replace('one', 'One');
    expect(run(store, other)).toEqual({ template: plain(other), compiled: other.length });
    const longer = `${PAGE}<b>more</b>`;
    expect(run(store, longer)).toEqual({ template: plain(longer), compiled: longer.length });
  });

  test.each(['no-store', 'request-no-store', 'private', 'authorization', 'credentials', 'set-cookie'] as const)(
    'is kept in no form if the reason is %s',
    (reason) => {
      const store = createLruStore(1_000_000);
      for (let i = 0; i < 4; i++) {
        const compiler = recalling(ask, { store }, compilerFor('html'), {
          ...UNSTORED,
          judged: { store: false, reason },
        });
        compiler.push(bytes(PAGE));
        compiler.end();
      }
      expect(store.size).toBe(0);
    },
  );

  test('is another in another language', () => {
    const store = createLruStore(1_000_000);
    const text = '{"a":"<esi:remove>x</esi:remove>"}';
    for (let i = 0; i < 3; i++) run(store, text);
    const compiler = recalling(ask, { store }, compilerFor('json'), { ...UNSTORED, length: text.length });
    const segments = [...compiler.push(bytes(text)), ...compiler.end()];
    expect(segments).toEqual([bytes(text)]);
  });

  test('is compiled whole if what is known of it goes on', () => {
    const store = createLruStore(1_000_000);
    for (let i = 0; i < 3; i++) run(store, PAGE);
    expect(run(store, PAGE, '<b>more</b>').template).toEqual(plain(`${PAGE}<b>more</b>`));
    expect(run(store, PAGE.slice(0, 20), PAGE.slice(20)).template).toEqual(plain(PAGE));
  });

  test('takes next to no room if it is another each time', () => {
    const store = createLruStore(1_000_000);
    const token = (i: number) => `${PAGE}${String(i).padStart(6, '0')}${'x'.repeat(10_000)}`;
    let kept = 0;
    for (let i = 0; i < 1_000; i++) {
      expect(run(store, token(i)).compiled).toBe(token(i).length);
      if (store.size > 20_000) kept += 1;
    }
    expect(kept).toBeLessThan(12); // tried again after 2, 4, 8, … requests
    for (let i = 0; i < 600; i++) run(store, PAGE);
    expect(run(store, PAGE).compiled).toBe(0);
  });
});
