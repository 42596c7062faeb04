import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { GatewayConfig } from '../../../src/gateway/config.ts';
import { type Answered, cleanups, gate, startGateway, type TestGateway } from '../../support/gateway.ts';
import { type Answer, type Origin, type Received, startOrigin } from '../../support/origin.ts';
import { FEATURES, NOT_IMPLEMENTED } from './index.ts';
import type { EsiRecord, Expected, Scripted } from './record.ts';

/** ESI.md as records, through the real proxy on real sockets: see {@link EsiRecord}. */

const stack = cleanups();
let origin: Origin;
let other: Origin;
/** Settings that a whole gateway has are few: records that have the same share one. */
const gateways = new Map<string, TestGateway>();
const results = new Map<string, { passed: number; total: number }>();

beforeAll(async () => {
  origin = stack.add(await startOrigin());
  other = stack.add(await startOrigin());
  const groups = Map.groupBy(FEATURES, groupOf);
  for (const [group, records] of groups) gateways.set(group, stack.add(await startGateway(configOf(records))));
});

afterAll(async () => {
  await stack.run();
  const rows = [...results].map(([feature, { passed, total }]) => `${feature}: ${passed}/${total}`);
  const passed = [...results.values()].reduce((sum, row) => sum + row.passed, 0);
  const total = FEATURES.length;
  console.log(`${rows.join('\n')}\nESI language: ${passed}/${total}, not implemented: ${NOT_IMPLEMENTED.length}`);
});

function groupOf({ id, config }: EsiRecord): string {
  const own = config?.fragments === undefined ? undefined : id;
  return JSON.stringify([own, config?.limits, config?.esi]);
}

function configOf(records: readonly EsiRecord[]): GatewayConfig {
  const [first] = records;
  const { limits, esi, fragments } = first?.config ?? {};
  return {
    services: Object.fromEntries(
      records.flatMap(({ id, config }) => [
        [id, { ...config?.service, url: `${origin.url}/${id}` }],
        [`${id}-other`, { url: `${other.url}/${id}`, ...config?.other }],
      ]),
    ),
    facades: Object.fromEntries(
      records.map(({ id, config }) => [
        id,
        {
          hosts: [`${id}.test`],
          routes: { '/*': { ...config?.route, service: id }, '/other/*': `${id}-other` },
        },
      ]),
    ),
    ...(limits === undefined ? {} : { limits }),
    ...(esi === undefined ? {} : { esi }),
    ...(fragments === undefined ? {} : { fragments: fragments.map((own) => ({ ...own, service: first!.id })) }),
  };
}

const OTHER = 'http://other.test';
const SOON = { timeout: 4_000, interval: 2 };

describe.each(Object.entries(Object.groupBy(FEATURES, ({ feature }) => feature)))('%s', (feature, records = []) => {
  test.each(records.map((record) => [record.id, record.says, record] as const))(
    '%s: %s',
    async (_id, _says, record) => {
      const result = results.get(feature) ?? { passed: 0, total: records.length };
      results.set(feature, result);
      await run(record);
      result.passed++;
    },
  );
});

