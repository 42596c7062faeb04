import { currentAge } from '../cache/freshness.ts';
import { asInlayError, InlayError } from '../errors.ts';
import { findSource } from '../fragment/source.ts';
import { project } from '../template/json-shape.ts';
import type { Include, Member, Segment } from '../template/template.ts';
import { type Attempt, attemptTarget, type Found, type Miss, objection } from './attempt.ts';
import type { Composition, Document } from './compose.ts';
import { finish, finishNode, type Recover } from './json-output.ts';
import {
  addressed,
  createNode,
  isOverlaidLater,
  itemInclude,
  lay,
  type Node,
  type Part,
  type Ready,
} from './json-parts.ts';
import { DROPPED, onOneLine, refOf, standInJson } from './json-value.ts';
import { beginPart, describe, overflowPart, settlePart, withoutByteOrderMark } from './part.ts';
import { type Arrived, neverRejects, type Piece } from './piece.ts';
import { note, type PlanPart } from './plan.ts';

/**
 * Composes JSON. All of a level is asked for before anything of the next: so entities of one type on one level are one
 * batch, however many documents they stand in. What is not asked for in batches goes on by itself as soon as it is there.
 */
export function composeJson(segments: readonly Segment[], document: Document, composition: Composition): Piece {
  const level = new Levels(composition);
  const parts = level.begin(segments, document);
  const late = level.run();
  return late === undefined
    ? finish(parts, level.recover)
    : neverRejects(late.then(() => finish(parts, level.recover)));
}

/** As {@link composeJson}, of documents that stand one a line: what is known of the first may leave before the others are. */
export function composeJsonLines(segments: readonly Segment[], document: Document, composition: Composition): Piece[] {
  const level = new Levels(composition);
  const parts = level.begin(segments, document);
  const late = level.run();
  return parts.map((part) => {
    if (part instanceof Uint8Array) return part;
    const finished = () => onOneLine(finish([part], level.recover));
    return late === undefined ? finished() : neverRejects(late.then(() => finished() as Arrived));
  });
}

/** Levels that run inside a result of which nobody says how many. */
const DEFAULT_DEPTH = 2;

const NOBODY: readonly Member[] = [];

const encoder = new TextEncoder();
const OPEN = encoder.encode('[');
const CLOSE = encoder.encode(']');

class Levels {
  readonly #composition: Composition;
  /** Nodes of the level that is being begun. */
  #nodes: Node[] = [];
  #pending: Promise<void>[] = [];

  constructor(composition: Composition) {
    this.#composition = composition;
  }

  /** Asks for all that a document includes. */
  begin(segments: readonly (Segment | Ready)[], document: Document): Part[] {
    const parts: Part[] = [];
    for (const segment of segments) {
      if (segment instanceof Uint8Array) parts.push(segment);
      else this.#beginInstruction(segment, document, parts);
    }
    return parts;
  }

  #beginInstruction(segment: Exclude<Segment | Ready, Uint8Array>, document: Document, parts: Part[]): void {
    switch (segment.kind) {
      case 'include':
        parts.push(this.#include(segment, document));
        break;
      case 'list': {
        const { overlay, ...each } = segment.each;
        // What stands beside the list is begun once, however many entities it is put over.
        const isNeeded = segment.items.some((item) => !('literal' in item));
        const shared = isNeeded && overlay !== undefined ? this.#members(overlay, document) : NOBODY;
        const items = segment.items.map((item) =>
          'literal' in item
            ? this.begin(item.literal, document)
            : [this.#include(itemInclude(each, item), document, shared)],
        );
        parts.push({ kind: 'items', open: OPEN, items, close: CLOSE });
        break;
      }
      case 'collection': {
        const items = segment.items.map((item) => this.begin(item, document));
        parts.push({ kind: 'items', open: segment.open, items, close: segment.close });
        break;
      }
      case 'hydration':
        this.#composition.hydrated = true;
        parts.push({
          kind: 'optional',
          parts: this.#composition.refusesHydration ? [] : this.begin(segment.body, document),
          otherwise: this.begin(segment.refused, document),
        });
        break;
      case 'ready':
        for (const part of segment.parts) parts.push(part);
        break;
    }
  }

  /** Goes from level to level; a promise, if one of them has to be waited for. */
  run(): Promise<void> | undefined {
    while (this.#nodes.length > 0) {
      const nodes = this.#nodes;
      const pending = this.#pending;
      this.#nodes = [];
      this.#pending = [];
      if (pending.length > 0)
        return Promise.all(pending).then(() => {
          for (const node of nodes) this.#expand(node);
          return this.run();
        });
      for (const node of nodes) this.#expand(node);
    }
    return undefined;
  }

  #include(include: Include, document: Document, shared: readonly Member[] = NOBODY): Part {
    const own = include.overlay === undefined ? NOBODY : this.#members(include.overlay, document);
    const members = shared.length === 0 ? own : own.length === 0 ? shared : [...shared, ...own];
    if (document.levels !== undefined && document.levels < 1) return this.#cut(include, members, document);
    const part = this.#admit(include, document);
    const node = createNode(include, document, part, members);
    if (part.error !== undefined) {
      this.#giveUp(node, part.error);
      return node;
    }
    const attempt = attemptTarget(include, addressed(include.target), part, document, this.#composition);
    if (!(attempt instanceof Promise) && 'cycle' in attempt) {
      (document.part.parts as PlanPart[]).pop();
      this.#composition.plan.ids--;
      return this.#cut(include, members, document);
    }
    this.#await(node, this.#orAlt(node, attempt));
    return node;
  }

  /** Members of an overlay: what is to be composed in them belongs to this document, and begins now. */
  #members(members: readonly Member[], document: Document): readonly Member[] {
    if (members.every(({ value }) => value.every((segment) => segment instanceof Uint8Array))) return members;
    return members.map((member) => {
      const ready: Ready = { kind: 'ready', parts: this.begin(member.value, document) };
      return { ...member, value: [ready as unknown as Segment] };
    });
  }

