import { join } from '../template/bytes.ts';
import { bounded, type Environment, refuse, spend, textCost, textOf } from '../template/environment.ts';
import { escapeHtml } from '../template/escape.ts';
import { evaluate, evaluateTest, expandText } from '../template/evaluate.ts';
import { decode } from '../template/html-text.ts';
import type { Assign, Choose, Foreach, Include, Segment, Text, Try } from '../template/template.ts';
import { MAX_TEXT, type Value } from '../template/value.ts';
import { type Composition, compose, type Document } from './compose.ts';
import { awaited, inlineDocument, inlineOf, resolveEval, resolveInclude } from './include.ts';
import { type Arrived, type Failure, neverRejects, type Piece, settle, takeStock } from './piece.ts';
import { note } from './plan.ts';

/** How the run of some segments ended: at their end, by `<esi:break/>`, or by `<esi:return>`. */
export type Ending = undefined | 'break' | { readonly returned: Value };

/** A run: it yields what must be awaited before it can go on. */
export type Execution = Generator<Promise<void>, Ending, undefined>;

const encoder = new TextEncoder();

/** Runs segments in document order; output goes to `out`. */
export function* executeAll(
  segments: readonly Segment[],
  out: Piece[],
  document: Document,
  composition: Composition,
): Execution {
  // A loop may run a body that evaluates nothing a hundred thousand times: its segments are work too.
  if (!spend(accountOf(document, composition), 1 + (segments.length >> 2))) return undefined;
  const { state } = document;
  const called = state.calls > 0 ? 1 : 0;
  if (called > 0 && state.levels >= MAX_LEVELS) {
    note(document.part, `too-many-steps: elements inside functions are nested more than ${MAX_LEVELS} deep`);
    return undefined;
  }
  state.levels += called;
  try {
    for (const segment of segments) {
      if (segment instanceof Uint8Array) {
        out.push(segment);
        continue;
      }
      const ending = yield* execute(segment, out, document, composition);
      if (ending !== undefined) return ending;
    }
    return undefined;
  } finally {
    state.levels -= called;
  }
}

/** Elements inside each other in all functions that are being called: with {@link MAX_CALLS} alone the stack would overflow. */
const MAX_LEVELS = 256;

/** The page's budget, without an environment: what evaluates nothing must not look as if it did. */
function accountOf({ part }: Document, { steps }: Composition): Pick<Environment, 'steps' | 'warn'> {
  return { steps, warn: ({ code, message }) => note(part, `${code}: ${message}`) };
}

/** Runs one instruction. It costs what it evaluates: what stands in the page itself is bounded by the page's size. */
export function* execute(
  segment: Exclude<Segment, Uint8Array>,
  out: Piece[],
  document: Document,
  composition: Composition,
): Execution {
  switch (segment.kind) {
    case 'include':
      if (document.state.calls > 0) note(document.part, `not-permitted: <esi:${nameOf(segment)}> inside a function`);
      else yield* include(segment, out, document, composition);
      return undefined;
    case 'print': {
      const environment = document.state.environment(document, composition);
      const text = textOf(evaluate(segment.expression, environment), environment);
      // What a function gives is a value: it is escaped where it is printed, and only there.
      const printed = document.state.calls > 0 ? text : escapeHtml(text);
      if (printed !== '' && spend(environment, textCost(printed.length))) out.push(encoder.encode(printed));
      return undefined;
    }
    case 'choose':
      return yield* choose(segment, out, document, composition);
    case 'try':
      return yield* attempt(segment, out, document, composition);
    case 'assign':
      assign(segment, document, composition);
      return undefined;
    case 'foreach':
      return yield* foreach(segment, out, document, composition);
    case 'break':
      return 'break';
    case 'function':
      if (document.state.functions.size < MAX_FUNCTIONS) document.state.functions.set(segment.name, segment.body);
      return undefined;
    case 'return':
      return { returned: evaluate(segment.value, document.state.environment(document, composition)) };
    case 'inline':
      if (document.state.inlines.size < MAX_FUNCTIONS) document.state.inlines.set(segment.name, segment.body);
      return undefined;
    default:
      return undefined; // the others belong to JSON
  }
}

function nameOf({ eval: evaluates }: Include): string {
  return evaluates === true ? 'eval' : 'include';
}

/** An include starts now; an `eval`, and what an inline holds, run in this document before anything that follows. */
function* include(segment: Include, out: Piece[], document: Document, composition: Composition): Execution {
  const inline = inlineOf(segment, document);
  if (inline !== undefined && document.depth < composition.limits.depth) {
    return yield* executeAll(inline, out, inlineDocument(segment, document, composition), composition);
  }
  if (segment.eval === true) yield* resolveEval(segment, out, document, composition);
  else out.push(resolveInclude(segment, document, composition));
  return undefined;
}

/** Functions of one document, and its inlines. */
const MAX_FUNCTIONS = 1_000;

/** The first branch whose test holds; nothing of the others is run or fetched. */
function* choose(
  { branches, otherwise }: Choose,
  out: Piece[],
  document: Document,
  composition: Composition,
): Execution {
  const environment = document.state.environment(document, composition);
  const scope = document.state.scope(composition);
  const leave = scope.enterChoose();
  try {
    for (const { test, matchname, body } of branches) {
      if (test === undefined || !evaluateTest(test, environment)) continue;
      if (matchname !== undefined) scope.assign(matchname, scope.read('MATCHES'));
      return yield* executeAll(body, out, document, composition);
    }
    return yield* executeAll(otherwise, out, document, composition);
  } finally {
    leave();
  }
}

