import { asInlayError, InlayError } from '../errors.ts';
import { MAX_MESSAGE_BYTES } from '../purge/message.ts';
import type { NatsAuth } from './nats-auth.ts';
import {
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  type NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from './nats-client.ts';
import { dial, readServer } from './nats-servers.ts';
import { STREAM } from './nats-stream.ts';
import { coversSubject } from './nats-subjects.ts';

/** What the stream should be; what is not said stays as it is, or has its default where there is no stream yet. */
export interface StreamPlan {
  /** Ms that a purge is kept: gateways that were away for longer start empty. Default 7 d. */
  readonly maxAge?: number | undefined;
  /** Servers of the cluster that keep it. Default 1. */
  readonly replicas?: number | undefined;
  /** Subjects of services to keep too. None that is kept already is dropped. */
  readonly subjects: readonly string[];
}

/** What there is now. */
export interface StreamMade {
  readonly info: StreamInfo;
  readonly done: 'created' | 'updated' | 'unchanged';
}

/** Ms for anything that a server must answer. */
const ANSWER_WAIT = 5_000;
const DEFAULT_AGE = 7 * 24 * 60 * 60_000;
/** Ms in which the server takes a purge with the same id for the same purge. */
const DUPLICATES = 120_000;
/** Bytes of a message's header: its id, of at most 128 characters, the name of the stream, and a signature. */
const MAX_HEADER_BYTES = 1_024;

/** Opens a connection for one task. Throws `config-invalid`, or `upstream-unreachable` with what keeps it from standing. */
export async function openNats(servers: readonly string[], auth: NatsAuth): Promise<NatsConnection> {
  const known = servers.map(readServer);
  try {
    return await dial(known, { name: 'inlay nats', auth }, ANSWER_WAIT);
  } catch (thrown) {
    const { code, message } = asInlayError(thrown);
    const named = servers.join(', ');
    const told =
      code === 'upstream-unreachable'
        ? `no NATS server answers at ${named}: check --nats or NATS_URL`
        : `no connection to NATS at ${named}: ${message}`;
    throw new InlayError('upstream-unreachable', told, { cause: thrown });
  }
}

/** Makes the stream that purges are kept in, or makes it what is wanted. Throws `not-ready` with a remedy. */
export async function makeStream(connection: NatsConnection, plan: StreamPlan): Promise<StreamMade> {
  // A single server takes any number on an update, and keeps one.
  if ((plan.replicas ?? 1) > 1 && connection.info?.cluster === undefined) {
    throw new InlayError('not-ready', `${connection.getServer()} is a single server: it keeps one replica`);
  }
  try {
    const manager = await connection.jetstreamManager({ timeout: ANSWER_WAIT, checkAPI: false });
    const before = await infoOf(manager);
    if (before === undefined) return { info: await manager.streams.add(newStream(plan)), done: 'created' };
    const wanted = changed(before.config, plan);
    if (isSame(before.config, wanted)) return { info: before, done: 'unchanged' };
    return { info: await manager.streams.update(STREAM, wanted), done: 'updated' };
  } catch (thrown) {
    throw await explained(connection, thrown as NatsError, plan);
  }
}

async function infoOf(manager: JetStreamManager): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(STREAM);
  } catch (thrown) {
    if ((thrown as NatsError).api_error?.err_code === ERROR.streamNotFound) return undefined;
    throw thrown;
  }
}

/**
 * A purge must never leave the stream but by its age: gateways that were away would take what is left for everything. So
 * nothing limits the messages of one subject, and no publisher rolls them up.
 */
const NEEDED = {
  discard: DiscardPolicy.Old,
  max_msgs_per_subject: -1,
  allow_rollup_hdrs: false,
  no_ack: false,
} as const satisfies Partial<StreamConfig>;

