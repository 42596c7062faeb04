import type { Fields } from '../http/fields.ts';
import { parsePointer } from '../template/json-pointer.ts';
import type { Matched } from './match.ts';
import type { Captures, Pattern } from './pattern.ts';

/** The tags of a stored answer: those of its `Surrogate-Key` and `Cache-Tag` fields and those of its definition. */
export function tagsOf(matched: Matched | undefined, fields: Fields, body: () => unknown): string[] {
  const tags = new Set<string>();
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'surrogate-key') for (const tag of fields[i + 1]!.split(/\s+/)) tags.add(tag);
    if (fields[i] === 'cache-tag') for (const tag of fields[i + 1]!.split(',')) tags.add(tag.trim());
  }
  for (const pattern of matched?.fragment.tags ?? [])
    for (const tag of expandTag(pattern, matched!.captures, body)) tags.add(tag);
  tags.delete('');
  return [...tags].slice(0, MAX_TAGS);
}

/** Tags of one entry; a purge message may name as many. */
const MAX_TAGS = 1_000;

/** A pointer to a list gives one tag a member; a pointer to nothing gives none. */
function expandTag(pattern: Pattern, captures: Captures, body: () => unknown): string[] {
  const lists = pattern.names.map((name) => {
    const value = name.startsWith('/') ? pointer(body(), name) : captures[name];
    return (Array.isArray(value) ? value : [value])
      .filter((item) => typeof item === 'string' || typeof item === 'number')
      .map(String);
  });
  let texts = [pattern.literals[0]!];
  lists.forEach((values, index) => {
    texts = texts
      .flatMap((text) => values.map((value) => text + value + pattern.literals[index + 1]!))
      .slice(0, MAX_TAGS);
  });
  return texts;
}

/** The value at a JSON pointer (RFC 6901), own members only. */
function pointer(value: unknown, path: string): unknown {
  for (const name of parsePointer(path) ?? [path]) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
