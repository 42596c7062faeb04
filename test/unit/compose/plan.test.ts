import { expect, test } from 'vitest';
import type { Entry } from '../../../src/cache/entry.ts';
import {
  addPart,
  countErrors,
  countOutcomes,
  isDegraded,
  type PlanPart,
  partsOf,
  planPart,
} from '../../../src/compose/plan.ts';
import { composedEtag } from '../../../src/compose/validator.ts';

function part(asked: string, values: Partial<PlanPart> = {}, parts: PlanPart[] = []): PlanPart {
  const made = Object.assign(planPart(asked, 1, 0), values);
  for (const part of parts) addPart(made, part);
  return made;
}

test('the parts of a page are in document order', () => {
  const page = part('/', {}, [part('a', {}, [part('b')]), part('c')]);
  expect([...partsOf(page)].map(({ asked }) => asked)).toEqual(['a', 'b', 'c']);
});

test('a part is degraded if its place holds less than it should', () => {
  for (const delivered of ['fragment', 'alt', undefined] as const)
    expect([delivered, isDegraded(part('x', { outcome: 'hit', delivered }))]).toEqual([delivered, false]);
  for (const delivered of ['stale', 'default', 'fallback', 'empty', 'null', 'ref', 'failure'] as const) {
    expect([delivered, isDegraded(part('x', { outcome: 'hit', delivered }))]).toEqual([delivered, true]);
  }
  expect(isDegraded(part('x', { outcome: 'failed' }))).toBe(true);
});

test('outcomes are counted on all levels, a stand-in as stale', () => {
  const page = part('/', {}, [
    part('a', { outcome: 'hit' }, [part('b', { outcome: 'hit' })]),
    part('c', { outcome: 'failed', delivered: 'stale' }),
    part('d', { outcome: 'failed', delivered: 'empty' }),
  ]);
  expect(countOutcomes(page)).toEqual({ hit: 2, stale: 1, failed: 1 });
  expect(countErrors(page)).toBe(2);
});

test('the entity tag changes with the template, with each part, with their order, and with nothing else', () => {
  const entry = (validator: string) => ({ validator }) as Entry;
  const tag = (template: string, ...validators: string[]) => {
    const parts = validators.map((validator) => part(validator, { delivered: 'fragment' }));
    return composedEtag(template, part('/', {}, parts), new Map(parts.map((p, i) => [p, entry(validators[i]!)])));
  };
  expect(tag('t', 'a', 'b')).toMatch(/^"[\w-]{22}"$/);
  expect(tag('t', 'a', 'b')).toBe(tag('t', 'a', 'b'));
  const tags = [
    tag('t', 'a', 'b'),
    tag('u', 'a', 'b'),
    tag('t', 'b', 'a'),
    tag('t', 'ab'),
    tag('t', 'a'),
    tag('t', 'a', 'b', 'b'),
    tag('t'),
  ];
  expect(new Set(tags).size).toBe(tags.length);
});