/** `attempt` runs now, its includes all at once; if one of them fails, all of its output is dropped and `except` runs instead. */
function* attempt(segment: Try, out: Piece[], document: Document, composition: Composition): Execution {
  const pieces: Piece[] = [];
  const ending = yield* executeAll(segment.attempt, pieces, { ...document, attempting: true }, composition);
  let known = takeStock(pieces);
  const isRequired = ({ failure }: Failure) => failure.code === 'fragment-required';
  if (known === 'pending' && !decides(segment.except)) {
    // What follows need not wait; `except` reads the variables as they are here, whatever they will be then.
    const later: Document = { ...document, state: document.state.fork(composition) };
    out.push(
      neverRejects(
        settle(pieces).then((settled): Arrived => {
          if (!('failure' in settled)) return settled.chunks;
          if (isRequired(settled)) return settled;
          note(document.part, `attempt failed: ${settled.failure.message}`);
          return compose(segment.except, later, composition);
        }),
      ),
    );
    return ending;
  }
  if (known === 'pending') known = yield* awaited(settle(pieces));
  if (!('failure' in known)) {
    out.push(known.chunks);
    return ending;
  }
  if (isRequired(known)) {
    out.push(known);
    return ending;
  }
  note(document.part, `attempt failed: ${known.failure.message}`);
  return (yield* executeAll(segment.except, out, document, composition)) ?? ending;
}

/** Whether anything after these segments may depend on whether they ran. */
function decides(segments: readonly Segment[]): boolean {
  return segments.some((segment) => {
    if (segment instanceof Uint8Array) return false;
    switch (segment.kind) {
      case 'print':
        return false;
      case 'include':
        return segment.eval === true;
      case 'choose':
        return decides(segment.otherwise) || segment.branches.some(({ body }) => decides(body));
      case 'try':
        return decides(segment.attempt) || decides(segment.except);
      case 'foreach':
        return decides(segment.body);
      default:
        return true;
    }
  });
}

function assign({ name, key, value }: Assign, document: Document, composition: Composition): void {
  const environment = document.state.environment(document, composition);
  const assigned = 'text' in value ? textValue(value.text, environment) : evaluate(value, environment);
  const member = key && evaluate(key, environment);
  // A key that comes to nothing names no member: it must not replace the whole variable.
  const outcome =
    key !== undefined && member === undefined
      ? 'out of range'
      : document.state.scope(composition).assign(name, assigned, member);
  if (outcome !== 'done') note(document.part, `assign ${name}: ${outcome}`);
}

function textValue(text: Text, environment: Environment): string | undefined {
  return bounded(typeof text === 'string' ? text : expandText(text, environment, (part) => part), environment);
}

function* foreach(
  { collection, item, body }: Foreach,
  out: Piece[],
  document: Document,
  composition: Composition,
): Execution {
  const environment = document.state.environment(document, composition);
  const scope = document.state.scope(composition);
  const members = membersOf(evaluate(collection, environment));
  if (!spend(environment, members.length >> 2)) return undefined;
  for (const member of members) {
    if (!spend(environment, 1)) return undefined;
    const leave = scope.bind(item, member);
    try {
      const ending = yield* executeAll(body, out, document, composition);
      if (ending === 'break') return undefined;
      if (ending !== undefined) return ending;
    } finally {
      leave();
    }
  }
  return undefined;
}

/** Members of a list; of a dictionary `[key, value]`; anything else that is set is its own only member. */
function membersOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return [...value];
  if (value instanceof Map) return [...value].map(([key, member]) => [key, member]);
  return value === undefined || value === '' ? [] : [value];
}

/** Calls of user functions inside each other (ESI.md section 3). */
const MAX_CALLS = 32;

/** Calls a user function: its `<esi:return>`, or the text of its body. Nothing can be fetched inside. */
export function callFunction(
  body: readonly Segment[],
  args: readonly Value[],
  document: Document,
  composition: Composition,
): Value {
  const { state } = document;
  const environment = state.environment(document, composition);
  if (state.calls >= MAX_CALLS || !spend(environment, 1)) {
    environment.warn({ code: 'too-many-steps', message: `functions call each other more than ${MAX_CALLS} deep` });
    return undefined;
  }
  const leave = state.scope(composition).enterFunction(args);
  state.calls++;
  try {
    const out: Piece[] = [];
    const step = executeAll(body, out, document, composition).next();
    const ending = step.done === true ? step.value : undefined;
    if (typeof ending === 'object') return ending.returned;
    const known = takeStock(out);
    if (typeof known !== 'object' || !('chunks' in known)) return undefined;
    if (known.length > MAX_TEXT) return refuse(environment, 'too-large', 'the text of a function is too large');
    // Joined before it is decoded: a character may stand across the pieces that it arrived in.
    return known.chunks.length === 0 ? '' : decode(join(known.chunks)).text;
  } finally {
    state.calls--;
    leave();
  }
}
