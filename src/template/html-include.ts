import { isBlank } from './html-text.ts';
import type { Include, Text } from './template.ts';

/** How much text may wait for the end tag of an include, in bytes; after that there is none. */
const MAX_CONTENT = 4_096;

/**
 * An `<esi:include …>` without slash. It may be an empty element, and what follows is the page's; or an end tag comes,
 * and what stands between is dropped but for its `<esi:param/>` children (ESI.md section 3).
 *
 * It starts as early as can be told: with the first byte of text that is no white space, or with the next ESI tag that
 * is no `param`. The text after it waits for that tag, {@link MAX_CONTENT} bytes at most. Whoever cannot wait writes the slash.
 */
export class OpenInclude {
  /** It is part of the page already: no `param` can change it any more. */
  started = false;
  #include: Include;
  #text: Uint8Array[] = [];
  #length = 0;

  constructor(include: Include) {
    this.#include = include;
  }

  /** Takes text after it, and says what that tells: nothing, that no `param` comes, or that no end tag comes. */
  add(bytes: Uint8Array): 'undecided' | 'started' | 'ended' {
    this.#text.push(bytes);
    this.#length += bytes.length;
    if (this.#length > MAX_CONTENT) return 'ended';
    return isBlank(bytes) ? 'undecided' : 'started';
  }

  addParam(name: Text, value: Text): void {
    this.#include = { ...this.#include, params: [...(this.#include.params ?? []), { name, value }] };
    this.#text = [];
    this.#length = 0;
  }

  start(): Include {
    this.started = true;
    return this.#include;
  }

  /** The text that was dropped if an end tag came, and is the page's if none came. */
  get text(): readonly Uint8Array[] {
    return this.#text;
  }
}
