/**
 * Header fields as one flat list: name, value, name, value, … (RFC 9110 section 5 calls them field lines).
 * Names are lower case. Order and repetition survive, and the list can be written to a socket as it is.
 */
export type Fields = readonly string[];

/** The combined value of a field, its lines joined by `, ` (RFC 9110 section 5.3); `undefined` if absent. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue;
    value = value === undefined ? fields[i + 1]! : `${value}, ${fields[i + 1]!}`;
  }
  return value;
}

/** Every line of a field, in order. `Set-Cookie` must be read this way: its lines cannot be joined. */
export function fieldLines(fields: Fields, name: string): string[] {
  const lines: string[] = [];
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) lines.push(fields[i + 1]!);
  return lines;
}

/** The same fields without those named; names must be lower case. */
export function withoutFields(fields: Fields, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.has(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  }
  return kept;
}

/** Connection-level fields that never cross a proxy, whatever `Connection` says (RFC 9110 section 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Whether a field is about one connection and never crosses a proxy. */
export function isConnectionField(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** The end-to-end fields: without the hop-by-hop ones and without those that `Connection` names (RFC 9110 section 7.6.1). */
export function endToEnd(fields: Fields): string[] {
  const connection = fieldValue(fields, 'connection');
  if (connection === undefined) return withoutFields(fields, HOP_BY_HOP);
  const named = connection.split(',').map((token) => token.trim().toLowerCase());
  return withoutFields(fields, new Set([...HOP_BY_HOP, ...named]));
}