function newStream(plan: StreamPlan): Partial<StreamConfig> {
  const { maxAge = DEFAULT_AGE, replicas = 1 } = plan;
  const subjects = withSubjects([PURGES], plan.subjects);
  return {
    ...NEEDED,
    name: STREAM,
    description: 'Purges of Inlay',
    subjects,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_age: nanos(maxAge),
    duplicate_window: nanos(Math.min(DUPLICATES, maxAge)),
    max_msg_size: sizeFor(subjects),
    num_replicas: replicas,
  };
}

/** The same stream as it should be. What it keeps things in and why is not to be changed, which the server says. */
function changed(before: StreamConfig, { maxAge, replicas, subjects: more }: StreamPlan): StreamConfig {
  const subjects = withSubjects(withSubjects(before.subjects, [PURGES]), more);
  const age = maxAge === undefined ? before.max_age : nanos(maxAge);
  return {
    ...before,
    ...NEEDED,
    subjects,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_age: age,
    duplicate_window: age === 0 ? nanos(DUPLICATES) : Math.min(nanos(DUPLICATES), age),
    max_msg_size: sizeFor(subjects),
    num_replicas: replicas ?? before.num_replicas,
  };
}

const PURGES = 'inlay.purge.*';

/** A stream may not name a subject twice, not even by wildcards. */
function withSubjects(before: readonly string[], more: readonly string[]): string[] {
  let subjects = [...before];
  for (const one of more) {
    if (subjects.some((kept) => coversSubject(kept, one))) continue;
    subjects = [...subjects.filter((kept) => !coversSubject(one, kept)), one];
  }
  return subjects;
}

/** Bytes of the largest message. What services tell may be as large as their server allows: a bound would lose it unheard. */
function sizeFor(subjects: readonly string[]): number {
  return subjects.length === 1 ? MAX_MESSAGE_BYTES + MAX_HEADER_BYTES : -1;
}

function isSame(before: StreamConfig, wanted: StreamConfig): boolean {
  return (Object.keys(wanted) as (keyof StreamConfig)[]).every(
    (member) => JSON.stringify(before[member] ?? false) === JSON.stringify(wanted[member] ?? false),
  );
}

/** Codes of errors of JetStream's API. */
const ERROR = {
  streamNotFound: 10_059,
  subjectsOverlap: 10_065,
} as const;
/** For this account, or at all. */
const NOT_ENABLED: ReadonlySet<number> = new Set([10_039, 10_076]);

async function explained(connection: NatsConnection, thrown: NatsError, plan: StreamPlan): Promise<InlayError> {
  const server = connection.isClosed() ? 'the server' : connection.getServer();
  const { code, api_error: api, permissionContext: refused } = thrown;
  const say = (message: string) => new InlayError('not-ready', message, { cause: thrown });
  if (refused !== undefined) {
    const verb = refused.operation === 'publish' ? 'publish to' : 'subscribe to';
    return say(`this user may not ${verb} ${refused.subject}: name one that may make streams`);
  }
  if (code === '503' || NOT_ENABLED.has(api?.err_code ?? 0))
    return say(
      `${server} keeps no streams: start it with JetStream (jetstream {} in its configuration, or -js; with accounts, jetstream: enabled in this user's)`,
    );
  if (api?.err_code === ERROR.subjectsOverlap) {
    const other = await overlapping(connection, plan);
    return say(`another stream${other} keeps some of these subjects: a subject belongs to one stream`);
  }
  if (code === 'TIMEOUT')
    return say(`${server} does not answer for streams: its cluster has no leader, or a permission is missing`);
  return say(`${server} refuses the stream ${STREAM}: ${api?.description ?? thrown.message}`);
}

/** The name of the stream that is in the way, if it can be had. */
async function overlapping(connection: NatsConnection, { subjects }: StreamPlan): Promise<string> {
  try {
    const manager = await connection.jetstreamManager({ timeout: ANSWER_WAIT, checkAPI: false });
    for (const subject of [PURGES, ...subjects]) {
      for (const name of await manager.streams.names(subject).next()) if (name !== STREAM) return ` (${name})`;
    }
  } catch {
    // Without its name the problem is told all the same.
  }
  return '';
}
