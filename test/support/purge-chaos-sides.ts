import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'undici';
import type { Bench } from './jetstream.ts';
import type { Link } from './link.ts';
import type { NatsServer } from './nats-server.ts';
import { type RunningProxy, startProxy } from './proxy.ts';

/** What a proxy says of its purges. */
interface Purges {
  readonly state: string;
  readonly connected: boolean;
  readonly synced: boolean;
  readonly seq: number;
}

/** Ms between two looks at a proxy's health. */
const LOOK = 20;

/** A proxy as a process, its own stretch of network to the server of purges, and what it says of itself all the time. */
export class ProxySide {
  readonly link: Link;
  readonly proxy: RunningProxy;
  readonly #admin: Client;
  /** Why it said nothing of itself: it always should. */
  readonly faults: string[] = [];
  /** When it said last that it may miss purges. */
  suspectAt = 0;
  #purges: Purges | undefined;
  #stopped = false;
  readonly #looking: Promise<void>;

  private constructor(link: Link, proxy: RunningProxy) {
    this.link = link;
    this.proxy = proxy;
    this.#admin = new Client(proxy.adminUrl);
    this.#looking = this.#look();
  }

  /** Starts a proxy with a configuration of its own, and waits for nothing more than that it listens. */
  static async start(bench: Bench, server: NatsServer, origin: string, maxUnsynced: number): Promise<ProxySide> {
    const link = await bench.link(server);
    const folder = await mkdtemp(join(tmpdir(), 'inlay-chaos-'));
    bench.defer(() => rm(folder, { recursive: true }));
    const path = join(folder, 'inlay.config.mjs');
    const purge = { space: 'web', nats: link.url, maxUnsynced };
    const facades = { all: { routes: { '/*': 'things' } } };
    await writeFile(path, `export default ${JSON.stringify({ services: { things: origin }, facades, purge })};\n`);
    const proxy = await startProxy(['--config', path, '--log', 'errors']);
    bench.defer(() => proxy.stop('SIGINT'));
    const side = new ProxySide(link, proxy);
    bench.defer(() => side.stop());
    return side;
  }

  /** The number of the last purge that it said it had applied. */
  get seq(): number {
    return this.#purges?.seq ?? 0;
  }

  get isLive(): boolean {
    return this.#purges?.state === 'live' && this.#purges.connected && this.#purges.synced;
  }

  get isSynced(): boolean {
    return this.#purges?.synced === true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
    await this.#admin.destroy();
  }

  async #look(): Promise<void> {
    for (; !this.#stopped; await wait(LOOK)) {
      const asked = performance.now();
      try {
        const { body } = await this.#admin.request({ path: '/_inlay/health', method: 'GET' });
        this.#purges = ((await body.json()) as { purges: Purges }).purges;
        if (!this.#purges.synced) this.suspectAt = asked;
      } catch (thrown) {
        this.faults.push(String(thrown));
      }
    }
  }
}
