/** Partial changes, as they are put to the catalogue: understood, or answered with every problem they have. */
import * as v from 'valibot';

/** A change that was understood, or all problems of it in words for the sender. */
export type ParsedChange<T> =
  | { readonly ok: true; readonly change: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A member that may be changed: one line that says something. @param max characters */
export const line = (max: number) => v.exactOptional(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(max)));

/** The schema of a change: at least one of these members, and no other. */
export function changeOf<const Members extends v.ObjectEntries>(members: Members) {
  return v.pipe(
    v.strictObject(members, ({ expected }) =>
      expected === 'never' ? 'is not a member that can be changed' : 'has to be an object',
    ),
    v.check((change) => Object.keys(change).length > 0, `name at least one of: ${Object.keys(members).join(', ')}`),
  );
}

/** Parses the JSON text of a change. Never throws. */
export function parseChange<T>(schema: v.GenericSchema<unknown, T>, text: string): ParsedChange<T> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${(error as SyntaxError).message}`] };
  }
  const result = v.safeParse(schema, input);
  if (result.success) return { ok: true, change: result.output };
  return { ok: false, problems: result.issues.map((issue) => `${v.getDotPath(issue) ?? 'body'}: ${issue.message}`) };
}
