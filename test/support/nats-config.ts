import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, startNatsServer } from './nats-server.ts';

/** A server with a configuration and a folder of its own. */
export interface ConfiguredServer extends NatsServer {
  readonly folder: string;
  /** Ends it and deletes its folder. */
  dispose(): Promise<void>;
}

/** Keeps streams in the server's folder. */
export const JETSTREAM = 'jetstream { store_dir: "$FOLDER/streams" }';

/** Starts a real server with a configuration, in which `$FOLDER` stands for its own folder; `files` are put there first. */
export async function startConfigured(
  config: string,
  files: Readonly<Record<string, string | Buffer>> = {},
): Promise<ConfiguredServer> {
  const folder = await mkdtemp(join(tmpdir(), 'inlay-nats-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const path = join(folder, 'nats.conf');
  await writeFile(path, config.replaceAll('$FOLDER', folder));
  const remove = () => rm(folder, { recursive: true, force: true });
  const server = await startNatsServer({ config: path }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    ...server,
    get pid() {
      return server.pid;
    },
    folder,
    dispose: () => server.kill().finally(remove),
  };
}
