import { vi } from 'vitest';
import { type Answered, gate, type TestGateway } from '../../support/gateway.ts';
import type { Answer, Origin, Received } from '../../support/origin.ts';
import { problemsOf, told } from './check.ts';
import { type Clock, fieldsAt } from './clock.ts';
import type { Asked, CacheRecord, Expected, Scripted, Step } from './record.ts';

/** Where records run: one gateway and one service for all of them, one after the other. */
export interface Stage {
  readonly gateway: TestGateway;
  readonly origin: Origin;
  readonly clock: Clock;
}

/** What one client asked and got; no answer is a connection that broke before its head. */
export interface Exchange {
  readonly asked: Asked;
  readonly expected: Expected;
  readonly answered: Answered | undefined;
  /** Requests at the service before it answered any. */
  readonly together: number;
}

/** A request at the service, and the status that it was answered with. */
export interface Served {
  readonly request: Received;
  status: number | 'closed';
}

/** Ms in which a client must have its answer although the service holds its own back. */
const PATIENCE = 2_000;

/** Runs a record; throws an error that tells the record, what was expected, and what client and service saw. */
export async function run(record: CacheRecord, stage: Stage): Promise<void> {
  stage.clock.begin();
  const play = new Play(record, stage);
  for (const [i, step] of record.steps.entries()) {
    stage.clock.turn(step.turn ?? 0);
    const since = play.served.length;
    const exchanges = await play.act(step);
    const served = play.served.slice(since);
    const problems = problemsOf(exchanges, served, stage.clock);
    if (problems.length > 0)
      throw new Error(told({ record, step: i, problems, exchanges, served, clock: stage.clock }));
  }
}

/** One record on the stage. */
class Play {
  readonly served: Served[] = [];
  readonly #record: CacheRecord;
  readonly #stage: Stage;
  #step: Step = {};
  /** Opens when answers that are held back may go. */
  #release = gate();
  #arrived = gate();

  constructor(record: CacheRecord, stage: Stage) {
    this.#record = record;
    this.#stage = stage;
    stage.origin.script('*', (request) => (request.target === BARRIER ? {} : this.#answer(request)));
  }

  async act(step: Step): Promise<Exchange[]> {
    this.#step = step;
    this.#release = gate();
    this.#arrived = gate();
    const { meanwhile = [] } = step;
    const since = this.served.length;
    let unanswered = 0;
    const first = this.#ask(step.request);
    const others: Promise<Answered | undefined>[] = [];
    if (meanwhile.length > 0) {
      await Promise.race([this.#arrived.passed, first]);
      others.push(...meanwhile.map(({ request }) => this.#ask(request)));
      // Bytes that were sent before these have been read when these have been answered.
      await this.#stage.gateway.get(BARRIER);
      await Promise.all(others.filter((_, i) => !this.#isHeld(meanwhile[i]?.request?.method)));
      const { together = 1 } = step.expect ?? {};
      await vi
        .waitUntil(() => this.served.length - since >= together, { timeout: PATIENCE, interval: 2 })
        .catch(() => 0);
      unanswered = this.served.length - since;
      this.#release.open();
    }
    const late = setTimeout(() => this.#release.open(), PATIENCE);
    const answers = await Promise.all([first, ...others]);
    clearTimeout(late);
    this.#release.open();
    await this.#stage.gateway.node.idle(PATIENCE);
    return [step, ...meanwhile].map(({ request = {}, expect = {} }, i) => ({
      asked: request,
      expected: expect,
      answered: answers[i],
      together: unanswered,
    }));
  }

  #ask({ method = 'GET', path = '', headers = {}, body }: Asked = {}): Promise<Answered | undefined> {
    const target = `/${this.#record.id}${path}`;
    // Node frames the body of a DELETE only if it is told to.
    const framing = body === undefined ? {} : { 'content-length': String(body.length) };
    const fields = fieldsAt({ ...framing, ...headers }, this.#stage.clock);
    const asking = this.#stage.gateway.get(target, {
      method,
      headers: fields,
      ...(body === undefined ? {} : { body }),
    });
    return asking.catch(() => undefined);
  }

  async #answer(request: Received): Promise<Answer> {
    const { clock } = this.#stage;
    const number = this.served.length + 1;
    const served: Served = { request, status: 200 };
    this.served.push(served);
    const { answer = {}, meanwhile } = this.#step;
    const scripted = this.#downgraded(typeof answer === 'function' ? answer(request) : answer, request);
    const { headers = {}, body = `#${number}`, takes = 0, held = false, ...rest } = scripted;
    served.status = rest.raw === undefined ? (rest.status ?? 200) : 'closed';
    const { passed } = this.#release;
    this.#arrived.open();
    if (held || (meanwhile !== undefined && this.#isHeld(request.method))) await passed;
    clock.turn(takes);
    const own = { date: clock.text({ at: clock.elapsed() }), 'content-type': 'text/plain' };
    return { ...rest, date: headers.date !== null, headers: fieldsAt({ ...own, ...headers }, clock), body };
  }

  /** Of clients at once, those with the method of the first one wait. */
  #isHeld(method = 'GET'): boolean {
    return method === (this.#step.request?.method ?? 'GET');
  }

  #downgraded(scripted: Scripted, request: Received): Scripted {
    const conditional = ['if-none-match', 'if-modified-since'].some((name) => request.lines(name).length > 0);
    return scripted.status === 304 && !conditional ? { status: 599, body: 'not a conditional request' } : scripted;
  }
}

const BARRIER = '/everything-before-was-read';
