import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { World } from './purge-chaos.ts';
import { createRandom } from './random.ts';

/** A service that has the things of a world at `/thing-1`, and all else in a version that never changes. */
export interface WorldOrigin {
  readonly url: string;
  /** How often it was asked for a path. */
  asked(path: string): number;
  close(): Promise<void>;
}

/** Bytes of a body: more than fits into one packet with the head. */
const SIZE = 2_000;

/** Share of the answers that are very slow, and of the others that are slow; and the most ms that they take. */
const VERY_SLOW = 0.05;
const VERY_SLOW_MOST = 100;
const SLOW = 0.2;
const SLOW_MOST = 10;

/** What the origin answers for a thing in a version. */
export function bodyOf(tag: string, version: number): string {
  return `${tag} ${version} `.padEnd(SIZE, `${tag}/${version} `);
}

/** The version that an answer shows; `undefined` if it is not, byte for byte, what the origin had at any time. */
export function versionIn(tag: string, body: string, world: World): number | undefined {
  const version = Number(body.split(' ', 2)[1]);
  const is =
    Number.isInteger(version) && version >= 0 && version <= world.version(tag) && body === bodyOf(tag, version);
  return is ? version : undefined;
}

/** Serves a world; answers are long-lived, bear their tag, and some take a few ms, in which they become outdated. */
export async function serveWorld(world: World): Promise<WorldOrigin> {
  const random = createRandom(5);
  const asked = new Map<string, number>();
  const server = createServer(async ({ url = '' }, response) => {
    asked.set(url, (asked.get(url) ?? 0) + 1);
    const tag = url.slice(1);
    const body = bodyOf(tag, world.version(tag));
    const most = random.chance(VERY_SLOW) ? VERY_SLOW_MOST : random.chance(SLOW) ? SLOW_MOST : 0;
    if (most > 0) {
      if (world.version(tag) > 0) world.fetched = tag; // there are others, which nobody purges
      await wait(1 + random.below(most));
      if (world.fetched === tag) world.fetched = undefined;
    }
    response.writeHead(200, {
      'content-type': 'text/plain',
      'content-length': body.length,
      'cache-control': 'max-age=86400',
      'surrogate-key': tag,
    });
    response.end(body);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked: (path) => asked.get(path) ?? 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
