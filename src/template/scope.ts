import { element, MAX_ITEMS, print, type Value } from './value.ts';
import type { RequestVariables } from './variables.ts';

/** How an assignment went; `done` or why not. */
export type Assignment = 'done' | 'reserved name' | 'too many variables' | 'not a list or dictionary' | 'out of range';

/** The variables of one document: the request's, and those that it assigns. No other document sees them. */
export interface Scope {
  read(name: string, key?: Value): Value;
  /** With a key, changes one element: of the very list or dictionary that other variables may hold too. */
  assign(name: string, value: Value, key?: Value): Assignment;
  /** Binds the item of a loop; the result restores what the name meant before. */
  bind(name: string, value: Value): () => void;
  /** Gives a user function its `ARGS`; the result restores the caller's. */
  enterFunction(args: readonly Value[]): () => void;
  /** Begins a choose, which has no `MATCHES` yet; the result restores those of the choose around it. */
  enterChoose(): () => void;
  /** What the last `matches` of the choose found; empty if it did not match. */
  matched(groups: readonly Value[]): void;
  /** A scope that begins with what this one holds now; assignments in one are not seen in the other. */
  fork(): Scope;
}

/** How many variables a document may assign. */
export const MAX_VARIABLES = 1_000;

/** A new scope: one for each document (ESI.md section 3, "Documents"). */
export function createScope(request: RequestVariables): Scope {
  return scopeOf(request, new Map(), [], []);
}

function scopeOf(request: RequestVariables, assigned: Map<string, Value>, args: Value[], groups: Value[]): Scope {
  const variable = (name: string): Value => {
    if (name === 'MATCHES') return groups;
    return name === 'ARGS' ? args : assigned.get(name);
  };
  const read = (name: string, key?: Value): Value => {
    if (request.has(name) && name !== 'MATCHES' && name !== 'ARGS') return request.read(name, key);
    return key === undefined ? variable(name) : element(variable(name), key);
  };
  const assign = (name: string, value: Value, key?: Value): Assignment => {
    if (request.has(name)) return 'reserved name';
    if (key !== undefined) return assignElement(assigned.get(name), key, value);
    if (!assigned.has(name) && assigned.size >= MAX_VARIABLES) return 'too many variables';
    assigned.set(name, value);
    return 'done';
  };
  return {
    read,
    assign,
    bind: (name, value) => {
      const had = assigned.has(name);
      const before = assigned.get(name);
      if (!request.has(name)) assigned.set(name, value);
      return () => {
        if (had) assigned.set(name, before);
        else assigned.delete(name);
      };
    },
    enterFunction: (values) => {
      const before = args;
      args = [...values];
      return () => {
        args = before;
      };
    },
    enterChoose: () => {
      const before = groups;
      groups = [];
      return () => {
        groups = before;
      };
    },
    matched: (found) => {
      groups = [...found];
    },
    // With their contents: lists and dictionaries are shared by reference, and an element may be assigned later.
    fork: () => scopeOf(request, structuredClone(assigned), structuredClone(args), structuredClone(groups)),
  };
}

function assignElement(container: Value, key: Value, value: Value): Assignment {
  if (typeof container !== 'object') return 'not a list or dictionary';
  const text = print(key);
  if (container instanceof Map) {
    if (!container.has(text) && container.size >= MAX_ITEMS) return 'out of range';
    container.set(text, value);
    return 'done';
  }
  const index = /^\d{1,5}$/.test(text) ? Number(text) : container.length;
  if (index >= container.length) return 'out of range';
  container[index] = value;
  return 'done';
}
