import { InlayError } from '../errors.ts';
import { ALL_SPACES, eventSubjectFault, isSpace } from '../purge/message.ts';
import type { PurgeIndex } from '../purge/purge-index.ts';
import type { Runtime } from '../runtime.ts';
import type { NatsAuth } from './nats-auth.ts';
import type { NatsEvent } from './nats-intake.ts';
import { readServer, type Server } from './nats-servers.ts';

/** Where the servers are, which purges to listen to, and the index that they are recorded in. */
export interface NatsOptions {
  /** `nats://host:port`, or `tls://host:port`, which refuses a server without TLS; several form one cluster. */
  readonly servers: string | readonly string[];
  readonly space: string;
  /** Subjects on which services tell of changes (`*` and `>` allowed), and the tags that a change purges. */
  readonly events: readonly NatsEvent[];
  readonly index: PurgeIndex;
  readonly observe: Runtime['observe'];
  /** How this instance is called in the server's monitoring. */
  readonly name?: string;
  readonly auth?: NatsAuth;
  /** The first signs purges, all are believed; with none, purges are neither signed nor have to be. Default none. */
  readonly secrets?: readonly string[];
  /** Only publishes: it applies nothing, and answers nobody. */
  readonly publisher?: boolean;
}

/** The servers that options name. Throws `config-invalid` with the first member that is wrong. */
export function readOptions({ servers, space, events }: NatsOptions): readonly Server[] {
  if (!isSpace(space) || space === ALL_SPACES)
    throw invalid('space', 'must match [A-Za-z0-9_-]{1,64} and name a single space');
  const read = [servers].flat().map(readServer);
  if (read.length === 0) throw invalid('servers', 'must name at least one server');
  events.forEach(({ subject }, at) => {
    const fault = eventSubjectFault(subject);
    if (fault !== undefined) throw invalid(`events[${at}].subject`, fault);
  });
  return read;
}

function invalid(member: string, fault: string): InlayError {
  return new InlayError('config-invalid', `nats.${member} ${fault}`, { path: `nats.${member}` });
}
