import type { FragmentDefinition } from '../../src/fragment/define.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { MANNERS, type Manner } from './manners.ts';
import type { Answer, Origin, Received } from './origin.ts';
import { createRandom, type Random } from './random.ts';

/** A document of the site: what it says of itself, and what it includes. */
interface Resource {
  /** In the gateway's URL space. */
  readonly path: string;
  readonly manner: Manner;
  readonly type: 'html' | 'json' | 'text';
  /** What stands between its own words; with directives it is a template. */
  readonly markup: readonly string[];
}

/** A page that visitors ask for. */
export interface Page {
  readonly path: string;
  /** Composed by the gateway, which then answers for its Cache-Control, and not passed on as it is. */
  readonly composed: boolean;
  readonly popular: boolean;
}

/** What went wrong at the services, and what they were asked. */
export interface ServiceTally {
  faults: number;
  /** Requests with a condition of the gateway's own, and those that were answered 304. */
  conditional: number;
  unchanged: number;
}

/** Pages and fragments that tell each visitor who he is, at services that fail as services do. */
export interface PersonalSite {
  readonly pages: readonly Page[];
  /** Every path of the site, for purges. */
  readonly paths: readonly string[];
  readonly tally: ServiceTally;
  /** Something changed: the document of this path is another from now on. */
  change(path: string): void;
}

const FRAGMENTS = 60;
const JSON_FRAGMENTS = 24;
const PAGES = 30;
const JSON_PAGES = 8;
const CALM = 8;
const DEFINED = 4;
const POPULAR = '/p/popular';

/** The gateway in front of a {@link PersonalSite}. */
export function personalConfig(origin: string): GatewayConfig {
  const defined = (name: string, more: Partial<FragmentDefinition>): FragmentDefinition => ({
    name,
    path: `/${name}/{id}`,
    service: 'parts',
    ttl: '1m',
    ...more,
  });
  return {
    services: {
      web: `${origin}/web`,
      parts: { url: `${origin}/parts`, forward: ['cookie', 'authorization'], timeout: '250ms' },
    },
    facades: {
      site: {
        routes: { '/f/*': 'parts', '/j/*': 'parts', '/*': 'web', '/soft/*': { service: 'web', onerror: 'continue' } },
      },
    },
    fragments: [
      defined('everyone', { scope: 'public', staleIfError: '5m' }),
      defined('mine', { scope: ['cookie:user'], staleWhileRevalidate: '10s' }),
      defined('tongue', { scope: ['header:accept-language', 'cookie:user'], tags: ['tongue:{id}'] }),
    ],
    limits: { headTimeout: '400ms', fragmentTimeout: '300ms', pageTimeout: '2s' },
  };
}

