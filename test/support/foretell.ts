import type { Asker, Construct, Foretold, Part, Sketch } from './documents.ts';

type Including = Extract<Construct, { of: Sketch }>;

/** A failure that nothing inside its document caught. */
class Failed extends Error {}

/** Reads a page for one asker: what the gateway must make of it, by the rules of `src/template/ESI.md` sections 3 and 7. */
export function foretell(page: Part, asker: Asker, forgiving: boolean, partOf: (sketch: Sketch) => Part): Foretold {
  const reading = new Reading(asker, forgiving, partOf);
  let text: string | undefined;
  try {
    text = reading.document(page, '', false);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
  return { text, used: reading.used, includes: reading.includes };
}

class Reading {
  readonly used = new Set<Part>();
  includes = 0;
  readonly #asker: Asker;
  readonly #forgiving: boolean;
  readonly #partOf: (sketch: Sketch) => Part;

  constructor(asker: Asker, forgiving: boolean, partOf: (sketch: Sketch) => Part) {
    this.#asker = asker;
    this.#forgiving = forgiving;
    this.#partOf = partOf;
  }

  /** @param attempting inside an attempt, where nothing is forgiven */
  document(part: Part, query: string, attempting: boolean): string {
    this.used.add(part);
    if (part.failing !== undefined) throw new Failed();
    const { type, body } = part.sketch;
    const words = `${part.id}.${part.version}${query}`;
    if (type === 'html') return `[${words}]${this.#read(body, [], attempting)}`;
    return `{"words":"${words}"${body.map((one, i) => `,"m${i}":${this.#value(one)}`).join('')}}`;
  }

  #read(body: readonly Construct[], loop: readonly number[], attempting: boolean): string {
    return body.map((one) => this.#construct(one, loop, attempting)).join('');
  }

  #construct(one: Construct, loop: readonly number[], attempting: boolean): string {
    switch (one.is) {
      case 'text':
        return one.text;
      case 'query':
      case 'visitor':
        return this.#asker[one.is];
      case 'choose':
        return this.#read(this.#asker[one.by] === 'a' ? one.first : one.otherwise, loop, attempting);
      case 'foreach': {
        const rounds = Array.from({ length: one.rounds }, (_, i) => this.#read(one.body, [...loop, i + 1], attempting));
        return rounds.join('');
      }
      case 'inline':
        this.includes += 1;
        return this.#read(one.body, loop, attempting);
      case 'try':
        return this.#caught(
          () => this.#read(one.attempt, loop, true),
          () => this.#read(one.except, loop, attempting),
        );
      default:
        return this.#included(one, loop, attempting);
    }
  }

  #included(one: Including, loop: readonly number[], attempting: boolean): string {
    this.includes += 1;
    const part = this.#partOf(one.of);
    const query = loop.length === 0 ? '' : `n=${loop.join('')}`;
    if (attempting || !this.#forgiving) return this.document(part, query, attempting);
    return this.#caught(
      () => this.document(part, query, attempting),
      () => '',
    );
  }

  /** A member of JSON: null stands for what failed. */
  #value(one: Construct): string {
    if (one.is === 'text') return one.text;
    if (!('of' in one)) throw new Error(`no ${one.is} in JSON`);
    this.includes += 1;
    return this.#caught(
      () => this.document(this.#partOf(one.of), '', false),
      () => 'null',
    );
  }

  #caught(read: () => string, otherwise: () => string): string {
    try {
      return read();
    } catch (error) {
      if (error instanceof Failed) return otherwise();
      throw error;
    }
  }
}
