import { InlayError } from '../errors.ts';
import { createVisitor, type Visitor } from '../fragment/visitor.ts';
import { endToEnd, type Fields, fieldLines, fieldValue, withoutFields } from '../http/fields.ts';
import { appendCapability } from '../http/surrogate.ts';
import type { EsiMode } from '../template/compile.ts';
import type { PageRequest } from './exchange.ts';
import { isLoopback } from './resolve-config.ts';

/** What only the gateway may say; a client could lie in it to reach another tenant, another path or another cache entry. */
const GATEWAY_ONLY: ReadonlySet<string> = new Set([
  'forwarded',
  'x-host',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'remote-user',
  'x-remote-user',
  'x-original-uri',
  'x-http-host-override',
  'x-url-scheme',
  'x-scheme',
  'front-end-https',
  'client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'base-url',
  'x-envoy-original-path',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]);

/** Prefixes of fields that carry identity or instructions between the gateway and its services. */
const INTERNAL = ['inlay-', 'x-inlay-'];

/** What a trusted peer says of forwarding and is repeated as it is; the three that gatewayFields prints are not. */
const REPEATED = /^x-forwarded-(?!for$|host$|proto$)/;

/** Names this proxy in Via and CDN-Loop. */
const SELF = 'inlay';

/** How often a request may pass through an Inlay before it counts as running in circles (RFC 8586). */
const MAX_HOPS = 5;

/** Request fields that are about this hop's own exchange with the client; fragments and templates are asked for anew. */
const ASKED_ANEW: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'expect',
  'accept-encoding',
  'surrogate-capability',
  'via',
  'cdn-loop',
  'x-request-id',
  'traceparent',
  'tracestate',
]);

/** Conditions on what is stored here; of an unsafe request they are the service's to judge (RFC 9110 section 13.1). */
const CONDITIONS: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

const NONE: ReadonlySet<string> = new Set();

const IDENTITY = ['accept-encoding', 'identity'];

/** A client, as services may see it. */
export interface Identity {
  readonly visitor: Visitor;
  /** Fields of the page's own request. */
  readonly pageFields: Fields;
  /** Whether the peer may see keys and service names: it is this machine, or trusted by configuration. */
  readonly insider: boolean;
  /** Scheme and authority that services are told the client asked for. */
  readonly site: string;
}

/**
 * Strips a request of what a client must not say to services, and adds what the gateway says.
 *
 * @param esi of the route: only who processes directives says so to the service
 * @param instance id of this process in CDN-Loop
 * @throws InlayError `loop-detected`
 */
export function identify(request: PageRequest, esi: EsiMode, instance: string, trusted: ReadonlySet<string>): Identity {
  const loop = fieldValue(request.fields, 'cdn-loop');
  const hops = loop?.split(',').filter((hop) => hop.trim().split(';', 1)[0] === SELF) ?? [];
  if (hops.length >= MAX_HOPS || hops.some((hop) => hop.includes(`id=${instance}`))) {
    throw new InlayError('loop-detected', `the request has passed here before: ${loop}`);
  }
  const believed = request.peer !== undefined && trusted.has(request.peer);
  const client = sanitise(endToEnd(request.fields), believed);
  const said = (name: string) => (believed ? fieldValue(request.fields, name) : undefined);
  const { scheme, host } = askedSite(request, trusted);
  const clients = [said('x-forwarded-for'), request.peer].filter((address) => address !== undefined);
  const via = fieldValue(request.fields, 'via');
  const own = [
    ...['via', `${via === undefined ? '' : `${via}, `}1.1 ${SELF}`],
    ...['cdn-loop', `${loop === undefined ? '' : `${loop}, `}${SELF};id=${instance}`],
    ...['x-forwarded-host', host, 'x-forwarded-proto', scheme],
    ...(clients.length === 0 ? [] : ['x-forwarded-for', clients.join(', ')]),
  ];
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const pageFields = [
    ...withoutFields(withoutFields(client, ASKED_ANEW), isRead ? CONDITIONS : NONE),
    // Directives are looked for in bodies as they are; what is never looked into may be coded as the client likes.
    ...(esi === 'off' ? fieldLines(client, 'accept-encoding').flatMap((line) => ['accept-encoding', line]) : IDENTITY),
    ...(esi === 'off' ? [] : ['surrogate-capability', appendCapability(fieldValue(client, 'surrogate-capability'))]),
    ...own,
  ];
  return {
    visitor: createVisitor(client, own, request.claims),
    pageFields,
    insider: isInsider(request, trusted),
    site: siteOf(request, trusted),
  };
}

/** Scheme and authority that the client asked for; a trusted peer says what it was asked for itself. */
function askedSite({ peer, fields, host, scheme }: PageRequest, trusted: ReadonlySet<string>) {
  if (trusted.size === 0 || peer === undefined || !trusted.has(peer)) return { scheme, host };
  return {
    scheme: fieldValue(fields, 'x-forwarded-proto') ?? scheme,
    host: fieldValue(fields, 'x-forwarded-host') ?? host,
  };
}

/** Scheme and authority that the client asked for, lower-case. */
export function siteOf(request: PageRequest, trusted: ReadonlySet<string>): string {
  const { scheme, host } = askedSite(request, trusted);
  return `${scheme}://${host}`.toLowerCase();
}

/** Whether the peer may see keys and names of services: it is this machine, or trusted by configuration. */
export function isInsider({ peer }: PageRequest, trusted: ReadonlySet<string>): boolean {
  return peer !== undefined && (trusted.has(peer) || isLoopback(peer));
}

/** Drops gateway-only fields, in every spelling that a service may take for them (`X_Forwarded_For`). */
function sanitise(fields: Fields, believed: boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const spelled = fields[i]!.includes('_') ? fields[i]!.replaceAll('_', '-') : fields[i]!;
    if (GATEWAY_ONLY.has(spelled) || INTERNAL.some((prefix) => spelled.startsWith(prefix))) continue;
    if (spelled.startsWith('x-forwarded') && !(believed && REPEATED.test(fields[i]!))) continue;
    kept.push(fields[i]!, fields[i + 1]!);
  }
  return kept;
}
