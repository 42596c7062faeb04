import { vi } from 'vitest';
import { type Answered, gate, startGateway, type TestGateway } from '../../support/gateway.ts';
import type { Answer, Origin, Received } from '../../support/origin.ts';
import { Catalogue, definitionOf } from './catalogue.ts';
import { problemsOf, told } from './check.ts';
import {
  type Asked,
  type Delivered,
  type HydrationRecord,
  type Other,
  PAGE,
  type Scripted,
  type Step,
} from './record.ts';

/** The services of all records, one after the other. */
export interface Stage {
  readonly web: Origin;
  readonly catalogue: Origin;
}

/** What one client asked and got. */
export interface Exchange {
  readonly asked: string;
  readonly expected: Delivered;
  readonly answered: Answered | undefined;
  readonly warnings: readonly string[];
}

/** Ms in which things happen that do happen. */
const PATIENCE = 3_000;
const SOON = { timeout: PATIENCE, interval: 2 };
const BARRIER = '/everything-before-was-read';

/** Runs a record; throws an error that tells the record, what differs, and what clients and services saw. */
export async function run(record: HydrationRecord, stage: Stage): Promise<void> {
  const play = new Play(stage);
  const gateway = await startGateway(
    {
      services: { web: stage.web.url, catalogue: stage.catalogue.url },
      facades: { all: { routes: { '/*': { ...record.route, service: 'web' } } } },
      fragments: Object.entries(record.kinds ?? {}).map(([name, kind]) => definitionOf(name, kind)),
      ...(record.limits === undefined ? {} : { limits: record.limits }),
    },
    play.now,
  );
  try {
    for (const [i, step] of [record, ...(record.again ?? [])].entries()) {
      const { exchanges, upstream } = await play.act(step, gateway);
      const problems = problemsOf(step, exchanges, upstream);
      if (problems.length === 0) problems.push(...play.validatorProblems(step, exchanges[0]!));
      if (problems.length === 0) problems.push(...(await play.keeps(step, exchanges[0]!, gateway)));
      if (problems.length > 0) throw new Error(told({ record, step: i, problems, exchanges, upstream }));
    }
  } finally {
    await gateway.stop();
  }
}

/** One record on the stage. */
class Play {
  readonly #stage: Stage;
  readonly #entities = new Catalogue();
  readonly #pages: Scripted[] = [];
  readonly #files = new Map<string, Scripted>();
  #now = Date.parse('2026-03-04T05:06:07Z');
  /** Opens when the catalogue may answer. */
  #release = gate();
  #held = false;
  #arrived = gate();
  /** Pages that are answered when so many were asked for. */
  #awaited = 0;
  #all = gate();
  /** Of the step before. */
  #etag: string | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    stage.web.script('*', (request) => this.#answerPage(request));
    stage.catalogue.script('*', (request) => this.#answerEntities(request));
  }

  readonly now = (): number => this.#now;

  async act(step: Step, gateway: TestGateway): Promise<{ exchanges: Exchange[]; upstream: Received[] }> {
    this.#now += 1_000 * (step.turn ?? 0);
    this.#entities.change(step.kinds ?? {});
    for (const [path, file] of Object.entries(step.files ?? {})) this.#files.set(path, scripted(file));
    if (step.purge !== undefined) await gateway.purge(step.purge);
    const { web, catalogue } = this.#stage;
    const since = [web.requests.length, catalogue.requests.length] as const;
    const asked = await this.#askAll(step, gateway);
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    await gateway.node.idle(PATIENCE);
    const upstream = [...web.requests.slice(since[0]), ...catalogue.requests.slice(since[1])].filter(
      ({ target }) => !/^\/page-\d+$|^\/everything/.test(target),
    );
    const exchanges = asked.map(async ({ target, expected }, i) => {
      const warnings = expected.warns === undefined ? [] : await warningsOf(answers[i], gateway);
      return { asked: target, expected, answered: answers[i], warnings };
    });
    return { exchanges: await Promise.all(exchanges), upstream };
  }

