const BACKSLASH = 0x5c;
/** More names than these are looked up by what a key says, instead of compared one by one. */
const MAX_COMPARED = 64;
/** A name that is written as it is, a byte a character. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;

const decoder = new TextDecoder();

/** Finds what belongs to a key from its bytes. A key is decoded only if it is escaped, not ASCII, or if there are many names. */
export class Names<T> {
  readonly #values: ReadonlyMap<string, T>;
  readonly #plain: string[] = [];

  constructor(values: ReadonlyMap<string, T>) {
    this.#values = values;
    if (values.size <= MAX_COMPARED) for (const name of values.keys()) if (PLAIN.test(name)) this.#plain.push(name);
  }

  /** Of the key, with its quotes, from `start` to `end`. */
  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    if (this.#values.size <= MAX_COMPARED) {
      for (const name of this.#plain) if (says(bytes, start, end, name)) return this.#values.get(name);
      if (isPlain(bytes, start, end)) return undefined;
    }
    return this.#values.get(JSON.parse(decoder.decode(bytes.subarray(start, end))) as string);
  }
}

/** Whether a key consists of the bytes of an ASCII name. */
function says(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (name.length !== end - start - 2) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + 1 + i] !== name.charCodeAt(i)) return false;
  return true;
}

function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === BACKSLASH || bytes[i]! > 0x7e) return false;
  return true;
}
