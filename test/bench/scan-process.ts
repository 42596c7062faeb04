/** Measures the compilers in a process of their own; prints MB a second as JSON. */
import { compile } from '../../src/template/compile.ts';
import type { Syntax } from '../../src/template/template.ts';
import { median } from './bench.ts';
import { entity, html, list, PAGE_BYTES, template } from './fixtures.ts';

const ROUNDS = 9;
const ROUND = 100; // ms

/** MB a second of one task, in one round. */
function rate(bytes: number, task: () => unknown): number {
  const started = performance.now();
  let times = 0;
  let elapsed = 0;
  while (elapsed < ROUND) {
    for (let i = 0; i < 20; i++) task();
    times += 20;
    elapsed = performance.now() - started;
  }
  return (times * bytes) / elapsed / 1_000;
}

function loop(bytes: Uint8Array): number {
  let found = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0x3c) found++;
  return found;
}

function measure(what: string, text: string, syntax: Syntax) {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const base = syntax === 'html' ? () => loop(bytes) : () => JSON.parse(decoder.decode(bytes));
  const [ours, against]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(rate(bytes.length, () => compile(bytes, syntax)));
    against.push(rate(bytes.length, base));
  }
  return { what, ours: median(ours), base: median(against) };
}

const includes = PAGE_BYTES / 2_048;
console.log(
  JSON.stringify([
    measure('HTML without directives', html(PAGE_BYTES), 'html'),
    measure(
      'HTML with one in 2 KB',
      template(includes, (i) => `/fragment?i=${i}`),
      'html',
    ),
    measure('JSON without directives', list(100, entity), 'json'),
    measure(
      'JSON with one in 2 KB',
      list(100, (id) => (id % 10 === 0 ? { 'esi:include': { type: 'entity', id } } : entity(id))),
      'json',
    ),
  ]),
);
