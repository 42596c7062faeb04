import type { Arrival } from '../cache/arrival.ts';
import type { Ask } from '../cache/ask.ts';
import { requestDirectives } from '../cache/freshness.ts';
import { Interest } from '../cache/interest.ts';
import { invalidate } from '../cache/lookup.ts';
import { forward, type Opened, open, openHead } from '../cache/open.ts';
import { createPlaces } from '../cache/places.ts';
import type { Composition } from '../compose/compose.ts';
import { type PlanPart, planPart } from '../compose/plan.ts';
import { InlayError } from '../errors.ts';
import { urlKey } from '../fragment/key.ts';
import type { UrlSpace } from '../fragment/source.ts';
import { tagsOf } from '../fragment/tags.ts';
import { type Fields, fieldValue } from '../http/fields.ts';
import { refusesHydration } from '../http/hydrate.ts';
import { hasDotSegments } from '../http/path.ts';
import { isSingleRange } from '../http/range.ts';
import type { Runtime } from '../runtime.ts';
import { MAX_STEPS } from '../template/environment.ts';
import { type Composed, composePage, discard, relay } from './assemble.ts';
import type { PageRequest } from './exchange.ts';
import type { Gatherings } from './gather.ts';
import { type Identity, identify } from './identity.ts';
import { relayInterim } from './interim.ts';
import { type Memos, variablesOf } from './memo.ts';
import type { Facade, Gateway, Route } from './resolve-config.ts';
import { findFacade, findRoute } from './route.ts';
import type { Trace } from './trace.ts';

/** What every request of a gateway is answered with. */
export interface Setup {
  readonly gateway: Gateway;
  readonly runtime: Runtime;
  readonly memos: Memos;
  /** Absent where one request must not wait for another. */
  readonly gatherings?: Gatherings;
  /** Id of this process in `CDN-Loop`. */
  readonly instance: string;
}

/** One request on its way through the gateway. */
export interface Visit {
  readonly setup: Setup;
  readonly request: PageRequest;
  readonly trace: Trace;
  readonly route: Route;
  readonly identity: Identity;
  readonly part: PlanPart;
  readonly composition: Composition;
}

/**
 * Answers one request that was received: get the page from the cache or its service, compose it, print its head.
 * Throws an {@link InlayError} for what has no answer.
 */
export async function answerPage(visit: Visit): Promise<Composed> {
  const page = chooseStandIn(await openPage(visit), visit);
  if (page.kind === 'failed') throw page.error;
  const { syntax, warnings } = page.kind === 'entry' ? page.entry.template : page.arrival.compiler;
  visit.part.warnings = warnings;
  return syntax === 'none' ? relay(page, visit) : composePage(page, syntax, visit);
}

/**
 * Finds the route of a request and strips it of what a client must not say.
 * Throws an {@link InlayError}: `host-invalid`, `route-missing`, `loop-detected`.
 */
