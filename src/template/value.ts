/**
 * A value of the language (ESI.md section 4); `undefined` is unset.
 * Lists and dictionaries are assigned by reference, so they are the mutable things themselves.
 */
export type Value = undefined | string | number | boolean | List | Dictionary;
export type List = Value[];
/** A Map, not an object: its keys come from pages and clients, and none of them may be special (`__proto__`). */
export type Dictionary = Map<string, Value>;

/** The longest text that an expression may make, in UTF-16 code units. */
export const MAX_TEXT = 1_048_576;

/** The most items that a list or dictionary may have. */
export const MAX_ITEMS = 10_000;

/** A list may hold itself, or one list twice on every level: printing stops at these. */
const MAX_PRINT_DEPTH = 64;
const MAX_PRINT_ELEMENTS = 100_000;

/**
 * The text of a value: lists `1,a`, dictionaries `k=v&k2=v2` sorted by key, unset is empty (ESI.md section 4).
 * What is beyond {@link MAX_TEXT}, 100,000 elements or 64 levels is left out.
 */
export function print(value: Value): string {
  return typeof value === 'string' ? value : printCounted(value).text;
}

/** The text of a value, and how many elements had to be looked at for it. */
export function printCounted(value: Value): { readonly text: string; readonly elements: number } {
  if (typeof value === 'string') return { text: value, elements: 1 };
  if (typeof value === 'number') return { text: printNumber(value), elements: 1 };
  if (typeof value === 'object') {
    const printer = new Printer();
    printer.add(value, 0);
    return { text: printer.text, elements: printer.elements };
  }
  return { text: value === undefined ? '' : String(value), elements: 1 };
}

class Printer {
  text = '';
  elements = 0;

  add(value: Value, depth: number): void {
    this.elements++;
    if (typeof value !== 'object') this.#put(print(value));
    else if (depth < MAX_PRINT_DEPTH) this.#addAll(value, depth + 1);
  }

  #addAll(value: List | Dictionary, depth: number): void {
    let separator = '';
    for (const [key, item] of value instanceof Map ? sortedEntries(value) : value.entries()) {
      if (this.#full) return;
      this.#put(value instanceof Map ? `${separator}${key}=` : separator);
      this.add(item, depth);
      separator = value instanceof Map ? '&' : ',';
    }
  }

  #put(text: string): void {
    if (this.text.length + text.length <= MAX_TEXT) this.text += text;
    else this.elements = MAX_PRINT_ELEMENTS;
  }

  get #full(): boolean {
    return this.elements >= MAX_PRINT_ELEMENTS;
  }
}

/** The entries of a dictionary in the order that it is printed in: by key, byte-wise. */
export function sortedEntries(dictionary: Dictionary): [string, Value][] {
  return [...dictionary].sort(([a], [b]) => orderText(a, b));
}

/** Decimal notation always, so that a printed number reads back as one; fractions without the noise of binary arithmetic. */
function printNumber(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : String(BigInt(value));
  const text = String(Number(value.toPrecision(15)));
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}

/** Whether a lone value is true: unset, empty, `false` and the number 0 are not; the texts `0` and `false` are (ESI.md section 5). */
export function truth(value: Value): boolean {
  return typeof value === 'object' ? !isEmpty(value) : Boolean(value);
}

/** Whether a default stands in for a value: unset, empty text, no items (W3C esi-lang section 4.2). */
export function isEmpty(value: Value): boolean {
  if (value instanceof Map) return value.size === 0;
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

/** Longer than any number that a page means, and short enough to stay finite. */
const MAX_DIGITS = 300;

/**
 * The number that a value reads as: a number, or text in decimal notation with an optional sign; quoting makes no
 * difference (W3C esi-lang section 5.1). Hexadecimal, `1.05a` and `3.01.23` are text.
 */
export function toNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > MAX_DIGITS || !/^[+-]?\d+(?:\.\d+)?$/.test(value)) return undefined;
  return Number(value);
}

/** The whole number that a value reads as; `undefined` if it reads as none that can be counted with exactly. */
export function toInteger(value: Value): number | undefined {
  const number = toNumber(value);
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

export type Comparison = '==' | '!=' | '<' | '>' | '<=' | '>=';

/**
 * Compares as numbers if both operands read as numbers, else as text, byte by byte (W3C esi-lang section 5.1).
 * An empty or unset operand orders with nothing, but is equal to the other if that is empty too (ESI.md section 5).
 */
export function compare(operator: Comparison, left: Value, right: Value): boolean {
  const equality = operator === '==' || operator === '!=';
  if (!equality && (isEmpty(left) || isEmpty(right))) return false;
  const order = orderValues(left, right);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    case '>=':
      return order >= 0;
  }
}

function orderValues(left: Value, right: Value): number {
  const a = toNumber(left);
  const b = toNumber(right);
  if (a === undefined || b === undefined) return orderText(print(left), print(right));
  if (a !== b) return a < b ? -1 : 1;
  // Rounding may have made them equal: two 64-bit ids that differ in the last digit are two ids.
  return Math.abs(a) > Number.MAX_SAFE_INTEGER ? orderIntegers(wholePart(left), wholePart(right)) : 0;
}

function wholePart(value: Value): bigint {
  return BigInt(print(value).split('.', 1)[0]!);
}

function orderIntegers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The order of the UTF-8 bytes of two texts, which is that of their characters and not that of UTF-16. */
function orderText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond U+FFFF, so they rank above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * One element: of a list by number, of a dictionary by key, of text by character; unset if there is none
 * (ESI.md section 4). Of text, only the first {@link MAX_ITEMS} characters can be reached.
 */
export function element(value: Value, key: Value): Value {
  if (value instanceof Map) return value.get(print(key));
  if (typeof value !== 'object' && typeof value !== 'string') return undefined;
  const index = toInteger(key);
  if (index === undefined || index < 0 || index >= MAX_ITEMS) return undefined;
  return typeof value === 'string' ? characterAt(value, index) : value[index];
}

function characterAt(text: string, index: number): string | undefined {
  if (index >= text.length) return undefined;
  for (const character of text) if (index-- === 0) return character;
  return undefined;
}
