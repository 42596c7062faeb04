import { setTimeout } from 'node:timers/promises';
import type { GatewayConfig } from '../../src/index.ts';
import { atLeast, atMost, median, note, ratio, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { found, foundIds, product } from './fixtures.ts';
import type { Tally } from './hits.ts';
import { hammer } from './load.ts';
import { expectBody, type Server, type Stage } from './stage.ts';

const COUNTS = [10, 100, 1_000] as const;
const CONNECTIONS = 4; // a naive gateway opens that many for each identifier of an answer
const ROUNDS = 2;
const SECONDS = 1;
const TURN = 7;
const REST = 40; // ms; the system counts processor time in hundredths of a second
const SOON = 5; // times that, after which what is missing was given up
const LONG = 100; // times that, after which it will never come

const CONFIG: Partial<GatewayConfig> = {
  fragments: [
    {
      name: 'product',
      path: '/product/{id}',
      service: 'origin',
      scope: 'public',
      tags: ['product:{id}'],
      batch: { path: '/products?ids={ids}', items: '/items' },
    },
    {
      name: 'bulk',
      path: '/bulk/{id}',
      service: 'origin',
      scope: 'public',
      tags: ['product:{id}'],
      batch: { path: '/products', method: 'POST', max: 1_000, items: '/items' },
    },
  ],
};

/** A search answer as one server hydrates it. */
interface Target {
  readonly name: string;
  readonly server: Server;
  readonly count: number;
  readonly known: number;
  /** What else the address says. */
  readonly how: string;
  /** Whether it keeps products from one request to the next. */
  readonly keeps: boolean;
  /** Whether it stops working for clients that are gone. */
  readonly givesUp: boolean;
}

export const hydrate: Workload = {
  name: 'hydrate',
  measures: `search answers that no cache keeps, hydrated with products of 1 KiB in batches, ${CONNECTIONS} connections`,
  async run(stage) {
    const origin = await stage.origin();
    const cpu = await measure(origin, await targetsOf(stage, origin));
    const by = (name: string, count: number) => cpu.get(keyOf({ name, count }))!;
    const each = (name: string, count: number) => median(by(name, count)) / count;
    const row = (what: string, name: string, ...counts: number[]) =>
      note(what, counts.map((n) => `${median(by(name, n)).toFixed(0)} (${each(name, n).toFixed(2)})`).join(' · '));
    const over = (name: string, peer: string, count: number) => ratio(by(peer, count), by(name, count));
    return [
      note('us of CPU an answer (an id), ids:', COUNTS.join(' · ')),
      row('Inlay, all cached', 'inlay', ...COUNTS),
      row('naive: fetch each, parse, print', 'naive', 10, 100),
      row('DataLoader, one a request, batches of 100', 'loader', ...COUNTS),
      row('one DataLoader for all: unfair, no purge', 'one-loader', ...COUNTS),
      row('Inlay, by a response field', 'field', 1_000),
      atMost('an id of 1,000 / an id of 100, cached', each('inlay', 1_000) / each('inlay', 100), 1.3, '', 2),
      atMost('1,000 ids, all cached', median(by('inlay', 1_000)) / 1_000, 5, ' ms', 2),
      atLeast('Inlay / naive, 100 ids cached', over('inlay', 'naive', 100), 3),
      ...COUNTS.map((n) => atLeast(`Inlay / DataLoader, ${n} ids cached`, over('inlay', 'loader', n), 1)),
      note('Inlay / one DataLoader for all, 1,000 ids', over('inlay', 'one-loader', 1_000).toFixed(2)),
      row('Inlay, all cold, batches of 100', 'cold', 1_000),
      row('Inlay, all cold, batches of 1,000', 'bulk', 1_000),
      row('DataLoader, batches of 1,000', 'bulk-loader', 1_000),
      note('Inlay / DataLoader, cold, batches of 100', over('cold', 'loader', 1_000).toFixed(2)),
      note('Inlay / DataLoader, cold, of 1,000', over('bulk', 'bulk-loader', 1_000).toFixed(2)),
      row('Inlay, 90 of 100 cached', 'mixed', 100),
      row('one DataLoader for all, 90 of 100 cached', 'one-mixed', 100),
      note('Inlay / DataLoader, 90 of 100 cached', over('mixed', 'loader', 100).toFixed(2)),
    ];
  },
};

/** What keeps nothing is asked for cached and cold products alike: that would be measured twice. */
async function targetsOf(stage: Stage, origin: Server): Promise<readonly Target[]> {
  const inlay = await stage.inlay(origin, CONFIG);
  const naive = await stage.peer('hits-naive', origin.url);
  const loader = await stage.peer('hits-loader', origin.url);
  const oneLoader = await stage.peer('hits-one-loader', origin.url);
  const keeps = [inlay, oneLoader];
  const target = (name: string, server: Server, count: number, known: number, how = ''): Target => {
    return { name, server, count, known, how, keeps: keeps.includes(server), givesUp: server === inlay };
  };
  return [
    ...COUNTS.map((count) => target('inlay', inlay, count, count, '&as=product')),
    ...[10, 100].map((count) => target('naive', naive, count, count)), // 1,000 take it a third of a second
    ...COUNTS.map((count) => target('loader', loader, count, count)),
    ...COUNTS.map((count) => target('one-loader', oneLoader, count, count)),
    target('field', inlay, 1_000, 1_000, '&as=field'),
    target('cold', inlay, 1_000, 0, '&as=product'),
    target('bulk', inlay, 1_000, 0, '&as=bulk'),
    target('bulk-loader', loader, 1_000, 0, '&max=1000'),
    target('mixed', inlay, 100, 90, '&as=product'),
    target('one-mixed', oneLoader, 100, 90),
  ];
}

function keyOf({ name, count }: Pick<Target, 'name' | 'count'>): string {
  return `${name} ${count}`;
}

/** Microseconds of CPU an answer, round by round, after every answer was compared and the longest of each name warmed up. */
async function measure(origin: Server, targets: readonly Target[]): Promise<ReadonlyMap<string, readonly number[]>> {
  for (const target of targets) {
    const { count, known } = target;
    const text = found(TURN, JSON.stringify(foundIds(TURN, count, known).map(product)));
    await expectBody(target.server, `${pathTo(target)}&turn=${TURN}`, text);
  }
  for (const target of new Map(targets.map((target) => [target.name, target])).values()) await watched(origin, target);
  const series = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const target of targets) {
      const key = keyOf(target);
      series.set(key, [...(series.get(key) ?? []), await watched(origin, target)]);
    }
  }
  return series;
}

