import { request } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('an answer of many small pieces takes no more memory the longer it lasts', async () => {
  const origin = await startOrigin();
  const gateway = await startGateway({ services: { web: origin.url }, facades: { all: { routes: { '/*': 'web' } } } });

  let open = true;
  async function* events() {
    while (open) {
      yield 'data: x\n\n';

      await turn();
    }
  }
  origin.script('/events', {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    body: events(),
  });
  let received = 0;
  const client = request({ host: '127.0.0.1', port: gateway.port, path: '/events', agent: false }, (response) => {
    response.on('error', () => undefined);
    response.on('data', () => void received++);
  }).on('error', () => undefined);
  client.end();
  const heapAt = async (count: number) => {
    while (received < count) await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const early = await heapAt(5_000);
  const late = await heapAt(65_000);
  open = false;
  client.destroy();
  await gateway.stop();
  await origin.stop();
  expect((late - early) / 60_000).toBeLessThan(40);
}, 40_000);
