import { type Fields, fieldValue } from './fields.ts';

/** Request fields that select a representation, and their normalised values (RFC 9111 section 4.1). */
export type VaryValues = readonly (readonly [name: string, value: string])[];

/**
 * The request fields that `Vary` names: lower-case, sorted, each once; `'*'` if any member of any line is `*`.
 *
 * @see RFC 9110 section 12.5.5
 */
export function varyNames(fields: Fields): readonly string[] | '*' {
  const value = fieldValue(fields, 'vary');
  if (value === undefined) return [];
  const names = new Set<string>();
  for (const member of value.split(',')) {
    const name = member.trim().toLowerCase();
    if (name === '*') return '*';
    if (name !== '') names.add(name);
  }
  return [...names].sort();
}

/**
 * The values of these request fields in a form in which two requests that mean the same are equal.
 * An absent field is `''`, one that is present but empty `' '`: the RFC tells them apart, and a trimmed value is never a space.
 *
 * @param names lower-case field names
 * @see RFC 9111 section 4.1
 */
export function varyValues(names: readonly string[], requestFields: Fields): [name: string, value: string][] {
  return names.map((name) => [name, selectingValue(name, requestFields)]);
}

/** Whether a representation stored with these values answers this request. */
export function matchesVary(vary: VaryValues, requestFields: Fields): boolean {
  return vary.every(([name, value]) => selectingValue(name, requestFields) === value);
}

function selectingValue(name: string, requestFields: Fields): string {
  const value = fieldValue(requestFields, name);
  if (value === undefined) return '';
  let normal = value.trim();
  // Inside a quoted string white space and commas are data: such values are compared as they stand.
  if (!normal.includes('"')) normal = normal.replace(/[ \t]*,[ \t]*/g, ', ');
  if (normal === '') return ' ';
  // Language ranges are case-insensitive (RFC 4647 section 2); of other fields nothing is known.
  return name === 'accept-language' ? normal.toLowerCase() : normal;
}