  /** The part of an include in the plan; it has an error if there are too many, or they are too deep. */
  #admit(include: Include, document: Document): PlanPart {
    const { plan, limits } = this.#composition;
    const isUrl = 'src' in include.target;
    const tooMany = isUrl ? ++plan.includes > limits.includes : ++plan.ids > limits.ids;
    if (tooMany) return overflowPart(isUrl ? 'includes' : 'ids', document, this.#composition);
    const part = beginPart(addressed(include.target), document, this.#composition);
    if (document.depth + 1 > limits.depth)
      part.error = new InlayError('limit-depth', `deeper than ${limits.depth} levels of includes`);
    return part;
  }

  /** Tries the alternative where the first cannot be had. */
  #orAlt(node: Node, attempt: Attempt | Promise<Attempt>): Attempt | Promise<Attempt> {
    const { alt } = node.include;
    if (alt === undefined) return attempt;
    if (attempt instanceof Promise) return attempt.then((first) => this.#orAlt(node, first));
    if ('entry' in attempt || node.usesAlt) return attempt;
    const { include, part, document } = node;
    const target = addressed(alt);
    const { plan, limits } = this.#composition;
    if ('src' in target && ++plan.includes > limits.includes) {
      note(part, `alt ${describe(target)}: more than ${limits.includes} includes in one page`);
      return attempt;
    }
    node.first = attempt;
    const conclude = (second: Attempt): Attempt => {
      if (!('entry' in second)) {
        note(part, `alt ${describe(target)}: ${second.error.code}: ${second.error.message}`);
        return attempt;
      }
      note(part, `delivered: alt ${describe(target)}`);
      // It was there, and said no: then the alternative is the answer. It was not: then it is better than nothing.
      if (attempt.error.code !== 'upstream-status' || (part.failedStatus ?? 0) >= 500) part.error = attempt.error;
      return second;
    };
    node.usesAlt = true;
    const second = attemptTarget(include, target, part, document, this.#composition);
    return second instanceof Promise ? second.then(conclude) : conclude(second);
  }

  /**
   * What is asked for in batches is waited for by its level, and so is what is overlaid by such; all else by nobody but
   * itself.
   */
  #await(node: Node, attempt: Attempt | Promise<Attempt>): void {
    if (!(attempt instanceof Promise)) {
      node.attempt = attempt;
      this.#nodes.push(node);
      return;
    }
    if (this.#isBatched(node) || isOverlaidLater(node)) {
      this.#nodes.push(node);
      this.#pending.push(
        attempt.then(
          (arrived) => {
            node.attempt = arrived;
          },
          (thrown) => {
            node.attempt = { error: asInlayError(thrown), stale: undefined, source: undefined };
          },
        ),
      );
      return;
    }
    node.late = new Levels(this.#composition).#conclude(node, attempt);
  }

  /** What comes of one include alone, with levels of its own. */
  #conclude(node: Node, attempt: Attempt | Promise<Attempt>): Piece {
    if (attempt instanceof Promise)
      return neverRejects(attempt.then((arrived) => this.#conclude(node, arrived) as Arrived));
    node.attempt = attempt;
    this.#nodes.push(node);
    const late = this.run();
    const finish = () => finishNode(node, this.recover);
    return late === undefined ? finish() : neverRejects(late.then(() => finish() as Arrived));
  }

  #isBatched({ include, document }: Node): boolean {
    const source = findSource(addressed(include.target), document, this.#composition.space);
    return !(source instanceof InlayError) && source.defined?.fragment.batch !== undefined;
  }

  #expand(node: Node): void {
    const { attempt, include, part } = node;
    if (attempt === undefined || node.piece !== undefined || node.inner !== undefined) return;
    if ('entry' in attempt) {
      this.#deliver(node, attempt, node.usesAlt ? 'alt' : 'fragment');
      return;
    }
    const { error, stale, source } = attempt;
    node.source = source;
    part.error = error;
    part.outcome = 'failed';
    if (stale !== undefined && source !== undefined && objection(stale, include, source) === undefined) {
      part.age = currentAge(stale, this.#composition.runtime.now());
      this.#deliver(node, { entry: stale, source }, 'stale');
      return;
    }
    this.#giveUp(node, error);
  }

  /** Puts an entity in the place of its include, narrowed and overlaid as that says; its own directives begin now. */
  #deliver(node: Node, { entry, source }: Found, delivered: 'fragment' | 'alt' | 'stale'): void {
    const { include, document, part, members } = node;
    settlePart(part, entry, delivered, this.#composition);
    node.source = source;
    let segments: readonly Segment[] = withoutByteOrderMark(entry.template.segments);
    if (include.fields !== undefined) segments = project(segments, include.fields);
    if (members.length > 0) segments = lay(segments, members, part);
    for (const change of include.within ?? [])
      segments = 'over' in change ? lay(segments, change.over, part) : project(segments, change);
    if (segments.every((segment) => segment instanceof Uint8Array)) {
      node.piece = segments;
      return;
    }
    const left = document.levels === undefined ? DEFAULT_DEPTH : document.levels - 1;
    const inner: Document = {
      service: source.service,
      path: source.path,
      depth: document.depth + 1,
      part,
      ancestors: [...document.ancestors, entry.key],
      state: document.state,
      levels: document.levels === undefined ? (include.depth ?? left) : Math.min(include.depth ?? left, left),
    };
    node.inner = this.begin(segments, inner);
  }

  /** Puts something else in the place of an include that failed. */
  #giveUp(node: Node, error: InlayError): void {
    const { include, part, source } = node;
    node.final = true;
    part.error = error;
    part.outcome = 'failed';
    part.endedAt = this.#composition.runtime.now() - this.#composition.startedAt;
    const standIn = standInJson(include, error, part, source?.defined?.fragment.fallback);
    if (typeof standIn !== 'string') node.piece = standIn;
    else this.#stand(node, standIn);
  }

  /** What stands beyond the depth that was asked for, or leads back to where it stands: its name, and no error. */
  #cut(include: Include, members: readonly Member[], document: Document): Part {
    document.part.cut++;
    const node = createNode(include, document, document.part, members);
    node.final = true;
    if (include.onerror === 'drop') node.piece = DROPPED;
    else this.#stand(node, refOf(include));
    return node;
  }

  /** A value in the place of an include, with what is put over its result. */
  #stand(node: Node, text: string): void {
    const { include, members, part, document } = node;
    let segments: readonly Segment[] = [encoder.encode(text)];
    if (members.length > 0) segments = lay(segments, members, part);
    for (const change of include.within ?? []) if ('over' in change) segments = lay(segments, change.over, part);
    if (segments.every((segment) => segment instanceof Uint8Array)) node.piece = segments;
    else node.inner = this.begin(segments, document);
  }

  /** A document in which an include fails is a failed include itself (ESI.md section 7). */
  readonly recover: Recover = (node, failure) => {
    if (failure.code === 'fragment-required') return { failure };
    this.#composition.used.delete(node.part);
    // Where the alternative stood and failed from within, a copy of what it stood for is still there.
    const miss: Miss = { error: failure, stale: node.first?.stale, source: node.first?.source ?? node.source };
    const again: Node = {
      ...node,
      first: undefined,
      piece: undefined,
      inner: undefined,
      late: undefined,
      finished: undefined,
    };
    const own = new Levels(this.#composition);
    return own.#conclude(again, own.#orAlt(again, miss));
  };
}
