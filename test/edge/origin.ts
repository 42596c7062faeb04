import { inject } from 'vitest';
import type { ScriptedAnswer, ScriptedRequest } from '../contract/composition.ts';

declare module 'vitest' {
  interface ProvidedContext {
    originUrl: string;
    scriptUrl: string;
  }
}

/** The origin that test/support/origin-server.ts started on Node. */
export const originUrl = inject('originUrl');

/** Says what the origin answers on a path from now on. */
export async function script(path: string, answer: ScriptedAnswer): Promise<void> {
  await order({ script: path, answer });
}

/** What the origin received on a path. */
export async function received(path: string): Promise<readonly ScriptedRequest[]> {
  return (await order({ received: path })) as readonly ScriptedRequest[];
}

async function order(what: object): Promise<unknown> {
  const response = await fetch(inject('scriptUrl'), { method: 'POST', body: JSON.stringify(what) });
  return response.json();
}
