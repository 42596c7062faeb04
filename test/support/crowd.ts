import { createHash } from 'node:crypto';
import { codingsOf, decoded } from './codings.ts';
import { type Answered, ask, sendRaw } from './gateway.ts';
import type { Page, PersonalSite } from './personal-site.ts';
import { createRandom, type Random } from './random.ts';

/** A visitor: a token in the cookie, some with another in Authorization. `undefined` is who comes without either. */
type Visitor = number | undefined;

/** One request, drawn before anything is asked, so that a seed always asks the same. */
interface Plan {
  readonly visitor: Visitor;
  readonly page: Page;
  readonly method: 'GET' | 'HEAD';
  readonly fields: Readonly<Record<string, string>>;
  /** Sends the entity tags of its own last answer for this page, or of anybody's. */
  readonly condition: 'own' | 'any' | undefined;
  readonly leaves: 'at once' | 'with the first bytes' | undefined;
  /** What happens before it is sent. */
  readonly event: (typeof EVENTS)[number] | undefined;
  readonly target: string;
}

/** How a run went: what must not be, and how much there was to go wrong. */
export interface Outcome {
  /** Sentences: who got whose token, and where. */
  readonly wrong: string[];
  /** Sentences: which answers that tell who asked caches downstream may give to others. */
  readonly open: string[];
  /** Answers with a token of who asked; with a 304; cut, or with a status of 500 and more; given up; coded; in part. */
  readonly counts: Record<'own' | 'unchanged' | 'failed' | 'left' | 'coded' | 'partial' | 'purges', number>;
  readonly visitors: Set<number>;
}

/** What a crowd needs to do its work. */
export interface Grounds {
  readonly port: number;
  readonly site: PersonalSite;
  purge(targets: { mode: 'soft' | 'hard'; tags?: string[]; urls?: string[]; all?: boolean }): Promise<unknown>;
  /** Lets this many ms pass. */
  pass(ms: number): void;
  /** Sends a request in place of a real client, if it is there. */
  readonly send?: typeof ask;
}

export const VISITORS = 1_000;
const AT_ONCE = 50;
/** Some come again and again, and have answers to ask about. */
const REGULARS = 8;

const tokens = (visitor: number): { cookie: string; bearer: string } => {
  const digits = createHash('sha256').update(`visitor ${visitor}`).digest('hex').replace(/\D/g, '').slice(0, 6);
  const number = String(visitor).padStart(4, '0');
  return { cookie: `tc${number}x${digits}z`, bearer: `ta${number}x${digits}z` };
};

const TOKEN = /t[ac](\d{4})x\d{6}z/g;

/** The visitors whose tokens stand in some text. */
function named(text: string): Set<number> {
  return new Set([...text.matchAll(TOKEN)].map(([, number]) => Number(number)));
}

const EVENTS = ['soft', 'soft', 'soft', 'hard', 'hard', 'hard', 'time', 'time', 'time', 'everything'] as const;

/** Draws what a crowd asks. */
function draw(random: Random, requests: number, { pages, paths }: PersonalSite): Plan[] {
  const popular = pages.filter((page) => page.popular);
  let newcomers = 0;
  return Array.from({ length: requests }, (): Plan => {
    const regular = random.chance(0.35);
    const visitor = random.chance(0.04) ? undefined : regular ? random.below(REGULARS) : newcomers++ % VISITORS;
    const fields: Record<string, string> = { 'accept-language': random.pick(['de', 'en', 'fr']) };
    const maybe = (share: number, name: string, values: readonly string[]): void => {
      if (random.chance(share)) fields[name] = random.pick(values);
    };
    if (visitor !== undefined) fields.cookie = `group=${random.pick(['a', 'b'])}; user=${tokens(visitor).cookie}`;
    if (visitor !== undefined && visitor % 5 === 0) fields.authorization = `Bearer ${tokens(visitor).bearer}`;
    maybe(0.5, 'accept-encoding', ['br', 'gzip', 'zstd', 'gzip, deflate, br', 'zstd, br;q=0.5', 'identity', '*']);
    const page = random.pick(random.chance(0.35) ? popular : pages);
    maybe(page.composed ? 0.04 : 0.3, 'range', ['bytes=0-', 'bytes=0-200', 'bytes=40-', 'bytes=-120', 'bytes=0-99999']);
    maybe(0.04, 'cache-control', ['no-cache', 'max-age=0', 'no-store', 'max-stale=5', 'min-fresh=2', 'only-if-cached']);
    return {
      visitor,
      page,
      method: random.chance(0.06) ? 'HEAD' : 'GET',
      fields,
      condition: random.chance(regular ? 0.4 : 0.15) ? random.pick(['own', 'any'] as const) : undefined,
      leaves: random.chance(0.04) ? random.pick(['at once', 'with the first bytes'] as const) : undefined,
      event: random.chance(0.06) ? random.pick(EVENTS) : undefined,
      target: random.pick(paths),
    };
  });
}

