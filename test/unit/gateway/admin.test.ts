import { describe, expect, test } from 'vitest';
import { createAdmin } from '../../../src/gateway/admin.ts';
import type { BusState, Published, PurgeBus } from '../../../src/purge/bus.ts';
import { createPurge } from '../../../src/purge/message.ts';
import { createPurgeIndex } from '../../../src/purge/sequence-index.ts';

interface Scene {
  readonly bus?: Partial<PurgeBus>;
  readonly synced?: boolean;
  readonly draining?: boolean;
  readonly published?: Published;
}

/** The admin listener before a bus that is in some state; `waits` is what its publishers asked for. */
function admin({ bus = {}, synced = true, draining = false, published = { id: 'i', seq: 7 } }: Scene) {
  const observe = () => {};
  const purges = createPurgeIndex({ epoch: 'e', observe });
  const waits: (number | undefined)[] = [];
  purges.setSynced(synced);
  const app = createAdmin({
    runtime: { now: () => 0, observe, store: { size: 1, maxSize: 2 } as never, purges },
    bus: {
      kind: 'nats',
      state: 'live',
      durable: true,
      lag: 0,
      rejected: 0,
      connected: true,
      publish: async (_message, wait) => {
        waits.push(wait);
        return published;
      },
      close: async () => {},
      ...bus,
    },
    space: 'shop',
    token: 'sesame',
    isDraining: () => draining,
    peerOf: () => undefined,
  });
  const purge = async (query = '') => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer sesame' };
    const answer = await app.request(`/_inlay/purge${query}`, { method: 'POST', headers, body: '{"tags":["a"]}' });
    return { status: answer.status, body: (await answer.json()) as object };
  };
  const read = async (path: string) => {
    const answer = await app.request(path);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  return { purge, read, waits, purges };
}

describe('readiness', () => {
  const away = 'purges may be missed: not connected to NATS';
  test.each<[string, Scene, string[]]>([
    ['is given while purges arrive', {}, []],
    ['is given where there is nobody else', { bus: { kind: 'local', state: 'local' } }, []],
    ['is refused while there is no connection', { bus: { state: 'suspect', connected: false }, synced: false }, [away]],
    [
      'is refused while the connection is silent',
      { bus: { state: 'suspect' }, synced: false },
      ['purges may be missed: NATS is silent, or refuses a subscription'],
    ],
    [
      'is refused until what came meanwhile has been read',
      { bus: { state: 'catching-up', lag: 12, connected: false }, synced: false },
      ['purges may be missed: reading what came meanwhile, 12 to go'],
    ],
    [
      'is refused where purges are published that never come here',
      { bus: { kind: 'local', state: 'local' }, synced: false },
      ['purges may be missed: not listening to NATS'],
    ],
    ['is refused while it drains', { draining: true }, ['draining']],
  ])('%s', async (_name, scene, reasons) => {
    expect(await admin(scene).read('/_inlay/ready')).toMatchObject({
      status: reasons.length === 0 ? 200 : 503,
      ready: reasons.length === 0,
      reasons,
    });
  });

  test.each<BusState>(['suspect', 'catching-up'])('is refused in state %s whatever the index says', async (state) => {
    expect(await admin({ bus: { state } }).read('/_inlay/ready')).toMatchObject({ status: 503 });
  });
});

test('health tells how far purges have come, and is well whatever they do', async () => {
  const { read, purges } = admin({ bus: { state: 'catching-up', lag: 3, rejected: 2 } });
  purges.startAt('stream', 41);
  purges.record(createPurge({ tags: ['a'] }), 42);
  const health = (await read('/_inlay/health')) as unknown as { status: string; purges: object };
  expect(health.status).toBe('ok');
  expect(health.purges).toEqual({
    space: 'shop',
    bus: 'nats',
    state: 'catching-up',
    durable: true,
    seq: 42,
    lag: 3,
    connected: true,
    synced: true,
    rejected: 2,
  });
});

describe('the answer to a purge', () => {
  const one = { instance: 'a', name: 'a:1', seq: 7, applied: true };
  const other = { instance: 'b', name: 'b:1', seq: 6, applied: false };

  test('counts the instances that answered, and names those that are behind', async () => {
    const { purge } = admin({ published: { id: 'i', seq: 7, instances: [one, other] } });
    expect(await purge()).toEqual({
      status: 200,
      body: {
        id: 'i',
        seq: 7,
        space: 'shop',
        reach: 'every instance of the space',
        instances: 2,
        applied: 1,
        behind: ['b:1'],
      },
    });
  });

  test('names those that refused it, who are not behind', async () => {
    const refusing = { instance: 'c', name: 'c:1', seq: 7, applied: false, refused: true } as const;
    const { purge } = admin({ published: { id: 'i', seq: 7, instances: [one, other, refusing] } });
    expect((await purge()).body).toMatchObject({ instances: 3, applied: 1, behind: ['b:1'], refused: ['c:1'] });
  });

  test('counts nobody where nobody can be asked, and promises less', async () => {
    const { purge } = admin({ bus: { durable: false } });
    const reach = 'every instance of the space that is connected now';
    expect((await purge()).body).toEqual({ id: 'i', seq: 7, space: 'shop', reach });
  });

  test('waits if it is asked to, for 10 s at most', async () => {
    const { purge, waits } = admin({});
    for (const query of ['', '?wait=0', '?wait=1500', '?wait=10000']) expect((await purge(query)).status).toBe(200);
    expect(waits).toEqual([0, 0, 1_500, 10_000]);
    for (const query of ['?wait=10001', '?wait=-1', '?wait=1.5', '?wait=', '?wait=1e3', '?wait=soon']) {
      expect([query, await purge(query)]).toMatchObject([
        query,
        { status: 400, body: { error: { code: 'purge-invalid', path: 'wait' } } },
      ]);
    }
    expect(waits).toHaveLength(4);
  });
});
