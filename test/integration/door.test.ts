import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createSetup } from '../../src/gateway/app.ts';
import type { Memo } from '../../src/gateway/memo.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { createDoor } from '../../src/node/deliver.ts';
import { createNodeRuntime } from '../../src/node/runtime.ts';
import type { InlayEvent } from '../../src/runtime.ts';
import { ask } from '../support/gateway.ts';

// What happens at Node's door happens outside of the app, where nobody else would catch it.

async function door(find: () => Memo) {
  const events: InlayEvent[] = [];
  const gateway = resolveConfig({ services: { web: 'http://127.0.0.1:9' } });
  const node = await createNodeRuntime(gateway, (event) => void events.push(event));
  const setup = { ...createSetup(gateway, node.runtime), memos: { find, keep: () => undefined } };
  const server = createServer(
    createDoor(
      setup,
      (_, response) => void response.end('from the app'),
      () => false,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    await new Promise((resolve) => server.close(resolve));
    await node.close();
  };
  return { port, events, stop };
}

test('a look-up that fails is reported, and the request answered by the app', async () => {
  const { port, events, stop } = await door(() => {
    throw new Error('no');
  });
  expect((await ask(port, '/')).text).toBe('from the app');
  expect(events).toMatchObject([{ type: 'internal', error: { message: 'no' } }]);
  await stop();
});

test('an answer that cannot be written is reported, and its connection closed', async () => {
  const head = { fields: ['bad name', 'x'], etag: undefined, lastModified: undefined, date: undefined, age: 0 };
  const memo = {
    head: { ...head, compressible: false },
    body: new Uint8Array(1),
    printed: [undefined, undefined],
    bornAt: 0,
    templateUntil: Number.MAX_SAFE_INTEGER,
    outcomes: {},
  } as unknown as Memo;
  const { port, events, stop } = await door(() => memo);
  await expect(ask(port, '/')).rejects.toThrow();
  expect(events.some(({ type }) => type === 'internal')).toBe(true);
  await stop();
});
