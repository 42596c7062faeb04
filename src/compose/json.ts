import type { Entry } from '../cache/entry.ts';
import { InlayError } from '../errors.ts';
import { isJson } from '../template/json.ts';
import type { Include } from '../template/template.ts';
import type { Piece } from './piece.ts';
import type { PlanPart } from './plan.ts';

const known = new WeakMap<Entry, boolean>();

/** Whether an entry's body is one JSON value; found out once an entry. A JSON template was checked when it was compiled. */
export function isJsonEntry(entry: Entry): boolean {
  const { syntax, segments } = entry.template;
  if (syntax === 'json' && segments.some((segment) => !(segment instanceof Uint8Array))) return true;
  let answer = known.get(entry);
  if (answer === undefined) {
    const [body] = segments;
    answer = segments.length === 1 && body instanceof Uint8Array && isJson(body);
    known.set(entry, answer);
  }
  return answer;
}

/** The JSON value that stands in the place of a failed include: always one, so that the document still parses. */
export function standInJson(include: Include, error: InlayError, part: PlanPart, fallback: string | undefined): Piece {
  const { target, onerror } = include;
  if (include.default !== undefined) return value(include.default, 'default', part);
  if (onerror === 'fail') {
    part.delivered = 'failure';
    return {
      failure: new InlayError('fragment-failed', `${part.asked}: ${error.message}`, { path: part.asked, cause: error }),
    };
  }
  if (onerror === undefined && fallback !== undefined && isJson(encoder.encode(fallback)))
    return value(fallback, 'fallback', part);
  if ('src' in target || onerror === 'null') return value('null', 'null', part);
  return value(JSON.stringify({ type: target.type, id: target.id }), 'ref', part);
}

const encoder = new TextEncoder();

function value(text: string, delivered: NonNullable<PlanPart['delivered']>, part: PlanPart): Piece {
  part.delivered = delivered;
  return encoder.encode(text);
}
