/** The Worker under test: the one that is deployed, and under another host name the gateway that the contract asks for. */
import { env } from 'cloudflare:workers';
import { serve } from '../../src/edge/serve.ts';
import worker from '../../src/edge/worker.ts';
import { compositionConfig } from '../contract/composition.ts';
import { COMPOSITION } from './hosts.ts';

declare global {
  namespace Cloudflare {
    interface Env {
      readonly ATLAS_WEB_URL: string;
      readonly INLAY_ADMIN_TOKEN: string;
    }
    interface GlobalProps {
      mainModule: typeof import('./main.ts');
    }
  }
}

const composition = serve(compositionConfig(env.ATLAS_WEB_URL), () => {});

export default {
  fetch: (request: Request, bindings: Cloudflare.Env, context: ExecutionContext): Promise<Response> =>
    (request.url.startsWith(COMPOSITION) ? composition : worker).fetch(request, { ...bindings }, context),
};
