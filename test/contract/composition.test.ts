import { startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { compositionConfig, compositionContract } from './composition.ts';

compositionContract('Node', async () => {
  const origin = await startOrigin();
  const gateway = await startGateway(compositionConfig(origin.url));
  return {
    fetch: (path, init) => fetch(gateway.url + path, { redirect: 'manual', ...init }),
    script: (path, answer) => origin.script(path, answer),
    received: (path) => origin.received(path),
    purge: (targets) => gateway.purge(targets),
    stop: async () => {
      await gateway.stop();
      await origin.stop();
    },
  };
});
