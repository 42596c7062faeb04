import type { Ask } from '../../../../src/cache/ask.ts';
import type { Entry } from '../../../../src/cache/entry.ts';
import { Interest } from '../../../../src/cache/interest.ts';
import { InlayError } from '../../../../src/errors.ts';
import { fieldValue } from '../../../../src/http/fields.ts';
import type { Runtime, UpstreamRequest, UpstreamResponse } from '../../../../src/runtime.ts';

/** Something that a service has in one version after the other. */
export interface Resource {
  readonly at: number;
  readonly key: string;
  readonly origin: string;
  readonly path: string;
  readonly tags: readonly string[];
  /** Differs by language. */
  readonly varies: boolean;
  /** The service says 304 where it has not changed. */
  readonly validated: boolean;
}

export const RESOURCES: readonly Resource[] = Array.from({ length: 8 }, (_, at) => ({
  at,
  key: JSON.stringify(['resource', at]),
  origin: `http://${at % 2 === 0 ? 'even' : 'odd'}:1`,
  path: `/${at < 4 ? 'low' : 'high'}/${at}?x`,
  tags: [`resource:${at}`, at % 3 === 0 ? 'third' : '__proto__'],
  varies: at % 4 === 3,
  validated: at % 2 === 1,
}));

export const LANGUAGES = ['en', 'de'] as const;

/** A request on its way: its answer is made when it leaves, which is when it can be oldest on arrival. */
export interface Pending {
  readonly id: number;
  readonly resource: Resource;
  /** The head arrives, the body later if it waits. */
  answer(kind: 'whole' | 'head' | 'error'): void;
  fail(): void;
  /** The rest of a body that waits. */
  readonly rest: (() => void) | undefined;
}

/** Services that answer when they are told to. */
export class Services {
  /** Of each resource, the version that its service has. */
  readonly versions = RESOURCES.map(() => 1);
  readonly pending: Pending[] = [];
  /** Answers that said so. */
  unchanged = 0;
  #fetches = 0;

  /** @param began is told of each request, with the id that its answer will have, before it leaves */
  fetch(request: UpstreamRequest, began: (id: number, resource: Resource) => void): Promise<UpstreamResponse> {
    const id = this.#fetches++;
    const resource = RESOURCES.find(({ path, origin }) => path === request.path && origin === request.origin)!;
    began(id, resource);
    const version = this.versions[resource.at]!;
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>();
    const pending: Pending = {
      id,
      resource,
      rest: undefined,
      answer: (kind) => {
        this.#remove(pending);
        if (kind === 'error') return resolve(failed(id));
        const gate = Promise.withResolvers<void>();
        if (kind === 'whole') gate.resolve();
        else this.pending.push({ ...pending, rest: () => this.#pass(id, gate.resolve) });
        const response = answered(resource, version, id, request, gate.promise);
        if (response.status === 304) this.unchanged++;
        resolve(response);
      },
      fail: () => {
        this.#remove(pending);
        reject(new InlayError('upstream-unreachable', 'the service is down', { path: request.path }));
      },
    };
    this.pending.push(pending);
    return promise;
  }

  change(resource: Resource): void {
    this.versions[resource.at]! += 1;
  }

  #pass(id: number, open: () => void): void {
    this.#remove(this.pending.find((other) => other.id === id)!);
    open();
  }

  #remove(pending: Pending): void {
    this.pending.splice(this.pending.indexOf(pending), 1);
  }
}

function answered(
  { at, varies, validated }: Resource,
  version: number,
  id: number,
  { fields: asked }: UpstreamRequest,
  gate: Promise<void>,
): UpstreamResponse {
  const etag = `"${at}-${version}-${fieldValue(asked, 'accept-language')}"`;
  const unchanged = validated && fieldValue(asked, 'if-none-match') === etag;
  const fields = [
    ...['cache-control', 'max-age=60, stale-while-revalidate=60, stale-if-error=3600', 'x-fetch', String(id)],
    ...(varies ? ['vary', 'accept-language'] : []),
    ...(validated ? ['etag', etag] : []),
  ];
  async function* body() {
    await gate;
    if (!unchanged) yield new TextEncoder().encode(String(version));
  }
  return { status: unchanged ? 304 : 200, fields, body: body() };
}

function failed(id: number): UpstreamResponse {
  async function* nothing() {}
  return { status: 503, fields: ['cache-control', 'no-store', 'x-fetch', String(id)], body: nothing() };
}

/** The id of the request that an entry is the answer to, or that found it unchanged. */
export function fetchOf({ fields }: Entry): number {
  return Number(fieldValue(fields, 'x-fetch'));
}

/** The version that a stored body is. */
export function versionOf({ template }: Entry): number {
  return Number(new TextDecoder().decode(template.segments[0] as Uint8Array));
}

/** What a visitor's request for a resource asks of the cache. */
export function askFor({ key, origin, path, tags }: Resource, language: string, arrived?: Ask['arrived']): Ask {
  return {
    key,
    method: 'GET',
    origin,
    path,
    fields: ['accept-language', language],
    trace: () => [],
    policy: {},
    esi: 'off',
    tags: () => [...tags],
    maxSize: 1_000,
    headTimeout: 1_000,
    interest: new Interest(),
    place: async () => () => {},
    ...(arrived === undefined ? {} : { arrived }),
  };
}

/** What a runtime needs beyond what the model gives it: no timers, no codings, nobody who listens. */
export const IDLE: Pick<Runtime, 'after' | 'background' | 'observe' | 'recording' | 'maxUnsynced'> = {
  after: () => () => {},
  background: (task) => void task,
  observe: () => {},
  recording: false,
  maxUnsynced: 30_000,
};
