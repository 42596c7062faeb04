import { expect, test } from 'vitest';
import type { Entry } from '../../../src/cache/entry.ts';
import { select } from '../../../src/fragment/select.ts';
import { compile } from '../../../src/template/compile.ts';
import { latin1 } from '../template/support.ts';

function entry(html: string): Entry {
  return { template: compile(latin1(html), 'none') } as Entry;
}

function selected(html: string, selector: string): string | undefined {
  const parts = select(entry(html), selector);
  return parts?.map((part) => String.fromCharCode(...part)).join('|');
}

test('the parts that match come byte for byte, in document order', () => {
  expect(selected('<p>x</p><b class=a>1\xff\xe9</b><p><b class="a">2</b></p>', 'b.a')).toBe(
    '<b class=a>1\xff\xe9</b>|<b class="a">2</b>',
  );
  expect(selected('<ul><li>1<li>2</ul>', '#none')).toBeUndefined();
  expect(selected('<main ID="x"><!-- c --><p>y</p></main>', '#x')).toBe('<main ID="x"><!-- c --><p>y</p></main>');
});

test('an invalid selector, and a body that is no HTML, select nothing', () => {
  for (const selector of ['[[', '>>', 'a:::b', ''])
    expect([selector, selected('<p>x</p>', selector)]).toEqual([selector, undefined]);
  expect(selected('{"a":1}', 'p')).toBeUndefined();
});

test('what was found is remembered', () => {
  const one = entry('<p>x</p>');
  expect(select(one, 'p')).toBe(select(one, 'p'));
});
