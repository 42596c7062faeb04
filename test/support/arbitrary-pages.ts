import fc from 'fast-check';
import { type Construct, MANNERS_OF_PARTS, type Sketch } from './documents.ts';

type Drawn = { body: Construct[]; construct: Construct; part: Sketch };

const is = <Kind extends Construct['is']>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds);

/** What ties constructs to documents, and documents to what stands in them. */
function documents(type: Sketch['type'], tie: fc.LetrecTypedTie<Drawn>) {
  return {
    part: fc.record({ type: fc.constant(type), manner: fc.nat(MANNERS_OF_PARTS - 1), body: tie('body') }),
    body: fc.array(tie('construct'), { maxLength: 3, depthIdentifier: type }),
  };
}

/** A page has something in it, whatever its fragments have. */
function pageOf({ part, construct }: { [Name in keyof Drawn]: fc.Arbitrary<Drawn[Name]> }): fc.Arbitrary<Sketch> {
  return fc
    .tuple(part, fc.array(construct, { minLength: 1, maxLength: 5 }))
    .map(([sketch, more]) => ({ ...sketch, body: [...sketch.body, ...more] }));
}

const TEXTS = ['text', ' ', '\n', '<p class="x">words</p>', 'é ∞', '<!-- a comment -->', 'a > b & c'];

/** Pages of markup: nested includes, choices, attempts, loops, inlines and variables, a few levels deep. */
export const htmlPage: fc.Arbitrary<Sketch> = pageOf(
  fc.letrec<Drawn>((tie) => ({
    ...documents('html', tie),
    construct: fc.oneof(
      { depthSize: 'medium', depthIdentifier: 'html', withCrossShrink: true },
      fc.record({ is: is('text'), text: fc.constantFrom(...TEXTS) }),
      fc.record({ is: is('query', 'visitor') }),
      fc.record({ is: is('include', 'include', 'alt', 'eval'), of: tie('part') }),
      fc.record({ is: is('include'), of: tie('part') }),
      fc.record({
        is: is('choose'),
        by: fc.constantFrom('query' as const, 'group' as const),
        first: tie('body'),
        otherwise: tie('body'),
      }),
      fc.record({ is: is('try'), attempt: tie('body'), except: tie('body') }),
      fc.record({ is: is('foreach'), rounds: fc.integer({ min: 1, max: 3 }), body: tie('body') }),
      fc.record({ is: is('inline'), body: tie('body') }),
    ),
  })),
);

/** Pages of JSON: values and includes, a few levels deep. */
export const jsonPage: fc.Arbitrary<Sketch> = pageOf(
  fc.letrec<Drawn>((tie) => ({
    ...documents('json', tie),
    construct: fc.oneof(
      { depthSize: 'medium', depthIdentifier: 'json', withCrossShrink: true },
      fc.record({ is: is('text'), text: fc.constantFrom('1', '"é"', '[1, 2.50]', '{"a":null}', 'true') }),
      fc.record({ is: is('include', 'include', 'alt'), of: tie('part') }),
    ),
  })),
);
