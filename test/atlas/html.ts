/** HTML made with Hono's `html` template, which escapes every value that is put in. */
import type { html } from 'hono/html';

/** A piece of escaped HTML. */
export type Html = ReturnType<typeof html>;
