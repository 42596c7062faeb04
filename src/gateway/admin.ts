import { type Context, Hono } from 'hono';
import { asInlayError, InlayError } from '../errors.ts';
import type { InstanceState, PurgeBus } from '../purge/bus.ts';
import { MAX_MESSAGE_BYTES, parsePurge } from '../purge/message.ts';
import { latestOf } from '../purge/number.ts';
import type { Runtime } from '../runtime.ts';
import { isLoopback } from './resolve-config.ts';

/** What the admin listener reports on and acts through. */
export interface AdminSetup {
  readonly runtime: Pick<Runtime, 'now' | 'observe' | 'store' | 'purges'>;
  readonly bus: PurgeBus;
  readonly space: string;
  /** Bearer token; without one only callers on this machine are served. */
  readonly token: string | undefined;
  /** How far a purge goes without NATS, where that is not a whole process. */
  readonly reach?: string;
  readonly isDraining: () => boolean;
  /** Address of the caller, where the rim knows it. */
  readonly peerOf: (c: Context) => string | undefined;
}

/** Purges that one listener accepts in a second; more wait for the next, which 429 says. */
const PURGES_PER_SECOND = 50;

/** Ms that a purge may wait until it has been applied everywhere. */
const MAX_WAIT = 10_000;
/** Instances that are named in an answer because they are behind, or refused the purge. */
const MAX_NAMES = 100;

/** Makes the admin listener: `/_inlay/health`, `/_inlay/ready`, `POST /_inlay/purge`. Never to be mounted on a public port without a token. */
export function createAdmin(setup: AdminSetup): Hono {
  const { runtime, bus, space } = setup;
  const admin = new Hono();
  const allow = createRate(PURGES_PER_SECOND, runtime);
  admin.onError((thrown, c) => {
    const error = asInlayError(thrown);
    if (error.status >= 500) runtime.observe({ type: 'internal', error });
    const { code, message, path } = error;
    return c.json({ error: code === 'internal' ? { code } : { code, message, path } }, error.status as 400);
  });
  admin.get('/_inlay/health', (c) => c.json({ status: 'ok', ...report(setup) }));
  admin.get('/_inlay/ready', (c) => {
    const reasons = reasonsNotReady(setup);
    return c.json({ ready: reasons.length === 0, reasons, ...report(setup) }, reasons.length === 0 ? 200 : 503);
  });
  admin.post('/_inlay/purge', async (c) => {
    authorise(c, setup);
    if (!allow())
      return c.json({ error: { code: 'overloaded', message: `more than ${PURGES_PER_SECOND} purges a second` } }, 429);
    const wait = readWait(c.req.query('wait'));
    const message = parsePurge(withDefaults(await readText(c.req.raw)));
    const { id, seq, instances } = await bus.publish(message, wait);
    return c.json({ id, seq, space, reach: reachOf(setup), ...countsOf(bus, instances) });
  });
  admin.all('/_inlay/purge', (c) =>
    c.json({ error: { code: 'method-unsupported', message: 'use POST' } }, 405, { allow: 'POST' }),
  );
  admin.notFound((c) =>
    c.json(
      { error: { code: 'route-missing', message: 'try /_inlay/health, /_inlay/ready or POST /_inlay/purge' } },
      404,
    ),
  );
  return admin;
}

/** How far a purge goes that is published now. */
function reachOf({ bus, reach }: AdminSetup): string {
  if (bus.kind === 'local') return reach ?? 'this process';
  return bus.durable ? 'every instance of the space' : 'every instance of the space that is connected now';
}

/** How many instances answered, and how many of them have applied the purge; absent where nobody can be asked. */
function countsOf(bus: PurgeBus, instances: readonly InstanceState[] | undefined) {
  if (bus.kind === 'local') return { instances: 1, applied: 1 };
  if (instances === undefined) return {};
  const applied = instances.filter((one) => one.applied).length;
  const behind = namesOf(instances.filter((one) => !one.applied && !one.refused));
  const refused = namesOf(instances.filter((one) => one.refused));
  return {
    ...{ instances: instances.length, applied },
    ...(behind.length === 0 ? {} : { behind }),
    ...(refused.length === 0 ? {} : { refused }),
  };
}

