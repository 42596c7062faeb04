import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestProject } from 'vitest/node';
import type { ScriptedAnswer } from '../contract/composition.ts';
import { type Answer, startOrigin } from './origin.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The origin's URL, and that of the server by which it is scripted. */
    originUrl: string;
    scriptUrl: string;
  }
}

/** What is asked of the scripting server: a path's answer from now on, or what was received on it. */
export type Order = { readonly script: string; readonly answer: ScriptedAnswer } | { readonly received: string };

/**
 * Set-up of projects whose tests run outside Node: a real origin on loopback, and beside it a server that scripts it,
 * since such tests reach it by HTTP only.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const origin = await startOrigin();
  const scripting = createServer(async (request, response) => {
    const order = JSON.parse(await text(request)) as Order;
    if ('script' in order) origin.script(order.script, order.answer as Answer);
    response.end(JSON.stringify('received' in order ? origin.received(order.received) : null));
  });
  await new Promise<void>((resolve) => scripting.listen(0, '127.0.0.1', resolve));
  project.provide('originUrl', origin.url);
  project.provide('scriptUrl', `http://127.0.0.1:${(scripting.address() as AddressInfo).port}`);
  return async () => {
    scripting.closeAllConnections();
    await new Promise((resolve) => scripting.close(resolve));
    await origin.stop();
  };
}
