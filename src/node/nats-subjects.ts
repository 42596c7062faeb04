/** Whether a pattern of a subscription (`*` a token, `>` all that follow) takes a subject, or all that another pattern does. */
export function coversSubject(wide: string, narrow: string): boolean {
  const own = wide.split('.');
  const other = narrow.split('.');
  for (let i = 0; i < own.length; i++) {
    if (own[i] === '>') return other.length > i;
    const token = other[i];
    if (token === undefined || token === '>') return false;
    if (own[i] !== '*' && own[i] !== token) return false;
  }
  return other.length === own.length;
}
