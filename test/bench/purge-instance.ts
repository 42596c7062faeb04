/**
 * A process that follows the purges of a stream as Inlay does: `purge-instance.ts URL instance|publisher [SECRET]`. It answers
 * one question at a time:
 * `{op: 'publish', count, every}` when each of some purges was published, and when `publish` resolved;
 * `{op: 'heard'}` when the index said of an entry, for each purge by its id, that it is not to be served any more;
 * `{op: 'reached', seq}` when it is live and has applied a message, and when the first and the last came.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectNats } from '../../src/node/nats.ts';
import { createPurge } from '../../src/purge/message.ts';
import { createPurgeIndex } from '../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../src/runtime.ts';
import { SPACE, sharedNow } from './purge-stage.ts';

/** What was published, and when: ms of the shared clock. */
export interface Sent {
  readonly id: string;
  readonly called: number;
  readonly resolved: number;
}

export interface Reached {
  readonly live: number;
  readonly first: number;
  readonly last: number;
  readonly applied: number;
}

interface Question {
  readonly op: 'publish' | 'heard' | 'reached';
  readonly count?: number;
  readonly every?: number;
  readonly seq?: number;
}

const [url = '', role = '', ...secrets] = process.argv.slice(2);
const index = createPurgeIndex({ epoch: 'one' });
let stamp = 0;
/** Ids are kept of the purges of this benchmark's own publishers only. */
const heard = new Map<string, number>();
let [first, last, applied] = [0, 0, 0];

function observe(event: InlayEvent): void {
  if (event.type !== 'purge') return;
  const [tag] = event.first;
  if (tag?.startsWith('timed:')) {
    const entry = { stamp, epoch: index.epoch, key: 'k', tags: [tag], origin: 'http://origin', path: '/' };
    if (index.validity(entry).state === 'hard') heard.set(event.id, sharedNow());
  } else {
    // A clock that is read for each of 100,000 messages would be a part of what is measured.
    if (applied++ === 0) first = sharedNow();
    if ((applied & 255) === 0) last = sharedNow();
  }
}

const bus = await connectNats({
  servers: url,
  space: SPACE,
  events: [],
  index,
  observe,
  publisher: role === 'publisher',
  secrets,
});
while (!bus.connected || (role === 'instance' && bus.state !== 'live')) await sleep(5);
stamp = index.position;

async function publish(count: number, every: number): Promise<Sent[]> {
  const began = sharedNow();
  const sent: Promise<Sent>[] = [];
  for (let i = 0; i < count; i++) {
    // By the clock, not one after the other: who publishes does not wait for the purge of somebody else.
    await sleep(Math.max(0, began + i * every - sharedNow()));
    const message = createPurge({ tags: [`timed:${i}`] });
    const called = sharedNow();
    sent.push(bus.publish(message).then(() => ({ id: message.id, called, resolved: sharedNow() })));
  }
  return Promise.all(sent);
}

async function reached(seq: number): Promise<Reached> {
  while (bus.state !== 'live' || index.seq < seq) await sleep(2);
  const answer = { live: sharedNow(), first, last, applied };
  [first, last, applied] = [0, 0, 0];
  return answer;
}

process.on('message', ({ op, count = 0, every = 0, seq = 0 }: Question) => {
  const answer = op === 'publish' ? publish(count, every) : op === 'reached' ? reached(seq) : [...heard];
  Promise.resolve(answer).then(
    (value) => process.send?.(value),
    (thrown: unknown) => {
      console.error(thrown);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
