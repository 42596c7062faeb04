import { env, exports } from 'cloudflare:workers';
import { compositionContract } from '../contract/composition.ts';
import { COMPOSITION } from './hosts.ts';
import { received, script } from './origin.ts';

compositionContract('workerd', async () => ({
  fetch: (path, init) => exports.default.fetch(COMPOSITION + path, { redirect: 'manual', ...init }),
  script,
  received,
  purge: async (targets) => {
    const response = await exports.default.fetch(`${COMPOSITION}/_inlay/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${env.INLAY_ADMIN_TOKEN}` },
      body: JSON.stringify(targets),
    });
    if (!response.ok) throw new Error(`purge: ${response.status} ${await response.text()}`);
    await response.body?.cancel();
  },
  stop: async () => {},
}));