/** Sends the requests of a crowd, fifty at once at all times, until all were answered or `most` things were wrong. */
export async function sendCrowd(grounds: Grounds, seed: number, requests: number, most = 20): Promise<Outcome> {
  const counts = { own: 0, unchanged: 0, failed: 0, left: 0, coded: 0, partial: 0, purges: 0 };
  const outcome: Outcome = { wrong: [], open: [], counts, visitors: new Set<number>() };
  const judge = new Judge(outcome);
  const plans = draw(createRandom(seed), requests, grounds.site);
  let next = 0;
  const worker = async () => {
    while (next < plans.length && outcome.wrong.length < most) {
      const plan = plans[next++]!;
      await happen(plan, grounds, counts);
      await visit(plan, grounds, judge, outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcome;
}

/** Purges something, or lets time pass. */
async function happen(
  { event, target }: Plan,
  { site, purge, pass }: Grounds,
  counts: Outcome['counts'],
): Promise<void> {
  if (event === undefined) return;
  if (event === 'time') return pass(1_500);
  counts.purges++;
  site.change(target);
  if (event === 'everything') await purge({ mode: 'soft', all: true });
  else await purge({ mode: event, tags: [target] });
}

async function visit(plan: Plan, grounds: Grounds, judge: Judge, { counts, visitors }: Outcome): Promise<void> {
  const { page, method, visitor } = plan;
  const tags = judge.tags(plan);
  const headers = { ...plan.fields, ...(tags === undefined ? {} : { 'if-none-match': tags }) };
  if (visitor !== undefined) visitors.add(visitor);
  if (plan.leaves !== undefined) {
    counts.left++;
    judge.text(plan, await leave(grounds.port, plan, headers));
    return;
  }
  const answered = await (grounds.send ?? ask)(grounds.port, page.path, { method, headers });
  judge.answer(plan, answered, tags);
}

/** Asks, and closes the connection without waiting for all of the answer; returns what came. */
async function leave(port: number, { page, leaves }: Plan, headers: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const connection = sendRaw(port, `GET ${page.path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  if (leaves === 'at once') connection.socket.once('connect', () => connection.socket.destroySoon());
  else connection.socket.once('data', () => connection.socket.destroy());
  return connection.closed;
}

/** Looks for what must not be in any answer, and remembers which entity tag stood for which body. */
class Judge {
  readonly #outcome: Outcome;
  /** By path and entity tag: the visitors named in the body. */
  readonly #bodies = new Map<string, Set<number>>();
  /** By path and visitor, or anybody: the latest tag. */
  readonly #latest = new Map<string, string>();

  constructor(outcome: Outcome) {
    this.#outcome = outcome;
  }

  /** What a plan asks about. */
  tags({ page, visitor, condition }: Plan): string | undefined {
    if (condition === undefined) return undefined;
    return this.#latest.get(`${page.path} ${condition === 'own' ? visitor : 'any'}`);
  }

  /** Returns the visitors named in what was received. */
  text(plan: Plan, received: string): Set<number> {
    const found = named(received);
    this.#refuse(plan, found, (others) => `names visitors ${others}`);
    return found;
  }

  /** @param asked the entity tags of the request */
  answer(plan: Plan, answered: Answered, asked: string | undefined): void {
    const { status, headers, complete } = answered;
    const { counts, open } = this.#outcome;
    const body = decoded(answered);
    if (body === undefined) this.#complain(plan, `a whole body that is not coded as ${headers['content-encoding']}`);
    const inBody = this.text(plan, body ?? '');
    const inHead = this.text(plan, answered.rawHeaders.join('\n'));
    if (status >= 500 || !complete) counts.failed++;
    if (codingsOf(answered).length > 0) counts.coded++;
    if (status === 206) counts.partial++;
    if (inBody.size > 0 || inHead.size > 0) {
      counts.own++;
      if (!isClosed(plan, answered)) this.#complain(plan, `is personal and says ${headers['cache-control']}`, open);
    }
    if (status === 304) this.#unchanged(plan, headers.etag, asked);
    if (status === 200 && headers.etag !== undefined && complete && plan.method === 'GET')
      this.#remember(plan, headers.etag, inBody);
  }

  /** A 304 says that the client has the right body already: it must not be another's. */
  #unchanged(plan: Plan, etag: string | undefined, asked: string | undefined): void {
    this.#outcome.counts.unchanged++;
    if (asked === undefined) this.#complain(plan, 'a 304 that was not asked for');
    for (const tag of etag === undefined ? (asked ?? '').split(', ') : [etag])
      this.#refuse(plan, this.#named(plan, tag), (others) => `a 304 for the body of visitors ${others}`);
  }

  #remember(plan: Plan, etag: string, inBody: ReadonlySet<number>): void {
    const before = this.#named(plan, etag);
    this.#refuse(plan, before, (others) => `the entity tag ${etag} of visitors ${others}`);
    this.#bodies.set(`${plan.page.path} ${opaque(etag)}`, new Set([...before, ...inBody]));
    for (const who of ['any', plan.visitor]) this.#latest.set(`${plan.page.path} ${who}`, etag);
  }

  #named({ page }: Plan, etag: string): ReadonlySet<number> {
    return this.#bodies.get(`${page.path} ${opaque(etag)}`) ?? new Set();
  }

  #refuse(plan: Plan, found: ReadonlySet<number>, sentence: (others: number[]) => string): void {
    const others = [...found].filter((one) => one !== plan.visitor);
    if (others.length > 0) this.#complain(plan, sentence(others));
  }

  #complain({ visitor, page, method, fields }: Plan, what: string, list = this.#outcome.wrong): void {
    list.push(`${method} ${page.path} by visitor ${visitor ?? 'nobody'} ${JSON.stringify(fields)}: ${what}`);
  }
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}

/**
 * Whether no shared cache downstream may give it to another. What is passed on as it is says what its service said, and
 * a page that varies by the cookie says so itself.
 */
function isClosed({ page }: Plan, { status, headers }: Answered): boolean {
  if (!page.composed || status !== 200) return true;
  if (/\b(?:private|no-store)\b/.test(headers['cache-control'] ?? '')) return true;
  return /cookie|\*/i.test(headers.vary ?? '');
}
