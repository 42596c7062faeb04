import type { Entry } from '../cache/entry.ts';
import { isForAnybody } from '../cache/freshness.ts';
import { type Piece, settle } from '../compose/piece.ts';
import { type PlanPart, partsOf } from '../compose/plan.ts';
import { hasCredentials } from '../http/credentials.ts';
import { hashOf } from '../http/digest.ts';
import { fieldValue } from '../http/fields.ts';
import { type PageEntry, readsVisitor } from './head.ts';
import { baseOf, isPlain, type Selection, selectedPlace, selectionFor } from './memo.ts';
import type { Visit } from './page.ts';

/** What came of a composition that others may have, too. */
export interface Gathered {
  readonly chunks: readonly Uint8Array[];
  readonly part: PlanPart;
  readonly selection: Selection;
  /** What the page depends on beside its URL, as whoever composed it has it. */
  readonly place: string;
  /** Of the purges, when all parts were valid. */
  readonly generation: number;
}

/** A composition under way. */
export interface Gathering {
  readonly entry: Entry;
  /** `undefined` if it is for nobody else. Never rejects. */
  readonly outcome: Promise<Gathered | undefined>;
}

/** Ms in which nobody waits for a composition of a page that turned out to be for its visitor alone. */
const LONELY_FOR = 30_000;
const MAX_LONELY = 4_096;

/**
 * Compositions of pages under way, for visitors who say nothing of themselves. All who ask for one page at a time would
 * wait for the same fragments; they wait for one composition instead, and compose for themselves if it turns out to hold
 * anything that is not for anybody: the same rule as for a single shared fetch. Promises: one process, or one request at
 * the edge.
 */
export class Gatherings {
  readonly #open = new Map<string, Gathering>();
  /** By hash: who shares one with another is composed for by itself for a while. */
  readonly #lonely = new Map<number, number>();

  /** Whether a page may be composed for several at once. */
  admits(visit: Visit, page: PageEntry): boolean {
    const { request, setup, route } = visit;
    if (request.method !== 'GET' || route.esi === 'off' || hasCredentials(request.fields)) return false;
    if (request.claims !== undefined) return false;
    if (!page.stored || !(page.entry.template.segments[0] instanceof Uint8Array)) return false;
    if (!isPlain(request)) return false;
    const until = this.#lonely.get(hashOf(placeOf(visit)));
    return until === undefined || until <= setup.runtime.now();
  }

  find(visit: Visit, { entry }: PageEntry): Gathering | undefined {
    const gathering = this.#open.get(placeOf(visit));
    return gathering?.entry === entry ? gathering : undefined;
  }

  /** Lets others wait for this composition, whose pieces are on their way. */
  begin(visit: Visit, page: PageEntry, pieces: readonly Piece[]): void {
    const place = placeOf(visit);
    // What depends on who asks may also take as long as it takes for this one alone.
    const own = readsVisitor(visit.composition) || partsOf(visit.part).some(isOwn);
    if (this.#open.has(place) || own) return;
    const outcome = settle(pieces).then((settled) => {
      if (this.#open.get(place) === gathering) this.#open.delete(place);
      const gathered = 'failure' in settled ? undefined : gatheredOf(visit, page, settled.chunks);
      if (gathered === undefined) this.#isolate(place, visit);
      return gathered;
    });
    const gathering = { entry: page.entry, outcome };
    this.#open.set(place, gathering);
  }

  /** Whether what was composed for another is what this visitor would get. */
  accepts(gathered: Gathered, visit: Visit): boolean {
    const { setup, request } = visit;
    const { selection, place, generation } = gathered;
    const same = selectedPlace(selection, request, setup.gateway) === place;
    if (!same) this.#isolate(placeOf(visit), visit);
    return same && generation === setup.runtime.purges.generation;
  }

  #isolate(place: string, { setup }: Visit): void {
    if (this.#lonely.size >= MAX_LONELY) this.#lonely.clear();
    this.#lonely.set(hashOf(place), setup.runtime.now() + LONELY_FOR);
  }
}

/** Who asks in another language is likely to get another page. */
function placeOf({ request, setup }: Visit): string {
  return `${baseOf(request, setup.gateway.trustedPeers)} ${fieldValue(request.fields, 'accept-language') ?? ''}`;
}

function gatheredOf(visit: Visit, page: PageEntry, chunks: readonly Uint8Array[]): Gathered | undefined {
  const { composition, part, request, setup } = visit;
  const { purges } = setup.runtime;
  if (composition.fleeting || composition.effects.length > 0 || composition.steps.exhausted) return undefined;
  if (!isForAnybody(page.entry)) return undefined;
  for (const child of partsOf(part)) {
    const entry = composition.used.get(child);
    if (child.delivered !== 'fragment' || child.error !== undefined || child.personal) return undefined;
    if (entry === undefined ? child.reason !== 'inline' : !child.stored || !isForAnybody(entry)) return undefined;
  }
  for (const entry of [page.entry, ...composition.used.values()])
    if (purges.validity(entry).state !== 'valid') return undefined;
  const selection = selectionFor(visit, page, setup.runtime);
  if (selection === undefined) return undefined;
  const place = selectedPlace(selection, request, setup.gateway);
  return { chunks, part, selection, place, generation: purges.generation };
}

function isOwn({ personal, reason }: PlanPart): boolean {
  return personal || reason === 'unstorable';
}
