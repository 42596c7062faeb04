import type { Entry } from '../cache/entry.ts';
import { asInlayError } from '../errors.ts';
import type { PageTerms } from '../fragment/ask.ts';
import type { Place, UrlSpace } from '../fragment/source.ts';
import type { Runtime } from '../runtime.ts';
import { createEnvironment, type Effect, type Environment, type Steps } from '../template/environment.ts';
import type { VariableRead } from '../template/expression.ts';
import { createScope, type Scope } from '../template/scope.ts';
import type { Segment, Syntax } from '../template/template.ts';
import { print, type Value } from '../template/value.ts';
import type { RequestVariables } from '../template/variables.ts';
import { callFunction, type Execution, execute } from './execute.ts';
import { composeJson, composeJsonLines } from './json.ts';
import type { Arrived, Piece } from './piece.ts';
import { note, type Plan, type PlanPart } from './plan.ts';

/** What all includes of one page share. */
export interface Composition {
  readonly runtime: Runtime;
  readonly space: UrlSpace;
  readonly terms: PageTerms;
  readonly plan: Plan;
  readonly limits: { readonly depth: number; readonly includes: number; readonly ids: number };
  /** What an HTML include without `onerror` does when it fails. */
  readonly onerror: 'fail' | 'continue';
  /** Whether pages may change requests and the response (ESI.md section 9). */
  readonly privileged: boolean;
  /** Epoch ms. */
  readonly startedAt: number;
  /** Epoch ms by which the whole page must be composed. */
  readonly deadline: number;
  /** Entries that the output was made of, for validators and Cache-Control. */
  readonly used: Map<PlanPart, Entry>;
  readonly variables: RequestVariables;
  /** What expressions may still do, all documents of the page together. */
  readonly steps: Steps;
  /** What expressions want done to the response. */
  readonly effects: Effect[];
  /** The request's variables that something was decided or printed by; each once, by its text. */
  readonly reads: Map<string, VariableRead>;
  /** An expression asked for the time or for chance: the next composition may differ, whatever the request. */
  fleeting: boolean;
  /** Whether any expression was evaluated: what was composed is then more than its parts. */
  evaluated: boolean;
  /** Ids were found where a service or a route says that there are, whether they were hydrated or not. */
  hydrated: boolean;
  /** The client wants them as they are. */
  readonly refusesHydration: boolean;
}

/** The document whose segments are being composed. */
export interface Document extends Place {
  /** 0 for the page. */
  readonly depth: number;
  readonly part: PlanPart;
  /** Keys of the documents around it: an include of one of them is a cycle. */
  readonly ancestors: readonly string[];
  /** Its variables and functions; made when the first of its segments needs them. */
  readonly state: DocumentState;
  /** JSON: levels of directives that may still run, this document's included. Absent: those of the page itself. */
  readonly levels?: number;
  /** Inside `<esi:attempt>`: a failed include is a failure, whatever the route says. */
  readonly attempting?: boolean;
}

/** Variables and functions of one document; no other sees them (ESI.md section 3). */
export class DocumentState {
  readonly functions = new Map<string, readonly Segment[]>();
  /** Contents of `<esi:inline>`, by name. */
  readonly inlines = new Map<string, readonly Segment[]>();
  /** What has been composed so far waits for this; what comes later in the document must, too. */
  waiting: Promise<Arrived> | undefined;
  /** Levels of user functions that are being called. */
  calls = 0;
  /** Elements that are open inside of them. */
  levels = 0;
  #scope: Scope | undefined;
  #environment: Environment | undefined;

  scope(composition: Composition): Scope {
    this.#scope ??= createScope(composition.variables);
    return this.#scope;
  }

  environment(document: Document, composition: Composition): Environment {
    this.#environment ??= this.#create(document, composition);
    return this.#environment;
  }

  /** A copy of what is there now, for segments that run later than their place in the document. */
  fork(composition: Composition): DocumentState {
    const copy = new DocumentState();
    for (const [name, body] of this.functions) copy.functions.set(name, body);
    for (const [name, body] of this.inlines) copy.inlines.set(name, body);
    copy.#scope = this.scope(composition).fork();
    return copy;
  }

  #create(document: Document, composition: Composition): Environment {
    composition.evaluated = true;
    const scope = this.scope(composition);
    const { runtime, reads, variables, steps, effects, privileged } = composition;
    return createEnvironment({
      read: (name, key) => {
        if (variables.has(name)) noteRead(reads, name, key);
        return scope.read(name, key);
      },
      matched: scope.matched,
      userFunction: (name) => {
        const body = this.functions.get(name);
        return body && ((args: readonly Value[]) => callFunction(body, args, document, composition));
      },
      warn: ({ code, message }) => note(document.part, `${code}: ${message}`),
      now: () => {
        composition.fleeting = true;
        return runtime.now();
      },
      random: () => {
        composition.fleeting = true;
        return randomNumber();
      },
      steps,
      effects,
      privileged,
    });
  }
}

/** Reads that are told apart by their keys; of what comes later only the variable is noted. */
const MAX_KEYED_READS = 32;

function noteRead(reads: Map<string, VariableRead>, name: string, key: Value | undefined): void {
  const text = key === undefined || reads.size >= MAX_KEYED_READS ? undefined : print(key);
  const id = text === undefined ? name : `${name}{${text}}`;
  if (!reads.has(id)) reads.set(id, { kind: 'variable', name, ...(text === undefined ? {} : { key: text }) });
}

function randomNumber(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
}

/** Composes a document by the rules of its language. */
export function composeDocument(
  syntax: Syntax,
  segments: readonly Segment[],
  document: Document,
  composition: Composition,
): Piece[] {
  if (syntax === 'json') return [composeJson(segments, document, composition)];
  if (syntax === 'ndjson') return composeJsonLines(segments, document, composition);
  return compose(segments, document, composition);
}

/**
 * Composes segments: literal bytes as they are, every include that is known to be needed started now. The order of the
 * pieces is the order of the document.
 */
export function compose(segments: readonly Segment[], document: Document, composition: Composition): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    if (segment instanceof Uint8Array) {
      pieces.push(segment);
      continue;
    }
    const out: Piece[] = [];
    const execution = execute(segment, out, document, composition);
    const step = execution.next();
    if (step.done === true) {
      for (const piece of out) pieces.push(piece);
      continue;
    }
    // What comes after an `eval` that is not there yet may depend on the variables that it assigns.
    const late = finish(execution, step.value, out, segments.slice(i + 1), document, composition);
    document.state.waiting = late;
    pieces.push(late);
    break;
  }
  return pieces;
}

async function finish(
  execution: Execution,
  awaited: Promise<void>,
  out: Piece[],
  rest: readonly Segment[],
  document: Document,
  composition: Composition,
): Promise<Arrived> {
  try {
    await awaited;
    for (let step = execution.next(); step.done !== true; step = execution.next()) await step.value;
    document.state.waiting = undefined;
    return [out, compose(rest, document, composition)];
  } catch (thrown) {
    document.state.waiting = undefined;
    return { failure: asInlayError(thrown) };
  }
}
