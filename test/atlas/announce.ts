/**
 * How the catalogue tells the world that something changed: a country, a currency, a language. It says what happened in
 * its own words, on a subject of its own; that this drops cached fragments somewhere is the business of whoever listens
 * (`purge` in fragments/*.ts).
 * Without NATS it has to name the tags itself, over HTTP.
 */
import { randomUUID } from 'node:crypto';
import { connect, type NatsConnection } from 'nats';

/** How a change was announced, or why it could not be. */
export type Announcement =
  | { readonly announced: true; readonly via: 'nats' | 'http'; readonly to: string }
  | { readonly announced: false; readonly reason: string };

/** Announces changes by what changed (`country`) and its code. `announce` never rejects: failure is an answer. */
export interface Announcer {
  announce(type: string, code: string): Promise<Announcement>;
  /** Sends what is under way and lets the connection go. */
  close(): Promise<void>;
}

const patience = 2_000; // ms; a PUT should answer soon, whatever became of the announcement

/** Chooses by environment: NATS where `NATS_URL` is set, else the purge endpoint `INLAY_PURGE_URL`. */
export function createAnnouncer(env: NodeJS.ProcessEnv): Announcer {
  if (env.NATS_URL) return natsAnnouncer(env.NATS_URL);
  return httpAnnouncer(env.INLAY_PURGE_URL || 'http://127.0.0.1:9901/_inlay/purge', env.INLAY_ADMIN_TOKEN);
}

/**
 * Publishes on `atlas.country.FRA.changed`. The client's own reconnecting is off: while disconnected it drops messages
 * without a word, whereas a connection that closes makes `publish` throw, and the next change opens a new one.
 */
function natsAnnouncer(servers: string): Announcer {
  let connection: Promise<NatsConnection> | undefined;

  function open(): Promise<NatsConnection> {
    connection ??= connect({ servers, name: 'atlas-catalogue', reconnect: false, timeout: patience }).then(
      (opened) => {
        void opened.closed().then(forget);
        return opened;
      },
      (error: unknown) => {
        forget();
        throw error;
      },
    );
    return connection;
  }

  function forget(): void {
    connection = undefined;
  }

  return {
    async announce(type, code) {
      const subject = `atlas.${type}.${code}.changed`;
      let current: NatsConnection | undefined;
      try {
        current = await open();
        current.publish(subject, JSON.stringify({ code }));
        await within(patience, current.flush());
        return { announced: true, via: 'nats', to: subject };
      } catch (error) {
        await current?.close(); // half open perhaps: the next change starts afresh
        return { announced: false, reason: `NATS at ${servers}: ${messageOf(error)}` };
      }
    },
    async close() {
      const current = await connection?.catch(() => undefined); // the change that opened it has reported the failure
      if (current !== undefined && !current.isClosed()) await current.drain();
    },
  };
}

function httpAnnouncer(url: string, token: string | undefined): Announcer {
  return {
    async announce(type, code) {
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
          body: JSON.stringify({ v: 1, id: randomUUID(), mode: 'hard', tags: [`${type}:${code}`] }),
          signal: AbortSignal.timeout(patience),
        });
        await answer.body?.cancel();
        if (!answer.ok) return { announced: false, reason: `${url} answered ${answer.status}` };
        return { announced: true, via: 'http', to: url };
      } catch (error) {
        return { announced: false, reason: `${url}: ${messageOf(error)}` };
      }
    },
    async close() {},
  };
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

/** fetch says only "fetch failed" and hides the reason in `cause`. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
