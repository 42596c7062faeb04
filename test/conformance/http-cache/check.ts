import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, fieldsAt, isAt } from './clock.ts';
import type { CacheRecord, ExpectedFields } from './record.ts';
import type { Exchange, Served } from './run.ts';

/** What differs from what a step expects, in words; nothing if all is well. */
export function problemsOf(exchanges: readonly Exchange[], served: readonly Served[], clock: Clock): string[] {
  const single = exchanges.length === 1;
  return exchanges.flatMap((exchange, i) => {
    const problems = [...answerProblems(exchange, clock), ...serviceProblems(exchange, served, clock)];
    return single ? problems : problems.map((problem) => `client ${i + 1}: ${problem}`);
  });
}

function answerProblems({ expected, answered }: Exchange, clock: Clock): string[] {
  const { status = 200, body, complete = true, headers = {}, interim } = expected;
  if (answered === undefined) return [`status ${status}: the connection broke`];
  const problems: string[] = [];
  if (![status].flat().includes(answered.status)) problems.push(`status ${status}, not ${answered.status}`);
  if (body !== undefined && body !== answered.text) problems.push(`body ${shown(body)}, not ${shown(answered.text)}`);
  if (complete !== answered.complete) problems.push(`a body that is ${complete ? '' : 'in'}complete`);
  problems.push(...fieldProblems('answer', (name) => linesOf(answered.rawHeaders, name), headers, clock));
  if (interim === undefined) return problems;
  const statuses = (list: readonly { status: number }[]) => list.map((one) => one.status).join(', ') || 'none';
  if (statuses(interim) !== statuses(answered.interim)) {
    problems.push(`interim responses ${statuses(interim)}, not ${statuses(answered.interim)}`);
  }
  interim.forEach(({ headers: hints = {} }, i) => {
    const got: IncomingHttpHeaders = answered.interim[i]?.headers ?? {};
    problems.push(...fieldProblems('interim response', (name) => [got[name] ?? []].flat(), hints, clock));
  });
  return problems;
}

function serviceProblems({ expected, together }: Exchange, served: readonly Served[], clock: Clock): string[] {
  const { from, requests, received } = expected;
  const problems: string[] = [];
  if (expected.together !== undefined && expected.together !== together)
    problems.push(`${expected.together} requests at the service before it answers, not ${together}`);
  const count = requests ?? (from === undefined ? undefined : from === 'cache' ? 0 : 1);
  if (count !== undefined && count !== served.length)
    problems.push(`${count} requests at the service, not ${served.length}`);
  const last = served.at(-1);
  if (from === 'validated' && last?.status !== 304) problems.push('a validation that the service answers with 304');
  if (received === undefined) return problems;
  if (last === undefined) return [...problems, 'a request at the service'];
  const { method, headers = {}, body } = received;
  if (method !== undefined && method !== last.request.method) problems.push(`${method} at the service`);
  if (body !== undefined && body !== last.request.body) problems.push(`body ${shown(body)} at the service`);
  problems.push(...fieldProblems('request at the service', (name) => last.request.lines(name), headers, clock));
  return problems;
}

function fieldProblems(
  where: string,
  lines: (name: string) => readonly string[],
  expected: ExpectedFields,
  clock: Clock,
): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const found = lines(name);
    const text = found.length === 0 ? null : found.join(', ');
    if (value instanceof RegExp && text !== null && value.test(text)) return [];
    const wanted = isAt(value) ? clock.text(value) : value;
    return wanted === text ? [] : [`${where} with ${name}: ${wanted ?? '(none)'}, not ${text ?? '(none)'}`];
  });
}

function linesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
}

/** What a failure is told by: a step of a record, and everything that was seen of it. */
interface Failure {
  readonly record: CacheRecord;
  readonly step: number;
  readonly problems: readonly string[];
  readonly exchanges: readonly Exchange[];
  readonly served: readonly Served[];
  readonly clock: Clock;
}

/** The message of a failed record. */
export function told({ record, step, problems, exchanges, served, clock }: Failure): string {
  const { id, says, kind, anchor, steps } = record;
  const lines = [
    `${id} (${kind}, ${anchor}): ${says}`,
    `step ${step + 1} of ${steps.length}, ${clock.elapsed()} s after the beginning`,
    ...problems.map((problem) => `  expected ${problem}`),
    ...exchanges.flatMap(({ asked, answered }) => [
      `  client asked  ${asked.method ?? 'GET'} /${id}${asked.path ?? ''} ${pairs(entries(fieldsAt(asked.headers ?? {}, clock)))}`,
      answered === undefined
        ? '  client got    nothing'
        : `  client got    ${answered.status} ${pairs(answered.rawHeaders)} ${shown(answered.text)}`,
    ]),
    ...served.map(
      ({ request, status }) =>
        `  service got   ${request.method} ${request.target} ${pairs(request.rawHeaders)} -> ${status}`,
    ),
    ...(served.length === 0 ? ['  service got   nothing'] : []),
  ];
  return lines.join('\n');
}

function entries(fields: Readonly<Record<string, string | readonly string[]>>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => [value].flat().flatMap((line) => [name, line]));
}

function pairs(raw: readonly string[]): string {
  const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
  return `{${lines.join(' | ')}}`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
