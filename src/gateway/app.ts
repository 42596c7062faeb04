import { type Context, Hono } from 'hono';
import { asInlayError } from '../errors.ts';
import type { Claims } from '../fragment/key.ts';
import type { Runtime } from '../runtime.ts';
import type { PageAnswer, PageRequest } from './exchange.ts';
import { Gatherings } from './gather.ts';
import { answerHot } from './hot.ts';
import { createMemos } from './memo.ts';
import { answerPage, receive, type Setup, type Visit } from './page.ts';
import { errorAnswer, finisher } from './record.ts';
import type { Gateway } from './resolve-config.ts';
import { createTrace } from './trace.ts';
import { receiveRequest, toResponse } from './web.ts';

/** How a rim takes requests and hands out answers, where it can do better than by `Request` and `Response`. */
export interface Rim {
  receive(c: Context): PageRequest;
  deliver(answer: PageAnswer, c: Context): Response | Promise<Response>;
}

/** The rim of a runtime that has nothing but Web APIs. */
const WEB: Rim = {
  receive: (c) => receiveRequest(c.req.raw),
  deliver: (answer, c) => toResponse(answer, c.req.method),
};

/**
 * Makes the gateway: a Hono app that answers every request of its facades.
 *
 * @param gateway a configuration that `resolveConfig` completed
 * @param runtime the effects that a rim provides
 */
export function createGateway(gateway: Gateway, runtime: Runtime, rim: Rim = WEB): Hono {
  return createApp(createSetup(gateway, runtime), rim);
}

/** What every request of a gateway is answered with. */
export function createSetup(gateway: Gateway, runtime: Runtime): Setup {
  const instance = crypto.randomUUID().slice(0, 8);
  return { gateway, runtime, memos: createMemos(gateway, runtime), gatherings: new Gatherings(), instance };
}

/** The Hono app of a gateway. */
export function createApp(setup: Setup, rim: Rim): Hono {
  const app = new Hono();
  app.all('*', async (c) => {
    const request = rim.receive(c);
    request.claims = claimsOf(c.get('jwtPayload' as never)); // a variable of whoever mounts this app
    return rim.deliver(await answerRequest(request, setup), c);
  });
  app.onError((thrown, c) => {
    // What a request meets inside the gateway is answered by answerRequest: this is a rim that could not read or write.
    const error = asInlayError(thrown);
    setup.runtime.observe({ type: 'internal', error });
    return c.text(`${error.status}\n`, error.status as 500);
  });
  return app;
}

/** Claims of one visitor, and characters of each, beyond which they are no identity but a document. */
const MAX_CLAIMS = 64;
const MAX_CLAIM = 1_000;

/** What a middleware in front has verified, as `hono/jwt` leaves it: definitions may split keys by it (`claim:sub`). */
function claimsOf(payload: unknown): Claims | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const claims = new Map<string, string>();
  for (const [name, value] of Object.entries(payload)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    if (claims.size < MAX_CLAIMS && String(value).length <= MAX_CLAIM) claims.set(name, String(value));
  }
  return claims;
}

/** Answers one request, and has it recorded when its last byte has left. Never rejects. */
export async function answerRequest(request: PageRequest, setup: Setup): Promise<PageAnswer> {
  const hot = answerHot(request, setup);
  if (hot !== undefined) return hot;
  const trace = createTrace(request.fields);
  const startedAt = setup.runtime.now();
  let visit: Visit | undefined;
  try {
    visit = receive(request, trace, setup);
    const composed = await answerPage(visit);
    return { ...composed, done: finisher(composed.status, { request, trace, startedAt, setup, visit }) };
  } catch (thrown) {
    const error = asInlayError(thrown);
    const answer = errorAnswer(error, request, trace);
    return { ...answer, done: finisher(answer.status, { request, trace, startedAt, setup, visit, error }) };
  }
}