function pathTo({ count, known, how }: Target): string {
  return `/hits?n=${count}&known=${known}${how}`;
}

/**
 * Microseconds of CPU for an answer, those included that were on their way when the load ended. Fails if the origin was
 * asked for anything else than this target must ask for: that would be another workload.
 */
async function watched(origin: Server, target: Target): Promise<number> {
  const { server, count, known, keeps } = target;
  const before = await spentSoFar(origin, server);
  const { requests } = await hammer(server, pathTo(target), SECONDS, CONNECTIONS);
  const expected = keeps ? count - known : count;
  const { answers, ids, cpu } = await atRest(origin, target, before, expected);
  // A client that is gone may end the work for it, or leave it to the next round.
  if (answers < requests || Math.abs(ids - expected * answers) > CONNECTIONS * count)
    throw new Error(`${keyOf(target)}: ${requests} requests made ${answers} answers, ${ids} products, of the origin`);
  return cpu / answers;
}

interface Spent extends Tally {
  /** Microseconds. */
  readonly cpu: number;
}

async function spentSoFar(origin: Server, server: Server): Promise<Spent> {
  const connection = await Connection.open(origin.url);
  const { body } = await connection.get('/tally');
  connection.close();
  return { ...(JSON.parse(body.toString()) as Tally), cpu: server.cpu() };
}

/** What was spent since then when the server rests: most go on with what nobody waits for. */
async function atRest(origin: Server, { server, givesUp }: Target, before: Spent, expected: number): Promise<Spent> {
  for (let [resting, last] = [0, -1]; ; ) {
    await setTimeout(REST);
    const now = await spentSoFar(origin, server);
    const [answers, requests] = [now.answers - before.answers, now.requests - before.requests];
    const since = { answers, requests, ids: now.ids - before.ids, cpu: now.cpu - before.cpu };
    resting = since.cpu === last ? resting + 1 : 0;
    if (resting >= (givesUp ? SOON : LONG) || (resting > 1 && since.ids === expected * answers)) return since;
    last = since.cpu;
  }
}