/** Has an origin serve a site that is drawn from this seed; `now` is the gateway's clock, by which its answers are dated. */
export function servePersonalSite(
  origin: Origin,
  seed: number,
  now: () => number,
  manners: readonly Manner[] = MANNERS,
): PersonalSite {
  const resources = new Map(draw(createRandom(seed), manners).map((resource) => [resource.path, resource]));
  const versions = new Map<string, number>();
  const random = createRandom(seed + 1);
  const tally: ServiceTally = { faults: 0, conditional: 0, unchanged: 0 };
  origin.script('*', (request) => {
    const path = request.target.replace(/^\/(?:web|parts)/, '').split('?', 1)[0]!;
    const resource = resources.get(path);
    if (resource === undefined) return { status: 404 };
    const answer = answerOf(resource, versions.get(path) ?? 1, request, now());
    if (request.field('if-none-match') !== undefined || request.field('if-modified-since') !== undefined) {
      tally.conditional++;
      if (answer.status === 304) tally.unchanged++;
    }
    return disturbed(answer, random, tally);
  });
  return {
    pages: [...resources.values()]
      .filter(({ path }) => /^\/(?:p|soft|data|relay)\//.test(path))
      .map(({ path }) => ({ path, composed: !path.startsWith('/relay/'), popular: path.startsWith(POPULAR) })),
    paths: [...resources.keys()],
    tally,
    change: (path) => void versions.set(path, (versions.get(path) ?? 1) + 1),
  };
}

/** Everybody's words, then those of the one who asks, then what is included. */
function answerOf({ path, manner, type, markup }: Resource, version: number, request: Received, now: number): Answer {
  const who = manner.sees(request);
  const said = manner.says(who, `${path}v${version}`);
  const esi = markup.length > 0;
  const own = `content="ESI/1.0"`;
  const headers: Record<string, string | readonly string[]> = {
    'content-type': { html: 'text/html; charset=utf-8', json: 'application/json', text: 'text/css' }[type],
    'surrogate-key': path,
    date: new Date(now).toUTCString(),
    ...said,
  };
  if (esi)
    headers['surrogate-control'] =
      said['surrogate-control'] === undefined ? own : `${said['surrogate-control']}, ${own}`;
  if (manner.isUnchanged(request, said)) return { status: 304, headers: { ...headers, ...manner.adds(request) } };
  const words = `${path} v${version} for ${who}`;
  if (type === 'json') return { headers, body: `{"words":"${words}"${markup.map((piece) => `,${piece}`).join('')}}` };
  return { headers, body: [`<p>${words}</p>\n`, `${markup.join('\n')}\n`] };
}

/** What happens to answers on their way: nothing, mostly. */
function disturbed(answer: Answer, random: Random, tally: ServiceTally): Answer {
  const kind = random.below(1_000);
  const fault = (broken: Answer): Answer => {
    tally.faults++;
    return broken;
  };
  if (kind < 8) return fault({ hang: true });
  if (kind < 18) return fault({ raw: 'HTTP/1.1 200 OK\r\ncontent-ty' });
  if (kind < 30 && answer.status !== 304) return fault({ ...answer, body: firstHalf(answer.body), reset: true });
  if (kind < 38 && answer.status !== 304) return fault({ ...answer, body: firstHalf(answer.body), truncate: true });
  if (kind < 60) return fault({ ...answer, status: 503 });
  // A slow head is what others who ask for the same wait for; a slow body is what a page that is streamed waits for.
  if (kind < 350) return { ...answer, delay: 2 + random.below(12) };
  if (kind < 450) return { ...answer, pause: 1 + random.below(8) };
  return answer;
}

function firstHalf(body: Answer['body']): string[] {
  const text = typeof body === 'string' ? body : [...(body as string[])].join('');
  return [text.slice(0, Math.ceil(text.length / 2))];
}

/** Draws the documents. */
function draw(random: Random, manners: readonly Manner[]): Resource[] {
  const relayed = manners.map((manner, i): Resource => ({ path: `/relay/${i}`, manner, type: 'text', markup: [] }));
  return [...drawFragments(random, manners), ...drawPages(random, manners), ...relayed];
}

/** What one fragment includes stands later in the list, so that none includes itself. */
function drawFragments(random: Random, manners: readonly Manner[]): Resource[] {
  const [fresh] = manners as [Manner];
  const silent = manners.find(({ name }) => name === 'silent')!;
  const fragments = Array.from({ length: FRAGMENTS }, (_, i): Resource => {
    const manner = manners[i % manners.length]!;
    const nested = i + 1 < FRAGMENTS && random.chance(0.3);
    const inside = () => include(`/f/${i + 1 + random.below(FRAGMENTS - i - 1)}`);
    return { path: `/f/${i}`, manner, type: 'html', markup: nested ? [inside(), GREETING] : [] };
  });
  const plain = (path: string, manner: Manner, type: Resource['type'] = 'html'): Resource => ({
    path,
    manner,
    type,
    markup: [],
  });
  const values = Array.from({ length: JSON_FRAGMENTS }, (_, i) =>
    plain(`/j/${i}`, manners[i % manners.length]!, 'json'),
  );
  const calm = Array.from({ length: CALM }, (_, i) => plain(`/f/calm${i}`, fresh));
  const defined = ['everyone', 'mine', 'tongue'].flatMap((name) =>
    Array.from({ length: DEFINED }, (_, i) => plain(`/${name}/${i}`, silent)),
  );
  return [...fragments, ...values, ...calm, ...defined];
}

function drawPages(random: Random, manners: readonly Manner[]): Resource[] {
  const [fresh] = manners as [Manner];
  const everybodys = manners.filter(({ personal }) => !personal);
  const pages = Array.from({ length: PAGES }, (_, i): Resource => {
    const folder = i % 2 === 0 ? 'p' : 'soft';
    return { path: `/${folder}/${i}`, manner: random.pick(everybodys), type: 'html', markup: drawMarkup(random) };
  });
  // Templates that tell who asks themselves, around what is for everybody.
  const personal = manners.map((manner, i): Resource => {
    const markup = i % 3 === 0 ? drawMarkup(random) : [include('/f/calm0'), '<esi:comment text="nothing"/>'];
    return { path: `/p/own${i}`, manner, type: 'html', markup };
  });
  // What can be kept as a whole, as far as it is the same for all: greetings are of one visitor, and stand in the midst of it.
  const popular = Array.from({ length: CALM }, (_, i): Resource => {
    const varied = [GREETING, byGroup('/f/calm1', '/f/calm2'), include(`/mine/${i % DEFINED}`), '<hr>'];
    const markup = [include(`/f/calm${i}`), varied[i % varied.length]!, include(`/f/calm${random.below(CALM)}`)];
    return { path: `${POPULAR}${i}`, manner: fresh, type: 'html', markup };
  });
  const data = Array.from({ length: JSON_PAGES }, (_, i): Resource => {
    const members = Array.from({ length: 1 + random.below(4) }, () => directive(random.below(JSON_FRAGMENTS)));
    const markup = members.map((member, n) => `"m${n}":${member}`);
    return { path: `/data/${i}`, manner: random.pick(i % 2 === 0 ? everybodys : manners), type: 'json', markup };
  });
  return [...pages, ...personal, ...popular, ...data];
}

const GREETING = "<esi:vars>Hello $(HTTP_COOKIE{user}|'stranger')!</esi:vars>";

function drawMarkup(random: Random): string[] {
  const some = () => {
    const path = random.pick(['/f/', '/f/', '/f/', '/everyone/', '/mine/', '/tongue/']);
    return include(`${path}${random.below(path === '/f/' ? FRAGMENTS : DEFINED)}`, random.chance(0.9));
  };
  const constructs: readonly (() => string)[] = [
    some,
    some,
    some,
    some,
    () => GREETING,
    () => include(`/f/${random.below(FRAGMENTS)}?u=$(HTTP_COOKIE{user})`),
    () => byGroup(`/f/${random.below(FRAGMENTS)}`, `/f/${random.below(FRAGMENTS)}`),
    () =>
      `<esi:try><esi:attempt>${include(`/f/${random.below(FRAGMENTS)}`, false)}</esi:attempt><esi:except>${some()}</esi:except></esi:try>`,
    () => `<esi:eval src="/f/${random.below(FRAGMENTS)}" onerror="continue"/>`,
    () => `<esi:include src="/missing" alt="/f/${random.below(FRAGMENTS)}" onerror="continue"/>`,
    () => 'static text',
  ];
  return Array.from({ length: 1 + random.below(6) }, () => random.pick(constructs)());
}

function byGroup(first: string, second: string): string {
  const test = "$(HTTP_COOKIE{group}) == 'a'";
  return `<esi:choose><esi:when test="${test}">${include(first)}</esi:when><esi:otherwise>${include(second)}</esi:otherwise></esi:choose>`;
}

function include(src: string, forgiving = true): string {
  return `<esi:include src="${src}"${forgiving ? ' onerror="continue"' : ''}/>`;
}

function directive(i: number): string {
  return JSON.stringify({ 'esi:include': { src: `/j/${i}`, default: null } });
}
