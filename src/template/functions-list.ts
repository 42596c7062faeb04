import { type Environment, maySearch, refuse, textOf } from './environment.ts';
import { escapeJson } from './escape.ts';
import type { Library } from './functions.ts';
import { type List, MAX_ITEMS, MAX_TEXT, print, sortedEntries, toInteger, type Value } from './value.ts';

/** The functions of ESI.md section 6 that take lists or make them, and `json_encode`, which is Inlay's own. */
export const LIST_FUNCTIONS: Library = {
  string_split: { arity: [1, 3], run: split },
  join: { arity: [1, 2], run: join },
  list_delitem: { arity: [2, 2], run: withoutItem },
  json_encode: { arity: [1, 1], run: ([value], environment) => encode(value, environment) },
};

/** Splits at most `max` times; without separator at each blank, at an empty one between all characters. */
function split([value, separator, max]: readonly Value[], environment: Environment): Value {
  const limit = max === undefined ? Number.MAX_SAFE_INTEGER : toInteger(max);
  if (limit === undefined) return refuse(environment, 'bad-argument', '$string_split takes a whole number as maximum');
  const text = textOf(value, environment);
  const by = separator === undefined ? ' ' : textOf(separator, environment);
  if (!maySearch(text, by, environment)) return undefined;
  const items: List = [];
  let start = 0;
  while (items.length < limit) {
    const end = by === '' ? endOfCharacter(text, start) : text.indexOf(by, start);
    if (end < 0) break;
    items.push(text.slice(start, end));
    start = end + by.length;
    if (items.length >= MAX_ITEMS) {
      return refuse(environment, 'too-large', `$string_split makes more than ${MAX_ITEMS} items`);
    }
  }
  items.push(text.slice(start));
  return items;
}

/** Where the next character begins; -1 if this is the last one. */
function endOfCharacter(text: string, start: number): number {
  const end = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
  return end < text.length ? end : -1;
}

function join([list, separator]: readonly Value[], environment: Environment): Value {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) return refuse(environment, 'bad-argument', '$join takes a list');
  const by = separator === undefined ? ' ' : textOf(separator, environment);
  let text = '';
  for (const [i, item] of list.entries()) {
    text += (i === 0 ? '' : by) + textOf(item, environment);
    if (text.length > MAX_TEXT) return refuse(environment, 'too-large', 'the result of $join is too large');
  }
  return text;
}

/** A new list without the item of this number; the list itself stays as it is. */
function withoutItem([list, number]: readonly Value[], environment: Environment): Value {
  if (list === undefined) return undefined;
  const index = toInteger(number);
  if (!Array.isArray(list) || index === undefined) {
    return refuse(environment, 'bad-argument', '$list_delitem takes a list and a whole number');
  }
  return index < 0 ? [...list] : list.toSpliced(index, 1);
}

/** A list may hold itself. */
const MAX_JSON_DEPTH = 64;

/** The value as JSON (RFC 8259): unset is null, dictionaries are sorted, and `<` is escaped for use in a script. */
function encode(value: Value, environment: Environment): Value {
  const writer = new JsonWriter();
  writer.write(value, 0);
  return writer.text ?? refuse(environment, 'too-large', 'the result of $json_encode is too large or too deep');
}

class JsonWriter {
  /** Unset once there is too much of it. */
  text: string | undefined = '';

  write(value: Value, depth: number): void {
    if (typeof value === 'string') this.#put(`"${escapeJson(value)}"`);
    else if (typeof value !== 'object') this.#put(value === undefined ? 'null' : print(value));
    else if (depth >= MAX_JSON_DEPTH) this.text = undefined;
    else if (value instanceof Map) {
      let before = '{';
      for (const [key, item] of sortedEntries(value)) {
        this.#put(`${before}"${escapeJson(key)}":`);
        if (this.text === undefined) return;
        this.write(item, depth + 1);
        before = ',';
      }
      this.#put(value.size === 0 ? '{}' : '}');
    } else {
      let before = '[';
      for (const item of value) {
        this.#put(before);
        if (this.text === undefined) return;
        this.write(item, depth + 1);
        before = ',';
      }
      this.#put(value.length === 0 ? '[]' : ']');
    }
  }

  #put(text: string): void {
    if (this.text === undefined) return;
    this.text = this.text.length + text.length > MAX_TEXT ? undefined : this.text + text;
  }
}
