import { asInlayError } from '../errors.ts';
import { answerRequest } from '../gateway/app.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { receiveRequest, toResponse } from '../gateway/web.ts';
import type { InlayEvent } from '../runtime.ts';
import { logEvent } from './log.ts';
import { type Bindings, createIsolate, type Isolate } from './runtime.ts';

/** A Worker: the part of workerd's module interface that Inlay has. */
export interface Worker {
  fetch(request: Request, bindings: Bindings, context: Pick<ExecutionContext, 'waitUntil'>): Promise<Response>;
}

/** Where the admin answers are, if the binding `INLAY_ADMIN_TOKEN` says that there are any. */
const ADMIN = '/_inlay/';

/**
 * Makes the Worker of a gateway. Its configuration is completed from the bindings of the first request:
 * before it, workerd allows neither random numbers nor a clock, and shows no bindings.
 */
export function serve(config: GatewayConfig, observe: (event: InlayEvent) => void = logEvent): Worker {
  let isolate: Isolate | undefined;
  return {
    fetch: async (request, bindings, context) => {
      try {
        isolate ??= createIsolate(config, bindings, observe);
        const { admin } = isolate;
        if (admin !== undefined && new URL(request.url).pathname.startsWith(ADMIN)) return await admin.fetch(request);
        const answer = await answerRequest(receiveRequest(request), isolate.setupFor(context));
        return withCodedBytes(toResponse(answer, request.method));
      } catch (thrown) {
        // answerRequest never rejects: this is a configuration that is wrong, or a status that workerd cannot send.
        const error = asInlayError(thrown);
        observe({ type: 'internal', error });
        const headers = { 'cache-control': 'no-store', 'inlay-error': error.code };
        return new Response(`${error.status} ${error.code}\n`, { status: error.status, headers });
      }
    },
  };
}

/** A body that is gzip already is passed on as it is; workerd would take its `Content-Encoding` for an order to compress it. */
function withCodedBytes(response: Response): Response {
  if (response.body === null || !response.headers.has('content-encoding')) return response;
  return new Response(response.body, { status: response.status, headers: response.headers, encodeBody: 'manual' });
}
