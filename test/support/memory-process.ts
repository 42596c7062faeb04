/**
 * A gateway that fills its cache with what an argument names, several times over, and prints what that took as JSON.
 * What it stores is brought by the real code, from a service that answers in this process: nothing else is measured.
 */
import { Agent, request } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Ask } from '../../src/cache/ask.ts';
import { resolve } from '../../src/cache/cache.ts';
import { Interest } from '../../src/cache/interest.ts';
import { tagsOf } from '../../src/fragment/tags.ts';
import { defineGateway } from '../../src/gateway/config.ts';
import { resolveConfig } from '../../src/gateway/resolve-config.ts';
import { serve } from '../../src/node/serve.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../src/runtime.ts';
import { FILLINGS, SHARED } from './fillings.ts';

/** What was measured, in bytes. */
export interface Measured {
  /** What the store says that it holds. */
  readonly counted: number;
  /** What is alive in this process that was not before: objects, and buffers outside the heap. */
  readonly live: number;
  /** What this process has of the machine's memory that it had not before, garbage collected. */
  readonly resident: number;
}

const ORIGIN = 'http://127.0.0.1:9';
const AT_ONCE = 32;
/** How often the bound is written through. */
const TIMES = 3;

const [name = '', bound = ''] = process.argv.slice(2);
const filling = FILLINGS[name]!;
const maxSize = Number(bound);
const gateway = resolveConfig(defineGateway({ services: { web: ORIGIN }, cache: { maxSize }, admin: { port: 0 } }));
const { node, url } = await serve(gateway, { host: '127.0.0.1', port: 0 });
const { runtime } = node;
runtime.fetch = answered;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
let storing = false;
let written = 0;
let next = 1_000_000;

// What the program itself takes when it has run for a while, storing nothing.
await fill(filling.visited ? 200 : 3_000);
const begun = await weigh();
storing = true;
while (written < TIMES * maxSize) await fill(AT_ONCE * 4);
const ended = await weigh();
const measured: Measured = {
  // What little was kept at the beginning has been pushed out since.
  counted: ended.counted,
  live: ended.live - begun.live + begun.counted,
  resident: ended.resident - begun.resident + begun.counted,
};
console.log(JSON.stringify(measured));
process.exit(); // it serves nobody

async function weigh(): Promise<Measured> {
  await node.idle(1_000); // what is being compressed
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await setTimeout(20); // buffers are given back by another thread
  }
  const { heapUsed, external } = process.memoryUsage();
  return { counted: runtime.store.size, live: heapUsed + external, resident: process.memoryUsage.rss() };
}

async function fill(count: number): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = await (filling.visited ? visit(next++) : bring(next++));
      written += bytes;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Asks as a page asks for a fragment. Returns the bytes that were stored. */
async function bring(index: number): Promise<number> {
  const path = filling.path?.(index) ?? `/fragment/${index}?of=${index}`;
  const ask: Ask = {
    key: JSON.stringify(['GET', ORIGIN, path, url]),
    method: 'GET',
    origin: ORIGIN,
    path,
    fields: ['accept', '*/*', ...(filling.asked?.(index) ?? []), 'x-index', String(index)],
    trace: () => [],
    policy: {},
    esi: 'auto',
    tags: (fields, json) => tagsOf(undefined, fields, json),
    maxSize: 10_000_000,
    headTimeout: 1_000,
    interest: new Interest(),
    place: async () => () => {},
  };
  const answer = await resolve(ask, runtime);
  if (answer.kind !== 'entry') throw answer.error;
  return answer.stored ? answer.entry.size : 0;
}

/** Asks for a page until it is kept assembled, and then compressed in two ways. Returns about what was stored. */
async function visit(index: number): Promise<number> {
  let bytes = 0;
  for (const coding of ['identity', 'identity', 'gzip', 'br'])
    bytes = await new Promise<number>((done, failed) => {
      const ended = (length: string | undefined) => done(Number(length ?? 0));
      request(`${url}/page/${index}`, { agent, headers: { 'accept-encoding': coding } }, (response) =>
        response.resume().on('end', () => ended(response.headers['content-length'])),
      )
        .on('error', failed)
        .end();
    });
  return storing ? 2 * bytes : 0; // the template and the page
}

/** As undici brings it: the body a piece of a larger buffer, strings of their own. */
async function answered({ path, fields }: UpstreamRequest): Promise<UpstreamResponse> {
  await setImmediate();
  const index = Number(filling.visited ? /\d+/.exec(path)?.[0] : fields[fields.indexOf('x-index') + 1]);
  const { fields: own, body } = path === '/shared' ? SHARED : filling.answer(index);
  const received = new Uint8Array(body.length + 300);
  received.set(body, 300);
  const head = [
    ...['date', new Date().toUTCString(), 'content-type', 'text/html; charset=utf-8', 'etag', `"${index}-abcdef"`],
    ...['cache-control', storing ? 'max-age=3600' : 'no-store', 'content-length', String(body.length), ...own],
  ];
  return {
    status: 200,
    fields: head.map((text, i) => (i % 2 === 0 ? text : Buffer.from(text).toString('latin1'))),
    body: (async function* () {
      yield received.subarray(300);
    })(),
  };
}
