import { asInlayError, InlayError } from '../errors.ts';

/** Soft: what is stored becomes stale, and may be served while it is refreshed. Hard: it is never served again. */
export type PurgeMode = 'soft' | 'hard';

/** A purge, as published on `inlay.purge.<space>` and accepted by the admin listener. */
export interface PurgeMessage {
  readonly v: 1;
  /** Unique for every purge; publishers make a fresh one each time. */
  readonly id: string;
  readonly mode: PurgeMode;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Absolute URLs at a service (`http://catalogue:9001/x?y`) or paths (`/x?y`), which match at every service. */
  readonly urls: readonly string[];
  /** Beginnings of URLs (a whole origin at least) or of paths. */
  readonly prefixes: readonly string[];
  readonly all: boolean;
}

/** The space whose purges reach every instance, whatever its own space. */
export const ALL_SPACES = '_all';

/** Bytes of the largest purge message: what a reader spends on one is bounded before it is parsed. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_TARGETS = 1_000;
const MAX_TARGET_LENGTH = 2_048;

const SPACE = /^[A-Za-z0-9_-]{1,64}$/;
const ID = /^[\x20-\x7e]{1,128}$/;
/** C0, DEL and C1: no tag, key or URL holds them, and they forge lines in logs and protocols. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** A path, or a whole origin with or without a path: half an origin would purge services nobody meant. */
const URL_FORM = /^(?:\/|https?:\/\/[^/?#\s]+(?:\/|$))/i;
/** A token of a subject: a wildcard, or visible ASCII without the characters that subjects give a meaning. */
const TOKEN = /^(?:[*>]|[!-)+\-/-=?-~]+)$/;
const LISTS = ['keys', 'tags', 'urls', 'prefixes'] as const;

/** Whether a text may name a space, and thus be a token of a subject. */
export function isSpace(text: string): boolean {
  return SPACE.test(text);
}

/**
 * The subject on which purges of a space travel; throws `purge-invalid` for anything but a space,
 * because the `nats` package writes subjects into its protocol as they are, line breaks included.
 */
export function purgeSubject(space: string): string {
  if (!isSpace(space)) throw invalid('space', 'must match [A-Za-z0-9_-]{1,64}');
  return `inlay.purge.${space}`;
}

/** What is wrong with a subject (wildcards allowed) on which a service tells of changes; undefined if nothing is. */
export function eventSubjectFault(subject: string): string | undefined {
  if (subject.length > 256) return 'must have at most 256 characters';
  const tokens = subject.split('.');
  if (!tokens.every((token) => TOKEN.test(token))) {
    return 'must be tokens of visible ASCII characters joined by dots; wildcards are whole tokens';
  }
  if (tokens.slice(0, -1).includes('>')) return 'must have ">" as its last token only';
  return tokens[0] === 'inlay' ? 'must not be a subject of Inlay itself' : undefined;
}

/** Reads a purge from JSON of at most 64 KiB; throws `purge-invalid` whose `path` is the first offending member. */
export function parsePurge(text: string | Uint8Array): PurgeMessage {
  let read: unknown;
  try {
    read = JSON.parse(decode(text));
  } catch (thrown) {
    if (thrown instanceof InlayError) throw thrown;
    throw new InlayError('purge-invalid', `not JSON in UTF-8: ${asInlayError(thrown).message}`, { cause: thrown });
  }
  return readPurge(read);
}

/** Makes a valid purge with a fresh id out of its targets; hard unless told. Throws `purge-invalid`. */
export function createPurge(wanted: Partial<Omit<PurgeMessage, 'v'>>): PurgeMessage {
  return readPurge({ ...wanted, v: 1, id: wanted.id ?? crypto.randomUUID() });
}

/** The JSON of a purge, as it travels. */
export function printPurge(message: PurgeMessage): string {
  const { v, id, mode, keys, tags, urls, prefixes, all } = message;
  return JSON.stringify({ v, id, mode, keys, tags, urls, prefixes, all });
}

/** How many targets a purge names; everything counts as one. */
export function targetCount(message: Pick<PurgeMessage, (typeof LISTS)[number] | 'all'>): number {
  return LISTS.reduce((sum, list) => sum + message[list].length, message.all ? 1 : 0);
}

function decode(text: string | Uint8Array): string {
  // A string's bytes are at least its length, so an enormous one is refused before it is encoded.
  const bytes =
    typeof text === 'string' && text.length <= MAX_MESSAGE_BYTES ? new TextEncoder().encode(text).length : text.length;
  if (bytes > MAX_MESSAGE_BYTES) throw new InlayError('purge-invalid', `larger than ${MAX_MESSAGE_BYTES} bytes`);
  return typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(text);
}

function readPurge(read: unknown): PurgeMessage {
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new InlayError('purge-invalid', 'must be a JSON object');
  }
  // Members that this version does not know are ignored: a newer publisher may say more.
  const { v, id, mode = 'hard', keys, tags, urls, prefixes, all = false } = read as Readonly<Record<string, unknown>>;
  if (v !== 1) throw invalid('v', 'must be 1');
  if (typeof id !== 'string' || !ID.test(id)) throw invalid('id', 'must be 1 to 128 printable characters');
  if (mode !== 'soft' && mode !== 'hard') throw invalid('mode', 'must be "soft" or "hard"');
  if (typeof all !== 'boolean') throw invalid('all', 'must be true or false');
  const message: PurgeMessage = {
    v,
    id,
    mode,
    keys: targets('keys', keys),
    tags: targets('tags', tags),
    urls: targets('urls', urls, URL_FORM),
    prefixes: targets('prefixes', prefixes, URL_FORM),
    all,
  };
  const count = targetCount(message);
  if (count === 0) throw new InlayError('purge-invalid', 'must name at least one target, or say "all": true');
  if (count > MAX_TARGETS) throw new InlayError('purge-invalid', `names ${count} targets; ${MAX_TARGETS} are allowed`);
  return message;
}

function targets(member: string, read: unknown = [], form?: RegExp): readonly string[] {
  if (!Array.isArray(read)) throw invalid(member, 'must be an array of strings');
  if (read.length > MAX_TARGETS) throw invalid(member, `has ${read.length} targets; ${MAX_TARGETS} are allowed`);
  return read.map((target: unknown, at) => {
    const path = `${member}[${at}]`;
    if (typeof target !== 'string') throw invalid(path, 'must be a string');
    if (target.length === 0 || target.length > MAX_TARGET_LENGTH) {
      throw invalid(path, `must have 1 to ${MAX_TARGET_LENGTH} characters`);
    }
    if (CONTROL.test(target)) throw invalid(path, 'must not contain control characters');
    if (!target.isWellFormed()) throw invalid(path, 'must not contain half a surrogate pair');
    if (form !== undefined && !form.test(target)) {
      throw invalid(path, 'must be a path that starts with "/", or a URL with a whole origin');
    }
    return target;
  });
}

function invalid(path: string, fault: string): InlayError {
  return new InlayError('purge-invalid', `${path} ${fault}`, { path });
}
