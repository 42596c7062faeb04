const HTML: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', "'": '&#39;' };

/** Escapes a value for the text and the quoted attributes of HTML and XML (ESI.md section 9). */
export function escapeHtml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => HTML[character]!);
}

/**
 * Escapes a value for the inside of a JSON string (RFC 8259 section 7). `<` and the line separators too, so that the
 * document stays what it is when somebody puts it into a `<script>`.
 */
export function escapeJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[<\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Percent-encodes a value so that it stays one component of a URL: all but the unreserved characters of RFC 3986 section 2.3. */
export function escapeUrl(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Percent-encodes a value that stands in a path. `.` and `..` come to nothing: URL parsers read them as steps in the
 * path even when they are encoded (WHATWG URL, "double-dot URL path segment").
 */
export function escapeUrlPath(text: string): string {
  return text === '.' || text === '..' ? '' : escapeUrl(text);
}