export function receive(request: PageRequest, trace: Trace, setup: Setup): Visit {
  const { gateway, runtime, instance } = setup;
  if (request.problem !== undefined) throw request.problem;
  if (UNSUPPORTED.has(request.method))
    throw new InlayError('method-unsupported', `${request.method} is not forwarded`, { path: request.target });
  if (hasDotSegments(pathOf(request.target)))
    throw new InlayError('target-invalid', 'the path has dot segments', { path: request.target });
  const facade = findFacade(gateway.facades, request.host);
  if (facade === undefined)
    throw new InlayError('host-invalid', `no facade answers for host ${request.host}`, { path: 'host' });
  const route = findRoute(facade, pathOf(request.target));
  if (route === undefined)
    throw new InlayError('route-missing', `no route for ${request.target}`, { path: request.target });
  const identity = identify(request, route.esi, instance, gateway.trustedPeers);
  const startedAt = runtime.now();
  const part = planPart(request.target, 0, 0);
  const interest = Interest.of(request.signal);
  const composition: Composition = {
    runtime,
    space: urlSpace(gateway, facade),
    terms: {
      visitor: identity.visitor,
      pageService: route.service,
      site: identity.site,
      isType: (name) => gateway.fragments.some((fragment) => fragment.name === name),
      maxSize: gateway.limits.fragmentSize,
      timeout: gateway.limits.fragmentTimeout,
      interest,
      place: createPlaces(gateway.limits.concurrency),
      trace: trace.next,
    },
    plan: { page: part, includes: 0, ids: 0, overflow: {} },
    limits: gateway.limits,
    onerror: route.onerror,
    startedAt,
    deadline: startedAt + gateway.limits.pageTimeout,
    used: new Map(),
    privileged: gateway.esi.privileged,
    variables: variablesOf(request, identity.visitor.fields, gateway),
    steps: { left: MAX_STEPS, exhausted: false },
    effects: [],
    reads: new Map(),
    fleeting: false,
    evaluated: false,
    hydrated: false,
    refusesHydration: refusesHydration(fieldValue(request.fields, 'inlay-hydrate')),
  };
  return { setup, request, trace, route, identity, part, composition };
}

/** A TRACE would show its sender what the gateway and services tell each other; there is nothing to CONNECT to. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['TRACE', 'CONNECT']);

const spaces = new WeakMap<Facade, UrlSpace>();

function urlSpace(gateway: Gateway, facade: Facade): UrlSpace {
  let space = spaces.get(facade);
  if (space === undefined) {
    space = { services: gateway.services, fragments: gateway.fragments, route: (path) => findRoute(facade, path) };
    spaces.set(facade, space);
  }
  return space;
}

/** Asks the cache for the page; requests that no cache may answer go to the service at once. */
async function openPage(visit: Visit): Promise<Opened> {
  const { request, setup, identity, part } = visit;
  const { runtime } = setup;
  const ask = pageAsk(visit);
  part.key = ask.key;
  part.service = visit.route.service.name;
  const directives = requestDirectives(identity.pageFields);
  if (request.method === 'GET') return open(rangedAsk(ask, request.fields), runtime, directives);
  if (request.method === 'HEAD') return openHead(ask, runtime, directives);
  return forward(SAFE.has(request.method) ? ask : changingAsk(ask, visit), runtime);
}

/**
 * A single range is asked for as such where nothing whole is stored. On what condition it applies only who has the whole
 * can tell, and that answer is for nobody else.
 */
function rangedAsk(ask: Ask, fields: Fields): Ask {
  const range = fieldValue(fields, 'range');
  if (ask.esi === 'always' || !isSingleRange(range)) return ask;
  return fieldValue(fields, 'if-range') === undefined ? { ...ask, fields: [...ask.fields, 'range', range] } : ask;
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['OPTIONS']);

/** An unsafe request: when it succeeds, what is stored of what it changed is forgotten, before its own answer may be stored. */
function changingAsk(ask: Ask, visit: Visit): Ask {
  const { purges } = visit.setup.runtime;
  return {
    ...ask,
    isOwn: (reference) => keyAt(reference, visit) === ask.key,
    arrived: async (arrival) => {
      const known = purges.position === arrival.stamp;
      const own = await invalidateChanged(arrival, ask.key, visit);
      if (known && purges.position === arrival.stamp + own) arrival.stamp = purges.position; // nobody else purged anything
    },
  };
}

/**
 * Forgets what a successful unsafe request changed: its own URL, and those that its answer names at this site. Returns
 * how many purges that took.
 *
 * @see RFC 9111 section 4.4
 */
