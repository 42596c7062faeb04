/**
 * Whether a service may resolve a path to another one (RFC 3986 section 5.2.4): dot segments, percent-encoded or behind
 * encoded slashes too, and some services drop parameters first (`..;x`). Clients resolve them before they ask.
 */
export function hasDotSegments(path: string): boolean {
  return DOT_SEGMENT.test(path);
}

const DOT_SEGMENT = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\;]|%2f|%5c|%3b|$)/i;