test('every record has an id of its own', () => {
  const ids = FEATURES.map(({ id }) => id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect(ids.filter((id) => !/^[a-z0-9-]{1,50}$/.test(id))).toEqual([]);
});

test('what is not implemented is said with its reason', () => {
  for (const { what, anchor, why } of NOT_IMPLEMENTED) expect([what, anchor, why]).not.toContain('');
});

async function run(record: EsiRecord): Promise<void> {
  const gateway = gateways.get(groupOf(record))!;
  const visit = new Visit(record);
  let last: Answered | undefined;
  const steps = [{ page: record.page, fragments: record.fragments, request: record.request, expect: record.expect }];
  for (const step of [...steps, ...(record.again ?? [])]) {
    if (step.page !== undefined) visit.script('/page', step.page, true);
    for (const [path, scripted] of Object.entries(step.fragments ?? {})) visit.script(path, scripted, false);
    const { method = 'GET', path = '/page', headers = {} } = step.request ?? {};
    const etag = String(last?.headers.etag ?? '');
    const fields = Object.entries(headers).map(([name, value]) => [name, value === '$etag' ? etag : value]);
    const since = visit.begin();
    last = await gateway.get(visit.locate(path), {
      method,
      headers: { host: `${record.id}.test`, ...Object.fromEntries(fields) },
      onText: (text) => visit.clientHas(text),
    });
    await check(last, step.expect, visit, since, gateway);
  }
}

/** One record's part of the origins. */
class Visit {
  readonly #id: string;
  readonly #waiting: { text: string; gate: ReturnType<typeof gate> }[] = [];
  readonly #together: Set<string>;
  readonly #all = gate();

  constructor({ id, together = [] }: EsiRecord) {
    this.#id = id;
    this.#together = new Set(together);
  }

  /** Names of origins become their addresses. */
  locate(text: string): string {
    return text
      .replaceAll('http://origin.test', `${origin.url}/${this.#id}`)
      .replaceAll(OTHER, `${other.url}/${this.#id}`);
  }

  script(path: string, scripted: Scripted, isPage: boolean): void {
    const {
      esi = isPage,
      whenClientHas,
      headers,
      body = '',
      ...rest
    } = typeof scripted === 'string' ? { body: scripted } : scripted;
    const fields = Object.fromEntries(
      Object.entries({
        'content-type': 'text/html',
        ...(esi ? { 'surrogate-control': 'content="ESI/1.0"' } : {}),
        ...headers,
      }).filter((field) => field[1] !== null),
    );
    const located =
      typeof body === 'string'
        ? this.locate(body)
        : body instanceof Uint8Array
          ? body
          : body.map((chunk) => this.locate(chunk));
    const [server, at] = path.startsWith(OTHER) ? [other, path.slice(OTHER.length)] : [origin, path];
    server.script(`/${this.#id}${at}`, async () => {
      await this.#turn(path, whenClientHas);
      return { ...rest, headers: fields as NonNullable<Answer['headers']>, body: located };
    });
  }

  async #turn(path: string, text: string | undefined): Promise<void> {
    if (this.#together.delete(path)) {
      if (this.#together.size === 0) this.#all.open();
      await this.#all.passed;
    }
    if (text === undefined) return;
    const waiting = { text, gate: gate() };
    this.#waiting.push(waiting);
    this.clientHas(this.#text);
    await waiting.gate.passed;
  }

  #text = '';

  clientHas(text: string): void {
    this.#text = text;
    for (const waiting of this.#waiting) if (text.includes(waiting.text)) waiting.gate.open();
  }

  /** How many requests came before. */
  begin(): readonly [number, number] {
    return [origin.requests.length, other.requests.length];
  }

  requests([own, others]: readonly [number, number]): { readonly target: string; readonly request: Received }[] {
    const folder = `/${this.#id}/`;
    const of = (server: Origin, since: number, prefix: string) =>
      server.requests
        .slice(since)
        .filter(({ target }) => target.startsWith(folder))
        .map((request) => ({ target: prefix + request.target.slice(folder.length - 1), request }));
    return [...of(origin, own, ''), ...of(other, others, OTHER)];
  }
}

async function check(
  answered: Answered,
  expected: Expected,
  visit: Visit,
  since: readonly [number, number],
  gateway: TestGateway,
): Promise<void> {
  const { status = 200, body, bytes, headers = {}, requested, received = {}, broken = false, warns } = expected;
  if (typeof body === 'string') expect(answered.text).toBe(visit.locate(body));
  else if (body !== undefined) expect(answered.text).toMatch(body);
  if (bytes !== undefined) expect(answered.latin1).toBe(bytes);
  expect({ status: answered.status, complete: answered.complete }).toEqual({ status, complete: !broken });
  checkFields((name) => linesOf(answered.rawHeaders, name), headers);
  const requests = visit.requests(since);
  if (requested !== undefined) {
    const others = requests.map(({ target }) => target).filter((target) => target.split('?', 1)[0] !== '/page');
    expect(others.toSorted()).toEqual([...requested].sort());
  }
  for (const [path, { method, body: text, headers: fields = {} }] of Object.entries(received)) {
    const request = requests.findLast(({ target }) => target.split('?', 1)[0] === path)?.request;
    expect(request, `a request for ${path}`).toBeDefined();
    if (method !== undefined) expect(request!.method).toBe(method);
    if (text !== undefined) expect(request!.body).toBe(text);
    checkFields((name) => request!.lines(name), fields);
  }
  if (warns === undefined) return;
  const id = answered.headers['x-request-id'];
  const record = await vi.waitFor(() => {
    const found = gateway.records().find(({ requestId }) => requestId === id);
    expect(found).toBeDefined();
    return found!;
  }, SOON);
  expect(record.warnings.join('\n')).toMatch(warns);
}

function linesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
}

function checkFields(lines: (name: string) => string[], expected: NonNullable<Expected['headers']>): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = lines(name);
    const text = found.length === 0 ? null : found.join(', ');
    if (value instanceof RegExp)
      expect(`${name}: ${text}`).toMatch(new RegExp(`^${name}: ${value.source}`, value.flags));
    else expect({ [name]: text }).toEqual({ [name]: value });
  }
}
