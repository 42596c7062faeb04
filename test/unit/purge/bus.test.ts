import { expect, test } from 'vitest';
import { createLocalBus } from '../../../src/purge/bus.ts';
import { createPurge } from '../../../src/purge/message.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';
import type { InlayEvent } from '../../../src/runtime.ts';

function setup() {
  const events: InlayEvent[] = [];
  const observe = (event: InlayEvent) => events.push(event);
  const index = createPurgeIndex({ epoch: 'e' });
  return { bus: createLocalBus({ index, observe }), index, events };
}

test('applies a purge at once and tells its number', async () => {
  const { bus, index, events } = setup();
  const message = createPurge({ mode: 'soft', tags: ['a', 'b'], keys: ['c'] });
  expect(await bus.publish(message)).toEqual({ id: message.id, seq: 1 });
  expect(index.position).toBe(1);
  expect(events).toEqual([
    { type: 'purge', seq: 1, mode: 'soft', targets: 3, from: 'local', id: message.id, first: ['a', 'b', 'c'] },
  ]);
  expect({ kind: bus.kind, connected: bus.connected }).toEqual({ kind: 'local', connected: true });
});

test('refuses what no other instance would accept', async () => {
  const { bus, index } = setup();
  const message = { ...createPurge({ tags: ['a'] }), tags: ['a\r\n'] };
  await expect(bus.publish(message)).rejects.toMatchObject({ code: 'purge-invalid', path: 'tags[0]' });
  expect(index.position).toBe(0);
});

test('refuses purges once it is closed', async () => {
  const { bus } = setup();
  await bus.close();
  expect(bus.connected).toBe(false);
  await expect(bus.publish(createPurge({ all: true }))).rejects.toMatchObject({ code: 'not-ready' });
});