async function invalidateChanged({ status, fields }: Arrival, key: string, visit: Visit): Promise<number> {
  if (status < 200 || status >= 400) return 0;
  const { runtime } = visit.setup;
  const keys = new Set([key]);
  for (const name of ['location', 'content-location']) {
    const named = keyAt(fieldValue(fields, name), visit);
    if (named !== undefined) keys.add(named);
  }
  let purges = 0;
  for (const changed of keys) {
    // Also as `dca` asks for it.
    for (const form of [changed, ...['always', 'off'].map((esi) => JSON.stringify([changed, { esi }]))])
      if (await invalidate(form, runtime, form === key ? 1 : 0)) purges++;
  }
  return purges;
}

/** The key of a URL reference in an answer; `undefined` if it leads elsewhere. */
function keyAt(reference: string | undefined, { request, composition }: Visit): string | undefined {
  const { site } = composition.terms;
  if (reference === undefined || !URL.canParse(reference, site + request.target)) return undefined;
  const url = new URL(reference, site + request.target);
  const route = composition.space.route(url.pathname);
  if (url.origin !== new URL(site).origin || route === undefined) return undefined;
  const path = route.service.basePath + url.pathname + url.search;
  return urlKey(route.service.origin, path, site, route.esi, route.hydrate);
}

function pageAsk({ request, route, setup, identity, composition, trace }: Visit): Ask {
  const { limits } = setup.gateway;
  const { service, esi, hydrate } = route;
  const path = service.basePath + request.target;
  return {
    key: urlKey(service.origin, path, composition.terms.site, esi, hydrate),
    method: request.method === 'HEAD' ? 'GET' : request.method,
    origin: service.origin,
    path,
    fields: request.body === undefined ? identity.pageFields : [...identity.pageFields, ...bodyLength(request)],
    trace: trace.next,
    policy: {
      ttl: service.ttl,
      staleWhileRevalidate: service.staleWhileRevalidate,
      staleIfError: service.staleIfError,
      setCookie: service.setCookie,
    },
    esi,
    hydrate,
    isType: composition.terms.isType,
    tags: (fields) => tagsOf(undefined, fields, () => undefined),
    maxSize: limits.pageSize,
    headTimeout: limits.headTimeout,
    interest: composition.terms.interest,
    place: FREE,
    interim: relayInterim(request),
    ...(request.body === undefined ? {} : { body: limitBody(request.body, limits.requestSize) }),
  };
}

/** A page has its place: the limit is for what it includes. */
const FREE = async () => () => {};

/** Why a page is not kept, where that is known before its body is. */
function unstoredReason(opened: Opened): string | undefined {
  if (opened.kind === 'stream') return opened.arrival.storability.store ? undefined : opened.arrival.storability.reason;
  return opened.kind === 'entry' && !opened.stored ? opened.entry.lifetimeFrom : undefined;
}

/** A stale copy stands in for a failed page, or for a 5xx, where its windows allow it. */
function chooseStandIn(opened: Opened, { part, setup }: Visit): Opened {
  part.outcome = opened.how;
  part.reason = opened.reason;
  part.unstored = unstoredReason(opened);
  if (opened.kind === 'failed') {
    part.outcome = 'failed';
    part.error = opened.error;
  }
  if (opened.stale === undefined) return opened;
  if (opened.kind !== 'failed')
    part.failedStatus = opened.kind === 'stream' ? opened.arrival.status : opened.entry.status;
  if (opened.kind === 'stream') setup.runtime.background(discard(opened.segments));
  part.delivered = 'stale';
  return { kind: 'entry', entry: opened.stale, how: 'stale', reason: part.reason, stored: true, stale: undefined };
}

/** A body whose length the client told is forwarded with it; the transport holds it to that. */
function bodyLength({ fields }: PageRequest): string[] {
  const length = fieldValue(fields, 'content-length');
  return length !== undefined && /^\d+$/.test(length) ? ['content-length', length] : [];
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Counts a request body while it streams; what is too large breaks off. */
async function* limitBody(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > most) throw new InlayError('body-too-large', `the request body is larger than ${most} bytes`);
    yield chunk;
  }
}
