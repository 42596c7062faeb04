import type { Answered } from '../../support/gateway.ts';
import type { Received } from '../../support/origin.ts';
import type { Delivered, Expected, Fields, HydrationRecord, Step } from './record.ts';
import type { Exchange } from './run.ts';

/** What differs from what a step expects, in words; nothing if all is well. */
export function problemsOf(step: Step, exchanges: readonly Exchange[], upstream: readonly Received[]): string[] {
  const problems = exchanges.flatMap((exchange, i) =>
    answerProblems(exchange).map((problem) => (i === 0 ? problem : `client ${i + 1}: ${problem}`)),
  );
  return [...problems, ...requestProblems(step.expect, upstream, step.atOnce !== undefined)];
}

function answerProblems({ expected, answered, warnings }: Exchange): string[] {
  if (answered === undefined) return ['an answer, not a broken connection'];
  const { status = 200, body, errors, headers = {}, detail, warns } = expected;
  const problems: string[] = [];
  if (status !== answered.status) problems.push(`status ${status}, not ${answered.status}`);
  if (status === 200 && !answered.complete) problems.push('a complete body');
  if (body !== undefined && body !== answered.text) problems.push(`body ${difference(body, answered.text)}`);
  problems.push(...errorProblems(errors, answered, status));
  problems.push(...fieldProblems('answer', (name) => linesOf(answered.rawHeaders, name), headers));
  if (detail !== undefined) {
    problems.push(...fieldProblems('answer', () => linesOf(answered.rawHeaders, 'cache-status'), { detail }));
  }
  if (warns && warnings.length === 0) problems.push('a warning in the access log, not none');
  return problems;
}

/** Of a page that failed, the number of errors is nobody's business. */
function errorProblems(errors: Delivered['errors'], answered: Answered, status: number): string[] {
  if (status !== 200) return [];
  const { 'inlay-errors': told, etag, 'cache-control': control = '' } = answered.headers;
  if (errors === undefined) return told === undefined ? [] : [`no Inlay-Errors, not ${String(told)}`];
  const problems: string[] = [];
  const right = errors === 'some' ? /^[1-9]\d*$/.test(String(told)) : told === String(errors);
  if (!right && errors !== 'unsaid') problems.push(`Inlay-Errors: ${errors}, not ${String(told)}`);
  if (etag !== undefined) problems.push('no ETag on a page with errors');
  const [, age = '0'] = /max-age=(\d+)/.exec(control) ?? [];
  if (Number(age) > 1) problems.push(`max-age of 1 at most on a page with errors, not ${control}`);
  return problems;
}

function requestProblems({ upstream, received }: Expected, seen: readonly Received[], unordered: boolean): string[] {
  const order = (line: string) =>
    unordered ? line.replace(/ids=(.*)$/, (_, ids: string) => `ids=${ids.split(',').sort().join(',')}`) : line;
  const wanted = upstream.map(order).sort();
  const got = seen.map(lineOf).map(order).sort();
  const problems: string[] = [];
  if (wanted.length !== got.length) problems.push(`${wanted.length} requests at services, not ${got.length}`);
  const missing = without(wanted, got);
  const more = without(got, wanted);
  problems.push(...missing.map((line) => `the request ${shortened(line)}`));
  problems.push(...more.map((line) => `no request ${shortened(line)}`));
  const last = seen.at(-1);
  if (received === undefined || last === undefined) return problems;
  return [...problems, ...fieldProblems(`request ${last.target}`, (name) => last.lines(name), received)];
}

/** What is in one list and not, or not as often, in the other. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return list.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** A request as records write it. */
function lineOf({ method, target, body }: Received): string {
  const text = Buffer.from(body, 'latin1').toString();
  return text === '' ? `${method} ${target}` : `${method} ${target} ${text}`;
}

function fieldProblems(where: string, lines: (name: string) => readonly string[], expected: Fields): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const found = lines(name);
    const text = found.length === 0 ? null : found.join(', ');
    if (value instanceof RegExp ? text !== null && value.test(text) : value === text) return [];
    return [`${where} with ${name}: ${value ?? '(none)'}, not ${text ?? '(none)'}`];
  });
}

function linesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
}

const SHOWN = 300;

/** Two texts, or, if they are long, where they begin to differ. */
function difference(wanted: string, got: string): string {
  if (wanted.length <= SHOWN && got.length <= SHOWN) return `${wanted}\n       not      ${got}`;
  let at = 0;
  while (at < wanted.length && wanted[at] === got[at]) at++;
  const from = Math.max(0, at - 40);
  return `of ${wanted.length} characters, not ${got.length}, which differ at ${at}: …${wanted.slice(from, at + 80)}…\n       not      …${got.slice(from, at + 80)}…`;
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}

/** What a failure is told by: a step of a record, and everything that was seen of it. */
interface Failure {
  readonly record: HydrationRecord;
  readonly step: number;
  readonly problems: readonly string[];
  readonly exchanges: readonly Exchange[];
  readonly upstream: readonly Received[];
}

/** The message of a failed record. */
export function told({ record, step, problems, exchanges, upstream }: Failure): string {
  const { id, feature, says, again = [] } = record;
  return [
    `${id} (${feature}): ${says}`,
    `step ${step + 1} of ${1 + again.length}`,
    ...problems.map((problem) => `  expected ${problem}`),
    ...exchanges.flatMap(({ asked, answered, warnings }) => [
      `  client asked  ${asked}`,
      answered === undefined
        ? '  client got    nothing'
        : `  client got    ${answered.status} ${fieldsOf(answered)} ${shortened(answered.text)}`,
      ...warnings.map((warning) => `  log warned    ${warning}`),
    ]),
    ...upstream.map((request) => `  services got  ${shortened(lineOf(request))}`),
    ...(upstream.length === 0 ? ['  services got  nothing'] : []),
  ].join('\n');
}

/** The fields that tell how a page came about. */
function fieldsOf({ headers }: Answered): string {
  const names = ['content-type', 'cache-control', 'vary', 'etag', 'inlay-errors', 'inlay-error', 'cache-status'];
  const lines = names.filter((name) => headers[name] !== undefined).map((name) => `${name}: ${String(headers[name])}`);
  return `{${lines.join(' | ')}}`;
}
