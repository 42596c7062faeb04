/** The visitor service knows who is looking: the one personal part of a page, and for that never shared. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import type { Html } from './html.ts';
import { type Log, logRequests, runService } from './serve.ts';

const cookieName = 'visitor';
const longestName = 40; // characters
const month = 30 * 24 * 60 * 60; // seconds

/** The visitor service. It keeps nothing: the name lives in the visitor's cookie. */
export function createVisitor(options: { log?: Log } = {}): Hono {
  const app = new Hono();
  app.use(logRequests('visitor', options.log));
  app.use(bodyLimit({ maxSize: 4 * 1024 }));
  app.use(async (c, next) => {
    await next();
    c.header('Cache-Control', 'private, no-store');
    c.header('Vary', 'Cookie');
  });

  app.get('/fragments/greeting', (c) => {
    const name = readableName(getCookie(c, cookieName));
    return c.html(name === undefined ? signIn() : welcome(name));
  });

  app.post('/visitor', async (c) => {
    const name = readableName(await formField(c, 'name'));
    if (name === undefined) return c.html(refusal(), 400);
    setCookie(c, cookieName, name, { path: '/', httpOnly: true, sameSite: 'Lax', maxAge: month });
    return c.redirect('/', 303);
  });

  app.post('/visitor/leave', (c) => {
    deleteCookie(c, cookieName, { path: '/', httpOnly: true, sameSite: 'Lax' });
    return c.redirect('/', 303);
  });

  return app;
}

async function formField(c: Context, field: string): Promise<string | undefined> {
  const value = (await c.req.parseBody())[field];
  return typeof value === 'string' ? value : undefined;
}

/** A trimmed name of 1 to 40 characters without control characters; undefined for anything else, cookies included. */
function readableName(value: string | undefined): string | undefined {
  const name = value?.trim() ?? '';
  return name !== '' && name.length <= longestName && !/\p{C}/u.test(name) ? name : undefined;
}

function welcome(name: string): Html {
  return html`<form class="visitor" method="post" action="/visitor/leave">
  <span>Welcome back, ${name}</span>
  <button>Sign out</button>
</form>`;
}

function signIn(): Html {
  return html`<form class="visitor" method="post" action="/visitor">
  <label for="visitor-name">Your name</label>
  <input id="visitor-name" name="name" required maxlength="${longestName}" autocomplete="given-name">
  <button>Sign in</button>
</form>`;
}

function refusal(): Html {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>That name does not work</title>
<p>A name has 1 to ${longestName} characters. <a href="/">Back to Atlas</a></p>
</html>`;
}

if (import.meta.main) runService('visitor', 9004, createVisitor());
