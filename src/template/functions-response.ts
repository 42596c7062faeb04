import { type Effect, type Environment, refuse, textOf } from './environment.ts';
import type { Library } from './functions.ts';
import { toInteger, type Value } from './value.ts';

/**
 * The functions of ESI.md section 6 that change the response. They record what they want, and only where the operator
 * allows it (ESI.md section 9); their own value is unset.
 */
export const RESPONSE_FUNCTIONS: Library = {
  add_header: { arity: [2, 2], run: addHeader },
  set_response_code: { arity: [1, 2], run: setResponseCode },
  set_redirect: { arity: [1, 1], run: setRedirect },
};

/** Effects that one page may have. */
const MAX_EFFECTS = 100;

/** Fields that frame the message, that the proxy alone may set, or that would hide what the body is. */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'surrogate-control',
  'te',
  'trailer',
  'transfer-encoding',
  'vary',
  'upgrade',
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** No control character but the tab (RFC 9110 section 5.5), and nothing that has no byte of its own. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;

function addHeader([name, value]: readonly Value[], environment: Environment): undefined {
  const field = textOf(name, environment).toLowerCase();
  const text = textOf(value, environment).trim();
  if (!TOKEN.test(field) || !FIELD_VALUE.test(text)) {
    return refuse(environment, 'bad-argument', '$add_header takes a field name and a value without line breaks');
  }
  if (UNTOUCHABLE.has(field.replaceAll('_', '-')) || (field === 'set-cookie' && !environment.setCookie)) {
    return refuse(environment, 'not-permitted', `$add_header must not set ${field}`);
  }
  return record('add_header', { kind: 'header', name: field, value: text }, environment);
}

/** Final statuses only: an interim response has no page. */
function setResponseCode(args: readonly Value[], environment: Environment): undefined {
  const status = toInteger(args[0]);
  if (status === undefined || status < 200 || status > 599) {
    return refuse(environment, 'bad-argument', '$set_response_code takes a status from 200 to 599');
  }
  const body = args[1] === undefined ? {} : { body: textOf(args[1], environment) };
  return record('set_response_code', { kind: 'status', status, ...body }, environment);
}

function setRedirect([url]: readonly Value[], environment: Environment): undefined {
  const location = textOf(url, environment);
  if (location === '' || !/^[\x21-\x7e]{1,8192}$/.test(location)) {
    return refuse(environment, 'bad-argument', '$set_redirect takes a URL without blanks and control characters');
  }
  return record('set_redirect', { kind: 'redirect', location }, environment);
}

function record(name: string, effect: Effect, environment: Environment): undefined {
  if (!environment.privileged) return refuse(environment, 'not-permitted', `$${name} works on privileged pages only`);
  if (environment.effects.length >= MAX_EFFECTS) {
    return refuse(environment, 'too-large', `a page has at most ${MAX_EFFECTS} effects`);
  }
  environment.effects.push(effect);
  return undefined;
}
