import { existsSync } from 'node:fs';
import { InlayError } from '../errors.ts';
import { type Gateway, resolveConfig } from '../gateway/resolve-config.ts';
import { parseDuration } from '../http/units.ts';
import { eventSubjectFault } from '../purge/message.ts';
import { authFrom } from './nats-auth.ts';
import type { StreamInfo } from './nats-client.ts';
import { makeStream, openNats } from './nats-init.ts';
import { keeps, STREAM } from './nats-stream.ts';
import { coversSubject } from './nats-subjects.ts';
import { loadConfig, textOf } from './serve-command.ts';

/** Options as the command line has them. */
export interface NatsInitFlags {
  readonly nats?: unknown;
  readonly maxAge?: unknown;
  readonly replicas?: unknown;
  readonly subject?: unknown;
}

/** Ms: what is kept for less time than an outage lasts is of no use. */
const LEAST_AGE = 60_000;

/** `inlay nats init`: makes the stream that purges are kept in, and says what it is and what it does not keep. */
export async function natsCommand(action: string, flags: NatsInitFlags): Promise<void> {
  if (action !== 'init') throw new InlayError('config-invalid', `there is no "nats ${action}": inlay nats init`);
  const plan = {
    maxAge: ageOf(flags.maxAge),
    replicas: replicasOf(flags.replicas),
    subjects: flags.subject === undefined ? [] : [flags.subject].flat().map(subjectOf),
  };
  const gateway = existsSync('inlay.config.ts') ? resolveConfig(await loadConfig(undefined), process.env) : undefined;
  const servers = serversOf(flags.nats, gateway);
  const connection = await openNats(servers, authFrom(gateway?.purge.auth ?? {}, process.env));
  try {
    const { info, done } = await makeStream(connection, plan);
    console.log(`${describe(info)}: ${DONE[done]} on ${servers.join(', ')}`);
    for (const line of advice(info, gateway)) console.log(line);
  } finally {
    await connection.close();
  }
}

const DONE = { created: 'made', updated: 'changed', unchanged: 'already so' } as const;

function serversOf(flag: unknown, gateway: Gateway | undefined): readonly string[] {
  if (flag !== undefined) return textOf(flag, '--nats').split(',');
  const { NATS_URL = '' } = process.env;
  if (NATS_URL !== '') return NATS_URL.split(',');
  const configured = gateway?.purge.nats ?? [];
  if (configured.length > 0) return configured;
  throw new InlayError('config-invalid', 'say which server: --nats nats://127.0.0.1:4222, or NATS_URL', {
    path: '--nats',
  });
}

function ageOf(flag: unknown): number | undefined {
  if (flag === undefined) return undefined;
  const age = parseDuration(typeof flag === 'number' ? flag : textOf(flag, '--max-age'));
  if (age !== undefined && age >= LEAST_AGE) return age;
  const message = `--max-age must be a duration of at least 1m, such as 7d, not ${String(flag)}`;
  throw new InlayError('config-invalid', message, { path: '--max-age' });
}

function replicasOf(flag: unknown): number | undefined {
  if (flag === undefined) return undefined;
  const replicas = Number(textOf(flag, '--replicas'));
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= 5) return replicas;
  const message = `--replicas must be a number of servers from 1 to 5, not ${String(flag)}`;
  throw new InlayError('config-invalid', message, { path: '--replicas' });
}

function subjectOf(flag: unknown): string {
  const subject = textOf(flag, '--subject');
  const fault = eventSubjectFault(subject) ?? (canBeKept(subject) ? undefined : 'must begin with a word');
  if (fault === undefined) return subject;
  throw new InlayError('config-invalid', `--subject ${JSON.stringify(subject)} ${fault}`, { path: '--subject' });
}

/** A stream that keeps whatever anybody says would keep the answers of the server, too. */
function canBeKept(subject: string): boolean {
  return !/^[*>]/.test(subject);
}

function describe({ config }: StreamInfo): string {
  const { subjects, max_age, num_replicas, storage, max_msg_size } = config;
  const age = max_age === 0 ? 'for ever' : `for ${spell(max_age / 1e6)}`;
  const size = max_msg_size > 0 ? `, messages of at most ${Math.floor(max_msg_size / 1024)} KiB` : '';
  return `stream ${STREAM} keeps ${subjects.join(', ')} ${age}, ${storage}, ${num_replicas} replica${num_replicas === 1 ? '' : 's'}${size}`;
}

function spell(ms: number): string {
  for (const [unit, size] of UNITS) if (ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Which events of the configuration are not kept, and how they would be. */
function advice(info: StreamInfo, gateway: Gateway | undefined): string[] {
  const events = new Set(gateway?.fragments.flatMap((fragment) => fragment.events.map(({ subject }) => subject)));
  const missing = [...events].filter((subject) => !keeps(info, subject));
  if (missing.length === 0) return [];
  const widest = missing
    .filter(canBeKept)
    .filter((one) => !missing.some((other) => other !== one && coversSubject(other, one)));
  return [
    `not kept: ${missing.join(', ')}: what services tell there while a gateway is disconnected is not heard, and everything counts as stale then`,
    ...(widest.length === 0
      ? []
      : [`to keep it: inlay nats init ${widest.map((subject) => `--subject '${subject}'`).join(' ')}`]),
  ];
}
