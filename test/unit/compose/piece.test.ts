import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flow, type Piece, settle, takeStock } from '../../../src/compose/piece.ts';
import { InlayError } from '../../../src/errors.ts';
import { latin1 } from '../template/support.ts';

const failure = { failure: new InlayError('fragment-failed', 'x') };
const text = (chunks: Iterable<Uint8Array>) => [...chunks].map((chunk) => String.fromCharCode(...chunk)).join('');

describe('taking stock', () => {
  test('finds everything that is there, in document order', () => {
    const known = takeStock([latin1('a'), [latin1('b'), [latin1('c')], []], latin1('d')]);
    expect(known).toMatchObject({ length: 4 });
    expect(typeof known === 'object' && 'chunks' in known && text(known.chunks)).toBe('abcd');
  });

  test('finds what is pending, and a failure before that', () => {
    expect(takeStock([latin1('a'), Promise.resolve(latin1('b'))])).toBe('pending');
    expect(takeStock([[Promise.resolve(latin1('b'))], [failure]])).toBe(failure);
    expect(takeStock([[failure, Promise.resolve(latin1('b'))]])).toBe(failure);
  });
});

describe('the flow of pieces', () => {
  test('hands out what is known at once, then waits', async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const batches = flow([latin1('a'), latin1('b'), promise, latin1('d')]);
    expect(text((await batches.next()).value as Uint8Array[])).toBe('ab');
    resolve(latin1('c'));
    expect(text((await batches.next()).value as Uint8Array[])).toBe('cd');
    expect(await batches.next()).toEqual({ done: true, value: undefined });
  });

  test('hands out what stands before a failure, then throws it', async () => {
    const batches = flow([latin1('a'), Promise.resolve([latin1('b'), failure]), latin1('never')]);
    expect(text((await batches.next()).value as Uint8Array[])).toBe('ab'); // what has come already is not waited for
    await expect(batches.next()).rejects.toBe(failure.failure);
  });

  test('is not recursive, however deep pieces are', async () => {
    let deep: Piece = latin1('x');
    for (let i = 0; i < 50_000; i++) deep = [deep];
    const settled = await settle([deep]);
    expect('chunks' in settled && text(settled.chunks)).toBe('x');
  });

  test('is what was composed, whatever arrives in whatever order', async () => {
    const { piece } = fc.letrec<{ piece: { text: string; piece: () => Piece } }>((tie) => ({
      piece: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary-ascii' }).map((t) => ({ text: t, piece: () => latin1(t) })),
        fc
          .array(tie('piece'), { maxLength: 4 })
          .map((all) => ({ text: all.map((p) => p.text).join(''), piece: () => all.map((p) => p.piece()) })),
        fc.tuple(fc.array(tie('piece'), { maxLength: 3 }), fc.nat(5)).map(([all, turns]) => ({
          text: all.map((p) => p.text).join(''),
          piece: async () => {
            for (let i = 0; i < turns; i++) await undefined;
            return all.map((p) => p.piece());
          },
        })),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (all) => {
        const settled = await settle(all.map((p) => p.piece()));
        const expected = all.map((p) => p.text).join('');
        expect('chunks' in settled && [text(settled.chunks), settled.length]).toEqual([expected, expected.length]);
      }),
    );
  });
});