function namesOf(instances: readonly InstanceState[]): string[] {
  return instances.slice(0, MAX_NAMES).map(({ name }) => name);
}

/** Ms to wait until all instances have applied a purge. */
function readWait(text = '0'): number {
  const wait = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (wait <= MAX_WAIT) return wait;
  throw new InlayError('purge-invalid', `wait must be ms, from 0 to ${MAX_WAIT}`, { path: 'wait' });
}

function report({ runtime, bus, space }: AdminSetup) {
  const { kind, state, durable, lag, connected, rejected } = bus;
  const { synced } = runtime.purges;
  return {
    cache: { size: runtime.store.size, maxSize: runtime.store.maxSize },
    purges: {
      space,
      bus: kind,
      state,
      durable,
      seq: latestOf(runtime.purges),
      lag,
      connected,
      synced,
      rejected,
    },
  };
}

function reasonsNotReady({ runtime, bus, isDraining }: AdminSetup): string[] {
  const reasons: string[] = [];
  if (isDraining()) reasons.push('draining');
  if (!runtime.purges.synced || bus.state === 'suspect' || bus.state === 'catching-up')
    reasons.push(`purges may be missed: ${whyUnsynced(bus)}`);
  return reasons;
}

function whyUnsynced({ state, connected, lag }: PurgeBus): string {
  if (state === 'catching-up') return `reading what came meanwhile, ${lag} to go`;
  if (!connected) return 'not connected to NATS';
  return state === 'suspect' ? 'NATS is silent, or refuses a subscription' : 'not listening to NATS';
}

/**
 * A caller must know the token; where there is none, it must be on this machine and say so in Host and content type,
 * since a web page open in a browser here could otherwise purge by a cross-site form or a rebound name.
 */
function authorise(c: Context, { token, peerOf }: AdminSetup): void {
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
    throw new InlayError('purge-invalid', 'the content type must be application/json', { path: 'content-type' });
  }
  if (token !== undefined) {
    const given = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (given === undefined || !sameText(given, token))
      throw new InlayError(
        'unauthorized',
        'the admin token is needed: Authorization: Bearer … (inlay purge: --admin-token or INLAY_ADMIN_TOKEN)',
      );
    return;
  }
  const peer = peerOf(c)?.replace(/^::ffff:/, '');
  const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
  if (peer === undefined || !isLoopback(peer) || !isLoopback(host)) {
    throw new InlayError('forbidden', 'without an admin token, only this machine may purge');
  }
}

/** Compares without telling by its duration how much was right. */
function sameText(a: string, b: string): boolean {
  const [one, two] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  let different = one.length ^ two.length;
  for (let i = 0; i < two.length; i++) different |= (one[i % Math.max(1, one.length)] ?? 0) ^ two[i]!;
  return different === 0;
}

/** Reads a body no further than the largest message goes, whether or not its length was announced. */
async function readText(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_MESSAGE_BYTES)
      throw new InlayError('body-too-large', `a purge has at most ${MAX_MESSAGE_BYTES} bytes`);
    chunks.push(chunk);
  }
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
}

/** Callers on HTTP may leave out what publishers on NATS must say: the version and a fresh id. */
function withDefaults(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return text;
    return JSON.stringify({ v: 1, id: crypto.randomUUID(), ...body });
  } catch {
    return text; // parsePurge says what is wrong with it
  }
}

function createRate(perSecond: number, runtime: Pick<Runtime, 'now'>): () => boolean {
  let second = 0;
  let count = 0;
  return () => {
    const now = Math.floor(runtime.now() / 1_000);
    if (now !== second) [second, count] = [now, 0];
    return ++count <= perSecond;
  };
}
