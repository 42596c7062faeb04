/** What the catalogue does with everything it owns: answer one, answer many at once, change one and say so. */
import type { Context } from 'hono';
import type { GenericSchema } from 'valibot';
import type { Announcer } from './announce.ts';
import { parseChange } from './change.ts';
import type { Log } from './serve.ts';

/** Something that has a code. */
export interface Coded {
  readonly code: string;
}

/** Things of one type by their code. Changes live as long as the map. */
export interface Shelf<Thing extends Coded> {
  /** Names the type in tags and announcements: `country`. */
  readonly type: string;
  readonly things: Map<string, Thing>;
}

/** More are refused: one request must not become arbitrarily expensive. Definitions that batch name it as their `max`. */
const mostCodes = 100;

/** Puts things on a shelf. */
export function shelfOf<Thing extends Coded>(type: string, things: readonly Thing[]): Shelf<Thing> {
  return { type, things: new Map(things.map((thing) => [thing.code, thing])) };
}

/** Answers the thing that `:code` in the path names. Its key says what changes it: one purge drops every view of it. */
export function one<Thing extends Coded>(
  { type, things }: Shelf<Thing>,
  answer: (c: Context, thing: Thing) => Response | Promise<Response>,
) {
  return async (c: Context): Promise<Response> => {
    const thing = things.get(c.req.param('code') ?? '');
    if (thing === undefined) return c.json({ error: `unknown ${type}` }, 404);
    const answered = await answer(c, thing);
    answered.headers.set('Surrogate-Key', `${type}:${thing.code}`);
    return answered;
  };
}

/**
 * Answers the things that `?codes=FRA,DEU` names, in that order; one that nobody knows is not among them, and no error.
 * There is no key here: it would be that of the whole answer, and purging France would drop Germany, too. A definition's
 * `tags` name each item's.
 */
export function many<Thing extends Coded>(
  { things }: Shelf<Thing>,
  answer: (c: Context, known: readonly Thing[]) => Response | Promise<Response>,
) {
  return async (c: Context): Promise<Response> => {
    const codes = new Set((c.req.query('codes') ?? '').split(',').filter((code) => code !== ''));
    if (codes.size === 0) return c.json({ error: 'name codes: ?codes=A,B' }, 400);
    if (codes.size > mostCodes) return c.json({ error: `at most ${mostCodes} codes a request` }, 400);
    return await answer(
      c,
      [...codes].map((code) => things.get(code)).filter((thing) => thing !== undefined),
    );
  };
}

/** Changes the thing that `:code` names, announces it, and answers what it is now. */
export function change<Thing extends Coded>(
  { type, things }: Shelf<Thing>,
  schema: GenericSchema<unknown, Partial<Thing>>,
  announcer: Announcer,
  log: Log,
) {
  return async (c: Context): Promise<Response> => {
    const thing = things.get(c.req.param('code') ?? '');
    if (thing === undefined) return c.json({ error: `unknown ${type}` }, 404);
    const parsed = parseChange(schema, await c.req.text());
    if (!parsed.ok) return c.json({ error: 'invalid change', problems: parsed.problems }, 400);

    const changed = { ...thing, ...parsed.change };
    things.set(changed.code, changed);
    const announcement = await announcer.announce(type, changed.code);
    if (!announcement.announced) log(`catalogue changed ${changed.code} but told nobody: ${announcement.reason}`);
    // The change stands either way. 502 says that caches may still show the old one; putting again announces again.
    return c.json({ [type]: changed, ...announcement }, announcement.announced ? 200 : 502);
  };
}