  validatorProblems({ expect }: Step, { answered }: Exchange): string[] {
    const before = this.#etag;
    this.#etag = answered?.headers.etag;
    if (expect.etag === undefined || (before === this.#etag) === (expect.etag === 'same')) return [];
    return [`an ETag that is ${expect.etag === 'same' ? 'the same as' : 'other than'} ${before}, not ${this.#etag}`];
  }

  /** What has an ETag is the same when it is asked for again, assembled anew and kept, and needs no service. */
  async keeps({ request, expect }: Step, { answered }: Exchange, gateway: TestGateway): Promise<string[]> {
    const { etag } = answered?.headers ?? {};
    if (answered === undefined || !(expect.headers?.etag instanceof RegExp) || etag === undefined) return [];
    const { web, catalogue } = this.#stage;
    const since = web.requests.length + catalogue.requests.length;
    const problems: string[] = [];
    for (const time of ['second', 'third', 'fourth']) {
      const { status, text, headers } = (await this.#ask(undefined, request, expect, gateway).answer) ?? {
        headers: {},
      };
      if (status !== answered.status || text !== answered.text) problems.push(`the same the ${time} time, not ${text}`);
      if (headers.etag !== etag) problems.push(`ETag ${etag} the ${time} time, not ${headers.etag}`);
    }
    const conditional = { ...request, headers: { ...request?.headers, 'if-none-match': etag } };
    const unchanged = await this.#ask(undefined, conditional, expect, gateway).answer;
    if (unchanged?.status !== 304) problems.push(`304 for who has it, not ${unchanged?.status}`);
    const requests = web.requests.length + catalogue.requests.length - since;
    if (requests > 0) problems.push(`no request for what is kept, not ${requests}`);
    return problems;
  }

  async #askAll({ page, request, expect, atOnce, meanwhile }: Step, gateway: TestGateway) {
    this.#release = gate();
    this.#arrived = gate();
    this.#held = meanwhile !== undefined;
    const others = atOnce ?? meanwhile?.others ?? [];
    this.#awaited = atOnce === undefined ? 0 : 1 + others.length;
    this.#all = gate();
    const ask = ({ page, request, expect = {} }: Other) => this.#ask(page, request, expect, gateway);
    const first = ask({
      ...(page === undefined ? {} : { page }),
      ...(request === undefined ? {} : { request }),
      expect,
    });
    if (meanwhile === undefined) return [first, ...others.map(ask)];
    await Promise.race([this.#arrived.passed, first.answer]);
    if (meanwhile.purge !== undefined) await gateway.purge(meanwhile.purge);
    const more = others.map(ask);
    // Bytes that were sent before these have been read when these have been answered; then pages are composed.
    for (let i = 0; i < 4; i++) await gateway.get(BARRIER);
    this.#release.open();
    return [first, ...more];
  }

  #ask(page: string | Scripted | undefined, request: Asked = {}, expected: Delivered, gateway: TestGateway) {
    if (page !== undefined) this.#pages.push(scripted(page));
    const target = `/page-${request.page ?? this.#pages.length}`;
    const { method = 'GET', headers = {} } = request;
    const answer = gateway.get(target, { method, headers }).catch(() => undefined);
    return { target: `${method} ${target} ${JSON.stringify(headers)}`, expected, answer };
  }

  async #answerPage(request: Received): Promise<Answer> {
    const { target } = request;
    if (target === BARRIER) return {};
    const number = /^\/page-(\d+)$/.exec(target)?.[1];
    if (number === undefined) {
      const file = this.#files.get(target.split('?', 1)[0]!);
      if (file !== undefined) return this.#dated(file, PAGE);
      const answer = this.#entities.answer(request);
      return answer.status === 404 ? this.#dated(answer, PAGE) : this.#answerEntities(request);
    }
    if (this.#awaited > 0) {
      if (--this.#awaited === 0) this.#all.open();
      await this.#all.passed;
    }
    return this.#dated(this.#pages[Number(number) - 1] ?? { status: 404 }, PAGE);
  }

  async #answerEntities(request: Received): Promise<Answer> {
    this.#arrived.open();
    const answer = this.#entities.answer(request);
    if (this.#held) await this.#release.passed;
    // What is refused says nothing of how long.
    const fresh = (answer.status ?? 200) < 400 ? { 'cache-control': 'max-age=60' } : {};
    return this.#dated(answer, { 'content-type': 'application/json', ...fresh });
  }

  #dated(answer: Scripted, own: Readonly<Record<string, string>>): Answer {
    const fields = { date: new Date(this.#now).toUTCString(), ...own, ...answer.headers };
    const headers = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    return { ...answer, headers: headers as Record<string, string> };
  }
}

function scripted(answer: string | Scripted): Scripted {
  return typeof answer === 'string' ? { body: answer } : answer;
}

async function warningsOf(answered: Answered | undefined, gateway: TestGateway): Promise<readonly string[]> {
  const id = answered?.headers['x-request-id'];
  const record = () => gateway.records().find(({ requestId }) => requestId === id);
  await vi.waitUntil(() => record() !== undefined, SOON).catch(() => undefined);
  return record()?.warnings ?? [];
}
